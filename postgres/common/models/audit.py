"""What was changed, by whom, before and after."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import AuditAction
from postgres.common.models.keys import SCHEMA
from postgres.core import Base, checked


class AuditEntry(Base):
    """One change of one row. Append-only; written by triggers, so no code can forget it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        sa.Index(None, "user_id", "table_name", "row_key"),
        sa.Index(None, "user_id", "change_set"),
        {"schema": SCHEMA},
    )

    id: Mapped[int] = mapped_column(sa.BigInteger(), sa.Identity(always=True), primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    table_name: Mapped[str] = mapped_column(comment="schema.table")
    row_key: Mapped[dict[str, Any]] = mapped_column(comment="primary key of the row, by column")
    action: Mapped[AuditAction] = mapped_column(checked(AuditAction))
    before: Mapped[dict[str, Any] | None] = mapped_column(comment="null: there was none")
    after: Mapped[dict[str, Any] | None] = mapped_column(comment="null: there is none")
    actor: Mapped[str] = mapped_column(
        server_default=sa.text(
            "coalesce(nullif(current_setting('farthing.actor', true), ''), 'system')"
        ),
        comment="user, system, or what acted for the user, such as write_back:<run id>",
    )
    change_set: Mapped[int] = mapped_column(
        sa.BigInteger(),
        server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
        comment="the database transaction; what was changed together",
    )
    occurred_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), comment="by the database's clock"
    )
