"""News for a user: said once, whoever says it how often, and not again after it was removed."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from postgres.common.enums import (
    NotificationType,
    RecurringDirection,
    RecurringFrequency,
    RecurringSource,
)
from postgres.common.models import Notification, NotificationDelivery, RecurringPattern
from postgres.common.operations import notification_channels, notifications, recurring_events
from postgres.errors import NotFoundError, OperationError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
WRITERS = 8
TYPE, OTHER = NotificationType.BUDGET_WARNING, NotificationType.SYNC_FAILED


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def say(session: Session, user_id: uuid.UUID, key: str, *, days_ago: float = 0) -> Notification:
    assert notifications.notify(session, user_id, TYPE, key, f"about {key}")
    row = session.scalars(
        sa.select(Notification).where(
            Notification.user_id == user_id, Notification.dedup_key == key
        )
    ).one()
    row.created_at = AT - days_ago * DAY
    session.flush()
    return row


def keys(session: Session, user_id: uuid.UUID) -> list[str]:
    return [row.dedup_key for row in notifications.list_notifications(session, user_id).items]


def test_the_same_news_is_told_once_and_keeps_its_words(session: Session, ledger: Ledger) -> None:
    user_id = ledger.user.id

    first = notifications.notify(session, user_id, TYPE, "food:2026-03", "80 % of food is spent.")
    again = notifications.notify(session, user_id, TYPE, "food:2026-03", "90 % of food is spent.")

    assert (first, again) == (True, False)
    (row,) = notifications.list_notifications(session, user_id).items
    assert (row.message, row.type, row.read_at) == ("80 % of food is spent.", TYPE, None)


def test_other_users_types_and_keys_are_other_news(session: Session, ledger: Ledger) -> None:
    bob = make_ledger(session).user.id
    news = [(ledger.user.id, TYPE, "a"), (bob, TYPE, "a"), (bob, OTHER, "a"), (bob, OTHER, "b")]

    assert all(notifications.notify(session, *each, "x") for each in news)
    assert not any(notifications.notify(session, *each, "x") for each in news)


def test_what_was_said_before_is_not_written_again(session: Session, ledger: Ledger) -> None:
    say(session, ledger.user.id, "a")
    session.commit()
    version = sa.text("select xmin, xmax from common.notifications")
    before = session.execute(version).all()
    session.commit()

    notifications.notify(session, ledger.user.id, TYPE, "a", "other words")
    session.commit()

    assert session.execute(version).all() == before


def test_one_of_those_who_say_it_at_once_does(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
    start = Barrier(WRITERS)

    def tell(number: int) -> int:
        start.wait()
        said = 0
        for each in range(10):
            with sessions.begin() as session:
                said += notifications.notify(session, user_id, TYPE, str(each), f"of {number}")
        return said

    with ThreadPoolExecutor(WRITERS) as pool:
        said = sum(pool.map(tell, range(WRITERS)))

    assert said == 10
    with sessions() as session:
        assert len(keys(session, user_id)) == 10


def propose(session: Session, ledger: Ledger, *names: str) -> None:
    session.add_all(
        RecurringPattern(
            user_id=ledger.user.id,
            account_id=ledger.account.id,
            source=RecurringSource.DETECTED,
            detection_key=f"pattern {name}",
            direction=RecurringDirection.EXPENSE,
            currency="GBP",
            detected_name=name,
            detected_frequency=RecurringFrequency.MONTHLY,
            detected_schedule="monthly on the 1st",
        )
        for name in names
    )
    session.flush()


def test_patterns_are_announced_once_each(session: Session, ledger: Ledger) -> None:
    propose(session, ledger, "Gym", "Film", "News")

    first = recurring_events.announce_patterns(session, now=AT)
    again = recurring_events.announce_patterns(session, now=AT)

    assert (first.inserted, again.written) == (3, 0)
    rows = notifications.list_notifications(session, ledger.user.id).items
    assert {row.message for row in rows} == {
        f"A recurring payment was found: {name}, monthly on the 1st. Accept or dismiss it."
        for name in ("Gym", "Film", "News")
    }


def test_many_patterns_at_once_are_one_message_and_none_comes_later(
    session: Session, ledger: Ledger
) -> None:
    notification_channels.create_channel(
        session,
        ledger.user.id,
        name="phone",
        address=SecretStr("json://127.0.0.1:9"),
        box=SecretBox([Fernet(Fernet.generate_key())]),
    )
    propose(session, ledger, *map(str, range(40)))
    recurring_events.announce_patterns(session, now=AT)
    (row,) = notifications.list_notifications(session, ledger.user.id).items
    assert row.message.startswith("40 recurring payments were found.")

    assert recurring_events.announce_patterns(session, now=AT).written == 0
    propose(session, ledger, "Gym")
    assert recurring_events.announce_patterns(session, now=AT).inserted == 1
    assert len(notifications.list_notifications(session, ledger.user.id).items) == 2
    # What stands for the forty is sent nowhere.
    sent = session.scalars(sa.select(NotificationDelivery.notification_id)).all()
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("days_left", "told"),
    [(None, False), (30, False), (14, True), (7.5, True), (1, True), (-3, True)],
)
def test_a_consent_that_ends_is_announced_once_at_each_threshold(
    session: Session, ledger: Ledger, days_left: float | None, told: bool
) -> None:
    ends_at = None if days_left is None else AT + dt.timedelta(days=days_left)
    ledger.connection.consent_expires_at = ends_at
    session.flush()

    first = notifications.warn_of_consent_expiry(session, now=AT)
    again = notifications.warn_of_consent_expiry(session, now=AT)

    assert (first.inserted, again.written) == (int(told), 0)


def test_a_consent_is_announced_five_times_on_its_way_out(session: Session, ledger: Ledger) -> None:
    ledger.connection.consent_expires_at = AT + dt.timedelta(days=20)
    session.flush()
    for hours in range(0, 24 * 22, 6):
        notifications.warn_of_consent_expiry(session, now=AT + dt.timedelta(hours=hours))

    said = session.scalars(sa.select(Notification.dedup_key)).all()

    assert sorted(int(key.rsplit(":", 1)[1]) for key in said) == [0, 1, 3, 7, 14]


def test_the_newest_comes_first_whatever_the_page(session: Session, ledger: Ledger) -> None:
    ages = [3, 1, 4, 1, 5, 9, 2, 6]
    for number, age in enumerate(ages):
        say(session, ledger.user.id, f"{age} {number}", days_ago=age)
    say(session, make_ledger(session).user.id, "0 of somebody else")
    found: list[Notification] = []
    after: str | None = None
    while True:
        page = notifications.list_notifications(session, ledger.user.id, after=after, limit=3)
        found += page.items
        if (after := page.after) is None:
            break

    assert [int(row.dedup_key.split()[0]) for row in found] == sorted(ages)
    assert len({row.id for row in found}) == len(ages)


def test_a_list_is_of_one_type_or_of_what_was_read_or_not(session: Session, ledger: Ledger) -> None:
    user_id = ledger.user.id
    read, unread = say(session, user_id, "read"), say(session, user_id, "unread")
    notifications.notify(session, user_id, OTHER, "other", "x")
    notifications.mark_read(session, user_id, read.id, at=AT)

    def listed(is_read: bool | None, type_: NotificationType | None) -> set[str]:
        page = notifications.list_notifications(session, user_id, is_read=is_read, type_=type_)
        return {row.dedup_key for row in page.items}

    assert listed(True, None) == {"read"}
    assert listed(False, None) == {"unread", "other"}
    assert listed(False, TYPE) == {"unread"}
    assert listed(None, OTHER) == {"other"}
    assert notifications.count_unread(session, user_id) == 2
    assert unread.read_at is None


def test_reading_counts_from_the_first_time_and_can_be_taken_back(
    session: Session, ledger: Ledger
) -> None:
    row = say(session, ledger.user.id, "a")

    assert notifications.mark_read(session, ledger.user.id, row.id, at=AT).read_at == AT
    assert notifications.mark_read(session, ledger.user.id, row.id, at=AT + DAY).read_at == AT
    assert notifications.mark_unread(session, ledger.user.id, row.id).read_at is None
    assert notifications.count_unread(session, ledger.user.id) == 1


def test_all_is_read_at_once_and_nobody_elses(session: Session, ledger: Ledger) -> None:
    user_id, bob = ledger.user.id, make_ledger(session).user.id
    first = say(session, user_id, "first")
    notifications.mark_read(session, user_id, first.id, at=AT)
    for key in ("second", "third"):
        say(session, user_id, key)
        say(session, bob, key)

    assert notifications.mark_all_read(session, user_id, at=AT + DAY) == 2
    assert notifications.mark_all_read(session, user_id, at=AT + DAY) == 0
    assert notifications.count_unread(session, user_id) == 0
    assert notifications.count_unread(session, bob) == 2
    session.refresh(first)
    assert first.read_at == AT


def test_nobody_reads_changes_or_deletes_what_is_not_theirs(
    session: Session, ledger: Ledger
) -> None:
    row, bob = say(session, ledger.user.id, "a"), make_ledger(session).user.id

    assert notifications.get_notification(session, bob, row.id) is None
    for act in (
        lambda: notifications.mark_read(session, bob, row.id, at=AT),
        lambda: notifications.mark_unread(session, bob, row.id),
        lambda: notifications.delete_notification(session, bob, row.id, at=AT),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert notifications.get_notification(session, ledger.user.id, row.id) is row


def test_what_was_deleted_is_gone_and_not_said_again(session: Session, ledger: Ledger) -> None:
    user_id = ledger.user.id
    row = say(session, user_id, "a")

    notifications.delete_notification(session, user_id, row.id, at=AT)

    assert notifications.get_notification(session, user_id, row.id) is None
    assert keys(session, user_id) == []
    assert notifications.count_unread(session, user_id) == 0
    assert not notifications.notify(session, user_id, TYPE, "a", "about a")
    assert keys(session, user_id) == []
    assert row.message == ""
    with pytest.raises(NotFoundError):
        notifications.mark_read(session, user_id, row.id, at=AT)


def test_the_database_lets_nothing_be_removed_and_still_say_something(
    session: Session, ledger: Ledger
) -> None:
    row = say(session, ledger.user.id, "a")

    row.removed_at = AT
    with pytest.raises(sa.exc.IntegrityError, match="removed_says_nothing"):
        session.flush()


def test_what_is_old_is_purged_in_batches_and_not_said_again(
    session: Session, ledger: Ledger
) -> None:
    user_id, bob = ledger.user.id, make_ledger(session).user.id
    for number in range(5):
        say(session, user_id, f"old {number}", days_ago=100 + number)
    old = say(session, bob, "old", days_ago=100)
    notifications.mark_read(session, bob, old.id, at=AT)
    say(session, user_id, "young", days_ago=90)
    before = AT - 90 * DAY

    purged = [
        notifications.purge_notifications(session, before=before, at=AT, limit=4) for _ in range(3)
    ]

    assert purged == [4, 2, 0]
    assert keys(session, user_id) == ["young"]
    assert keys(session, bob) == []
    assert not notifications.notify(session, user_id, TYPE, "old 1", "about old 1")
    assert session.scalars(sa.select(sa.func.max(sa.func.length(Notification.message)))).one() == 11


def test_what_is_still_so_is_not_said_again_after_a_purge(session: Session, ledger: Ledger) -> None:
    ledger.connection.consent_expires_at = AT + DAY
    session.flush()
    assert notifications.warn_of_consent_expiry(session, now=AT).inserted == 1
    later = dt.datetime.now(dt.UTC) + DAY

    assert notifications.purge_notifications(session, before=later, at=AT) == 1

    assert notifications.warn_of_consent_expiry(session, now=AT).written == 0
    assert keys(session, ledger.user.id) == []


def test_a_purge_leaves_what_somebody_holds_for_the_next_time(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
        held = say(session, user_id, "held", days_ago=100)
        say(session, user_id, "free", days_ago=100)
    with sessions.begin() as reader, sessions.begin() as purger:
        notifications.mark_read(reader, user_id, held.id, at=AT)

        assert notifications.purge_notifications(purger, before=AT, at=AT) == 1

    with sessions.begin() as session:
        assert keys(session, user_id) == ["held"]
        assert notifications.purge_notifications(session, before=AT, at=AT) == 1


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_a_size(session: Session, ledger: Ledger, limit: int) -> None:
    with pytest.raises(OperationError, match="from 1 to 1000"):
        notifications.list_notifications(session, ledger.user.id, limit=limit)


def test_a_session_of_one_user_tells_and_reads_for_them_alone(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        ann, bob = make_ledger(session).user.id, make_ledger(session).user.id
        say(session, bob, "of bob")
    with user_session(sessions, ann) as session:
        assert notifications.notify(session, ann, TYPE, "a", "x")
        assert notifications.mark_all_read(session, ann, at=AT) == 1
        assert keys(session, bob) == []
    with pytest.raises(sa.exc.ProgrammingError), user_session(sessions, ann) as session:
        notifications.notify(session, bob, TYPE, "b", "x")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["notify", "delete", "purge", "read", "unread"]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=20,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_each_thing_is_said_once_whatever_happens_in_between(
    sessions: sessionmaker[Session], steps: list[tuple[str, str]]
) -> None:
    with sessions() as session:
        user_id = make_ledger(session).user.id
        said: dict[str, bool] = {}
        removed: set[str] = set()
        for step, key in steps:
            ids = {
                row.dedup_key: row.id
                for row in notifications.list_notifications(session, user_id).items
            }
            if step == "notify":
                fresh = notifications.notify(session, user_id, TYPE, key, key)
                assert fresh == (key not in said)
                said.setdefault(key, False)
            elif step == "purge":
                later = dt.datetime.now(dt.UTC) + DAY
                notifications.purge_notifications(session, before=later, at=AT)
                removed |= set(said)
            elif key in ids:
                if step == "delete":
                    notifications.delete_notification(session, user_id, ids[key], at=AT)
                    removed.add(key)
                elif step == "read":
                    notifications.mark_read(session, user_id, ids[key], at=AT)
                    said[key] = True
                else:
                    notifications.mark_unread(session, user_id, ids[key])
                    said[key] = False
            shown = set(said) - removed
            assert set(keys(session, user_id)) == shown
            unread = sum(not said[each] for each in shown)
            assert notifications.count_unread(session, user_id) == unread
        session.rollback()
