"""``farthing user create``."""

from __future__ import annotations

import sys

import pytest
import typer
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.operations import users
from tests.cli.support import farthing

PASSWORD = "correct horse"


def _names(ledger: sessionmaker[Session]) -> list[str]:
    with ledger() as session:
        return [user.name for user in users.list_users(session).items]


def test_create_takes_password_from_environment(
    ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_PASSWORD", PASSWORD)

    result = farthing("user", "create", "ann")

    assert result.code == 0
    assert _names(ledger) == ["ann"]
    assert PASSWORD not in result.out + result.err


def test_create_asks_on_a_terminal_and_hides_the_answer(
    ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def prompt(text: str, **options: object) -> str:
        asked.update(options)
        return PASSWORD

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)

    assert farthing("user", "create", "ann").code == 0
    assert asked["hide_input"]
    assert asked["confirmation_prompt"]
    assert _names(ledger) == ["ann"]


def test_create_without_terminal_or_variable_says_what_to_do(
    ledger: sessionmaker[Session],
) -> None:
    result = farthing("user", "create", "ann")

    assert result.code == 2
    assert result.error.startswith("FARTHING_PASSWORD")
    assert _names(ledger) == []


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("ann", PASSWORD, "there is a user called ann already"),
        ("bob", "short", "at least 8 characters"),
        (" ", PASSWORD, "a user needs a name"),
    ],
)
def test_create_refused_leaves_users_as_they_were(
    name: str,
    password: str,
    reason: str,
    *,
    ann: str,
    ledger: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FARTHING_PASSWORD", password)

    result = farthing("user", "create", name)

    assert result.code == 1
    assert reason in result.error
    assert _names(ledger) == ["ann"]


@pytest.mark.parametrize("command", ["status", "connections", "recurring list", "quarantine list"])
def test_no_user_says_how_to_create_one(command: str, ledger: object) -> None:
    result = farthing(*command.split())

    assert result.code == 2
    assert "farthing user create" in result.error


def test_several_users_need_a_name(
    ann: str, ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger.begin() as session:
        users.create_user(session, "bob", PASSWORD)

    assert "--user" in farthing("status").error
    assert farthing("status", "--user", "bob").code == 0
    unknown = farthing("status", "--user", "carol")
    assert unknown.code == 2
    assert "carol" in unknown.error
