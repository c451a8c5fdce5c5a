"""Runs the sandbox in a thread of this process, and the handle that drives a running one."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from sandbox import SECRET_ID, SECRET_KEY, TRADING212_KEY, TRADING212_SECRET
from sandbox.app import build
from sandbox.clock import parse_instant
from sandbox.connections import Protocol
from sandbox.core import Core
from sandbox.faults import Fault
from sandbox.limits import Windows
from sandbox.state import State

HOST = "127.0.0.1"
DAILY_LIMIT = 4
_STARTS_WITHIN_S = 10.0


@dataclass(frozen=True)
class Options:
    """How a sandbox behaves.

    :param start: first day of a new world; ``None`` is two years ago.
    :param seed: of a new world; ``None`` is 7, or what the state file has.
    :param now: the instant to stand still at; ``None`` goes with the real time.
    :param state: the file that keeps consents, the world's start and the clock.
    :param daily_limit: successful calls a day for each bank account and scope.
    :param bank_limits: the same by institution, of banks that allow fewer.
    :param gocardless_limits: whether the limits a minute are enforced.
    :param trading212_limits: whether the broker's limits are enforced.
    :param has_trader: somebody who tries everything has the account at the broker.
    """

    seed: int | None = None
    start: dt.date | None = None
    now: dt.datetime | None = None
    state: Path | None = None
    daily_limit: int = DAILY_LIMIT
    bank_limits: Mapping[str, int] = field(default_factory=dict)
    gocardless_limits: bool = False
    trading212_limits: bool = False
    has_trader: bool = False

    def core(self) -> Core:
        """Return a fresh core, with the present already lived.

        :raises ValueError: if the state file cannot be used.
        """
        core = Core(
            state=State.open(self.state, self.seed, self.now, self.start),
            daily_limit=self.daily_limit,
            bank_limits=self.bank_limits,
            gocardless_windows=Windows(enforced=self.gocardless_limits),
            trading212_windows=Windows(enforced=self.trading212_limits),
            has_trader=self.has_trader,
        )
        core.now()
        return core


@dataclass(frozen=True)
class Sandbox:
    """A handle on a running sandbox, here or in another process; it works over HTTP."""

    url: str
    secret_id: str = SECRET_ID
    secret_key: str = SECRET_KEY
    trading212_key: str = TRADING212_KEY
    trading212_secret: str = TRADING212_SECRET

    @property
    def gocardless_url(self) -> str:
        """The base of the bank data API."""
        return f"{self.url}/api/v2"

    @property
    def trading212_url(self) -> str:
        """The base of the broker's API."""
        return f"{self.url}/api/v0"

    @property
    def trading212_demo_url(self) -> str:
        """The base of the broker's API for practice accounts."""
        return f"{self.url}/demo/api/v0"

    @property
    def ecb_url(self) -> str:
        """The folder of the reference rates."""
        return f"{self.url}/ecb"

    def now(self) -> dt.datetime:
        """Return the sandbox's instant."""
        return parse_instant(self._call("GET", "/sandbox/clock")["now"])

    def set_now(self, now: str) -> None:
        """Stand still at an instant (ISO 8601)."""
        self._call("PUT", "/sandbox/clock", {"now": now})

    def advance(self, days: int = 0, hours: int = 0) -> None:
        """Move the clock on."""
        self._call("PUT", "/sandbox/clock", {"advance_days": days, "advance_hours": hours})

    def truth(self) -> dict[str, Any]:
        """Return what really happened."""
        answer: dict[str, Any] = self._call("GET", "/sandbox/truth")
        return answer

    def truth_at(self, institution_id: str) -> list[dict[str, Any]]:
        """Return what really happened on the accounts at one bank."""
        answer: list[dict[str, Any]] = self._call("GET", f"/sandbox/truth/{institution_id}")
        return answer

    def requests(self) -> list[dict[str, Any]]:
        """Return every provider call seen."""
        answer: list[dict[str, Any]] = self._call("GET", "/sandbox/requests")
        return answer

    def clear_requests(self) -> None:
        """Forget the calls seen."""
        self._call("DELETE", "/sandbox/requests")

    def inject(self, *faults: Fault) -> None:
        """Add faults, behind those that are there."""
        self._call("PUT", "/sandbox/faults", [fault.to_json() for fault in faults])

    def clear_faults(self) -> None:
        """Drop every fault."""
        self._call("DELETE", "/sandbox/faults")

    def quirks(self, institution_id: str, *numbers: str) -> None:
        """Let a bank do what some banks do, and nothing else of that kind.

        :param institution_id: or :data:`sandbox.broker_quirks.BROKER`.
        :param numbers: of switches, see :data:`sandbox.quirks.QUIRKS` and
            :data:`sandbox.broker_quirks.BROKER_QUIRKS`; none turns all off.
        :raises ValueError: if there is no such bank or switch.
        """
        self._call(
            "PUT", "/sandbox/quirks", {"institution": institution_id, "quirks": list(numbers)}
        )

    def clear_quirks(self) -> None:
        """Let all banks do as documented."""
        self._call("DELETE", "/sandbox/quirks")

    def consents(self, institution_id: str, **rules: Any) -> None:
        """Let the consents of a bank be otherwise than the plain case.

        :param rules: see :class:`sandbox.consent_rules.ConsentRules`; those not given are off.
        :raises ValueError: if there is no such bank or rule.
        """
        self._call("PUT", "/sandbox/consents", {"institution": institution_id, **rules})

    def clear_consents(self) -> None:
        """Let the consents of all banks be plain."""
        self._call("DELETE", "/sandbox/consents")

    def set_requisition(
        self, requisition_id: str, *, status: str | None = None, is_revoked: bool | None = None
    ) -> None:
        """Put a consent into a state, or let the user take it back at the bank."""
        wanted = {"status": status, "is_revoked": is_revoked}
        told = {name: value for name, value in wanted.items() if value is not None}
        self._call("PUT", f"/sandbox/requisitions/{requisition_id}", told)

    def approve(self, requisition: str, outcome: str = "approve", *, holder: int = 0) -> str:
        """Decide on a consent page as a person would.

        :param requisition: its id or its link.
        :param outcome: ``approve``, ``refuse``, or ``authenticate`` and ``grant`` on the way; or
            the error that the browser comes back with, such as ``UnknownError``.
        :param holder: who consents; whoever is not 0, the household, has accounts of their own.
        :returns: the address to which the person is sent.
        """
        link = requisition if "://" in requisition else f"{self.url}/consent/{requisition}/"
        with _client() as client:
            response = client.post(link, data={"outcome": outcome, "holder": str(holder)})
        if response.status_code >= httpx.codes.BAD_REQUEST:
            response.raise_for_status()
        location: str = response.headers.get("location", link)
        return location

    def _call(self, method: str, path: str, body: object = None) -> Any:
        with _client() as client:
            response = client.request(method, f"{self.url}{path}", json=body)
        if response.status_code == httpx.codes.BAD_REQUEST:
            raise ValueError(response.json()["error"])
        response.raise_for_status()
        return response.json() if response.content else None


