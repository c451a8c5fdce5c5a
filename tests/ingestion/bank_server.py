"""GoCardless over HTTP for made-up accounts: what it answers is given here, and so are its faults.

The sandbox is a household with a story of its own; this serves whatever a test makes up.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import simplejson

Days = tuple[dt.date | None, dt.date | None]
Teller = Callable[[str, Days], Any]
"""Gives the body of an account's answer: its resource, and the days that were asked for."""


@dataclass
class BankServer:
    """What is served: by GoCardless's id of the account, who answers, and what goes wrong.

    :param faults: by the same id; draws the name of one of ``FAULTS`` for a call, or None.
    """

    base_url: str
    tellers: dict[str, Teller] = field(default_factory=dict)
    faults: dict[str, Callable[[str], str | None]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    """The faults that there were."""


@contextlib.contextmanager
def serving() -> Iterator[BankServer]:
    """Serve until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.bank = BankServer(f"http://127.0.0.1:{server.server_port}/api/v2")
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield server.bank
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    bank: BankServer

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away: some were made to."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it, an answer waits for the acknowledgement of its headers.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Give a token: nothing else is asked for by POST here."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        day = {"access": "a", "access_expires": 86400, "refresh": "r", "refresh_expires": 2592000}
        self.send(200, day)

    def do_GET(self) -> None:
        """Answer for an account."""
        url = urlsplit(self.path)
        _, account_id, resource = url.path.strip("/").rsplit("/", 2)
        query = {name: dt.date.fromisoformat(text) for name, (text,) in parse_qs(url.query).items()}
        days = query.get("date_from"), query.get("date_to")
        bank = self.server.bank
        body = bank.tellers[account_id](resource, days)
        draw = bank.faults.get(account_id)
        if draw is not None and (fault := draw(resource)):
            bank.done.append(fault)
            FAULTS[fault](self, body, resource)
        else:
            self.send(200, body)

    def send(
        self, status: int, body: Any, headers: dict[str, str] | None = None, *, half: bool = False
    ) -> None:
        """Send a body, as JSON unless it is text; or only half of it."""
        raw = (body if isinstance(body, str) else simplejson.dumps(body, use_decimal=True)).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if half else raw)
        self.wfile.flush()
        self.close_connection = half


def _refused(status: int, kind: str, detail: str, **headers: str) -> Callable[..., None]:
    def refuse(handler: _Handler, _: Any, resource: str) -> None:
        summary = f"Couldn't update account {resource}"
        error = {"summary": summary, "detail": detail, "type": kind, "status_code": status}
        handler.send(status, error, headers)

    return refuse


def _too_many(handler: _Handler, *_: object) -> None:
    detail = "The rate limit for this resource is 100/minute. Please try again in 1 seconds"
    error = {"summary": "Rate limit exceeded", "detail": detail, "status_code": 429}
    headers = {"http_x_ratelimit_limit": "100", "http_x_ratelimit_remaining": "0"}
    handler.send(429, error, headers | {"http_x_ratelimit_reset": "1"})


def _stale_token(handler: _Handler, *_: object) -> None:
    error = {"summary": "Invalid token", "detail": "Token is invalid or expired"}
    handler.send(401, error | {"status_code": 401})


def _reset(handler: _Handler, *_: object) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True


def _truncate(handler: _Handler, body: Any, _: str) -> None:
    handler.send(200, body, half=True)


def _hang(handler: _Handler, *_: object) -> None:
    # Until the other side gives up.
    with contextlib.suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


FAULTS: dict[str, Callable[[_Handler, Any, str], None]] = {
    "the bank wants no more calls": _refused(
        429,
        "RateLimitError",
        "Daily request limit set by the Institution has been exceeded.",
        http_x_ratelimit_account_success_limit="4",
        http_x_ratelimit_account_success_remaining="0",
        http_x_ratelimit_account_success_reset="60",
    ),
    "GoCardless wants no more calls": _too_many,
    "the bank fails": _refused(
        500, "UnknownRequestError", "Request to Institution returned an error"
    ),
    "the bank is down": _refused(503, "ServiceError", "Institution service unavailable"),
    "the bank is out of reach": _refused(503, "ConnectionError", "Couldn't connect to Institution"),
    "a gateway fails": lambda handler, *_: handler.send(502, "<html>Bad gateway</html>"),
    "a stale token": _stale_token,
    "a web page": lambda handler, *_: handler.send(200, "<html>Please wait</html>"),
    "an empty object": lambda handler, *_: handler.send(200, {}),
    "a bare list": lambda handler, *_: handler.send(200, []),
    "a reset": _reset,
    "half an answer": _truncate,
    "silence": _hang,
}
