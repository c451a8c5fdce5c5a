"""How many calls a bank leaves us, as its last answers said.

Recording a word of the headers creates or updates its row; it goes with its consent.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import upsert
from postgres.gocardless.models import BankAccount, RateLimit
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def record(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resource: str,
    limits: Sequence[dict[str, Any]],
    observed_at: dt.datetime,
) -> None:
    """Keep the newest word of the headers for one resource of an account.

    :param limits: ``scope``, ``calls_limit``, ``calls_remaining`` and ``resets_at`` each.
    """
    upsert(
        session,
        RateLimit,
        [
            {
                "user_id": user_id,
                "bank_account_id": bank_account_id,
                "resource": resource,
                "observed_at": observed_at,
                **limit,
            }
            for limit in limits
        ],
        key=("bank_account_id", "resource", "scope"),
        compare=("calls_limit", "calls_remaining"),
    )


def get_rate_limit(
    session: Session, user_id: uuid.UUID, rate_limit_id: uuid.UUID
) -> RateLimit | None:
    """Return one of a user's limits."""
    return session.scalars(
        sa.select(RateLimit).where(RateLimit.id == rate_limit_id, RateLimit.user_id == user_id)
    ).one_or_none()


def list_rate_limits(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID | None = None,
    resource: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[RateLimit]:
    """Return a page of a user's limits, the newest word first.

    :param resource: ``balances``, ``details`` or ``transactions``.
    :param after: from the page before.
    """
    query = sa.select(RateLimit).where(RateLimit.user_id == user_id)
    if bank_account_id is not None:
        query = query.where(RateLimit.bank_account_id == bank_account_id)
    if resource is not None:
        query = query.where(RateLimit.resource == resource)
    order = (Key(RateLimit.observed_at, is_descending=True), Key(RateLimit.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_with_accounts(
    session: Session, user_id: uuid.UUID
) -> Sequence[tuple[BankAccount, RateLimit]]:
    """Return all of a user's limits with their accounts, by account."""
    rows = session.execute(
        sa.select(BankAccount, RateLimit)
        .join(BankAccount, BankAccount.id == RateLimit.bank_account_id)
        .where(RateLimit.user_id == user_id)
        .order_by(BankAccount.name, BankAccount.id, RateLimit.resource, RateLimit.scope)
    )
    return [(account, limit) for account, limit in rows]
