"""Reading the loosely shaped values of provider payloads.

Absent values come as missing keys, null, empty or blank text; all of them read as None. A value of
another type than documented reads as None too: the payload is stored whole, so nothing is lost.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

# White space of any kind, zero-width, direction and control characters.
_INVISIBLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+"
)
# JSON's own spelling and what banks do to it: a plus, and nothing before or after the point. Not
# what else Python reads, such as 1_000 and the digits of other scripts: a database does not.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
# No amount of money or shares has more, before or after the point.
_MOST_DIGITS = 60

FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
"""Between them, included, lies every day that a provider can mean. The first and the last days of
calendars, 0001-01-01 and 9999-12-31, are what software writes for a day that it does not have; and
nobody can count some days back from the one, or on from the other.
"""


def text(value: Any) -> str | None:
    """Return trimmed text with runs of invisible characters as one space, or None."""
    if not isinstance(value, str):
        return None
    # Nearly all texts are such, and this is called a dozen times a row.
    if value.isprintable() and "  " not in value:
        return value.strip() or None
    return _INVISIBLE.sub(" ", value).strip() or None


def lines(value: Any) -> list[str]:
    """Return the texts of a list, or of one text, without the blank ones."""
    items = value if isinstance(value, list) else [value]
    return [line for item in items if (line := text(item))]


def decimal(value: Any) -> Decimal | None:
    """Return a finite number of sensible length given as text or as a JSON number, or None."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
    number = Decimal(value)
    return number if number.is_finite() and _is_sensible(number) else None


def _is_sensible(number: Decimal) -> bool:
    places = -int(number.as_tuple().exponent)
    return number.adjusted() < _MOST_DIGITS and places <= _MOST_DIGITS


def currency(value: Any) -> str | None:
    """Return a three-letter currency code in upper case, or None."""
    code = text(value)
    return code.upper() if code and re.fullmatch(r"[A-Za-z]{3}", code) else None


def day(value: Any) -> dt.date | None:
    """Return the day of a date or of a whole timestamp as it is written, or None.

    One outside of :data:`FIRST_DAY` to :data:`LAST_DAY` is none.
    """
    found = _any_day(value)
    return found if found and FIRST_DAY <= found <= LAST_DAY else None


def is_out_of_range(value: Any) -> bool:
    """Tell whether it is a day of the calendar, but none that a provider can mean."""
    return _any_day(value) is not None and day(value) is None


def _any_day(value: Any) -> dt.date | None:
    written = text(value)
    if written is None:
        return None
    try:
        return dt.date.fromisoformat(written[:10])
    except ValueError:
        return None


def instant(value: Any) -> dt.datetime | None:
    """Return an ISO 8601 instant in UTC, or None; one without an offset is taken as UTC.

    Fractions of more than six digits occur and are cut. One outside of :data:`FIRST_DAY` to
    :data:`LAST_DAY` is none.
    """
    written = text(value)
    if written is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", written))
        utc = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # an offset may carry the year 1 out of the calendar
        return None
    return utc if FIRST_DAY <= utc.date() <= LAST_DAY else None
