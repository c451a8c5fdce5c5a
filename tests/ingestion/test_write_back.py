"""What a run tells users."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import sqlalchemy as sa

from ingestion import write_back
from postgres.common.enums import (
    BudgetPeriod,
    GoalStatus,
    GoalTrackingMode,
    NotificationType,
    RecurringDirection,
    RecurringFrequency,
)
from postgres.common.models import Account, Notification
from postgres.common.operations import (
    balances,
    budgets,
    financial_milestones,
    fx_rates,
    goals,
    net_worth,
    planned_transactions,
    recurring_patterns,
)
from tests.conftest import World
from tests.ingestion.pipeline import sync
from tests.postgres.ledger import book, make_ledger
from tests.postgres.worth import at, make_account, move, report


def test_a_budget_that_is_exceeded_is_told_of_once_in_many_runs(world: World) -> None:
    with world.sessions.begin() as session:
        ledger = make_ledger(session)
        budgets.create_budget(
            session,
            ledger.user.id,
            name="Everything",
            period=BudgetPeriod.MONTHLY,
            currency="GBP",
            limit=Decimal(100),
            starts_on=dt.date(2026, 3, 1),
            is_overall=True,
        )
        book(session, ledger, dt.date(2026, 3, 14), "-100.01")

    written = [write_back.notify(world.run(f"run-{n}")).counts.written for n in range(5)]

    with world.sessions() as session:
        said = session.scalars(
            sa.select(Notification.user_id).where(
                Notification.type == NotificationType.BUDGET_EXCEEDED
            )
        ).all()
    assert said == [ledger.user.id]
    assert written[1:] == [0, 0, 0, 0]


def test_a_goal_a_milestone_and_a_low_balance_are_told_of_once_in_many_runs(
    world: World,
) -> None:
    sync(world.run())
    today = dt.date(2026, 3, 15)
    with world.sessions.begin() as session:
        rates = [
            {"currency": currency, "day": today, "rate": Decimal(rate), "source": "ecb"}
            for currency, rate in (("GBP", "0.85"), ("USD", "1.1"), ("JPY", "160"))
        ]
        fx_rates.load_rates(session, rates)
        worth = net_worth.net_worth(session, world.user_id, on=today)
        assert worth is not None
        assert worth.total is not None
        assert (worth.total > 0, worth.unknown_accounts) == (True, 0)
        (account, *_) = session.scalars(
            sa.select(Account).where(Account.opening_balance + 1 > 0).order_by(Account.name)
        )
        goal = goals.create_goal(
            session,
            world.user_id,
            name="Afloat",
            tracking_mode=GoalTrackingMode.DELTA,
            target_amount=Decimal("0.01"),
            currency=account.currency,
            account_id=account.id,
            start_date=today,
            start_amount=Decimal(-(10**6)),
        )
        milestone = financial_milestones.create_milestone(
            session,
            world.user_id,
            name="Here",
            target_amount=worth.total,
            currency=worth.currency,
            starts_on=today,
        )

        balances.set_low_balance(session, world.user_id, account.id, Decimal(10**9))

    written = [write_back.notify(world.run(f"run-{n}")).counts.written for n in range(3)]

    with world.sessions() as session:
        told = {
            NotificationType.GOAL_REACHED,
            NotificationType.MILESTONE_REACHED,
            NotificationType.LOW_BALANCE,
        }
        kinds = session.scalars(
            sa.select(Notification.type).where(Notification.type.in_(told))
        ).all()
        assert sorted(kinds) == sorted(told)
        session.add_all([goal, milestone])
        session.refresh(goal)
        session.refresh(milestone)
        assert (goal.status, milestone.reached_on) == (GoalStatus.COMPLETED, today)
    assert written[1:] == [0, 0]


def test_a_time_zone_that_the_database_lacks_stops_nothing(world: World) -> None:
    today = dt.date(2026, 3, 15)
    with world.sessions.begin() as session:
        for zone in ("Mars/Olympus", "Europe/London"):
            ledger = make_ledger(session)
            user_id, account = ledger.user.id, make_account(session, ledger)
            report(session, account, "50", at(1))
            balances.set_low_balance(session, user_id, account.id, Decimal(60))
            goals.create_goal(
                session,
                user_id,
                name="Afloat",
                tracking_mode=GoalTrackingMode.DELTA,
                target_amount=Decimal(45),
                currency="GBP",
                account_id=account.id,
                start_date=today,
                start_amount=Decimal(0),
            )
            financial_milestones.create_milestone(
                session,
                user_id,
                name="Here",
                target_amount=Decimal(45),
                currency="GBP",
                starts_on=today,
            )
            recurring_patterns.create_pattern(
                session,
                user_id,
                account_id=account.id,
                direction=RecurringDirection.EXPENSE,
                currency="GBP",
                frequency=RecurringFrequency.WEEKLY,
                merchant_contains="gym",
                amount=Decimal(-20),
                next_date=dt.date(2026, 3, 3),
                at=at(1),
            )
            planned = planned_transactions.create_planned_transaction(
                session,
                user_id,
                account_id=account.id,
                description="Rent",
                amount=Decimal(-5),
                currency="GBP",
                starts_on=dt.date(2026, 3, 9),
            )
            move(session, account, dt.date(2026, 3, 9), "-5")
            ledger.connection.consent_expires_at = at(14)
            ledger.user.time_zone = zone
        plans = planned_transactions.match_planned(session, now=at(15))

    write_back.notify(world.run())

    with world.sessions() as session:
        told = session.scalars(
            sa.select(Notification.type).where(Notification.user_id != world.user_id)
        ).all()
    assert (plans, planned.is_active) == (2, True)
    assert Counter(told) == {
        NotificationType.GOAL_REACHED: 2,
        NotificationType.MILESTONE_REACHED: 2,
        NotificationType.LOW_BALANCE: 2,
        NotificationType.MISSED_PAYMENT: 2,
        NotificationType.CONSENT_EXPIRY: 2,
    }


def test_a_sync_is_told_of_and_its_repeats_are_not(world: World) -> None:
    written = []
    for number in range(3):
        sync(world.run(f"run-{number}"))
        written.append(write_back.notify(world.run(f"run-{number}")).counts.written)

    with world.sessions() as session:
        said = session.scalars(
            sa.select(Notification.message).where(
                Notification.type == NotificationType.SYNC_COMPLETE
            )
        ).all()
    assert sorted(said) == [
        "Harbour Bank was read for the first time.",
        "Northgate Bank was read for the first time.",
        "Trading 212 was read for the first time.",
    ]
    assert written[1:] == [0, 0]
