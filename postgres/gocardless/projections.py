"""Raw GoCardless rows to the ledger: set-based, in the database, driven by what changed.

The caller holds the lock of what is projected, see :func:`postgres.core.lock`.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
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
from postgres.common.operations.transaction_folding import fold_transactions
from postgres.core import (
    EPOCH,
    WriteCounts,
    any_of,
    read_sql,
    select_text,
    table_of,
    upsert_from_select,
)
from postgres.gocardless.identification import feeds_of, identify
from postgres.gocardless.models import Balance as RawBalance
from postgres.gocardless.models import BankAccount, RateLimit, Requisition
from postgres.gocardless.models import Institution as RawInstitution
from postgres.gocardless.models import Transaction as RawTransaction
from postgres.gocardless.operations import requisitions
from postgres.gocardless.placement import place_accounts

PROVIDER = "gocardless"

_CONNECTION = (
    "id",
    "user_id",
    "institution_id",
    "provider",
    "provider_connection_id",
    "status",
    "status_reason",
    "consent_expires_at",
    "is_reconfirmable",
)
_ACCOUNT = (
    "id",
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
    "id",
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

    :param read_through: the last day that its transactions were read of; None if they never were.
    :param is_open: what it opened with is not known yet, and balances and rows were last read on
        the same day: a balance that is older or newer knows of other rows.
    :param institution_id: GoCardless's id of the bank.
    """

    user_id: uuid.UUID
    connection_id: uuid.UUID
    account_id: uuid.UUID
    bank_account_id: uuid.UUID
    name: str
    account_number: str
    read_through: dt.date | None
    is_open: bool
    institution_id: str

    @property
    def key(self) -> str:
        """What tells it from the others of its connection."""
        return str(self.account_id)

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
    requisitions.assign_connections(session)
    return upsert_from_select(
        session,
        Connection,
        select_text(
            read_sql(__file__, "connections.sql"),
            Connection,
            _CONNECTION,
            now=now,
            reasons=json.dumps(requisitions.ENDED),
            reconfirmed_every=requisitions.RECONFIRMED_EVERY.days,
        ),
        key=("id",),
        insert_only=("user_id",),
    )


def project_accounts(session: Session) -> WriteCounts:
    """Bring bank accounts into the ledger, with a link from each provider id to its account.

    One that the user has to be asked about waits, with its rows: see
    :mod:`postgres.gocardless.placement`.
    """
    place_accounts(session)
    counts = upsert_from_select(
        session,
        Account,
        select_text(read_sql(__file__, "accounts.sql"), Account, _ACCOUNT),
        key=("id",),
        insert_only=("user_id", "institution_id"),
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
            Connection.id,
            Account.id,
            BankAccount.id,
            Account.name,
            Account.account_number,
            BankAccount.transactions_through,
            sa.and_(
                Account.opening_balance.is_(None),
                # Rows of a release that did not note it yet count as read together.
                sa.func.coalesce(_last_read("balances") == _last_read("transactions"), sa.true()),
            ),
            Requisition.institution_id,
        )
        .select_from(BankAccount)
        .join(Requisition, Requisition.id == BankAccount.requisition_id)
        .join(Connection, Connection.id == Requisition.connection_id)
        .join(Account, Account.id == BankAccount.account_id)
        .order_by(Account.created_at, Account.name, Account.id)
    )
    return [LinkedAccount(*row) for row in rows]


def _last_read(resource: str) -> sa.ScalarSelect[dt.date]:
    return (
        sa.select(sa.cast(sa.func.max(RateLimit.read_at), sa.Date))
        .where(RateLimit.bank_account_id == BankAccount.id, RateLimit.resource == resource)
        .scalar_subquery()
    )


def project_balances(
    session: Session, account: LinkedAccount, *, stand_ins: Sequence[str] = ()
) -> WriteCounts:
    """Append the balances of an account that are not in the ledger yet; what is none is set aside.

    :param stand_ins: types, in lower case, that this bank sends in place of a booked balance.
    """
    source = select_text(
        read_sql(__file__, "balance_snapshots.sql"),
        BalanceSnapshot,
        _BALANCE,
        account_id=account.account_id,
        bank_account_id=account.bank_account_id,
        stand_ins=list(stand_ins),
    )
    newer = sa.orm.aliased(RawBalance)
    is_newest = ~sa.exists().where(
        newer.bank_account_id == RawBalance.bank_account_id,
        newer.balance_type.is_not_distinct_from(RawBalance.balance_type),
        newer.currency.is_not_distinct_from(RawBalance.currency),
        newer.changed_at > RawBalance.changed_at,
    )
    quarantine.set_aside(
        session,
        account.user_id,
        RawBalance,
        RawBalance.bank_account_id == account.bank_account_id,
        account_id=account.account_id,
        reason=sa.case(
            # One that the bank has mended since waits for nobody.
            (~is_newest, None),
            (RawBalance.amount.is_(None), "balanceAmount.amount is missing or not a number"),
            (RawBalance.currency.is_(None), "balanceAmount.currency is not a three-letter code"),
            (RawBalance.balance_type.is_(None), "balanceType is missing"),
        ),
    )
    return balance_snapshots.append_snapshots(session, source)


def project_transactions(session: Session, account: LinkedAccount) -> WriteCounts:
    """Bring what changed of one account's rows into the ledger, and set aside what cannot go."""
    changed = feeds_of(session, account.user_id, account.account_id)
    feeds = list(changed)
    behind = [feed for feed, changed_at in changed.items() if changed_at != feed.projected_through]
    if not behind:
        return WriteCounts()
    identified = identify(session, feeds)
    is_anew = any(feed.projected_through is None for feed in behind)
    scope: dict[str, Any] = {
        "feeds": [feed.id for feed in feeds],
        "names": None if is_anew else list(identified.names),
    }
    upsert_from_select(
        session,
        Merchant,
        select_text(read_sql(__file__, "merchants.sql"), Merchant, ("user_id", "name"), **scope),
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
            **scope,
        ),
        key=("id",),
        insert_only=("user_id",),
    )
    fold_transactions(session, account.user_id, identified.merged)
    _delete_unfounded(session, account, scope["names"])
    for feed in behind:
        quarantine.set_aside(
            session,
            account.user_id,
            RawTransaction,
            sa.and_(
                RawTransaction.bank_account_id == feed.id,
                sa.or_(
                    RawTransaction.changed_at > (feed.projected_through or EPOCH),
                    RawTransaction.ledger_id == any_of(identified.names),
                    RawTransaction.doubt.is_not(None),
                ),
            ),
            account_id=account.account_id,
            # A row that the bank has mended since, or taken back, waits for nobody.
            reason=sa.func.coalesce(
                sa.case((RawTransaction.withdrawn_at.is_(None), RawTransaction.refusal)),
                RawTransaction.doubt,
            ),
        )
        feed.projected_through = changed[feed]
    session.flush()
    return counts


def _delete_unfounded(
    session: Session, account: LinkedAccount, names: Sequence[uuid.UUID] | None
) -> None:
    """Delete transactions that no raw row is a version of any more.

    :param names: which to look at; None: all of the account.
    """
    session.execute(
        sa.delete(Transaction)
        .where(
            Transaction.user_id == account.user_id,
            Transaction.account_id == account.account_id,
            Transaction.raw_table == table_of(RawTransaction).fullname,
            sa.true() if names is None else Transaction.id == any_of(names),
            ~sa.exists().where(RawTransaction.ledger_id == Transaction.id),
        )
        .execution_options(synchronize_session=False)
    )
