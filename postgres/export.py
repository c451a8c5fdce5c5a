"""All of a user's data as files that a spreadsheet or another program reads."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.orm import Session, sessionmaker

from postgres import payload
from postgres.auth.models import User
from postgres.encrypted import EncryptedText
from postgres.errors import AlreadyExistsError, NotFoundError
from postgres.models import metadata

MANIFEST = "manifest.json"

# A spreadsheet takes a cell that begins with one of these for a formula, and runs it.
_FORMULA = r"^\s*[=+\-@\t\r|%]"


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """A table of the export.

    :param table: ``schema.table``; its file is named for it.
    :param rows: how many, without the line of names.
    """

    table: str
    file: str
    rows: int


def export_user(
    sessions: sessionmaker[Session], user_id: uuid.UUID, folder: Path
) -> list[ExportedTable]:
    """Write every row that a user has, a CSV file a table, and a manifest of them.

    Rows go from the database to the disk without all being in memory; they are of one instant. Text
    that a spreadsheet would run as a formula begins with an apostrophe. What only opens a door is
    left out: the hash of the password, tokens, sealed keys.

    :param folder: is made, readable by its owner alone; appears whole or not at all.
    :raises NotFoundError: if there is no such user.
    :raises AlreadyExistsError: if there is something of that name already.
    """
    if folder.exists():
        message = f"{folder} exists already; an export overwrites nothing"
        raise AlreadyExistsError(message)
    with sessions() as session, _draft(folder) as draft:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        if session.get(User, user_id) is None:
            message = f"there is no user {user_id}"
            raise NotFoundError(message)
        tables = [
            _export_table(session, table, user_id, draft)
            for table in metadata.sorted_tables
            if _owner(table) is not None
        ]
        manifest = {"user_id": str(user_id), "tables": [asdict(table) for table in tables]}
        (draft / MANIFEST).write_text(payload.dumps(manifest), encoding="utf-8")
        draft.rename(folder)
    return tables


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """Make a private folder beside another that is gone afterwards, unless it was renamed."""
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _export_table(
    session: Session, table: sa.Table, user_id: uuid.UUID, folder: Path
) -> ExportedTable:
    columns = [column for column in table.columns if not _opens_a_door(column)]
    query = sql.SQL(
        "copy (select {} from {} where {} = {} order by {}) to stdout (format csv, header)"
    )
    statement = query.format(
        sql.SQL(", ").join(map(_cell, columns)),
        sql.Identifier(str(table.schema), table.name),
        sql.Identifier(str(_owner(table))),
        sql.Literal(user_id),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in table.primary_key),
    )
    file = folder / f"{table.fullname}.csv"
    driver: Any = session.connection().connection.driver_connection
    with file.open("wb") as output, driver.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for block in copy:
                output.write(block)
        return ExportedTable(table.fullname, file.name, cursor.rowcount)


def _owner(table: sa.Table) -> str | None:
    """Return the column that says whose a row is."""
    if table.fullname == "auth.users":
        return "id"
    return "user_id" if "user_id" in table.c else None


def _opens_a_door(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, EncryptedText) or bool(column.info.get("secret"))


def _cell(column: sa.Column[Any]) -> sql.Composable:
    name = sql.Identifier(column.name)
    if not isinstance(column.type, sa.String):
        return name
    # An apostrophe in front is what spreadsheets themselves write for "this is text".
    return sql.SQL("case when {0} ~ {1} then '''' || {0} else {0} end as {0}").format(
        name, sql.Literal(_FORMULA)
    )
