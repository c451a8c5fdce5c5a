"""Where the money is: institutions, the permission to read them, accounts, balances, holdings."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import (
    AccountCategory,
    AccountStatus,
    AccountType,
    ConnectionStatus,
    Provider,
    TaxWrapper,
)
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


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
        comment="computed: when reading ends unless the user acts; null: it does not end"
    )
    is_reconfirmable: Mapped[bool] = mapped_column(
        server_default=sa.false(),
        comment="true: confirming the consent once more keeps it alive; false: it takes a new one",
    )


class Account(HasId, HasTimes, Base):
    """An account at an institution. It outlives its connections: see AccountLink."""

    __tablename__ = "accounts"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "institution_id", "account_number", "currency"),
        # NaN and infinity are larger than any amount.
        sa.CheckConstraint(
            "low_balance < 'infinity' and low_balance > '-infinity'", name="low_balance_is_money"
        ),
        audited("display_name", "status", "low_balance", "tax_wrapper", "user_is_counted"),
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
    tax_wrapper: Mapped[TaxWrapper | None] = mapped_column(
        checked(TaxWrapper), comment="as the user says; null: none, what it earns is taxed"
    )
    is_practice: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="its money is none, as the provider says"
    )
    user_is_counted: Mapped[bool | None] = mapped_column(
        comment="as the user says; wins; null: unless it is a practice account"
    )
    is_counted: Mapped[bool] = mapped_column(
        sa.Computed("coalesce(user_is_counted, not is_practice)", persisted=True),
        comment="in net worth, returns of all, spending, income, transfers and tax years",
    )
    opening_balance: Mapped[Decimal | None] = mapped_column(
        comment="booked balance before the first booked row; account currency; "
        "null until a booked balance is known"
    )
    opening_date: Mapped[dt.date | None] = mapped_column(
        comment="rows booked before this day are not part of the balance check"
    )
    low_balance: Mapped[Decimal | None] = mapped_column(
        comment="the user is told when the balance falls below; account currency; null: never"
    )
    low_since: Mapped[dt.date | None] = mapped_column(
        comment="day on which the user was told; null: it is not below"
    )


class AccountLink(HasId, HasTimes, Base):
    """One provider id that an account has or had."""

    __tablename__ = "account_links"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
        same_owner("connection_id", "connections", ondelete="CASCADE"),
        sa.UniqueConstraint("connection_id", "provider_account_id"),
        sa.Index(None, "account_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID]
    connection_id: Mapped[uuid.UUID]
    provider: Mapped[Provider] = mapped_column(checked(Provider))
    provider_account_id: Mapped[str]


class BalanceSnapshot(HasId, Base):
    """What a provider said a balance was. Append-only."""

    __tablename__ = "balance_snapshots"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
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


class Holding(HasId, HasTimes, Base):
    """A position in one instrument at the end of what was seen of one day."""

    __tablename__ = "holdings"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
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
