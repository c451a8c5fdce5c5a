"""Calls that cost quota: counted before they are made, and made only where they can succeed.

What may be asked is decided in :mod:`ingestion.gocardless.planner`, what follows from a refusal in
:mod:`providers.gocardless.policies`. Here both meet the database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from farthing import clock
from ingestion.gocardless import planner
from ingestion.gocardless.planner import Held, Standing
from ingestion.gocardless.targets import Account
from ingestion.run import AccountOutcome, Run, Status
from postgres.gocardless.models import RateLimit
from postgres.gocardless.operations import rate_limits
from providers.errors import ProviderError, Repeat
from providers.gocardless.errors import ACCOUNT
from providers.gocardless.policies import Reach, Verdict, policy_of
from providers.http import Answer

RESOURCES = ("transactions", "balances", "details")
"""What a bank can be asked for, the most valuable first."""


class Send(Protocol):
    """Makes a call; before each repeat it asks whether that is worth another of the day's calls."""

    def __call__(self, *, may_repeat: Callable[[ProviderError], bool]) -> Answer:
        """Return the answer."""


def ask(run: Run, account: Account, resource: str, send: Send) -> Answer | AccountOutcome:
    """Make a call that a bank counts, unless it is known to fail or the day has none left.

    :param resource: one of :data:`RESOURCES`.
    :returns: the answer; or how the account comes out without one.
    :raises ProviderError: if it was refused in a way that a person has to look at.
    """
    called_at = clock.now()
    hold = _reserve(run, account, resource, called_at)
    if hold is not None:
        return _outcome(account, hold)

    def may_repeat(error: ProviderError) -> bool:
        # A connection that broke is made again; a bank that is down is not the better for it.
        return error.status is None and _reserve(run, account, resource, called_at) is None

    try:
        return send(may_repeat=may_repeat)
    except ProviderError as error:
        return _refused(run, account, resource, error, called_at)


def _reserve(run: Run, account: Account, resource: str, called_at: dt.datetime) -> Held | None:
    """Count a call, or say why it is not to be made."""
    with run.sessions.begin() as session:
        limit, failures, failed_at = rate_limits.hold(
            session,
            account.user_id,
            bank_account_id=account.bank_account_id,
            resource=resource,
            at=called_at,
        )
        standing = _standing(limit, failures, failed_at, account)
        hold = planner.held_back(standing, called_at, is_planned=run.is_planned)
        if hold is None:
            rate_limits.count_call(session, account.user_id, limit, called_at)
    return hold


def held(run: Run, accounts: Sequence[Account], resource: str) -> dict[UUID, AccountOutcome]:
    """Return the accounts that are not to be asked at all, by one look at what is known of them.

    :returns: how each comes out, by the id of the raw account.
    """
    now = clock.now()
    found = {}
    with run.sessions.begin() as session:
        for account, standing in standings(session, accounts, resource=resource):
            if hold := planner.held_back(standing, now, is_planned=run.is_planned):
                found[account.bank_account_id] = _outcome(account, hold)
    return found


def note_answer(
    session: Session, user_id: UUID, bank_account_id: UUID, resource: str, answer: Answer
) -> None:
    """Keep what an answer says of quota and health, in the transaction that stores its rows."""
    rate_limits.note_answer(
        session,
        user_id,
        bank_account_id=bank_account_id,
        resource=resource,
        at=clock.now(),
        **_headers(answer),
    )


def standings(
    session: Session, accounts: Sequence[Account], *, resource: str | None = None
) -> list[tuple[Account, Standing]]:
    """Return what is known of everything that can be asked for, by account and value.

    :param resource: only this kind of data.
    """
    known = {
        (limit.bank_account_id, limit.resource): (limit, failures, failed_at)
        for limit, failures, failed_at in rate_limits.list_of_accounts(
            session, [account.bank_account_id for account in accounts]
        )
    }
    found = []
    for account in sorted(accounts, key=lambda each: each.label):
        for asked in RESOURCES if resource is None else (resource,):
            row = known.get((account.bank_account_id, asked))
            found.append((account, _standing(*row, account) if row else _unasked(asked, account)))
    return found


