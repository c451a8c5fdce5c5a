"""What Trading 212 answered, as delivered, and the encrypted keys that read it.

Every row keeps its payload, a content hash, and the runs that first saw it and last found it
changed. A pull that finds nothing new writes nothing here; ``common.jobs`` says which run saw what.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.core import Base, HasId, HasTimes, RawRow
from postgres.encrypted import Encrypted, EncryptedText
from postgres.ownership import same_owner

SCHEMA = "trading212"


def _key() -> sa.ForeignKeyConstraint:
    return same_owner("api_key_id", "trading212.api_keys", ondelete="CASCADE")


class ApiKey(HasId, HasTimes, Base):
    """A key to one Invest or ISA account; the connection of the ledger. Only ever encrypted."""

    __tablename__ = "api_keys"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "provider_account_id"),
        sa.CheckConstraint(
            "(removed_at is null) = (key_ciphertext is not null)", name="kept_until_removed"
        ),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    provider_account_id: Mapped[int] = mapped_column(
        sa.BigInteger(), comment="the account's id in its summary"
    )
    currency: Mapped[str] = mapped_column(comment="the account's, ISO 4217")
    key_ciphertext: Mapped[Encrypted | None] = mapped_column(
        EncryptedText("trading212.api_keys.key_ciphertext", formerly="trading212.api_keys.key"),
        comment="null: removed",
    )
    secret_ciphertext: Mapped[Encrypted | None] = mapped_column(
        EncryptedText(
            "trading212.api_keys.secret_ciphertext", formerly="trading212.api_keys.secret"
        ),
        comment="null: a key of the older kind that has no secret",
    )
    removed_at: Mapped[dt.datetime | None] = mapped_column(
        comment="the user ended the connection; what was read stays, the key does not"
    )
    orders_through: Mapped[dt.date | None] = mapped_column(
        comment="watermark; moves only with the rows' commit"
    )
    dividends_through: Mapped[dt.date | None]
    cash_transactions_through: Mapped[dt.date | None]
    projected_through: Mapped[dt.datetime | None] = mapped_column(
        comment="raw rows changed up to here are in the ledger; null: project all again"
    )


class AccountSummary(HasId, RawRow, Base):
    """A summary of cash and investments. Append-only: a row for each change."""

    __tablename__ = "account_summaries"
    __table_args__ = (
        _key(),
        sa.Index(None, "api_key_id", "first_seen_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]


class Position(HasId, RawRow, Base):
    """An open position as last seen on a day."""

    __tablename__ = "positions"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "as_of", "ticker"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    as_of: Mapped[dt.date]
    ticker: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(comment="0: closed since earlier that day")


class Instrument(RawRow, Base):
    """A security as listed."""

    __tablename__ = "instruments"
    __table_args__ = {"schema": SCHEMA}

    ticker: Mapped[str] = mapped_column(primary_key=True)
    isin: Mapped[str | None]
    currency_code: Mapped[str | None] = mapped_column(comment="as delivered; GBX is pence")


class Order(HasId, RawRow, Base):
    """One item of the order history: a fill, or an order that ended without one."""

    __tablename__ = "orders"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "identity_key"),
        sa.Index(None, "api_key_id", "changed_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    identity_key: Mapped[str] = mapped_column(comment="order id and fill id")
    ticker: Mapped[str | None]
    occurred_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when it was filled, else when the order was made"
    )
    refusal: Mapped[str | None] = mapped_column(comment="why it cannot be placed in the ledger")


class Dividend(HasId, RawRow, Base):
    """One dividend."""

    __tablename__ = "dividends"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "identity_key"),
        sa.Index(None, "api_key_id", "changed_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    identity_key: Mapped[str] = mapped_column(comment="the reference, else content and occurrence")
    ticker: Mapped[str | None]
    occurred_at: Mapped[dt.datetime | None]
    refusal: Mapped[str | None] = mapped_column(comment="why it cannot be placed in the ledger")


class CashTransaction(HasId, RawRow, Base):
    """One deposit, withdrawal, fee, transfer or interest payment."""

    __tablename__ = "cash_transactions"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "identity_key"),
        sa.Index(None, "api_key_id", "changed_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    identity_key: Mapped[str] = mapped_column(comment="the reference, else content and occurrence")
    occurred_at: Mapped[dt.datetime | None]
    refusal: Mapped[str | None] = mapped_column(comment="why it cannot be placed in the ledger")
