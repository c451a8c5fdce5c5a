"""How a loan is paid off, to the last unit."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from postgres.common.amortisation import Instalment, LoanTerms, schedule
from postgres.errors import OperationError

FIRST = dt.date(2026, 1, 31)

days = st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1))
digits = st.sampled_from([0, 2, 3])
rates = st.decimals(0, Decimal("0.3"), places=4)
owed_units = st.integers(1, 10**9)


def plan(owed: str, *, after: dt.date = dt.date(2026, 1, 1), **terms: Any) -> list[Instalment]:
    agreed = LoanTerms(**{"annual_rate": Decimal("0.06"), "first_payment_on": FIRST, **terms})
    return schedule(Decimal(owed), agreed, after=after, digits=2)


def test_a_loan_by_payment() -> None:
    # 1000 at 0.5 per cent a month, 400 a month.
    assert [
        (i.due_on, i.interest, i.principal, i.balance)
        for i in plan("1000", monthly_payment=Decimal(400))
    ] == [
        (dt.date(2026, 1, 31), Decimal("5.00"), Decimal("395.00"), Decimal("605.00")),
        (dt.date(2026, 2, 28), Decimal("3.03"), Decimal("396.97"), Decimal("208.03")),
        (dt.date(2026, 3, 31), Decimal("1.04"), Decimal("208.03"), Decimal(0)),
    ]


def test_a_loan_by_months_is_the_annuity() -> None:
    # As every mortgage calculator says: 200,000 at 4.5 per cent over 25 years is 1,111.66 to .67.
    terms = LoanTerms(Decimal("0.045"), FIRST, months=300)
    mortgage = schedule(Decimal(200_000), terms, after=dt.date(2026, 1, 1), digits=2)

    assert len(mortgage) == 300
    assert {i.payment for i in mortgage[:-1]} == {Decimal("1111.67")}
    assert mortgage[-1].payment < Decimal("1111.67")


def test_half_a_unit_of_interest_is_rounded_up() -> None:
    # 0.5 per cent of 101 is 0.505.
    assert plan("101", monthly_payment=Decimal(50))[0].interest == Decimal("0.51")


def test_without_interest_the_loan_is_paid_off_evenly() -> None:
    payments = plan("1000", annual_rate=Decimal(0), months=3)

    assert [i.payment for i in payments] == [
        Decimal("333.34"),
        Decimal("333.34"),
        Decimal("333.32"),
    ]


def test_the_last_day_of_the_month_stays_it() -> None:
    due = [i.due_on for i in plan("1000", annual_rate=Decimal(0), months=14)]

    assert due[:4] == [
        dt.date(2026, 1, 31),
        dt.date(2026, 2, 28),
        dt.date(2026, 3, 31),
        dt.date(2026, 4, 30),
    ]
    assert due[13] == dt.date(2027, 2, 28)


def test_payments_up_to_the_day_of_the_balance_were_made() -> None:
    # The 2nd of 12 was due on 28 February: 10 are left, on that balance.
    later = plan("1000", after=dt.date(2026, 2, 28), annual_rate=Decimal(0), months=12)

    assert [later[0].due_on, later[-1].due_on, len(later)] == [
        dt.date(2026, 3, 31),
        dt.date(2026, 12, 31),
        10,
    ]
    assert {i.payment for i in later} == {Decimal(100)}


def test_nothing_is_paid_when_nothing_is_owed_or_the_months_are_over() -> None:
    assert plan("0", monthly_payment=Decimal(10)) == []
    assert plan("-0.0", months=10) == []
    assert plan("50", months=12, after=dt.date(2027, 1, 1)) == []


def test_a_payment_below_the_interest_is_refused() -> None:
    # A month's interest is 5.
    for payment in ("3", "5"):
        with pytest.raises(OperationError, match=r"never pays off 1000.*interest alone is 5\.00"):
            plan("1000", monthly_payment=Decimal(payment))

    assert len(plan("1000", monthly_payment=Decimal("5.20"))) > 500


def test_a_loan_that_outlasts_its_debtor_is_refused() -> None:
    with pytest.raises(OperationError, match="1200 months"):
        plan("1000", annual_rate=Decimal(0), monthly_payment=Decimal("0.83"))

    assert len(plan("1000", annual_rate=Decimal(0), monthly_payment=Decimal("0.84"))) == 1191


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"monthly_payment": Decimal(1), "months": 1},
        {"months": 0},
        {"months": 1201},
        {"monthly_payment": Decimal(0)},
        {"monthly_payment": Decimal(-5)},
        {"monthly_payment": Decimal("Infinity")},
        {"months": 1, "annual_rate": Decimal("4.5")},
        {"months": 1, "annual_rate": Decimal(1)},
        {"months": 1, "annual_rate": Decimal("-0.01")},
        {"months": 1, "annual_rate": Decimal("NaN")},
    ],
)
def test_terms_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OperationError):
        plan("1000", **wrong)


@given(units=owed_units, rate=rates, months=st.integers(1, 400), places=digits, first=days)
def test_a_loan_by_months_ends_in_time_at_exactly_nothing(
    units: int, rate: Decimal, months: int, places: int, first: dt.date
) -> None:
    unit = Decimal(1).scaleb(-places)
    owed = units * unit
    terms = LoanTerms(rate, first, months=months)

    payments = schedule(owed, terms, after=first - dt.timedelta(1), digits=places)

    assert len(payments) <= months
    check_plan(owed, rate, payments, unit)
    # No payment smaller by one unit would do: the schedule by that payment takes longer.
    less = payments[0].payment - unit
    if len(payments) > 1 and less > payments[0].interest:
        slower = LoanTerms(rate, first, monthly_payment=less)
        with suppress(OperationError):  # it would never end
            longer = schedule(owed, slower, after=first - dt.timedelta(1), digits=places)
            assert len(longer) > months


@given(units=owed_units, rate=rates, share=st.integers(2, 300), places=digits, first=days)
def test_a_loan_by_payment_ends_at_exactly_nothing(
    units: int, rate: Decimal, share: int, places: int, first: dt.date
) -> None:
    unit = Decimal(1).scaleb(-places)
    owed = units * unit
    payment = owed / share + owed * rate / 12 + unit
    payment = payment.quantize(unit)
    assume(payment > 0)

    payments = schedule(
        owed, LoanTerms(rate, first, monthly_payment=payment), after=first, digits=places
    )

    check_plan(owed, rate, payments, unit)
    assert {i.payment for i in payments[:-1]} <= {payment}
    assert payments[0].due_on > first


def check_plan(owed: Decimal, rate: Decimal, payments: list[Instalment], unit: Decimal) -> None:
    assert payments[-1].balance == 0
    assert sum(i.principal for i in payments) == owed
    balances = [owed, *(i.balance for i in payments)]
    assert all(before > after for before, after in pairwise(balances))
    assert all(
        i.principal == before - i.balance for before, i in zip(balances, payments, strict=False)
    )
    with localcontext(prec=60):
        for before, i in zip(balances, payments, strict=False):
            assert abs(i.interest - before * rate / 12) <= unit / 2
    assert all(i.payment == payments[0].payment for i in payments[:-1])
    assert payments[-1].payment <= payments[0].payment
    assert all(before.due_on < after.due_on for before, after in pairwise(payments))


@given(first=days, after=days, months=st.integers(1, 1200))
def test_due_days_are_the_first_ones_day_of_each_month(
    first: dt.date, after: dt.date, months: int
) -> None:
    terms = LoanTerms(Decimal(0), first, months=months)
    owed = Decimal(10**6)

    due = [i.due_on for i in schedule(owed, terms, after=after, digits=2)]

    # By hand: every month from the first one, its day or the month's last one.
    wanted = []
    for number in range(months):
        year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
        next_month = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
        last = (next_month - dt.timedelta(1)).day
        wanted.append(dt.date(year, month + 1, min(first.day, last)))
    assert due == [day for day in wanted if day > after]
