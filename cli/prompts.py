"""Secrets that a person gives: never as an argument, which the whole machine can read."""

from __future__ import annotations

import os
import sys

import typer

from farthing.errors import ConfigurationError


def asked(variable: str, question: str, *, may_be_empty: bool = False) -> str:
    """Return a secret from the environment, or from a prompt that does not show it.

    :raises ConfigurationError: if there is neither.
    """
    if (given := os.environ.get(variable)) is not None:
        return given.strip()
    if not sys.stdin.isatty():
        message = f"{variable} is not set, and there is no terminal to ask for it"
        raise ConfigurationError(message)
    default = "" if may_be_empty else None
    answer: str = typer.prompt(
        question, hide_input=True, default=default, show_default=False, err=True
    )
    return answer.strip()
