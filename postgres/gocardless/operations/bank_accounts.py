"""Accounts that a requisition opened."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import BankAccount
from postgres.payload import FIRST_SEEN, Stamp


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    requisition_id: uuid.UUID,
    provider_account_id: uuid.UUID,
    payload: dict[str, Any],
    facts: dict[str, Any],
    stamp: Stamp,
) -> WriteCounts:
    """Store an account as delivered.

    :param payload: ``{"account": <metadata>, "details": <details>}``.
    :param facts: the columns that were read from it.
    """
    row = {
        "user_id": user_id,
        "requisition_id": requisition_id,
        "provider_account_id": provider_account_id,
        **facts,
        **stamp.on(payload, content=_content(payload)),
    }
    return upsert(
        session,
        BankAccount,
        [row],
        key=("user_id", "provider_account_id"),
        compare=("content_hash", "requisition_id"),
        insert_only=FIRST_SEEN,
    )


def get_bank_account(
    session: Session, user_id: uuid.UUID, provider_account_id: uuid.UUID
) -> BankAccount | None:
    """Return a user's account by GoCardless's id."""
    return session.scalars(
        sa.select(BankAccount).where(
            BankAccount.user_id == user_id, BankAccount.provider_account_id == provider_account_id
        )
    ).one_or_none()


def advance_watermark(session: Session, bank_account_id: uuid.UUID, through: dt.date) -> None:
    """Say that every day up to this one has been read; it never moves back."""
    session.execute(
        sa.update(BankAccount)
        .where(
            BankAccount.id == bank_account_id,
            sa.or_(
                BankAccount.transactions_through.is_(None),
                BankAccount.transactions_through < through,
            ),
        )
        .values(transactions_through=through)
    )


def _content(payload: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes because we looked."""
    metadata = {k: v for k, v in payload["account"].items() if k != "last_accessed"}
    return {**payload, "account": metadata}
