"""What Trading 212 means when it refuses, and what its headers say of the limit of an endpoint.

Its error bodies have seven shapes, among them nothing, plain text and a CDN's page, so the status
decides and a body only adds words.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
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
# Past the year 9999 a number of seconds is no instant.
_LAST_INSTANT = 253_402_300_799

_BY_STATUS: Mapping[int, tuple[type[ProviderError], str]] = {
    401: (
        AuthenticationFailed,
        "the API key or its secret is not accepted; note that live and demo keys differ",
    ),
    403: (AccessDenied, "this is not available to the API key or for this kind of account"),
    404: (NotFound, "nothing was found under this id"),
    408: (Unavailable, "the request took too long at the server"),
    429: (RateLimited, ""),
}


def rate_limits(reply: Reply, endpoint: str) -> tuple[RateLimit, ...]:
    """Return what the headers say of the limit of one endpoint."""
    limit = number(reply.headers, "x-ratelimit-limit")
    remaining = number(reply.headers, "x-ratelimit-remaining")
    reset = number(reply.headers, "x-ratelimit-reset")
    if (limit, remaining, reset) == (None, None, None):
        return ()
    return (RateLimit(endpoint, limit, remaining, _instant(reset)),)


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
    limits = rate_limits(reply, endpoint)
    error, text = _meaning(reply.status, error_type)
    fields: dict[str, Any] = {
        "provider": PROVIDER,
        "status": reply.status,
        "error_type": redactor.clean(error_type) if error_type else None,
        "summary": redactor.clean(words) if words else None,
        "repeat": Repeat.NEVER if error is UnexpectedResponse else repeat_for(reply.status),
        "rate_limits": limits,
    }
    if error is AccessDenied:
        scope = _MISSING_SCOPE.search(reply.body.decode(errors="replace"))
        if scope:
            fields["missing_scope"] = scope.group(1)
            text = f"the API key lacks the permission {scope.group(1)}; make a key that has it"
    elif error is RateLimited:
        told = next((limit.resets_at for limit in limits), None)
        fields["scope"] = endpoint
        fields["resets_at"] = told or _retry_after(reply)
        text = too_many(fields["resets_at"])
    elif error is Rejected:
        reason = words or error_type
        text = f"the request was refused: {reason}" if reason else "the request was refused"
    return error(redactor.clean(f"{LABEL}: {text}"), **fields)


def _meaning(status: int, error_type: str | None) -> tuple[type[ProviderError], str]:
    if error_type == "InternalError" and status not in _BY_STATUS:
        # Seen for some cursors, with a status that nobody wrote down.
        return Unavailable, "the server has an internal error"
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return Rejected, ""
    if 500 <= status < 600:
        return Unavailable, "the service has an error"
    return UnexpectedResponse, "the answer has an unexpected status"


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
