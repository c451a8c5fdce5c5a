"""Holdings: what is held of which instrument, day by day."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account, Holding


@dataclass(frozen=True, slots=True)
class HoldingTotals:
    """What an account held at the end of its last day.

    :param value: in the account's currency, over the positions whose value is known.
    :param unvalued: how many positions have no known value.
    """

    account: Account
    as_of: dt.date
    positions: int
    value: Decimal
    unvalued: int


def list_holding_totals(session: Session, user_id: uuid.UUID) -> Sequence[HoldingTotals]:
    """Return the worth of each of a user's accounts that hold instruments."""
    newest = (
        sa.select(Holding.account_id, sa.func.max(Holding.as_of).label("as_of"))
        .where(Holding.user_id == user_id)
        .group_by(Holding.account_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Account,
            newest.c.as_of,
            sa.func.count().filter(Holding.quantity != 0),
            sa.func.coalesce(sa.func.sum(Holding.value), sa.literal(Decimal(0))),
            sa.func.count().filter(Holding.quantity != 0, Holding.value.is_(None)),
        )
        .join(newest, newest.c.account_id == Account.id)
        .join(
            Holding,
            sa.and_(Holding.account_id == Account.id, Holding.as_of == newest.c.as_of),
        )
        .group_by(Account.id, newest.c.as_of)
        .order_by(Account.name, Account.id)
    )
    return [HoldingTotals(*row) for row in rows]
