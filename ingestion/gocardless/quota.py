"""Calls that cost quota: the ones that cannot succeed are not made, and what is left is noted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from farthing import clock
from ingestion.gocardless.targets import Account
from ingestion.run import AccountOutcome, Run, Status
from postgres.common.enums import ConnectionStatus
from postgres.common.operations import connections
from postgres.gocardless.models import RateLimit
from postgres.gocardless.operations import bank_accounts, rate_limits
from providers.errors import ProviderError
from providers.gocardless.errors import leads_to_suspension
from providers.http import Answer

MOST_FAILURES = 3
"""Errors in a row after which an account rests. Ten suspend it for good."""
REST = dt.timedelta(days=7)
"""How long it rests. Then it is asked once; another error makes it rest again."""

# The limit that a bank sets per account and resource, in the words of providers.http.RateLimit.
_BANK = "account"


def known_refusal(run: Run, account: Account, resource: str) -> AccountOutcome | None:
    """Return the outcome of a call that cannot succeed, without making it."""
    if account.consent_expires_at is not None and account.consent_expires_at <= clock.now():
        reason = (
            f"consent ended on {account.consent_expires_at:%Y-%m-%d}; renew it with "
            f"`farthing connections renew {account.connection_id}`"
        )
        with run.sessions.begin() as session:
            if account.connection_id is not None:
                connections.set_status(
                    session,
                    account.user_id,
                    account.connection_id,
                    ConnectionStatus.EXPIRED,
                    reason,
                )
        return AccountOutcome(account.connection_id, account.label, Status.FAILED, reason)
    if (resting := _rests_until(account, resource)) is not None:
        return AccountOutcome(
            account.connection_id,
            account.label,
            Status.DEFERRED,
            reason=(
                f"the bank failed {account.failures} times in a row, and GoCardless suspends an"
                " account for good after 10: it is left alone for a while; "
                f"`farthing connections renew {account.connection_id}` begins anew"
            ),
            resumes_at=resting,
        )
    with run.sessions.begin() as session:
        spent = session.scalars(
            sa.select(RateLimit).where(
                RateLimit.bank_account_id == account.bank_account_id,
                RateLimit.resource == resource,
                RateLimit.scope == _BANK,
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


def _rests_until(account: Account, resource: str) -> dt.datetime | None:
    """Return until when an account is not asked, so that it is not suspended; None: it may be."""
    if account.failing != resource or account.failures < MOST_FAILURES or not account.failed_at:
        return None
    until = account.failed_at + REST
    # Failures are of the real clock, like all that a provider counts.
    return until if until > dt.datetime.now(dt.UTC) else None


def call(run: Run, account: Account, resource: str, send: Callable[[], Answer]) -> Answer:
    """Make a call, and keep what it says about quota and health also when it is refused."""
    owner, bank_account = account.user_id, account.bank_account_id
    try:
        answer = send()
    except ProviderError as error:
        with run.sessions.begin() as session:
            if error.rate_limits:
                note_limits(session, account, resource, error)
            if leads_to_suspension(error):
                bank_accounts.note_failure(session, owner, bank_account, resource)
        raise
    if account.failing == resource:
        with run.sessions.begin() as session:
            bank_accounts.note_success(session, owner, bank_account, resource)
    return answer


def note_limits(
    session: Session, account: Account, resource: str, source: Answer | ProviderError
) -> None:
    """Keep what the headers of an answer, or of a refusal, say about an account's daily calls."""
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
            if limit.scope == _BANK
        ],
        observed_at=clock.now(),
    )
