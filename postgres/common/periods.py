"""Which days a period holds. Bank rows have days, so a period is days; the user's zone says which
of them it is now.

``common.budget_period_start`` and ``common.budget_period_number`` say the same in SQL.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from postgres.common.enums import BudgetPeriod

_MONDAY_AND_NEW_YEAR = dt.date(2001, 1, 1)
_MONTHS = {BudgetPeriod.MONTHLY: 1, BudgetPeriod.QUARTERLY: 3, BudgetPeriod.ANNUAL: 12}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Some days, both ends included."""

    first_day: dt.date
    last_day: dt.date

    def __contains__(self, day: dt.date) -> bool:
        return self.first_day <= day <= self.last_day


def period_of(length: BudgetPeriod, starts_on: dt.date, day: dt.date) -> Period:
    """Return the period that holds a day.

    :param starts_on: first day of any of the periods; the others repeat from it. A month that
        lacks its day starts on its last one: from the 31st, February starts on the 28th or 29th.
    """
    number = _number(length, starts_on, day)
    next_start = _start(length, starts_on, number + 1)
    return Period(_start(length, starts_on, number), next_start - dt.timedelta(days=1))


def current_period(
    length: BudgetPeriod, starts_on: dt.date, *, now: dt.datetime, time_zone: str
) -> Period:
    """Return the period that it is in a time zone.

    :param time_zone: IANA name.
    """
    return period_of(length, starts_on, now.astimezone(ZoneInfo(time_zone)).date())


def calendar_period(length: BudgetPeriod, day: dt.date) -> Period:
    """Return the calendar's week from Monday, month, quarter or year that holds a day."""
    return period_of(length, _MONDAY_AND_NEW_YEAR, day)


def _number(length: BudgetPeriod, starts_on: dt.date, day: dt.date) -> int:
    if length == BudgetPeriod.WEEKLY:
        return (day - starts_on).days // 7
    months = 12 * (day.year - starts_on.year) + day.month - starts_on.month
    number = months // _MONTHS[length]
    return number - 1 if _start(length, starts_on, number) > day else number


def _start(length: BudgetPeriod, starts_on: dt.date, number: int) -> dt.date:
    if length == BudgetPeriod.WEEKLY:
        return starts_on + dt.timedelta(weeks=number)
    return starts_on + relativedelta(months=number * _MONTHS[length])
