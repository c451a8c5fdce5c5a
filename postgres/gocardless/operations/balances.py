"""Balances as a bank gave them. Append-only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts
from postgres.gocardless.models import Balance
from postgres.payload import Stamp


def land(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Append the balances that differ from the last ones of their type and currency.

    :param rows: payload and the columns read from it.
    """
    latest = sa.select(Balance.balance_type, Balance.currency, Balance.content_hash).where(
        Balance.bank_account_id == bank_account_id
    )
    latest = latest.distinct(Balance.balance_type, Balance.currency).order_by(
        Balance.balance_type, Balance.currency, Balance.changed_at.desc(), Balance.id
    )
    known = {(kind, code): digest for kind, code, digest in session.execute(latest)}
    # One type may come twice with different days; the later day counts as the last.
    ordered = sorted(rows, key=lambda row: str(row[1]["reference_date"] or ""))
    newest = {(f["balance_type"], f["currency"]): (p, f) for p, f in ordered}
    fresh = [
        {
            "user_id": user_id,
            "bank_account_id": bank_account_id,
            **facts,
            **stamp.on(payload),
        }
        for key, (payload, facts) in newest.items()
        if known.get(key) != stamp.on(payload)["content_hash"]
    ]
    if fresh:
        session.execute(sa.insert(Balance), fresh)
    return WriteCounts(inserted=len(fresh), unchanged=len(newest) - len(fresh))
