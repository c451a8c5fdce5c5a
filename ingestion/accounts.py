"""Do one thing for many accounts, each on its own: what happens to one never touches another."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar
from uuid import UUID

import psycopg
import sqlalchemy as sa

from farthing import clock
from farthing.errors import FarthingError
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.enums import ConnectionStatus, JobStatus, Provider
from postgres.common.operations import connections, deferrals, jobs
from postgres.core import DatabaseUnavailableError
from providers.errors import AuthenticationFailed, RateLimited

log = logging.getLogger(__name__)

# Enough to hide latency; a provider's own limit is shared by all of them.
_CONCURRENCY = 4
# How long a limit is taken to last that says nothing of it.
_UNTOLD = dt.timedelta(minutes=1)


T = TypeVar("T", bound="Target")


class Target(Protocol):
    """An account or connection that a step works on."""

    @property
    def user_id(self) -> UUID:
        """Whose it is."""

    @property
    def connection_id(self) -> UUID | None:
        """The connection that it is read through."""

    @property
    def key(self) -> str:
        """What tells it from the others of its connection; empty: it is the connection itself."""

    @property
    def label(self) -> str:
        """What a person calls it."""


def for_each(
    run: Run, table: str, targets: Sequence[T], work: Callable[[T], AccountOutcome]
) -> StepOutcome:
    """Run one step for every account, some at the same time, and record the outcome of each.

    Parameters and errors as for :func:`attempt_each`.
    """
    outcome = attempt_each(run, table, targets, work)
    record(run, outcome)
    return outcome


def attempt_each(
    run: Run, table: str, targets: Sequence[T], work: Callable[[T], AccountOutcome]
) -> StepOutcome:
    """Do something for every account, some at the same time.

    :param table: ``schema.table`` that is written.
    :param work: commits or leaves nothing behind; what it raises becomes the account's outcome.
    :raises DatabaseUnavailableError: if the database is gone; all else stays with its account.
    """
    started = time.monotonic()
    chosen = _chosen(run, table, targets)
    with ThreadPoolExecutor(max_workers=_CONCURRENCY, thread_name_prefix=table) as pool:
        outcomes = tuple(pool.map(lambda target: _attempt(run, target, work), chosen))
    return StepOutcome(table, outcomes, time.monotonic() - started)


def _chosen(run: Run, table: str, targets: Sequence[T]) -> list[T]:
    chosen = [t for t in targets if run.connection_id in (None, t.connection_id)]
    schema = table.partition(".")[0]
    if run.deferred_until is None or schema not in set(Provider):
        return chosen
    with run.sessions.begin() as session:
        due: set[tuple[UUID | None, str]] = {
            (each.connection_id, each.account)
            for each in deferrals.list_due(session, at=run.deferred_until)
            if each.step == table
        }
        # What is not there any more is not waited for.
        gone = due - {(t.connection_id, t.key) for t in targets}
        works = [deferrals.Work(where, account) for where, account in gone if where is not None]
        deferrals.record_work(session, run.run_id, table, works)
    return [t for t in chosen if (t.connection_id, t.key) in due]


def record(run: Run, outcome: StepOutcome) -> None:
    """Write what a step did into the jobs of its connections, and what it left for later."""
    by_connection: dict[UUID, list[AccountOutcome]] = {}
    for account in outcome.accounts:
        if account.connection_id is not None:
            by_connection.setdefault(account.connection_id, []).append(account)
    records = [
        jobs.StepRecord(
            connection_id=connection_id,
            step=outcome.table,
            status=_job_status(accounts),
            accounts=[describe(account) for account in accounts],
        )
        for connection_id, accounts in by_connection.items()
    ]
    with run.sessions.begin() as session:
        jobs.record_steps(session, run.run_id, records, at=clock.now())
        deferrals.record_work(session, run.run_id, outcome.table, _works(outcome))


def _works(outcome: StepOutcome) -> list[deferrals.Work]:
    return [
        deferrals.Work(
            account.connection_id,
            account.key,
            account.resumes_at if account.status is Status.DEFERRED else None,
            account.reason or "",
        )
        for account in outcome.accounts
        if account.connection_id is not None
    ]


def describe(outcome: AccountOutcome) -> dict[str, Any]:
    """Return an outcome as JSON, without what is empty."""
    fields: dict[str, Any] = {
        "account": outcome.label,
        "status": outcome.status.value,
        "reason": outcome.reason,
        "resumes_at": outcome.resumes_at.isoformat() if outcome.resumes_at else None,
        "window": str(outcome.window) if outcome.window else None,
        "received": outcome.received,
        **dataclasses.asdict(outcome.counts),
        "quarantined": outcome.quarantined,
        "superseded": outcome.superseded,
        "seconds": round(outcome.seconds, 3),
    }
    return {key: value for key, value in fields.items() if value is not None}


def _job_status(accounts: Sequence[AccountOutcome]) -> JobStatus:
    finished = [a for a in accounts if a.status is Status.COMPLETED]
    if len(finished) == len(accounts):
        return JobStatus.COMPLETED
    return JobStatus.PARTIAL if finished else JobStatus.FAILED


def _attempt(run: Run, target: T, work: Callable[[T], AccountOutcome]) -> AccountOutcome:
    started = time.monotonic()
    try:
        outcome = work(target)
    except RateLimited as error:
        resumes_at = error.resets_at or clock.now() + _UNTOLD
        outcome = _outcome(target, Status.DEFERRED, str(error), resumes_at=resumes_at)
    except AuthenticationFailed as error:
        _mark(run, target, ConnectionStatus.ERROR, str(error))
        outcome = _outcome(target, Status.FAILED, str(error))
    except DatabaseUnavailableError:
        raise
    except (sa.exc.DBAPIError, psycopg.Error) as error:
        outcome = _outcome(target, Status.FAILED, _database_reason(error))
    except FarthingError as error:
        outcome = _outcome(target, Status.FAILED, str(error))
    except Exception as error:  # noqa: BLE001 - see below
        # A fault of ours in one account must not cost the others their sync. Only its class and
        # place go on record: its text may hold bank data.
        log.error("unexpected %s at %s", type(error).__name__, _place(error))  # noqa: TRY400
        outcome = _outcome(target, Status.FAILED, f"unexpected error: {type(error).__name__}")
    return dataclasses.replace(outcome, seconds=time.monotonic() - started, key=target.key)


def _outcome(
    target: Target, status: Status, reason: str, *, resumes_at: dt.datetime | None = None
) -> AccountOutcome:
    return AccountOutcome(
        target.connection_id, target.label, status, reason=reason, resumes_at=resumes_at
    )


def _mark(run: Run, target: Target, status: ConnectionStatus, reason: str) -> None:
    if target.connection_id is not None:
        with run.sessions.begin() as session:
            connections.set_status(session, target.user_id, target.connection_id, status, reason)


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.name} ({last.filename}:{last.lineno})"


def _database_reason(error: sa.exc.DBAPIError | psycopg.Error) -> str:
    """Name what the database refused; its own text would show the row."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(original, psycopg.OperationalError) and original.sqlstate is None:
        message = "the connection to the database was lost"
        raise DatabaseUnavailableError(message) from None
    diagnosis = original.diag if isinstance(original, psycopg.Error) else None
    constraint = diagnosis.constraint_name if diagnosis else None
    what = f" ({constraint})" if constraint else ""
    return f"the database refused the rows: {type(original).__name__}{what}"
