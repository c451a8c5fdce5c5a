"""The outbox: claimed by one at a time, tried again for a day, kept from nobody else's eyes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from postgres.common.enums import DeliveryStatus, NotificationType
from postgres.common.models import Notification, NotificationDelivery
from postgres.common.operations import notification_channels as channels
from postgres.common.operations import notification_deliveries as deliveries
from postgres.common.operations import notifications
from postgres.errors import (
    AlreadyExistsError,
    NotFoundError,
    RetryableError,
    TransitionError,
)
from tests.postgres.ledger import make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
WRITERS = 8
BOX = SecretBox([Fernet(Fernet.generate_key())])
PENDING, SENT, FAILED = DeliveryStatus.PENDING, DeliveryStatus.SENT, DeliveryStatus.FAILED


def add_channel(session: Session, user_id: uuid.UUID, name: str = "phone") -> uuid.UUID:
    return channels.create_channel(
        session, user_id, name=name, address=SecretStr("ntfy://topic"), box=BOX
    ).id


def tell(session: Session, user_id: uuid.UUID, key: str) -> None:
    assert notifications.notify(session, user_id, NotificationType.SYNC_FAILED, key, key)


@pytest.fixture
def ann(session: Session) -> uuid.UUID:
    """A user with one channel."""
    user_id = make_ledger(session).user.id
    add_channel(session, user_id)
    return user_id


def claimed(session: Session, at: dt.datetime = AT) -> NotificationDelivery:
    found = deliveries.claim_delivery(session, at=at)
    assert found is not None
    return found.delivery


def test_what_is_due_comes_with_all_that_sending_it_takes(session: Session, ann: uuid.UUID) -> None:
    assert not deliveries.is_any_due(session, at=AT)
    assert deliveries.claim_delivery(session, at=AT) is None
    tell(session, ann, "a")

    assert deliveries.is_any_due(session, at=AT)
    found = deliveries.claim_delivery(session, at=AT)

    assert found is not None
    assert found.notification.message == "a"
    assert found.channel.name == "phone"
    assert (found.delivery.user_id, found.delivery.status) == (ann, PENDING)
    assert (found.delivery.attempts, found.delivery.next_attempt_at) == (0, None)


def test_what_was_sent_is_not_due_any_more(session: Session, ann: uuid.UUID) -> None:
    tell(session, ann, "a")
    row = claimed(session)

    deliveries.mark_sent(session, row, at=AT)

    assert (row.status, row.sent_at) == (SENT, AT)
    assert not deliveries.is_any_due(session, at=AT + dt.timedelta(days=9))
    with pytest.raises(TransitionError):
        deliveries.mark_sent(session, row, at=AT)
    with pytest.raises(TransitionError):
        deliveries.mark_failed(session, row, "too late", at=AT)
    with pytest.raises(TransitionError):
        deliveries.retry_delivery(session, ann, row.id)


def test_a_failure_is_waited_for_longer_each_time_and_in_the_end_it_has_failed(
    session: Session, ann: uuid.UUID
) -> None:
    tell(session, ann, "a")
    at, minutes = AT, []
    for attempt in range(1, deliveries.ATTEMPTS + 1):
        row = claimed(session, at)
        deliveries.mark_failed(session, row, f"attempt {attempt}", at=at)
        assert (row.attempts, row.last_error) == (attempt, f"attempt {attempt}")
        if row.next_attempt_at is None:
            break
        minutes.append((row.next_attempt_at - at) / dt.timedelta(minutes=1))
        early = row.next_attempt_at - dt.timedelta(microseconds=1)
        assert deliveries.claim_delivery(session, at=early) is None
        assert not deliveries.is_any_due(session, at=early)
        at = row.next_attempt_at

    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert row.status is FAILED
    assert deliveries.claim_delivery(session, at=AT + dt.timedelta(days=99)) is None


def test_what_has_failed_can_be_tried_again_from_the_start(
    session: Session, ann: uuid.UUID
) -> None:
    tell(session, ann, "a")
    row = claimed(session)
    row.attempts = deliveries.ATTEMPTS - 1
    deliveries.mark_failed(session, row, "no", at=AT)
    assert row.status is FAILED

    deliveries.retry_delivery(session, ann, row.id)

    assert (row.status, row.attempts) == (PENDING, 0)
    assert claimed(session) is row
    deliveries.mark_sent(session, row, at=AT)
    assert row.last_error is None


def test_new_ones_come_first_then_those_that_wait_longest(session: Session, ann: uuid.UUID) -> None:
    for number, key in enumerate(("first", "second", "late", "later")):
        tell(session, ann, key)
        session.execute(
            sa.update(NotificationDelivery)
            .where(
                NotificationDelivery.notification_id.in_(
                    sa.text("select id from common.notifications where dedup_key = :key")
                )
            )
            .values(
                created_at=AT + dt.timedelta(seconds=number),
                next_attempt_at=None if number < 2 else AT - dt.timedelta(hours=number),
            ),
            {"key": key},
        )
    session.expire_all()
    order = []
    while (found := deliveries.claim_delivery(session, at=AT)) is not None:
        order.append(found.notification.message)
        deliveries.mark_sent(session, found.delivery, at=AT)

    assert order == ["first", "second", "later", "late"]


def test_nobody_else_gets_what_is_claimed_until_it_is_let_go(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
        add_channel(session, user_id)
        tell(session, user_id, "a")
        tell(session, user_id, "b")
    with sessions() as one, sessions() as two, sessions() as three:
        first, second = claimed(one), claimed(two)

        assert first.id != second.id
        assert deliveries.claim_delivery(three, at=AT) is None
        # As when the process that holds it is killed.
        one.rollback()
        assert claimed(three).id == first.id


def test_channels_that_are_skipped_do_not_hold_up_the_others(
    session: Session, ann: uuid.UUID
) -> None:
    other = add_channel(session, ann, "other")
    tell(session, ann, "a")
    first = deliveries.claim_delivery(session, at=AT, skipping={other})
    assert first is not None

    second = deliveries.claim_delivery(session, at=AT, skipping={first.channel.id})

    assert second is not None
    assert second.channel.id == other
    both = {other, first.channel.id}
    assert deliveries.claim_delivery(session, at=AT, skipping=both) is None


def test_deliveries_are_listed_by_what_is_asked_for(session: Session, ann: uuid.UUID) -> None:
    other = add_channel(session, ann, "other")
    tell(session, ann, "a")
    tell(session, ann, "b")
    sent = claimed(session)
    deliveries.mark_sent(session, sent, at=AT)
    bob = make_ledger(session).user.id

    def count(**filters: object) -> int:
        return len(deliveries.list_deliveries(session, ann, **filters).items)  # type: ignore[arg-type]

    assert count() == 4
    assert count(status=SENT) == 1
    assert count(status=PENDING, channel_id=other) == 2 - (sent.channel_id == other)
    assert count(notification_id=sent.notification_id) == 2
    page = deliveries.list_deliveries(session, ann, limit=3)
    rest = deliveries.list_deliveries(session, ann, limit=3, after=page.after)
    assert len({row.id for row in (*page.items, *rest.items)}) == 4
    assert deliveries.list_deliveries(session, bob).items == []
    assert deliveries.get_delivery(session, bob, sent.id) is None
    assert deliveries.get_delivery(session, ann, sent.id) is sent
    with pytest.raises(NotFoundError):
        deliveries.retry_delivery(session, bob, sent.id)


def test_what_is_removed_is_not_sent_any_more(session: Session, ann: uuid.UUID) -> None:
    tell(session, ann, "deleted")
    tell(session, ann, "old")
    (_, first) = notifications.list_notifications(session, ann).items

    notifications.delete_notification(session, ann, first.id, at=AT)
    assert len(deliveries.list_deliveries(session, ann).items) == 1

    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    notifications.purge_notifications(session, before=later, at=AT)
    assert deliveries.list_deliveries(session, ann).items == []


def test_many_things_said_at_once_are_all_queued(session: Session, ann: uuid.UUID) -> None:
    bob = make_ledger(session).user.id
    news = sa.select(
        sa.case((sa.column("n") % 2 == 0, sa.literal(ann)), else_=sa.literal(bob)).label("user_id"),
        sa.literal(NotificationType.SYNC_FAILED.value).label("type"),
        sa.cast(sa.column("n"), sa.Text).label("dedup_key"),
        sa.literal("x").label("message"),
    ).select_from(sa.text("generate_series(1, 500) as n"))

    first, again = notifications.notify_all(session, news), notifications.notify_all(session, news)

    assert (first.inserted, again.written) == (500, 0)
    count = sa.select(sa.func.count()).select_from(NotificationDelivery)
    assert session.scalars(count).one() == 250


def test_what_waits_was_not_sent(session: Session, ann: uuid.UUID) -> None:
    tell(session, ann, "a")

    claimed(session).sent_at = AT
    with pytest.raises(sa.exc.IntegrityError, match="only_sent_has_time"):
        session.flush()


@pytest.mark.slow
def test_writers_at_once_get_on_with_each_other(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
        channel_ids = [add_channel(session, user_id, name) for name in ("one", "two", "three")]
    start = Barrier(WRITERS)
    refused: list[type[Exception]] = []

    def act(session: Session, random: Random) -> None:
        shown = notifications.list_notifications(session, user_id).items
        chosen = random.choice(shown).id if shown else uuid.uuid4()
        channel_id = random.choice(channel_ids)
        acts: list[Callable[[], object]] = [
            lambda: notifications.notify_all(session, several(user_id, random)),
            lambda: notifications.mark_all_read(session, user_id, at=AT),
            lambda: notifications.mark_unread(session, user_id, chosen),
            lambda: notifications.delete_notification(session, user_id, chosen, at=AT),
            lambda: notifications.purge_notifications(
                session, before=dt.datetime.now(dt.UTC), at=AT, limit=5
            ),
            lambda: channels.update_channel(
                session, user_id, channel_id, is_enabled=random.random() < 0.8
            ),
            lambda: channels.delete_channel(session, user_id, channel_id),
            lambda: add_channel(session, user_id, f"channel {random.randrange(9)}"),
            lambda: deliver_one(session, random),
            lambda: deliver_one(session, random),
        ]
        random.choice(acts)()

    def work(number: int) -> None:
        random = Random(number)  # noqa: S311 - the same acts every time
        start.wait()
        for _ in range(25):
            try:
                with sessions.begin() as session:
                    act(session, random)
                    act(session, random)
            except (RetryableError, NotFoundError, AlreadyExistsError) as error:
                refused.append(type(error))

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(work, number) for number in range(WRITERS)]:
            done.result()

    with sessions() as session:
        # Nothing is queued of what was removed.
        assert not session.scalars(
            sa.select(NotificationDelivery.id)
            .join(Notification, Notification.id == NotificationDelivery.notification_id)
            .where(Notification.removed_at.is_not(None))
        ).all()
    assert len(refused) < WRITERS * 25


def several(user_id: uuid.UUID, random: Random) -> sa.Select[Any]:
    rows = sa.values(sa.column("key", sa.Text), name="fresh").data(
        [(str(each),) for each in random.sample(range(200), 5)]
    )
    return sa.select(
        sa.literal(user_id).label("user_id"),
        sa.literal(NotificationType.SYNC_FAILED.value).label("type"),
        rows.c.key.label("dedup_key"),
        sa.literal("x").label("message"),
    )


def deliver_one(session: Session, random: Random) -> None:
    found = deliveries.claim_delivery(session, at=AT)
    if found is not None and random.random() < 0.5:
        deliveries.mark_sent(session, found.delivery, at=AT)
    elif found is not None:
        deliveries.mark_failed(session, found.delivery, "no", at=AT)
