"""What all endpoints of the broker's API share: keys, scopes, limits, quirks and refusals."""

from __future__ import annotations

import base64
import binascii
import functools
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox import (
    TRADING212_DEMO_KEY,
    TRADING212_ISA_KEY,
    TRADING212_KEY,
    TRADING212_NARROW_KEY,
    TRADING212_SECRET,
)
from sandbox.broker import ACCOUNT_ID
from sandbox.broker_quirks.quirk import Call
from sandbox.core import core_of
from sandbox.limits import Limit
from sandbox.wire import ApiError, answer

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Any]]

API, DEMO_API = "/api/v0", "/demo/api/v0"
ALL_SCOPES = frozenset(
    (
        "account", "portfolio", "metadata", "orders:read", "history:orders", "history:dividends",
        "history:transactions", "pies:read",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Key:
    """What a key opens.

    :param account_id: of the account that it belongs to. All of them live the same life.
    """

    account_id: int
    scopes: frozenset[str] = ALL_SCOPES
    is_demo: bool = False


KEYS = {
    TRADING212_KEY: Key(ACCOUNT_ID),
    TRADING212_NARROW_KEY: Key(ACCOUNT_ID, frozenset(("account",))),
    TRADING212_ISA_KEY: Key(ACCOUNT_ID + 1),
    TRADING212_DEMO_KEY: Key(ACCOUNT_ID + 2, is_demo=True),
}


def with_key(
    scope: str, limit: Limit
) -> Callable[[Handler], Callable[[Request], Awaitable[Response]]]:
    """Let only keys with a scope in, and count the call against the endpoint's limit.

    What the handler returns is told as the quirks that are on have it.
    """

    def decorate(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        endpoint = handler.__name__

        @functools.wraps(handler)
        async def guarded(request: Request) -> Response:
            key = _key(request)
            if scope not in key.scopes:
                raise ApiError(403, f"Scope({scope}) missing for API key")
            core = core_of(request)
            # The limit is the account's, over all its keys.
            standing = core.trading212_windows.take(f"{key.account_id}/{endpoint}", limit)
            headers = {
                "x-ratelimit-limit": str(standing.limit.calls),
                "x-ratelimit-period": str(standing.limit.period),
                "x-ratelimit-remaining": str(standing.remaining),
                "x-ratelimit-reset": str(int(standing.reset) + 1),
                "x-ratelimit-used": str(standing.used),
            }
            if standing.refused:
                raise ApiError(429, "", headers)
            switches = core.broker_quirks
            call = switches.call(endpoint, _path(request), dict(request.query_params))
            request.state.key, request.state.call = key, call
            try:
                switches.refuse(call)
                body = await handler(request)
            except ApiError as refusal:
                refusal.headers |= headers
                raise
            return answer(switches.told(body, call), headers=headers)

        return guarded

    return decorate


def call_of(request: Request) -> Call:
    """Return what is known of the call that is being answered."""
    call: Call = request.state.call
    return call


def key_of(request: Request) -> Key:
    """Return the key that a call was made with."""
    key: Key = request.state.key
    return key


def _path(request: Request) -> str:
    return request.url.path.removeprefix("/demo").removeprefix(API)


def _key(request: Request) -> Key:
    """Return the key of a call: HTTP Basic with the secret, or the bare key as it used to be."""
    header = request.headers.get("authorization", "")
    scheme, _, packed = header.partition(" ")
    text, secret = header, TRADING212_SECRET
    if scheme.lower() == "basic":
        try:
            text, _, secret = base64.b64decode(packed).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            text = ""
    key = KEYS.get(text)
    is_demo = request.url.path.startswith(DEMO_API)
    if key is None or secret != TRADING212_SECRET or key.is_demo != is_demo:
        raise ApiError(401, "")
    return key


def bad_request(*, detail: str) -> ApiError:
    """Return the refusal of an argument."""
    return problem(400, "validation", "Bad filtering arguments", detail)


def problem(status: int, kind: str, title: str, detail: str) -> ApiError:
    """Return a refusal as a problem document."""
    body = {
        "type": f"/api-errors/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "traceId": uuid.uuid4().hex,
    }
    return ApiError(status, body)
