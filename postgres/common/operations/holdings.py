"""Holdings: what is held of which instrument, day by day. The projections alone write them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account, Holding
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


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


def get_holding(session: Session, user_id: uuid.UUID, holding_id: uuid.UUID) -> Holding | None:
    """Return one of a user's positions of a day."""
    return session.scalars(
        sa.select(Holding).where(Holding.id == holding_id, Holding.user_id == user_id)
    ).one_or_none()


def list_holdings(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    instrument_id: uuid.UUID | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Holding]:
    """Return a user's positions of all days, the newest day first; a closed one has quantity 0.

    :param since: the first day.
    :param until: the last day, included.
    :param after: from the page before.
    """
    query = sa.select(Holding).where(Holding.user_id == user_id)
    if account_id is not None:
        query = query.where(Holding.account_id == account_id)
    if instrument_id is not None:
        query = query.where(Holding.instrument_id == instrument_id)
    if since is not None:
        query = query.where(Holding.as_of >= since)
    if until is not None:
        query = query.where(Holding.as_of <= until)
    order = (Key(Holding.as_of, is_descending=True), Key(Holding.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_positions(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    on: dt.date | None = None,
) -> Sequence[Holding]:
    """Return what is held in each of a user's accounts, after the last day that was seen of it.

    :param on: as it was known at the end of this day; None: the newest.
    """
    last = _last_days(user_id, on)
    query = (
        sa.select(Holding)
        .join(last, _is_of(last))
        .where(Holding.quantity != 0)
        .order_by(Holding.account_id, Holding.value.desc().nulls_last(), Holding.id)
    )
    if account_id is not None:
        query = query.where(Holding.account_id == account_id)
    return session.scalars(query).all()


def list_holding_totals(
    session: Session, user_id: uuid.UUID, *, on: dt.date | None = None
) -> Sequence[HoldingTotals]:
    """Return the worth of each of a user's accounts that hold instruments.

    :param on: as it was known at the end of this day; None: the newest.
    """
    last = _last_days(user_id, on)
    rows = session.execute(
        sa.select(
            Account,
            last.c.as_of,
            sa.func.count().filter(Holding.quantity != 0),
            sa.func.coalesce(sa.func.sum(Holding.value), sa.literal(Decimal(0))),
            sa.func.count().filter(Holding.quantity != 0, Holding.value.is_(None)),
        )
        .join(last, last.c.account_id == Account.id)
        .join(Holding, _is_of(last))
        .group_by(Account.id, last.c.as_of)
        .order_by(Account.name, Account.id)
    )
    return [HoldingTotals(*row) for row in rows]


def _last_days(user_id: uuid.UUID, on: dt.date | None) -> sa.Subquery:
    query = (
        sa.select(Holding.account_id, sa.func.max(Holding.as_of).label("as_of"))
        .where(Holding.user_id == user_id)
        .group_by(Holding.account_id)
    )
    if on is not None:
        query = query.where(Holding.as_of <= on)
    return query.subquery("last")


def _is_of(last: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(Holding.account_id == last.c.account_id, Holding.as_of == last.c.as_of)
