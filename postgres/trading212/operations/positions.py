"""Open positions, a row an instrument and day. They go with their key."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw, on_days
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
            Position.user_id == user_id,
            Position.api_key_id == api_key_id,
            Position.as_of == as_of,
            Position.quantity != 0,
            Position.ticker.not_in([ticker for ticker, _, _ in rows]),
        )
        .values(quantity=0, changed_at=stamp.changed_at, changed_run_id=stamp.run_id)
        .returning(Position.id)
    )
    return counts + WriteCounts(updated=len(closed.all()))


def get_position(session: Session, user_id: uuid.UUID, position_id: uuid.UUID) -> Position | None:
    """Return one of a user's positions."""
    return get_row(session, user_id, Position, position_id)


def list_positions(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    ticker: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Position]:
    """Return a page of a user's positions, those that changed last first.

    :param ticker: as Trading 212 calls the instrument.
    :param since: the first day.
    :param until: the last day, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {Position.api_key_id: api_key_id, Position.ticker: ticker}
    return list_raw(
        session,
        user_id,
        Position,
        matching=matching,
        where=on_days(Position.as_of, since, until),
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
