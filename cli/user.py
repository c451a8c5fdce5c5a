"""``farthing user``: who owns what is read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from cli.errors import WrongUseError
from cli.output import note, say, working
from cli.session import choose_user, opened
from farthing.errors import ConfigurationError
from ingestion import erase as erasing
from ingestion import export as exporting
from postgres.auth.operations import users

_PASSWORD = "FARTHING_PASSWORD"  # noqa: S105 - the name of a variable


def create(name: str) -> None:
    """Create a user."""
    password = _password()
    with opened() as ledger, ledger.database.sessions.begin() as session:
        users.create_user(session, name, password)
    say(f"User {name} is created; `farthing connect` is next.")


def export(name: str, folder: Path) -> None:
    """Write all of a user's data into a folder.

    :raises AlreadyExistsError: if there is something of that name.
    :raises WrongUseError: if there is no such user, or no folder to make it in.
    """
    if not folder.absolute().parent.is_dir():
        message = f"{folder.absolute().parent} is no directory"
        raise WrongUseError(message)
    with opened() as ledger:
        with ledger.database.sessions() as session:
            user = choose_user(session, name)
        with working("Writing the export"):
            tables = exporting.export_user(ledger.run, user.id, folder.absolute())
    rows = sum(table.rows for table in tables)
    say(f"{rows} rows of {len(tables)} tables are in {folder}, readable by you alone.")


def erase(name: str, *, confirmed: bool) -> None:
    """Remove a user and everything that is theirs.

    :raises WrongUseError: if there is no such user, or nobody confirms it.
    """
    from dagster_project.lib.erasure import forget  # noqa: PLC0415 - Dagster is slow to load

    with opened(asks_providers=True) as ledger:
        with ledger.database.sessions() as session:
            user = choose_user(session, name)
        if not confirmed:
            _confirm(user.name)
        with working(f"Erasing {user.name}"):
            erased = erasing.erase_user(ledger.run, user.id)
            runs = forget(ledger.settings, ledger.database, erased.traces)
    for line in erased.not_revoked:
        note(f"the consent could not be revoked at the bank's side; {line}")
    say(f"{user.name} is erased, with what {runs} run(s) reported.")
    say("Backups and exports that were made before still have the data.")


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        message = "nobody is there to confirm it; say --yes"
        raise WrongUseError(message)
    answer: str = typer.prompt(f"This cannot be undone. Type {name} to erase it", err=True)
    if answer != name:
        message = "that is another name; nothing was erased"
        raise WrongUseError(message)


def _password() -> str:
    """Return the password from the environment or a prompt that does not show it.

    :raises ConfigurationError: if there is neither.
    """
    if given := os.environ.get(_PASSWORD):
        return given
    if not sys.stdin.isatty():
        message = f"{_PASSWORD} is not set, and there is no terminal to ask for a password"
        raise ConfigurationError(message)
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer
