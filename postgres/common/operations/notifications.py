"""What a user should know, said once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import (
    ConnectionStatus,
    NotificationType,
    RecurringStatus,
)
from postgres.common.models import Connection, Institution, Notification, RecurringPattern
from postgres.core import WriteCounts, upsert_from_select

_KEY = ("user_id", "type", "dedup_key")
CONSENT_WARNING_DAYS = (14, 7, 3, 1, 0)
"""How many days before a consent ends a user is told, each once."""


def announce_patterns(session: Session) -> WriteCounts:
    """Tell users of proposed patterns that they have not been told of."""
    source = sa.select(
        RecurringPattern.user_id,
        sa.literal(NotificationType.RECURRING_DETECTED.value).label("type"),
        RecurringPattern.detection_key.label("dedup_key"),
        sa.func.concat(
            "A recurring payment was found: ",
            RecurringPattern.detected_name,
            ", ",
            RecurringPattern.detected_frequency,
            ". Accept or dismiss it.",
        ).label("message"),
    ).where(
        RecurringPattern.status == RecurringStatus.PENDING,
        RecurringPattern.detection_key.is_not(None),
    )
    return upsert_from_select(
        session, Notification, source, key=_KEY, compare=(), insert_only=("message",)
    )


def warn_of_consent_expiry(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of consents that end soon, once at each of :data:`CONSENT_WARNING_DAYS`."""
    days_left = sa.func.ceil(
        sa.extract("epoch", Connection.consent_expires_at - sa.literal(now)) / 86_400
    )
    threshold = (
        sa.values(sa.column("days", sa.Integer), name="threshold")
        .data([(days,) for days in CONSENT_WARNING_DAYS])
        .alias("threshold")
    )
    reached = (
        sa.select(sa.func.min(threshold.c.days))
        .where(threshold.c.days >= sa.func.greatest(days_left, 0))
        .scalar_subquery()
    )
    source = (
        sa.select(
            Connection.user_id,
            sa.literal(NotificationType.CONSENT_EXPIRY.value).label("type"),
            sa.func.concat(
                Connection.id, ":", sa.cast(Connection.consent_expires_at, sa.Date), ":", reached
            ).label("dedup_key"),
            sa.func.concat(
                "The consent for ",
                Institution.name,
                " ends on ",
                sa.cast(Connection.consent_expires_at, sa.Date),
                ". Renew the connection to keep reading it.",
            ).label("message"),
        )
        .join(Institution, Institution.id == Connection.institution_id)
        .where(
            Connection.status.in_((ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRED)),
            reached.is_not(None),
        )
    )
    return upsert_from_select(
        session, Notification, source, key=_KEY, compare=(), insert_only=("message",)
    )


def list_notifications(session: Session, user_id: uuid.UUID) -> Sequence[Notification]:
    """Return a user's notifications, the newest first."""
    return session.scalars(
        sa.select(Notification)
        .where(Notification.user_id == user_id)
        .order_by(Notification.created_at.desc(), Notification.id)
    ).all()
