"""Raw GoCardless rows to the ledger: set-based, in the database, driven by what changed.

The caller holds the lock of what is projected, see :func:`postgres.core.lock`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import (
    Account,
    AccountLink,
    BalanceSnapshot,
    Connection,
    Institution,
    Merchant,
    Transaction,
)
from postgres.common.operations import accounts, balance_snapshots, quarantine
from postgres.core import EPOCH, WriteCounts, read_sql, select_text, upsert_from_select
from postgres.gocardless.models import BankAccount, Requisition
from postgres.gocardless.models import Institution as RawInstitution
from postgres.gocardless.models import Transaction as RawTransaction

PROVIDER = "gocardless"

_CONNECTION = (
    "user_id",
    "institution_id",
    "provider",
    "provider_connection_id",
    "status",
    "status_reason",
    "consent_expires_at",
)
_ACCOUNT = (
    "user_id",
    "institution_id",
    "account_number",
    "currency",
    "account_type",
    "category",
    "status",
    "name",
    "iban",
)
_LINK = ("user_id", "account_id", "connection_id", "provider", "provider_account_id")
_BALANCE = (
    "user_id",
    "account_id",
    "balance_type",
    "amount",
    "currency",
    "reference_date",
    "observed_at",
    "is_booked",
    "raw_id",
)
_TRANSACTION = (
    "user_id",
    "account_id",
    "source_key",
    "status",
    "amount",
    "currency",
    "booking_date",
    "value_date",
    "booked_at",
    "description",
    "counterparty_name",
    "counterparty_account",
    "balance_after",
    "merchant_id",
    "kind",
    "raw_table",
    "raw_id",
    "first_seen_at",
)


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """A raw account with the connection that reads it and the ledger account that it fills.

    :param is_read: its transactions have been read at least once.
    """

    user_id: uuid.UUID
    connection_id: uuid.UUID
    account_id: uuid.UUID
    bank_account_id: uuid.UUID
    name: str
    account_number: str
    is_read: bool

    @property
    def label(self) -> str:
        """What a person knows it by."""
        return accounts.account_label(self.name, self.account_number)


def project_institutions(session: Session) -> WriteCounts:
    """Bring the institutions that requisitions name into the ledger."""
    payload = RawInstitution.payload
    countries = sa.func.array(
        sa.select(sa.func.jsonb_array_elements_text(payload["countries"])).scalar_subquery()
    )
    source = sa.select(
        sa.literal(PROVIDER).label("provider"),
        RawInstitution.id.label("provider_institution_id"),
        RawInstitution.name,
        sa.func.nullif(payload["bic"].astext, "").label("bic"),
        countries.label("countries"),
        payload["logo"].astext.label("logo_url"),
    ).where(RawInstitution.id.in_(sa.select(Requisition.institution_id)))
    return upsert_from_select(
        session, Institution, source, key=("provider", "provider_institution_id")
    )


def project_connections(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Bring requisitions into the ledger; a renewed consent goes on as the same connection.

    :param now: what decides whether a consent is over: expiry is computed, not waited for.
    """
    old, new = sa.orm.aliased(Requisition), sa.orm.aliased(Requisition)
    session.execute(
        sa.update(Connection)
        .where(
            Connection.provider == PROVIDER,
            Connection.provider_connection_id == sa.cast(old.id, sa.Text),
            new.replaces_id == old.id,
            new.status == "LN",
        )
        .values(provider_connection_id=sa.cast(new.id, sa.Text))
        .execution_options(synchronize_session=False)
    )
    return upsert_from_select(
        session,
        Connection,
        select_text(read_sql(__file__, "connections.sql"), Connection, _CONNECTION, now=now),
        key=("provider", "provider_connection_id"),
        insert_only=("user_id",),
    )


def project_accounts(session: Session) -> WriteCounts:
    """Bring bank accounts into the ledger, with a link from each provider id to its account."""
    counts = upsert_from_select(
        session,
        Account,
        select_text(read_sql(__file__, "accounts.sql"), Account, _ACCOUNT),
        key=("user_id", "institution_id", "account_number", "currency"),
    )
    upsert_from_select(
        session,
        AccountLink,
        select_text(read_sql(__file__, "account_links.sql"), AccountLink, _LINK),
        key=("connection_id", "provider_account_id"),
    )
    return counts


def linked_accounts(session: Session) -> list[LinkedAccount]:
    """Return every raw account that has a ledger account."""
    rows = session.execute(
        sa.select(
            BankAccount.user_id,
            AccountLink.connection_id,
            AccountLink.account_id,
            BankAccount.id,
            Account.name,
            Account.account_number,
            BankAccount.transactions_through.is_not(None),
        )
        .select_from(BankAccount)
        .join(
            Connection,
            sa.and_(
                Connection.provider == PROVIDER,
                Connection.provider_connection_id == sa.cast(BankAccount.requisition_id, sa.Text),
            ),
        )
        .join(
            AccountLink,
            sa.and_(
                AccountLink.connection_id == Connection.id,
                AccountLink.provider_account_id
                == sa.cast(BankAccount.provider_account_id, sa.Text),
            ),
        )
        .join(Account, Account.id == AccountLink.account_id)
        .order_by(Account.created_at, Account.name, Account.id)
    )
    return [LinkedAccount(*row) for row in rows]


def project_balances(session: Session, account: LinkedAccount) -> WriteCounts:
    """Append the balances of one account that are not in the ledger yet."""
    source = select_text(
        read_sql(__file__, "balance_snapshots.sql"),
        BalanceSnapshot,
        _BALANCE,
        account_id=account.account_id,
        bank_account_id=account.bank_account_id,
    )
    return balance_snapshots.append_snapshots(session, source)


def project_transactions(session: Session, account: LinkedAccount) -> WriteCounts:
    """Bring what changed of one account's rows into the ledger, and set aside what cannot go."""
    projected_through = session.scalar(
        sa.select(BankAccount.projected_through).where(BankAccount.id == account.bank_account_id)
    )
    changed_through = session.scalar(
        sa.select(sa.func.max(RawTransaction.changed_at)).where(
            RawTransaction.bank_account_id == account.bank_account_id
        )
    )
    if changed_through is None or changed_through == projected_through:
        return WriteCounts()
    bounds: dict[str, Any] = {
        "bank_account_id": account.bank_account_id,
        "projected_through": projected_through,
    }
    upsert_from_select(
        session,
        Merchant,
        select_text(read_sql(__file__, "merchants.sql"), Merchant, ("user_id", "name"), **bounds),
        key=("user_id", "name"),
    )
    counts = upsert_from_select(
        session,
        Transaction,
        select_text(
            read_sql(__file__, "transactions.sql"),
            Transaction,
            _TRANSACTION,
            account_id=account.account_id,
            **bounds,
        ),
        key=("account_id", "source_key"),
        insert_only=("user_id", "first_seen_at"),
    )
    quarantine.set_aside(
        session,
        account.user_id,
        RawTransaction,
        sa.and_(
            RawTransaction.bank_account_id == account.bank_account_id,
            RawTransaction.changed_at > (projected_through or EPOCH),
        ),
        account_id=account.account_id,
    )
    session.execute(
        sa.update(BankAccount)
        .where(BankAccount.id == account.bank_account_id)
        .values(projected_through=changed_through)
    )
    return counts
