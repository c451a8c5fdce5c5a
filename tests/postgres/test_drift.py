"""A row that is lost, made up, altered or dated wrongly shows, with its day; nothing else does."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account, BalanceSnapshot, Transaction
from postgres.common.operations import balances
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import at, day, make_account, move, report

SEED = 20260322
CLEAN, PLANTED = 500, 100
START = dt.date(2026, 1, 10)
DAYS = 40
FAULTS = ("lost", "made up", "altered", "dated later", "dated earlier")


@dataclass(frozen=True)
class Row:
    day: dt.date
    amount: Decimal
    seen_on: dt.date


def an_instant(on: dt.date) -> dt.datetime:
    return dt.datetime.combine(on, dt.time(9), dt.UTC)


def rows_of_a_world(chance: random.Random) -> list[Row]:
    days = [START + dt.timedelta(days=n) for n in range(DAYS)]
    return [
        Row(day, Decimal(chance.choice((-350, -350, -1200, -999, 150000))) / 100, day)
        for day in days
        for _ in range(chance.choice((0, 0, 1, 2)))
    ] or [Row(START, Decimal(-1), START)]


def reports_of(rows: list[Row], opening: Decimal) -> Iterator[tuple[dt.date, Decimal]]:
    """Yield the balances that a pull every morning brings: those that are not as before."""
    before = None
    for number in range(DAYS):
        today = START + dt.timedelta(days=number)
        amount = opening + sum(row.amount for row in rows if row.day <= today)
        if amount != before:
            yield today, amount
        before = amount


def plant(
    chance: random.Random, rows: list[Row], fault: str, reported: set[dt.date]
) -> tuple[list[Row], dt.date]:
    """Return the rows as a ledger that errs has them, and the first day on which it does.

    :param reported: days of which the bank said something; a wrong date between two shows nowhere,
        and the newest balance may know rows of days to come.
    """
    while True:
        place = chance.randrange(1, len(rows))
        row, rest = rows[place], [*rows[:place], *rows[place + 1 :]]
        if fault == "lost":
            return rest, row.day
        if fault == "made up":
            return [*rows, replace(row, amount=Decimal("-7.77"))], row.day
        if fault == "altered":
            return [*rest, replace(row, amount=row.amount + Decimal("0.01"))], row.day
        days = chance.randrange(1, 6) * (1 if fault == "dated later" else -1)
        moved = max(row.day + dt.timedelta(days=days), rows[0].day)
        first, last = sorted((row.day, moved))
        # A row that came after the balance of its day says nothing against that.
        since = first if moved > row.day else first + dt.timedelta(days=1)
        if any(since <= day < last and day < max(reported) for day in reported):
            return [*rest, replace(row, day=moved)], first


def store(session: Session, account: Account, rows: list[Row]) -> None:
    session.execute(
        sa.insert(Transaction),
        [
            {
                "user_id": account.user_id,
                "account_id": account.id,
                "source_key": str(number),
                "status": "booked",
                "amount": row.amount,
                "currency": account.currency,
                "booking_date": row.day,
                "kind": "payment",
                "raw_table": "gocardless.transactions",
                "raw_id": uuid.uuid4(),
                "first_seen_at": an_instant(row.seen_on),
            }
            for number, row in enumerate(rows)
        ],
    )


def test_drift_is_found_with_its_first_day_and_never_where_there_is_none(session: Session) -> None:
    chance = random.Random(SEED)  # noqa: S311
    ledger = make_ledger(session)
    expected: dict[uuid.UUID, dt.date | None] = {ledger.account.id: None}
    faults: dict[uuid.UUID, str] = {}
    for number in range(CLEAN + PLANTED):
        account = make_account(session, ledger)
        rows = rows_of_a_world(chance)
        told: list[dict[str, Any]] = [
            {
                "user_id": account.user_id,
                "account_id": account.id,
                "balance_type": "interimBooked",
                "amount": amount,
                "currency": account.currency,
                "observed_at": an_instant(today),
                "is_booked": True,
                "raw_id": uuid.uuid4(),
            }
            for today, amount in reports_of(rows, Decimal(chance.randrange(100_000)) / 100)
        ]
        session.execute(sa.insert(BalanceSnapshot), told)
        expected[account.id] = None
        held = rows
        if number >= CLEAN and len({row.day for row in rows}) > 2:
            faults[account.id] = FAULTS[number % len(FAULTS)]
            reported = {each["observed_at"].date() for each in told}
            held, expected[account.id] = plant(chance, rows, faults[account.id], reported)
        # As it was found on the first day, before anything went wrong.
        opening = told[0]["amount"] - sum(row.amount for row in rows if row.day <= START)
        account.opening_balance, account.opening_date = opening, rows[0].day
        session.flush()
        store(session, account, held)

    found = {
        each.account_id: each.drifts_since
        for each in balances.reconcile(session, user_id=ledger.user.id)
    }

    assert found.keys() == expected.keys()
    clean = [account for account, first in expected.items() if first is None]
    assert len(clean) > CLEAN
    assert {found[account] for account in clean} == {None}
    planted = list(faults)
    assert len(planted) > 0.9 * PLANTED
    missed = [faults[account] for account in planted if found[account] is None]
    assert not missed, f"seed {SEED}: {missed}"
    exact = sum(found[account] == expected[account] for account in planted)
    assert exact >= 0.95 * len(planted), f"seed {SEED}: {exact} of {len(planted)}"


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def account(session: Session, ledger: Ledger) -> Account:
    return make_account(session, ledger, opening="100", opened=day(1))


def reconciled(session: Session, account: Account) -> balances.Reconciliation:
    found = balances.reconcile(session, user_id=account.user_id)
    return next(each for each in found if each.account_id == account.id)


def test_what_agrees_again_says_from_when_to_when_it_did_not(
    session: Session, account: Account
) -> None:
    move(session, account, day(6), "-10")
    for number, amount in ((1, "100"), (4, "90"), (6, "90"), (8, "90")):
        report(session, account, amount, at(number))

    found = reconciled(session, account)

    assert found.drift == 0
    assert (found.drifts_since, found.agrees_since) == (day(4), day(6))


def test_a_balance_of_the_moment_counts_more_than_one_of_last_night(
    session: Session, account: Account
) -> None:
    move(session, account, day(2), "-10")
    report(session, account, "90", at(3))
    report(session, account, "600", at(3), balance_type="closingBooked")

    assert reconciled(session, account).drift == 0


def test_what_is_not_known_is_no_drift_and_no_zero(session: Session, ledger: Ledger) -> None:
    unknown = make_account(session, ledger)
    move(session, unknown, day(2), "-10")
    report(session, unknown, "5", at(3), balance_type="interimAvailable", is_booked=False)

    found = reconciled(session, unknown)

    assert (found.reported, found.computed, found.drift, found.drifts_since) == (None,) * 4
