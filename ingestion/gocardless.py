"""Pull GoCardless Bank Account Data and land it raw, account by account."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from farthing import clock
from ingestion.accounts import for_each
from ingestion.run import AccountOutcome, Run, Status, StepOutcome, Window
from postgres.common.enums import ConnectionStatus, Provider
from postgres.common.models import Connection
from postgres.common.operations import connections
from postgres.core import lock
from postgres.gocardless.models import Agreement, BankAccount, RateLimit, Requisition
from postgres.gocardless.operations import (
    agreements,
    balances,
    bank_accounts,
    institutions,
    rate_limits,
    requisitions,
    transactions,
)
from postgres.identity import Evidence, identify
from postgres.payload import storable
from providers.errors import AccessDenied, ProviderError
from providers.gocardless import models
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.rows import read_account, read_balance, read_transaction
from providers.http import Answer

OVERLAP_DAYS = 14
"""Days that every pull reads again: banks add rows late."""

_DETAILS, _BALANCES, _TRANSACTIONS = "details", "balances", "transactions"


@dataclass(frozen=True, slots=True)
class _Consent:
    """A requisition and the connection that it is, or that it will renew."""

    user_id: UUID
    connection_id: UUID | None
    requisition_id: UUID
    institution_id: str
    label: str


@dataclass(frozen=True, slots=True)
class _Account:
    """A bank account whose consent holds."""

    user_id: UUID
    connection_id: UUID | None
    bank_account_id: UUID
    provider_account_id: UUID
    label: str
    consent_expires_at: dt.datetime | None
    history_days: int
    transactions_through: dt.date | None


@contextmanager
def open_client(run: Run) -> Iterator[GoCardlessClient]:
    """Yield a client with the operator's secrets.

    :raises ConfigurationError: if they are not set.
    """
    secret_id, secret_key = run.settings.gocardless_secrets
    with GoCardlessClient(run.settings.gocardless_base_url, secret_id, secret_key) as client:
        yield client


def pull_requisitions(run: Run) -> StepOutcome:
    """Read the state of every consent, with its agreement and institution."""
    consents = _consents(run)
    if not consents:
        return StepOutcome("gocardless.requisitions", (), 0.0)
    with open_client(run) as client:

        def pull(consent: _Consent) -> AccountOutcome:
            return refresh_consent(run, client, consent)

        return for_each(run, "gocardless.requisitions", consents, pull)


def refresh_consent(run: Run, client: GoCardlessClient, consent: _Consent) -> AccountOutcome:
    """Read one requisition with its agreement and institution, and land them together."""
    requisition = client.requisition(str(consent.requisition_id)).payload
    parsed = models.Requisition.parse(requisition)
    agreement = client.agreement(parsed.agreement).payload if parsed.agreement else None
    institution = client.institution(consent.institution_id).payload
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{consent.requisition_id}", run_id=run.run_id)
        institutions.land(session, [institution], stamp)
        if agreement is not None:
            terms = models.Agreement.parse(agreement)
            agreements.land(
                session,
                consent.user_id,
                agreement,
                stamp,
                max_historical_days=terms.max_historical_days,
                access_valid_for_days=terms.access_valid_for_days,
                accepted_at=terms.accepted,
            )
        counts = requisitions.land(session, consent.user_id, requisition, stamp)
    return AccountOutcome(consent.connection_id, consent.label, received=1, counts=counts)


def pull_bank_accounts(run: Run) -> StepOutcome:
    """Read the accounts of every linked consent; details only once, since each call counts."""
    targets = [consent for consent in _consents(run) if _is_linked(run, consent)]
    if not targets:
        return StepOutcome("gocardless.bank_accounts", (), 0.0)
    with open_client(run) as client:
        accounts = [
            dataclasses.replace(consent, label=account_id)
            for consent in targets
            for account_id in _account_ids(run, consent)
        ]

        def pull(target: _Consent) -> AccountOutcome:
            return _pull_bank_account(run, client, target, UUID(target.label))

        return for_each(run, "gocardless.bank_accounts", accounts, pull)


def pull_balances(run: Run) -> StepOutcome:
    """Read the balances of every account."""

    def pull(client: GoCardlessClient, account: _Account) -> AccountOutcome:
        answer = _call(run, account, _BALANCES, lambda: client.balances(_id(account)))
        entries = answer.payload["balances"]
        rows = [(entry, dataclasses.asdict(read_balance(entry))) for entry in _storable(entries)]
        with run.sessions.begin() as session:
            stamp = _lock(session, account, run)
            counts = balances.land(session, account.user_id, account.bank_account_id, rows, stamp)
            _note_limits(session, account, _BALANCES, answer)
        return AccountOutcome(
            account.connection_id, account.label, received=len(entries), counts=counts
        )

    return _for_each_account(run, "gocardless.balances", pull)


def pull_transactions(run: Run, window: Window) -> StepOutcome:
    """Read every account's transactions in one call each.

    A window that reaches today goes back as far as the account was last read, less an overlap; one
    that does not is a backfill and read as asked.
    """

    def pull(client: GoCardlessClient, account: _Account) -> AccountOutcome:
        return _pull_transactions(run, client, account, window)

    return _for_each_account(run, "gocardless.transactions", pull)


def resume_points(run: Run) -> list[dt.date]:
    """Return the day from which each account should be read next."""
    return [_resume_at(account) for account in _accounts(run)]


def _pull_transactions(
    run: Run, client: GoCardlessClient, account: _Account, asked: Window
) -> AccountOutcome:
    window = _window(account, asked)
    answer = _call(
        run,
        account,
        _TRANSACTIONS,
        lambda: client.transactions(_id(account), date_from=window.first, date_to=window.last),
    )
    listed = answer.payload["transactions"]
    booked = _read_rows(listed["booked"], is_pending=False)
    pending = _read_rows(listed.get("pending") or [], is_pending=True)
    rows = [row for row in (*booked, *pending) if row is not None]
    with run.sessions.begin() as session:
        stamp = _lock(session, account, run)
        counts = transactions.land(session, account.user_id, account.bank_account_id, rows, stamp)
        if window.last >= clock.today():
            keys = [str(facts["identity_key"]) for _, facts in rows if facts["is_pending"]]
            transactions.withdraw_pending(session, account.bank_account_id, keys, stamp)
        if _reaches(account, window):
            bank_accounts.advance_watermark(session, account.bank_account_id, window.last)
        _note_limits(session, account, _TRANSACTIONS, answer)
    received = len(booked) + len(pending)
    return AccountOutcome(
        account.connection_id,
        account.label,
        window=window,
        received=received,
        counts=counts,
        quarantined=sum(1 for _, facts in rows if facts["refusal"]),
        superseded=received - len(rows),
    )


def _read_rows(
    payloads: Sequence[Any], *, is_pending: bool
) -> list[tuple[dict[str, Any], dict[str, Any]] | None]:
    """Read and identify the rows of one list; None stands for a repeat of another row."""
    clean = [
        storable(payload if isinstance(payload, dict) else {"not_an_object": payload})
        for payload in payloads
    ]
    facts = [read_transaction(payload, is_pending=is_pending) for payload, _ in clean]
    verdicts = identify(
        [
            Evidence(
                # A pending row's ids change from answer to answer.
                provider_id=None if is_pending else row.internal_transaction_id,
                content=(
                    row.booking_date,
                    row.amount,
                    row.currency,
                    row.description,
                    row.counterparty_name,
                ),
            )
            for row in facts
        ]
    )
    rows: list[tuple[dict[str, Any], dict[str, Any]] | None] = []
    for (payload, was_dirty), row, verdict in zip(clean, facts, verdicts, strict=True):
        if verdict.is_repeat:
            rows.append(None)
            continue
        columns = dataclasses.asdict(row)
        dirty = "the row holds characters that cannot be stored" if was_dirty else None
        columns["refusal"] = row.refusal or verdict.conflict or dirty
        columns["is_pending"] = is_pending
        columns["identity_key"] = verdict.key
        rows.append((payload, columns))
    return rows


def _pull_bank_account(
    run: Run, client: GoCardlessClient, consent: _Consent, account_id: UUID
) -> AccountOutcome:
    with run.sessions.begin() as session:
        known = bank_accounts.get_bank_account(session, consent.user_id, account_id)
    metadata = client.account(str(account_id)).payload
    details: dict[str, Any] = (known.payload["details"] if known else None) or {}
    limits: Answer | None = None
    refusal: ProviderError | None = None
    if not details:
        try:
            limits = client.details(str(account_id))
            details = limits.payload["account"]
        except AccessDenied as error:
            refusal = error
    payload, _ = storable({"account": metadata, "details": details})
    facts = dataclasses.asdict(read_account(payload))
    with run.sessions.begin() as session:
        stamp = lock(session, f"bank_account:{account_id}", run_id=run.run_id)
        counts = bank_accounts.land(
            session,
            consent.user_id,
            requisition_id=consent.requisition_id,
            provider_account_id=account_id,
            payload=payload,
            facts=facts,
            stamp=stamp,
        )
    label = account_label(facts["name"], facts["account_number"])
    if facts["currency"] is None:
        reason = f"its currency is unknown: {refusal or 'the bank does not tell it'}"
        return AccountOutcome(consent.connection_id, label, Status.FAILED, reason, received=1)
    return AccountOutcome(consent.connection_id, label, received=1, counts=counts)


def account_label(name: str, number: str) -> str:
    """Return what a person knows an account by: its name and the end of its number."""
    return f"{name} …{number[-4:]}"


def _consents(run: Run) -> list[_Consent]:
    """Return the requisitions that may still matter: all but the ones another has replaced."""
    with run.sessions.begin() as session:
        found = requisitions.list_requisitions(session)
        replaced = {r.replaces_id for r, _ in found if r.status == requisitions.LINKED}
        names = {
            c.provider_connection_id: (c.id, institution.name)
            for c, institution in connections.list_connections(
                session, provider=Provider.GOCARDLESS
            )
        }
    consents = []
    for requisition, _ in found:
        if requisition.id in replaced:
            continue
        # A renewal has no connection of its own before it is linked.
        known = names.get(str(requisition.id)) or names.get(str(requisition.replaces_id))
        consents.append(
            _Consent(
                user_id=requisition.user_id,
                connection_id=known[0] if known else None,
                requisition_id=requisition.id,
                institution_id=requisition.institution_id,
                label=known[1] if known else requisition.institution_id,
            )
        )
    return consents


def _is_linked(run: Run, consent: _Consent) -> bool:
    with run.sessions.begin() as session:
        requisition = requisitions.get_requisition(session, consent.requisition_id)
        return requisition is not None and requisition.status == requisitions.LINKED


def _account_ids(run: Run, consent: _Consent) -> Sequence[str]:
    with run.sessions.begin() as session:
        requisition = requisitions.get_requisition(session, consent.requisition_id)
        return models.Requisition.parse(requisition.payload).accounts if requisition else ()


def _accounts(run: Run) -> list[_Account]:
    query = (
        sa.select(BankAccount, Requisition, Agreement, Connection.id)
        .join(Requisition, Requisition.id == BankAccount.requisition_id)
        .outerjoin(Agreement, Agreement.id == Requisition.agreement_id)
        .outerjoin(
            Connection,
            sa.and_(
                Connection.provider == Provider.GOCARDLESS,
                sa.or_(
                    Connection.provider_connection_id == sa.cast(Requisition.id, sa.Text),
                    Connection.provider_connection_id == sa.cast(Requisition.replaces_id, sa.Text),
                ),
            ),
        )
        .order_by(BankAccount.first_seen_at, BankAccount.name, BankAccount.id)
    )
    with run.sessions.begin() as session:
        rows = session.execute(query).all()
    return [
        _Account(
            user_id=account.user_id,
            connection_id=connection_id,
            bank_account_id=account.id,
            provider_account_id=account.provider_account_id,
            label=account_label(account.name, account.account_number),
            consent_expires_at=_expiry(agreement),
            history_days=agreement.max_historical_days if agreement else 90,
            transactions_through=account.transactions_through,
        )
        for account, requisition, agreement, connection_id in rows
        if requisition.removed_at is None and requisition.status in (requisitions.LINKED, "EX")
    ]


def _expiry(agreement: Agreement | None) -> dt.datetime | None:
    if agreement is None or agreement.accepted_at is None:
        return None
    return agreement.accepted_at + dt.timedelta(days=agreement.access_valid_for_days)


def _for_each_account(run: Run, table: str, pull: Any) -> StepOutcome:
    accounts = _accounts(run)
    if not accounts:
        return StepOutcome(table, (), 0.0)
    with open_client(run) as client:

        def work(account: _Account) -> AccountOutcome:
            refused = _known_refusal(run, account, table.partition(".")[2])
            return refused or pull(client, account)

        return for_each(run, table, accounts, work)


def _known_refusal(run: Run, account: _Account, resource: str) -> AccountOutcome | None:
    """Return the outcome of a call that cannot succeed, without making it."""
    if account.consent_expires_at is not None and account.consent_expires_at <= clock.now():
        reason = (
            f"consent ended on {account.consent_expires_at:%Y-%m-%d}; renew it with "
            f"`farthing connections renew {account.connection_id}`"
        )
        with run.sessions.begin() as session:
            if account.connection_id is not None:
                connections.set_status(
                    session, account.connection_id, ConnectionStatus.EXPIRED, reason
                )
        return AccountOutcome(account.connection_id, account.label, Status.FAILED, reason)
    with run.sessions.begin() as session:
        spent = session.scalars(
            sa.select(RateLimit).where(
                RateLimit.bank_account_id == account.bank_account_id,
                RateLimit.resource == resource,
                RateLimit.scope == "account",
                RateLimit.calls_remaining <= 0,
                # When the bank's day begins again is a fact of the real clock.
                RateLimit.resets_at > sa.func.now(),
            )
        ).one_or_none()
    if spent is None:
        return None
    return AccountOutcome(
        account.connection_id,
        account.label,
        Status.DEFERRED,
        reason=f"the bank's daily calls for {resource} are used up",
        resumes_at=spent.resets_at,
    )


def _call(run: Run, account: _Account, resource: str, call: Any) -> Answer:
    """Make a call and keep what its headers say about the quota also when it is refused."""
    try:
        answer: Answer = call()
    except ProviderError as error:
        if error.rate_limits:
            with run.sessions.begin() as session:
                _note_limits(session, account, resource, error)
        raise
    return answer


def _note_limits(
    session: Any, account: _Account, resource: str, source: Answer | ProviderError
) -> None:
    rate_limits.record(
        session,
        account.user_id,
        bank_account_id=account.bank_account_id,
        resource=resource,
        limits=[
            {
                "scope": limit.scope,
                "calls_limit": limit.limit,
                "calls_remaining": limit.remaining,
                "resets_at": limit.resets_at,
            }
            for limit in source.rate_limits
            if limit.scope == "account"
        ],
        observed_at=clock.now(),
    )


def _lock(session: Any, account: _Account, run: Run) -> Any:
    return lock(session, f"gocardless:{account.bank_account_id}", run_id=run.run_id)


def _resume_at(account: _Account) -> dt.date:
    if account.transactions_through is None:
        return clock.today() - dt.timedelta(days=account.history_days)
    return account.transactions_through - dt.timedelta(days=OVERLAP_DAYS)


def _window(account: _Account, asked: Window) -> Window:
    if asked.last < clock.today():
        return asked
    return Window(min(asked.first, _resume_at(account)), asked.last)


def _reaches(account: _Account, window: Window) -> bool:
    """Tell whether a window leaves no gap behind the watermark."""
    if account.transactions_through is None:
        return window.last >= clock.today()
    return window.first <= account.transactions_through + dt.timedelta(days=1)


def _storable(entries: Sequence[Any]) -> list[dict[str, Any]]:
    return [storable(entry)[0] for entry in entries if isinstance(entry, dict)]


def _id(account: _Account) -> str:
    return str(account.provider_account_id)
