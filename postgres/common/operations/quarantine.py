"""Rows that could not be placed in the ledger, with the reason."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Quarantine
from postgres.core import table_of, upsert_from_select
from postgres.errors import NotFoundError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_NEVER = sa.null().cast(sa.DateTime(timezone=True))


def set_aside(
    session: Session,
    user_id: uuid.UUID,
    raw_model: Any,
    scope: sa.ColumnElement[bool],
    *,
    account_id: uuid.UUID,
    reason: sa.ColumnElement[str | None] | None = None,
) -> None:
    """Bring the quarantine of one of a user's accounts up to what its raw rows say.

    :param raw_model: a provider table with ``id``, ``user_id`` and ``refusal``.
    :param scope: which of its rows may have changed.
    :param reason: why a row is set aside, NULL if it is not; by default its ``refusal``.
    """
    raw_table = table_of(raw_model).fullname
    why = raw_model.refusal if reason is None else reason
    refused = sa.select(
        raw_model.user_id,
        sa.literal(account_id).label("account_id"),
        sa.literal(raw_table).label("raw_table"),
        raw_model.id.label("raw_id"),
        why.label("reason"),
        _NEVER.label("retry_requested_at"),
        _NEVER.label("dropped_at"),
    ).where(raw_model.user_id == user_id, scope, why.is_not(None))
    # What was asked for a row is done once it is looked at again, and a new reason is news. A row
    # that was dropped and reads the same is left alone.
    upsert_from_select(
        session,
        Quarantine,
        refused,
        key=("raw_table", "raw_id"),
        compare=("account_id", "reason", "retry_requested_at"),
    )
    session.execute(
        sa.delete(Quarantine)
        .where(
            Quarantine.user_id == user_id,
            Quarantine.account_id == account_id,
            Quarantine.raw_table == raw_table,
            sa.exists().where(raw_model.id == Quarantine.raw_id, why.is_(None)),
        )
        .execution_options(synchronize_session=False)
    )


def get_quarantined(
    session: Session, user_id: uuid.UUID, quarantine_id: uuid.UUID
) -> Quarantine | None:
    """Return one of a user's rows that are set aside, dropped or not."""
    return session.scalars(_one(user_id, quarantine_id)).one_or_none()


def list_quarantine(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    raw_table: str | None = None,
    is_retry_requested: bool | None = None,
    is_dropped: bool = False,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Quarantine]:
    """Return what is set aside of a user's rows, the newest first.

    :param raw_table: ``schema.table`` of the raw rows.
    :param is_dropped: those that the user dropped, instead of those that wait.
    :param after: from the page before.
    """
    query = sa.select(Quarantine).where(
        Quarantine.user_id == user_id, Quarantine.dropped_at.is_not(None) == is_dropped
    )
    if account_id is not None:
        query = query.where(Quarantine.account_id == account_id)
    if raw_table is not None:
        query = query.where(Quarantine.raw_table == raw_table)
    if is_retry_requested is not None:
        query = query.where(Quarantine.retry_requested_at.is_not(None) == is_retry_requested)
    order = (
        Key(Quarantine.created_at, is_descending=True),
        Key(Quarantine.id, is_descending=True),
    )
    return fetch_page(session, query, order=order, after=after, limit=limit)


def count_quarantine(session: Session, user_id: uuid.UUID | None = None) -> int:
    """Count the rows that are set aside and not dropped, of one user or of all."""
    query = sa.select(sa.func.count()).where(Quarantine.dropped_at.is_(None))
    if user_id is not None:
        query = query.where(Quarantine.user_id == user_id)
    return session.execute(query).scalar_one()


def retry(
    session: Session, user_id: uuid.UUID, quarantine_id: uuid.UUID, *, at: dt.datetime
) -> Quarantine:
    """Ask for a row to be read again, also one that was dropped.

    :raises NotFoundError: if the user has no such row in quarantine.
    """
    return _decide(session, user_id, quarantine_id, retry_requested_at=at, dropped_at=None)


def drop(
    session: Session, user_id: uuid.UUID, quarantine_id: uuid.UUID, *, at: dt.datetime
) -> Quarantine:
    """Do without a row: it is not listed and counted again unless another reason is found.

    The raw row stays.

    :raises NotFoundError: if the user has no such row in quarantine.
    """
    return _decide(session, user_id, quarantine_id, retry_requested_at=None, dropped_at=at)


def _one(user_id: uuid.UUID, quarantine_id: uuid.UUID) -> sa.Select[tuple[Quarantine]]:
    return sa.select(Quarantine).where(
        Quarantine.id == quarantine_id, Quarantine.user_id == user_id
    )


def _decide(
    session: Session,
    user_id: uuid.UUID,
    quarantine_id: uuid.UUID,
    *,
    retry_requested_at: dt.datetime | None,
    dropped_at: dt.datetime | None,
) -> Quarantine:
    locked = _one(user_id, quarantine_id).with_for_update()
    row = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        message = f"there is no row {quarantine_id} in quarantine"
        raise NotFoundError(message)
    row.retry_requested_at = retry_requested_at
    row.dropped_at = dropped_at
    session.flush()
    return row
