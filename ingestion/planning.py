"""What a run should read, and whether an analysis is due."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from farthing import clock
from ingestion import gocardless, trading212
from ingestion.run import Run, Window
from postgres.common.enums import JobStatus
from postgres.common.models import (
    Account,
    BalanceSnapshot,
    Connection,
    FxRate,
    Holding,
    MerchantAlias,
    Transaction,
    Transfer,
)
from postgres.common.operations import jobs

FIRST_DAY = dt.date(2015, 1, 1)
"""No history is kept from before; the first partition."""

HISTORY_DAYS = 730
"""What the first run of a history covers, as far back as any consent reaches. A broker's is read
whole all the same."""


def sync_window(run: Run) -> Window:
    """Return the days that a scheduled run covers: from the earliest resume point to today."""
    today = clock.today()
    oldest = today - dt.timedelta(days=HISTORY_DAYS)
    points = [*gocardless.resume_points(run), *(p or oldest for p in trading212.resume_points(run))]
    return Window(min(points, default=today), today)


def analytics_due(run: Run, version: str) -> bool:
    """Tell whether the marts would come out differently now.

    They would if the ledger or the models changed since the last analysis, or a day has passed, or
    that analysis did not end well.

    :param version: of the models.
    """
    with run.sessions.begin() as session:
        last = jobs.last_analytics(session)
        if last is None or last.status is not JobStatus.COMPLETED:
            return True
        as_of = dt.datetime.fromisoformat(last.outcome["as_of"]).date()
        if (as_of, last.outcome["version"]) != (clock.today(), version):
            return True
        changed_at = [
            session.scalar(sa.select(sa.func.max(column)))
            for column in (
                Transaction.updated_at,
                Transfer.updated_at,
                MerchantAlias.updated_at,
                Account.updated_at,
                Connection.updated_at,
                Holding.updated_at,
                BalanceSnapshot.created_at,
                FxRate.updated_at,
            )
        ]
    return any(at is not None and at > last.started_at for at in changed_at)


def analytics_started(run: Run, version: str) -> None:
    """Note that an analysis begins."""
    with run.sessions.begin() as session:
        jobs.start_analytics(session, run.run_id, at=clock.now(), version=version)


def analytics_finished(run: Run, *, ok: bool) -> None:
    """Note that an analysis ended."""
    with run.sessions.begin() as session:
        jobs.finish_analytics(session, run.run_id, ok=ok)
