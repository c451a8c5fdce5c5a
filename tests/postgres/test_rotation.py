"""Rotation of keys: all of it, in any number of attempts, beside others who write."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections import Counter
from threading import Event, Thread

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import DecryptionError, SecretBox
from postgres.auth.models import User
from postgres.encrypted import reveal, seal
from postgres.rotation import encrypted_columns, rotate
from postgres.trading212.models import ApiKey
from tests.postgres.contents import everything_in, forms
from tests.postgres.ledger import make_ledger

OLD, NEW = Fernet.generate_key(), Fernet.generate_key()
KEYS = 23
PLACES = {"trading212.api_keys.key_ciphertext", "trading212.api_keys.secret_ciphertext"}


def box(*keys: bytes) -> SecretBox:
    return SecretBox([Fernet(key) for key in keys])


def new_key(user_id: uuid.UUID, number: int, with_key: bytes) -> ApiKey:
    row = ApiKey(id=uuid.uuid4(), user_id=user_id, provider_account_id=number, currency="GBP")
    seal(box(with_key), row, ApiKey.key_ciphertext, SecretStr(f"key {number}"))
    if number % 2:
        seal(box(with_key), row, ApiKey.secret_ciphertext, SecretStr(f"secret {number}"))
    return row


@pytest.fixture
def user_id(sessions: sessionmaker[Session]) -> uuid.UUID:
    """A user with keys that were all stored with the old key, half of them with a secret."""
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
        session.add_all(new_key(user_id, number, OLD) for number in range(KEYS))
    return user_id


def clear(session: Session, with_box: SecretBox) -> dict[int, list[str]]:
    rows = session.scalars(sa.select(ApiKey).execution_options(populate_existing=True))
    return {
        row.provider_account_id: [
            reveal(with_box, row, column).get_secret_value()
            for column in (ApiKey.key_ciphertext, ApiKey.secret_ciphertext)
            if getattr(row, column.key) is not None
        ]
        for row in rows
    }


def everything() -> dict[int, list[str]]:
    return {n: [f"key {n}", *([f"secret {n}"] if n % 2 else [])] for n in range(KEYS)}


def totals(sessions: sessionmaker[Session], *keys: bytes, batch: int = 5) -> Counter[str]:
    found = Counter[str]()
    for done in rotate(sessions, box(*keys), batch=batch):
        found.update(renewed=done.renewed, current=done.current, unreadable=len(done.unreadable))
    return +found


def versions(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(sa.text("select id::text, xmin::text from trading212.api_keys"))
    return sorted((row.id, row.xmin) for row in rows)


def test_afterwards_the_old_key_can_be_dropped(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    assert totals(sessions, NEW, OLD) == {"renewed": KEYS + KEYS // 2}

    with sessions() as session:
        assert clear(session, box(NEW)) == everything()
        with pytest.raises(DecryptionError):
            clear(session, box(OLD))


def test_a_second_run_writes_nothing(sessions: sessionmaker[Session], user_id: uuid.UUID) -> None:
    totals(sessions, NEW, OLD)
    with sessions() as session:
        before = versions(session)

    assert totals(sessions, NEW, OLD) == {"current": KEYS + KEYS // 2}
    assert totals(sessions, NEW) == {"current": KEYS + KEYS // 2}
    with sessions() as session:
        assert versions(session) == before


@pytest.mark.parametrize("batch", [1, KEYS - 1, KEYS, KEYS + 1])
def test_no_size_of_a_batch_leaves_a_row_out(
    sessions: sessionmaker[Session], user_id: uuid.UUID, batch: int
) -> None:
    assert totals(sessions, NEW, OLD, batch=batch) == {"renewed": KEYS + KEYS // 2}


def test_without_any_secret_every_column_was_looked_at(sessions: sessionmaker[Session]) -> None:
    places = [done.place for done in rotate(sessions, box(NEW))]

    assert len(places) == len(encrypted_columns())
    assert set(places) >= PLACES


def test_what_a_release_bound_to_its_owner_alone_is_bound_to_its_row(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    with sessions.begin() as session:
        for column in ("key", "secret"):
            context = f"trading212.api_keys.{column}:{user_id}"
            session.execute(
                sa.text(f"update trading212.api_keys set {column}_ciphertext = :token"),  # noqa: S608
                {"token": box(NEW).encrypt(f"released {column}", context=context)},
            )

    # The key is the newest already; the binding is not.
    assert totals(sessions, NEW) == {"renewed": 2 * KEYS}
    assert totals(sessions, NEW) == {"current": 2 * KEYS}
    with sessions.begin() as session:
        one, two = session.scalars(sa.select(ApiKey).limit(2))
        one.key_ciphertext = two.key_ciphertext
        session.flush()
        with pytest.raises(DecryptionError, match="moved"):
            reveal(box(NEW), one, ApiKey.key_ciphertext)
        session.rollback()
    with sessions() as session:
        read = clear(session, box(NEW))
    assert read == {n: ["released key", "released secret"] for n in range(KEYS)}


def test_what_does_not_open_is_named_left_alone_and_stops_nothing(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    with sessions.begin() as session:
        moved, taken, lost = session.scalars(
            sa.select(ApiKey).order_by(ApiKey.provider_account_id).limit(3)
        )
        moved.key_ciphertext = taken.key_ciphertext
        seal(box(Fernet.generate_key()), lost, ApiKey.key_ciphertext, SecretStr("gone"))
        bad = {moved.id, lost.id}
        before = {row.id: row.key_ciphertext for row in (moved, lost)}

    batches = list(rotate(sessions, box(NEW, OLD), batch=5))

    assert {row_id for done in batches for row_id in done.unreadable} == bad
    assert sum(done.renewed for done in batches) == KEYS - 2 + KEYS // 2
    with sessions() as session:
        assert {each: session.get_one(ApiKey, each).key_ciphertext for each in bad} == before


def test_a_writer_is_waited_for_and_its_value_kept(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    found: list[Counter[str]] = []
    with sessions.begin() as session:
        row = session.scalars(sa.select(ApiKey).where(ApiKey.provider_account_id == 3)).one()
        seal(box(OLD), row, ApiKey.key_ciphertext, SecretStr("changed meanwhile"))
        session.flush()
        started = Event()

        def run() -> None:
            started.set()
            found.append(totals(sessions, NEW, OLD))

        rotation = Thread(target=run)
        rotation.start()
        started.wait()
        _until_somebody_waits(sessions)
    rotation.join()

    assert found == [Counter(renewed=KEYS + KEYS // 2)]
    with sessions() as session:
        assert clear(session, box(NEW)) == everything() | {3: ["changed meanwhile", "secret 3"]}


def test_rows_that_refer_to_a_secrets_row_do_not_hold_it_up(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    with sessions.begin() as session:
        # What the check of a foreign key does.
        session.execute(sa.select(ApiKey.id).with_for_update(read=True, key_share=True))

        assert totals(sessions, NEW, OLD) == {"renewed": KEYS + KEYS // 2}


def test_two_rotations_at_once_do_it_once(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    found: list[Counter[str]] = []
    runs = [
        Thread(target=lambda: found.append(totals(sessions, NEW, OLD, batch=1))) for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert sum(found, Counter()) == {"renewed": KEYS + KEYS // 2, "current": KEYS + KEYS // 2}
    with sessions() as session:
        assert clear(session, box(NEW)) == everything()


ROTATION = """
import os, sys
from cryptography.fernet import Fernet
from farthing.secrets import SecretBox
from postgres.core import make_engine, make_sessions
from postgres.rotation import rotate
sessions = make_sessions(make_engine(sys.argv[1], pooled=False))
for done in rotate(sessions, SecretBox([Fernet(key) for key in sys.argv[2:]]), batch=2):
    print(done.renewed, flush=True)
    sys.stdin.readline()
"""


def test_killed_in_the_middle_it_goes_on_where_it_was(
    sessions: sessionmaker[Session], user_id: uuid.UUID, database_url: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ROTATION, database_url, NEW.decode(), OLD.decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        done = int(process.stdout.readline())
        while done < 8:
            process.stdin.write("\n")
            process.stdin.flush()
            done += int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)

    with sessions() as session:
        assert clear(session, box(NEW, OLD)) == everything()
    assert totals(sessions, NEW, OLD) == {"renewed": KEYS + KEYS // 2 - done, "current": done}
    with sessions() as session:
        assert clear(session, box(NEW)) == everything()


def test_no_key_is_anywhere_in_the_database(
    sessions: sessionmaker[Session], user_id: uuid.UUID
) -> None:
    totals(sessions, NEW, OLD)

    with sessions() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(User)) == 1
        dump = everything_in(session)

    assert dump.count("\ngAAAA") == KEYS + KEYS // 2  # tokens, as Fernet writes them
    for key in (OLD, NEW):
        for form in forms(key.decode()):
            assert form not in dump


def _until_somebody_waits(sessions: sessionmaker[Session]) -> None:
    query = sa.text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    with sessions() as session:
        while not session.scalar(query):
            session.rollback()
