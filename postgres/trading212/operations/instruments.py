"""Securities as Trading 212 lists them, the same for every user.

Landing one creates or updates it; one that is listed no longer stays, for those who traded it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.trading212.models import Instrument


def land(session: Session, payloads: Sequence[dict[str, Any]], stamp: Stamp) -> WriteCounts:
    """Store instruments as delivered; one that is unchanged is not written."""
    rows = {
        str(p["ticker"]): {
            "ticker": p["ticker"],
            "isin": p.get("isin"),
            "currency_code": p.get("currencyCode"),
            **stamp.on(p),
        }
        for p in payloads
    }
    return upsert(
        session,
        Instrument,
        list(rows.values()),
        key=("ticker",),
        compare=("content_hash",),
        insert_only=FIRST_SEEN,
    )


def get_instrument(session: Session, ticker: str) -> Instrument | None:
    """Return a security by its ticker at Trading 212, such as ``AAPL_US_EQ``."""
    return session.get(Instrument, ticker)


def list_instruments(
    session: Session,
    *,
    isin: str | None = None,
    currency_code: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Instrument]:
    """Return a page of securities by ticker.

    :param currency_code: as delivered; GBX is pence.
    :param text: somewhere in the ticker or the name, whatever the case.
    :param after: from the page before.
    """
    query = sa.select(Instrument)
    if isin is not None:
        query = query.where(Instrument.isin == isin)
    if currency_code is not None:
        query = query.where(Instrument.currency_code == currency_code)
    if text is not None:
        places = (Instrument.ticker, Instrument.payload["name"].astext)
        query = query.where(sa.or_(*(place.icontains(text, autoescape=True) for place in places)))
    return fetch_page(session, query, order=[Key(Instrument.ticker)], after=after, limit=limit)
