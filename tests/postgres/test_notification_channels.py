"""Where a user is told: off until a channel is made, its address readable with the key alone."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import DecryptionError, SecretBox
from postgres.common.enums import DeliveryStatus, NotificationType
from postgres.common.models import NotificationChannel, NotificationDelivery
from postgres.common.operations import notification_channels as channels
from postgres.common.operations import notification_deliveries as deliveries
from postgres.common.operations import notifications
from postgres.errors import AlreadyExistsError, NotFoundError
from postgres.sessions import user_session
from tests.postgres.ledger import make_ledger

WRITERS = 8
BOX = SecretBox([Fernet(Fernet.generate_key())])
ADDRESS = SecretStr("ntfy://ann:a-password@example.org/topic")
BUDGET, FAILED = NotificationType.BUDGET_WARNING, NotificationType.SYNC_FAILED


@pytest.fixture
def ann(session: Session) -> uuid.UUID:
    return make_ledger(session).user.id


@pytest.fixture
def bob(session: Session) -> uuid.UUID:
    return make_ledger(session).user.id


def add(
    session: Session,
    user_id: uuid.UUID,
    name: str = "phone",
    types: list[NotificationType] | None = None,
) -> NotificationChannel:
    return channels.create_channel(
        session, user_id, name=name, address=ADDRESS, box=BOX, types=types
    )


def tell(session: Session, user_id: uuid.UUID, key: str, type_: NotificationType = BUDGET) -> None:
    assert notifications.notify(session, user_id, type_, key, f"about {key}")


def queued(session: Session) -> int:
    return session.scalars(sa.select(sa.func.count()).select_from(NotificationDelivery)).one()


def test_nothing_is_queued_without_a_channel(session: Session, ann: uuid.UUID) -> None:
    tell(session, ann, "before")
    assert queued(session) == 0

    add(session, ann)

    # Nor is what was said before it was made.
    assert queued(session) == 0
    tell(session, ann, "after")
    assert queued(session) == 1


def test_an_address_comes_back_in_clear_and_is_stored_in_none(
    session: Session, ann: uuid.UUID
) -> None:
    row = add(session, ann)
    session.expire_all()

    assert channels.address_of(row, BOX) == ADDRESS
    stored = session.scalars(
        sa.text("select notification_channels::text from common.notification_channels")
    ).one()
    assert "a-password" not in stored
    assert "a-password" not in repr(row.address)


def test_the_log_of_changes_knows_no_address(session: Session, ann: uuid.UUID) -> None:
    row = add(session, ann)
    session.commit()
    before = row.address.token.hex()

    channels.change_address(session, ann, row.id, SecretStr("ntfy://other"), box=BOX)
    channels.update_channel(session, ann, row.id, name="tablet")
    session.commit()

    (log,) = session.scalars(sa.text("select audit_log::text from common.audit_log")).all()
    assert "tablet" in log
    assert "address" not in log
    assert before not in log
    assert row.address.token.hex() not in log
    assert channels.address_of(row, BOX).get_secret_value() == "ntfy://other"


def test_an_address_moved_to_another_channel_does_not_open(
    session: Session, ann: uuid.UUID
) -> None:
    one, two = add(session, ann, "one"), add(session, ann, "two")

    one.address = two.address
    session.flush()

    with pytest.raises(DecryptionError, match="moved"):
        channels.address_of(one, BOX)


def test_a_name_is_one_channels_whatever_the_case(
    session: Session, ann: uuid.UUID, bob: uuid.UUID
) -> None:
    add(session, ann, "Phone")
    add(session, bob, "phone")
    mail = add(session, ann, "mail")

    with pytest.raises(AlreadyExistsError, match="'phone'"):
        add(session, ann, "phone")
    with pytest.raises(AlreadyExistsError, match="'PHONE'"):
        channels.update_channel(session, ann, mail.id, name="PHONE")

    session.refresh(mail)
    assert mail.name == "mail"
    assert channels.update_channel(session, ann, mail.id, name="Mail").name == "Mail"


def test_one_of_those_who_make_a_channel_at_once_does(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
    start = Barrier(WRITERS)

    def make() -> bool:
        start.wait()
        try:
            with sessions.begin() as session:
                add(session, user_id)
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        made = [done.result() for done in [pool.submit(make) for _ in range(WRITERS)]]

    assert sorted(made) == [False] * (WRITERS - 1) + [True]


def test_a_channel_gets_the_types_that_it_wants(
    session: Session, ann: uuid.UUID, bob: uuid.UUID
) -> None:
    everything, one, none, off = (
        add(session, ann, "everything"),
        add(session, ann, "one", [BUDGET, BUDGET]),
        add(session, ann, "none", []),
        add(session, ann, "off"),
    )
    channels.update_channel(session, ann, off.id, is_enabled=False)
    add(session, bob, "of somebody else")
    tell(session, ann, "a", BUDGET)
    tell(session, ann, "b", FAILED)

    def count(channel: NotificationChannel) -> int:
        return len(deliveries.list_deliveries(session, ann, channel_id=channel.id).items)

    assert [count(each) for each in (everything, one, none, off)] == [2, 1, 0, 0]
    assert queued(session) == 3

    channels.update_channel(session, ann, none.id, types=None)
    channels.update_channel(session, ann, one.id, types=[FAILED])
    tell(session, ann, "c", FAILED)
    assert [count(each) for each in (everything, one, none, off)] == [3, 2, 1, 0]


def test_what_waits_for_a_disabled_channel_is_not_sent(session: Session, ann: uuid.UUID) -> None:
    row, other = add(session, ann), add(session, ann, "other")
    for key in ("sent", "waiting"):
        tell(session, ann, key)
    (_, first) = deliveries.list_deliveries(session, ann, channel_id=row.id).items
    deliveries.mark_sent(session, first, at=first.created_at)

    channels.update_channel(session, ann, row.id, is_enabled=False)
    channels.update_channel(session, ann, row.id, is_enabled=True)

    (left,) = deliveries.list_deliveries(session, ann, channel_id=row.id).items
    assert left.status is DeliveryStatus.SENT
    assert len(deliveries.list_deliveries(session, ann, channel_id=other.id).items) == 2
    page = channels.list_channels(session, ann, is_enabled=True)
    assert {each.name for each in page.items} == {"phone", "other"}


def test_a_channel_goes_with_its_deliveries(session: Session, ann: uuid.UUID) -> None:
    row = add(session, ann)
    tell(session, ann, "a")

    channels.delete_channel(session, ann, row.id)

    assert channels.get_channel(session, ann, row.id) is None
    assert queued(session) == 0


def test_nobody_sees_or_changes_a_channel_that_is_not_theirs(
    session: Session, ann: uuid.UUID, bob: uuid.UUID
) -> None:
    row = add(session, ann)

    assert channels.get_channel(session, bob, row.id) is None
    assert channels.list_channels(session, bob).items == []
    for act in (
        lambda: channels.update_channel(session, bob, row.id, name="mine"),
        lambda: channels.change_address(session, bob, row.id, ADDRESS, box=BOX),
        lambda: channels.delete_channel(session, bob, row.id),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert channels.get_channel(session, ann, row.id) is row


def test_pages_hold_every_channel_once(session: Session, ann: uuid.UUID) -> None:
    names = [f"channel {number}" for number in range(5)]
    for name in names:
        add(session, ann, name)
    found: list[str] = []
    after: str | None = None
    while True:
        page = channels.list_channels(session, ann, after=after, limit=2)
        found += [row.name for row in page.items]
        if (after := page.after) is None:
            break

    # Made in one transaction they are of one instant; their ids decide then.
    assert sorted(found) == names
    disabled = channels.list_channels(session, ann, is_enabled=False)
    assert disabled.items == []


def test_a_session_of_one_user_fills_the_outbox_too(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ann, bob = make_ledger(session).user.id, make_ledger(session).user.id
        add(session, bob)

    with user_session(sessions, ann) as session:
        add(session, ann)
        tell(session, ann, "a")
        assert queued(session) == 1

    with user_session(sessions, bob) as session:
        assert queued(session) == 0


def test_a_channel_that_is_deleted_meanwhile_stops_no_news(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
        kept, gone = add(session, user_id, "kept"), add(session, user_id, "gone")

    def speak() -> None:
        with sessions.begin() as session:
            tell(session, user_id, "a")

    with ThreadPoolExecutor(1) as pool:
        with sessions.begin() as session:
            channels.delete_channel(session, user_id, gone.id)
            said = pool.submit(speak)
            _until_somebody_waits(sessions)
        said.result()

    with sessions() as session:
        (row,) = deliveries.list_deliveries(session, user_id).items
    assert row.channel_id == kept.id


def _until_somebody_waits(sessions: sessionmaker[Session]) -> None:
    query = sa.text(
        "select count(*) from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()"
    )
    with sessions() as session:
        while not session.scalar(query):
            session.rollback()
