"""Errors to failures: one line that a person can act on, never a traceback that holds data.

Dagster stores what it is told for ever. The text of a database error quotes the row it is about, so
only its class, its code and the names it mentions are passed on; of an error that nobody foresaw,
only where it happened.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import sqlalchemy as sa

from farthing.errors import FarthingError
from postgres.core import DatabaseUnavailableError
from postgres.embedded import EmbeddedServerError

# A second attempt of a whole step helps only where the weather may have changed. Retries of single
# HTTP calls are the providers' and do not multiply with these.
RETRIES = dg.RetryPolicy(max_retries=2, delay=3, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever is raised inside into a failure that is safe to store.

    :raises dagster.Failure: for every error.
    """
    try:
        yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except FarthingError as error:
        weather = isinstance(error, DatabaseUnavailableError | EmbeddedServerError)
        raise dg.Failure(str(error), allow_retries=weather) from None
    except sa.exc.DBAPIError as error:
        raise dg.Failure(
            _database_error(error),
            metadata={"where": _where(error)},
            allow_retries=isinstance(error, sa.exc.OperationalError),
        ) from None
    except Exception as error:  # noqa: BLE001 - nothing is swallowed: it becomes a failure
        message = f"{type(error).__name__} in {_place(error)}; this is a defect of Farthing"
        raise dg.Failure(message, metadata={"where": _where(error)}, allow_retries=False) from None


def _database_error(error: sa.exc.DBAPIError) -> str:
    details = getattr(error.orig, "diag", None)
    named = [
        f"{label} {value}"
        for label, value in (
            ("code", getattr(details, "sqlstate", None)),
            ("table", getattr(details, "table_name", None)),
            ("constraint", getattr(details, "constraint_name", None)),
        )
        if value
    ]
    return ", ".join([f"the database refused: {type(error.orig).__name__}", *named])


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"


def _where(error: Exception) -> dg.MarkdownMetadataValue:
    # Frames hold source lines, not values.
    return dg.MetadataValue.md(f"```\n{''.join(traceback.format_tb(error.__traceback__))}```")
