"""What happened: jobs, news for the user, rows that could not be placed."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import JobStatus, JobType, NotificationType
from postgres.common.models.keys import SCHEMA, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Job(HasId, HasTimes, Base):
    """What ran for one connection (or, for analytics, for everybody) and how it ended."""

    __tablename__ = "jobs"
    __table_args__ = (
        same_owner("connection_id", "connections", ondelete="CASCADE"),
        sa.UniqueConstraint(
            "run_id", "job_type", "connection_id", postgresql_nulls_not_distinct=True
        ),
        sa.CheckConstraint(
            "(user_id is null) = (connection_id is null)", name="owned_like_its_connection"
        ),
        sa.Index(None, "connection_id", sa.text("started_at desc")),
        sa.Index(None, "job_type", sa.text("started_at desc")),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("auth.users.id", ondelete="CASCADE"), index=True
    )
    connection_id: Mapped[uuid.UUID | None]
    job_type: Mapped[JobType] = mapped_column(checked(JobType))
    status: Mapped[JobStatus] = mapped_column(
        checked(JobStatus), server_default=JobStatus.RUNNING.value
    )
    run_id: Mapped[str] = mapped_column(comment="Dagster's run id")
    started_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    outcome: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"),
        comment="by scope, then by account: rows received, written, set aside, and what failed",
    )


class Notification(HasId, HasTimes, Base):
    """Something a user should know, said once."""

    __tablename__ = "notifications"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "type", "dedup_key"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"))
    type: Mapped[NotificationType] = mapped_column(checked(NotificationType))
    dedup_key: Mapped[str] = mapped_column(comment="what makes it the same news")
    message: Mapped[str]
    read_at: Mapped[dt.datetime | None]


class Quarantine(HasId, HasTimes, Base):
    """A raw row that could not be placed in the ledger, with the reason."""

    __tablename__ = "quarantine"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("raw_table", "raw_id"),
        sa.Index(None, "account_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    account_id: Mapped[uuid.UUID | None]
    raw_table: Mapped[str] = mapped_column(comment="schema.table of the raw row")
    raw_id: Mapped[uuid.UUID]
    reason: Mapped[str]
