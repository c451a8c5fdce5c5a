"""The ledger: provider-agnostic tables that application code, analysts and dbt read.

Signs: money in is positive, money out negative, liabilities negative. Amounts are NUMERIC without a
scale and always beside their currency. What a provider says and what the user decides are different
columns, and the user's win.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import (
    AccountCategory,
    AccountStatus,
    AccountType,
    ConnectionStatus,
    JobStatus,
    JobType,
    NotificationType,
    Provider,
    RecurringDirection,
    RecurringFrequency,
    RecurringSource,
    RecurringStatus,
    TransactionKind,
    TransactionStatus,
)
from postgres.core import Base, HasId, HasTimes, checked

SCHEMA = "common"


def _same_owner(column: str, target: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    """Return a reference that the database only accepts within one user's rows."""
    return sa.ForeignKeyConstraint(
        [column, "user_id"],
        [f"{SCHEMA}.{target}.id", f"{SCHEMA}.{target}.user_id"],
        ondelete=ondelete,
    )


class Institution(HasId, HasTimes, Base):
    """A bank or broker."""

    __tablename__ = "institutions"
    __table_args__ = (
        sa.UniqueConstraint("provider", "provider_institution_id"),
        {"schema": SCHEMA},
    )

    provider: Mapped[Provider] = mapped_column(checked(Provider))
    provider_institution_id: Mapped[str]
    name: Mapped[str]
    bic: Mapped[str | None]
    countries: Mapped[list[str]] = mapped_column(
        server_default="{}", comment="ISO 3166 alpha-2 codes"
    )
    logo_url: Mapped[str | None]


class Connection(HasId, HasTimes, Base):
    """A user's permission to read one institution: a bank consent or a broker key."""

    __tablename__ = "connections"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("provider", "provider_connection_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    institution_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("common.institutions.id", ondelete="RESTRICT"), index=True
    )
    provider: Mapped[Provider] = mapped_column(checked(Provider))
    provider_connection_id: Mapped[str] = mapped_column(
        comment="gocardless: requisition; trading212: api key"
    )
    status: Mapped[ConnectionStatus] = mapped_column(
        checked(ConnectionStatus), server_default=ConnectionStatus.PENDING.value
    )
    status_reason: Mapped[str | None] = mapped_column(comment="one line for a person; never a body")
    consent_expires_at: Mapped[dt.datetime | None] = mapped_column(
        comment="computed from acceptance and validity; null: does not expire"
    )


class Account(HasId, HasTimes, Base):
    """An account at an institution. It outlives its connections: see AccountLink."""

    __tablename__ = "accounts"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "institution_id", "account_number", "currency"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    institution_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("common.institutions.id", ondelete="RESTRICT"), index=True
    )
    account_number: Mapped[str] = mapped_column(
        comment="what identifies it with its currency: IBAN, else the bank's own number, "
        "else a masked card number, else the provider's id"
    )
    currency: Mapped[str] = mapped_column(comment="ISO 4217")
    account_type: Mapped[AccountType] = mapped_column(checked(AccountType))
    category: Mapped[AccountCategory] = mapped_column(checked(AccountCategory))
    status: Mapped[AccountStatus] = mapped_column(
        checked(AccountStatus), server_default=AccountStatus.ACTIVE.value
    )
    name: Mapped[str] = mapped_column(comment="as the provider names it")
    display_name: Mapped[str | None] = mapped_column(comment="as the user named it; wins")
    iban: Mapped[str | None]
    opening_balance: Mapped[Decimal | None] = mapped_column(
        comment="booked balance before the first booked row; account currency; "
        "null until a booked balance is known"
    )
    opening_date: Mapped[dt.date | None] = mapped_column(
        comment="rows booked before this day are not part of the balance check"
    )