def _unasked(resource: str, account: Account) -> Standing:
    return Standing(
        resource=resource,
        consent_expires_at=account.consent_expires_at,
        is_reconfirmable=account.is_reconfirmable,
        is_granted=account.scopes is None or resource in account.scopes,
        is_suspended=account.is_suspended,
    )


def _standing(
    limit: RateLimit, failures: int, failed_at: dt.datetime | None, account: Account
) -> Standing:
    return replace(
        _unasked(limit.resource, account),
        called_at=limit.called_at,
        calls_limit=limit.calls_limit,
        calls_remaining=limit.calls_remaining,
        resets_at=limit.resets_at,
        observed_at=limit.observed_at,
        read_at=limit.read_at,
        failures=limit.failures,
        failed_at=limit.failed_at,
        account_failures=failures,
        account_failed_at=failed_at,
        refusal=limit.refusal,
        refusal_reason=limit.refusal_reason,
        refused_until=limit.refused_until,
    )


def _refused(
    run: Run, account: Account, resource: str, error: ProviderError, called_at: dt.datetime
) -> AccountOutcome:
    """Do what the policy of a refusal says.

    :raises ProviderError: the refusal itself, where a person has to look at it.
    """
    policy = policy_of(error)
    with run.sessions.begin() as session:
        until = _note_refusal(session, account, resource, error)
        if policy.reach is Reach.COMPANY or error.repeat is Repeat.ANY:
            rate_limits.take_back(
                session,
                account.user_id,
                bank_account_id=account.bank_account_id,
                resource=resource,
                called_at=called_at,
            )
    status = planner.status_of(policy.verdict, resource)
    if policy.verdict is Verdict.FAILED:
        raise error
    return _outcome(account, Held(status, str(error), until if status is Status.DEFERRED else None))


def _note_refusal(
    session: Session,
    account: Account,
    resource: str,
    error: ProviderError,
) -> dt.datetime | None:
    """Keep what a refusal says of quota and health.

    :returns: until when its policy asks no more; None: until a new consent.
    """
    owner, bank_account_id, now = account.user_id, account.bank_account_id, clock.now()
    policy = policy_of(error)
    until = policy.rests_until(error, now)
    if headers := _headers(error):
        rate_limits.note_headers(
            session, owner, bank_account_id=bank_account_id, resource=resource, at=now, **headers
        )
    if policy.counts:
        rate_limits.note_failure(
            session, owner, bank_account_id=bank_account_id, resource=resource, at=now
        )
    if error.code is not None and policy.reach in (Reach.RESOURCE, Reach.ACCOUNT):
        rate_limits.refuse(
            session,
            owner,
            bank_account_id=bank_account_id,
            resources=RESOURCES if policy.reach is Reach.ACCOUNT else (resource,),
            refusal=error.code,
            reason=str(error),
            until=until,
            at=now,
        )
    return until


def _headers(source: Answer | ProviderError) -> dict[str, Any]:
    for limit in source.rate_limits:
        if limit.scope == ACCOUNT:
            return {
                "calls_limit": limit.limit,
                "calls_remaining": limit.remaining,
                "resets_at": limit.resets_at,
            }
    return {}


def _outcome(account: Account, held: Held) -> AccountOutcome:
    return AccountOutcome(
        account.connection_id,
        account.label,
        held.status,
        reason=_reason(account, held),
        resumes_at=held.resumes_at if held.status is Status.DEFERRED else None,
    )


def _reason(account: Account, held: Held) -> str:
    if held.status is Status.FAILED and held.resumes_at is None:
        renewal = f"`farthing connections renew {account.connection_id}`"
        return f"{held.reason}; renew it with {renewal}"
    return held.reason
