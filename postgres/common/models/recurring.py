"""Payments that come back."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import (
    RecurringDirection,
    RecurringFrequency,
    RecurringSource,
    RecurringStatus,
)
from postgres.common.models.keys import audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class RecurringPattern(HasId, HasTimes, Base):
    """A payment that comes back. Nothing counts on it before the user accepts it.

    ``detected_*`` is what the last analysis says, ``user_*`` what the user says; the user's wins.
    Dismissed and cancelled patterns stay, so that detection finds them and does not propose them
    again.
    """

    __tablename__ = "recurring_patterns"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "user_id"],
            ["common.merchants.id", "common.merchants.user_id"],
            ondelete="NO ACTION",
        ),
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "detection_key"),
        sa.CheckConstraint(
            "(source = 'detected') = (detection_key is not null)", name="detected_has_key"
        ),
        sa.Index(None, "account_id"),
        sa.Index(None, "merchant_id"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID]
    merchant_id: Mapped[uuid.UUID | None]
    source: Mapped[RecurringSource] = mapped_column(checked(RecurringSource))
    status: Mapped[RecurringStatus] = mapped_column(
        checked(RecurringStatus), server_default=RecurringStatus.PENDING.value
    )
    detection_key: Mapped[str | None] = mapped_column(
        comment="what detection knows it by from run to run"
    )
    direction: Mapped[RecurringDirection] = mapped_column(checked(RecurringDirection))
    currency: Mapped[str] = mapped_column(comment="ISO 4217; of all amounts here")
    detected_name: Mapped[str | None]
    detected_frequency: Mapped[RecurringFrequency | None] = mapped_column(
        checked(RecurringFrequency, rule="detected_frequency")
    )
    detected_amount: Mapped[Decimal | None] = mapped_column(comment="expected, signed")
    detected_next_date: Mapped[dt.date | None]
    detected_last_date: Mapped[dt.date | None]
    detected_confidence: Mapped[Decimal | None] = mapped_column(comment="0 to 1")
    detected_is_ended: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="it stopped coming"
    )
    user_name: Mapped[str | None]
    user_frequency: Mapped[RecurringFrequency | None] = mapped_column(
        checked(RecurringFrequency, rule="user_frequency")
    )
    user_amount: Mapped[Decimal | None] = mapped_column(comment="expected, signed")
    user_next_date: Mapped[dt.date | None]
    merchant_contains: Mapped[str | None] = mapped_column(comment="matched without regard to case")
    amount_tolerance_pct: Mapped[Decimal] = mapped_column(server_default="10")
    decided_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when the user last accepted, paused or cancelled it"
    )


class RecurringPatternTransaction(Base):
    """A transaction that belongs to a pattern. One transaction links to one pattern."""

    __tablename__ = "recurring_pattern_transactions"
    __table_args__ = (
        same_owner("pattern_id", "recurring_patterns", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "pattern_id"),
        audited(),
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    pattern_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID] = owner()
    source: Mapped[RecurringSource] = mapped_column(
        checked(RecurringSource), comment="a manual link is never moved by a run"
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())
