"""The root of every error that Farthing raises on purpose.

Each message is one line, safe to print and to store: it never holds a credential, an account
number or a row of bank data.
"""

from __future__ import annotations


class FarthingError(Exception):
    """Something went wrong that a user can be told about in one line.

    :cvar exit_code: what the command line exits with when this reaches it.
    """

    exit_code = 1


class ConfigurationError(FarthingError):
    """A setting is missing or malformed; the message starts with the variable's name."""

    exit_code = 2
