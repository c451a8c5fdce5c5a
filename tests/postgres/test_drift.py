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
            shows = (
                first
                if first not in reported or moved > row.day
                else min(day for day in reported if day > first)
            )
            return [*rest, replace(row, day=moved)], shows


def stored(account_id: uuid.UUID, ledger: Ledger, row: Row, number: int) -> dict[str, Any]:
    return {
        "user_id": ledger.user.id,
        "account_id": account_id,
        "source_key": str(number),
        "status": "booked",
        "amount": row.amount,
        "currency": "GBP",
        "booking_date": row.day,
        "kind": "payment",
        "raw_table": "gocardless.transactions",
        "raw_id": uuid.uuid4(),
        "first_seen_at": an_instant(row.seen_on),
    }


def said(account_id: uuid.UUID, ledger: Ledger, today: dt.date, amount: Decimal) -> dict[str, Any]:
    return {
        "user_id": ledger.user.id,
        "account_id": account_id,
        "balance_type": "interimBooked",
        "amount": amount,
        "currency": "GBP",
        "observed_at": an_instant(today),
        "is_booked": True,
        "raw_id": uuid.uuid4(),
    }


def opened(account_id: uuid.UUID, ledger: Ledger, on: dt.date, balance: Decimal) -> dict[str, Any]:
    return {
        "id": account_id,
        "user_id": ledger.user.id,
        "institution_id": ledger.institution.id,
        "account_number": str(account_id),
        "currency": "GBP",
        "account_type": "bank",
        "category": "bank_account",
        "name": "Account",
        "opening_balance": balance,
        "opening_date": on,
    }


def test_drift_is_found_with_its_first_day_and_never_where_there_is_none(session: Session) -> None:
    chance = random.Random(SEED)  # noqa: S311
    ledger = make_ledger(session)
    expected: dict[uuid.UUID, dt.date | None] = {}
    faults: dict[uuid.UUID, str] = {}
    tables: dict[Any, list[dict[str, Any]]] = {Account: [], BalanceSnapshot: [], Transaction: []}
    for number in range(CLEAN + PLANTED):
        account_id = uuid.UUID(int=chance.getrandbits(128), version=4)
        rows = held = rows_of_a_world(chance)
        opening = Decimal(chance.randrange(100_000)) / 100
        told = dict(reports_of(rows, opening))
        expected[account_id] = None
        if number >= CLEAN:
            faults[account_id] = FAULTS[number % len(FAULTS)]
            held, expected[account_id] = plant(chance, rows, faults[account_id], set(told))
        tables[Account].append(opened(account_id, ledger, rows[0].day, opening))
        tables[BalanceSnapshot] += [said(account_id, ledger, *each) for each in told.items()]
        tables[Transaction] += [stored(account_id, ledger, r, n) for n, r in enumerate(held)]
    for model, records in tables.items():
        session.execute(sa.insert(model), records)
    # As a database does by itself before long.
    session.execute(
        sa.text("analyze common.accounts, common.balance_snapshots, common.transactions")
    )

    found = {
        each.account_id: each.drifts_since
        for each in balances.reconcile(session, user_id=ledger.user.id)
        if each.account_id != ledger.account.id
    }

    assert found.keys() == expected.keys()
    assert {found[account_id] for account_id in expected.keys() - faults.keys()} == {None}
    missed = [fault for account_id, fault in faults.items() if found[account_id] is None]
    assert not missed, f"seed {SEED}: {missed}"
    exact = sum(found[account_id] == expected[account_id] for account_id in faults)
    assert exact >= 0.95 * PLANTED, f"seed {SEED}: {exact} of {PLANTED}"


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
