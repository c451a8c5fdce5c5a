"""A bound on the time that PostgreSQL spends on what a user wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

_BOUND = sa.text(
    "select setting,"
    " set_config('statement_timeout', least(nullif(setting::integer, 0), :most)::text, true)"
    " from pg_settings where name = 'statement_timeout'"
)
_RESTORE = sa.text("select set_config('statement_timeout', :before, true)")


class OutOfTime(Exception):
    """A statement was ended, and what the block did is undone."""


@contextmanager
def time_bound(session: Session, milliseconds: int) -> Iterator[None]:
    """End any statement of the block that takes longer. The session stays usable.

    A shorter bound of the session's own stays, and its own holds again afterwards.

    :raises OutOfTime: if one did.
    """
    started = time.monotonic()
    try:
        with session.begin_nested():
            before = session.scalar(_BOUND, {"most": milliseconds})
            yield
            session.execute(_RESTORE, {"before": before})
    except sa.exc.OperationalError as error:
        took = (time.monotonic() - started) * 1000
        # Sooner, somebody else ended it.
        if isinstance(error.orig, psycopg.errors.QueryCanceled) and took >= milliseconds:
            raise OutOfTime from None
        raise


def refusal_of(error: sa.exc.DBAPIError) -> str:
    """Return PostgreSQL's own words for what it refused."""
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "message_primary", None) or "PostgreSQL refuses it"
