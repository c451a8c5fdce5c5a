"""Movements of money and who is on the other side of them."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import TransactionKind, TransactionStatus
from postgres.common.models.keys import audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Merchant(HasId, HasTimes, Base):
    """A counterparty under its normalised name; each user has their own."""

    __tablename__ = "merchants"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "name"),
        audited("display_name"),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str] = mapped_column(comment="as common.normalise_merchant gives it")
    display_name: Mapped[str | None] = mapped_column(comment="as the user named it; wins")


class MerchantAlias(HasId, HasTimes, Base):
    """Another name of a merchant: what the user says is the same one."""

    __tablename__ = "merchant_aliases"
    __table_args__ = (
        same_owner("merchant_id", "merchants", ondelete="CASCADE"),
        sa.UniqueConstraint("user_id", "name"),
        sa.Index(None, "merchant_id"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str] = mapped_column(comment="as common.normalise_merchant gives it")
    merchant_id: Mapped[uuid.UUID]


class Transaction(HasId, HasTimes, Base):
    """One movement of money on one account, as the provider books it."""

    __tablename__ = "transactions"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "user_id"],
            ["common.merchants.id", "common.merchants.user_id"],
            ondelete="NO ACTION",
        ),
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("account_id", "source_key"),
        sa.CheckConstraint(
            "status <> 'booked' or booking_date is not null", name="booked_has_date"
        ),
        sa.Index(None, "user_id", "booking_date"),
        sa.Index(None, "account_id", "booking_date"),
        sa.Index(None, "user_id", "sort_date", "id"),
        sa.Index(None, "account_id", "sort_date", "id"),
        sa.Index(None, "merchant_id"),
        sa.Index(None, "updated_at"),
        audited("user_note"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"))
    account_id: Mapped[uuid.UUID]
    source_key: Mapped[str] = mapped_column(
        comment="identity within the account, made by the provider's projection"
    )
    status: Mapped[TransactionStatus] = mapped_column(checked(TransactionStatus))
    amount: Mapped[Decimal] = mapped_column(comment="signed: money in positive, out negative")
    currency: Mapped[str] = mapped_column(comment="ISO 4217")
    booking_date: Mapped[dt.date | None] = mapped_column(
        comment="the bank's own day; only a pending row may lack it"
    )
    value_date: Mapped[dt.date | None]
    sort_date: Mapped[dt.date] = mapped_column(
        sa.Computed(
            "coalesce(booking_date, value_date, (first_seen_at at time zone 'UTC'::text)::date)",
            persisted=True,
        ),
        comment="the best day known, that lists go by: booked, else value, else first seen (UTC)",
    )
    booked_at: Mapped[dt.datetime | None] = mapped_column(
        comment="instant, where the provider says"
    )
    description: Mapped[str | None]
    counterparty_name: Mapped[str | None]
    counterparty_account: Mapped[str | None]
    balance_after: Mapped[Decimal | None] = mapped_column(
        comment="running booked balance that the bank printed on the row; account currency"
    )
    merchant_id: Mapped[uuid.UUID | None]
    kind: Mapped[TransactionKind] = mapped_column(checked(TransactionKind))
    user_note: Mapped[str | None] = mapped_column(comment="the user's; no sync touches it")
    raw_table: Mapped[str] = mapped_column(comment="schema.table of the raw row")
    raw_id: Mapped[uuid.UUID]
    first_seen_at: Mapped[dt.datetime]
    was_booked: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="it left booked once; it never becomes pending again"
    )
