"""Periods: which days they hold, in Python and in SQL alike, and which one it is where."""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.enums import BudgetPeriod
from postgres.common.periods import Period, calendar_period, current_period, period_of

D = dt.date
# The machine's own zone under a name that is in no database.
ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
DAY = dt.timedelta(days=1)
days = st.dates(D(1970, 1, 1), D(2199, 12, 31))
lengths = st.sampled_from(list(BudgetPeriod))
LONGEST = {
    BudgetPeriod.WEEKLY: (7, 7),
    BudgetPeriod.MONTHLY: (28, 31),
    BudgetPeriod.QUARTERLY: (89, 92),
    BudgetPeriod.ANNUAL: (365, 366),
}
on_one_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300
)


@pytest.mark.parametrize(
    ("length", "starts_on", "day", "first", "last"),
    [
        # Weeks, from a Monday and from a Wednesday, over the turn of the year.
        ("weekly", D(2026, 1, 5), D(2026, 1, 5), D(2026, 1, 5), D(2026, 1, 11)),
        ("weekly", D(2026, 1, 5), D(2026, 1, 11), D(2026, 1, 5), D(2026, 1, 11)),
        ("weekly", D(2026, 1, 7), D(2027, 1, 1), D(2026, 12, 30), D(2027, 1, 5)),
        ("weekly", D(2026, 1, 5), D(2026, 1, 4), D(2025, 12, 29), D(2026, 1, 4)),
        # Months, the calendar's, from payday, and from a day that some months lack.
        ("monthly", D(2026, 1, 1), D(2028, 2, 29), D(2028, 2, 1), D(2028, 2, 29)),
        ("monthly", D(2026, 1, 25), D(2026, 3, 24), D(2026, 2, 25), D(2026, 3, 24)),
        ("monthly", D(2026, 1, 25), D(2026, 3, 25), D(2026, 3, 25), D(2026, 4, 24)),
        ("monthly", D(2026, 1, 31), D(2026, 2, 27), D(2026, 1, 31), D(2026, 2, 27)),
        ("monthly", D(2026, 1, 31), D(2026, 2, 28), D(2026, 2, 28), D(2026, 3, 30)),
        ("monthly", D(2026, 1, 31), D(2026, 3, 31), D(2026, 3, 31), D(2026, 4, 29)),
        ("monthly", D(2026, 1, 31), D(2028, 2, 29), D(2028, 2, 29), D(2028, 3, 30)),
        ("monthly", D(2026, 1, 31), D(2025, 12, 31), D(2025, 12, 31), D(2026, 1, 30)),
        ("monthly", D(2026, 1, 31), D(2025, 12, 30), D(2025, 11, 30), D(2025, 12, 30)),
        # Quarters, the calendar's and from another month.
        ("quarterly", D(2026, 1, 1), D(2026, 3, 31), D(2026, 1, 1), D(2026, 3, 31)),
        ("quarterly", D(2026, 1, 1), D(2026, 4, 1), D(2026, 4, 1), D(2026, 6, 30)),
        ("quarterly", D(2026, 2, 15), D(2026, 5, 14), D(2026, 2, 15), D(2026, 5, 14)),
        ("quarterly", D(2025, 11, 30), D(2026, 2, 28), D(2026, 2, 28), D(2026, 5, 29)),
        # Years: the calendar's, the tax year, and from a leap day.
        ("annual", D(2026, 1, 1), D(2028, 12, 31), D(2028, 1, 1), D(2028, 12, 31)),
        ("annual", D(2024, 4, 6), D(2026, 4, 5), D(2025, 4, 6), D(2026, 4, 5)),
        ("annual", D(2024, 2, 29), D(2025, 2, 27), D(2024, 2, 29), D(2025, 2, 27)),
        ("annual", D(2024, 2, 29), D(2025, 2, 28), D(2025, 2, 28), D(2026, 2, 27)),
        ("annual", D(2024, 2, 29), D(2028, 2, 28), D(2027, 2, 28), D(2028, 2, 28)),
        ("annual", D(2024, 2, 29), D(2028, 2, 29), D(2028, 2, 29), D(2029, 2, 27)),
    ],
)
def test_examples(length: str, starts_on: D, day: D, first: D, last: D) -> None:
    assert period_of(BudgetPeriod(length), starts_on, day) == Period(first, last)


