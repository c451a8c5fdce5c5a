"""What GoCardless Bank Account Data answered, as delivered.

Every row keeps its payload, a content hash, and the runs that first saw it and last found it
changed. A pull that finds nothing new writes nothing here; ``common.jobs`` says which run saw what.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import DATEMULTIRANGE, INT8MULTIRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import IdentityBasis
from postgres.core import Base, HasId, RawRow, checked
from postgres.ownership import same_owner

SCHEMA = "gocardless"


class Institution(RawRow, Base):
    """A bank as listed."""

    __tablename__ = "institutions"
    __table_args__ = {"schema": SCHEMA}

    id: Mapped[str] = mapped_column(primary_key=True, comment="such as REVOLUT_REVOLT21")
    name: Mapped[str]


class Agreement(RawRow, Base):
    """An end-user agreement: how far back and for how long a bank may be read."""

    __tablename__ = "agreements"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        {"schema": SCHEMA},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="GoCardless's id")
    user_id: Mapped[uuid.UUID] = owner()
    institution_id: Mapped[str]
    max_historical_days: Mapped[int]
    access_valid_for_days: Mapped[int]
    has_reconfirmation: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="the user has to confirm it every 90 days"
    )
    accepted_at: Mapped[dt.datetime | None] = mapped_column(
        comment="validity counts from here; null until the user consents"
    )


class Reconfirmation(HasId, RawRow, Base):
    """One time that the user was asked to confirm an agreement once more, and whether they did."""

    __tablename__ = "reconfirmations"
    __table_args__ = (
        same_owner("agreement_id", "gocardless.agreements", ondelete="CASCADE"),
        sa.UniqueConstraint("agreement_id", "requested_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    agreement_id: Mapped[uuid.UUID]
    requested_at: Mapped[dt.datetime]
    url: Mapped[str] = mapped_column(comment="where the user confirms")
    url_valid_from: Mapped[dt.datetime]
    url_valid_to: Mapped[dt.datetime]
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when the last account was confirmed; null: none was yet"
    )


class Requisition(RawRow, Base):
    """A user's consent at one bank. The connection of the ledger goes on from one to the next."""

    __tablename__ = "requisitions"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        same_owner("agreement_id", "gocardless.agreements", ondelete="SET NULL"),
        same_owner("replaces_id", "gocardless.requisitions", ondelete="SET NULL"),
        sa.Index(None, "agreement_id"),
        sa.Index(None, "replaces_id"),
        sa.Index(None, "connection_id"),
        {"schema": SCHEMA},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="GoCardless's id")
    user_id: Mapped[uuid.UUID] = owner()
    institution_id: Mapped[str]
    connection_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="the connection of the ledger that it opens or renews; null: not decided yet"
    )
    agreement_id: Mapped[uuid.UUID | None]
    reference: Mapped[str]
    status: Mapped[str] = mapped_column(comment="two letters; LN is linked")
    link: Mapped[str] = mapped_column(comment="where the user consents")
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="the requisition whose connection this one renews"
    )
    linked_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when it was first seen linked; from then on it reads in place of what it renews"
    )
    removed_at: Mapped[dt.datetime | None] = mapped_column(
        comment="the user ended the connection; what was read stays"
    )


class BankAccount(HasId, RawRow, Base):
    """An account that a requisition opened; payload holds metadata and details."""

    __tablename__ = "bank_accounts"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        same_owner("requisition_id", "gocardless.requisitions", ondelete="CASCADE"),
        sa.Index(None, "requisition_id"),
        sa.Index(None, "account_id"),
        sa.UniqueConstraint("user_id", "provider_account_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    requisition_id: Mapped[uuid.UUID]
    provider_account_id: Mapped[uuid.UUID] = mapped_column(comment="GoCardless's id")
    account_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="the account of the ledger that it is; null: not decided yet, or the user is asked"
    )
    status: Mapped[str | None] = mapped_column(comment="as delivered, such as READY or SUSPENDED")
    account_number: Mapped[str] = mapped_column(
        comment="IBAN, else the bank's own number, else a masked card number, else GoCardless's id"
    )
    iban: Mapped[str | None]
    currency: Mapped[str | None] = mapped_column(comment="ISO 4217; null: not told")
    name: Mapped[str]
    is_card: Mapped[bool] = mapped_column(comment="a credit card account")
    transactions_through: Mapped[dt.date | None] = mapped_column(
        comment="watermark: every day up to here has been read; moves only with the rows' commit"
    )
    scanned_on: Mapped[dt.date | None] = mapped_column(
        comment="when all days that the bank gives were last read at once"
    )
    gaps: Mapped[list[Range[dt.date]]] = mapped_column(
        DATEMULTIRANGE,
        server_default="{}",
        comment="days that nothing was read of: they passed before the bank could be asked",
    )
    failures: Mapped[int] = mapped_column(
        server_default="0",
        comment="errors in a row that move the account towards its suspension",
    )
    failing: Mapped[str | None] = mapped_column(
        comment="what the last of them was about: balances, details or transactions"
    )
    failed_at: Mapped[dt.datetime | None] = mapped_column(comment="when the last of them came")
    identified_through: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default="0",
        comment="last answer whose rows are known as transactions; 0: decide on all again",
    )
    projected_through: Mapped[dt.datetime | None] = mapped_column(
        comment="raw rows changed up to here are in the ledger; null: project all again"
    )


