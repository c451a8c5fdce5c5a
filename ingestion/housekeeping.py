"""What is let go of once nobody needs it any more."""

from __future__ import annotations

import datetime as dt

from farthing import clock
from ingestion.run import Run
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