def _client() -> httpx.Client:
    # The sandbox speaks plain HTTP, so no certificates are loaded.
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(trust_env=False, timeout=30.0, verify=no_certificates)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    :raises OSError: if the port is taken or the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio turns Nagle's delay off only for sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def address(listener: socket.socket) -> str:
    """Return the address of a listening socket as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def http_server(core: Core) -> uvicorn.Server:
    """Return a server over a core; it is quiet, because faults are made on purpose."""
    config = uvicorn.Config(
        build(core),
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


@contextmanager
def running(
    seed: int | None = None,
    now: str | None = None,
    state: Path | str | None = None,
    port: int = 0,
    *,
    start: dt.date | None = None,
    daily_limit: int = DAILY_LIMIT,
    bank_limits: Mapping[str, int] | None = None,
    gocardless_limits: bool = False,
    trading212_limits: bool = False,
    has_trader: bool = False,
) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of this process for as long as the block lasts.

    :param now: the instant to stand still at (ISO 8601); see :class:`Options` for the rest.
    :raises ValueError: if ``now`` or the state file cannot be used.
    :raises OSError: if the port is taken.
    """
    options = Options(
        seed=seed,
        start=start,
        now=parse_instant(now) if now else None,
        state=Path(state) if state else None,
        daily_limit=daily_limit,
        bank_limits=bank_limits or {},
        gocardless_limits=gocardless_limits,
        trading212_limits=trading212_limits,
        has_trader=has_trader,
    )
    server = http_server(options.core())
    listener = listen(HOST, port)
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                message = "the sandbox did not start"
                raise RuntimeError(message)
            time.sleep(0.005)
        yield Sandbox(address(listener))
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
