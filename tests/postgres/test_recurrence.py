"""Due days come back on their day, whatever month comes between, in Python and in SQL alike."""

from __future__ import annotations

import calendar
import datetime as dt

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import RecurringFrequency
from postgres.common.recurrence import (
    CADENCES,
    LONGEST_RANGE,
    Rule,
    due_day,
    due_near,
    due_within,
    next_due,
    previous_due,
    rule_text,
    steps_to,
)
from postgres.errors import OperationError

DAY = dt.timedelta(days=1)
IRREGULAR = RecurringFrequency.IRREGULAR
MONTHLY = RecurringFrequency.MONTHLY

regular = st.sampled_from(sorted(CADENCES))
by_months = st.sampled_from([each for each in sorted(CADENCES) if CADENCES[each].months])
days = st.dates(dt.date(1950, 1, 1), dt.date(2150, 12, 31))
late_days = days.filter(lambda day: day.day >= 28)
steps = st.integers(-300, 300)
rests = st.lists(st.integers(1, 12), unique=True, max_size=11)


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("frequency", "anchor", "expected"),
    [
        ("weekly", "2026-02-25", "2026-03-04 2026-03-11 2026-03-18"),
        ("fortnightly", "2026-02-25", "2026-03-11 2026-03-25 2026-04-08"),
        ("four_weekly", "2026-02-25", "2026-03-25 2026-04-22 2026-05-20"),
        ("monthly", "2026-01-31", "2026-02-28 2026-03-31 2026-04-30"),
        ("monthly", "2026-01-30", "2026-02-28 2026-03-30 2026-04-30"),
        ("bimonthly", "2025-12-31", "2026-02-28 2026-04-30 2026-06-30"),
        ("quarterly", "2025-11-30", "2026-02-28 2026-05-30 2026-08-30"),
        ("semiannual", "2025-08-31", "2026-02-28 2026-08-31 2027-02-28"),
        ("annual", "2024-02-29", "2025-02-28 2026-02-28 2027-02-28 2028-02-29"),
    ],
)
def test_the_days_of_every_frequency(frequency: str, anchor: str, expected: str) -> None:
    wanted = [date(each) for each in expected.split()]
    found = RecurringFrequency(frequency)

    assert [due_day(found, date(anchor), n) for n in range(1, len(wanted) + 1)] == wanted
    assert [each.leeway for each in CADENCES.values()] == [2, 4, 5, 6, 8, 10, 12, 15]


@given(frequency=regular, anchor=days, count=st.integers(1, 60))
def test_step_by_step_is_as_far_as_at_once(
    frequency: RecurringFrequency, anchor: dt.date, count: int
) -> None:
    day = anchor
    for _ in range(count):
        day = next_due(frequency, anchor, day)

    assert day == due_day(frequency, anchor, count)
    for _ in range(count):
        day = previous_due(frequency, anchor, day)
    assert day == anchor


@given(frequency=by_months, anchor=late_days, count=steps)
def test_the_day_of_the_month_never_drifts(
    frequency: RecurringFrequency, anchor: dt.date, count: int
) -> None:
    day = due_day(frequency, anchor, count)

    assert day.day == min(anchor.day, calendar.monthrange(day.year, day.month)[1])


@given(frequency=regular, anchor=days, count=steps)
def test_days_of_the_week_and_of_the_month_stay(
    frequency: RecurringFrequency, anchor: dt.date, count: int
) -> None:
    day = due_day(frequency, anchor, count)
    cadence = CADENCES[frequency]

    if cadence.days:
        assert (day - anchor).days == count * cadence.days
    else:
        months = 12 * (day.year - anchor.year) + day.month - anchor.month
        assert months == count * cadence.months


@given(frequency=regular, anchor=days, day=days)
def test_every_day_lies_between_two_due_days(
    frequency: RecurringFrequency, anchor: dt.date, day: dt.date
) -> None:
    number = steps_to(frequency, anchor, day)

    assert due_day(frequency, anchor, number) <= day < due_day(frequency, anchor, number + 1)
    assert next_due(frequency, anchor, day) == due_day(frequency, anchor, number + 1)
    assert previous_due(frequency, anchor, day + DAY) == due_day(frequency, anchor, number)


@given(frequency=regular, anchor=days, first=days, length=st.integers(-3, 800))
def test_a_range_holds_its_due_days_and_no_others(
    frequency: RecurringFrequency, anchor: dt.date, first: dt.date, length: int
) -> None:
    last = first + length * DAY
    day, expected = next_due(frequency, anchor, first - DAY), []
    while day <= last:
        expected.append(day)
        day = next_due(frequency, anchor, day)

    assert due_within(frequency, anchor, first, last) == expected


@given(anchor=days, first=days, length=st.integers(-3, 800), rest_months=rests)
def test_no_due_day_lies_in_a_month_of_rest(
    anchor: dt.date, first: dt.date, length: int, rest_months: list[int]
) -> None:
    last = first + length * DAY
    every = due_within(MONTHLY, anchor, first, last)
    expected = [day for day in every if day.month not in rest_months]

    assert due_within(MONTHLY, anchor, first, last, rest_months) == expected
    if expected:
        assert next_due(MONTHLY, anchor, first - DAY, rest_months) == expected[0]


