"""A scripted server on loopback that can also misbehave byte by byte, and clients for it."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast

import pytest
from pydantic import SecretStr

from providers.gocardless.client import GoCardlessClient
from providers.trading212.client import Trading212Client

SECRET_ID = "canary-secret-id-7c1f"
SECRET_KEY = "canary-secret-key-a90b"
ACCESS = "canary-access-token-0"
REFRESH = "canary-refresh-token-0"
API_KEY = "canary-api-key-55d2"
API_SECRET = "canary-api-secret-e1e1"

Act = Literal["send", "reset", "truncate", "drip", "drip headers", "hang", "hang up"]


@dataclass(frozen=True)
class Step:
    """What one call gets."""

    json: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    act: Act = "send"

    @property
    def body(self) -> bytes:
        return json.dumps(self.json).encode() if self.raw is None else self.raw


@dataclass(frozen=True)
class Call:
    """What the server was asked."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


Responder = Callable[[Call], Step]


class Script:
    """What to answer on which path: step after step, the last one for ever."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.over = threading.Event()
        self.connections = 0
        self._steps: defaultdict[str, list[Step | Responder]] = defaultdict(list)
        self._lock = threading.Lock()
        self.url = ""

    def on(self, path: str, *steps: Step | Responder) -> None:
        with self._lock:
            self._steps[path] = list(steps)

    def count(self, path: str) -> int:
        return sum(1 for call in self.calls if call.path == path)

    def take(self, call: Call) -> Step:
        with self._lock:
            self.calls.append(call)
            steps = self._steps[call.path]
            if not steps:
                return Step({"unscripted": call.path}, status=418)
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        return step if isinstance(step, Step) else step(call)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._play()

    def do_POST(self) -> None:
        self._play()

    def do_DELETE(self) -> None:
        self._play()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing to standard error."""

    def _play(self) -> None:
        script = cast("_Server", self.server).script
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        step = script.take(Call(self.command, path, query, headers, body))
        acts: dict[str, Callable[[Step], None]] = {
            "send": self._send,
            "reset": self._reset,
            "truncate": self._truncate,
            "drip": self._drip,
            "drip headers": self._drip_headers,
            "hang": lambda _: self._wait_for_the_end(),
            "hang up": self._hang_up,
        }
        acts[step.act](step)

    def _head(self, step: Step) -> None:
        self.send_response(step.status)
        for name, value in step.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(step.body)))
        self.end_headers()

    def _send(self, step: Step) -> None:
        self._head(step)
        self.wfile.write(step.body)

    def _half(self, step: Step) -> None:
        self._head(step)
        self.wfile.write(step.body[: len(step.body) // 2])
        self.wfile.flush()

    def _truncate(self, step: Step) -> None:
        self._half(step)
        self._hang_up(step)

    def _reset(self, step: Step) -> None:
        self._half(step)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._hang_up(step)

    def _hang_up(self, step: Step) -> None:
        del step
        self.close_connection = True

    def _drip(self, step: Step) -> None:
        self._head(step)
        self._bytewise(step.body)

    def _drip_headers(self, step: Step) -> None:
        del step
        self._bytewise(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 10_000)

    def _bytewise(self, data: bytes) -> None:
        over = cast("_Server", self.server).script.over
        self.close_connection = True
        for byte in data:
            if over.wait(0.01):
                return
            self.wfile.write(bytes([byte]))

    def _wait_for_the_end(self) -> None:
        self.close_connection = True
        cast("_Server", self.server).script.over.wait(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script

    def process_request(self, request: Any, client_address: Any) -> None:
        self.script.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        # Clients go away in the middle on purpose here.
        del request, client_address

    def shutdown_request(self, request: Any) -> None:
        # The base shuts down before it closes, which would make an orderly end of a reset.
        request.close()


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    with _Server(script) as server:
        script.url = f"http://127.0.0.1:{server.server_port}"
        script.on("/api/v2/token/new/", Step(token()))
        script.on("/api/v2/token/refresh/", Step(token(1, refresh=None)))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield script
        finally:
            script.over.set()
            server.shutdown()
            thread.join()


def token(number: int = 0, *, refresh: str | None = REFRESH, expires: int = 86400) -> Any:
    answer: dict[str, Any] = {
        "access": ACCESS.replace("0", str(number)),
        "access_expires": expires,
    }
    if refresh is not None:
        answer |= {"refresh": refresh, "refresh_expires": 2592000}
    return answer


@pytest.fixture
def unused_url() -> str:
    """Where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def gocardless(script: Script) -> Iterator[GoCardlessClient]:
    with make_gocardless(script.url) as client:
        yield client


@pytest.fixture
def trading212(script: Script) -> Iterator[Trading212Client]:
    with make_trading212(script.url) as client:
        yield client


def make_gocardless(url: str, *, deadline_s: float = 10.0, **options: Any) -> GoCardlessClient:
    return GoCardlessClient(
        f"{url}/api/v2",
        SecretStr(SECRET_ID),
        SecretStr(SECRET_KEY),
        deadline_s=deadline_s,
        backoff_s=0.001,
        **options,
    )


def make_trading212(url: str, *, deadline_s: float = 10.0, **options: Any) -> Trading212Client:
    return Trading212Client(
        f"{url}/api/v0",
        SecretStr(API_KEY),
        SecretStr(API_SECRET),
        deadline_s=deadline_s,
        backoff_s=0.001,
        **options,
    )
