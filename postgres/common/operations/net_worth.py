"""Net worth: all that a user owns less all that they owe, in their base currency, day by day.

What ``common.net_worth`` in the database says, for every reader: accounts by
``common.account_balances``, manual assets by ``common.asset_values``, each day by its own exchange
rates. What was last known of a thing holds until something newer is; before it is first known it
is not there.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.auth.models import User


@dataclass(frozen=True, slots=True)
class NetWorth:
    """What a user was worth at the end of a day.

    :param currency: the user's base currency.
    :param assets: what is owned and can be converted; not negative.
    :param liabilities: what is owed and can be converted, overdrafts too; not positive.
    :param unconverted: by currency, what has no rate on the day; in neither sum.
    :param unknown_accounts: accounts of which nothing was known yet; in neither sum. A day with
        more of them than the next is not comparable with it.
    """

    day: dt.date
    currency: str
    assets: Decimal
    liabilities: Decimal
    unconverted: Mapping[str, Decimal]
    unknown_accounts: int

    @property
    def is_complete(self) -> bool:
        """Whether everything could be converted."""
        return not self.unconverted

    @property
    def total(self) -> Decimal | None:
        """Net worth in the base currency, not rounded; None where it is not complete."""
        return self.assets + self.liabilities if self.is_complete else None


def net_worth(session: Session, user_id: uuid.UUID, *, on: dt.date) -> NetWorth | None:
    """Return a user's net worth at the end of a day.

    :param on: ``farthing.clock.today(user.time_zone)`` for now.
    :returns: None if nothing was known by then.
    """
    days = net_worth_series(session, user_id, since=on, until=on)
    return days[0] if days else None


def net_worth_series(
    session: Session, user_id: uuid.UUID, *, since: dt.date, until: dt.date
) -> Sequence[NetWorth]:
    """Return a user's net worth at the end of each day, the first one first.

    :param since: the first day; days before anything was known are left out.
    :param until: the last day, included.
    """
    worth = (
        sa.func.common.net_worth(User.id, User.base_currency, since, until)
        .table_valued(
            sa.column("day", sa.Date),
            sa.column("assets", sa.Numeric),
            sa.column("liabilities", sa.Numeric),
            sa.column("unconverted", pg.JSONB),
            sa.column("unknown_accounts", sa.BigInteger),
        )
        .lateral("worth")
    )
    rows = session.execute(
        sa.select(
            worth.c.day,
            User.base_currency,
            worth.c.assets,
            worth.c.liabilities,
            worth.c.unconverted,
            worth.c.unknown_accounts,
        )
        .select_from(User)
        .join(worth, sa.true())
        .where(User.id == user_id)
        .order_by(worth.c.day)
    )
    return [
        NetWorth(
            day,
            currency,
            assets,
            liabilities,
            {code: Decimal(amount) for code, amount in unconverted.items()},
            unknown,
        )
        for day, currency, assets, liabilities, unconverted, unknown in rows
    ]
