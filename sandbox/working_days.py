"""Working days of England and Wales, by rule, so that they never run out."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

ONE_DAY = dt.timedelta(days=1)
SATURDAY = 5
SUNDAY = 6


def easter_sunday(year: int) -> dt.date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * weekday) // 433
    month = (h + weekday - 7 * m + 90) // 25
    day = (h + weekday - 7 * m + 33 * month + 19) % 32
    return dt.date(year, month, day)


@lru_cache(maxsize=256)
def bank_holidays(year: int) -> frozenset[dt.date]:
    """Return the bank holidays of a year; one on a weekend moves to the next free weekday."""
    easter = easter_sunday(year)
    days = {
        easter - 2 * ONE_DAY,
        easter + ONE_DAY,
        _monday_from(dt.date(year, 5, 1)),
        _monday_from(dt.date(year, 5, 25)),
        _monday_from(dt.date(year, 8, 25)),
    }
    for nominal in (dt.date(year, 1, 1), dt.date(year, 12, 25), dt.date(year, 12, 26)):
        day = nominal
        while day.weekday() >= SATURDAY or day in days:
            day += ONE_DAY
        days.add(day)
    return frozenset(days)


def is_working(day: dt.date) -> bool:
    """Tell whether the banks work on a day."""
    return day.weekday() < SATURDAY and day not in bank_holidays(day.year)


def following(day: dt.date) -> dt.date:
    """Return the day itself, or the next working day if it is none."""
    while not is_working(day):
        day += ONE_DAY
    return day


def preceding(day: dt.date) -> dt.date:
    """Return the day itself, or the working day before it if it is none."""
    while not is_working(day):
        day -= ONE_DAY
    return day


def after(day: dt.date, count: int) -> dt.date:
    """Return the working day that comes so many working days after a day."""
    for _ in range(count):
        day = following(day + ONE_DAY)
    return day


def month_end(day: dt.date) -> dt.date:
    """Return the last day of the day's month."""
    return (day.replace(day=28) + 4 * ONE_DAY).replace(day=1) - ONE_DAY


def _monday_from(day: dt.date) -> dt.date:
    return day + ONE_DAY * (-day.weekday() % 7)
