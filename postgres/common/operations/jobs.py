"""What ran, for which connection, and how it ended. It is a record: it goes with its user."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import JobStatus, JobType
from postgres.common.models import Connection, Job
from postgres.common.states import JOB, check_transition
from postgres.core import refusing
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError, TransitionError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_ENDS = {JobStatus.COMPLETED, JobStatus.PARTIAL, JobStatus.FAILED}
_REFUSALS = {
    "ck_jobs__owned_by_type": OperationError("analytics is everybody's job, not one user's"),
    "ck_jobs__connected_by_type": OperationError("a sync is of a connection, and nothing else is"),
    "fk_jobs__connection_id_user_id__connections": NotFoundError("there is no such connection"),
    "uq_jobs__run_id_job_type_connection_id": AlreadyExistsError("the run has such a job already"),
}


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step did for one connection.

    :param step: ``schema.table`` that it wrote.
    :param accounts: an entry an account: what was received and written, and what failed.
    :param status: completed, partial or failed.
    """

    connection_id: uuid.UUID
    step: str
    status: JobStatus
    accounts: Sequence[Mapping[str, Any]]


def record_steps(
    session: Session, run_id: str, records: Sequence[StepRecord], *, at: dt.datetime
) -> None:
    """Add a step to the jobs of its connections, which begin with their first step.

    A job is partial once some account was deferred or failed, and failed if nothing else happened.

    :param records: one a connection.
    """
    if not records:
        return
    offered = sa.values(
        sa.column("connection_id", sa.Uuid()),
        sa.column("status", sa.Text()),
        sa.column("outcome", pg.JSONB),
        name="offered",
    ).data(
        [
            (
                record.connection_id,
                record.status.value,
                {record.step: {"status": record.status.value, "accounts": list(record.accounts)}},
            )
            for record in records
        ]
    )
    # A connection that was removed meanwhile has nobody to tell.
    insert = pg.insert(Job).from_select(
        [
            "user_id",
            "connection_id",
            "job_type",
            "status",
            "run_id",
            "started_at",
            "finished_at",
            "outcome",
        ],
        sa.select(
            Connection.user_id,
            Connection.id,
            sa.literal(JobType.SYNC.value),
            offered.c.status,
            sa.literal(run_id),
            sa.literal(at, sa.DateTime(timezone=True)),
            sa.literal(at, sa.DateTime(timezone=True)),
            sa.cast(offered.c.outcome, pg.JSONB),
        )
        .join_from(offered, Connection, Connection.id == offered.c.connection_id)
        .order_by(Connection.id),
    )
    both_failed = sa.and_(
        Job.status == JobStatus.FAILED, insert.excluded.status == JobStatus.FAILED
    )
    both_completed = sa.and_(
        Job.status == JobStatus.COMPLETED, insert.excluded.status == JobStatus.COMPLETED
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["run_id", "job_type", "connection_id"],
            set_={
                "outcome": Job.outcome.op("||")(insert.excluded.outcome),
                "finished_at": insert.excluded.finished_at,
                "status": sa.case(
                    (Job.status == JobStatus.RUNNING, insert.excluded.status),
                    (both_completed, JobStatus.COMPLETED.value),
                    (both_failed, JobStatus.FAILED.value),
                    else_=JobStatus.PARTIAL.value,
                ),
            },
        )
    )


def create_job(
    session: Session,
    user_id: uuid.UUID,
    job_type: JobType,
    *,
    at: dt.datetime,
    connection_id: uuid.UUID | None = None,
) -> Job:
    """Ask for a job; it waits until something starts it.

    :param job_type: a sync, which is of a connection, or an export. Analytics is everybody's: see
        :func:`start_analytics`.
    :raises OperationError: if a job of that type is not of that, or is nobody's.
    :raises NotFoundError: if the user has no such connection.
    """
    job = Job(
        user_id=user_id,
        connection_id=connection_id,
        job_type=job_type,
        status=JobStatus.PENDING,
        run_id=str(uuid.uuid4()),
        started_at=at,
    )
    with refusing(session, _REFUSALS):
        session.add(job)
    return job


def get_job(session: Session, user_id: uuid.UUID, job_id: uuid.UUID) -> Job | None:
    """Return one of a user's jobs."""
    return session.scalars(_one(user_id, job_id)).one_or_none()