@given(lengths, days, days)
def test_every_day_is_in_one_period_and_periods_meet_without_a_gap(
    length: BudgetPeriod, starts_on: D, day: D
) -> None:
    period = period_of(length, starts_on, day)
    shortest, longest = LONGEST[length]

    assert day in period
    assert shortest <= (period.last_day - period.first_day).days + 1 <= longest
    assert period_of(length, starts_on, period.first_day) == period
    assert period_of(length, starts_on, period.last_day) == period
    assert period.first_day - DAY not in period
    assert period.last_day + DAY not in period
    assert period_of(length, starts_on, period.last_day + DAY).first_day == period.last_day + DAY
    assert period_of(length, starts_on, period.first_day - DAY).last_day == period.first_day - DAY


@given(lengths, days, days)
def test_periods_repeat_from_the_day_that_the_first_one_starts_on(
    length: BudgetPeriod, starts_on: D, day: D
) -> None:
    first = period_of(length, starts_on, day).first_day

    assert period_of(length, starts_on, starts_on).first_day == starts_on
    if length == BudgetPeriod.WEEKLY:
        assert first.weekday() == starts_on.weekday()
    else:
        assert first.day == min(starts_on.day, calendar.monthrange(first.year, first.month)[1])
    if length == BudgetPeriod.QUARTERLY:
        assert (first.month - starts_on.month) % 3 == 0
    if length == BudgetPeriod.ANNUAL:
        assert first.month == starts_on.month


@given(days)
def test_the_calendars_own_periods(day: D) -> None:
    week, month, quarter, year = (calendar_period(length, day) for length in BudgetPeriod)

    assert (week.first_day.isoweekday(), week.last_day.isoweekday()) == (1, 7)
    assert week.first_day.isocalendar()[:2] == day.isocalendar()[:2]
    assert month.first_day == day.replace(day=1)
    assert quarter.first_day == D(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    assert (year.first_day, year.last_day) == (D(day.year, 1, 1), D(day.year, 12, 31))
    assert all(day in period for period in (week, month, quarter, year))


@on_one_database
@given(length=lengths, starts_on=days, day=days)
def test_sql_knows_the_same_periods(
    session: Session, length: BudgetPeriod, starts_on: D, day: D
) -> None:
    found = session.execute(
        sa.text(
            "select n, common.budget_period_start(:length, :starts_on, n),"
            " common.budget_period_start(:length, :starts_on, n + 1) - 1,"
            " common.budget_period_number(:length, :starts_on, :starts_on)"
            " from common.budget_period_number(:length, :starts_on, :day) as n"
        ),
        {"length": length.value, "starts_on": starts_on, "day": day},
    ).one()

    assert Period(found[1], found[2]) == period_of(length, starts_on, day)
    assert (found[0] < 0) == (day < starts_on)
    assert found[3] == 0


@pytest.mark.parametrize(
    ("zone", "now", "first"),
    [
        # 23:30Z on the last of June is July in British summer time, and June a zone further west.
        ("Europe/London", "2026-06-30T23:30:00+00:00", D(2026, 7, 1)),
        ("Europe/London", "2026-06-30T22:59:59+00:00", D(2026, 6, 1)),
        ("UTC", "2026-06-30T23:30:00+00:00", D(2026, 6, 1)),
        ("Europe/London", "2026-01-31T23:30:00+00:00", D(2026, 1, 1)),
        # The furthest ahead and behind.
        ("Pacific/Kiritimati", "2026-03-31T10:00:00+00:00", D(2026, 4, 1)),
        ("Pacific/Kiritimati", "2026-03-31T09:59:59+00:00", D(2026, 3, 1)),
        ("Pacific/Chatham", "2026-03-31T10:15:00+00:00", D(2026, 4, 1)),
        ("Etc/GMT+12", "2026-04-01T11:59:59+00:00", D(2026, 3, 1)),
        ("Pacific/Niue", "2026-04-01T10:59:59+00:00", D(2026, 3, 1)),
        # No midnight at all: the clock went from 24:00 to 01:00.
        ("America/Santiago", "2024-09-08T03:59:59+00:00", D(2024, 9, 1)),
        ("Asia/Beirut", "2022-03-26T21:59:59+00:00", D(2022, 3, 1)),
        # No such day at all: Samoa went from 29 to 31 December.
        ("Pacific/Apia", "2011-12-30T09:59:59+00:00", D(2011, 12, 1)),
    ],
)
def test_which_month_it_is_where(zone: str, now: str, first: D) -> None:
    period = current_period(
        BudgetPeriod.MONTHLY, D(2020, 1, 1), now=dt.datetime.fromisoformat(now), time_zone=zone
    )

    assert period.first_day == first


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        ("America/Santiago", "2024-09-08T03:59:59+00:00", D(2024, 9, 7)),
        ("America/Santiago", "2024-09-08T04:00:00+00:00", D(2024, 9, 8)),
        ("Pacific/Apia", "2011-12-30T09:59:59+00:00", D(2011, 12, 29)),
        ("Pacific/Apia", "2011-12-30T10:00:00+00:00", D(2011, 12, 31)),
    ],
)
def test_a_week_starts_on_its_first_day_that_there_is(zone: str, now: str, day: D) -> None:
    instant = dt.datetime.fromisoformat(now)

    period = current_period(BudgetPeriod.WEEKLY, day, now=instant, time_zone=zone)

    assert period.first_day == day


