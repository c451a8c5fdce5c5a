"""Account summaries. Append-only: a row for each change."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts
from postgres.payload import Stamp
from postgres.trading212.models import AccountSummary


def land(
    session: Session,
    user_id: uuid.UUID,
    api_key_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
) -> WriteCounts:
    """Append a summary if it differs from the last one."""
    last = session.scalar(
        sa.select(AccountSummary.content_hash)
        .where(AccountSummary.api_key_id == api_key_id)
        .order_by(AccountSummary.changed_at.desc(), AccountSummary.id)
        .limit(1)
    )
    row = stamp.on(payload)
    if last == row["content_hash"]:
        return WriteCounts(unchanged=1)
    session.add(AccountSummary(user_id=user_id, api_key_id=api_key_id, **row))
    session.flush()
    return WriteCounts(inserted=1)
