"""What Trading 212 means when it refuses, and what its headers say of the limit of an endpoint.

Its error bodies have seven shapes, among them nothing, plain text and a CDN's page, so the status
decides and a body only adds words.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from providers.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProviderError,
    RateLimited,
    Rejected,
    Repeat,
    Unavailable,
    UnexpectedResponse,
)
from providers.http import RateLimit, Reply, in_seconds, number, repeat_for, too_many
from providers.redaction import Redactor

PROVIDER = "trading212"
LABEL = "Trading 212"

_MISSING_SCOPE = re.compile(r"Scope\(\s*([\w:.-]{1,64})\s*\)")
_INTERNAL = "InternalError"
_NOT_IN_DEMO = "not-available-in-demo-account"
# Past the year 9999 a number of seconds is no instant.
_LAST_INSTANT = 253_402_300_799
_LONGEST_PERIOD_S = 86400


class Refusal(StrEnum):
    """The rows of the table of errors; what follows from each is in :mod:`.policies`."""

    KEY_REFUSED = "key_refused"
    SCOPE_MISSING = "scope_missing"
    NOT_IN_DEMO = "not_in_demo"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    TIMED_OUT = "timed_out"
    LIMITED = "limited"
    SERVER_ERROR = "server_error"
    REQUEST_REFUSED = "request_refused"
    UNEXPECTED = "unexpected"


_MEANINGS: Mapping[Refusal, tuple[type[ProviderError], str]] = {
    Refusal.KEY_REFUSED: (
        AuthenticationFailed,
        "the API key or its secret is not accepted; note that live and demo keys differ",
    ),
    Refusal.SCOPE_MISSING: (
        AccessDenied,
        "the API key lacks the permission {scope}; make a key that has it",
    ),
    Refusal.NOT_IN_DEMO: (AccessDenied, "this is not available in a practice account"),
    Refusal.DENIED: (
        AccessDenied,
        "this is not available to the API key or for this kind of account",
    ),
    Refusal.NOT_FOUND: (NotFound, "nothing was found under this id"),
    Refusal.TIMED_OUT: (Unavailable, "the request took too long at the server"),
    Refusal.LIMITED: (RateLimited, ""),
    Refusal.SERVER_ERROR: (Unavailable, "the service has an error"),
    Refusal.REQUEST_REFUSED: (Rejected, "the request was refused"),
    Refusal.UNEXPECTED: (UnexpectedResponse, "the answer has an unexpected status"),
}
_BY_STATUS: Mapping[int, Refusal] = {
    401: Refusal.KEY_REFUSED,
    403: Refusal.DENIED,
    404: Refusal.NOT_FOUND,
    408: Refusal.TIMED_OUT,
    429: Refusal.LIMITED,
}


def rate_limits(reply: Reply, endpoint: str) -> tuple[RateLimit, ...]:
    """Return what the headers say of the limit of one endpoint."""
    limit = number(reply.headers, "x-ratelimit-limit")
    remaining = number(reply.headers, "x-ratelimit-remaining")
    reset = number(reply.headers, "x-ratelimit-reset")
    period = number(reply.headers, "x-ratelimit-period")
    if (limit, remaining, reset) == (None, None, None):
        return ()
    length = dt.timedelta(seconds=period) if period and 0 < period <= _LONGEST_PERIOD_S else None
    return (RateLimit(endpoint, limit, remaining, _instant(reset), length),)


def seconds_until(instant: dt.datetime) -> float:
    """Return how long it is until an instant that the provider names; a past one is now."""
    # By the real clock, as is the reset that the headers name.
    return max((instant - dt.datetime.now(dt.UTC)).total_seconds(), 0.0)


def _instant(reset: int | None) -> dt.datetime | None:
    if reset is None or not 0 <= reset <= _LAST_INSTANT:
        return None
    return dt.datetime.fromtimestamp(reset, dt.UTC)


def classify(reply: Reply, redactor: Redactor, endpoint: str) -> ProviderError:
    """Return the error that an answer outside the 200s stands for; never fails on any body.

    :param endpoint: the path that was asked for, which is also the name of its limit.
    """
    payload = reply.json_or_none()
    body: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    error_type = _first(body, "type", "code")
    words = _first(body, "detail", "clarification", "message", "title")
    scope = _MISSING_SCOPE.search(reply.body.decode(errors="replace"))
    refusal = _refusal(reply.status, error_type or "", is_scope_named=scope is not None)
    error, text = _MEANINGS[refusal]
    fields: dict[str, Any] = {
        "provider": PROVIDER,
        "status": reply.status,
        "error_type": redactor.clean(error_type) if error_type else None,
        "code": refusal.value,
        "summary": redactor.clean(words) if words else None,
        "repeat": Repeat.NEVER if error is UnexpectedResponse else repeat_for(reply.status),
        "rate_limits": rate_limits(reply, endpoint),
    }
    if refusal is Refusal.SCOPE_MISSING and scope is not None:
        fields["missing_scope"] = scope.group(1)
        text = text.format(scope=scope.group(1))
    elif refusal is Refusal.LIMITED:
        fields["scope"] = endpoint
        fields["resets_at"] = _resets_at(reply, fields["rate_limits"])
        text = too_many(fields["resets_at"])
    elif refusal is Refusal.REQUEST_REFUSED and (words or error_type):
        text = f"{text}: {words or error_type}"
    elif refusal is Refusal.SERVER_ERROR and error_type == _INTERNAL:
        text = "the server has an internal error"
    return error(redactor.clean(f"{LABEL}: {text}"), **fields)


def _refusal(status: int, error_type: str, *, is_scope_named: bool) -> Refusal:
    if status == 403 and is_scope_named:
        return Refusal.SCOPE_MISSING
    if status == 403 and error_type.endswith(_NOT_IN_DEMO):
        return Refusal.NOT_IN_DEMO
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # Seen for some cursors, with a status that nobody wrote down.
    if error_type == _INTERNAL or 500 <= status < 600:
        return Refusal.SERVER_ERROR
    return Refusal.REQUEST_REFUSED if 400 <= status < 500 else Refusal.UNEXPECTED


def _resets_at(reply: Reply, limits: tuple[RateLimit, ...]) -> dt.datetime | None:
    """Return when the next call can succeed, by the ledger's clock."""
    told = next((limit.resets_at for limit in limits), None)
    return _retry_after(reply) if told is None else in_seconds(math.ceil(seconds_until(told)))


def _retry_after(reply: Reply) -> dt.datetime | None:
    # Not documented, but what stands in front of the API may refuse by itself.
    seconds = number(reply.headers, "retry-after")
    return None if seconds is None else in_seconds(seconds)


def _first(body: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None
