"""What every GoCardless route does first: token, limits, body, ids; and how it says no."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from sandbox import tokens
from sandbox.core import Core, base_url, core_of
from sandbox.institutions import INSTITUTIONS, Institution
from sandbox.limits import Limit
from sandbox.wire import ApiError, answer

LIMITS = {
    "accounts": Limit(100, 60),
    "institutions": Limit(300, 60),
    "lists": Limit(300, 60),
    "posts": Limit(100, 60),
    "puts": Limit(100, 60),
    "deletes": Limit(100, 60),
    "token/new": Limit(100, 3600),
    "token/refresh": Limit(100, 60),
}

Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")


def error(status: int, summary: str, detail: str, kind: str | None = None) -> ApiError:
    """Return the general error: summary, detail, code, and a type if the bank is to blame."""
    body: dict[str, Any] = {"summary": summary, "detail": detail, "status_code": status}
    if kind is not None:
        body["type"] = kind
    return ApiError(status, body)


def field_error(
    status: int, field: str, summary: str, detail: str, *, as_list: bool = False
) -> ApiError:
    """Return the error that is keyed by a field, an object or a list of them."""
    said = {"summary": summary, "detail": detail}
    return ApiError(status, {field: [said] if as_list else said, "status_code": status})


def not_found() -> ApiError:
    """Return the error for what is not there."""
    return error(404, "Not found.", "Not found.")


def limited(core: Core, resource: str) -> dict[str, str]:
    """Count a call against the company's limit and return the headers that tell where it stands.

    :raises ApiError: if the limit is reached.
    """
    standing = core.gocardless_windows.take(resource, LIMITS[resource])
    headers = {
        "http_x_ratelimit_limit": str(standing.limit.calls),
        "http_x_ratelimit_remaining": str(standing.remaining),
        "http_x_ratelimit_reset": str(standing.seconds_left),
    }
    if standing.refused:
        unit = "hour" if standing.limit.period == 3600 else "minute"
        refusal = error(
            429,
            "Rate limit exceeded",
            f"The rate limit for this resource is {standing.limit.calls}/{unit}. "
            f"Please try again in {standing.seconds_left} seconds",
        )
        refusal.headers |= headers
        raise refusal
    return headers


def with_token(resource: str) -> Callable[[Handler], Handler]:
    """Let only callers with a living access token in, and count the call.

    :param resource: the limit that the call counts against.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded(request: Request) -> Response:
            core = core_of(request)
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise error(
                    401,
                    "Authentication failed",
                    "Authentication credentials were not provided.",
                )
            if not tokens.is_valid(token.strip(), "access", core.now()):
                raise error(401, "Invalid token", "Token is invalid or expired")
            headers = limited(core, resource)
            try:
                response = await handler(request)
            except ApiError as refusal:
                refusal.headers = headers | refusal.headers
                raise
            for name, value in headers.items():
                response.headers.setdefault(name, value)
            return response

        return guarded

    return decorate


def check_query(request: Request, known: frozenset[str]) -> None:
    """Refuse query parameters that nobody knows.

    :raises ApiError: with their names.
    """
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise _unknown_fields(unknown, "query")


@dataclass(frozen=True)
class Fields:
    """A request's body, whichever way it was encoded."""

    values: Mapping[str, Any]

    def get(self, name: str) -> Any:
        """Return a field, ``None`` if it is absent."""
        return self.values.get(name)

    def require(self, *names: str) -> None:
        """Refuse a body that lacks a field.

        :raises ApiError: that names every missing one.
        """
        missing = {
            name: ["This field is required."] for name in names if name not in self.values
        } | {
            name: ["This field may not be blank."]
            for name in names
            if self.values.get(name, "x") in ("", None)
        }
        if missing:
            raise ApiError(400, {**missing, "status_code": 400})

    def integer(self, name: str, default: int) -> int:
        """Return a whole number.

        :raises ApiError: if it is none.
        """
        value = self.values.get(name, default)
        try:
            return int(str(value)) if not isinstance(value, bool) else int("")
        except ValueError as cause:
            body = {name: ["A valid integer is required."], "status_code": 400}
            raise ApiError(400, body) from cause

    def boolean(self, name: str) -> bool:
        """Return a truth value, false by default.

        :raises ApiError: if it is none.
        """
        value = str(self.values.get(name, False)).lower()
        if value not in ("true", "false", "1", "0"):
            body = {name: ["Must be a valid boolean."], "status_code": 400}
            raise ApiError(400, body)
        return value in ("true", "1")

    def items(self, name: str, default: list[str]) -> list[str]:
        """Return a list of texts.

        :raises ApiError: if it is none.
        """
        value = self.values.get(name, default)
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            body = {name: ['Expected a list of items but got type "dict".'], "status_code": 400}
            raise ApiError(400, body)
        return [str(item) for item in value]


