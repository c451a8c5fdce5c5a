"""Configuration: what is malformed is one line that names its variable and shows no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from farthing.errors import ConfigurationError
from farthing.settings import (
    GOCARDLESS_PUBLIC_URL,
    PROJECT_ROOT,
    TRADING212_PUBLIC_URL,
    Settings,
)
from tests.farthing.conftest import VARIABLES

SECRET = "hunter2"

MALFORMED = [
    ("FARTHING_DATABASE_URL", "mysql://localhost/ledger"),
    ("FARTHING_DATABASE_URL", "localhost:5432/ledger"),
    ("FARTHING_DATABASE_URL", "postgresql+psycopg://localhost/ledger"),
    ("FARTHING_DATABASE_URL", f"postgresql://ann:{SECRET}@localhost:none/ledger"),
    ("FARTHING_DATABASE_URL", f"postgresql://ann:{SECRET}@localhost:99999/ledger"),
    ("FARTHING_DATABASE_URL", f"postgresql://ann:a/{SECRET}@localhost/ledger"),
    ("FARTHING_DATABASE_URL", f"postgresql://ann:a@{SECRET}@localhost/ledger"),
    ("FARTHING_DATABASE_URL", "postgresql://[::1/ledger"),
    ("FARTHING_NOW", "yesterday"),
    ("FARTHING_NOW", "2026-02-30T00:00:00Z"),
    ("FARTHING_NOW", "2026-03-15T09:00:00Z\nand more"),
    ("FARTHING_NOW", "0001-01-01T00:00:00+14:00"),
    ("GOCARDLESS_BASE_URL", "bankaccountdata.gocardless.com/api/v2"),
    ("GOCARDLESS_BASE_URL", "ftp://localhost/api/v2"),
    ("GOCARDLESS_BASE_URL", "https://"),
    ("GOCARDLESS_BASE_URL", "https:///api/v2"),
    ("TRADING212_BASE_URL", "http://localhost:port/api/v0"),
    ("TRADING212_BASE_URL", "http://[::1/api/v0"),
]


@pytest.mark.parametrize(("variable", "value"), MALFORMED)
def test_malformed_value_is_one_line_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError) as caught:
        Settings.load()

    message = str(caught.value)
    assert message.startswith(f"{variable}: ")
    assert len(message.splitlines()) == 1
    assert SECRET not in message
    assert caught.value.exit_code == 2


def test_home_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path / "notes.txt"))

    with pytest.raises(ConfigurationError, match=r"^FARTHING_HOME: is not a directory$"):
        Settings.load()


def test_nothing_set_is_the_embedded_server_and_the_public_providers() -> None:
    settings = Settings.load()

    assert settings.home == PROJECT_ROOT / ".farthing"
    assert settings.database_url is None
    assert settings.encryption_keys is None
    assert settings.now is None
    assert settings.gocardless_base_url == GOCARDLESS_PUBLIC_URL
    assert settings.trading212_base_url == TRADING212_PUBLIC_URL


@pytest.mark.parametrize("variable", VARIABLES)
def test_empty_counts_as_unset(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    unset = Settings.load()
    monkeypatch.setenv(variable, "")

    assert Settings.load() == unset


def test_relative_home_stays_where_it_is_when_a_process_moves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FARTHING_HOME", "money")

    home = Settings.load().home

    assert home == tmp_path / "money"
    assert home.is_absolute()


def test_base_addresses_lose_their_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCARDLESS_BASE_URL", "http://127.0.0.1:8080/api/v2/")
    monkeypatch.setenv("TRADING212_BASE_URL", "http://[::1]:8080/api/v0")

    settings = Settings.load()

    assert settings.gocardless_base_url == "http://127.0.0.1:8080/api/v2"
    assert settings.trading212_base_url == "http://[::1]:8080/api/v0"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://localhost/ledger", "postgresql://localhost/ledger"),
        ("postgresql:///ledger?host=/run/pg", "postgresql:///ledger?host=/run/pg"),
        ("postgresql://a:p%40ss%2F@h:5433/l", "postgresql://a:p%40ss%2F@h:5433/l"),
    ],
)
def test_database_addresses_in_use_are_accepted(
    monkeypatch: pytest.MonkeyPatch, given: str, read: str
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", given)

    assert Settings.load().database_url == read


def test_no_secret_shows_in_repr_or_str(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", f"postgresql://ann:{SECRET}@localhost/ledger")
    for variable in ("FARTHING_ENCRYPTION_KEYS", "GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"):
        monkeypatch.setenv(variable, f"{SECRET}-{variable}")

    settings = Settings.load()

    assert SECRET not in f"{settings!r} {settings}"
    secret_id, secret_key = settings.gocardless_secrets
    assert SECRET not in f"{secret_id!r} {secret_key}"
    assert secret_id.get_secret_value() == f"{SECRET}-GOCARDLESS_SECRET_ID"
    assert secret_key.get_secret_value() == f"{SECRET}-GOCARDLESS_SECRET_KEY"


@pytest.mark.parametrize("missing", ["GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"])
def test_missing_gocardless_secret_is_asked_for_by_name(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for variable in {"GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"} - {missing}:
        monkeypatch.setenv(variable, SECRET)
    settings = Settings.load()

    with pytest.raises(ConfigurationError, match=f"^{missing} is not set") as caught:
        _ = settings.gocardless_secrets

    assert len(str(caught.value).splitlines()) == 1
