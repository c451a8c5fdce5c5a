"""Trades: what was bought and sold, and how an account stood after each of them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Hashable, Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.lots.average import follow
from postgres.common.lots.history import Fill, steps
from postgres.common.lots.read import lots_fill
from postgres.common.lots.renames import Traded, find_renames
from postgres.common.models import Holding, Instrument, Trade
from postgres.core import copy_to_temporary, read_sql, table_of
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_WORKED_OUT = (
    "security_id",
    "quantity_after",
    "cost_after",
    "paid_after",
    "profit",
    "price_profit",
)


def get_trade(session: Session, user_id: uuid.UUID, trade_id: uuid.UUID) -> Trade | None:
    """Return one of a user's trades."""
    return session.scalars(
        sa.select(Trade).where(Trade.id == trade_id, Trade.user_id == user_id)
    ).one_or_none()


def list_trades(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    security_id: uuid.UUID | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Trade]:
    """Return a user's trades, the newest first.

    :param security_id: the instrument as it is called today.
    :param since: the first day.
    :param until: the last day, included.
    :param after: from the page before.
    """
    query = sa.select(Trade).where(Trade.user_id == user_id)
    if account_id is not None:
        query = query.where(Trade.account_id == account_id)
    if security_id is not None:
        query = query.where(Trade.security_id == security_id)
    if since is not None:
        query = query.where(Trade.trade_date >= since)
    if until is not None:
        query = query.where(Trade.trade_date <= until)
    order = (Key(Trade.traded_at, is_descending=True), Key(Trade.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def is_settled(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> bool:
    """Tell whether all trades of an account were worked out, and leave what is held."""
    unsettled = session.scalar(
        sa.text(read_sql(__file__, "unsettled_trades.sql")).bindparams(
            user_id=user_id, account_id=account_id
        )
    )
    return not unsettled


def work_out(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> int:
    """Find out how an account stood after each trade: shares, average cost and profit.

    What a security is called today follows from what is held: see
    :func:`postgres.common.lots.renames.find_renames`.

    :returns: how many trades read differently now.
    """
    rows = session.execute(
        sa.select(Trade, Instrument.isin)
        .join(Instrument, Instrument.id == Trade.instrument_id)
        .where(Trade.account_id == account_id, Trade.user_id == user_id)
        .order_by(Trade.traded_at, Trade.id)
    ).all()
    fills = [lots_fill(trade, trade.instrument_id) for trade, _ in rows]
    isins: dict[Hashable, str | None] = {trade.instrument_id: isin for trade, isin in rows}
    renamed = find_renames(_traded(fills, isins, _held(session, user_id, account_id)))
    after = follow(steps(fills, renamed))
    changed = []
    for trade, _ in rows:
        one = after[trade.id]
        facts = (
            one.security,
            one.quantity,
            one.cost,
            one.paid,
            one.profit,
            one.price_profit,
        )
        if facts != tuple(getattr(trade, name) for name in _WORKED_OUT):
            changed.append({"id": trade.id, **dict(zip(_WORKED_OUT, facts, strict=True))})
    if changed:
        _write(session, changed)
    return len(changed)


def _held(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID
) -> dict[Hashable, tuple[Decimal, str | None]]:
    """Return what was held on the last day that was read, with ISINs."""
    last = (
        sa.select(sa.func.max(Holding.as_of))
        .where(Holding.account_id == account_id, Holding.user_id == user_id)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Holding.instrument_id, Holding.quantity, Instrument.isin)
        .join(Instrument, Instrument.id == Holding.instrument_id)
        .where(Holding.account_id == account_id, Holding.as_of == last)
    ).all()
    return {row[0]: (row[1], row[2]) for row in rows}


def _traded(
    fills: Sequence[Fill],
    isins: dict[Hashable, str | None],
    held: dict[Hashable, tuple[Decimal, str | None]],
) -> dict[Hashable, Traded]:
    found: dict[Hashable, Traded] = {}
    by_security: dict[Hashable, list[Fill]] = {security: [] for security in held}
    for fill in fills:
        by_security.setdefault(fill.security, []).append(fill)
    for security, mine in by_security.items():
        quantity, isin = held.get(security, (Decimal(0), None))
        found[security] = Traded(
            sum((fill.quantity for fill in mine), Decimal(0)) - quantity,
            mine[0].at if mine else None,
            mine[-1].at if mine else None,
            isins.get(security, isin),
        )
    return found


def _write(session: Session, rows: list[dict[str, object]]) -> None:
    table = table_of(Trade)
    staging = copy_to_temporary(session, table, rows)
    session.execute(
        sa.update(table)
        .where(table.c.id == staging.c.id)
        .values({name: staging.c[name] for name in _WORKED_OUT})
    )
    staging.drop(session.connection())
    session.expire_all()
