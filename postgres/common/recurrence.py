"""When a payment comes back: arithmetic of dates, and nothing else.

A recurring pattern has a frequency and one day that it is due on, its anchor. Every other due day
is counted from the anchor and not from the one before: from 31 January, monthly, it is due on the
last day of February and on 31 March. ``common.due_day`` and its siblings say the same in SQL.

A plan has a rule of RFC 5545, see :class:`Rule`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr

from postgres.common.enums import RecurringFrequency
from postgres.errors import OperationError


@dataclass(frozen=True, slots=True)
class Cadence:
    """How a frequency steps: by so many months, else by so many days.

    :param leeway: days before and after a due day within which a payment counts for it.
    """

    months: int
    days: int
    leeway: int


CADENCES: Mapping[RecurringFrequency, Cadence] = MappingProxyType(
    {
        RecurringFrequency.WEEKLY: Cadence(0, 7, leeway=2),
        RecurringFrequency.FORTNIGHTLY: Cadence(0, 14, leeway=4),
        RecurringFrequency.FOUR_WEEKLY: Cadence(0, 28, leeway=5),
        RecurringFrequency.MONTHLY: Cadence(1, 0, leeway=6),
        RecurringFrequency.BIMONTHLY: Cadence(2, 0, leeway=8),
        RecurringFrequency.QUARTERLY: Cadence(3, 0, leeway=10),
        RecurringFrequency.SEMIANNUAL: Cadence(6, 0, leeway=12),
        RecurringFrequency.ANNUAL: Cadence(12, 0, leeway=15),
    }
)
"""All frequencies but irregular, which has no due days."""


def due_day(frequency: RecurringFrequency, anchor: dt.date, steps: int) -> dt.date:
    """Return the day that is so many steps from the anchor; a short month gives its last day.

    :param steps: negative: before the anchor.
    :raises OperationError: if the frequency is irregular.
    """
    cadence = _cadence(frequency)
    return anchor + relativedelta(months=steps * cadence.months, days=steps * cadence.days)


def steps_to(frequency: RecurringFrequency, anchor: dt.date, day: dt.date) -> int:
    """Return how many steps it is from the anchor to the last due day up to a day.

    :raises OperationError: if the frequency is irregular.
    """
    cadence = _cadence(frequency)
    if cadence.days:
        return (day - anchor).days // cadence.days
    months = 12 * (day.year - anchor.year) + day.month - anchor.month
    steps = months // cadence.months
    return steps - 1 if due_day(frequency, anchor, steps) > day else steps


def next_due(
    frequency: RecurringFrequency,
    anchor: dt.date,
    after: dt.date,
    rest_months: Collection[int] = (),
) -> dt.date:
    """Return the first due day after a day.

    :param rest_months: months of the year, 1 to 12, in which a monthly one is not due; not all.
    :raises OperationError: if the frequency is irregular.
    """
    steps = steps_to(frequency, anchor, after) + 1
    while (day := due_day(frequency, anchor, steps)).month in rest_months:
        steps += 1
    return day


def previous_due(frequency: RecurringFrequency, anchor: dt.date, before: dt.date) -> dt.date:
    """Return the last due day before a day.

    :raises OperationError: if the frequency is irregular.
    """
    eve = before - dt.timedelta(days=1)
    return due_day(frequency, anchor, steps_to(frequency, anchor, eve))


def due_within(
    frequency: RecurringFrequency,
    anchor: dt.date,
    first: dt.date,
    last: dt.date,
    rest_months: Collection[int] = (),
) -> Sequence[dt.date]:
    """Return the due days of a range, both ends included, those before the anchor too.

    :param rest_months: months of the year, 1 to 12, in which a monthly one is not due.
    :raises OperationError: if the frequency is irregular.
    """
    start = steps_to(frequency, anchor, first - dt.timedelta(days=1)) + 1
    end = steps_to(frequency, anchor, last)
    days = (due_day(frequency, anchor, steps) for steps in range(start, end + 1))
    return [day for day in days if day.month not in rest_months]


def due_near(frequency: RecurringFrequency, anchor: dt.date, day: dt.date) -> dt.date | None:
    """Return the due day that a payment of a day counts for; None: it is too far from any.

    :raises OperationError: if the frequency is irregular.
    """
    leeway = dt.timedelta(days=_cadence(frequency).leeway)
    due_on = due_day(frequency, anchor, steps_to(frequency, anchor, day + leeway))
    return due_on if day - due_on <= leeway else None


def rule_text(frequency: RecurringFrequency, starts_on: dt.date) -> str:
    """Return the rule of a plan that is due like a pattern with this frequency and anchor.

    :raises OperationError: if the frequency is irregular.
    """
    cadence = _cadence(frequency)
    if cadence.days:
        return f"FREQ=WEEKLY;INTERVAL={cadence.days // 7}"
    # Of the days from the 28th on that a month has, the last one.
    days = range(min(starts_on.day, 28), starts_on.day + 1)
    return (
        f"FREQ=MONTHLY;INTERVAL={cadence.months};BYMONTHDAY={','.join(map(str, days))};BYSETPOS=-1"
    )


def _cadence(frequency: RecurringFrequency) -> Cadence:
    if frequency not in CADENCES:
        message = "what is irregular has no due days"
        raise OperationError(message)
    return CADENCES[frequency]


LONGEST_RANGE = dt.timedelta(days=3653)
"""Ten years: how far a rule is followed at once, and within which it must give a day."""

_CALENDAR_CYCLE = 400
"""Years after which the calendar repeats, weekdays and all."""

# Lowest and highest value of what is a list of numbers; never zero.
_NUMBERS = {
    "INTERVAL": (1, 999),
    "COUNT": (1, 9999),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYSETPOS": (-366, 366),
}
_DAY = "(MO|TU|WE|TH|FR|SA|SU)"
_ORDINAL = r"([+-]?([1-9]|[1-4]\d|5[0-3]))?"
_WORDS = {
    "FREQ": "DAILY|WEEKLY|MONTHLY|YEARLY",
    "UNTIL": r"\d{8}",
    "WKST": _DAY,
    "BYDAY": rf"{_ORDINAL}{_DAY}(,{_ORDINAL}{_DAY}){{,60}}",
}
# What a frequency may not be combined with.
_SENSELESS = {
    "DAILY": r"BYWEEKNO|BYYEARDAY|BYDAY=.*\d",
    "WEEKLY": r"BYWEEKNO|BYYEARDAY|BYMONTHDAY|BYDAY=.*\d",
    "MONTHLY": "BYWEEKNO|BYYEARDAY",
    "YEARLY": "(?!)",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """The value of an RRULE of RFC 5545 over days, such as ``FREQ=MONTHLY;BYMONTHDAY=-1``.

    The RFC's own meaning holds: ``BYMONTHDAY=31`` leaves short months out, and so does
    ``FREQ=MONTHLY`` from a 31st. The last day of each month is ``BYMONTHDAY=-1``; for "the 30th,
    else the last" see :func:`rule_text`. The start is due only if the rule gives it.

    :param text: without COUNT and UNTIL.
    :param count: how many days it gives at most, from the start on.
    :param until: the last day that it may give.
    """

    text: str
    count: int | None
    until: dt.date | None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule.

        :raises OperationError: if it is not one, or steps by less than a day.
        """
        parts: dict[str, str] = {}
        for part in text.upper().split(";"):
            name, _, value = part.partition("=")
            if name in parts or not _is_understood(name, value):
                message = f"the rule has a part that is not understood: {part}"
                raise OperationError(message)
            parts[name] = value
        count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
        rest = ";".join(f"{name}={value}" for name, value in parts.items())
        if "FREQ" not in parts or re.search(_SENSELESS[parts["FREQ"]], rest):
            message = f"the rule is not one of RFC 5545: {text}"
            raise OperationError(message)
        return cls(rest, int(count) if count else None, _day(until) if until else None)

    def days(self, starts_on: dt.date, first: dt.date, last: dt.date) -> list[dt.date]:
        """Return the days of a range that the rule gives, both ends included.

        :param starts_on: DTSTART: nothing is due before it, and the rule is counted from it.
        :raises OperationError: if the range is longer than :data:`LONGEST_RANGE`.
        """
        if last - first > LONGEST_RANGE:
            message = "a range is ten years at most"
            raise OperationError(message)
        bound = min(last, self.until or last)
        if bound < starts_on:
            return []
        # Days that never come are looked for to the end of time, which is nearer from there.
        later = relativedelta(years=(dt.MAXYEAR - bound.year) // _CALENDAR_CYCLE * _CALENDAR_CYCLE)
        start = dt.datetime.combine(starts_on + later, dt.time())
        rule = rrulestr(f"{self.text};UNTIL={bound + later:%Y%m%d}", dtstart=start)
        given = (each.date() - later for each in islice(rule, self.count))
        return [day for day in given if day >= first]


def _is_understood(name: str, value: str) -> bool:
    if name in _WORDS:
        return re.fullmatch(_WORDS[name], value) is not None
    lowest, highest = _NUMBERS.get(name, (0, 0))
    most = 1 if name in {"INTERVAL", "COUNT"} else highest - lowest
    numbers = value.split(",")
    return len(numbers) <= most and all(
        re.fullmatch(r"[+-]?\d{1,4}", number) and lowest <= int(number) <= highest and int(number)
        for number in numbers
    )


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"the rule ends on no day: UNTIL={text}"
        raise OperationError(message) from None
