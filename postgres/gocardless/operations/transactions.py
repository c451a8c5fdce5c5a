"""Rows of transactions answers, landed whole; they go with their consent."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Transaction
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw, on_days


def land(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store the rows of one answer; ones that are stored already are not written.

    :param rows: payload and the columns read from it, with ``is_pending`` and ``identity_key``;
        no key twice.
    """
    return upsert(
        session,
        Transaction,
        [
            {
                "user_id": user_id,
                "bank_account_id": bank_account_id,
                **facts,
                "withdrawn_at": None,
                **stamp.on(payload),
            }
            for payload, facts in rows
        ],
        key=("bank_account_id", "is_pending", "identity_key"),
        compare=("content_hash", "withdrawn_at"),
        insert_only=FIRST_SEEN,
    )


def withdraw_pending(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    still_pending: Sequence[str],
    stamp: Stamp,
) -> int:
    """Mark the pending rows that the newest answer no longer has.

    The ``pending`` list of an answer replaces the account's former one.

    :param still_pending: identity keys of the answer's list.
    :returns: how many rows were marked.
    """
    gone = session.execute(
        sa.update(Transaction)
        .where(
            Transaction.user_id == user_id,
            Transaction.bank_account_id == bank_account_id,
            Transaction.is_pending,
            Transaction.withdrawn_at.is_(None),
            Transaction.identity_key.not_in(still_pending),
        )
        .values(
            withdrawn_at=stamp.seen_at,
            changed_at=stamp.changed_at,
            changed_run_id=stamp.run_id,
        )
        .returning(Transaction.id)
    )
    return len(gone.all())


def get_transaction(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID
) -> Transaction | None:
    """Return one of a user's rows."""
    return get_row(session, user_id, Transaction, transaction_id)


def list_transactions(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID | None = None,
    is_pending: bool | None = None,
    is_refused: bool | None = None,
    is_withdrawn: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Transaction]:
    """Return a page of a user's rows, those that changed last first.

    :param is_pending: which list of the answer they stood in.
    :param is_refused: whether they cannot be placed in the ledger.
    :param is_withdrawn: whether a later answer has them no longer.
    :param since: the first booking date; a row without one is on no day.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(Transaction.booking_date, since, until)
    if is_refused is not None:
        where.append(Transaction.refusal.is_not(None) == is_refused)
    if is_withdrawn is not None:
        where.append(Transaction.withdrawn_at.is_not(None) == is_withdrawn)
    matching = {Transaction.bank_account_id: bank_account_id, Transaction.is_pending: is_pending}
    return list_raw(
        session,
        user_id,
        Transaction,
        matching=matching,
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
