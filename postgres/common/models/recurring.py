"""Payments that come back."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, column_property, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import (
    RecurringDirection,
    RecurringFrequency,
    RecurringLinkSource,
    RecurringSource,
    RecurringState,
    RecurringStatus,
)
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


def _user_over_detected(what: str) -> sa.Computed:
    return sa.Computed(f"coalesce(user_{what}, detected_{what})", persisted=True)


class RecurringPattern(HasId, HasTimes, Base):
    """A payment that comes back. Nothing counts on it before the user accepts it.

    ``detected_*`` is what the last analysis says, ``user_*`` what the user says. The columns
    without either are what counts: the user's, else the detected one. Triggers keep the dates that
    follow from others, whatever code writes.

    Dismissed and cancelled patterns stay with their payments, so that detection knows them again.
    """

    __tablename__ = "recurring_patterns"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "user_id"],
            ["common.merchants.id", "common.merchants.user_id"],
            ondelete="NO ACTION",
        ),
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "detection_key"),
        sa.CheckConstraint(
            "source <> 'detected' or detection_key is not null", name="detected_is_keyed"
        ),
        sa.CheckConstraint(
            "status <> 'active' or account_id is not null", name="active_has_account"
        ),
        sa.CheckConstraint("merchant_contains ~ '\\S'", name="merchant_contains_is_text"),
        sa.CheckConstraint("user_name ~ '\\S'", name="user_name_is_text"),
        sa.CheckConstraint(
            "user_amount <> 0 and (user_amount < 0) = (direction = 'expense')"
            " and abs(user_amount) < 'infinity'",
            name="user_amount_has_direction",
        ),
        sa.CheckConstraint(
            "amount_tolerance_pct between 0 and 100", name="amount_tolerance_pct_in_range"
        ),
        sa.CheckConstraint(
            "cardinality(detected_rest_months) between 1 and 11"
            " and 1 <= all (detected_rest_months) and 12 >= all (detected_rest_months)",
            name="detected_rest_months_are_months",
        ),
        sa.Index(None, "account_id"),
        sa.Index(None, "merchant_id"),
        audited(),
    )
    # What the database works out is read back with the write that made it.
    __mapper_args__ = {"eager_defaults": True}

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="null: it was deleted; the pattern matches nothing and cannot be active"
    )
    account_fingerprint: Mapped[str | None] = mapped_column(
        comment="tells whether an account is the deleted one again; written when it is deleted"
    )
    merchant_id: Mapped[uuid.UUID | None]
    source: Mapped[RecurringSource] = mapped_column(checked(RecurringSource))
    status: Mapped[RecurringStatus] = mapped_column(
        checked(RecurringStatus), server_default=RecurringStatus.PENDING.value
    )
    detection_key: Mapped[str | None] = mapped_column(
        comment="what detection knew it by first; for others see RecurringAlias"
    )
    direction: Mapped[RecurringDirection] = mapped_column(checked(RecurringDirection))
    currency: Mapped[str] = mapped_column(comment="ISO 4217; of all amounts here")
    detected_name: Mapped[str | None]
    detected_frequency: Mapped[RecurringFrequency | None] = mapped_column(
        checked(RecurringFrequency, rule="detected_frequency")
    )
    detected_amount: Mapped[Decimal | None] = mapped_column(comment="expected, signed")
    detected_amount_low: Mapped[Decimal | None] = mapped_column(
        comment="the lowest signed amount that the next payment is likely to have"
    )
    detected_amount_high: Mapped[Decimal | None] = mapped_column(
        comment="the highest signed amount that the next payment is likely to have"
    )
    detected_schedule: Mapped[str | None] = mapped_column(
        comment="such as: monthly on the 28th, moved to the next working day"
    )
    detected_next_date: Mapped[dt.date | None] = mapped_column(
        comment="moved off a day that is no working day, as the series is"
    )
    detected_nominal_date: Mapped[dt.date | None] = mapped_column(
        comment="the same day before it is moved"
    )
    detected_rest_months: Mapped[list[int] | None] = mapped_column(
        comment="months of the year, 1 to 12, in which it is not due"
    )
    detected_last_date: Mapped[dt.date | None]
    detected_confidence: Mapped[Decimal | None] = mapped_column(comment="0 to 1")
    detected_reasons: Mapped[str | None] = mapped_column(
        comment="why it is taken for a pattern, in sentences"
    )
    detected_state: Mapped[RecurringState | None] = mapped_column(
        checked(RecurringState, rule="detected_state")
    )
    detected_price_changed_on: Mapped[dt.date | None] = mapped_column(
        comment="booking date of the first payment at the present price"
    )
    detected_is_ended: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="it stopped coming"
    )
    detected_anchor_date: Mapped[dt.date | None] = mapped_column(
        sa.FetchedValue(),
        server_onupdate=sa.FetchedValue(),
        comment="a due day that tells the day of the month: the 31st stays it through February",
    )
    user_name: Mapped[str | None]
    user_frequency: Mapped[RecurringFrequency | None] = mapped_column(
        checked(RecurringFrequency, rule="user_frequency")
    )
    user_amount: Mapped[Decimal | None] = mapped_column(comment="expected, signed")
    user_next_date: Mapped[dt.date | None] = mapped_column(
        comment="a due day; later ones are counted from it, earlier ones are not due"
    )
    merchant_contains: Mapped[str | None] = mapped_column(
        comment="matched without regard to case; null: merchant_id is matched"
    )
    amount_tolerance_pct: Mapped[Decimal] = mapped_column(
        server_default="10", comment="per cent of the amount that a payment may differ by"
    )
    decided_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when the user last accepted, paused or cancelled it"
    )
    name: Mapped[str | None] = mapped_column(_user_over_detected("name"))
    frequency: Mapped[RecurringFrequency | None] = mapped_column(
        checked(RecurringFrequency, rule="frequency"), _user_over_detected("frequency")
    )
    amount: Mapped[Decimal | None] = mapped_column(
        _user_over_detected("amount"), comment="expected, signed"
    )
    rest_months: Mapped[list[int] | None] = mapped_column(
        sa.Computed(
            "case when coalesce(user_frequency, detected_frequency)::text = 'monthly'::text"
            " then detected_rest_months else null::integer[] end",
            persisted=True,
        ),
        comment="the same, as long as it is monthly",
    )
    known_amount: Mapped[Decimal | None] = mapped_column(
        comment="what the user last knew it to cost: accepted, said or been told of; signed"
    )
    anchor_date: Mapped[dt.date | None] = mapped_column(
        sa.Computed("coalesce(user_next_date, detected_anchor_date)", persisted=True),
        comment="the due day that all others are counted from",
    )
    linked_last_date: Mapped[dt.date | None] = mapped_column(
        sa.FetchedValue(),
        server_onupdate=sa.FetchedValue(),
        comment="booking date of the newest booked payment that is linked",
    )
    last_date: Mapped[dt.date | None] = mapped_column(
        sa.Computed("coalesce(linked_last_date, detected_last_date)", persisted=True),
        comment="when it was last paid",
    )
    settled_through: Mapped[dt.date | None] = mapped_column(
        sa.FetchedValue(),
        server_onupdate=sa.FetchedValue(),
        comment="due days up to here are paid, were missed and said so, or were before its time",
    )
    next_date: Mapped[dt.date | None] = mapped_column(
        sa.FetchedValue(),
        server_onupdate=sa.FetchedValue(),
        comment="first due day after settled_through; null: nothing is expected",
    )
    due_order: Mapped[dt.date] = column_property(
        sa.func.coalesce(next_date, sa.literal(dt.date.max), type_=sa.Date)
    )


class RecurringAlias(Base):
    """Another key that detection gave a pattern, after a name, a price or an account changed."""

    __tablename__ = "recurring_aliases"
    __table_args__ = (
        same_owner("pattern_id", "recurring_patterns", ondelete="CASCADE"),
        sa.Index(None, "pattern_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("auth.users.id", ondelete="CASCADE"), primary_key=True
    )
    detection_key: Mapped[str] = mapped_column(primary_key=True)
    pattern_id: Mapped[uuid.UUID]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())


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
    source: Mapped[RecurringLinkSource] = mapped_column(
        checked(RecurringLinkSource, rule="recurring_source"),
        comment="a manual link is never moved by a run",
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())


class RecurringRemoval(Base):
    """A transaction that the user took out of a pattern: no run puts it back."""

    __tablename__ = "recurring_removals"
    __table_args__ = (
        same_owner("pattern_id", "recurring_patterns", ondelete="CASCADE"),
        same_owner("transaction_id", "transactions", ondelete="CASCADE"),
        sa.Index(None, "transaction_id"),
        audited(),
    )

    pattern_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())