@given(frequency=regular, anchor=days, day=days)
def test_a_payment_counts_for_the_due_day_that_it_is_near(
    frequency: RecurringFrequency, anchor: dt.date, day: dt.date
) -> None:
    leeway = CADENCES[frequency].leeway
    around = due_within(frequency, anchor, day - leeway * DAY, day + leeway * DAY)

    # Never of two: the leeways of neighbours do not touch.
    assert around == [each for each in [due_near(frequency, anchor, day)] if each]


def test_what_is_irregular_has_no_due_days() -> None:
    with pytest.raises(OperationError, match="irregular"):
        due_day(IRREGULAR, date("2026-01-01"), 1)
    assert set(CADENCES) == set(RecurringFrequency) - {IRREGULAR}


def test_sql_counts_like_python(session: Session) -> None:
    @settings(max_examples=15)
    @given(
        cases=st.lists(
            st.tuples(days, st.sampled_from(sorted(RecurringFrequency)), days, steps, rests),
            min_size=60,
            max_size=200,
        )
    )
    def check(cases: list[tuple[dt.date, RecurringFrequency, dt.date, int, list[int]]]) -> None:
        asked = sa.values(
            sa.column("place", sa.Integer),
            sa.column("anchor", sa.Date),
            sa.column("frequency", sa.Text),
            sa.column("day", sa.Date),
            sa.column("steps", sa.Integer),
            sa.column("rest_months", pg.ARRAY(sa.Integer)),
            name="asked",
        ).data([(i, a, f.value, d, n, r) for i, (a, f, d, n, r) in enumerate(cases)])
        c = asked.c
        rows = session.execute(
            sa.select(
                sa.func.common.due_leeway(c.frequency),
                sa.func.common.due_day(c.anchor, c.frequency, c.steps),
                sa.func.common.due_steps(c.anchor, c.frequency, c.day),
                sa.func.common.next_due(c.anchor, c.frequency, c.day),
                sa.func.common.due_near(c.anchor, c.frequency, c.day),
                # Whatever steps by years may have its one month among them.
                sa.case(
                    (
                        c.frequency == MONTHLY.value,
                        sa.func.common.next_due(c.anchor, c.frequency, c.day, c.rest_months),
                    )
                ),
            ).order_by(c.place)
        ).all()
        for (anchor, frequency, day, count, rest_months), row in zip(cases, rows, strict=True):
            if frequency is IRREGULAR:
                assert tuple(row) == (None,) * 6
            else:
                assert tuple(row) == (
                    CADENCES[frequency].leeway,
                    due_day(frequency, anchor, count),
                    steps_to(frequency, anchor, day),
                    next_due(frequency, anchor, day),
                    due_near(frequency, anchor, day),
                    next_due(frequency, anchor, day, rest_months) if frequency is MONTHLY else None,
                )

    check()


@settings(max_examples=60)
@given(
    frequency=regular,
    anchor=st.dates(dt.date(2000, 1, 1), dt.date(2012, 1, 1)),
    first=st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1)),
    length=st.integers(0, 800),
)
def test_a_plan_can_be_due_like_a_pattern(
    frequency: RecurringFrequency, anchor: dt.date, first: dt.date, length: int
) -> None:
    first = max(first, anchor)
    last = first + length * DAY
    rule = Rule.parse(rule_text(frequency, anchor))

    assert rule.days(anchor, first, last) == due_within(frequency, anchor, first, last)


def test_a_plan_cannot_be_irregular() -> None:
    with pytest.raises(OperationError, match="irregular"):
        rule_text(IRREGULAR, date("2026-01-01"))


