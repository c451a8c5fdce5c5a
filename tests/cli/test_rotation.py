"""``farthing db rotate-keys``: what was stored stays readable, and the old key is not needed."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from postgres.trading212.models import ApiKey
from postgres.trading212.operations import api_keys
from sandbox.server import Sandbox
from tests.cli.support import farthing


@pytest.fixture
def connected(providers: Sandbox, ann: str) -> Sandbox:
    """A sandbox whose broker key is stored with the generated key."""
    assert farthing("connect", "trading212").code == 0
    return providers


def key_file() -> Path:
    return Settings.load().home / "encryption.key"


def stored_key(ledger: sessionmaker[Session]) -> str:
    with ledger() as session:
        row = session.scalars(sa.select(ApiKey)).one()
    return api_keys.credentials(row, SecretBox.from_settings(Settings.load()))[0].get_secret_value()


def test_with_a_new_key_the_old_one_can_be_dropped(
    connected: Sandbox, ledger: sessionmaker[Session]
) -> None:
    old = key_file().read_text()

    result = farthing("db", "rotate-keys", "--new-key")

    assert result.code == 0
    assert "Every secret is encrypted with the newest key." in result.out
    newest, _, rest = key_file().read_text().partition(",")
    assert rest == old
    assert newest not in result.out + result.err
    key_file().write_text(newest)
    assert stored_key(ledger) == connected.trading212_key


def test_a_key_that_was_put_in_front_is_used_and_a_second_run_has_nothing_to_do(
    connected: Sandbox, ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = Fernet.generate_key().decode()
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", f"{newest},{key_file().read_text()}")

    first, second = farthing("db", "rotate-keys"), farthing("db", "rotate-keys")

    assert (first.code, second.code) == (0, 0)
    places = ("trading212.api_keys.key_ciphertext", "trading212.api_keys.secret_ciphertext")
    for place in places:
        assert _row(first.out, place) == [place, "1", "0", "0"]
        assert _row(second.out, place) == [place, "0", "1", "0"]
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", newest)
    assert stored_key(ledger) == connected.trading212_key


def test_a_lost_key_is_said_with_the_rows_that_need_it(
    connected: Sandbox, ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", Fernet.generate_key().decode())

    result = farthing("db", "rotate-keys")

    assert result.code == 3
    with ledger() as session:
        row_id = session.scalars(sa.select(ApiKey.id)).one()
    assert f"trading212.api_keys.key_ciphertext of row {row_id}" in result.out


def test_a_new_key_has_no_file_to_go_to_where_keys_are_configured(
    ledger: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", Fernet.generate_key().decode())

    result = farthing("db", "rotate-keys", "--new-key")

    assert result.code == 2
    assert result.error.startswith("FARTHING_ENCRYPTION_KEYS ")


def _row(printed: str, place: str) -> list[str]:
    (line,) = (line for line in printed.splitlines() if line.startswith(place))
    return line.split()
