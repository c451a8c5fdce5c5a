"""What happened: jobs, and rows that could not be placed."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import JobStatus, JobType
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Job(HasId, HasTimes, Base):
    """What runs, or waits to: a sync of one connection, an export of a user, analytics for all."""

    __tablename__ = "jobs"
    __table_args__ = (
        same_owner("connection_id", "connections", ondelete="CASCADE"),
        sa.UniqueConstraint(
            "run_id", "job_type", "connection_id", postgresql_nulls_not_distinct=True
        ),
        sa.CheckConstraint("(job_type = 'analytics') = (user_id is null)", name="owned_by_type"),
        sa.CheckConstraint(
            "(job_type = 'sync') = (connection_id is not null)", name="connected_by_type"
        ),
        sa.Index(None, "connection_id", sa.text("started_at desc")),
        sa.Index(None, "job_type", sa.text("started_at desc")),
        sa.Index(None, "user_id", "started_at", "id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("auth.users.id", ondelete="CASCADE")
    )
    connection_id: Mapped[uuid.UUID | None]
    job_type: Mapped[JobType] = mapped_column(checked(JobType))
    status: Mapped[JobStatus] = mapped_column(
        checked(JobStatus), server_default=JobStatus.RUNNING.value
    )
    run_id: Mapped[str] = mapped_column(
        comment="Dagster's run id; of a job that waits for its run, one of its own"
    )
    started_at: Mapped[dt.datetime] = mapped_column(
        comment="of a job that waits, when it was asked for"
    )
    finished_at: Mapped[dt.datetime | None]
    outcome: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"),
        comment="by scope, then by account: rows received, written, set aside, and what failed",
    )


class Deferral(HasId, Base):
    """What a run left for later, and when it can be done; gone once it is."""

    __tablename__ = "deferrals"
    __table_args__ = (
        same_owner("connection_id", "connections", ondelete="CASCADE"),
        sa.UniqueConstraint("connection_id", "step", "account"),
        sa.Index(None, "resumes_at"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    connection_id: Mapped[uuid.UUID]
    step: Mapped[str] = mapped_column(comment="schema.table that it writes")
    account: Mapped[str] = mapped_column(
        comment="the provider's id of the account; empty: the connection itself"
    )
    resumes_at: Mapped[dt.datetime] = mapped_column(comment="by the ledger's clock")
    reason: Mapped[str]
    run_id: Mapped[str] = mapped_column(comment="the run that left it")


class Quarantine(HasId, HasTimes, Base):
    """A raw row that could not be placed in the ledger, with the reason.

    One that the user dropped stays, so that the next sync does not bring it up again.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("raw_table", "raw_id"),
        sa.CheckConstraint("retry_requested_at is null or dropped_at is null", name="one_decision"),
        sa.Index(None, "account_id"),
        audited("retry_requested_at", "dropped_at"),
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID | None]
    raw_table: Mapped[str] = mapped_column(comment="schema.table of the raw row")
    raw_id: Mapped[uuid.UUID]
    reason: Mapped[str]
    retry_requested_at: Mapped[dt.datetime | None] = mapped_column(
        comment="the user wants the raw row to be read again; gone once it was"
    )
    dropped_at: Mapped[dt.datetime | None] = mapped_column(
        comment="the user can do without it; it comes back with another reason only"
    )
