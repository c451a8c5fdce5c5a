"""The data directory: how it is made and how its server is configured."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from postgres.embedded import files
from postgres.embedded.errors import EmbeddedServerError
from postgres.embedded.identity import Identity, last_line

USER = "farthing"

_DRAFT = "data.new"
_INCLUDE = "farthing.conf"

# What a small machine that does other things as well can carry. Statements and details stay out
# of the log: they hold rows of bank data. log_min_error_statement would otherwise print them.
_SETTINGS = """\
# Written anew at each start. Settings of your own go into postgresql.conf, below the include.
max_connections = 100
shared_buffers = 128MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
password_encryption = 'scram-sha-256'
# A query whose client is gone ends within a second instead of holding its locks.
client_connection_check_interval = '1s'
logging_collector = off
log_line_prefix = '%m [%p] '
log_error_verbosity = terse
log_min_error_statement = panic
"""
_THROWAWAY = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""


def password(base: Path) -> str:
    """Return the superuser's password, which is made before the data directory and never changes.

    :raises EmbeddedServerError: if there is data but its password is gone.
    """
    path = base / "password"
    try:
        return path.read_text()
    except FileNotFoundError:
        if (base / "data").exists():
            message = f"{path} is missing; restore it, the data beside it cannot be entered without"
            raise EmbeddedServerError(message) from None
    files.write_private(path, secrets.token_urlsafe(32))
    return path.read_text()


def prepare(base: Path, identity: Identity, *, durable: bool) -> None:
    """Make the data directory unless there is one, and write its settings.

    :param durable: false for data that may be lost with the server, in tests.
    :raises EmbeddedServerError: if it cannot be made, or is of another major version.
    """
    data = base / "data"
    draft = base / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)  # an interrupted first start left it
    if data.exists():
        _check_version(data, identity.major)
    else:
        _create(draft, base, identity, durable=durable)
        # Only a complete one gets the name.
        draft.rename(data)
        _sync_directory(base)
    files.write_private(data / _INCLUDE, _SETTINGS + ("" if durable else _THROWAWAY))


def _create(draft: Path, base: Path, identity: Identity, *, durable: bool) -> None:
    password(base)
    result = identity.run(
        "initdb",
        f"--pgdata={draft}",
        f"--username={USER}",
        f"--pwfile={base / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        *(() if durable else ("--no-sync",)),
        directory=base,
    )
    if result.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        message = f"the data directory {base / 'data'} cannot be made: {last_line(result.stderr)}"
        raise EmbeddedServerError(message)
    descriptor = files.open_private(draft / "postgresql.conf", os.O_WRONLY | os.O_APPEND)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"\ninclude = '{_INCLUDE}'\n")
        file.flush()
        os.fsync(file.fileno())


def _check_version(data: Path, major: int) -> None:
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        message = f"{data} is not a PostgreSQL data directory; move it away to start afresh"
        raise EmbeddedServerError(message) from None
    if found != str(major):
        message = (
            f"{data} was made by PostgreSQL {found} and these programs are PostgreSQL {major}: "
            f"take a backup with PostgreSQL {found} (farthing db backup), move the directory away, "
            "then farthing db restore"
        )
        raise EmbeddedServerError(message)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
