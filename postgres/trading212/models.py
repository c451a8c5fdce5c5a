"""What Trading 212 answered, as delivered, and the encrypted keys that read it.

Every row keeps its payload, a content hash, and the runs that first saw it and last found it
changed. A pull that finds nothing new writes nothing here; ``common.jobs`` says which run saw what.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import BrokerHistory
from postgres.core import Base, HasId, HasTimes, RawRow, checked
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
    is_demo: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="of a practice account, which has a host of its own"
    )
    reads_exports: Mapped[bool] = mapped_column(
        server_default=sa.false(),
        comment="whether reports are asked for, which Trading 212 tells the user of each time",
    )
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
    """An open position as last seen on a day; one that names no instrument is set aside."""

    __tablename__ = "positions"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "as_of", "identity_key"),
        sa.CheckConstraint(
            "refusal is not null or (ticker is not null and quantity is not null)",
            name="whole_or_refused",
        ),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    as_of: Mapped[dt.date]
    identity_key: Mapped[str] = mapped_column(comment="the ticker, else content and occurrence")
    ticker: Mapped[str | None] = mapped_column(comment="null: it is refused")
    quantity: Mapped[Decimal | None] = mapped_column(
        comment="0: closed since earlier that day; null: it is refused"
    )
    refusal: Mapped[str | None] = mapped_column(comment="why it cannot be held to an instrument")


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


class HistoryRead(HasId, Base):
    """A reading of a history that is under way: where it goes on, whoever goes on with it."""

    __tablename__ = "history_reads"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "history"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    history: Mapped[BrokerHistory] = mapped_column(checked(BrokerHistory))
    ways: Mapped[list[str]] = mapped_column(
        pg.ARRAY(sa.Text()), comment="queries that lead to the next page, the best first"
    )
    through: Mapped[dt.date] = mapped_column(
        comment="the watermark once it is complete: everything newer than its place is read"
    )
    back_to: Mapped[dt.date | None] = mapped_column(comment="null: to the beginning")
    pages: Mapped[int] = mapped_column(comment="read so far")
    occurrences: Mapped[dict[str, int]] = mapped_column(
        pg.JSONB(), comment="how often it met the content of items that have no id"
    )
    border: Mapped[list[dict[str, Any]]] = mapped_column(
        pg.JSONB(), server_default="[]", comment="items without an id of the last page"
    )
    is_gapped: Mapped[bool] = mapped_column(
        comment="pages were seen not to follow one another: complete, it is read anew"
    )
    refusals: Mapped[int] = mapped_column(
        comment="syncs in which every way to some page was refused as wrong"
    )


class Exchange(RawRow, Base):
    """An exchange with its schedules, the same for every user."""

    __tablename__ = "exchanges"
    __table_args__ = {"schema": SCHEMA}

    exchange_id: Mapped[int] = mapped_column(
        sa.BigInteger(), primary_key=True, autoincrement=False, comment="Trading 212's own"
    )
    name: Mapped[str | None]


class PendingOrder(HasId, RawRow, Base):
    """An order that waits, or waited when it was last listed."""

    __tablename__ = "pending_orders"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "identity_key"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    identity_key: Mapped[str] = mapped_column(comment="the order's id, else its content")
    ticker: Mapped[str | None]
    gone_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when it was first listed no more: filled or cancelled; null: it waits"
    )


class Pie(HasId, RawRow, Base):
    """A pie: what it is worth as listed, and its name and slices from its own answer."""

    __tablename__ = "pies"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "pie_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    pie_id: Mapped[int] = mapped_column(sa.BigInteger(), comment="Trading 212's own")
    name: Mapped[str | None] = mapped_column(comment="null: its own answer is still to be read")
    opened_at: Mapped[dt.datetime | None]
    detail: Mapped[dict[str, Any] | None] = mapped_column(
        pg.JSONB(), comment="the answer for the pie itself, whole; its slices are in it"
    )
    detail_read_on: Mapped[dt.date | None] = mapped_column(comment="read at most once a day")
    gone_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when it was first listed no more; null: it is there"
    )


class Export(HasId, RawRow, Base):
    """A report that was asked for. Its payload is without the link, which opens it to anybody."""

    __tablename__ = "exports"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "report_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    report_id: Mapped[int] = mapped_column(sa.BigInteger(), comment="Trading 212's own")
    status: Mapped[str] = mapped_column(comment="as delivered: Queued, Processing, Finished, ...")
    time_from: Mapped[dt.datetime]
    time_to: Mapped[dt.datetime]
    requested_at: Mapped[dt.datetime]
    landed_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when its rows were stored; null: they are not"
    )


class ExportRow(HasId, RawRow, Base):
    """A row of a report, by its headings."""

    __tablename__ = "export_rows"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "identity_key"),
        sa.Index(None, "api_key_id", "changed_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    identity_key: Mapped[str] = mapped_column(comment="the id, else content and occurrence")
    occurred_at: Mapped[dt.datetime | None]
    refusal: Mapped[str | None] = mapped_column(comment="why it cannot be placed in the ledger")


class FormerId(HasId, Base):
    """The id of a ledger row from before ids followed from raw rows. It keeps its name for ever."""

    __tablename__ = "former_ids"
    __table_args__ = (
        _key(),
        sa.UniqueConstraint("api_key_id", "source_key"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    api_key_id: Mapped[uuid.UUID]
    source_key: Mapped[str] = mapped_column(comment="as in common.transactions, within the account")
    transaction_id: Mapped[uuid.UUID]
