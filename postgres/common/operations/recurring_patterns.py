"""Recurring patterns: what detection proposes, and what the user makes of it.

What detection says and what the user says are different columns; the user's wins. Decisions are
kept: an accepted pattern stays accepted, a cancelled one is never proposed again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import RecurringSource, RecurringStatus
from postgres.common.models import RecurringPattern, RecurringPatternTransaction
from postgres.core import WriteCounts, upsert_from_select
from postgres.errors import NotFoundError, TransitionError

TRANSITIONS: dict[RecurringStatus, frozenset[RecurringStatus]] = {
    RecurringStatus.PENDING: frozenset({RecurringStatus.ACTIVE, RecurringStatus.CANCELLED}),
    RecurringStatus.ACTIVE: frozenset({RecurringStatus.PAUSED, RecurringStatus.CANCELLED}),
    RecurringStatus.PAUSED: frozenset({RecurringStatus.ACTIVE, RecurringStatus.CANCELLED}),
    RecurringStatus.CANCELLED: frozenset(),
}
"""The state machine: from each state, the states it may go to."""

DETECTED = (
    "detected_name",
    "detected_frequency",
    "detected_amount",
    "detected_next_date",
    "detected_last_date",
    "detected_confidence",
    "detected_is_ended",
)
"""The columns that a run of detection sets."""


def list_patterns(
    session: Session, user_id: uuid.UUID, *, status: RecurringStatus | None = None
) -> Sequence[RecurringPattern]:
    """Return a user's patterns, the next one due first."""
    due = sa.func.coalesce(RecurringPattern.user_next_date, RecurringPattern.detected_next_date)
    query = (
        sa.select(RecurringPattern)
        .where(RecurringPattern.user_id == user_id)
        .order_by(due.nulls_last(), RecurringPattern.detected_name, RecurringPattern.id)
    )
    if status is not None:
        query = query.where(RecurringPattern.status == status)
    return session.scalars(query).all()


def get_pattern(
    session: Session, user_id: uuid.UUID, pattern_id: uuid.UUID
) -> RecurringPattern | None:
    """Return one of a user's patterns."""
    return session.scalars(
        sa.select(RecurringPattern).where(
            RecurringPattern.id == pattern_id, RecurringPattern.user_id == user_id
        )
    ).one_or_none()


def change_status(
    session: Session,
    user_id: uuid.UUID,
    pattern_id: uuid.UUID,
    status: RecurringStatus,
    *,
    at: dt.datetime,
) -> RecurringPattern:
    """Take a user's decision on a pattern.

    :param status: active accepts or resumes it, paused pauses it, cancelled dismisses or ends it.
    :param at: when the user decided.
    :raises NotFoundError: if the user has no such pattern.
    :raises TransitionError: if the state machine has no such way.
    """
    pattern = session.scalars(
        sa.select(RecurringPattern)
        .where(RecurringPattern.id == pattern_id, RecurringPattern.user_id == user_id)
        .with_for_update()
    ).one_or_none()
    if pattern is None:
        message = f"there is no recurring pattern {pattern_id}"
        raise NotFoundError(message)
    if status not in TRANSITIONS[pattern.status]:
        raise TransitionError(pattern.status, status, what="the pattern")
    pattern.status = status
    pattern.decided_at = at
    session.flush()
    return pattern


def record_detected(
    session: Session, patterns: sa.Select[Any], links: sa.Select[Any]
) -> WriteCounts:
    """Bring a run's findings in, under the user's decisions.

    New patterns are proposed as pending; ones that have ended are not proposed. Known ones get new
    detected values and keep their status and the user's values. A pending one that is no longer
    found is withdrawn, since nobody decided on it. A transaction that the user linked by hand stays
    where it is.

    :param patterns: ``user_id``, ``account_id``, ``merchant_id``, ``detection_key``,
        ``direction``, ``currency`` and the columns of :data:`DETECTED`.
    :param links: ``transaction_id``, ``user_id`` and ``detection_key`` of every occurrence.
    """
    found = patterns.subquery("found")
    known = sa.exists().where(
        RecurringPattern.user_id == found.c.user_id,
        RecurringPattern.detection_key == found.c.detection_key,
    )
    proposed = sa.select(
        *found.c, sa.literal(RecurringSource.DETECTED.value).label("source")
    ).where(sa.or_(~found.c.detected_is_ended, known))
    counts = upsert_from_select(
        session,
        RecurringPattern,
        proposed,
        key=("user_id", "detection_key"),
        insert_only=("source",),
    )
    _withdraw_unfound(session, found)
    _link(session, links.subquery("occurrences"))
    return counts


def _withdraw_unfound(session: Session, found: sa.Subquery) -> None:
    session.execute(
        sa.delete(RecurringPattern)
        .where(
            RecurringPattern.source == RecurringSource.DETECTED,
            RecurringPattern.status == RecurringStatus.PENDING,
            ~sa.exists().where(
                found.c.user_id == RecurringPattern.user_id,
                found.c.detection_key == RecurringPattern.detection_key,
                ~found.c.detected_is_ended,
            ),
        )
        .execution_options(synchronize_session=False)
    )


def _link(session: Session, occurrences: sa.Subquery) -> None:
    link = RecurringPatternTransaction
    wanted = (
        sa.select(
            occurrences.c.transaction_id,
            RecurringPattern.id.label("pattern_id"),
            occurrences.c.user_id,
            sa.literal(RecurringSource.DETECTED.value).label("source"),
        )
        .join(
            RecurringPattern,
            sa.and_(
                RecurringPattern.user_id == occurrences.c.user_id,
                RecurringPattern.detection_key == occurrences.c.detection_key,
            ),
        )
        .cte("wanted")
    )
    session.execute(
        sa.delete(link)
        .where(
            link.source == RecurringSource.DETECTED,
            ~sa.exists().where(
                wanted.c.transaction_id == link.transaction_id,
                wanted.c.pattern_id == link.pattern_id,
            ),
        )
        .execution_options(synchronize_session=False)
    )
    missing = sa.select(*wanted.c).where(
        ~sa.exists().where(link.transaction_id == wanted.c.transaction_id)
    )
    session.execute(
        pg.insert(link)
        .from_select(["transaction_id", "pattern_id", "user_id", "source"], missing)
        .on_conflict_do_nothing()
    )
