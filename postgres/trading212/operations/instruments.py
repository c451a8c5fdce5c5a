"""Securities as Trading 212 lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
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
