"""A pending row counts in no figure until it is booked, unless the pending ones are asked for."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import (
    AccountType,
    BudgetPeriod,
    GoalTrackingMode,
    RecurringDirection,
    RecurringFrequency,
    SplitSource,
    TransactionKind,
    TransactionStatus,
)
from postgres.common.models import Account, Merchant, Tag, Transaction, TransactionSplit
from postgres.common.operations import (
    accounts,
    balances,
    budgets,
    financial_milestones,
    goals,
    net_worth,
    planned_transactions,
    recurring_events,
    recurring_pattern_transactions,
    recurring_patterns,
    transactions,
    upcoming,
)
from tests.postgres.ledger import Ledger, make_ledger, make_merchant
from tests.postgres.worth import at, day, hold, make_account, move, report, set_rate

NOW, TODAY = at(20, hour=12), day(20)
PENDING = TransactionStatus.PENDING
FIRST = day(20, month=2)
WAITING = (
    (day(27, month=2), "-7", "GBP"),
    (day(13), "-50", "GBP"),
    (day(19), "-50", "GBP"),
    (day(19), "-51", "USD"),
    (day(19), "70", "GBP"),
    (day(19), "-2", "XTS"),
)
"""What a row of each kind is made of; the one of 70 has no day yet."""


@pytest.fixture
def ledger(session: Session) -> Ledger:
    """A user whose figures all say something, and from which 50 pounds more would be too many."""
    ledger = make_ledger(session)
    user_id = ledger.user.id
    food = Tag(user_id=user_id, name="Food")
    merchant = make_merchant(session, ledger, "SHOP")
    session.add(food)
    session.flush()
    ledger.account.opening_balance = Decimal(10)
    move(session, ledger.account, day(4), "-1")
    broker = make_account(session, ledger, account_type=AccountType.INVESTMENT, opening="3")
    move(session, broker, day(4), "-2")
    hold(session, broker, day(14), "9")
    account = make_account(session, ledger, opening="500", opened=day(1))
    unopened = make_account(session, ledger)
    set_rate(session, "USD", day(1), "1.25")
    for on, amount in ((2, "-30"), (6, "-25"), (9, "100"), (12, "-25")):
        row = move(session, account, day(on), amount)
        row.merchant_id = merchant.id
        _tag(session, row, food)
    move(session, unopened, day(10), "-5")
    report(session, account, "520", at(15))
    report(session, unopened, "40", at(15))
    balances.set_low_balance(session, user_id, account.id, Decimal(500))
    for name, tags in (("food", [food.id]), ("all", [])):
        budgets.create_budget(
            session,
            user_id,
            name=name,
            period=BudgetPeriod.WEEKLY,
            currency="GBP",
            limit=Decimal(60),
            starts_on=day(2),
            tag_ids=tags,
            is_overall=not tags,
            rollover=True,
        )
    modes = GoalTrackingMode
    for mode, target in ((modes.BALANCE, "530"), (modes.DELTA, "40"), (modes.TARGET_BALANCE, "0")):
        goals.create_goal(
            session,
            user_id,
            name=mode.value,
            tracking_mode=mode,
            target_amount=Decimal(target),
            currency="GBP",
            start_date=day(5),
            account_id=account.id,
        )
    financial_milestones.create_milestone(
        session,
        user_id,
        name="more",
        target_amount=Decimal(570),
        currency="GBP",
        starts_on=day(1),
    )
    planned_transactions.create_planned_transaction(
        session,
        user_id,
        account_id=account.id,
        description="a plan",
        amount=Decimal(-50),
        currency="GBP",
        starts_on=day(19),
    )
    recurring_patterns.create_pattern(
        session,
        user_id,
        account_id=account.id,
        direction=RecurringDirection.EXPENSE,
        currency="GBP",
        frequency=RecurringFrequency.WEEKLY,
        at=at(1),
        amount=Decimal(-50),
        next_date=day(12),
        merchant_id=merchant.id,
    )
    session.flush()
    return ledger


def _tag(session: Session, row: Transaction, tag: Tag) -> None:
    session.add(
        TransactionSplit(
            user_id=row.user_id,
            transaction_id=row.id,
            tag_id=tag.id,
            amount=row.amount,
            currency=row.currency,
            source=SplitSource.USER,
        )
    )
    session.flush()


def wait(session: Session, ledger: Ledger) -> list[Transaction]:
    """Let rows of every kind wait at the bank, with a day and without one."""
    food = session.scalars(sa.select(Tag).where(Tag.user_id == ledger.user.id)).one()
    merchant_id = session.scalar(sa.select(Merchant.id).where(Merchant.user_id == ledger.user.id))
    rows = []
    held = sa.select(Account).where(Account.user_id == ledger.user.id)
    for account in session.scalars(held).all():
        for kind in TransactionKind:
            for on, amount, currency in WAITING:
                row = move(
                    session, account, on, amount, kind=kind, currency=currency, status=PENDING
                )
                row.merchant_id = merchant_id
                row.booking_date = None if amount == "70" else on
                _tag(session, row, food)
                rows.append(row)
    session.expire_all()
    return rows


def figures(session: Session, ledger: Ledger) -> dict[str, Any]:
    """Return all that a user is told of their money, but for what waits."""
    user_id = ledger.user.id
    told: dict[str, Any] = {
        "budgets": [
            {name: getattr(each, name) for name in each.__slots__ if name not in BESIDE}
            | {"remaining": each.remaining, "pct": each.pct}
            for each in _budgets(session, user_id)
        ],
        "totals": [
            (each.account.id, each.booked, each.booked_sum, each.last_booking_date)
            for each in accounts.list_account_totals(session, user_id=user_id)
        ],
        "flows": sorted(
            (each.currency, each.booked, each.money_in, each.money_out, each.last_booking_date)
            for each in transactions.list_currency_totals(session, user_id)
            if each.booked
        ),
        "worth": net_worth.net_worth_series(session, user_id, since=FIRST, until=day(31)),
        "goals": [
            (each.goal.name, each.start_amount, each.amount, each.progress)
            for each in goals.list_progress(session, user_id, on=TODAY)
        ],
        "reconciled": balances.reconcile(session, user_id=user_id),
        "due": upcoming.list_upcoming(session, user_id, first=day(1), last=day(31)),
        "overdue": upcoming.list_overdue(session, user_id, today=TODAY),
    }
    for account_id in (row[0] for row in told["totals"]):
        told[f"balance of {account_id}"] = balances.list_daily_balances(
            session, user_id, account_id, since=FIRST, until=day(31)
        )
    return told


BESIDE = ("pending", "unconverted")
"""What a budget says of what waits, apart from all else."""


def _budgets(session: Session, user_id: uuid.UUID) -> list[budgets.BudgetStatus]:
    names = budgets.list_budgets(session, user_id).items
    return [
        status
        for each in names
        for status in budgets.history(session, user_id, each.id, since=day(2), until=TODAY)
    ]


def decide(session: Session, ledger: Ledger) -> dict[str, Any]:
    """Return what is decided and announced by those figures, with what it leaves behind."""
    for account in accounts.list_accounts(session, ledger.user.id).items:
        balances.set_opening_balance(session, ledger.user.id, account.id)
    session.expire_all()
    return {
        "budgets": budgets.check_budgets(session, now=NOW),
        "low balances": balances.warn_of_low_balances(session, now=NOW),
        "goals": goals.evaluate_goals(session, now=NOW),
        "milestones": financial_milestones.evaluate_milestones(session, now=NOW),
        "plans": planned_transactions.match_planned(session, now=NOW),
        "patterns": recurring_pattern_transactions.match_patterns(session),
        "prices": recurring_events.announce_price_changes(session),
        "missed": recurring_events.announce_missed_payments(session, now=NOW),
        "opened": [
            (each.id, each.opening_balance, each.opening_date)
            for each in accounts.list_accounts(session, ledger.user.id).items
        ],
        "figures": figures(session, ledger),
    }


def test_what_waits_changes_no_figure_and_decides_nothing(session: Session, ledger: Ledger) -> None:
    before = figures(session, ledger)
    with session.begin_nested() as without:
        decided = decide(session, ledger)
        without.rollback()

    rows = wait(session, ledger)

    assert figures(session, ledger) == before
    assert decide(session, ledger) == decided

    # They are told of beside the figures, by name ...
    held = accounts.list_account_totals(session, user_id=ledger.user.id)
    waits = {each.account.id: (each.pending, each.pending_sum) for each in held}
    assert sum(count for count, _ in waits.values()) == len(rows)
    assert {total for _, total in waits.values()} == {-37 * len(TransactionKind)}
    assert sum(each.pending for each in _budgets(session, ledger.user.id)) != 0
    asked = transactions.TransactionFilter(statuses=[PENDING])
    found = transactions.list_transactions(session, ledger.user.id, filters=asked, limit=500)
    assert {each.id for each in found.items} == {each.id for each in rows}

    # ... and count once they are booked.
    for row in rows:
        row.status, row.booking_date = TransactionStatus.BOOKED, dt.date(2026, 3, 19)
    session.flush()
    after = figures(session, ledger)
    same = {name for name in before if after[name] == before[name]}
    assert same <= {"due", "overdue"}, same
