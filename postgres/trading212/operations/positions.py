"""Open positions, a row an instrument and day. They go with their key."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.models import Quarantine
from postgres.common.operations import quarantine
from postgres.core import WriteCounts, table_of, upsert
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
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store the positions of a day; one that was open when last read and is gone becomes zero.

    :param rows: payload, and ``identity_key``, ``ticker``, ``quantity`` in shares and ``refusal``;
        no key twice.
    """
    counts = upsert(
        session,
        Position,
        [
            {
                "user_id": user_id,
                "api_key_id": api_key_id,
                "as_of": as_of,
                **facts,
                **stamp.on(payload),
            }
            for payload, facts in rows
        ],
        key=("api_key_id", "as_of", "identity_key"),
        compare=("content_hash", "quantity", "refusal"),
        insert_only=FIRST_SEEN,
    )
    others = (
        Position.user_id == user_id,
        Position.api_key_id == api_key_id,
        Position.as_of == as_of,
        Position.identity_key.not_in([facts["identity_key"] for _, facts in rows]),
    )
    closed = session.execute(
        sa.update(Position)
        .where(*others, Position.quantity != 0)
        .values(quantity=0, changed_at=stamp.changed_at, changed_run_id=stamp.run_id)
        .returning(Position.id)
    )
    # What nobody knows an instrument of cannot be closed; it was only seen that day.
    session.execute(sa.delete(Position).where(*others, Position.refusal.is_not(None)))
    before = (
        sa.select(sa.func.max(Position.as_of))
        .where(Position.api_key_id == api_key_id, Position.as_of < as_of)
        .scalar_subquery()
    )
    gone = sa.select(
        Position.user_id,
        Position.api_key_id,
        sa.literal(as_of).label("as_of"),
        Position.identity_key,
        Position.ticker,
        sa.literal(0).label("quantity"),
        Position.payload,
        Position.content_hash,
        sa.literal(stamp.seen_at).label("first_seen_at"),
        sa.literal(stamp.run_id).label("first_seen_run_id"),
        sa.literal(stamp.changed_at).label("changed_at"),
        sa.literal(stamp.run_id).label("changed_run_id"),
    ).where(
        Position.user_id == user_id,
        Position.api_key_id == api_key_id,
        Position.as_of == before,
        Position.quantity != 0,
        Position.identity_key.not_in([facts["identity_key"] for _, facts in rows]),
    )
    ended = session.execute(
        pg.insert(Position)
        .from_select([column.name for column in gone.selected_columns], gone)
        .on_conflict_do_nothing()
        .returning(Position.id)
    )
    return counts + WriteCounts(inserted=len(ended.all()), updated=len(closed.all()))


def set_aside_refused(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    account_id: uuid.UUID,
    as_of: dt.date,
) -> None:
    """Let the quarantine of an account have the positions of a day that are refused, and no others.

    :param account_id: the account of the ledger.
    """
    stale = (
        sa.select(Quarantine.id)
        .outerjoin(Position, Position.id == Quarantine.raw_id)
        .where(
            Quarantine.user_id == user_id,
            Quarantine.account_id == account_id,
            Quarantine.raw_table == table_of(Position).fullname,
            sa.func.coalesce(Position.as_of != as_of, sa.true()),
        )
    )
    session.execute(
        sa.delete(Quarantine)
        .where(Quarantine.id.in_(stale))
        .execution_options(synchronize_session=False)
    )
    of_day = sa.and_(Position.api_key_id == api_key_id, Position.as_of == as_of)
    quarantine.set_aside(session, user_id, Position, of_day, account_id=account_id)


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