def edges(zone: str, year: int) -> list[dt.datetime]:
    """The instants of a year at which a zone's clock is put, to the second."""
    here = ZoneInfo(zone)
    start = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    found = []
    for day in range(366):
        low, high = start + day * DAY, start + (day + 1) * DAY
        if low.astimezone(here).utcoffset() == high.astimezone(here).utcoffset():
            continue
        before = low.astimezone(here).utcoffset()
        while high - low > dt.timedelta(seconds=1):
            middle = low + dt.timedelta(seconds=(high - low).total_seconds() // 2)
            if middle.astimezone(here).utcoffset() == before:
                low = middle
            else:
                high = middle
        found.append(high)
    return found


def instants(zone: str) -> list[dt.datetime]:
    """Around what can go wrong: both edges of summer time, leap day, the ends of year and month."""
    here = ZoneInfo(zone)
    turns = [D(2024, 2, 29), D(2024, 3, 1), D(2025, 1, 1), D(2026, 7, 1), D(2026, 3, 30)]
    midnights = [dt.datetime.combine(day, dt.time(), here).astimezone(dt.UTC) for day in turns]
    second = dt.timedelta(seconds=1)
    return [
        at + step
        for at in (*midnights, *edges(zone, 2024), *edges(zone, 2026))
        for step in (-second, 0 * second, second)
    ]


@pytest.mark.slow
def test_in_every_zone_the_database_and_we_agree_what_period_it_is(session: Session) -> None:
    moments = [(zone, at) for zone in ZONES for at in instants(zone)]
    assert len(moments) > 15 * len(ZONES)
    for length, starts_on in (
        (BudgetPeriod.WEEKLY, D(2020, 1, 6)),
        (BudgetPeriod.MONTHLY, D(2020, 1, 31)),
        (BudgetPeriod.QUARTERLY, D(2020, 1, 1)),
        (BudgetPeriod.ANNUAL, D(2020, 2, 29)),
    ):
        theirs = session.execute(
            sa.text(
                "select z, i, common.budget_period_start(:length, :starts_on,"
                " common.budget_period_number(:length, :starts_on, common.local_day(i, z)))"
                " from unnest(cast(:zones as text[]), cast(:instants as timestamptz[])) as m (z, i)"
            ),
            {
                "length": length.value,
                "starts_on": starts_on,
                "zones": [zone for zone, _ in moments],
                "instants": [at for _, at in moments],
            },
        ).all()
        wrong = [
            (zone, at, first)
            for zone, at, first in theirs
            if current_period(length, starts_on, now=at, time_zone=zone).first_day != first
        ]
        assert wrong == []


def test_a_zone_that_the_server_does_not_know_is_utc(session: Session) -> None:
    at = dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC)

    assert local_day(session, at, "Mars/Olympus") == D(2026, 6, 30)


def test_a_name_that_is_an_abbreviation_too_is_the_zone(session: Session) -> None:
    at = dt.datetime(2026, 6, 30, 22, 30, tzinfo=dt.UTC)

    assert local_day(session, at, "CET") == D(2026, 7, 1)
    assert session.scalar(sa.text("show timezone")) == "UTC"


def local_day(session: Session, at: dt.datetime, zone: str) -> D | None:
    return session.scalar(sa.select(sa.func.common.local_day(at, zone)))
