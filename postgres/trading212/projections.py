"""Raw Trading 212 rows to the ledger: set-based, in the database, driven by what changed.

The caller holds the lock of what is projected, see :func:`postgres.core.lock`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import (
    AccountCategory,
    AccountType,
    ConnectionStatus,
    Provider,
)
from postgres.common.models import (
    Account,
    AccountLink,
    BalanceSnapshot,
    Connection,
    Holding,
    Institution,
    Instrument,
    Trade,
    Transaction,
)
from postgres.common.operations import accounts, balance_snapshots, quarantine
from postgres.core import EPOCH, WriteCounts, read_sql, select_text, upsert_from_select
from postgres.trading212.models import ApiKey, CashTransaction, Dividend, Order

PROVIDER = Provider.TRADING212
INSTITUTION_ID = "TRADING212"

_NAME = "Trading 212"
_PRACTICE_NAME = "Trading 212 practice"

_BALANCE = (
    "user_id",
    "account_id",
    "balance_type",
    "amount",
    "currency",
    "observed_at",
    "is_booked",
    "raw_id",
)
_TRANSACTION = (
    "id",
    "user_id",
    "account_id",
    "source_key",
    "status",
    "amount",
    "currency",
    "booking_date",
    "booked_at",
    "description",
    "counterparty_name",
    "kind",
    "raw_table",
    "raw_id",
    "first_seen_at",
)
_TRADE = (
    "id",
    "user_id",
    "account_id",
    "source_key",
    "instrument_id",
    "kind",
    "traded_at",
    "trade_date",
    "quantity",
    "price",
    "price_currency",
    "amount",
    "fees",
    "currency",
    "reported_profit",
    "raw_table",
    "raw_id",
    "first_seen_at",
)
_INSTRUMENT = ("id", "provider", "provider_instrument_id", "name", "isin", "currency")
_HOLDING = (
    "id",
    "user_id",
    "account_id",
    "instrument_id",
    "as_of",
    "quantity",
    "average_price",
    "price",
    "cost",
    "value",
    "currency",
    "raw_id",
)


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """A key with its connection and the ledger account that it fills."""

    user_id: uuid.UUID
    connection_id: uuid.UUID
    account_id: uuid.UUID
    api_key_id: uuid.UUID
    name: str
    account_number: str

    @property
    def key(self) -> str:
        """What tells it from the others of its connection."""
        return str(self.account_id)

    @property
    def label(self) -> str:
        """What a person knows it by."""
        return accounts.account_label(self.name, self.account_number)


def project_connections(session: Session) -> WriteCounts:
    """Bring keys into the ledger. Whether a key works is found out by using it."""
    broker = sa.select(
        sa.literal(PROVIDER).label("provider"),
        sa.literal(INSTITUTION_ID).label("provider_institution_id"),
        sa.literal(_NAME).label("name"),
    ).where(sa.exists(sa.select(ApiKey.id)))
    upsert_from_select(session, Institution, broker, key=("provider", "provider_institution_id"))
    keys = sa.select(
        ApiKey.user_id,
        Institution.id.label("institution_id"),
        sa.literal(PROVIDER).label("provider"),
        sa.cast(ApiKey.id, sa.Text).label("provider_connection_id"),
        sa.literal(ConnectionStatus.ACTIVE).label("status"),
    ).join(
        Institution,
        sa.and_(
            Institution.provider == PROVIDER,
            Institution.provider_institution_id == INSTITUTION_ID,
        ),
    )
    keys = keys.where(ApiKey.removed_at.is_(None))
    return upsert_from_select(
        session,
        Connection,
        keys,
        key=("provider", "provider_connection_id"),
        insert_only=("user_id", "status"),
    )


def project_accounts(session: Session) -> WriteCounts:
    """Bring the accounts of the keys into the ledger. Their history is whole: they open at zero."""
    connection = sa.and_(
        Connection.provider == PROVIDER,
        Connection.provider_connection_id == sa.cast(ApiKey.id, sa.Text),
    )
    number = sa.cast(ApiKey.provider_account_id, sa.Text)
    keys = (
        sa.select(
            ApiKey.user_id,
            Connection.institution_id,
            number.label("account_number"),
            ApiKey.currency,
            sa.literal(AccountType.INVESTMENT).label("account_type"),
            sa.literal(AccountCategory.INVESTMENT_ACCOUNT).label("category"),
            sa.case((ApiKey.is_demo, _PRACTICE_NAME), else_=_NAME).label("name"),
            ApiKey.is_demo.label("is_practice"),
            sa.literal(0).label("opening_balance"),
        )
        .select_from(ApiKey)
        .join(Connection, connection)
    )
    counts = upsert_from_select(
        session,
        Account,
        keys,
        key=("user_id", "institution_id", "account_number", "currency"),
        insert_only=("opening_balance",),
    )
    links = (
        sa.select(
            ApiKey.user_id,
            Account.id.label("account_id"),
            Connection.id.label("connection_id"),
            sa.literal(PROVIDER).label("provider"),
            number.label("provider_account_id"),
        )
        .select_from(ApiKey)
        .join(Connection, connection)
        .join(
            Account,
            sa.and_(
                Account.user_id == ApiKey.user_id,
                Account.institution_id == Connection.institution_id,
                Account.account_number == number,
                Account.currency == ApiKey.currency,
            ),
        )
    )
    upsert_from_select(session, AccountLink, links, key=("connection_id", "provider_account_id"))
    return counts


def linked_accounts(session: Session) -> list[LinkedAccount]:
    """Return every key that has a ledger account."""
    rows = session.execute(
        sa.select(
            ApiKey.user_id,
            AccountLink.connection_id,
            AccountLink.account_id,
            ApiKey.id,
            Account.name,
            Account.account_number,
        )
        .select_from(ApiKey)
        .join(
            Connection,
            sa.and_(
                Connection.provider == PROVIDER,
                Connection.provider_connection_id == sa.cast(ApiKey.id, sa.Text),
            ),
        )
        .join(AccountLink, AccountLink.connection_id == Connection.id)
        .join(Account, Account.id == AccountLink.account_id)
        .order_by(Account.created_at, Account.id)
    )
    return [LinkedAccount(*row) for row in rows]


def project_balances(session: Session, account: LinkedAccount) -> WriteCounts:
    """Append the balances of one account that are not in the ledger yet."""
    source = select_text(
        read_sql(__file__, "balance_snapshots.sql"),
        BalanceSnapshot,
        _BALANCE,
        account_id=account.account_id,
        api_key_id=account.api_key_id,
    )
    return balance_snapshots.append_snapshots(session, source)


def project_transactions(session: Session, account: LinkedAccount) -> WriteCounts:
    """Bring what changed of one account's histories into the ledger as signed cash."""
    projected_through = session.scalar(
        sa.select(ApiKey.projected_through).where(ApiKey.id == account.api_key_id)
    )
    histories = (Order, Dividend, CashTransaction)
    changed_through = session.scalar(
        sa.select(
            sa.func.greatest(
                *(
                    sa.select(sa.func.max(model.changed_at))
                    .where(model.api_key_id == account.api_key_id)
                    .scalar_subquery()
                    for model in histories
                )
            )
        )
    )
    if changed_through is None or changed_through == projected_through:
        return WriteCounts()
    source = select_text(
        _with_fills(read_sql(__file__, "transactions.sql")),
        Transaction,
        _TRANSACTION,
        user_id=account.user_id,
        account_id=account.account_id,
        api_key_id=account.api_key_id,
        projected_through=projected_through,
    )
    counts = upsert_from_select(
        session,
        Transaction,
        source,
        key=("account_id", "source_key"),
        insert_only=("id", "user_id", "first_seen_at"),
    )
    for model in histories:
        quarantine.set_aside(
            session,
            account.user_id,
            model,
            sa.and_(
                model.api_key_id == account.api_key_id,
                model.changed_at > (projected_through or EPOCH),
            ),
            account_id=account.account_id,
        )
    session.execute(
        sa.update(ApiKey)
        .where(ApiKey.id == account.api_key_id)
        .values(projected_through=changed_through)
    )
    return counts


