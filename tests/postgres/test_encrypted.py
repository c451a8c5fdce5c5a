"""Encrypted columns: what is sealed into one place opens there only, and shows nowhere."""

from __future__ import annotations

import logging
import pickle
import uuid
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import InstrumentedAttribute, Session

from farthing.secrets import DecryptionError, SecretBox
from postgres.auth.models import User
from postgres.common.models import NotificationChannel
from postgres.common.operations import notification_channels
from postgres.core import make_engine
from postgres.encrypted import Encrypted, EncryptedText, NotSealedError, reveal, seal
from postgres.errors import NotFoundError
from postgres.models import metadata
from postgres.rotation import encrypted_columns
from postgres.trading212.models import ApiKey

PLAINTEXT = "a-broker-key-of-some-length"
BOX = SecretBox([Fernet(Fernet.generate_key())])
KEY, SECRET = ApiKey.key_ciphertext, ApiKey.secret_ciphertext
Column = InstrumentedAttribute[Any]


def make_user(session: Session, name: str) -> User:
    user = User(name=name, password_hash="not a hash")
    session.add(user)
    session.flush()
    return user


def make_key(session: Session, user: User, number: int) -> ApiKey:
    row = ApiKey(id=uuid.uuid4(), user_id=user.id, provider_account_id=number, currency="GBP")
    seal(BOX, row, KEY, SecretStr(f"{PLAINTEXT} {user.name} {number} key"))
    seal(BOX, row, SECRET, SecretStr(f"{PLAINTEXT} {user.name} {number} secret"))
    session.add(row)
    session.flush()
    return row


def make_channel(session: Session, user: User, name: str) -> NotificationChannel:
    address = SecretStr(f"{PLAINTEXT} {name}")
    return notification_channels.create_channel(
        session, user.id, name=name, address=address, box=BOX
    )


def clear(row: Any, column: Column) -> str:
    return reveal(BOX, row, column).get_secret_value()


def test_every_place_is_the_column_itself() -> None:
    columns = encrypted_columns()

    assert {c.type.place for c in columns if isinstance(c.type, EncryptedText)} == {
        f"{c.table.fullname}.{c.name}" for c in columns
    }
    assert len(columns) >= 2


def test_every_column_that_holds_a_ciphertext_is_of_the_type() -> None:
    telling = ("ciphertext", "encrypted", "secret", "token", "password", "url")
    binary = [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and any(t in column.name for t in telling)
    ]

    assert [c for c in binary if c not in encrypted_columns() and "hash" not in c.name] == []


def test_no_ciphertext_is_kept_in_the_audit_log() -> None:
    # It would outlive a rotation there.
    for column in encrypted_columns():
        audited = column.table.info.get("audited", (column.table.primary_key.columns[0].name,))
        assert audited != ()
        assert column.name not in audited


def test_swapped_ciphertexts_fail_whichever_two_places_they_are_of(session: Session) -> None:
    ann, bob = make_user(session, "ann"), make_user(session, "bob")
    rows = [make_key(session, ann, 1), make_key(session, ann, 2), make_key(session, bob, 1)]
    places: list[tuple[Any, Column]] = [(row, col) for row in rows for col in (KEY, SECRET)]
    channels = [make_channel(session, ann, "a"), make_channel(session, ann, "b")]
    places += [(channel, NotificationChannel.address) for channel in channels]
    session.commit()
    for (row, column), (other, theirs) in permutations(places, 2):
        stored = sa.select(theirs).where(theirs.class_.id == other.id).scalar_subquery()
        # In the database, past everything that Python would say to it.
        session.execute(
            sa.update(column.class_)
            .where(column.class_.id == row.id)
            .values({column.key: stored})
            .execution_options(synchronize_session=False)
        )
        session.expire_all()

        with pytest.raises(DecryptionError, match="moved"):
            reveal(BOX, row, column)
        assert PLAINTEXT in clear(other, theirs)
        session.rollback()
    for row, column in places:
        assert clear(row, column).startswith(PLAINTEXT)


def test_a_row_given_to_another_user_takes_no_secret_along(session: Session) -> None:
    ann, bob = make_user(session, "ann"), make_user(session, "bob")
    row = make_key(session, ann, 1)

    row.user_id = bob.id
    session.flush()

    with pytest.raises(DecryptionError, match="moved"):
        reveal(BOX, row, KEY)


@pytest.mark.parametrize(
    "value",
    [PLAINTEXT, PLAINTEXT.encode(), Encrypted("trading212.api_keys.secret_ciphertext", b"x")],
)
def test_what_was_not_sealed_for_the_column_is_not_written(session: Session, value: Any) -> None:
    row = make_key(session, make_user(session, "ann"), 1)
    session.commit()

    row.key_ciphertext = value
    with pytest.raises(NotSealedError) as caught:
        session.flush()

    assert "trading212.api_keys.key_ciphertext" in str(caught.value)
    assert PLAINTEXT not in repr(caught.value) + str(caught.value)
    session.rollback()
    assert clear(row, KEY).startswith(PLAINTEXT)


def test_bulk_statements_refuse_a_plaintext_too(session: Session) -> None:
    make_key(session, make_user(session, "ann"), 1)

    with pytest.raises(NotSealedError) as caught:
        session.execute(sa.update(ApiKey).values(key_ciphertext=PLAINTEXT))

    assert PLAINTEXT not in str(caught.value)


def test_a_row_without_id_or_owner_cannot_be_sealed_for() -> None:
    for row in (ApiKey(user_id=uuid.uuid4()), ApiKey(id=uuid.uuid4())):
        with pytest.raises(NotSealedError) as caught:
            seal(BOX, row, KEY, SecretStr(PLAINTEXT))

        assert PLAINTEXT not in str(caught.value)


def test_nothing_stored_is_nothing_revealed(session: Session) -> None:
    row = make_key(session, make_user(session, "ann"), 1)

    row.secret_ciphertext = None
    session.flush()
    session.expire_all()

    with pytest.raises(NotFoundError, match="secret_ciphertext"):
        reveal(BOX, row, SECRET)


def test_a_value_shows_its_place_and_nothing_else(session: Session) -> None:
    row = make_key(session, make_user(session, "ann"), 1)

    assert repr(row.key_ciphertext) == "Encrypted(trading212.api_keys.key_ciphertext)"
    assert PLAINTEXT not in repr(reveal(BOX, row, KEY))
    assert PLAINTEXT.encode() not in pickle.dumps(row.key_ciphertext)


def test_reading_a_row_again_does_not_write_it(session: Session) -> None:
    row = make_key(session, make_user(session, "ann"), 1)
    session.commit()
    row.key_ciphertext = Encrypted(
        "trading212.api_keys.key_ciphertext",
        row.key_ciphertext.token if row.key_ciphertext else b"",
    )

    assert not session.is_modified(row)


def test_neither_plaintext_nor_ciphertext_is_logged_or_in_an_error(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(database_url, pooled=False)
    engine.echo = True
    with caplog.at_level(logging.DEBUG), Session(engine) as session:
        row = make_key(session, make_user(session, "ann"), 1)
        token = row.key_ciphertext.token.decode() if row.key_ciphertext else ""
        session.commit()
        with pytest.raises(sa.exc.IntegrityError) as caught:
            make_key(session, session.get_one(User, row.user_id), 1)

    said = caplog.text + str(caught.value) + repr(caught.value)
    assert "insert into trading212.api_keys" in said.lower()
    assert PLAINTEXT not in said
    assert token not in said
