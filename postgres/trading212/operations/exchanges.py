"""Exchanges as Trading 212 lists them, the same for every user.

Landing one creates or updates it; one that is listed no longer stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.trading212.models import Exchange


def land(
    session: Session, rows: Sequence[tuple[int, str | None, dict[str, Any]]], stamp: Stamp
) -> WriteCounts:
    """Store exchanges as delivered; one that is unchanged is not written.

    :param rows: Trading 212's id, name, payload; no id twice.
    """
    return upsert(
        session,
        Exchange,
        [
            {"exchange_id": exchange_id, "name": name, **stamp.on(payload)}
            for exchange_id, name, payload in rows
        ],
        key=("exchange_id",),
        compare=("content_hash",),
        insert_only=FIRST_SEEN,
    )


def get_exchange(session: Session, exchange_id: int) -> Exchange | None:
    """Return an exchange by its id at Trading 212."""
    return session.get(Exchange, exchange_id)


def list_exchanges(
    session: Session, *, after: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Exchange]:
    """Return a page of exchanges by id.

    :param after: from the page before.
    """
    order = [Key(Exchange.exchange_id)]
    return fetch_page(session, sa.select(Exchange), order=order, after=after, limit=limit)
