"""What the user saves for or pays off."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import GoalStatus, GoalTrackingMode
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Goal(HasId, HasTimes, Base):
    """An amount to reach. What its progress is: ``postgres.common.operations.goals``.

    A goal whose account is deleted is paused by trigger and measured on nothing else.
    """

    __tablename__ = "goals"
    __table_args__ = (
        # What GoalContribution refers to: a contribution is in the currency of its goal.
        sa.UniqueConstraint("id", "user_id", "currency"),
        same_owner("account_id", "accounts", ondelete="SET NULL"),
        sa.Index(None, "account_id"),
        sa.CheckConstraint("name ~ '\\S'", name="has_name"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso"),
        # NaN and infinity are larger than any amount.
        sa.CheckConstraint(
            "target_amount < 'infinity' and target_amount > '-infinity'"
            " and (target_amount > 0 or tracking_mode = 'target_balance')",
            name="target_is_money",
        ),
        sa.CheckConstraint(
            "start_amount is null or tracking_mode in ('delta', 'target_balance')"
            " and start_amount < 'infinity' and start_amount > '-infinity'",
            name="start_is_money",
        ),
        sa.CheckConstraint(
            "tracking_mode <> 'target_balance' or start_amount <> target_amount",
            name="target_is_not_its_start",
        ),
        sa.CheckConstraint(
            "tracking_mode <> 'manual' or account_id is null", name="manual_has_no_account"
        ),
        sa.CheckConstraint(
            "tracking_mode = 'manual' or account_id is not null or status <> 'active'",
            name="active_has_its_account",
        ),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str]
    tracking_mode: Mapped[GoalTrackingMode] = mapped_column(checked(GoalTrackingMode))
    status: Mapped[GoalStatus] = mapped_column(
        checked(GoalStatus), server_default=GoalStatus.ACTIVE.value
    )
    account_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="what is measured; null: manual, or the account was deleted"
    )
    target_amount: Mapped[Decimal] = mapped_column(
        comment="delta: how much more; target_balance: the balance itself, 0 for a debt paid off"
    )
    currency: Mapped[str] = mapped_column(comment="ISO 4217; the account's balance is converted")
    target_date: Mapped[dt.date | None]
    start_date: Mapped[dt.date] = mapped_column(comment="first day whose money counts")
    start_amount: Mapped[Decimal | None] = mapped_column(
        comment="balance that progress starts from, as the user says; null: as the ledger does"
    )
    completed_at: Mapped[dt.datetime | None] = mapped_column(comment="null: it is not completed")
    times_completed: Mapped[int] = mapped_column(
        server_default="0", comment="tells the news of one completion from that of the next"
    )


class GoalContribution(HasId, Base):
    """Money put aside for a manual goal, or taken back. It is never changed, only deleted."""

    __tablename__ = "goal_contributions"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["goal_id", "user_id", "currency"],
            [f"{SCHEMA}.goals.{column}" for column in ("id", "user_id", "currency")],
            ondelete="CASCADE",
        ),
        same_owner("transaction_id", "transactions", ondelete="SET NULL"),
        sa.UniqueConstraint("goal_id", "transaction_id"),
        sa.Index(None, "goal_id", "contributed_on"),
        sa.Index(None, "transaction_id"),
        sa.CheckConstraint(
            "amount <> 0 and amount < 'infinity' and amount > '-infinity'", name="amount_is_money"
        ),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    goal_id: Mapped[uuid.UUID]
    amount: Mapped[Decimal] = mapped_column(comment="put aside: positive; taken back: negative")
    currency: Mapped[str] = mapped_column(comment="the goal's")
    contributed_on: Mapped[dt.date]
    note: Mapped[str | None]
    transaction_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="the movement behind it; it counts once a goal"
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())
