"""``farthing user``: who owns what is read."""

from __future__ import annotations

import os
import sys

import typer

from cli.output import say
from cli.session import opened
from farthing.errors import ConfigurationError
from postgres.auth.operations import users

_PASSWORD = "FARTHING_PASSWORD"  # noqa: S105 - the name of a variable


def create(name: str) -> None:
    """Create a user."""
    password = _password()
    with opened() as ledger, ledger.database.sessions.begin() as session:
        users.create_user(session, name, password)
    say(f"User {name} is created; `farthing connect` is next.")


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
