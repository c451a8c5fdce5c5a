"""Calls that cost quota: the ones that cannot succeed are not made, and what is left is noted."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from farthing import clock
from ingestion.gocardless.targets import Account
from ingestion.run import AccountOutcome, Run, Status
from postgres.common.enums import ConnectionStatus
from postgres.common.operations import connections
from postgres.gocardless.models import RateLimit
from postgres.gocardless.operations import rate_limits
from providers.errors import ProviderError
from providers.http import Answer

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


def call(run: Run, account: Account, resource: str, send: Callable[[], Answer]) -> Answer:
    """Make a call and keep what its headers say about the quota also when it is refused."""
    try:
        return send()
    except ProviderError as error:
        if error.rate_limits:
            with run.sessions.begin() as session:
                note_limits(session, account, resource, error)
        raise


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
