"""Open positions, a row an instrument and day."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.payload import FIRST_SEEN, Stamp
from postgres.trading212.models import Position


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    as_of: dt.date,
    rows: Sequence[tuple[str, Decimal, dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store the positions of a day; one that was open earlier that day and is gone becomes zero.

    :param rows: ticker, quantity in shares, payload.
    """
    counts = upsert(
        session,
        Position,
        [
            {
                "user_id": user_id,
                "api_key_id": api_key_id,
                "as_of": as_of,
                "ticker": ticker,
                "quantity": quantity,
                **stamp.on(payload),
            }
            for ticker, quantity, payload in rows
        ],
        key=("api_key_id", "as_of", "ticker"),
        compare=("content_hash", "quantity"),
        insert_only=FIRST_SEEN,
    )
    closed = session.execute(
        sa.update(Position)
        .where(
            Position.api_key_id == api_key_id,
            Position.as_of == as_of,
            Position.quantity != 0,
            Position.ticker.not_in([ticker for ticker, _, _ in rows]),
        )
        .values(quantity=0, changed_at=stamp.changed_at, changed_run_id=stamp.run_id)
        .returning(Position.id)
    )
    return counts + WriteCounts(updated=len(closed.all()))
