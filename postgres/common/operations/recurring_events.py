"""What a user should hear of the patterns that they count on, each thing once."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import NotificationType, RecurringStatus
from postgres.common.models import Notification, RecurringPattern
from postgres.common.operations.notifications import notify_all
from postgres.core import WriteCounts, read_sql, upsert_from_select

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
_ENDED = sa.text(read_sql(__file__, "ended_patterns.sql")).columns(
    sa.column("pattern_id", sa.Uuid),
    sa.column("user_id", sa.Uuid),
    sa.column("name", sa.Text),
    sa.column("last_date", sa.Date),
)
_DUPLICATES = sa.text(read_sql(__file__, "duplicate_charges.sql")).columns(
    sa.column("pattern_id", sa.Uuid),
    sa.column("user_id", sa.Uuid),
    sa.column("transaction_id", sa.Uuid),
    sa.column("name", sa.Text),
    sa.column("amount", sa.Numeric),
    sa.column("currency", sa.Text),
    sa.column("booking_date", sa.Date),
    sa.column("first_date", sa.Date),
)
_NAMELESS = "A recurring payment"

AT_ONCE = 3
"""How many new proposals a user is told of one by one; more are one message."""


def announce_patterns(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of proposed patterns that they have not been told of.

    A first import finds dozens: more than :data:`AT_ONCE` at a time are told of as one number. None
    of them is told of again.

    :param now: when it is said.
    """
    pattern, told = RecurringPattern, Notification
    type_ = NotificationType.RECURRING_DETECTED.value
    fresh = (
        sa.select(
            pattern.user_id,
            pattern.detection_key,
            pattern.detected_name,
            sa.func.coalesce(pattern.detected_schedule, pattern.detected_frequency).label("how"),
            sa.func.count().over(partition_by=pattern.user_id).label("together"),
        )
        .where(
            pattern.status == RecurringStatus.PENDING,
            pattern.detection_key.is_not(None),
            ~sa.exists().where(
                told.user_id == pattern.user_id,
                told.type == type_,
                told.dedup_key == pattern.detection_key,
            ),
        )
        .cte("fresh")
        .prefix_with("materialized")
    )
    one_by_one = sa.select(
        fresh.c.user_id,
        fresh.c.detection_key.label("dedup_key"),
        sa.func.concat(
            "A recurring payment was found: ",
            fresh.c.detected_name,
            ", ",
            fresh.c.how,
            ". Accept or dismiss it.",
        ).label("message"),
        sa.null().label("removed_at"),
    ).where(fresh.c.together <= AT_ONCE)
    # What the number stands for is kept as if it had been read and removed.
    counted = sa.select(
        fresh.c.user_id, fresh.c.detection_key, sa.literal(""), sa.literal(now)
    ).where(fresh.c.together > AT_ONCE)
    number = (
        sa.select(
            fresh.c.user_id,
            sa.func.concat("several:", sa.func.min(fresh.c.detection_key)),
            sa.func.concat(
                sa.func.count(),
                " recurring payments were found. See them with `farthing recurring list`, and"
                " accept or dismiss them.",
            ),
            sa.null(),
        )
        .where(fresh.c.together > AT_ONCE)
        .group_by(fresh.c.user_id)
    )
    news = sa.union_all(one_by_one, counted, number).subquery("news")
    return upsert_from_select(
        session,
        told,
        sa.select(
            news.c.user_id,
            sa.literal(type_).label("type"),
            news.c.dedup_key,
            news.c.message,
            sa.cast(news.c.removed_at, sa.DateTime(timezone=True)).label("removed_at"),
        ),
        key=("user_id", "type", "dedup_key"),
        compare=(),
        insert_only=("message", "removed_at"),
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
                sa.func.coalesce(closed.c.name, _NAMELESS),
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
                sa.func.coalesce(prices.c.name, _NAMELESS),
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


def announce_ended(session: Session) -> WriteCounts:
    """Tell users of accepted patterns that come no more, once after each last payment."""
    ended = _ENDED.subquery("ended")
    return notify_all(
        session,
        sa.select(
            ended.c.user_id,
            sa.literal(NotificationType.RECURRING_ENDED.value).label("type"),
            sa.func.concat(ended.c.pattern_id, ":", ended.c.last_date).label("dedup_key"),
            sa.func.concat(
                sa.func.coalesce(ended.c.name, _NAMELESS),
                " seems to have ended: nothing has come since ",
                ended.c.last_date,
                ".",
            ).label("message"),
        ),
    )


def announce_duplicates(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of payments of the last month that may have been taken twice, each once.

    :param now: what was booked a month before the user's today or earlier is no news.
    """
    twice = _DUPLICATES.bindparams(now=now).subquery("twice")
    return notify_all(
        session,
        sa.select(
            twice.c.user_id,
            sa.literal(NotificationType.DUPLICATE_CHARGE.value).label("type"),
            sa.cast(twice.c.transaction_id, sa.Text).label("dedup_key"),
            sa.func.min(
                sa.func.concat(
                    sa.func.coalesce(twice.c.name, _NAMELESS),
                    " may have been charged twice: ",
                    sa.func.trim_scale(sa.func.abs(twice.c.amount)),
                    " ",
                    twice.c.currency,
                    " on ",
                    twice.c.first_date,
                    " and on ",
                    twice.c.booking_date,
                    ".",
                )
            ).label("message"),
        ).group_by(twice.c.user_id, twice.c.transaction_id),
    )
