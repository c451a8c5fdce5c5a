"""Delivery: over real HTTP, at least once, and nobody's failure is somebody else's."""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import channels, housekeeping
from ingestion.channels import AddressError, SendError
from ingestion.deliver import deliver_due, is_any_due
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.enums import DeliveryStatus, NotificationType
from postgres.common.models import NotificationChannel as Channel
from postgres.common.models import NotificationDelivery
from postgres.common.operations import notification_channels, notification_deliveries, notifications
from tests.ingestion.receiver import PASSWORD, Receiver, receiving
from tests.postgres.ledger import make_ledger

KEY = Fernet.generate_key()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def run(sessions: sessionmaker[Session], tmp_path: Path) -> Run:
    settings = Settings(home=tmp_path, encryption_keys=SecretStr(KEY.decode()))
    return Run("run-1", sessions, settings, SecretBox.from_settings(settings))


@pytest.fixture
def ann(run: Run) -> uuid.UUID:
    with run.sessions.begin() as session:
        return make_ledger(session).user.id


def add(run: Run, user_id: uuid.UUID, name: str, address: str) -> uuid.UUID:
    with run.sessions.begin() as session:
        row = notification_channels.create_channel(
            session, user_id, name=name, address=SecretStr(address), box=run.secrets
        )
    return row.id


def tell(run: Run, user_id: uuid.UUID, *texts: str) -> None:
    with run.sessions.begin() as session:
        for text in texts:
            notifications.notify(session, user_id, NotificationType.SYNC_FAILED, text, text)


def rows(run: Run) -> list[NotificationDelivery]:
    with run.sessions() as session:
        return list(session.scalars(sa.select(NotificationDelivery)))


def make_due(run: Run) -> None:
    """Let the time pass for which failures are waited for."""
    with run.sessions.begin() as session:
        session.execute(sa.update(NotificationDelivery).values(next_attempt_at=None))


def states(run: Run, outcome: StepOutcome) -> dict[str, tuple[Status, int]]:
    with run.sessions() as session:
        names = {f"channel {c.id.hex[:8]}": c.name for c in session.scalars(sa.select(Channel))}
    return {names[each.label]: (each.status, each.counts.updated) for each in outcome.accounts}


def test_without_a_channel_nothing_is_sent(run: Run, ann: uuid.UUID) -> None:
    tell(run, ann, "a")

    assert not is_any_due(run)
    assert deliver_due(run).accounts == ()


def test_each_message_reaches_its_channels_once(
    run: Run, ann: uuid.UUID, receiver: Receiver
) -> None:
    with run.sessions.begin() as session:
        bob = make_ledger(session).user.id
    for user_id, name in ((ann, "phone"), (ann, "mail"), (bob, "tablet")):
        add(run, user_id, name, receiver.address(name))
    tell(run, ann, "one", "two")
    tell(run, bob, "three")
    assert is_any_due(run)

    outcome = deliver_due(run)

    assert Counter((m.path, m.text) for m in receiver.messages) == Counter(
        [("phone", "one"), ("phone", "two"), ("mail", "one"), ("mail", "two"), ("tablet", "three")]
    )
    assert states(run, outcome) == {
        "phone": (Status.COMPLETED, 2),
        "mail": (Status.COMPLETED, 2),
        "tablet": (Status.COMPLETED, 1),
    }
    assert {row.status for row in rows(run)} == {DeliveryStatus.SENT}
    assert {m.key for m in receiver.messages} == {str(row.id) for row in rows(run)}
    assert not is_any_due(run)
    assert deliver_due(run).accounts == ()
    assert len(receiver.messages) == 5


def test_a_channel_that_fails_is_tried_once_a_run_and_stops_no_other(
    run: Run, ann: uuid.UUID, receiver: Receiver
) -> None:
    receiver.answer = lambda path: 500 if path == "broken" else 200
    add(run, ann, "broken", receiver.address("broken"))
    add(run, ann, "phone", receiver.address("phone"))
    tell(run, ann, "one", "two")

    outcome = deliver_due(run)

    assert Counter(m.path for m in receiver.messages) == {"broken": 1, "phone": 2}
    assert states(run, outcome) == {"broken": (Status.DEFERRED, 0), "phone": (Status.COMPLETED, 2)}
    (broken,) = (each for each in outcome.accounts if each.status is not Status.COMPLETED)
    assert broken.reason == "the service answered 500"
    assert broken.resumes_at is not None
    (tried,) = (row for row in rows(run) if row.attempts)
    assert (tried.status, tried.last_error) == (DeliveryStatus.PENDING, "the service answered 500")
    assert tried.next_attempt_at == broken.resumes_at


