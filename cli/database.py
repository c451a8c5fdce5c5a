"""``farthing db``: schema, address, backup and restore of the database."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from cli.errors import WrongUseError
from cli.output import note, raw, say, working
from cli.programs import program
from cli.session import bring_up_to_date
from farthing.errors import FarthingError
from farthing.settings import Settings
from postgres import migrate
from postgres.database import Database, open_database
from postgres.embedded import EmbeddedServer

_KEY_HINT = (
    "The encryption key is not in it: keep FARTHING_ENCRYPTION_KEYS or {key} as well, "
    "or connect brokers again after a restore."
)

# The schemas of the models and of dbt; what else lives in the database is left alone.
_OURS = (
    "marts", "intermediate", "staging", "trading212", "telegram", "gocardless", "common", "auth",
)  # fmt: skip

_OCCUPIED = sa.text(
    "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = 'public' and c.relname = 'alembic_version' or n.nspname = any(:schemas))"
)


class BackupError(FarthingError):
    """A program of PostgreSQL failed; nothing was changed."""


def upgrade() -> None:
    """Bring the schema to this version."""
    with open_database(Settings.load()) as database:
        changed = bring_up_to_date(database)
        with database.engine.connect() as connection:
            revision = migrate.current_revision(connection)
    say(f"The database is at schema {revision}{'' if changed else ' already'}.")


def show_url() -> None:
    """Print the address, and on the error stream what to know about it."""
    settings = Settings.load()
    runs = settings.database_url is not None or EmbeddedServer(settings.home).is_running()
    with open_database(settings) as database:
        raw(database.url)
    if not runs:
        note("The embedded server runs while a farthing command does; `farthing up` keeps it up.")


def backup(file: Path) -> None:
    """Write the database into a file in PostgreSQL's custom format, whole or not at all.

    :raises WrongUseError: if the file exists already.
    """
    if file.exists():
        message = f"{file} exists already; a backup overwrites nothing"
        raise WrongUseError(message)
    if not file.parent.is_dir():
        message = f"{file.parent} is no directory"
        raise WrongUseError(message)
    settings = Settings.load()
    with open_database(settings) as database, _draft(file) as draft:
        with working("Writing the backup"):
            _run(
                database,
                "pg_dump",
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--file={draft}",
            )
        draft.replace(file)
    say(f"The database is in {file} ({file.stat().st_size / 1e6:.1f} MB).")
    say(_KEY_HINT.format(key=settings.home / "encryption.key"))


def restore(file: Path, *, force: bool) -> None:
    """Read a backup in one transaction.

    :param force: replace what is there.
    :raises WrongUseError: if the database is not empty, or the file is none.
    """
    if not file.is_file():
        message = f"there is no file {file}"
        raise WrongUseError(message)
    settings = Settings.load()
    with open_database(settings) as database, _draft(settings.home / "restore.sql") as script:
        with database.engine.connect() as connection:
            occupied = connection.scalar(_OCCUPIED, {"schemas": list(_OURS)})
        if occupied and not force:
            message = "the database is not empty; --force replaces all that is in it"
            raise WrongUseError(message)
        with working("Reading the backup"):
            # As a script, because only psql can drop the old and make the new in one transaction.
            _run(
                database, "pg_restore", "--no-owner", "--no-privileges", f"--file={script}",
                str(file), connects=False,
            )  # fmt: skip
            drop = [f"drop schema if exists {schema} cascade;" for schema in _OURS]
            drop.append("drop table if exists public.alembic_version;")
            _run(
                database, "psql", "--no-psqlrc", "--quiet", "--single-transaction",
                "--set=ON_ERROR_STOP=1", "--output=/dev/null",
                f"--command={' '.join(drop)}", f"--file={script}",
            )  # fmt: skip
        bring_up_to_date(database)
    say(f"The database is as it was in {file}.")
    say("Keys of brokers can be read if the encryption key is the one of that time.")


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Name a private file beside another one that is gone afterwards, unless it was moved."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _run(database: Database, name: str, *arguments: str, connects: bool = True) -> None:
    """Run one of PostgreSQL's programs on the database.

    :raises BackupError: with the last line that it said.
    """
    with database.engine.connect() as connection:
        version = connection.scalar(sa.text("select current_setting('server_version_num')::int"))
    url = sa.make_url(database.url)
    # A process list shows arguments to everybody, and the environment to nobody else.
    environment = {**os.environ, "PGPASSWORD": url.password or "", "PGOPTIONS": _WAIT_BRIEFLY}
    address = url._replace(password=None).render_as_string()
    target: Sequence[str] = (f"--dbname={address}",) if connects else ()
    result = subprocess.run(  # noqa: S603 - a program of PostgreSQL, without a shell
        [program(name, int(version or 0) // 10_000), *target, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        said = [line for line in result.stderr.splitlines() if line.strip()]
        first = next((line for line in said if "error" in line.lower()), None)
        message = f"{name} failed: {first or (said[-1] if said else 'it said nothing')}"
        raise BackupError(message)


# Rather than for ever, if something else is at work in the database.
_WAIT_BRIEFLY = "-c lock_timeout=20s"
