"""End-user agreements: for how long and how far back a bank may be read.

Landing one creates or updates it; it goes with its user.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Agreement
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw


def land(
    session: Session,
    user_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
    *,
    max_historical_days: int,
    access_valid_for_days: int,
    has_reconfirmation: bool,
    accepted_at: dt.datetime | None,
) -> WriteCounts:
    """Store an agreement as delivered.

    :param has_reconfirmation: the user has to confirm it every 90 days.
    :param accepted_at: UTC; validity counts from here.
    """
    row = {
        "id": uuid.UUID(payload["id"]),
        "user_id": user_id,
        "institution_id": payload["institution_id"],
        "max_historical_days": max_historical_days,
        "access_valid_for_days": access_valid_for_days,
        "has_reconfirmation": has_reconfirmation,
        "accepted_at": accepted_at,
        **stamp.on(payload),
    }
    return upsert(
        session,
        Agreement,
        [row],
        key=("id",),
        compare=("content_hash",),
        insert_only=(*FIRST_SEEN, "user_id"),
    )


def get_agreement(
    session: Session, user_id: uuid.UUID, agreement_id: uuid.UUID
) -> Agreement | None:
    """Return one of a user's agreements."""
    return get_row(session, user_id, Agreement, agreement_id)


def list_agreements(
    session: Session,
    user_id: uuid.UUID,
    *,
    institution_id: str | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Agreement]:
    """Return a page of a user's agreements, those that changed last first.

    :param institution_id: GoCardless's, such as ``REVOLUT_REVOLT21``.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {Agreement.institution_id: institution_id}
    return list_raw(
        session,
        user_id,
        Agreement,
        matching=matching,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
