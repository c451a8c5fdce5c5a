"""Balances as a bank gave them. Append-only; they go with their consent."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts
from postgres.gocardless.models import Balance
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import Stamp
from postgres.raw import get_row, list_raw, on_days


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
        Balance.user_id == user_id, Balance.bank_account_id == bank_account_id
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


def get_balance(session: Session, user_id: uuid.UUID, balance_id: uuid.UUID) -> Balance | None:
    """Return one of a user's balances."""
    return get_row(session, user_id, Balance, balance_id)


def list_balances(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID | None = None,
    balance_type: str | None = None,
    currency: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Balance]:
    """Return a page of a user's balances, those that changed last first.

    :param balance_type: as the bank calls it.
    :param since: the first day that a balance is of.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {
        Balance.bank_account_id: bank_account_id,
        Balance.balance_type: balance_type,
        Balance.currency: currency,
    }
    return list_raw(
        session,
        user_id,
        Balance,
        matching=matching,
        where=on_days(Balance.reference_date, since, until),
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
