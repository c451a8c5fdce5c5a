"""The history of dividends.

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
from postgres.trading212.models import Dividend


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store dividends; ones that are stored already are not written.

    :param rows: payload and the columns read from it, with ``identity_key``; no key twice.
    """
    return land_items(session, user_id, Dividend, api_key_id=api_key_id, rows=rows, stamp=stamp)


def get_dividend(session: Session, user_id: uuid.UUID, dividend_id: uuid.UUID) -> Dividend | None:
    """Return one of a user's dividends."""
    return get_row(session, user_id, Dividend, dividend_id)


def list_dividends(
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
) -> Page[Dividend]:
    """Return a page of a user's dividends, those that changed last first.

    :param ticker: as Trading 212 calls the instrument.
    :param is_refused: whether they cannot be placed in the ledger.
    :param since: the first day, in UTC, on which one occurred.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(Dividend.occurred_at, since, until)
    if is_refused is not None:
        where.append(Dividend.refusal.is_not(None) == is_refused)
    return list_raw(
        session,
        user_id,
        Dividend,
        matching={Dividend.api_key_id: api_key_id, Dividend.ticker: ticker},
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
