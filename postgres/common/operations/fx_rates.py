"""Reference rates, and amounts in another currency.

Conversion is done by the database's functions ``common.fx_rate`` and ``common.convert``, which
queries over many rows call directly: there is one rule, and no second one here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account, FxRate, Transaction
from postgres.core import WriteCounts, upsert
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def load_rates(session: Session, rows: Sequence[Mapping[str, Any]]) -> WriteCounts:
    """Write reference rates; one that is stored already is not written again.

    :param rows: ``currency``, ``day``, ``rate`` (units for one euro) and ``source``.
    """
    return upsert(session, FxRate, rows, key=("currency", "day"))


def get_rate(
    session: Session, from_currency: str, to_currency: str, on_day: dt.date
) -> Decimal | None:
    """Return what one of a currency is worth in another.

    It is the reference rate of the day, or of the last day before it that has one and is at most a
    week older.

    :param from_currency: ISO 4217; a minor unit such as GBX is none, see :func:`convert`.
    :returns: to at least 16 significant digits; None if there is no rate.
    """
    return session.scalar(sa.select(sa.func.common.fx_rate(from_currency, to_currency, on_day)))


def convert(
    session: Session, amount: Decimal, from_unit: str, to_unit: str, on_day: dt.date
) -> Decimal | None:
    """Return an amount in another currency or minor unit, by the rate that :func:`get_rate` gives.

    :param from_unit: ISO 4217, or a minor unit such as GBX.
    :returns: not rounded; None if there is no rate.
    """
    return session.scalar(sa.select(sa.func.common.convert(amount, from_unit, to_unit, on_day)))


def list_rates(
    session: Session,
    *,
    currency: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[FxRate]:
    """Return reference rates by currency, the newest day first.

    :param since: the first day.
    :param until: the last day, included.
    """
    query = sa.select(FxRate)
    if currency is not None:
        query = query.where(FxRate.currency == currency)
    if since is not None:
        query = query.where(FxRate.day >= since)
    if until is not None:
        query = query.where(FxRate.day <= until)
    order = (Key(FxRate.currency), Key(FxRate.day, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def first_day(session: Session) -> dt.date | None:
    """Return the oldest day that has rates."""
    return session.scalar(sa.select(sa.func.min(FxRate.day)))


def latest_day(session: Session) -> dt.date | None:
    """Return the newest day that has rates."""
    return session.scalar(sa.select(sa.func.max(FxRate.day)))


def first_day_needed(session: Session) -> dt.date | None:
    """Return the day of the oldest transaction of all, by one look into the index an account."""
    oldest = (
        sa.select(Transaction.booking_date)
        .where(Transaction.account_id == Account.id, Transaction.booking_date.is_not(None))
        .order_by(Transaction.booking_date)
        .limit(1)
        .lateral()
    )
    needed: dt.date | None = session.scalar(
        sa.select(sa.func.min(oldest.c.booking_date)).select_from(Account).join(oldest, sa.true())
    )
    return needed
