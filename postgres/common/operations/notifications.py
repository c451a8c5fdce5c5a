"""What a user should know, said once.

Whoever has news says so as often as they like: the first time counts, by type and key. That holds
for what the user or age has removed since, because the reason for it may still be there.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import ConnectionStatus, NotificationType
from postgres.common.models import (
    Connection,
    Institution,
    Notification,
    NotificationDelivery,
)
from postgres.core import WriteCounts, upsert_from_select
from postgres.errors import NotFoundError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

CONSENT_WARNING_DAYS = (14, 7, 3, 1, 0)
"""How many days before a consent ends a user is told, each once."""

PURGE_BATCH = 1000

_NEWEST_FIRST = (
    Key(Notification.created_at, is_descending=True),
    Key(Notification.id, is_descending=True),
)


def notify(
    session: Session, user_id: uuid.UUID, type_: NotificationType, dedup_key: str, message: str
) -> bool:
    """Tell a user something, unless it was said before.

    :param dedup_key: what makes it the same news; of a month's budget the budget and the month.
    :param message: a sentence or two for the user, as they read it.
    :returns: whether it is said now.
    """
    row = sa.select(
        sa.literal(user_id).label("user_id"),
        sa.literal(type_.value).label("type"),
        sa.literal(dedup_key).label("dedup_key"),
        sa.literal(message).label("message"),
    )
    return notify_all(session, row).inserted == 1


def notify_all(session: Session, news: sa.Select[Any]) -> WriteCounts:
    """Tell many users many things, each unless it was said before. One statement.

    :param news: ``user_id``, ``type``, ``dedup_key`` and ``message``, each key once.
    """
    key = ("user_id", "type", "dedup_key")
    return upsert_from_select(
        session, Notification, news, key=key, compare=(), insert_only=("message",)
    )


def warn_of_consent_expiry(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of consents that end soon, once at each of :data:`CONSENT_WARNING_DAYS`.

    One that has to be confirmed once more ends like any other for who does not confirm it.
    """
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
    is_over, day = reached == 0, sa.cast(Connection.consent_expires_at, sa.Date)
    what = sa.case(
        (sa.and_(Connection.is_reconfirmable, is_over), " had to be confirmed once more by "),
        (Connection.is_reconfirmable, " has to be confirmed once more by "),
        (is_over, " ended on "),
        else_=" ends on ",
    )
    effect = sa.case((is_over, ". It is not read"), else_=". It is not read after that")
    return notify_all(
        session,
        sa.select(
            Connection.user_id,
            sa.literal(NotificationType.CONSENT_EXPIRY.value).label("type"),
            sa.func.concat(Connection.id, ":", day, ":", reached).label("dedup_key"),
            sa.func.concat(
                "The consent for ",
                Institution.name,
                what,
                day,
                effect,
                " before you act: `farthing connections renew ",
                sa.func.left(sa.cast(Connection.id, sa.Text), 8),
                "`.",
            ).label("message"),
        )
        .join(Institution, Institution.id == Connection.institution_id)
        .where(
            Connection.status.in_((ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRED)),
            # The greatest of nothing and 0 is 0: a key has no end, and none that has come.
            Connection.consent_expires_at.is_not(None),
            reached.is_not(None),
        ),
    )


def get_notification(
    session: Session, user_id: uuid.UUID, notification_id: uuid.UUID
) -> Notification | None:
    """Return one of a user's notifications; None for one that was removed."""
    return session.scalars(_shown(user_id).where(Notification.id == notification_id)).one_or_none()


def list_notifications(
    session: Session,
    user_id: uuid.UUID,
    *,
    is_read: bool | None = None,
    type_: NotificationType | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Notification]:
    """Return a user's notifications, the newest first.

    :param is_read: only those that were read, or were not; None: all.
    :param type_: only those of one type.
    """
    query = _shown(user_id)
    if is_read is not None:
        query = query.where(Notification.read_at.is_not(None) == is_read)
    if type_ is not None:
        query = query.where(Notification.type == type_)
    return fetch_page(session, query, order=_NEWEST_FIRST, after=after, limit=limit)


def count_unread(session: Session, user_id: uuid.UUID) -> int:
    """Return how many notifications a user has not read."""
    unread = _shown(user_id).where(Notification.read_at.is_(None)).subquery()
    return session.execute(sa.select(sa.func.count()).select_from(unread)).scalar_one()


def mark_read(
    session: Session, user_id: uuid.UUID, notification_id: uuid.UUID, *, at: dt.datetime
) -> Notification:
    """Say that a user has read a notification; the first time counts.

    :raises NotFoundError: if the user has no such notification.
    """
    row = _locked(session, user_id, notification_id)
    if row.read_at is None:
        row.read_at = at
        session.flush()
    return row


def mark_unread(session: Session, user_id: uuid.UUID, notification_id: uuid.UUID) -> Notification:
    """Say that a user wants to read a notification again.

    :raises NotFoundError: if the user has no such notification.
    """
    row = _locked(session, user_id, notification_id)
    row.read_at = None
    session.flush()
    return row


def mark_all_read(session: Session, user_id: uuid.UUID, *, at: dt.datetime) -> int:
    """Say that a user has read everything there is.

    :returns: how many were unread.
    """
    unread = (
        _shown(user_id)
        .with_only_columns(Notification.id)
        .where(Notification.read_at.is_(None))
        .order_by(Notification.id)
        .with_for_update(key_share=True)
        .cte("unread")
        .prefix_with("materialized")
    )
    return len(
        session.scalars(
            sa.update(Notification)
            .where(Notification.id.in_(sa.select(unread.c.id)))
            .values(read_at=at)
            .returning(Notification.id)
        ).all()
    )


def delete_notification(
    session: Session, user_id: uuid.UUID, notification_id: uuid.UUID, *, at: dt.datetime
) -> None:
    """Remove a notification, and do not send it where it has not been sent yet.

    Its key stays: what it was about is not said again.

    :raises NotFoundError: if the user has no such notification.
    """
    row = _locked(session, user_id, notification_id)
    _remove(session, [row.id], at)
    session.expire(row)


def purge_notifications(
    session: Session, *, before: dt.datetime, at: dt.datetime, limit: int = PURGE_BATCH
) -> int:
    """Remove the notifications of all users that are older than an instant, read or not.

    Their keys stay: what they were about is not said again. Rows that somebody else holds are left
    for the next time.

    :param limit: rows at most; ask again until fewer come back.
    :returns: how many were removed.
    """
    old = (
        sa.select(Notification.id)
        .where(Notification.removed_at.is_(None), Notification.created_at < before)
        .order_by(Notification.created_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    ids = session.scalars(old).all()
    _remove(session, ids, at)
    return len(ids)


def _remove(session: Session, ids: Sequence[uuid.UUID], at: dt.datetime) -> None:
    session.execute(
        sa.update(Notification)
        .where(Notification.id.in_(ids))
        .values(removed_at=at, message="")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.delete(NotificationDelivery)
        .where(NotificationDelivery.notification_id.in_(ids))
        .execution_options(synchronize_session=False)
    )


def _shown(user_id: uuid.UUID) -> sa.Select[tuple[Notification]]:
    return sa.select(Notification).where(
        Notification.user_id == user_id, Notification.removed_at.is_(None)
    )


def _locked(session: Session, user_id: uuid.UUID, notification_id: uuid.UUID) -> Notification:
    query = _shown(user_id).where(Notification.id == notification_id)
    row = session.scalars(
        query.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        message = f"there is no notification {notification_id}"
        raise NotFoundError(message)
    return row
