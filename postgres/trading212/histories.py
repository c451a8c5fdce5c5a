"""What orders, dividends, cash transactions and rows of reports have in common: they land alike."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.payload import FIRST_SEEN, Stamp
from postgres.trading212.models import CashTransaction, Dividend, ExportRow, Order


def land_items(
    session: Session,
    user_id: uuid.UUID,
    model: type[Order] | type[Dividend] | type[CashTransaction] | type[ExportRow],
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store items of a history; ones that are stored already and read alike are not written."""
    return upsert(
        session,
        model,
        [
            {"user_id": user_id, "api_key_id": api_key_id, **facts, **stamp.on(payload)}
            for payload, facts in rows
        ],
        key=("api_key_id", "identity_key"),
        compare=("content_hash", "refusal"),
        insert_only=FIRST_SEEN,
    )
