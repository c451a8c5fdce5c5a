"""Rows that could not be placed in the ledger, with the reason."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Quarantine
from postgres.core import table_of, upsert_from_select


def set_aside(
    session: Session, raw_model: Any, scope: sa.ColumnElement[bool], *, account_id: uuid.UUID
) -> None:
    """Bring the quarantine of one account up to what its raw rows say.

    :param raw_model: a provider table with ``id``, ``user_id`` and ``refusal``.
    :param scope: which of its rows may have changed.
    """
    raw_table = table_of(raw_model).fullname
    refused = sa.select(
        raw_model.user_id,
        sa.literal(account_id).label("account_id"),
        sa.literal(raw_table).label("raw_table"),
        raw_model.id.label("raw_id"),
        raw_model.refusal.label("reason"),
    ).where(scope, raw_model.refusal.is_not(None))
    upsert_from_select(session, Quarantine, refused, key=("raw_table", "raw_id"))
    session.execute(
        sa.delete(Quarantine)
        .where(
            Quarantine.account_id == account_id,
            Quarantine.raw_table == raw_table,
            sa.exists().where(raw_model.id == Quarantine.raw_id, raw_model.refusal.is_(None)),
        )
        .execution_options(synchronize_session=False)
    )


def list_quarantine(session: Session, user_id: uuid.UUID) -> Sequence[Quarantine]:
    """Return what is set aside of a user's rows, the newest first."""
    return session.scalars(
        sa.select(Quarantine)
        .where(Quarantine.user_id == user_id)
        .order_by(Quarantine.created_at.desc(), Quarantine.id)
    ).all()


def count_quarantine(session: Session, user_id: uuid.UUID | None = None) -> int:
    """Count the rows that are set aside, of one user or of all."""
    query = sa.select(sa.func.count()).select_from(Quarantine)
    if user_id is not None:
        query = query.where(Quarantine.user_id == user_id)
    return session.execute(query).scalar_one()
