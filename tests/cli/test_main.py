"""The frame of every command: help, exit codes, and one line for what goes wrong."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from cli import status
from farthing.errors import FarthingError
from tests.cli.support import FARTHING, environment, farthing, process

COMMANDS = (
    "demo", "up", "down", "db", "user", "connect", "connections", "sync", "recurring",
    "quarantine", "status",
)  # fmt: skip


def test_main_imported_loads_nothing_heavy() -> None:
    code = "import json, sys, cli.main; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    loaded = {name.partition(".")[0] for name in json.loads(output)}

    assert loaded.isdisjoint(
        {"dagster", "sqlalchemy", "pydantic", "rich", "alembic", "httpx", "postgres", "ingestion"}
    )


def test_help_comes_within_300_ms_of_computing() -> None:
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process("--help").code == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent)

    assert best < 0.3


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    result = farthing(*arguments)

    assert result.code == 0
    listed = {line.split()[0] for line in result.out.splitlines() if line.startswith("  ")}
    assert listed.issuperset(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_does_not_run_it(command: str) -> None:
    result = farthing(command, "--help")

    assert result.code == 0
    assert result.out.startswith(f"Usage: farthing {command}")


def test_version_is_the_installed_one() -> None:
    result = farthing("--version")

    assert (result.code, result.out) == (0, "farthing 0.1.0\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("bogus",),
        ("sync", "--bogus"),
        ("connect", "gocardless"),
        ("user", "create"),
        ("recurring", "accept"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: tuple[str, ...]) -> None:
    result = farthing(*arguments)

    assert result.code == 2
    assert result.error
    assert result.out == ""


def test_group_without_command_shows_its_help() -> None:
    result = farthing("user")

    assert result.code == 2
    assert "create" in result.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FARTHING_NOW", "yesterday"),
        ("FARTHING_DATABASE_URL", "mysql://localhost"),
        ("FARTHING_ENCRYPTION_KEYS", "short"),
        ("GOCARDLESS_BASE_URL", "ftp://somewhere"),
    ],
)
def test_malformed_setting_is_named_and_exits_2(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    result = farthing("status")

    assert result.code == 2
    assert result.error.startswith(variable)


@pytest.mark.parametrize("command", ["status", "sync", "demo", "connections"])
def test_database_down_is_one_line_without_password(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", "postgresql://ann:hunter22@127.0.0.1:1/farthing")

    result = farthing(command)

    assert result.code == 1
    assert "127.0.0.1:1/farthing does not answer" in result.error
    assert "hunter22" not in result.err
    assert not (tmp_path / "home" / "demo.json").exists()


def test_database_of_a_later_version_is_left_alone(
    ledger: sessionmaker[Session], engine: sa.Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))

    result = farthing("status")

    assert result.code == 1
    assert "9999" in result.error


def test_new_database_is_migrated_by_the_first_command(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", empty_database_url)
    monkeypatch.setenv("FARTHING_PASSWORD", "correct horse")

    assert farthing("user", "create", "ann").code == 0
    assert farthing("connections", "--json").json == []


def test_defect_is_one_line_and_its_traceback_is_private(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(user: str | None, *, as_json: bool) -> None:
        message = "a row of bank data"
        raise KeyError(message)

    monkeypatch.setattr(status, "show", broken)

    result = farthing("status")

    assert result.code == 1
    assert "KeyError" in result.error
    assert "bank data" not in result.err
    (log,) = (tmp_path / "home" / "logs").iterdir()
    assert str(log) in result.error
    assert "a row of bank data" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("broken", [FarthingError("no database"), ValueError("in a statement")])
def test_what_breaks_while_a_command_is_interrupted_is_no_error(
    monkeypatch: pytest.MonkeyPatch, broken: Exception
) -> None:
    def interrupted(user: str | None, *, as_json: bool) -> None:
        try:
            try:
                raise KeyboardInterrupt
            finally:
                raise broken
        except Exception as error:
            message = "wrapped"
            raise type(error)(message) from error

    monkeypatch.setattr(status, "show", interrupted)

    result = farthing("status")

    assert (result.code, result.err) == (130, "\n")


def test_interrupted_command_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(user: str | None, *, as_json: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "show", interrupted)

    result = farthing("status")

    assert result.code == 130
    assert "Traceback" not in result.err


def test_output_cut_short_by_its_reader_is_no_defect() -> None:
    command = subprocess.Popen(
        [FARTHING, "recurring", "--help"],
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    command.stdout.close()
    _, err = command.communicate(timeout=60)

    assert "Traceback" not in err
