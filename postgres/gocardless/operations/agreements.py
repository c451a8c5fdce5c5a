"""End-user agreements: for how long and how far back a bank may be read."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Agreement
from postgres.payload import FIRST_SEEN, Stamp


def land(
    session: Session,
    user_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
    *,
    max_historical_days: int,
    access_valid_for_days: int,
    accepted_at: dt.datetime | None,
) -> WriteCounts:
    """Store an agreement as delivered.

    :param accepted_at: UTC; validity counts from here.
    """
    row = {
        "id": uuid.UUID(payload["id"]),
        "user_id": user_id,
        "institution_id": payload["institution_id"],
        "max_historical_days": max_historical_days,
        "access_valid_for_days": access_valid_for_days,
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
