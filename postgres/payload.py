"""Provider payloads as stored: exact numbers, one canonical text, nothing PostgreSQL refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import simplejson

# PostgreSQL stores longer numbers than Python reads back, but none that a provider means.
_MOST_DIGITS = 1000
_TOO_LARGE = 10**_MOST_DIGITS
# Python gives up at some depth that goes with who asks; nothing that a provider means goes so deep.
_DEEPEST = 50


def dumps(value: Any) -> str:
    """Write JSON with every Decimal to its last digit."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False)


def loads(text: str | bytes) -> Any:
    """Read JSON with every fraction as a Decimal."""
    return simplejson.loads(text, use_decimal=True)


def content_hash(payload: Any) -> bytes:
    """Return the SHA-256 of the payload as canonical JSON: sorted keys, no white space."""
    text = simplejson.dumps(
        payload, use_decimal=True, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def storable(value: Any, *, depth: int = _DEEPEST) -> tuple[Any, bool]:
    """Replace what PostgreSQL cannot store: NUL and lone surrogates by U+FFFD, numbers that are
    infinite or endlessly long and what is nested too deeply by their text.

    :param depth: how many levels there may be.
    :returns: the value, and whether anything had to be replaced.
    """
    if isinstance(value, str):
        clean = value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
        return (value, False) if clean == value else (clean, True)
    if isinstance(value, dict | list) and not depth:
        return storable(_written(value))[0], True
    if isinstance(value, dict):
        pairs = {storable(k)[0]: storable(item, depth=depth - 1) for k, item in value.items()}
        changed = any(flag for _, flag in pairs.values()) or list(pairs) != list(value)
        return {key: item for key, (item, _) in pairs.items()}, changed
    if isinstance(value, list):
        items = [storable(item, depth=depth - 1) for item in value]
        return [item for item, _ in items], any(flag for _, flag in items)
    if isinstance(value, int | float | Decimal) and not _is_storable_number(value):
        return str(Decimal(value)), True
    return value, False


def _written(value: Any) -> str:
    """Return the JSON of a value, however deep it is: without recursion, unlike :func:`dumps`."""
    parts: list[str] = []
    left: list[tuple[bool, Any]] = [(False, value)]
    while left:
        is_written, item = left.pop()
        pieces: list[tuple[bool, Any]] = []
        if is_written:
            parts.append(item)
        elif isinstance(item, dict):
            for key, each in item.items():
                pieces += [(True, ", " if pieces else ""), (True, f"{dumps(key)}: "), (False, each)]
            pieces = [(True, "{"), *pieces, (True, "}")]
        elif isinstance(item, list):
            for each in item:
                pieces += [(True, ", " if pieces else ""), (False, each)]
            pieces = [(True, "["), *pieces, (True, "]")]
        else:
            parts.append(dumps(item))
        left.extend(reversed(pieces))
    return "".join(parts)


def _is_storable_number(number: float | Decimal) -> bool:
    if isinstance(number, Decimal):
        if not number.is_finite():
            return False
        places = -int(number.as_tuple().exponent)
        return number.adjusted() < _MOST_DIGITS and places <= _MOST_DIGITS
    return math.isfinite(number) if isinstance(number, float) else abs(number) < _TOO_LARGE


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which run lands rows, and when.

    :param seen_at: by the ledger's clock.
    :param changed_at: by the database's clock, taken under the lock of what is written, so that a
        later change always has a later stamp.
    """

    run_id: str
    seen_at: dt.datetime
    changed_at: dt.datetime

    def on(self, payload: dict[str, Any], *, content: Any = None) -> dict[str, Any]:
        """Return the columns of :class:`postgres.core.RawRow` for a payload.

        :param content: the part of it that makes a change; by default all of it.
        """
        return {
            "payload": payload,
            "content_hash": content_hash(payload if content is None else content),
            "first_seen_at": self.seen_at,
            "first_seen_run_id": self.run_id,
            "changed_at": self.changed_at,
            "changed_run_id": self.run_id,
        }


FIRST_SEEN = ("first_seen_at", "first_seen_run_id")
"""Columns of a raw row that are set once."""
