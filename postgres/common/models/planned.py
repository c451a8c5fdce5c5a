"""Payments that the user expects, once or by a rule."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.models.keys import audited, same_owner
from postgres.core import Base, HasId, HasTimes


class PlannedTransaction(HasId, HasTimes, Base):
    """What the user plans to pay or to get on one account."""

    __tablename__ = "planned_transactions"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        same_owner("account_id", "accounts", ondelete="SET NULL"),
        same_owner("tag_id", "tags", ondelete="SET NULL"),
        sa.Index(None, "account_id"),
        sa.Index(None, "tag_id"),
        sa.CheckConstraint("not is_active or account_id is not null", name="active_has_account"),
        sa.CheckConstraint("description ~ '\\S'", name="has_description"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso"),
        # NaN and infinity are larger than any amount.
        sa.CheckConstraint("amount <> 0 and abs(amount) < 'infinity'", name="amount_is_money"),
        # A rule is followed from its start.
        sa.CheckConstraint("starts_on >= '2000-01-01'", name="starts_lately"),
        sa.CheckConstraint("ends_on >= starts_on", name="ends_after_start"),
        sa.CheckConstraint(
            "amount_tolerance_pct between 0 and 100", name="amount_tolerance_pct_in_range"
        ),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="null: it was deleted; the plan is archived and matches nothing"
    )
    tag_id: Mapped[uuid.UUID | None]
    description: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(comment="signed: money in positive, out negative")
    currency: Mapped[str] = mapped_column(comment="ISO 4217")
    starts_on: Mapped[dt.date] = mapped_column(comment="no day before it is due")
    rrule: Mapped[str | None] = mapped_column(
        comment="rule of RFC 5545 without DTSTART, which is starts_on; null: once, on starts_on"
    )
    ends_on: Mapped[dt.date | None] = mapped_column(comment="no day after it is due")
    amount_tolerance_pct: Mapped[Decimal] = mapped_column(
        server_default="10", comment="per cent of the amount that a transaction may differ by"
    )
    is_active: Mapped[bool] = mapped_column(server_default=sa.true(), comment="false: archived")


class PlannedMatch(Base):
    """What became of one due day of a plan. A due day without one is open."""

    __tablename__ = "planned_matches"
    __table_args__ = (
        same_owner("planned_id", "planned_transactions", ondelete="CASCADE"),
        same_owner("transaction_id", "transactions", ondelete="CASCADE"),
        sa.UniqueConstraint("transaction_id"),
        audited(),
    )

    planned_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    due_on: Mapped[dt.date] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    transaction_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="what paid it, and nothing else; null: the user skipped the day"
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())
