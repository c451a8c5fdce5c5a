"""Transactions of the ledger. They are written by the projections alone."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import TransactionStatus
from postgres.common.models import Transaction


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """All of a user's rows in one currency; transfers between their own accounts count twice.

    :param money_in: sum of the positive booked rows.
    :param money_out: sum of the negative booked rows, itself negative.
    """

    currency: str
    booked: int
    pending: int
    money_in: Decimal
    money_out: Decimal
    first_booking_date: dt.date | None
    last_booking_date: dt.date | None


def list_currency_totals(session: Session, user_id: uuid.UUID) -> Sequence[CurrencyTotals]:
    """Return a user's totals, the currency with the most rows first."""
    amount = Transaction.amount
    booked = Transaction.status == TransactionStatus.BOOKED
    zero = sa.literal(Decimal(0))
    rows = session.execute(
        sa.select(
            Transaction.currency,
            sa.func.count().filter(booked),
            sa.func.count().filter(Transaction.status == TransactionStatus.PENDING),
            sa.func.coalesce(sa.func.sum(amount).filter(booked, amount > 0), zero),
            sa.func.coalesce(sa.func.sum(amount).filter(booked, amount < 0), zero),
            sa.func.min(Transaction.booking_date).filter(booked),
            sa.func.max(Transaction.booking_date).filter(booked),
        )
        .where(Transaction.user_id == user_id)
        .group_by(Transaction.currency)
        .order_by(sa.func.count().desc(), Transaction.currency)
    )
    return [CurrencyTotals(*row) for row in rows]
