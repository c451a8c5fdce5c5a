"""What a run tells users."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa

from ingestion import write_back
from postgres.common.enums import BudgetPeriod, NotificationType
from postgres.common.models import Notification
from postgres.common.operations import budgets
from tests.conftest import World
from tests.postgres.ledger import book, make_ledger


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
