"""``farthing db``: address, schema, backup and restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from cli import programs
from postgres import migrate
from postgres.auth.operations import users
from postgres.core import make_engine
from postgres.embedded import binaries
from tests.cli.support import farthing


def _names(url: str) -> list[str]:
    engine = make_engine(url, pooled=False)
    with Session(engine) as session:
        return [user.name for user in users.list_users(session).items]


@pytest.fixture
def backup(ann: str, tmp_path: Path) -> Path:
    file = tmp_path / "ledger.dump"
    assert farthing("db", "backup", str(file)).code == 0
    return file


def test_url_is_all_that_is_printed(ledger: object, database_url: str) -> None:
    result = farthing("db", "url")

    assert (result.code, result.out, result.err) == (0, f"{database_url}\n", "")


def test_upgrade_makes_the_schema_once(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", empty_database_url)

    first, second = farthing("db", "upgrade"), farthing("db", "upgrade")

    assert (first.code, second.code) == (0, 0)
    assert str(migrate.head_revision()) in first.out
    assert "already" not in first.out
    assert "already" in second.out


def test_backup_reads_back_into_an_empty_database(
    backup: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", empty_database_url)

    result = farthing("db", "restore", str(backup))

    assert result.code == 0
    assert _names(empty_database_url) == ["ann"]
    engine = make_engine(empty_database_url, pooled=False)
    migrate.check(engine)


def test_backup_says_that_the_key_is_not_in_it(ann: str, tmp_path: Path) -> None:
    result = farthing("db", "backup", str(tmp_path / "b.dump"))

    assert "encryption key is not in it" in result.out
    assert (tmp_path / "b.dump").stat().st_mode & 0o777 == 0o600


def test_backup_overwrites_nothing(backup: Path) -> None:
    before = backup.read_bytes()

    result = farthing("db", "backup", str(backup))

    assert result.code == 2
    assert "exists already" in result.error
    assert backup.read_bytes() == before


def test_backup_into_no_directory_is_wrong_use(ledger: object, tmp_path: Path) -> None:
    assert farthing("db", "backup", str(tmp_path / "no" / "b.dump")).code == 2


def test_restore_refuses_a_database_in_use(
    backup: Path, ledger: sessionmaker[Session], database_url: str
) -> None:
    with ledger.begin() as session:
        users.create_user(session, "bob", "correct horse")

    result = farthing("db", "restore", str(backup))

    assert result.code == 2
    assert "--force" in result.error
    assert _names(database_url) == ["ann", "bob"]


def test_restore_by_force_replaces_all(
    backup: Path, ledger: sessionmaker[Session], database_url: str
) -> None:
    with ledger.begin() as session:
        users.create_user(session, "bob", "correct horse")
        # As a later version might have it: it hangs on a table that the backup replaces.
        session.execute(sa.text("create table common.later (id uuid references auth.users (id))"))

    result = farthing("db", "restore", str(backup), "--force")

    assert result.code == 0
    assert _names(database_url) == ["ann"]


def test_restore_of_a_damaged_file_changes_nothing(
    backup: Path, ann: str, database_url: str
) -> None:
    content = backup.read_bytes()
    backup.write_bytes(content[: len(content) * 9 // 10])

    result = farthing("db", "restore", str(backup), "--force")

    assert result.code == 1
    assert result.error.startswith("pg_restore failed")
    assert _names(database_url) == ["ann"]


@pytest.mark.parametrize("exists", [True, False])
def test_restore_of_what_is_no_backup_is_one_line(
    exists: bool, ledger: object, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    if exists:
        file.write_text("not a backup")

    result = farthing("db", "restore", str(file), "--force")

    assert result.code == (1 if exists else 2)
    assert result.error


def test_nothing_is_left_beside_a_backup(backup: Path, tmp_path: Path) -> None:
    farthing("db", "restore", str(backup), "--force")

    left = [path.name for path in (*tmp_path.iterdir(), *(tmp_path / "home").iterdir())]
    assert not [name for name in left if name.startswith(".")]


def test_program_is_of_the_server_s_version_or_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (15, 17, 18):
        program = tmp_path / str(version) / "bin" / "pg_dump"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.3'\n")
        program.chmod(0o755)
    monkeypatch.setattr(programs, "_DEBIAN", tmp_path)
    monkeypatch.setattr(binaries, "discover", lambda: tmp_path / "18" / "bin")
    monkeypatch.setattr(shutil, "which", _only_below(tmp_path))

    assert [programs.program("pg_dump", server) for server in (15, 16, 18)] == [
        str(tmp_path / version / "bin" / "pg_dump") for version in ("15", "17", "18")
    ]
    with pytest.raises(programs.ProgramMissingError, match="19 or later is needed, there is only"):
        programs.program("pg_dump", 19)


def _only_below(place: Path) -> object:
    found = shutil.which

    def which(name: str, path: str | None = None) -> str | None:
        return found(name, path=path) if path and path.startswith(str(place)) else None

    return which
