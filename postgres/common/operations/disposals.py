"""Disposals: which shares each sale was of, by each method."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import LotMethod, TradeKind
from postgres.common.lots.fifo import match_fifo
from postgres.common.lots.history import steps
from postgres.common.lots.matches import Match
from postgres.common.lots.read import lots_fill
from postgres.common.lots.section104 import match_section_104
from postgres.common.models import Account, Disposal, FxRate, Instrument, Trade
from postgres.core import WriteCounts, upsert
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_STERLING = "GBP"
_PLACES = 8
_LATE_DAYS = 31
"""For how long a rate of a day may still come; until then that of a day before is taken."""
_IS_TAXABLE = sa.and_(Account.is_counted, Account.tax_wrapper.is_(None))


def get_disposal(session: Session, user_id: uuid.UUID, disposal_id: uuid.UUID) -> Disposal | None:
    """Return one part of a user's sale."""
    return session.scalars(
        sa.select(Disposal).where(Disposal.id == disposal_id, Disposal.user_id == user_id)
    ).one_or_none()


def list_disposals(
    session: Session,
    user_id: uuid.UUID,
    *,
    trade_id: uuid.UUID | None = None,
    method: LotMethod | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Disposal]:
    """Return the parts of a user's sales, sale by sale.

    :param trade_id: of one sale.
    :param after: from the page before.
    """
    query = sa.select(Disposal).where(Disposal.user_id == user_id)
    if trade_id is not None:
        query = query.where(Disposal.trade_id == trade_id)
    if method is not None:
        query = query.where(Disposal.method == method)
    order = (Key(Disposal.trade_id), Key(Disposal.method), Key(Disposal.place), Key(Disposal.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def are_settled(session: Session, user_id: uuid.UUID) -> bool:
    """Tell whether nothing but a change of trades would match a user's sales in another way.

    It is not so while money is unknown or was converted of late, since a rate may still come;
    while a pool holds what is not taxed or is not in pounds; nor while a sale that is taxed is of
    no pool.
    """
    is_doubtful = sa.or_(
        Disposal.proceeds.is_(None),
        Disposal.cost.is_(None),
        Disposal.currency != _STERLING,
        sa.not_(_IS_TAXABLE),
    )
    is_sale = sa.and_(Trade.kind == TradeKind.TRADE, Trade.quantity < 0)
    last_rate = sa.select(sa.func.max(FxRate.day)).scalar_subquery()
    is_converted_of_late = sa.and_(
        _IS_TAXABLE, Trade.currency != _STERLING, Trade.trade_date > last_rate - _LATE_DAYS
    )
    is_open = sa.case(
        (is_converted_of_late, sa.true()),
        (Disposal.id.is_(None), sa.and_(is_sale, _IS_TAXABLE)),
        else_=is_doubtful,
    )
    is_pooled = Disposal.method == LotMethod.SECTION_104
    found = (
        sa.select(Trade.id)
        .join(Account, Account.id == Trade.account_id)
        .outerjoin(Disposal, sa.and_(Disposal.trade_id == Trade.id, is_pooled))
        .where(Trade.user_id == user_id, is_open)
    )
    return not session.scalar(sa.select(found.exists()))


def reopen_pools(session: Session, user_id: uuid.UUID) -> None:
    """Take the costs of a user's pools for unknown, until sales are matched again."""
    session.execute(
        sa.update(Disposal)
        .where(Disposal.user_id == user_id, Disposal.method == LotMethod.SECTION_104)
        .values(cost=None)
    )


def match_disposals(session: Session, user_id: uuid.UUID) -> WriteCounts:
    """Match all sales of a user anew with what was bought; what comes out as before stays.

    First in, first out goes by account and security, in the account's currency. The pools of
    section 104 are one person's: they go over all taxable accounts, by ISIN where it is known, in
    pounds at the reference rate of each day; without a rate the money is unknown. The caller holds
    the lock of the user's disposals, see :func:`postgres.core.lock`.
    """
    isin = sa.func.coalesce(Instrument.isin, sa.cast(Trade.security_id, sa.Text))
    trades = session.execute(
        sa.select(Trade, isin, _IS_TAXABLE, _pounds(Trade.amount), _pounds(Trade.fees))
        .join(Instrument, Instrument.id == Trade.security_id)
        .join(Account, Account.id == Trade.account_id)
        .where(Trade.user_id == user_id)
        .order_by(Trade.traded_at, Trade.id)
    ).all()
    by_account = [lots_fill(row[0], (row[0].account_id, row[0].security_id)) for row in trades]
    pooled = [
        lots_fill(trade, name, money=(amount, fees))
        for trade, name, is_pooled, amount, fees in trades
        if is_pooled
    ]
    currencies = {row[0].id: row[0].currency for row in trades}
    rows = _rows(user_id, LotMethod.FIFO, match_fifo(steps(by_account)), currencies)
    pounds = dict.fromkeys(currencies, _STERLING)
    rows += _rows(user_id, LotMethod.SECTION_104, match_section_104(steps(pooled)), pounds)
    counts = upsert(session, Disposal, rows, key=("trade_id", "method", "place"))
    kept = sa.tuple_(Disposal.trade_id, Disposal.method, Disposal.place)
    if counts.unchanged + counts.written != _count(session, user_id):
        session.execute(
            sa.delete(Disposal)
            .where(
                Disposal.user_id == user_id,
                kept.not_in([(row["trade_id"], row["method"], row["place"]) for row in rows])
                if rows
                else sa.true(),
            )
            .execution_options(synchronize_session=False)
        )
    return counts


def _pounds(money: sa.orm.InstrumentedAttribute[Decimal]) -> sa.ColumnElement[Decimal | None]:
    """Return an amount of a trade in pounds; that of an account in pounds is not touched."""
    converted = sa.func.common.convert(money, Trade.currency, _STERLING, Trade.trade_date)
    return sa.case(
        # Nothing is nothing in every currency.
        (sa.or_(money == 0, Trade.currency == _STERLING), money),
        else_=sa.func.round(converted, _PLACES, type_=sa.Numeric()),
    )


def _count(session: Session, user_id: uuid.UUID) -> int:
    query = sa.select(sa.func.count()).select_from(Disposal).where(Disposal.user_id == user_id)
    return session.scalar(query) or 0


def _rows(
    user_id: uuid.UUID,
    method: LotMethod,
    matches: list[Match],
    currencies: dict[uuid.UUID, str],
) -> list[dict[str, Any]]:
    places: dict[uuid.UUID, int] = {}
    rows = []
    for match in matches:
        places[match.sale] = place = places.get(match.sale, 0) + 1
        rows.append(
            {
                "id": uuid.uuid5(match.sale, f"{method.value}:{place}"),
                "user_id": user_id,
                "trade_id": match.sale,
                "method": method,
                "place": place,
                "rule": match.rule,
                "acquired_on": match.acquired_on,
                "quantity": match.quantity,
                "proceeds": match.proceeds,
                "fees": match.fees,
                "cost": match.cost,
                "currency": currencies[match.sale],
            }
        )
    return rows