class AccountLink(HasId, HasTimes, Base):
    """One provider id that an account has or had."""

    __tablename__ = "account_links"
    __table_args__ = (
        _same_owner("account_id", "accounts", ondelete="CASCADE"),
        _same_owner("connection_id", "connections", ondelete="CASCADE"),
        sa.UniqueConstraint("connection_id", "provider_account_id"),
        sa.Index(None, "account_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID]
    connection_id: Mapped[uuid.UUID]
    provider: Mapped[Provider] = mapped_column(checked(Provider))
    provider_account_id: Mapped[str]


class Merchant(HasId, HasTimes, Base):
    """A counterparty under its normalised name; each user has their own."""

    __tablename__ = "merchants"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "name"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str] = mapped_column(comment="as common.normalise_merchant gives it")


class Instrument(HasId, HasTimes, Base):
    """A security that holdings refer to."""

    __tablename__ = "instruments"
    __table_args__ = (
        sa.UniqueConstraint("provider", "provider_instrument_id"),
        {"schema": SCHEMA},
    )

    provider: Mapped[Provider] = mapped_column(checked(Provider))
    provider_instrument_id: Mapped[str] = mapped_column(comment="trading212: ticker")
    name: Mapped[str]
    isin: Mapped[str | None]
    currency: Mapped[str | None] = mapped_column(
        comment="ISO 4217; minor units such as GBX are converted; null: unknown"
    )


class Transaction(HasId, HasTimes, Base):
    """One movement of money on one account, as the provider books it."""

    __tablename__ = "transactions"
    __table_args__ = (
        _same_owner("account_id", "accounts", ondelete="CASCADE"),
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
        sa.Index(None, "merchant_id"),
        sa.Index(None, "updated_at"),
        {"schema": SCHEMA},
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


class BalanceSnapshot(HasId, Base):
    """What a provider said a balance was. Append-only."""

    __tablename__ = "balance_snapshots"
    __table_args__ = (
        _same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("raw_id", "balance_type"),
        sa.Index(None, "account_id", "balance_type", sa.text("observed_at desc")),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID]
    balance_type: Mapped[str] = mapped_column(
        comment="as the provider calls it; trading212: cash, invested, total"
    )
    amount: Mapped[Decimal] = mapped_column(comment="liabilities negative")
    currency: Mapped[str] = mapped_column(comment="ISO 4217")
    reference_date: Mapped[dt.date | None] = mapped_column(
        comment="the day that the bank gives it for"
    )
    observed_at: Mapped[dt.datetime] = mapped_column(comment="when the answer came")
    is_booked: Mapped[bool] = mapped_column(comment="true: comparable with the sum of booked rows")
    raw_id: Mapped[uuid.UUID]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())


class Holding(HasId, HasTimes, Base):
    """A position in one instrument at the end of what was seen of one day."""

    __tablename__ = "holdings"
    __table_args__ = (
        _same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("account_id", "instrument_id", "as_of"),
        sa.Index(None, "instrument_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID]
    instrument_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("common.instruments.id", ondelete="RESTRICT")
    )
    as_of: Mapped[dt.date]
    quantity: Mapped[Decimal] = mapped_column(comment="shares")
    average_price: Mapped[Decimal | None] = mapped_column(comment="instrument currency, major unit")
    price: Mapped[Decimal | None] = mapped_column(comment="instrument currency, major unit")
    cost: Mapped[Decimal | None] = mapped_column(comment="account currency")
    value: Mapped[Decimal | None] = mapped_column(comment="account currency")
    currency: Mapped[str] = mapped_column(comment="the account's; of cost and value")
    raw_id: Mapped[uuid.UUID]


class RecurringPattern(HasId, HasTimes, Base):
    """A payment that comes back. Nothing counts on it before the user accepts it.

    ``detected_*`` is what the last analysis says, ``user_*`` what the user says; the user's wins.
    Dismissed and cancelled patterns stay, so that detection finds them and does not propose them
    again.
    """

    __tablename__ = "recurring_patterns"
    __table_args__ = (
        _same_owner("account_id", "accounts", ondelete="CASCADE"),
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
        {"schema": SCHEMA},
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
        _same_owner("pattern_id", "recurring_patterns", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "pattern_id"),
        {"schema": SCHEMA},
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    pattern_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID] = owner()
    source: Mapped[RecurringSource] = mapped_column(
        checked(RecurringSource), comment="a manual link is never moved by a run"
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())


class Job(HasId, HasTimes, Base):
    """What ran for one connection (or, for analytics, for everybody) and how it ended."""

    __tablename__ = "jobs"
    __table_args__ = (
        _same_owner("connection_id", "connections", ondelete="CASCADE"),
        sa.UniqueConstraint(
            "run_id", "job_type", "connection_id", postgresql_nulls_not_distinct=True
        ),
        sa.CheckConstraint(
            "(user_id is null) = (connection_id is null)", name="owned_like_its_connection"
        ),
        sa.Index(None, "connection_id", sa.text("started_at desc")),
        sa.Index(None, "job_type", sa.text("started_at desc")),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("auth.users.id", ondelete="CASCADE"), index=True
    )
    connection_id: Mapped[uuid.UUID | None]
    job_type: Mapped[JobType] = mapped_column(checked(JobType))
    status: Mapped[JobStatus] = mapped_column(
        checked(JobStatus), server_default=JobStatus.RUNNING.value
    )
    run_id: Mapped[str] = mapped_column(comment="Dagster's run id")
    started_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    outcome: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"),
        comment="by scope, then by account: rows received, written, set aside, and what failed",
    )


class Notification(HasId, HasTimes, Base):
    """Something a user should know, said once."""

    __tablename__ = "notifications"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "type", "dedup_key"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"))
    type: Mapped[NotificationType] = mapped_column(checked(NotificationType))
    dedup_key: Mapped[str] = mapped_column(comment="what makes it the same news")
    message: Mapped[str]
    read_at: Mapped[dt.datetime | None]


class Quarantine(HasId, HasTimes, Base):
    """A raw row that could not be placed in the ledger, with the reason."""

    __tablename__ = "quarantine"
    __table_args__ = (
        _same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("raw_table", "raw_id"),
        sa.Index(None, "account_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID | None]
    raw_table: Mapped[str] = mapped_column(comment="schema.table of the raw row")
    raw_id: Mapped[uuid.UUID]
    reason: Mapped[str]
