"""What is let go of once nobody needs it any more."""

from __future__ import annotations

import datetime as dt

from farthing import clock
from ingestion.run import Run
from postgres.auth.operations import login_throttles, refresh_tokens
from postgres.common.operations import notifications


def purge_notifications(run: Run, *, before: dt.datetime) -> int:
    """Remove all users' notifications that are older than an instant, in committed batches.

    :returns: how many were removed.
    """
    total, limit = 0, notifications.PURGE_BATCH
    while True:
        with run.sessions.begin() as session:
            removed = notifications.purge_notifications(
                session, before=before, at=clock.now(), limit=limit
            )
        total += removed
        if removed < limit:
            return total


def purge_logins(run: Run) -> int:
    """Delete the expired tokens and the forgotten failures and sources of logins of everybody.

    :returns: how many rows were deleted.
    """
    with run.sessions.begin() as session:
        tokens = refresh_tokens.purge_expired(session, now=clock.now())
    with run.sessions.begin() as session:
        return tokens + login_throttles.purge_expired(session, now=clock.now())
