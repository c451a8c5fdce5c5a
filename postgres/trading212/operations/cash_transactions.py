"""Deposits, withdrawals, fees, transfers and interest: what moved cash but no instrument.

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
from postgres.trading212.models import CashTransaction


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store cash transactions; ones that are stored already are not written.

    :param rows: payload and the columns read from it, with ``identity_key``; no key twice.
    """
    return land_items(
        session, user_id, CashTransaction, api_key_id=api_key_id, rows=rows, stamp=stamp
    )


def get_cash_transaction(
    session: Session, user_id: uuid.UUID, cash_transaction_id: uuid.UUID
) -> CashTransaction | None:
    """Return one of a user's cash transactions."""
    return get_row(session, user_id, CashTransaction, cash_transaction_id)


def list_cash_transactions(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    is_refused: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[CashTransaction]:
    """Return a page of a user's cash transactions, those that changed last first.

    :param is_refused: whether they cannot be placed in the ledger.
    :param since: the first day, in UTC, on which one occurred.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(CashTransaction.occurred_at, since, until)
    if is_refused is not None:
        where.append(CashTransaction.refusal.is_not(None) == is_refused)
    return list_raw(
        session,
        user_id,
        CashTransaction,
        matching={CashTransaction.api_key_id: api_key_id},
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