def list_jobs(
    session: Session,
    user_id: uuid.UUID,
    *,
    job_type: JobType | None = None,
    status: JobStatus | None = None,
    connection_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Job]:
    """Return a user's jobs, the one that began last first.

    :param after: from the page before.
    """
    query = sa.select(Job).where(Job.user_id == user_id)
    if job_type is not None:
        query = query.where(Job.job_type == job_type)
    if status is not None:
        query = query.where(Job.status == status)
    if connection_id is not None:
        query = query.where(Job.connection_id == connection_id)
    order = (Key(Job.started_at, is_descending=True), Key(Job.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def start_job(
    session: Session,
    user_id: uuid.UUID,
    job_id: uuid.UUID,
    *,
    at: dt.datetime,
    run_id: str | None = None,
) -> Job:
    """Note that a job begins, or begins again. Of many who start one at the same time, one does.

    :param run_id: Dagster's, where it runs there.
    :raises NotFoundError: if the user has no such job.
    :raises TransitionError: if it is running already.
    :raises AlreadyExistsError: if the run has such a job already.
    """
    job = _lock(session, user_id, job_id)
    check_transition(JOB, job.status, JobStatus.RUNNING, what="the job")
    with refusing(session, _REFUSALS):
        job.status = JobStatus.RUNNING
        job.started_at = at
        job.finished_at = None
        job.run_id = run_id or job.run_id
    return job


def finish_job(
    session: Session,
    user_id: uuid.UUID,
    job_id: uuid.UUID,
    status: JobStatus,
    *,
    at: dt.datetime,
    outcome: Mapping[str, Any] | None = None,
) -> Job:
    """Note how a job ended.

    :param status: completed, partial or failed; one that waits can only fail.
    :param outcome: what came of it, as JSON; None keeps what is noted.
    :raises NotFoundError: if the user has no such job.
    :raises TransitionError: if the job cannot end like that, for instance because it has ended.
    """
    job = _lock(session, user_id, job_id)
    if status not in _ENDS:
        raise TransitionError(job.status, status, what="the job that is to end")
    check_transition(JOB, job.status, status, what="the job")
    job.status = status
    job.finished_at = at
    if outcome is not None:
        job.outcome = dict(outcome)
    session.flush()
    return job


def jobs_of_run(session: Session, run_id: str) -> Sequence[Job]:
    """Return the jobs of one run, of all users."""
    return session.scalars(
        sa.select(Job).where(Job.run_id == run_id).order_by(Job.started_at, Job.id)
    ).all()


def was_step_done(session: Session, step: str, *, since: dt.datetime) -> bool:
    """Tell whether some job has completed a step since an instant of the ledger's clock.

    :param step: ``schema.table`` that it writes.
    """
    done = sa.exists().where(
        Job.job_type == JobType.SYNC,
        Job.finished_at >= since,
        Job.outcome[step]["status"].astext == JobStatus.COMPLETED.value,
    )
    return bool(session.scalar(sa.select(done)))


def last_jobs(session: Session, user_id: uuid.UUID) -> dict[uuid.UUID, Job]:
    """Return the last sync job of each of a user's connections, without those that wait."""
    rows = session.scalars(
        sa.select(Job)
        .where(
            Job.user_id == user_id,
            Job.job_type == JobType.SYNC,
            Job.status != JobStatus.PENDING,
        )
        .distinct(Job.connection_id)
        .order_by(Job.connection_id, Job.started_at.desc())
    )
    return {job.connection_id: job for job in rows if job.connection_id is not None}


def last_success(session: Session, user_id: uuid.UUID) -> dict[uuid.UUID, dt.datetime]:
    """Return when each of a user's connections was last read without a fault."""
    rows = session.execute(
        sa.select(Job.connection_id, sa.func.max(Job.finished_at))
        .where(
            Job.user_id == user_id,
            Job.job_type == JobType.SYNC,
            Job.status == JobStatus.COMPLETED,
            Job.connection_id.is_not(None),
        )
        .group_by(Job.connection_id)
    )
    return {connection_id: at for connection_id, at in rows if connection_id is not None}


def start_analytics(session: Session, run_id: str, *, at: dt.datetime, version: str) -> None:
    """Note that an analysis begins; ``started_at`` is the database's clock, like ``updated_at``.

    :param at: what day the analysis is for, by the ledger's clock.
    :param version: of the models.
    """
    outcome = {"as_of": at.isoformat(), "version": version}
    session.execute(
        pg.insert(Job)
        .values(
            job_type=JobType.ANALYTICS,
            status=JobStatus.RUNNING,
            run_id=run_id,
            started_at=sa.func.clock_timestamp(),
            outcome=outcome,
        )
        .on_conflict_do_update(
            index_elements=["run_id", "job_type", "connection_id"],
            set_={
                "status": JobStatus.RUNNING,
                "started_at": sa.func.clock_timestamp(),
                "finished_at": None,
                "outcome": outcome,
            },
        )
    )


def finish_analytics(session: Session, run_id: str, *, ok: bool) -> None:
    """Note that an analysis ended."""
    session.execute(
        sa.update(Job)
        .where(Job.run_id == run_id, Job.job_type == JobType.ANALYTICS)
        .values(
            status=JobStatus.COMPLETED if ok else JobStatus.FAILED,
            finished_at=sa.func.clock_timestamp(),
        )
    )


def last_analytics(session: Session) -> Job | None:
    """Return the last analysis, however it ended."""
    return session.scalars(
        sa.select(Job)
        .where(Job.job_type == JobType.ANALYTICS)
        .order_by(Job.started_at.desc())
        .limit(1)
    ).one_or_none()


def _one(user_id: uuid.UUID, job_id: uuid.UUID) -> sa.Select[tuple[Job]]:
    return sa.select(Job).where(Job.id == job_id, Job.user_id == user_id)


def _lock(session: Session, user_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    locked = _one(user_id, job_id).with_for_update()
    job = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
    if job is None:
        message = f"there is no job {job_id}"
        raise NotFoundError(message)
    return job
