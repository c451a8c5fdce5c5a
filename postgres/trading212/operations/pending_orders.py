"""Orders that wait. Landing them says which do; one that is gone keeps its row, with when it went.

They go with their key.
"""

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
from postgres.trading212.models import PendingOrder


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[str, str | None, dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store the orders that wait; all others of the account wait no more.

    :param rows: identity key, ticker, payload; no key twice.
    """
    counts = upsert(
        session,
        PendingOrder,
        [
            {
                "user_id": user_id,
                "api_key_id": api_key_id,
                "identity_key": key,
                "ticker": ticker,
                "gone_at": None,
                **stamp.on(payload),
            }
            for key, ticker, payload in rows
        ],
        key=("api_key_id", "identity_key"),
        compare=("content_hash", "gone_at"),
        insert_only=FIRST_SEEN,
    )
    gone = session.execute(
        sa.update(PendingOrder)
        .where(
            PendingOrder.user_id == user_id,
            PendingOrder.api_key_id == api_key_id,
            PendingOrder.gone_at.is_(None),
            PendingOrder.identity_key.not_in([key for key, _, _ in rows]),
        )
        .values(gone_at=stamp.seen_at, changed_at=stamp.changed_at, changed_run_id=stamp.run_id)
        .returning(PendingOrder.id)
    )
    return counts + WriteCounts(updated=len(gone.all()))


def get_pending_order(
    session: Session, user_id: uuid.UUID, pending_order_id: uuid.UUID
) -> PendingOrder | None:
    """Return one of a user's orders that wait or waited."""
    return get_row(session, user_id, PendingOrder, pending_order_id)


def list_pending_orders(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    ticker: str | None = None,
    is_gone: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[PendingOrder]:
    """Return a page of a user's orders that wait or waited, those that changed last first.

    :param ticker: as Trading 212 calls the instrument.
    :param is_gone: whether they wait no more.
    :param since: the first day, in UTC, on which one was first seen.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(PendingOrder.first_seen_at, since, until)
    if is_gone is not None:
        where.append(PendingOrder.gone_at.is_not(None) == is_gone)
    return list_raw(
        session,
        user_id,
        PendingOrder,
        matching={PendingOrder.api_key_id: api_key_id, PendingOrder.ticker: ticker},
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
