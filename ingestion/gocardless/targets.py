"""Which consents and accounts there are to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from ingestion.gocardless.token_store import SharedTokens
from ingestion.pacing import LONGEST_WAIT, SharedPace
from ingestion.run import Run
from postgres.common.enums import Provider
from postgres.common.operations import connections
from postgres.common.operations.accounts import account_label
from postgres.core import any_of, lock
from postgres.gocardless.models import Agreement, BankAccount, Requisition
from postgres.gocardless.operations import reconfirmations, requisitions
from postgres.payload import Stamp
from providers.gocardless import models
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.errors import GENERAL, LABEL, PROVIDER, Refusal
from providers.gocardless.rows import read_account
from providers.gocardless.tokens import TokenKeeper

# Says how far back a bank may be read where no agreement does.
_DEFAULT_HISTORY_DAYS = 90
# A request arrives later than it is counted, the first of a period perhaps more so than the last:
# a period of the general limits is taken to be as much longer.
_MARGIN = dt.timedelta(seconds=5)
# What a consent is like that was given once and is what its connection reads through.
_READ = (requisitions.LINKED, requisitions.EXPIRED, requisitions.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Consent:
    """A requisition and the connection that it is, or that it will renew.

    :param account_ids: GoCardless's ids of the accounts that it opened; empty until it is linked.
    :param is_offer: nobody has given it yet, and the one that it is to renew goes on reading.
    :param asks_again: the user was asked to confirm its agreement once more and has not answered.
    """

    user_id: UUID
    connection_id: UUID | None
    label: str
    requisition_id: UUID
    institution_id: str
    account_ids: tuple[UUID, ...]
    is_offer: bool
    asks_again: bool

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

    :param consent_expires_at: computed: when it is not read any more unless the user acts; None if
        it does not end.
    :param is_reconfirmable: confirming the consent once more is what they have to do.
    :param history_days: how far back the consent reaches.
    :param transactions_through: the watermark; None before the first pull.
    :param known_through: the watermark of the account under the ids that it had before.
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
    is_reconfirmable: bool
    history_days: int
    transactions_through: dt.date | None
    known_through: dt.date | None
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
    pace = make_pace(run.sessions)
    tokens = TokenKeeper(*secrets, store=store)
    with GoCardlessClient(base_url, *secrets, tokens=tokens, pace=pace) as client:
        try:
            yield client
        finally:
            pace.keep()


def make_pace(
    sessions: sessionmaker[Session], *, longest_wait: dt.timedelta = LONGEST_WAIT
) -> SharedPace:
    """Return what keeps GoCardless's general limits."""
    return SharedPace(
        sessions,
        provider=PROVIDER,
        label=LABEL,
        code=Refusal.GENERAL_LIMIT.value,
        scope=GENERAL,
        longest_wait=longest_wait,
        margin=_MARGIN,
    )


def lock_account(session: Session, account: Account, run: Run) -> Stamp:
    """Wait for the right to write an account's raw rows; projecting them takes the same lock."""
    return lock(session, f"gocardless:{account.bank_account_id}", run_id=run.run_id)


def consents(run: Run) -> list[Consent]:
    """Return the requisitions that may still matter, with renewals that wait to be given."""
    with run.sessions.begin() as session:
        found = requisitions.list_all_requisitions(session)
        names = {
            institution.provider_institution_id: institution.name
            for _, institution in connections.list_with_institutions(
                session, provider=Provider.GOCARDLESS
            )
        }
        asked = _asked_again(session, {r.agreement_id for r in found if r.agreement_id})
    return [
        _consent(
            r,
            names.get(r.institution_id, r.institution_id),
            asks_again=r.agreement_id in asked,
        )
        for r in found
    ]


def accounts(run: Run, *, bank_account_id: UUID | None = None) -> list[Account]:
    """Return the accounts of the consents that read now, also where their time is over.

    A consent that another has replaced is not asked again, though it may have days left.

    :param bank_account_id: only this one.
    """
    with run.sessions.begin() as session:
        reading = {
            r.id: r
            for r in requisitions.list_all_requisitions(session)
            if r.linked_at and r.status in _READ
        }
        query = (
            sa.select(BankAccount, Agreement, _known_through())
            .join(Requisition, Requisition.id == BankAccount.requisition_id)
            .outerjoin(Agreement, Agreement.id == Requisition.agreement_id)
            .where(BankAccount.requisition_id == any_of(reading))
            .order_by(BankAccount.first_seen_at, BankAccount.name, BankAccount.id)
        )
        if bank_account_id is not None:
            query = query.where(BankAccount.id == bank_account_id)
        rows = session.execute(query).all()
        confirmed = _confirmations(session, {a.id for _, a, _ in rows if a})
    return [
        _account(bank_account, reading[bank_account.requisition_id], agreement, through, confirmed)
        for bank_account, agreement, through in rows
    ]


