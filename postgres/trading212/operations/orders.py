"""The order history: an item a fill, or an order that ended without one.

Landing an item creates or updates it; it goes with its key.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import Stamp
from postgres.raw import get_row, list_raw, on_days
from postgres.trading212.histories import land_items
from postgres.trading212.models import Order


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store orders; ones that are stored already are not written.

    :param rows: payload and the columns read from it, with ``identity_key``; no key twice.
    """
    return land_items(session, user_id, Order, api_key_id=api_key_id, rows=rows, stamp=stamp)


def get_order(session: Session, user_id: uuid.UUID, order_id: uuid.UUID) -> Order | None:
    """Return one of a user's orders."""
    return get_row(session, user_id, Order, order_id)


def list_orders(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    ticker: str | None = None,
    is_refused: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Order]:
    """Return a page of a user's orders, those that changed last first.

    :param ticker: as Trading 212 calls the instrument.
    :param is_refused: whether they cannot be placed in the ledger.
    :param since: the first day, in UTC, on which one occurred.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(Order.occurred_at, since, until)
    if is_refused is not None:
        where.append(Order.refusal.is_not(None) == is_refused)
    return list_raw(
        session,
        user_id,
        Order,
        matching={Order.api_key_id: api_key_id, Order.ticker: ticker},
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
