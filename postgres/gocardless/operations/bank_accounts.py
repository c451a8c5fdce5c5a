"""Accounts that a requisition opened.

Landing one creates or updates it; it goes with its consent.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import BankAccount
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw

READ = ("status", "account_number", "iban", "currency", "name", "is_card")
"""The columns that are read from a payload."""


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
    session: Session, user_id: uuid.UUID, bank_account_id: uuid.UUID
) -> BankAccount | None:
    """Return one of a user's accounts."""
    return get_row(session, user_id, BankAccount, bank_account_id)


def find_bank_account(
    session: Session, user_id: uuid.UUID, provider_account_id: uuid.UUID
) -> BankAccount | None:
    """Return a user's account by GoCardless's id."""
    return session.scalars(
        sa.select(BankAccount).where(
            BankAccount.user_id == user_id, BankAccount.provider_account_id == provider_account_id
        )
    ).one_or_none()


def list_bank_accounts(
    session: Session,
    user_id: uuid.UUID,
    *,
    requisition_id: uuid.UUID | None = None,
    status: str | None = None,
    currency: str | None = None,
    is_card: bool | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[BankAccount]:
    """Return a page of a user's accounts, those that changed last first.

    :param status: as delivered, such as ``READY``.
    :param is_card: only credit cards, or only the others.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {
        BankAccount.requisition_id: requisition_id,
        BankAccount.status: status,
        BankAccount.currency: currency,
        BankAccount.is_card: is_card,
    }
    return list_raw(
        session,
        user_id,
        BankAccount,
        matching=matching,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )


def advance_watermark(
    session: Session, user_id: uuid.UUID, bank_account_id: uuid.UUID, through: dt.date
) -> None:
    """Say that every day up to this one has been read; it never moves back."""
    session.execute(
        sa.update(BankAccount)
        .where(
            BankAccount.id == bank_account_id,
            BankAccount.user_id == user_id,
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