Confirmations = dict[tuple[UUID, UUID], dt.datetime]
"""When an account was last confirmed once more, by agreement and GoCardless's id of it."""


def _account(
    bank_account: BankAccount,
    requisition: Requisition,
    agreement: Agreement | None,
    known_through: dt.date | None,
    confirmed: Confirmations,
) -> Account:
    ends_at, reconfirm_by = _ends(bank_account.provider_account_id, agreement, confirmed)
    is_reconfirmable = reconfirm_by is not None and ends_at is not None and reconfirm_by < ends_at
    return Account(
        user_id=bank_account.user_id,
        connection_id=requisition.connection_id,
        label=account_label(bank_account.name, bank_account.account_number),
        bank_account_id=bank_account.id,
        provider_account_id=bank_account.provider_account_id,
        consent_expires_at=reconfirm_by if is_reconfirmable else ends_at,
        is_reconfirmable=is_reconfirmable,
        history_days=agreement.max_historical_days if agreement else _DEFAULT_HISTORY_DAYS,
        transactions_through=bank_account.transactions_through,
        known_through=known_through,
        institution_id=requisition.institution_id,
        holder=read_account(bank_account.payload).holder,
        scanned_on=bank_account.scanned_on,
        scopes=_scopes(agreement),
        is_suspended=requisition.status == requisitions.SUSPENDED
        or bank_account.status == "SUSPENDED",
    )


def _ends(
    provider_account_id: UUID, agreement: Agreement | None, confirmed: Confirmations
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return when a consent is over, and when an account has to have been confirmed again."""
    if agreement is None or agreement.accepted_at is None:
        return None, None
    ends_at = agreement.accepted_at + dt.timedelta(days=agreement.access_valid_for_days)
    if not agreement.has_reconfirmation:
        return ends_at, None
    last = confirmed.get((agreement.id, provider_account_id), agreement.accepted_at)
    return ends_at, last + requisitions.RECONFIRMED_EVERY


def _confirmations(session: Session, agreement_ids: set[UUID]) -> Confirmations:
    found: Confirmations = {}
    for asked in reconfirmations.list_of_agreements(session, agreement_ids):
        for account_id, said in models.Reconfirmation.parse(asked.payload).accounts.items():
            if said.reconfirmed is not None:
                found[asked.agreement_id, UUID(account_id)] = said.reconfirmed
    return found


def _known_through() -> sa.ColumnElement[dt.date | None]:
    """Return up to when the same account was read under ids that it had before."""
    before, consent = sa.orm.aliased(BankAccount), sa.orm.aliased(Requisition)
    return (
        sa.select(sa.func.max(before.transactions_through))
        .join(consent, consent.id == before.requisition_id)
        .where(
            before.user_id == BankAccount.user_id,
            before.id != BankAccount.id,
            consent.institution_id == Requisition.institution_id,
            sa.or_(
                before.account_id == BankAccount.account_id,
                sa.and_(
                    before.account_number == BankAccount.account_number,
                    before.currency == BankAccount.currency,
                ),
            ),
        )
        .scalar_subquery()
    )


def _scopes(agreement: Agreement | None) -> tuple[str, ...] | None:
    granted = agreement.payload.get("access_scope") if agreement else None
    return tuple(granted) if isinstance(granted, list) and granted else None


def _asked_again(session: Session, agreement_ids: Collection[UUID]) -> set[UUID]:
    return {
        asked.agreement_id
        for asked in reconfirmations.list_of_agreements(session, agreement_ids)
        if asked.url_valid_to > clock.now()
        and not models.Reconfirmation.parse(asked.payload).is_answered
    }


def _consent(requisition: Requisition, label: str, *, asks_again: bool) -> Consent:
    is_linked = requisition.status == requisitions.LINKED
    listed = models.Requisition.parse(requisition.payload).accounts if is_linked else ()
    return Consent(
        user_id=requisition.user_id,
        connection_id=requisition.connection_id,
        label=label,
        requisition_id=requisition.id,
        institution_id=requisition.institution_id,
        account_ids=tuple(UUID(account_id) for account_id in listed),
        is_offer=requisition.replaces_id is not None and requisition.linked_at is None,
        asks_again=asks_again,
    )
