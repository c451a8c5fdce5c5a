"""What the command line itself refuses."""

from __future__ import annotations

from farthing.errors import FarthingError


class WrongUseError(FarthingError):
    """What was asked for makes no sense here; the message says what would."""

    exit_code = 2
