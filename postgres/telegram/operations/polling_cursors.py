"""How far bots have read, for any number of pollers.

A poller claims the cursor, asks Telegram for the updates from :func:`next_offset` on, handles them,
advances the cursor and commits, all in one transaction. Another poller gets None meanwhile, and
whatever ends the transaction ends the claim. So what an update causes in this database is written
once or, if the poller dies, not at all, and the next one is sent the update again.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.core import refusing
from postgres.errors import NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.telegram.models import PollingCursor

RENUMBERED_AFTER = dt.timedelta(days=3)
"""Telegram numbers anew after a week without an update, and keeps none for longer than a day.

In between it is safe to ask without an offset, and after it needed: one of the old numbers would
make Telegram forget the new updates. The trigger on the table knows the same three days.
"""


def claim_cursor(session: Session, bot_id: int) -> PollingCursor | None:
    """Take a bot's cursor until the transaction ends; the first claim makes it.

    :param bot_id: the bot's user id, what stands before the colon of its token.
    :returns: None while another poller has it; nothing is waited for.
    """
    # Not a lock on the row: while another first claim makes it, there is none to skip.
    key = sa.func.hashtextextended(f"telegram.polling_cursors:{bot_id}", 0)
    if not session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(key))):
        return None
    session.execute(pg.insert(PollingCursor).values(bot_id=bot_id).on_conflict_do_nothing())
    return session.get_one(PollingCursor, bot_id, populate_existing=True)


def next_offset(cursor: PollingCursor, *, now: dt.datetime) -> int | None:
    """Return from which update on to ask Telegram; None: ask without an offset."""
    if cursor.last_update_id is None or cursor.advanced_at is None:
        return None
    if now >= cursor.advanced_at + RENUMBERED_AFTER:
        return None
    return cursor.last_update_id + 1


def advance_cursor(session: Session, bot_id: int, update_id: int, *, now: dt.datetime) -> None:
    """Say that a bot has handled its updates up to this one, in the transaction that claimed it.

    :param now: when they were handled.
    :raises NotFoundError: if the bot has no cursor.
    :raises OperationError: if a later update was handled in the last three days.
    """
    cursor = get_cursor(session, bot_id)
    if cursor is None:
        raise NotFoundError(_no_cursor(bot_id))
    refusal = OperationError(f"bot {bot_id} has handled a later update than {update_id}")
    with refusing(session, {"ck_polling_cursors__forward": refusal}):
        cursor.last_update_id = update_id
        cursor.advanced_at = now


def get_cursor(session: Session, bot_id: int) -> PollingCursor | None:
    """Return how far a bot has read, claimed or not."""
    return session.get(PollingCursor, bot_id)


def list_cursors(
    session: Session, *, after: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[PollingCursor]:
    """Return the cursors of all bots by their ids.

    :param after: from the page before.
    :raises OperationError: if ``after`` is of another list, or the limit out of bounds.
    """
    order = [Key(PollingCursor.bot_id)]
    return fetch_page(session, sa.select(PollingCursor), order=order, after=after, limit=limit)


def delete_cursor(session: Session, bot_id: int) -> None:
    """Forget a bot that is not polled any more.

    :raises NotFoundError: if it has no cursor.
    """
    cursor = get_cursor(session, bot_id)
    if cursor is None:
        raise NotFoundError(_no_cursor(bot_id))
    session.delete(cursor)
    session.flush()


def _no_cursor(bot_id: int) -> str:
    return f"bot {bot_id} has no cursor"
