"""Rows of transactions answers, landed whole."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Transaction
from postgres.payload import FIRST_SEEN, Stamp


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
    session: Session, bank_account_id: uuid.UUID, still_pending: Sequence[str], stamp: Stamp
) -> int:
    """Mark the pending rows that the newest answer no longer has.

    The ``pending`` list of an answer replaces the account's former one.

    :param still_pending: identity keys of the answer's list.
    :returns: how many rows were marked.
    """
    gone = session.execute(
        sa.update(Transaction)
        .where(
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
