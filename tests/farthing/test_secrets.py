"""Stored credentials: readable with the key, in their own place, and nowhere else."""

from __future__ import annotations

import base64
import multiprocessing
import os
import stat
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from farthing.errors import ConfigurationError
from farthing.secrets import DecryptionError, SecretBox, add_new_key
from farthing.settings import Settings

RACERS = 8
COLUMN = "trading212.api_keys.secret:ann"


def box(*keys: bytes) -> SecretBox:
    joined = ",".join(key.decode() for key in keys)
    return SecretBox.from_settings(Settings(encryption_keys=SecretStr(joined)))


def box_in(home: Path) -> SecretBox:
    return SecretBox.from_settings(Settings(home=home, encryption_keys=None))


KEY = base64.urlsafe_b64encode(bytes(range(32)))
BOX = box(KEY)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=20))
def test_round_trip(plaintext: str, context: str) -> None:
    context = context.encode("utf-8", "replace").decode()
    token = BOX.encrypt(plaintext, context=context)

    assert BOX.decrypt(token, context=context) == plaintext
    assert BOX.encrypt(plaintext, context=context) != token


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_secret_of_one_place_is_refused_in_another(contexts: list[str]) -> None:
    token = BOX.encrypt("key", context=contexts[0])

    with pytest.raises(DecryptionError, match="moved from another row or column"):
        BOX.decrypt(token, context=contexts[1])


def test_secret_moved_to_another_owner_is_refused() -> None:
    token = BOX.encrypt("ann's key", context="trading212.api_keys.secret:ann")

    with pytest.raises(DecryptionError) as caught:
        BOX.decrypt(token, context="trading212.api_keys.secret:bob")

    assert "ann's key" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_plaintext_is_not_in_the_token() -> None:
    token = BOX.encrypt("a-broker-key-of-some-length", context=COLUMN)

    assert b"broker" not in token


def test_after_rotation_old_secrets_read_and_new_ones_use_the_new_key() -> None:
    old_key, new_key = Fernet.generate_key(), Fernet.generate_key()
    stored = box(old_key).encrypt("key", context=COLUMN)

    rotated = box(new_key, old_key)
    written = rotated.encrypt("key", context=COLUMN)

    assert rotated.decrypt(stored, context=COLUMN) == "key"
    assert box(new_key).decrypt(written, context=COLUMN) == "key"
    with pytest.raises(DecryptionError, match="FARTHING_ENCRYPTION_KEYS"):
        box(old_key).decrypt(written, context=COLUMN)
    with pytest.raises(DecryptionError, match="FARTHING_ENCRYPTION_KEYS"):
        box(new_key).decrypt(stored, context=COLUMN)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_tampered_secret_is_refused(place: int, change: int) -> None:
    token = bytearray(base64.urlsafe_b64decode(BOX.encrypt("key", context=COLUMN)))
    token[place % len(token)] ^= change

    with pytest.raises(DecryptionError):
        BOX.decrypt(base64.urlsafe_b64encode(token), context=COLUMN)


def test_spaces_around_configured_keys_do_not_matter() -> None:
    settings = Settings(encryption_keys=SecretStr(f" {KEY.decode()} ,\n"))

    token = SecretBox.from_settings(settings).encrypt("key", context=COLUMN)

    assert BOX.decrypt(token, context=COLUMN) == "key"