class Balance(HasId, RawRow, Base):
    """One entry of a balances answer. Append-only: a row for each change."""

    __tablename__ = "balances"
    __table_args__ = (
        same_owner("bank_account_id", "gocardless.bank_accounts", ondelete="CASCADE"),
        sa.Index(None, "bank_account_id", "first_seen_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    bank_account_id: Mapped[uuid.UUID]
    balance_type: Mapped[str | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    reference_date: Mapped[dt.date | None]


class Answer(Base):
    """A transactions answer that was not the same as the one before: what was asked, and when."""

    __tablename__ = "answers"
    __table_args__ = (
        same_owner("bank_account_id", "gocardless.bank_accounts", ondelete="CASCADE"),
        sa.Index(None, "bank_account_id"),
        {"schema": SCHEMA},
    )

    id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="in their order"
    )
    user_id: Mapped[uuid.UUID] = owner()
    bank_account_id: Mapped[uuid.UUID]
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date | None] = mapped_column(comment="null: whatever the bank had")
    seen_at: Mapped[dt.datetime]
    run_id: Mapped[str]


class Transaction(HasId, RawRow, Base):
    """One row of transactions answers, with what was read from it and what it is a version of.

    Either the facts that the ledger needs are there, or ``refusal`` says why they are not. A row
    that the bank rewrote is another row here; both are versions of one transaction.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        same_owner("bank_account_id", "gocardless.bank_accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("bank_account_id", "is_pending", "identity_key"),
        sa.CheckConstraint(
            "refusal is not null or (amount is not null and currency is not null"
            " and (is_pending or booking_date is not null))",
            name="read_or_refused",
        ),
        sa.CheckConstraint("refusal is null or ledger_id is null", name="refused_is_no_version"),
        sa.CheckConstraint("(withdrawn_at is null) = upper_inf(shown)", name="shown_or_withdrawn"),
        sa.Index(None, "bank_account_id", "changed_at"),
        sa.Index(None, "bank_account_id", "internal_transaction_id"),
        sa.Index(None, "ledger_id"),
        sa.Index(
            "ix_transactions__bank_account_id__last_day",
            "bank_account_id",
            sa.text("greatest(booking_date, value_date)"),
        ),
        sa.Index(
            "ix_transactions__bank_account_id__doubtful",
            "bank_account_id",
            postgresql_where=sa.text("doubt is not null"),
        ),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    bank_account_id: Mapped[uuid.UUID]
    is_pending: Mapped[bool] = mapped_column(comment="which list of the answer it stood in")
    identity_key: Mapped[str] = mapped_column(
        comment="digest of the content and, among equal rows of an answer, the place"
    )
    shown: Mapped[list[Range[int]]] = mapped_column(
        INT8MULTIRANGE, comment="the answers that it stood in; open: it stands in the last one"
    )
    ledger_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="the transaction that it is a version of; null: not decided yet, or doubtful"
    )
    identified_by: Mapped[IdentityBasis | None] = mapped_column(checked(IdentityBasis))
    doubt: Mapped[str | None] = mapped_column(
        comment="what of its identity a person has to decide; null: nothing"
    )
    internal_transaction_id: Mapped[str | None]
    transaction_id: Mapped[str | None]
    entry_reference: Mapped[str | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    booking_date: Mapped[dt.date | None]
    value_date: Mapped[dt.date | None]
    booked_at: Mapped[dt.datetime | None]
    description: Mapped[str | None]
    counterparty_name: Mapped[str | None]
    counterparty_account: Mapped[str | None]
    balance_after: Mapped[Decimal | None]
    refusal: Mapped[str | None] = mapped_column(comment="why it cannot be placed in the ledger")
    withdrawn_at: Mapped[dt.datetime | None] = mapped_column(
        comment="a later answer that covers it no longer has it"
    )


LAST_DAY = sa.func.greatest(Transaction.booking_date, Transaction.value_date, type_=sa.Date)
"""The later of a row's days, as its index has it."""


class RateLimit(HasId, Base):
    """How often one kind of an account's data may be asked for, and what became of asking.

    The headers' last word on how many calls are left, beside our own count of the calls: headers
    may be missing, and may count successes alone. All instants are the ledger's.
    """

    __tablename__ = "rate_limits"
    __table_args__ = (
        same_owner("bank_account_id", "gocardless.bank_accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("bank_account_id", "resource", "scope"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    bank_account_id: Mapped[uuid.UUID]
    resource: Mapped[str] = mapped_column(comment="balances, details or transactions")
    scope: Mapped[str] = mapped_column(comment="as providers.http.RateLimit calls it")
    calls_limit: Mapped[int | None]
    calls_remaining: Mapped[int | None]
    resets_at: Mapped[dt.datetime | None]
    observed_at: Mapped[dt.datetime] = mapped_column(
        comment="when headers last said so; before they ever did, when it was first asked for"
    )
    called_at: Mapped[list[dt.datetime]] = mapped_column(
        pg.ARRAY(sa.DateTime(timezone=True)),
        server_default="{}",
        comment="the calls of the last two days, also those that failed",
    )
    read_at: Mapped[dt.datetime | None] = mapped_column(comment="when it was last answered")
    failures: Mapped[int] = mapped_column(
        server_default="0",
        comment="errors in a row, of this kind of data, that move the account towards suspension",
    )
    failed_at: Mapped[dt.datetime | None] = mapped_column(comment="when the last of them came")
    refusal: Mapped[str | None] = mapped_column(
        comment="why it is not asked, as providers.gocardless.errors.Refusal; null: it may be"
    )
    refusal_reason: Mapped[str | None]
    refused_until: Mapped[dt.datetime | None] = mapped_column(
        comment="until when; null: until a new consent"
    )