async def read_body(request: Request, known: frozenset[str]) -> Fields:
    """Read JSON, a form or multipart.

    :raises ApiError: if it is none of them, or has a field that nobody knows.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    values: dict[str, Any]
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.form()
        values = {}
        for name in form:
            texts = [text for text in form.getlist(name) if not isinstance(text, UploadFile)]
            values[name] = texts if len(texts) > 1 else texts[0]
    else:
        values = _json_object(await request.body())
    unknown = sorted(set(values) - known)
    if unknown:
        raise _unknown_fields(unknown, "data")
    return Fields(values)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError as cause:
        raise error(400, "JSON parse error", "The body is not JSON.") from cause
    if not isinstance(document, dict):
        raise error(400, "Invalid data", "Expected a dictionary.")
    return document


def lookup(request: Request, rows: Mapping[str, T]) -> T:
    """Return the row that the path names.

    :raises ApiError: if the id is no UUID, or unknown.
    """
    text = request.path_params["id"]
    try:
        identity = str(uuid.UUID(text))
    except ValueError as cause:
        raise error(400, "Invalid ID", f"{text} is not a valid UUID.") from cause
    if identity not in rows:
        raise not_found()
    return rows[identity]


def page(request: Request, rows: list[dict[str, Any]]) -> Response:
    """Return the page of a list that the query asks for, with absolute addresses beside it."""
    check_query(request, frozenset(("limit", "offset")))
    limit = _positive(request, "limit", 100, least=1)
    offset = _positive(request, "offset", 0, least=0)

    def page_url(start: int) -> str:
        path = f"{base_url(request)}{request.url.path}"
        return f"{path}?{urlencode({'limit': limit, 'offset': start})}"

    return answer(
        {
            "count": len(rows),
            "next": page_url(offset + limit) if offset + limit < len(rows) else None,
            "previous": page_url(max(offset - limit, 0)) if offset > 0 else None,
            "results": rows[offset : offset + limit],
        }
    )


def _positive(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        body = {name: ["A valid integer is required."], "status_code": 400}
        raise ApiError(400, body)
    return int(text)


def institution(fields: Fields) -> Institution:
    """Return the bank that a body names.

    :raises ApiError: if there is no such bank.
    """
    identity = str(fields.get("institution_id"))
    bank = INSTITUTIONS.get(identity)
    if bank is None:
        detail = "Get Institution IDs from /institutions/?country={$COUNTRY_CODE}"
        raise field_error(400, "institution_id", f"Unknown Institution ID {identity}", detail)
    return bank


def is_uri(value: object) -> bool:
    """Tell whether a value can be redirected to."""
    if not isinstance(value, str) or len(value) > 1024:
        return False
    parts = urlsplit(value)
    return bool(parts.scheme and (parts.netloc or parts.path))


def bad_redirect() -> ApiError:
    """Return the error for an address that cannot be redirected to."""
    detail = "Redirect URI must have a valid URI structure"
    return field_error(400, "redirect", "Invalid redirect URI", detail, as_list=True)


def _unknown_fields(names: list[str], location: str) -> ApiError:
    return error(400, "Unknown fields", f"Unknown fields {', '.join(names)} in {location}")
