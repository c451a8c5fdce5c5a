"""What to say when something broke that nobody foresaw."""

from __future__ import annotations

import os
import time
import traceback

import sqlalchemy as sa

from farthing.errors import FarthingError
from farthing.settings import Settings


def explain(error: Exception) -> str:
    """Return one line, and keep the traceback in a file that only its owner can read.

    A terminal or a log of cron is no place for it: the text of an error may hold bank data.
    """
    if isinstance(error, sa.exc.OperationalError):
        return f"the database gave up: {_first_line(error.orig)}"
    name = type(error).__name__
    try:
        path = Settings.load().home / "logs" / f"error-{time.strftime('%Y%m%d-%H%M%S')}.log"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(traceback.format_exception(error))
    except (OSError, FarthingError):
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"unexpected {name} in {place.name} ({place.filename}:{place.lineno})"
    return f"unexpected {name}, a defect of Farthing; the traceback is in {path}"


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
