"""What both APIs share on the wire: JSON that keeps decimals exact, errors with their bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.responses import Response


def encode(value: Any) -> str:
    """Return JSON in which a :class:`~decimal.Decimal` is a number, digit for digit."""
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            members = (f"{json.dumps(key)}: {encode(member)}" for key, member in value.items())
            return "{" + ", ".join(members) + "}"
        case list() | tuple():
            return "[" + ", ".join(encode(member) for member in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(encode(body), status, headers, media_type="application/json")


class ApiError(Exception):
    """A refusal in the provider's own words.

    :param body: JSON to send, or text to send as it stands.
    """

    def __init__(
        self, status: int, body: dict[str, Any] | str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the response that says so."""
        if isinstance(self.body, str):
            return Response(self.body, self.status, self.headers, media_type="text/plain")
        return answer(self.body, self.status, self.headers)
