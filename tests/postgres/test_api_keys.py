"""Keys of a broker: stored encrypted, readable in their own place only, one to an account."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import DecryptionError, SecretBox
from postgres.errors import AlreadyExistsError, OperationError
from postgres.trading212.models import ApiKey
from postgres.trading212.operations import api_keys
from tests.postgres.ledger import Ledger, make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
WRITERS = 8


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def box() -> SecretBox:
    return SecretBox([Fernet(Fernet.generate_key())])


def add_key(session: Session, user_id: uuid.UUID, box: SecretBox, account: int = 7) -> ApiKey:
    return api_keys.create_api_key(
        session,
        user_id,
        provider_account_id=account,
        currency="GBP",
        key=SecretStr("the-key"),
        secret=SecretStr("the-secret"),
        box=box,
    )


def clear(row: ApiKey, box: SecretBox) -> tuple[str, str | None]:
    key, secret = api_keys.credentials(row, box)
    return key.get_secret_value(), None if secret is None else secret.get_secret_value()


def test_a_key_comes_back_in_clear_from_the_database(
    session: Session, ledger: Ledger, box: SecretBox
) -> None:
    row = add_key(session, ledger.user.id, box)
    session.expire_all()

    assert clear(row, box) == ("the-key", "the-secret")
    stored = session.execute(sa.text("select api_keys::text from trading212.api_keys")).scalar_one()
    assert "the-key" not in stored


def test_an_older_key_has_no_secret(session: Session, ledger: Ledger, box: SecretBox) -> None:
    row = api_keys.create_api_key(
        session,
        ledger.user.id,
        provider_account_id=7,
        currency="GBP",
        key=SecretStr("the-key"),
        secret=None,
        box=box,
    )

    assert clear(row, box) == ("the-key", None)


def test_a_released_key_reads_though_it_was_not_bound_to_its_row(
    session: Session, ledger: Ledger, box: SecretBox
) -> None:
    row = add_key(session, ledger.user.id, box)
    for column, text in (("key", "old-key"), ("secret", "old-secret")):
        context = f"trading212.api_keys.{column}:{ledger.user.id}"
        session.execute(
            sa.text(f"update trading212.api_keys set {column}_ciphertext = :token"),  # noqa: S608
            {"token": box.encrypt(text, context=context)},
        )
    session.expire_all()

    assert clear(row, box) == ("old-key", "old-secret")


def test_a_released_key_of_another_owner_or_column_is_refused(
    session: Session, ledger: Ledger, box: SecretBox
) -> None:
    row = add_key(session, ledger.user.id, box)
    for context in (
        f"trading212.api_keys.secret:{ledger.user.id}",
        f"trading212.api_keys.key:{uuid.uuid4()}",
    ):
        token = {"token": box.encrypt("other", context=context)}
        session.execute(sa.text("update trading212.api_keys set key_ciphertext = :token"), token)
        session.expire_all()

        with pytest.raises(DecryptionError):
            api_keys.credentials(row, box)


def test_a_removed_key_is_gone_and_its_account_can_be_connected_again(
    session: Session, ledger: Ledger, box: SecretBox
) -> None:
    row = add_key(session, ledger.user.id, box)
    with pytest.raises(AlreadyExistsError, match="7"):
        add_key(session, ledger.user.id, box)

    api_keys.remove(session, ledger.user.id, row.id, at=AT)
    session.expire_all()
    assert (row.key_ciphertext, row.secret_ciphertext, row.removed_at) == (None, None, AT)
    assert api_keys.list_api_keys(session, ledger.user.id, is_removed=False).items == []
    with pytest.raises(OperationError):
        api_keys.credentials(row, box)

    assert add_key(session, ledger.user.id, box).id == row.id
    assert clear(row, box) == ("the-key", "the-secret")


def test_one_of_those_who_connect_an_account_at_once_does(
    sessions: sessionmaker[Session], box: SecretBox
) -> None:
    with sessions.begin() as session:
        user_id = make_ledger(session).user.id
    start = Barrier(WRITERS)

    def connect() -> bool:
        start.wait()
        try:
            with sessions.begin() as session:
                add_key(session, user_id, box)
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        connected = [done.result() for done in [pool.submit(connect) for _ in range(WRITERS)]]

    assert sorted(connected) == [False] * (WRITERS - 1) + [True]


def test_a_key_is_its_owners_alone(session: Session, ledger: Ledger, box: SecretBox) -> None:
    row, bob = add_key(session, ledger.user.id, box), make_ledger(session).user.id
    day = dt.date(2026, 3, 1)

    api_keys.advance_watermark(session, bob, row.id, "orders_through", day)
    api_keys.remove(session, bob, row.id, at=AT)
    api_keys.erase(session, bob, row.id)
    session.expire_all()

    assert api_keys.get_api_key(session, bob, row.id) is None
    assert api_keys.get_api_key(session, ledger.user.id, row.id) is row
    assert (row.removed_at, row.orders_through) == (None, None)
    assert api_keys.list_api_keys(session, bob).items == []


def test_a_watermark_never_moves_back(session: Session, ledger: Ledger, box: SecretBox) -> None:
    row = add_key(session, ledger.user.id, box)
    for day in (2, 3, 1):
        through = dt.date(2026, 3, day)
        api_keys.advance_watermark(session, ledger.user.id, row.id, "orders_through", through)
    session.expire_all()

    assert row.orders_through == dt.date(2026, 3, 3)
    api_keys.erase(session, ledger.user.id, row.id)
    assert api_keys.list_api_keys(session, ledger.user.id).items == []
