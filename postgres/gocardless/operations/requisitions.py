"""Requisitions: a user's consent at one bank.

Landing one creates or updates it. :func:`remove` ends it and keeps what was read through it,
:func:`erase` deletes both.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Requisition
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw

LINKED, EXPIRED, SUSPENDED = "LN", "EX", "SU"


def land(
    session: Session,
    user_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
    *,
    replaces_id: uuid.UUID | None = None,
) -> WriteCounts:
    """Store a requisition as delivered.

    :param replaces_id: the requisition whose connection this one renews; kept from the first time.
    """
    agreement = payload.get("agreement")
    row = {
        "id": uuid.UUID(payload["id"]),
        "user_id": user_id,
        "institution_id": payload["institution_id"],
        "agreement_id": uuid.UUID(agreement) if agreement else None,
        "reference": payload["reference"],
        "status": payload["status"],
        "link": payload["link"],
        "replaces_id": replaces_id,
        **stamp.on(payload),
    }
    return upsert(
        session,
        Requisition,
        [row],
        key=("id",),
        compare=("content_hash",),
        insert_only=(*FIRST_SEEN, "user_id", "replaces_id"),
    )


def get_requisition(
    session: Session, user_id: uuid.UUID, requisition_id: uuid.UUID
) -> Requisition | None:
    """Return one of a user's requisitions by GoCardless's id, removed or not."""
    return get_row(session, user_id, Requisition, requisition_id)


def list_requisitions(
    session: Session,
    user_id: uuid.UUID,
    *,
    institution_id: str | None = None,
    status: str | None = None,
    is_removed: bool | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Requisition]:
    """Return a page of a user's requisitions, those that changed last first.

    :param institution_id: GoCardless's, such as ``REVOLUT_REVOLT21``.
    :param status: two letters, such as :data:`LINKED`.
    :param is_removed: whether the user ended it here.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {Requisition.institution_id: institution_id, Requisition.status: status}
    return list_raw(
        session,
        user_id,
        Requisition,
        matching=matching,
        where=[] if is_removed is None else [Requisition.removed_at.is_not(None) == is_removed],
        changed_since=changed_since,
        after=after,
        limit=limit,
    )


def list_all_requisitions(session: Session) -> Sequence[Requisition]:
    """Return the requisitions of all users that were not removed, the oldest first: for a sync."""
    return session.scalars(
        sa.select(Requisition)
        .where(Requisition.removed_at.is_(None))
        .order_by(Requisition.first_seen_at, Requisition.id)
    ).all()


def remove(
    session: Session, user_id: uuid.UUID, requisition_id: uuid.UUID, *, at: dt.datetime
) -> None:
    """End a user's consent on our side; what was read through it stays."""
    session.execute(
        sa.update(Requisition)
        .where(Requisition.id == requisition_id, Requisition.user_id == user_id)
        .values(removed_at=at)
    )


def erase(session: Session, user_id: uuid.UUID, requisition_id: uuid.UUID) -> None:
    """Delete a user's consent and every raw row that was read through it."""
    session.execute(
        sa.delete(Requisition).where(
            Requisition.id == requisition_id, Requisition.user_id == user_id
        )
    )
