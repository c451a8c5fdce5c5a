"""Reference rates: dated, through the euro, and missing where they are missing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.models import FxRate
from postgres.common.operations import fx_rates
from postgres.core import WriteCounts
from postgres.errors import OperationError
from tests.postgres.ledger import book, make_ledger

FRIDAY = dt.date(2026, 3, 13)
DAY = dt.timedelta(days=1)
RATES = {"GBP": "0.8", "USD": "1.25", "JPY": "160"}


def row(currency: str, rate: str, day: dt.date = FRIDAY) -> dict[str, Any]:
    return {"currency": currency, "day": day, "rate": Decimal(rate), "source": "ecb"}


@pytest.fixture
def rates(session: Session) -> Session:
    fx_rates.load_rates(session, [row(currency, rate) for currency, rate in RATES.items()])
    return session


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("EUR", "GBP", "0.8"),
        ("GBP", "EUR", "1.25"),
        ("GBP", "USD", "1.5625"),
        ("USD", "JPY", "128"),
        ("GBP", "GBP", "1"),
        ("EUR", "EUR", "1"),
    ],
)
def test_a_rate_goes_through_the_euro(
    rates: Session, source: str, target: str, expected: str
) -> None:
    assert fx_rates.get_rate(rates, source, target, FRIDAY) == Decimal(expected)


@pytest.mark.parametrize(
    ("source", "target"),
    [("GBP", "XXX"), ("XXX", "GBP"), ("XXX", "EUR"), ("GBX", "EUR"), ("gbp", "EUR"), ("", "GBP")],
)
def test_what_has_no_rate_has_none(rates: Session, source: str, target: str) -> None:
    assert fx_rates.get_rate(rates, source, target, FRIDAY) is None


def test_a_rate_lasts_a_week_and_never_goes_back_in_time(rates: Session) -> None:
    def known(day: dt.date) -> bool:
        return fx_rates.get_rate(rates, "GBP", "USD", day) is not None

    assert not known(FRIDAY - DAY)
    assert all(known(FRIDAY + n * DAY) for n in range(8))
    assert not known(FRIDAY + 8 * DAY)


def test_the_newest_rate_up_to_the_day_counts(rates: Session) -> None:
    fx_rates.load_rates(
        rates, [row("GBP", "0.5", FRIDAY + 3 * DAY), row("GBP", "0.9", FRIDAY - 2 * DAY)]
    )

    found = [fx_rates.get_rate(rates, "EUR", "GBP", FRIDAY + n * DAY) for n in (-2, -1, 0, 2, 3, 4)]
    assert found == [Decimal(rate) for rate in ("0.9", "0.9", "0.8", "0.8", "0.5", "0.5")]


@pytest.mark.parametrize(
    ("amount", "source", "target", "expected"),
    [
        ("12345", "GBX", "GBP", "123.45"),
        ("123.45", "GBP", "GBX", "12345"),
        ("12345", "GBp", "EUR", "154.3125"),
        ("100", "EUR", "GBX", "8000"),
        ("7", "GBX", "GBp", "7"),
        ("-86", "GBP", "EUR", "-107.5"),
        ("0", "USD", "JPY", "0"),
    ],
)
def test_a_minor_unit_is_a_part_of_its_currency(
    rates: Session, amount: str, source: str, target: str, expected: str
) -> None:
    converted = fx_rates.convert(rates, Decimal(amount), source, target, FRIDAY)

    assert converted == Decimal(expected)


def test_units_of_one_currency_need_no_rate(session: Session) -> None:
    assert fx_rates.convert(session, Decimal(250), "GBX", "GBP", FRIDAY) == Decimal("2.5")
    assert fx_rates.convert(session, Decimal(250), "GBX", "EUR", FRIDAY) is None
    assert fx_rates.convert(session, Decimal(250), "ILA", "ZAC", FRIDAY) is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=st.decimals("-1e9", "1e9", places=2),
    of_one=st.decimals("0.0001", "30000", places=4),
    of_other=st.decimals("0.0001", "30000", places=4),
)
def test_a_conversion_is_exact_to_the_hundredth_and_there_and_back_again(
    session: Session, amount: Decimal, of_one: Decimal, of_other: Decimal
) -> None:
    with session.begin_nested() as savepoint:
        fx_rates.load_rates(session, [row("AAA", str(of_one)), row("BBB", str(of_other))])
        there = fx_rates.convert(session, amount, "AAA", "BBB", FRIDAY)
        assert there is not None
        back = fx_rates.convert(session, there, "BBB", "AAA", FRIDAY)
        rate = fx_rates.get_rate(session, "AAA", "BBB", FRIDAY)
        savepoint.rollback()

    assert back is not None
    assert rate is not None
    assert abs(there * of_one - amount * of_other) <= abs(amount * of_other) * Decimal("1e-15")
    assert round(back, 2) == amount
    assert abs(rate * of_one - of_other) <= of_other * Decimal("1e-15")


def test_a_second_load_writes_nothing_and_a_correction_one_row(rates: Session) -> None:
    again = [row(currency, rate) for currency, rate in RATES.items()]

    assert fx_rates.load_rates(rates, again) == WriteCounts(0, 0, 3)
    assert fx_rates.load_rates(rates, [*again[1:], row("GBP", "0.81")]) == WriteCounts(0, 1, 2)
    assert fx_rates.load_rates(rates, []) == WriteCounts()


@pytest.mark.parametrize(
    ("currency", "rate"), [("EUR", "1"), ("GBX", "0"), ("GBP", "-1"), ("gbp", "0.8"), ("GBPX", "1")]
)
def test_the_database_refuses_what_is_no_rate(session: Session, currency: str, rate: str) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        fx_rates.load_rates(session, [row(currency, rate)])


def test_rates_are_listed_in_pages(rates: Session) -> None:
    fx_rates.load_rates(rates, [row("GBP", "0.7", FRIDAY - n * DAY) for n in (1, 2, 3)])

    first = fx_rates.list_rates(rates, limit=4)
    second = fx_rates.list_rates(rates, after=first.after, limit=4)
    assert [(r.currency, (FRIDAY - r.day).days) for r in [*first.items, *second.items]] == [
        ("GBP", 0), ("GBP", 1), ("GBP", 2), ("GBP", 3), ("JPY", 0), ("USD", 0)
    ]  # fmt: skip
    assert second.after is None

    some = fx_rates.list_rates(rates, currency="GBP", since=FRIDAY - 2 * DAY, until=FRIDAY - DAY)
    assert [(FRIDAY - rate.day).days for rate in some.items] == [1, 2]
    with pytest.raises(OperationError):
        fx_rates.list_rates(rates, limit=0)


def test_days_at_both_ends_are_known(session: Session) -> None:
    assert (fx_rates.first_day(session), fx_rates.latest_day(session)) == (None, None)
    fx_rates.load_rates(session, [row("GBP", "0.7", FRIDAY - 9 * DAY), row("USD", "1.2")])
    assert (fx_rates.first_day(session), fx_rates.latest_day(session)) == (FRIDAY - 9 * DAY, FRIDAY)


def test_the_oldest_transaction_says_what_is_needed(session: Session) -> None:
    assert fx_rates.first_day_needed(session) is None
    for days in (30, 50, 40):
        book(session, make_ledger(session), FRIDAY - days * DAY, "-1")
    assert fx_rates.first_day_needed(session) == FRIDAY - 50 * DAY


def test_a_hundred_thousand_rows_are_converted_in_one_query(rates: Session) -> None:
    converted = rates.execute(
        sa.text(
            "select count(common.convert(n, (array['GBX', 'USD', 'XXX'])[1 + n % 3], 'JPY', :day))"
            " from generate_series(1, 100000) as n"
        ),
        {"day": FRIDAY},
    ).scalar_one()

    assert converted == 66_667


def test_an_application_reads_rates_and_writes_none(rates: Session) -> None:
    rates.execute(sa.text("set local role farthing_app"))

    assert fx_rates.get_rate(rates, "EUR", "GBP", FRIDAY) == Decimal("0.8")
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        rates.execute(sa.delete(FxRate))
