"""How a loan is paid off: equal monthly payments, each first of the interest, then of what is owed.

Pure: amounts here are what is owed and paid, positive. Every amount is rounded to the currency's
smallest unit as it arises, half a unit upwards, so that the plan adds up as a statement does.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from dateutil.relativedelta import relativedelta

from postgres.errors import OperationError

MOST_MONTHS = 1200
"""A plan that takes longer is none."""


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """What was agreed. Either the payment or the months are given, and the other one follows.

    :param annual_rate: nominal, as a share: 0.045 is 4.5 per cent a year, a twelfth of it a month.
    :param first_payment_on: its day of the month is that of all payments; where a month is too
        short, its last day. It may lie in the past.
    :param monthly_payment: what is paid a month; positive.
    :param months: number of payments from the first one to the last, from 1 to 1200.
    :raises OperationError: if they are not such terms.
    """

    annual_rate: Decimal
    first_payment_on: dt.date
    monthly_payment: Decimal | None = None
    months: int | None = None

    def __post_init__(self) -> None:
        if (self.monthly_payment is None) == (self.months is None):
            message = "a loan has a monthly payment or a number of months, one of the two"
            raise OperationError(message)
        if not (self.annual_rate.is_finite() and 0 <= self.annual_rate < 1):
            message = "a loan's rate is a share of at least 0 and below 1: 0.045 is 4.5 per cent"
            raise OperationError(message)
        payment = self.monthly_payment
        if payment is not None and not (payment.is_finite() and payment > 0):
            message = "a loan's monthly payment is an amount above 0"
            raise OperationError(message)
        if self.months is not None and not 1 <= self.months <= MOST_MONTHS:
            message = f"a loan has from 1 to {MOST_MONTHS} months"
            raise OperationError(message)


@dataclass(frozen=True, slots=True)
class Instalment:
    """One payment.

    :param balance: what is owed after it.
    """

    due_on: dt.date
    interest: Decimal
    principal: Decimal
    balance: Decimal

    @property
    def payment(self) -> Decimal:
        """What is paid in all."""
        return self.interest + self.principal


def next_due(terms: LoanTerms, *, after: dt.date) -> dt.date:
    """Return the day of the first payment after a day, as if there was no last one."""
    return _due_on(terms.first_payment_on, _first_after(after, terms.first_payment_on))


def schedule(owed: Decimal, terms: LoanTerms, *, after: dt.date, digits: int) -> list[Instalment]:
    """Return the payments that are still to come, down to exactly nothing owed.

    Each carries a whole month's interest, whatever day ``owed`` was stated on; before the first
    payment nothing accrues. The last payment is the rest, and no larger than the others. With
    months given, the payment is the least that pays off in those that are left.

    :param owed: what is owed at the end of the day ``after``; not negative.
    :param after: payments due up to this day were made.
    :param digits: behind the point of the currency's amounts.
    :returns: empty if nothing is owed, or the agreed months are over.
    :raises OperationError: if the payment does not pay the loan off, or not in 1200 months.
    """
    unit = Decimal(1).scaleb(-digits)
    first = _first_after(after, terms.first_payment_on)
    payment = terms.monthly_payment
    if payment is None:
        left = (terms.months or 0) - first
        if left <= 0:
            return []
        payment = _least_payment(owed, terms.annual_rate, left, unit)
    return [
        Instalment(_due_on(terms.first_payment_on, first + number), interest, principal, balance)
        for number, (interest, principal, balance) in enumerate(
            _payments(owed, terms.annual_rate, payment, unit)
        )
    ]


def _payments(
    owed: Decimal, annual_rate: Decimal, payment: Decimal, unit: Decimal
) -> Iterator[tuple[Decimal, Decimal, Decimal]]:
    for _ in range(MOST_MONTHS):
        if owed <= 0:
            return
        interest = _interest(owed, annual_rate, unit)
        principal = min(payment - interest, owed)
        if principal <= 0:
            message = f"{payment} a month never pays off {owed}: its interest alone is {interest}"
            raise OperationError(message)
        owed -= principal
        yield interest, principal, owed
    if owed > 0:
        message = f"{payment} a month does not pay the loan off in {MOST_MONTHS} months"
        raise OperationError(message)


def _interest(owed: Decimal, annual_rate: Decimal, unit: Decimal) -> Decimal:
    return (owed * annual_rate / 12).quantize(unit, ROUND_HALF_UP)


def _least_payment(owed: Decimal, annual_rate: Decimal, months: int, unit: Decimal) -> Decimal:
    """Return the annuity, found by trying, so that what is rounded each month is in it."""

    def pays_off(units: int) -> bool:
        left = owed
        for _ in range(months):
            left -= units * unit - _interest(left, annual_rate, unit)
            if left <= 0:
                return True
        return False

    # In one month everything and its interest are paid.
    enough = int(owed * (1 + annual_rate) / unit) + 1
    return unit * bisect_left(range(enough), True, key=pays_off)


def _due_on(first_payment_on: dt.date, number: int) -> dt.date:
    # From the first one and not from the one before, so that the 31st comes back after February.
    return first_payment_on + relativedelta(months=number)


def _first_after(day: dt.date, first_payment_on: dt.date) -> int:
    """Return the number of the first payment that is due after a day."""
    passed = relativedelta(day, first_payment_on)
    number = max(0, 12 * passed.years + passed.months)
    return number if _due_on(first_payment_on, number) > day else number + 1
