"""The outbox: which notification goes to which channel, and how far it has got.

A trigger fills it in the transaction that says something. Whoever delivers claims one, sends it and
commits: killed in between, it is claimed and sent again. At least once, and as a rule once.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import DeliveryStatus
from postgres.common.models import Notification, NotificationChannel, NotificationDelivery
from postgres.common.states import DELIVERY, check_transition
from postgres.errors import NotFoundError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

ATTEMPTS = 12
"""After so many that failed, it is not tried again: about a day."""

FIRST_WAIT = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(hours=6)

_NEWEST_FIRST = (
    Key(NotificationDelivery.created_at, is_descending=True),
    Key(NotificationDelivery.id, is_descending=True),
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is nobody else's until the transaction ends."""

    delivery: NotificationDelivery
    notification: Notification
    channel: NotificationChannel


def claim_delivery(
    session: Session, *, at: dt.datetime, skipping: Collection[uuid.UUID] = ()
) -> Claimed | None:
    """Return the delivery of any user that is due first and that nobody else has claimed.

    :param at: now, by the real clock: a channel that failed is waited for, whatever day it is for
        the ledger.
    :param skipping: channels to leave alone.
    :returns: None if nothing is due.
    """
    query = (
        sa.select(NotificationDelivery, Notification, NotificationChannel)
        .join(Notification, Notification.id == NotificationDelivery.notification_id)
        .join(NotificationChannel, NotificationChannel.id == NotificationDelivery.channel_id)
        .where(_due(at), NotificationDelivery.channel_id.not_in(skipping))
        .order_by(
            NotificationDelivery.next_attempt_at.nulls_first(),
            NotificationDelivery.created_at,
            NotificationDelivery.id,
        )
        .limit(1)
        .with_for_update(of=NotificationDelivery, key_share=True, skip_locked=True)
    )
    found = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    return None if found is None else Claimed(*found)


def is_any_due(session: Session, *, at: dt.datetime) -> bool:
    """Tell whether there is anything to deliver.

    :param at: now, by the real clock.
    """
    return session.execute(sa.select(sa.exists().where(_due(at)))).scalar_one()


def mark_sent(session: Session, delivery: NotificationDelivery, *, at: dt.datetime) -> None:
    """Say that a claimed delivery has reached its channel.

    :raises TransitionError: if it is not pending.
    """
    check_transition(DELIVERY, delivery.status, DeliveryStatus.SENT, what="the delivery")
    delivery.status = DeliveryStatus.SENT
    delivery.sent_at = at
    delivery.next_attempt_at = None
    delivery.last_error = None
    session.flush()


def mark_failed(
    session: Session, delivery: NotificationDelivery, error: str, *, at: dt.datetime
) -> None:
    """Say that an attempt of a claimed delivery failed.

    It is tried again after :data:`FIRST_WAIT`, doubled each time up to :data:`LONGEST_WAIT`; after
    :data:`ATTEMPTS` it has failed.

    :param error: one line, without anything secret.
    :param at: now, by the real clock.
    :raises TransitionError: if it is not pending.
    """
    check_transition(DELIVERY, delivery.status, DeliveryStatus.FAILED, what="the delivery")
    delivery.attempts += 1
    delivery.last_error = error
    if delivery.attempts >= ATTEMPTS:
        delivery.status = DeliveryStatus.FAILED
        delivery.next_attempt_at = None
    else:
        wait: dt.timedelta = FIRST_WAIT * 2 ** (delivery.attempts - 1)
        delivery.next_attempt_at = at + min(wait, LONGEST_WAIT)
    session.flush()


def get_delivery(
    session: Session, user_id: uuid.UUID, delivery_id: uuid.UUID
) -> NotificationDelivery | None:
    """Return one of a user's deliveries."""
    return session.scalars(_one(user_id, delivery_id)).one_or_none()


def list_deliveries(
    session: Session,
    user_id: uuid.UUID,
    *,
    status: DeliveryStatus | None = None,
    channel_id: uuid.UUID | None = None,
    notification_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[NotificationDelivery]:
    """Return a user's deliveries, the newest first.

    :param status: only those that have got so far.
    :param channel_id: only those to one channel.
    :param notification_id: only those of one notification.
    """
    row = NotificationDelivery
    query = sa.select(row).where(row.user_id == user_id)
    if status is not None:
        query = query.where(row.status == status)
    if channel_id is not None:
        query = query.where(row.channel_id == channel_id)
    if notification_id is not None:
        query = query.where(row.notification_id == notification_id)
    return fetch_page(session, query, order=_NEWEST_FIRST, after=after, limit=limit)


def retry_delivery(
    session: Session, user_id: uuid.UUID, delivery_id: uuid.UUID
) -> NotificationDelivery:
    """Try a delivery that has failed again, from the first attempt on.

    :raises NotFoundError: if the user has no such delivery.
    :raises TransitionError: if it has not failed.
    """
    row = session.scalars(
        _one(user_id, delivery_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        message = f"there is no delivery {delivery_id}"
        raise NotFoundError(message)
    check_transition(DELIVERY, row.status, DeliveryStatus.PENDING, what="the delivery")
    row.status = DeliveryStatus.PENDING
    row.attempts = 0
    session.flush()
    return row


def _due(at: dt.datetime) -> sa.ColumnElement[bool]:
    row = NotificationDelivery
    return sa.and_(
        row.status == DeliveryStatus.PENDING,
        sa.or_(row.next_attempt_at.is_(None), row.next_attempt_at <= at),
    )


def _one(user_id: uuid.UUID, delivery_id: uuid.UUID) -> sa.Select[tuple[NotificationDelivery]]:
    return sa.select(NotificationDelivery).where(
        NotificationDelivery.id == delivery_id, NotificationDelivery.user_id == user_id
    )
