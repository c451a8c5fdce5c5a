"""Which consents and accounts there are to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ingestion.gocardless.pacing import SharedPace
from ingestion.gocardless.token_store import SharedTokens
from ingestion.run import Run
from postgres.common.enums import Provider
from postgres.common.models import Connection
from postgres.common.operations import connections
from postgres.common.operations.accounts import account_label
from postgres.core import lock
from postgres.gocardless.models import Agreement, BankAccount, Requisition
from postgres.gocardless.operations import requisitions
from postgres.payload import Stamp
from providers.gocardless import models
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.rows import read_account
from providers.gocardless.tokens import TokenKeeper

# Says how far back a bank may be read where no agreement does.
_DEFAULT_HISTORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class Consent:
    """A requisition and the connection that it is, or that it will renew.

    :param account_ids: GoCardless's ids of the accounts that it opened; empty until it is linked.
    """

    user_id: UUID
    connection_id: UUID | None
    label: str
    requisition_id: UUID
    institution_id: str
    account_ids: tuple[UUID, ...]

    @property
    def key(self) -> str:
        """Nothing: it is the connection itself."""
        return ""


@dataclass(frozen=True, slots=True)
class ConsentedAccount:
    """One account that a consent opened, before it is known more of."""

    consent: Consent
    provider_account_id: UUID

    @property
    def user_id(self) -> UUID:
        """Whose consent it is."""
        return self.consent.user_id

    @property
    def connection_id(self) -> UUID | None:
        """The connection that it is read through."""
        return self.consent.connection_id

    @property
    def key(self) -> str:
        """What tells it from its siblings: GoCardless's id."""
        return str(self.provider_account_id)

    @property
    def label(self) -> str:
        """The bank and the end of the provider's id; the number is not known yet."""
        return f"{self.consent.label} …{str(self.provider_account_id)[-4:]}"


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account that is known.

    :param consent_expires_at: computed from the agreement; None if it does not expire.
    :param history_days: how far back the consent reaches.
    :param transactions_through: the watermark; None before the first pull.
    :param institution_id: GoCardless's id of the bank.
    :param holder: whose account it is, where the bank tells.
    :param scanned_on: when all days that the bank gives were last read at once.
    :param scopes: what the consent covers; None: everything.
    :param is_suspended: GoCardless reads it no more under this consent.
    """

    user_id: UUID
    connection_id: UUID | None
    label: str
    bank_account_id: UUID
    provider_account_id: UUID
    consent_expires_at: dt.datetime | None
    history_days: int
    transactions_through: dt.date | None
    institution_id: str
    holder: str | None
    scanned_on: dt.date | None
    scopes: tuple[str, ...] | None
    is_suspended: bool

    @property
    def key(self) -> str:
        """What tells it from its siblings: GoCardless's id."""
        return str(self.provider_account_id)


@contextmanager
def open_client(run: Run) -> Iterator[GoCardlessClient]:
    """Yield a client with the operator's secrets.

    :raises ConfigurationError: if they are not set.
    """
    base_url, secrets = run.settings.gocardless_base_url, run.settings.gocardless_secrets
    store = SharedTokens(run.sessions, run.secrets, base_url, secrets)
    pace = SharedPace(run.sessions)
    tokens = TokenKeeper(*secrets, store=store)
    with GoCardlessClient(base_url, *secrets, tokens=tokens, pace=pace) as client:
        try:
            yield client
        finally:
            pace.keep()


def lock_account(session: Session, account: Account, run: Run) -> Stamp:
    """Wait for the right to write an account's raw rows; projecting them takes the same lock."""
    return lock(session, f"gocardless:{account.bank_account_id}", run_id=run.run_id)


def consents(run: Run) -> list[Consent]:
    """Return the requisitions that may still matter: all but the ones another has replaced."""
    with run.sessions.begin() as session:
        found = requisitions.list_all_requisitions(session)
        known = {
            connection.provider_connection_id: (connection.id, institution.name)
            for connection, institution in connections.list_with_institutions(
                session, provider=Provider.GOCARDLESS
            )
        }
    replaced = {r.replaces_id for r in found if r.status == requisitions.LINKED}
    return [_consent(r, known) for r in found if r.id not in replaced]


def accounts(run: Run, *, bank_account_id: UUID | None = None) -> list[Account]:
    """Return the accounts of all consents that were given, also of those that have ended since.

    :param bank_account_id: only this one.
    """
    query = (
        sa.select(BankAccount, Agreement, Connection.id, Requisition)
        .join(Requisition, Requisition.id == BankAccount.requisition_id)
        .outerjoin(Agreement, Agreement.id == Requisition.agreement_id)
        .outerjoin(
            Connection,
            sa.and_(
                Connection.provider == Provider.GOCARDLESS,
                # A renewal reads for the connection that it renews.
                Connection.provider_connection_id.in_(
                    (
                        sa.cast(Requisition.id, sa.Text),
                        sa.cast(Requisition.replaces_id, sa.Text),
                    )
                ),
            ),
        )
        .where(
            Requisition.removed_at.is_(None),
            Requisition.status.in_(
                (requisitions.LINKED, requisitions.EXPIRED, requisitions.SUSPENDED)
            ),
        )
        .order_by(BankAccount.first_seen_at, BankAccount.name, BankAccount.id)
    )
    if bank_account_id is not None:
        query = query.where(BankAccount.id == bank_account_id)
    with run.sessions.begin() as session:
        rows = session.execute(query).all()
    return [
        Account(
            user_id=account.user_id,
            connection_id=connection_id,
            label=account_label(account.name, account.account_number),
            bank_account_id=account.id,
            provider_account_id=account.provider_account_id,
            consent_expires_at=_expiry(agreement),
            history_days=agreement.max_historical_days if agreement else _DEFAULT_HISTORY_DAYS,
            transactions_through=account.transactions_through,
            institution_id=requisition.institution_id,
            holder=read_account(account.payload).holder,
            scanned_on=account.scanned_on,
            scopes=_scopes(agreement),
            is_suspended=requisition.status == requisitions.SUSPENDED
            or account.status == "SUSPENDED",
        )
        for account, agreement, connection_id, requisition in rows
    ]


def _consent(requisition: Requisition, known: dict[str, tuple[UUID, str]]) -> Consent:
    # A renewal has no connection of its own before it is linked.
    connection = known.get(str(requisition.id)) or known.get(str(requisition.replaces_id))
    is_linked = requisition.status == requisitions.LINKED
    listed = models.Requisition.parse(requisition.payload).accounts if is_linked else ()
    return Consent(
        user_id=requisition.user_id,
        connection_id=connection[0] if connection else None,
        label=connection[1] if connection else requisition.institution_id,
        requisition_id=requisition.id,
        institution_id=requisition.institution_id,
        account_ids=tuple(UUID(account_id) for account_id in listed),
    )


def _scopes(agreement: Agreement | None) -> tuple[str, ...] | None:
    granted = agreement.payload.get("access_scope") if agreement else None
    return tuple(granted) if isinstance(granted, list) and granted else None


def _expiry(agreement: Agreement | None) -> dt.datetime | None:
    if agreement is None or agreement.accepted_at is None:
        return None
    return agreement.accepted_at + dt.timedelta(days=agreement.access_valid_for_days)
