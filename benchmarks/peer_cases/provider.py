"""A provider on the loopback that answers with what a case says, over real HTTP."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import simplejson

_TOKENS = {
    "access": "access",
    "access_expires": 86400,
    "refresh": "refresh",
    "refresh_expires": 2592000,
}
_UNKNOWN = {"summary": "Not found.", "detail": "Not found.", "status_code": 404}

ACCOUNT = "00000000-0000-4000-8000-00000000000a"


@dataclass
class Reply:
    """One answer."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[str], Reply]
"""Answers a request, given its whole address."""


class Script:
    """What is answered to which request; the last of several answers is repeated."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []
        self.on("POST", r"/token/(new|refresh)/", _TOKENS)

    def on(self, method: str, path: str, *bodies: Any) -> None:
        """Answer a path, a regular expression of its end, with these one after the other."""
        replies = [body if isinstance(body, Reply) else Reply(body) for body in bodies]

        def route(_: str) -> Reply:
            return replies.pop(0) if len(replies) > 1 else replies[0]

        self.route(method, path, route)

    def route(self, method: str, path: str, answer: Route) -> None:
        """Answer a path by a function; what was said of it last counts."""
        self._routes.insert(0, (method, re.compile(path + "$"), answer))

    def count(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(1 for request in self.requests if re.search(path + "$", urlsplit(request).path))

    def answer(self, method: str, address: str) -> Reply:
        """Return what is answered to one request."""
        self.requests.append(address)
        for verb, pattern, route in self._routes:
            if verb == method and pattern.search(urlsplit(address).path):
                return route(address)
        return Reply(_UNKNOWN, 404)


def account(currency: str = "EUR") -> tuple[str, Any, Any]:
    """Return id, metadata and details of the one account that most cases have."""
    details = {"currency": currency, "cashAccountType": "CACC"}
    return ACCOUNT, {"id": ACCOUNT, "status": "READY"}, details


def bank(script: Script, institution_id: str, accounts: list[tuple[str, Any, Any]]) -> None:
    """Let a script speak for a bank whose user has given consent.

    :param accounts: id, metadata and details of each.
    """
    created = "2026-01-01T00:00:00Z"
    institution = {"id": institution_id, "name": institution_id, "countries": ["GB"]}
    agreement = {
        "id": "00000000-0000-4000-8000-000000000001",
        "institution_id": institution_id,
        "created": created,
        "max_historical_days": 730,
        "access_valid_for_days": 3650,
        "accepted": created,
    }
    requisition = {
        "id": "00000000-0000-4000-8000-000000000002",
        "institution_id": institution_id,
        "created": created,
        "agreement": agreement["id"],
        "reference": "case",
        "status": "LN",
        "link": "http://127.0.0.1/",
        "accounts": [account_id for account_id, _, _ in accounts],
    }
    script.on("GET", r"/institutions/[^/]+/", institution)
    script.on("POST", r"/agreements/enduser/", agreement)
    script.on("GET", r"/agreements/enduser/[^/]+/", agreement)
    script.on("POST", r"/requisitions/", requisition)
    script.on("GET", r"/requisitions/[^/]+/", requisition)
    for account_id, metadata, details in accounts:
        script.on("GET", f"/accounts/{account_id}/", metadata)
        script.on("GET", f"/accounts/{account_id}/details/", {"account": details})
        script.on("GET", f"/accounts/{account_id}/balances/", {"balances": []})
        empty: dict[str, Any] = {"transactions": {"booked": [], "pending": []}}
        script.on("GET", f"/accounts/{account_id}/transactions/", empty)


def broker(script: Script, currency: str) -> None:
    """Let a script speak for an account of Trading 212 that is empty."""
    script.on("GET", "/equity/account/summary", {"id": 12345, "currency": currency})
    script.on("GET", "/equity/positions", [])
    script.on("GET", "/equity/metadata/instruments", [])
    for history in ("orders", "dividends", "transactions"):
        script.on("GET", f"/equity/history/{history}", {"items": [], "nextPagePath": None})


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Serve a script and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = script.answer(self.command, self.path)
            body = simplejson.dumps(reply.body, use_decimal=True, default=_plain).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815 - the base class names them

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