@pytest.mark.parametrize("keys", ["not-a-key", "é" * 44, ",", f"{KEY.decode()},short", "A" * 44])
def test_malformed_key_names_the_variable_and_not_the_key(keys: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^FARTHING_ENCRYPTION_KEYS: ") as caught:
        SecretBox.from_settings(Settings(encryption_keys=SecretStr(keys)))

    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert KEY.decode() not in message


@pytest.mark.parametrize("content", [b"", b"\n", b"not a key", b"\xff\xfe\x00\x80" * 20])
def test_malformed_key_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "encryption.key"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        box_in(tmp_path)

    assert str(caught.value).startswith(f"{file}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert file.read_bytes() == content


def test_first_use_generates_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"

    token = box_in(home).encrypt("key", context=COLUMN)

    assert [file.name for file in home.iterdir()] == ["encryption.key"]
    assert stat.S_IMODE((home / "encryption.key").stat().st_mode) == 0o600
    assert box_in(home).decrypt(token, context=COLUMN) == "key"
    assert box((home / "encryption.key").read_bytes()).decrypt(token, context=COLUMN) == "key"


def test_key_is_made_whatever_a_dead_process_of_the_same_number_left(tmp_path: Path) -> None:
    # A container's main process has the same number after every restart.
    (tmp_path / f"encryption.key.{os.getpid()}").write_bytes(b"half a k")

    assert box_in(tmp_path).encrypt("key", context=COLUMN)


def test_configured_keys_leave_no_file(tmp_path: Path) -> None:
    SecretBox.from_settings(Settings(home=tmp_path, encryption_keys=SecretStr(KEY.decode())))

    assert list(tmp_path.iterdir()) == []


def _encrypt_in(home: Path) -> bytes:
    return box_in(home).encrypt("key", context=COLUMN)


def test_racing_threads_agree_on_one_key(tmp_path: Path) -> None:
    start = Barrier(RACERS)

    def race() -> bytes:
        start.wait()
        return _encrypt_in(tmp_path)

    with ThreadPoolExecutor(RACERS) as pool:
        assert_one_key(tmp_path, [pool.submit(race) for _ in range(RACERS)])


def test_racing_processes_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(RACERS, mp_context=context) as pool:
        encrypt: Callable[[Path], bytes] = _encrypt_in
        assert_one_key(tmp_path, [pool.submit(encrypt, tmp_path) for _ in range(RACERS)])


def assert_one_key(home: Path, racers: list[Future[bytes]]) -> None:
    tokens = [racer.result() for racer in racers]
    assert [file.name for file in home.iterdir()] == ["encryption.key"]
    assert stat.S_IMODE((home / "encryption.key").stat().st_mode) == 0o600
    winner = box_in(home)
    assert [winner.decrypt(token, context=COLUMN) for token in tokens] == ["key"] * RACERS


def test_a_token_is_renewed_until_it_is_of_the_newest_key() -> None:
    old_key, new_key = Fernet.generate_key(), Fernet.generate_key()
    stored = box(old_key).encrypt("key", context=COLUMN)
    rotating = box(new_key, old_key)

    renewed = rotating.renew(stored, context=COLUMN)

    assert renewed is not None
    assert box(new_key).decrypt(renewed, context=COLUMN) == "key"
    assert rotating.renew(renewed, context=COLUMN) is None


def test_a_token_of_a_former_context_opens_and_is_renewed_into_the_present_one() -> None:
    stored = BOX.encrypt("key", context="before")

    assert BOX.decrypt(stored, context=COLUMN, former="before") == "key"
    renewed = BOX.renew(stored, context=COLUMN, former="before")

    assert renewed is not None
    assert BOX.decrypt(renewed, context=COLUMN) == "key"


def test_what_is_refused_is_not_renewed_either() -> None:
    elsewhere = BOX.encrypt("key", context="elsewhere")
    unknown = box(Fernet.generate_key()).encrypt("key", context=COLUMN)

    with pytest.raises(DecryptionError, match="moved from another row or column"):
        BOX.renew(elsewhere, context=COLUMN, former="before")
    with pytest.raises(DecryptionError, match="FARTHING_ENCRYPTION_KEYS"):
        BOX.renew(unknown, context=COLUMN)


def test_a_new_key_goes_in_front_of_the_ones_in_the_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, encryption_keys=None)
    stored = box_in(tmp_path).encrypt("key", context=COLUMN)
    first = (tmp_path / "encryption.key").read_text()

    add_new_key(settings)

    newest, _, rest = (tmp_path / "encryption.key").read_text().partition(",")
    assert rest == first
    assert box_in(tmp_path).decrypt(stored, context=COLUMN) == "key"
    written = box_in(tmp_path).encrypt("key", context=COLUMN)
    assert box(newest.encode()).decrypt(written, context=COLUMN) == "key"
    assert [file.name for file in tmp_path.iterdir()] == ["encryption.key"]
    assert stat.S_IMODE((tmp_path / "encryption.key").stat().st_mode) == 0o600


def test_no_key_is_lost_where_many_are_added_at_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, encryption_keys=None)
    stored = box_in(tmp_path).encrypt("key", context=COLUMN)
    start = Barrier(RACERS)

    def race() -> bytes:
        start.wait()
        add_new_key(settings)
        return _encrypt_in(tmp_path)

    with ThreadPoolExecutor(RACERS) as pool:
        tokens = [done.result() for done in [pool.submit(race) for _ in range(RACERS)]]

    keys = (tmp_path / "encryption.key").read_text().split(",")
    assert len(set(keys)) == RACERS + 1
    final = box_in(tmp_path)
    assert [final.decrypt(t, context=COLUMN) for t in [stored, *tokens]] == ["key"] * (RACERS + 1)


def test_a_file_that_holds_no_key_gets_none_in_front(tmp_path: Path) -> None:
    file = tmp_path / "encryption.key"
    file.write_bytes(b"not a key")

    with pytest.raises(ConfigurationError, match=r"encryption\.key: "):
        add_new_key(Settings(home=tmp_path, encryption_keys=None))

    assert file.read_bytes() == b"not a key"


def test_configured_keys_get_none_in_front(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^FARTHING_ENCRYPTION_KEYS "):
        add_new_key(Settings(home=tmp_path, encryption_keys=SecretStr(KEY.decode())))

    assert list(tmp_path.iterdir()) == []
