"""Reconfirmations: a user is asked to confirm an agreement once more.

Landing one creates or updates it; it goes with its agreement.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, any_of, upsert
from postgres.gocardless.models import Reconfirmation
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw


def land(
    session: Session,
    user_id: uuid.UUID,
    agreement_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
    *,
    requested_at: dt.datetime,
    url: str,
    url_valid_from: dt.datetime,
    url_valid_to: dt.datetime,
    confirmed_at: dt.datetime | None,
) -> WriteCounts:
    """Store a reconfirmation as delivered.

    :param confirmed_at: when the last account was confirmed; None: none was yet.
    """
    row = {
        "user_id": user_id,
        "agreement_id": agreement_id,
        "requested_at": requested_at,
        "url": url,
        "url_valid_from": url_valid_from,
        "url_valid_to": url_valid_to,
        "confirmed_at": confirmed_at,
        **stamp.on(payload, content={k: v for k, v in payload.items() if k != "last_accessed"}),
    }
    return upsert(
        session,
        Reconfirmation,
        [row],
        key=("agreement_id", "requested_at"),
        compare=("content_hash",),
        insert_only=(*FIRST_SEEN, "user_id"),
    )


def get_reconfirmation(
    session: Session, user_id: uuid.UUID, reconfirmation_id: uuid.UUID
) -> Reconfirmation | None:
    """Return one of a user's reconfirmations."""
    return get_row(session, user_id, Reconfirmation, reconfirmation_id)


def list_reconfirmations(
    session: Session,
    user_id: uuid.UUID,
    *,
    agreement_id: uuid.UUID | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Reconfirmation]:
    """Return a page of a user's reconfirmations, those that changed last first.

    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    return list_raw(
        session,
        user_id,
        Reconfirmation,
        matching={Reconfirmation.agreement_id: agreement_id},
        changed_since=changed_since,
        after=after,
        limit=limit,
    )


def list_of_agreements(
    session: Session, agreement_ids: Collection[uuid.UUID]
) -> Sequence[Reconfirmation]:
    """Return all reconfirmations of some agreements of any user, the oldest first: for a sync."""
    return session.scalars(
        sa.select(Reconfirmation)
        .where(Reconfirmation.agreement_id == any_of(agreement_ids))
        .order_by(Reconfirmation.requested_at, Reconfirmation.id)
    ).all()
