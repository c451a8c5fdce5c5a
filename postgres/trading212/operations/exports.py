"""Reports that were asked for, and how far Trading 212 is with them. They go with their key."""

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
from postgres.trading212.models import Export

_ENDED_BADLY = ("Canceled", "Failed")


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    report_id: int,
    status: str,
    time_from: dt.datetime,
    time_to: dt.datetime,
    requested_at: dt.datetime,
    payload: dict[str, Any],
    stamp: Stamp,
) -> WriteCounts:
    """Store how a report stands.

    :param report_id: Trading 212's own.
    :param status: as delivered.
    :param requested_at: when we asked for it; kept once it is known.
    :param payload: without the link.
    """
    row = {
        "user_id": user_id,
        "api_key_id": api_key_id,
        "report_id": report_id,
        "status": status,
        "time_from": time_from,
        "time_to": time_to,
        "requested_at": requested_at,
        **stamp.on(payload),
    }
    return upsert(
        session,
        Export,
        [row],
        key=("api_key_id", "report_id"),
        compare=("content_hash",),
        insert_only=(*FIRST_SEEN, "requested_at"),
    )


def mark_landed(
    session: Session, user_id: uuid.UUID, export_id: uuid.UUID, *, at: dt.datetime
) -> None:
    """Say that the rows of a report are stored; the caller commits both together."""
    session.execute(
        sa.update(Export)
        .where(Export.user_id == user_id, Export.id == export_id)
        .values(landed_at=at)
    )


def list_open(session: Session, user_id: uuid.UUID, *, api_key_id: uuid.UUID) -> Sequence[Export]:
    """Return the reports that may still come, the oldest first."""
    return session.scalars(
        sa.select(Export)
        .where(
            Export.user_id == user_id,
            Export.api_key_id == api_key_id,
            Export.landed_at.is_(None),
            Export.status.not_in(_ENDED_BADLY),
        )
        .order_by(Export.requested_at, Export.report_id)
    ).all()


def landed_through(
    session: Session, user_id: uuid.UUID, *, api_key_id: uuid.UUID
) -> dt.datetime | None:
    """Return the instant up to which reports are stored; None: there is none."""
    return session.scalar(
        sa.select(sa.func.max(Export.time_to)).where(
            Export.user_id == user_id,
            Export.api_key_id == api_key_id,
            Export.landed_at.is_not(None),
        )
    )


def get_export(session: Session, user_id: uuid.UUID, export_id: uuid.UUID) -> Export | None:
    """Return one of a user's reports."""
    return get_row(session, user_id, Export, export_id)


def list_exports(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    status: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Export]:
    """Return a page of a user's reports, those that changed last first.

    :param status: as delivered.
    :param since: the first day, in UTC, on which one was asked for.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    return list_raw(
        session,
        user_id,
        Export,
        matching={Export.api_key_id: api_key_id, Export.status: status},
        where=on_days(Export.requested_at, since, until),
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