def test_what_failed_is_sent_when_its_time_has_come_under_the_same_key(
    run: Run, ann: uuid.UUID, receiver: Receiver
) -> None:
    receiver.answer = lambda _path: 503
    add(run, ann, "phone", receiver.address("phone"))
    tell(run, ann, "one")
    deliver_due(run)
    receiver.answer = lambda _path: 200
    assert deliver_due(run).accounts == ()  # not yet

    make_due(run)
    outcome = deliver_due(run)

    assert states(run, outcome) == {"phone": (Status.COMPLETED, 1)}
    assert len(receiver.messages) == 2
    assert len({m.key for m in receiver.messages}) == 1
    (row,) = rows(run)
    assert (row.status, row.attempts, row.last_error) == (DeliveryStatus.SENT, 1, None)


def test_after_the_last_attempt_it_has_failed(run: Run, ann: uuid.UUID) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        add(run, ann, "phone", f"json://ann:{PASSWORD}@127.0.0.1:{closed.getsockname()[1]}/")
        tell(run, ann, "one")
        outcomes: list[AccountOutcome] = []
        for _ in range(notification_deliveries.ATTEMPTS):
            outcomes += deliver_due(run).accounts
            make_due(run)

    assert [each.status for each in outcomes] == [
        *[Status.DEFERRED] * (notification_deliveries.ATTEMPTS - 1),
        Status.FAILED,
    ]
    assert {each.reason for each in outcomes} == {"the service could not be reached"}
    (row,) = rows(run)
    assert row.status is DeliveryStatus.FAILED
    assert deliver_due(run).accounts == ()


def test_a_channel_whose_address_nobody_can_read_or_use_stops_no_other(
    run: Run, ann: uuid.UUID, receiver: Receiver
) -> None:
    other = SecretBox([Fernet(Fernet.generate_key())])
    with run.sessions.begin() as session:
        notification_channels.create_channel(
            session, ann, name="lost key", address=SecretStr("json://x"), box=other
        )
    add(run, ann, "nonsense", "nonsense://x")
    add(run, ann, "phone", receiver.address("phone"))
    tell(run, ann, "one")

    outcome = deliver_due(run)

    assert states(run, outcome) == {
        "lost key": (Status.DEFERRED, 0),
        "nonsense": (Status.DEFERRED, 0),
        "phone": (Status.COMPLETED, 1),
    }


def test_two_at_once_share_the_work(run: Run, ann: uuid.UUID, receiver: Receiver) -> None:
    add(run, ann, "phone", receiver.address("phone"))
    tell(run, ann, *(f"message {number}" for number in range(10)))
    # Nobody is answered before both have sent something.
    both = Barrier(2)
    first = iter(range(2))

    def meet(_message: object) -> None:
        if next(first, None) is not None:
            both.wait(30)

    receiver.before = meet
    with ThreadPoolExecutor(2) as pool:
        outcomes = [done.result() for done in [pool.submit(deliver_due, run) for _ in range(2)]]

    assert Counter(m.text for m in receiver.messages) == {f"message {n}": 1 for n in range(10)}
    assert sum(outcome.counts.updated for outcome in outcomes) == 10
    assert all(outcome.counts.updated for outcome in outcomes)


DELIVERER = """
import sys
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.deliver import deliver_due
from ingestion.run import Run
from postgres.core import make_engine, make_sessions
settings = Settings.load()
sessions = make_sessions(make_engine(settings.database_url, pooled=False))
deliver_due(Run("killed", sessions, settings, SecretBox.from_settings(settings)))
"""


