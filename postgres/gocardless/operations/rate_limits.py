"""How many calls a bank leaves us, as its last answers said."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import upsert
from postgres.gocardless.models import BankAccount, RateLimit


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


def list_rate_limits(
    session: Session, user_id: uuid.UUID
) -> Sequence[tuple[BankAccount, RateLimit]]:
    """Return a user's limits with their accounts."""
    rows = session.execute(
        sa.select(BankAccount, RateLimit)
        .join(BankAccount, BankAccount.id == RateLimit.bank_account_id)
        .where(RateLimit.user_id == user_id)
        .order_by(BankAccount.name, BankAccount.id, RateLimit.resource, RateLimit.scope)
    )
    return [(account, limit) for account, limit in rows]
