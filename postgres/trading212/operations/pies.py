"""Pies. Landing the list says which there are; each has its name and slices from its own answer.

They go with their key.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw, on_days
from postgres.trading212.models import Pie


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[int, dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store the pies that are listed; all others of the account are gone.

    :param rows: Trading 212's id of the pie, payload; no id twice.
    """
    counts = upsert(
        session,
        Pie,
        [
            {
                "user_id": user_id,
                "api_key_id": api_key_id,
                "pie_id": pie_id,
                "gone_at": None,
                **stamp.on(payload),
            }
            for pie_id, payload in rows
        ],
        key=("api_key_id", "pie_id"),
        compare=("content_hash", "gone_at"),
        insert_only=FIRST_SEEN,
    )
    gone = session.execute(
        sa.update(Pie)
        .where(
            Pie.user_id == user_id,
            Pie.api_key_id == api_key_id,
            Pie.gone_at.is_(None),
            Pie.pie_id.not_in([pie_id for pie_id, _ in rows]),
        )
        .values(gone_at=stamp.seen_at, changed_at=stamp.changed_at, changed_run_id=stamp.run_id)
        .returning(Pie.id)
    )
    return counts + WriteCounts(updated=len(gone.all()))


def land_detail(
    session: Session,
    user_id: uuid.UUID,
    pie_id: uuid.UUID,
    *,
    detail: dict[str, Any],
    name: str | None,
    opened_at: dt.datetime | None,
    read_on: dt.date,
) -> None:
    """Store what a pie says of itself.

    :param detail: the answer, whole.
    :param read_on: the day, by the ledger's clock.
    """
    session.execute(
        sa.update(Pie)
        .where(Pie.user_id == user_id, Pie.id == pie_id)
        .values(detail=detail, name=name, opened_at=opened_at, detail_read_on=read_on)
    )


def list_unread(
    session: Session, user_id: uuid.UUID, *, api_key_id: uuid.UUID, on: dt.date
) -> Sequence[Pie]:
    """Return the pies that were not asked for themselves on a day, the least lately read first."""
    return session.scalars(
        sa.select(Pie)
        .where(
            Pie.user_id == user_id,
            Pie.api_key_id == api_key_id,
            Pie.gone_at.is_(None),
            sa.or_(Pie.detail_read_on.is_(None), Pie.detail_read_on < on),
        )
        .order_by(Pie.detail_read_on.nulls_first(), Pie.pie_id)
    ).all()


def get_pie(session: Session, user_id: uuid.UUID, pie_id: uuid.UUID) -> Pie | None:
    """Return one of a user's pies.

    :param pie_id: ours, not Trading 212's.
    """
    return get_row(session, user_id, Pie, pie_id)


def list_pies(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    is_gone: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Pie]:
    """Return a page of a user's pies, those that changed last first.

    :param is_gone: whether they are listed no more.
    :param since: the first day, in UTC, on which one was first seen.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(Pie.first_seen_at, since, until)
    if is_gone is not None:
        where.append(Pie.gone_at.is_not(None) == is_gone)
    return list_raw(
        session,
        user_id,
        Pie,
        matching={Pie.api_key_id: api_key_id},
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
