"""What ran, for which connection, and how it ended."""

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
    """Add steps to the jobs of their connections, which begin with their first step.

    A job is partial once some account was deferred or failed, and failed if nothing else happened.
    """
    for record in records:
        entry = {record.step: {"status": record.status.value, "accounts": list(record.accounts)}}
        # A connection that was removed meanwhile has nobody to tell.
        job = sa.select(
            Connection.user_id,
            Connection.id,
            sa.literal(JobType.SYNC.value),
            sa.literal(record.status.value),
            sa.literal(run_id),
            sa.literal(at, sa.DateTime(timezone=True)),
            sa.literal(at, sa.DateTime(timezone=True)),
            sa.literal(entry, pg.JSONB),
        ).where(Connection.id == record.connection_id)
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
            job,
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
                        (both_completed, JobStatus.COMPLETED.value),
                        (both_failed, JobStatus.FAILED.value),
                        else_=JobStatus.PARTIAL.value,
                    ),
                },
            )
        )


def list_jobs(session: Session, run_id: str) -> Sequence[Job]:
    """Return the jobs of one run."""
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
    """Return the last sync job of each of a user's connections."""
    rows = session.scalars(
        sa.select(Job)
        .where(Job.user_id == user_id, Job.job_type == JobType.SYNC)
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
