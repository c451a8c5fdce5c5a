"""A user's data as files: all of it, nobody else's, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.models import Tag
from postgres.errors import AlreadyExistsError, NotFoundError
from postgres.export import MANIFEST, export_user
from postgres.models import metadata
from tests.postgres.household import Household, make_household

OWNED = {name for name, table in metadata.tables.items() if "user_id" in table.c} | {"auth.users"}


@pytest.fixture
def ann(session: Session) -> Household:
    return make_household(session)


def read(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_table_with_an_owner_is_a_file(
    session: Session, sessions: sessionmaker[Session], ann: Household, tmp_path: Path
) -> None:
    bob = make_household(session)
    tables = export_user(sessions, ann.user_id, tmp_path / "ann")

    assert {exported.table for exported in tables} == OWNED
    for exported in tables:
        found = read(tmp_path / "ann", exported.table)
        owner = "id" if exported.table == "auth.users" else "user_id"
        assert len(found) == exported.rows, exported
        assert {row[owner] for row in found} == {str(ann.user_id)}, exported
    everything = "".join(file.read_text() for file in (tmp_path / "ann").iterdir())
    assert str(bob.user_id) not in everything
    manifest = json.loads((tmp_path / "ann" / MANIFEST).read_text())
    assert manifest["user_id"] == str(ann.user_id)
    assert {table["table"]: table["rows"] for table in manifest["tables"]} == {
        exported.table: exported.rows for exported in tables
    }


def test_what_opens_a_door_stays(
    sessions: sessionmaker[Session], ann: Household, tmp_path: Path
) -> None:
    export_user(sessions, ann.user_id, tmp_path / "ann")

    names = {
        f"{file.stem}.{column}"
        for file in (tmp_path / "ann").glob("*.csv")
        for column in file.read_text().splitlines()[0].split(",")
    }
    assert "auth.users.name" in names
    forbidden = ("password", "token", "cipher", "secret")
    assert {n for n in names if any(word in n.rpartition(".")[2] for word in forbidden)} == set()


def test_only_the_owner_of_the_files_reads_them(
    sessions: sessionmaker[Session], ann: Household, tmp_path: Path
) -> None:
    export_user(sessions, ann.user_id, tmp_path / "ann")

    assert (tmp_path / "ann").stat().st_mode & 0o077 == 0


def test_text_that_is_a_formula_becomes_text(
    session: Session, sessions: sessionmaker[Session], ann: Household, tmp_path: Path
) -> None:
    cells = {
        "=1+1": "'=1+1",
        "+44 20": "'+44 20",
        "-2": "'-2",
        "@SUM(A1)": "'@SUM(A1)",
        "\t=1": "'\t=1",
        "  =1": "'  =1",
        "\r=1": "'\r=1",
        "|calc": "'|calc",
        "a=1": "a=1",
        'say "hi", he said\nand left': 'say "hi", he said\nand left',
        "Café 東京": "Café 東京",
    }
    session.add_all(Tag(user_id=ann.user_id, name=written) for written in cells)
    session.commit()
    export_user(sessions, ann.user_id, tmp_path / "ann")

    found = {row["name"] for row in read(tmp_path / "ann", "common.tags")}
    assert found - {ann.rows["common.tags"]["name"]} == set(cells.values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_no_text_begins_like_a_formula_and_none_is_lost(
    session: Session,
    sessions: sessionmaker[Session],
    ann: Household,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
) -> None:
    session.execute(
        sa.text("update common.transactions set user_note = :note where user_id = :user"),
        {"note": name, "user": ann.user_id},
    )
    session.commit()
    folder = tmp_path_factory.mktemp("exports") / "ann"
    export_user(sessions, ann.user_id, folder)

    for row in read(folder, "common.transactions"):
        assert row["user_note"].removeprefix("'") == name.removeprefix("'")
        assert not row["user_note"].lstrip().startswith(("=", "+", "-", "@", "|", "%"))


def test_negative_amounts_stay_numbers(
    session: Session, sessions: sessionmaker[Session], ann: Household, tmp_path: Path
) -> None:
    session.execute(sa.text("delete from common.transaction_splits"))
    session.execute(sa.text("update common.transactions set amount = -12.50"))
    session.commit()
    export_user(sessions, ann.user_id, tmp_path / "ann")

    amounts = {row["amount"] for row in read(tmp_path / "ann", "common.transactions")}
    assert amounts == {"-12.50"}


def test_overwrites_nothing_and_leaves_nothing_behind(
    sessions: sessionmaker[Session], ann: Household, tmp_path: Path
) -> None:
    (tmp_path / "ann").mkdir()
    with pytest.raises(AlreadyExistsError, match="overwrites nothing"):
        export_user(sessions, ann.user_id, tmp_path / "ann")
    with pytest.raises(NotFoundError):
        export_user(sessions, uuid.uuid4(), tmp_path / "nobody")

    assert [file.name for file in tmp_path.iterdir()] == ["ann"]