def forget_progress(session: Session, account: LinkedAccount) -> None:
    """Let all rows of an account be brought into the ledger anew."""
    session.execute(
        sa.update(ApiKey).where(ApiKey.id == account.api_key_id).values(projected_through=None)
    )


def project_instruments(session: Session) -> WriteCounts:
    """Bring the securities that are held or were traded into the ledger."""
    return upsert_from_select(
        session,
        Instrument,
        select_text(read_sql(__file__, "instruments.sql"), Instrument, _INSTRUMENT),
        key=("provider", "provider_instrument_id"),
        insert_only=("id",),
    )


def project_trades(session: Session, account: LinkedAccount) -> WriteCounts:
    """Bring an account's fills into the ledger, as what changed the number of shares held.

    All of them are looked at: a price is known in its own currency only once the list of
    instruments tells of that.
    """
    source = select_text(
        _with_fills(read_sql(__file__, "trades.sql")),
        Trade,
        _TRADE,
        user_id=account.user_id,
        account_id=account.account_id,
        api_key_id=account.api_key_id,
    )
    return upsert_from_select(
        session,
        Trade,
        source,
        key=("account_id", "source_key"),
        insert_only=("id", "user_id", "first_seen_at"),
    )


def project_holdings(
    session: Session, account: LinkedAccount, as_of: dt.date | None = None
) -> WriteCounts:
    """Bring positions into the ledger.

    :param as_of: those of one day; None: of every day that was read.
    """
    source = select_text(
        read_sql(__file__, "holdings.sql"),
        Holding,
        _HOLDING,
        account_id=account.account_id,
        api_key_id=account.api_key_id,
        as_of=as_of,
    )
    return upsert_from_select(
        session,
        Holding,
        source,
        key=("account_id", "instrument_id", "as_of"),
        insert_only=("id",),
    )


def _with_fills(statement: str) -> str:
    """Return a statement that is made on the fills of an account, with those in it."""
    return statement.replace("{fills}", read_sql(__file__, "fills.sql"))