@pytest.mark.slow
def test_killed_between_sending_and_commit_it_is_sent_again(
    run: Run, ann: uuid.UUID, receiver: Receiver, database_url: str, tmp_path: Path
) -> None:
    add(run, ann, "phone", receiver.address("phone"))
    tell(run, ann, "one")
    received, over = Event(), Event()

    def hold(_message: object) -> None:
        received.set()
        over.wait(60)

    receiver.before = hold
    environment = {
        **os.environ,
        "FARTHING_HOME": str(tmp_path),
        "FARTHING_DATABASE_URL": database_url,
        "FARTHING_ENCRYPTION_KEYS": KEY.decode(),
    }
    with subprocess.Popen([sys.executable, "-c", DELIVERER], env=environment) as process:
        assert received.wait(60)
        # It has it, and nobody else may send it meanwhile.
        assert deliver_due(run).accounts == ()
        process.send_signal(signal.SIGKILL)
    over.set()
    receiver.before = lambda _message: None

    deadline = time.monotonic() + 30
    while not deliver_due(run).accounts:  # until the server has noticed
        assert time.monotonic() < deadline

    first, again = receiver.messages
    assert (first.text, first.key) == (again.text, again.key) == ("one", first.key)
    (row,) = rows(run)
    assert row.status is DeliveryStatus.SENT


def test_no_password_is_in_what_is_logged_stored_or_reported(
    run: Run, ann: uuid.UUID, receiver: Receiver
) -> None:
    receiver.answer = lambda path: 403 if path == "broken" else 200
    add(run, ann, "broken", receiver.address("broken"))
    add(run, ann, "phone", receiver.address("phone"))
    add(run, ann, "closed", f"json://ann:{PASSWORD}@127.0.0.1:1/")
    add(run, ann, "chat", f"tgram://123456789:{PASSWORD}/x/?verify={PASSWORD}")
    add(run, ann, "nonsense", f"nonsense://ann:{PASSWORD}@127.0.0.1/")
    tell(run, ann, "one")
    logged: list[str] = []

    with everything_logged(logged):
        outcome = deliver_due(run)

    assert len(outcome.accounts) == 5
    with run.sessions() as session:
        stored = session.scalars(
            sa.text("select d::text from common.notification_deliveries as d")
        ).all()
    assert PASSWORD not in "\n".join([*logged, repr(outcome), *stored])
    assert "nonsense" not in repr(outcome)  # what a user calls a channel is nobody's business
    # Not even what Apprise thinks is safe, nor what it stands on says.
    assert [line for line in logged if line.startswith(("apprise", "urllib3", "requests"))] == []


@contextmanager
def everything_logged(lines: list[str]) -> Iterator[None]:
    """Hear what an application would that logs all it can; caplog hears even what is kept back."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name} {record.getMessage()}")

    root, listener = logging.getLogger(), Listener()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


@pytest.mark.parametrize(
    "address", ["", "x", "nonsense://x", "json://", "https://example.org", f"x://ann:{PASSWORD}@x"]
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(AddressError) as caught:
        channels.check_address(SecretStr(address))

    assert PASSWORD not in repr(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "address",
    [
        "ntfy://topic",
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/12315544",
        "mailto://ann:password@example.org",
        "json://127.0.0.1:8080/path",
    ],
)
def test_addresses_of_the_usual_services_are_taken_and_nothing_is_sent(address: str) -> None:
    channels.check_address(SecretStr(address))


def test_an_address_does_not_decide_how_often_a_message_is_tried(receiver: Receiver) -> None:
    receiver.answer = lambda _path: 500

    with pytest.raises(SendError, match="answered 500"):
        channels.send(SecretStr(f"{receiver.address('x')}?retry=2&wait=0"), "one", key="1")

    assert len(receiver.messages) == 1


def test_each_of_those_who_send_at_once_hears_what_its_own_service_answered(
    receiver: Receiver,
) -> None:
    everybody = Barrier(4)
    receiver.answer = int
    receiver.before = lambda _message: everybody.wait(30)

    def send(status: int) -> str:
        with pytest.raises(SendError) as caught:
            channels.send(SecretStr(receiver.address(str(status))), "one", key="1")
        return str(caught.value)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(send, (400, 403, 500, 503)))

    assert said == [f"the service answered {status}" for status in (400, 403, 500, 503)]


def test_old_notifications_go_in_as_many_batches_as_it_takes(
    run: Run, ann: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "PURGE_BATCH", 2)
    tell(run, ann, *"abcde")
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)

    assert housekeeping.purge_notifications(run, before=tomorrow) == 5
    assert housekeeping.purge_notifications(run, before=tomorrow) == 0


def test_a_service_that_never_answers_is_not_waited_for_longer_than_is_bearable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "LONGEST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        address = SecretStr(f"json://127.0.0.1:{port}/?rto=3600&cto=3600&retry=5")
        started = time.monotonic()

        with pytest.raises(SendError, match="could not be reached"):
            channels.send(address, "one", key="1")

    assert time.monotonic() - started < 5
