"""Requisitions: a user's consent at one bank."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Agreement, Requisition
from postgres.payload import FIRST_SEEN, Stamp

LINKED, EXPIRED = "LN", "EX"


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


def get_requisition(session: Session, requisition_id: uuid.UUID) -> Requisition | None:
    """Return a requisition by GoCardless's id."""
    return session.get(Requisition, requisition_id)


def list_requisitions(
    session: Session, *, user_id: uuid.UUID | None = None
) -> Sequence[tuple[Requisition, Agreement | None]]:
    """Return the requisitions that were not removed with their agreements, the oldest first.

    :param user_id: of one user; None returns all users', for a sync.
    """
    query = (
        sa.select(Requisition, Agreement)
        .outerjoin(Agreement, Agreement.id == Requisition.agreement_id)
        .where(Requisition.removed_at.is_(None))
        .order_by(Requisition.first_seen_at, Requisition.id)
    )
    if user_id is not None:
        query = query.where(Requisition.user_id == user_id)
    return [(requisition, agreement) for requisition, agreement in session.execute(query)]


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