class TestRule:
    @pytest.mark.parametrize(
        ("text", "starts_on", "expected"),
        [
            # What the RFC says of a day that a month lacks: the month is left out.
            ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-15", "2026-01-31 2026-03-31 2026-05-31"),
            ("FREQ=MONTHLY", "2026-01-31", "2026-01-31 2026-03-31 2026-05-31"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-15", "2026-01-31 2026-02-28 2026-03-31"),
            (rule_text(MONTHLY, dt.date(2026, 1, 30)), "2026-01-30", "2026-01-30 2026-02-28"),
            ("freq=weekly;byday=mo,we", "2026-01-01", "2026-01-05 2026-01-07 2026-01-12"),
            ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-01", "2026-01-30 2026-02-27 2026-03-27"),
            ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-01", "2026-01-30"),
            ("FREQ=DAILY;INTERVAL=10;COUNT=3", "2026-01-01", "2026-01-01 2026-01-11 2026-01-21"),
            ("FREQ=DAILY;INTERVAL=10;UNTIL=20260111", "2026-01-01", "2026-01-01 2026-01-11"),
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-01-01", "2024-02-29 2028-02-29"),
            ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;WKST=MO", "2026-01-01", "2026-12-28"),
            ("FREQ=YEARLY;BYYEARDAY=-1", "2026-01-01", "2026-12-31 2027-12-31"),
        ],
    )
    def test_gives_the_days_of_the_rfc(self, text: str, starts_on: str, expected: str) -> None:
        start, wanted = date(starts_on), [date(each) for each in expected.split()]

        given_days = Rule.parse(text).days(start, start, start + LONGEST_RANGE)

        assert given_days[: len(wanted)] == wanted
        assert ("COUNT" in text or "UNTIL" in text) <= (len(given_days) == len(wanted))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "weekly",
            "INTERVAL=2",
            "FREQ=",
            "FREQ=HOURLY",
            "FREQ=MINUTELY",
            "FREQ=SECONDLY",
            "FREQ=WEEKLY;FREQ=DAILY",
            "FREQ=WEEKLY;",
            "RRULE:FREQ=WEEKLY",
            "DTSTART=20260101;FREQ=WEEKLY",
            "FREQ=WEEKLY\nEXDATE:20260101",
            "FREQ=DAILY;BYHOUR=3",
            "FREQ=DAILY;BYEASTER=0",
            "FREQ=WEEKLY;INTERVAL=0",
            "FREQ=WEEKLY;INTERVAL=-1",
            "FREQ=WEEKLY;INTERVAL=1000",
            "FREQ=WEEKLY;INTERVAL=1,2",
            "FREQ=WEEKLY;COUNT=0",
            "FREQ=WEEKLY;COUNT=10000",
            "FREQ=WEEKLY;UNTIL=20260230",
            "FREQ=WEEKLY;UNTIL=20260101T000000Z",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=WEEKLY;BYDAY=MO,",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "FREQ=MONTHLY;BYDAY=0MO",
            "FREQ=MONTHLY;BYDAY=54MO",
            "FREQ=MONTHLY;BYDAY=" + ",".join(["MO"] * 62),
            "FREQ=MONTHLY;BYMONTH=0",
            "FREQ=MONTHLY;BYMONTH=13",
            "FREQ=MONTHLY;BYMONTH=-1",
            "FREQ=MONTHLY;BYMONTH=" + ",".join(["1"] * 12),
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "FREQ=MONTHLY;BYMONTHDAY=1.5",
            "FREQ=MONTHLY;BYSETPOS=367",
            "FREQ=MONTHLY;BYWEEKNO=1",
            "FREQ=MONTHLY;BYYEARDAY=1",
            "FREQ=DAILY;BYDAY=-1SU",
            "FREQ=YEARLY;BYWEEKNO=54",
        ],
    )
    def test_refuses_what_it_does_not_understand_or_what_never_ends(self, text: str) -> None:
        with pytest.raises(OperationError):
            Rule.parse(text)

    def test_a_day_that_never_comes_is_given_up_soon(self) -> None:
        start = date("2026-01-01")

        # To the year 9999 this takes half a minute.
        assert Rule.parse("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30").days(start, start, start) == []

    def test_nothing_is_due_before_the_start_or_after_the_end(self) -> None:
        rule = Rule.parse("FREQ=WEEKLY;UNTIL=20260120")
        start = date("2026-01-06")

        assert rule.days(start, date("2025-12-01"), date("2026-01-05")) == []
        assert rule.days(start, date("2025-12-01"), date("2026-12-01")) == [
            date("2026-01-06"), date("2026-01-13"), date("2026-01-20"),
        ]  # fmt: skip

    def test_the_count_runs_from_the_start_wherever_the_range_begins(self) -> None:
        rule = Rule.parse("FREQ=WEEKLY;COUNT=3")
        start = date("2026-01-06")

        assert rule.days(start, date("2026-01-14"), date("2026-12-01")) == [date("2026-01-20")]

    def test_a_range_is_ten_years_at_most(self) -> None:
        rule = Rule.parse("FREQ=WEEKLY")
        start = date("2026-01-01")

        assert len(rule.days(start, start, start + LONGEST_RANGE)) == 522
        with pytest.raises(OperationError, match="ten years"):
            rule.days(start, start, start + LONGEST_RANGE + DAY)

    @settings(max_examples=40)
    @given(
        text=st.sampled_from(
            ["FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=-1",
             "FREQ=MONTHLY;BYDAY=2TU", "FREQ=YEARLY;BYMONTHDAY=29", "FREQ=MONTHLY;COUNT=7"]
        ),
        start=st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)),
        cut=st.integers(0, 1500),
    )  # fmt: skip
    def test_two_halves_of_a_range_give_what_the_whole_gives(
        self, text: str, start: dt.date, cut: int
    ) -> None:
        rule, middle, last = Rule.parse(text), start + cut * DAY, start + 1500 * DAY

        halves = rule.days(start, start, middle) + rule.days(start, middle + DAY, last)

        assert halves == rule.days(start, start, last)
        assert halves == sorted(set(halves))
