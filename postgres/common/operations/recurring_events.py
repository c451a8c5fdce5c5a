"""What a user should hear of the patterns that they count on, each thing once."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import NotificationType
from postgres.common.models import RecurringPattern
from postgres.common.operations.notifications import notify_all
from postgres.core import WriteCounts, read_sql

_CLOSED = sa.text(read_sql(__file__, "closed_due_days.sql")).columns(
    sa.column("pattern_id", sa.Uuid),
    sa.column("user_id", sa.Uuid),
    sa.column("name", sa.Text),
    sa.column("amount", sa.Numeric),
    sa.column("currency", sa.Text),
    sa.column("due_on", sa.Date),
    sa.column("last_day", sa.Date),
    sa.column("is_missed", sa.Boolean),
)
_PRICES = sa.text(read_sql(__file__, "price_changes.sql")).columns(
    sa.column("pattern_id", sa.Uuid),
    sa.column("user_id", sa.Uuid),
    sa.column("transaction_id", sa.Uuid),
    sa.column("name", sa.Text),
    sa.column("known_amount", sa.Numeric),
    sa.column("amount", sa.Numeric),
    sa.column("currency", sa.Text),
    sa.column("booking_date", sa.Date),
)


def announce_missed_payments(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of payments that were due and did not come, each due day once.

    A due day is over when its account was read after the last day on which a payment would count.
    The pattern then waits for the next one.

    :param now: no day after the user's today is over.
    """
    closed = _CLOSED.bindparams(now=now).subquery("closed")
    counts = notify_all(
        session,
        sa.select(
            closed.c.user_id,
            sa.literal(NotificationType.MISSED_PAYMENT.value).label("type"),
            sa.func.concat(closed.c.pattern_id, ":", closed.c.due_on).label("dedup_key"),
            sa.func.concat(
                sa.func.coalesce(closed.c.name, "A recurring payment"),
                " was due on ",
                closed.c.due_on,
                " and did not come.",
            ).label("message"),
        ).where(closed.c.is_missed),
    )
    last = (
        sa.select(closed.c.pattern_id, sa.func.max(closed.c.last_day).label("day"))
        .group_by(closed.c.pattern_id)
        .subquery("last")
    )
    session.execute(
        sa.update(RecurringPattern)
        .where(RecurringPattern.id == last.c.pattern_id)
        .values(settled_through=sa.func.greatest(RecurringPattern.settled_through, last.c.day))
        .execution_options(synchronize_session=False)
    )
    return counts


def announce_price_changes(session: Session) -> WriteCounts:
    """Tell users of accepted patterns whose payment left the band around what they know it costs.

    The new price is what they know from then on.
    """
    prices = _PRICES.subquery("prices")
    amount = sa.func.trim_scale(prices.c.amount)
    counts = notify_all(
        session,
        sa.select(
            prices.c.user_id,
            sa.literal(NotificationType.PRICE_CHANGE.value).label("type"),
            sa.func.concat(prices.c.pattern_id, ":", prices.c.transaction_id).label("dedup_key"),
            sa.func.concat(
                sa.func.coalesce(prices.c.name, "A recurring payment"),
                " was ",
                amount,
                " ",
                prices.c.currency,
                " on ",
                prices.c.booking_date,
                " instead of ",
                sa.func.trim_scale(prices.c.known_amount),
                ".",
            ).label("message"),
        ),
    )
    session.execute(
        sa.update(RecurringPattern)
        .where(RecurringPattern.id == prices.c.pattern_id)
        .values(known_amount=prices.c.amount)
        .execution_options(synchronize_session=False)
    )
    return counts
