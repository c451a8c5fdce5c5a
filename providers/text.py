"""Reading the loosely shaped values of provider payloads.

Absent values come as missing keys, null, empty or blank text; all of them read as None. A value of
another type than documented reads as None too: the payload is stored whole, so nothing is lost.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Any

# White space of any kind, zero-width and control characters.
_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff\x00-\x1f\x7f]+")


def text(value: Any) -> str | None:
    """Return trimmed text with runs of invisible characters as one space, or None."""
    if not isinstance(value, str):
        return None
    return _INVISIBLE.sub(" ", value).strip() or None


def lines(value: Any) -> list[str]:
    """Return the texts of a list, or of one text, without the blank ones."""
    items = value if isinstance(value, list) else [value]
    return [line for item in items if (line := text(item))]


def decimal(value: Any) -> Decimal | None:
    """Return a finite number given as text or as a JSON number, or None."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def currency(value: Any) -> str | None:
    """Return a three-letter currency code in upper case, or None."""
    code = text(value)
    return code.upper() if code and re.fullmatch(r"[A-Za-z]{3}", code) else None


def day(value: Any) -> dt.date | None:
    """Return the day of a date or of a whole timestamp as it is written, or None."""
    written = text(value)
    if written is None:
        return None
    try:
        return dt.date.fromisoformat(written[:10])
    except ValueError:
        return None


def instant(value: Any) -> dt.datetime | None:
    """Return an ISO 8601 instant in UTC, or None; one without an offset is taken as UTC.

    Fractions of more than six digits occur and are cut.
    """
    written = text(value)
    if written is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", written))
    except ValueError:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
