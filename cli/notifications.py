"""``farthing notifications``: what Farthing has to say to a user."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from rich.text import Text
from sqlalchemy.orm import Session

from cli.errors import WrongUseError
from cli.output import DOUBTFUL, QUIET, count, minute, print_json, print_table, say, short
from cli.session import choose_user, match, opened
from farthing import clock
from postgres.common.models import Notification
from postgres.common.operations import notifications
from postgres.paging import LARGEST_LIMIT


def show(user: str | None, *, only_unread: bool, as_json: bool) -> None:
    """List one user's notifications, the newest first."""
    with opened() as ledger, ledger.database.sessions() as session:
        rows = _all(session, choose_user(session, user).id, only_unread=only_unread)
    if as_json:
        print_json(
            [
                {
                    "id": row.id,
                    "type": row.type,
                    "message": row.message,
                    "said_at": row.created_at,
                    "read_at": row.read_at,
                }
                for row in rows
            ]
        )
        return
    if not rows:
        say("There is nothing to read.")
        return
    print_table(
        ("Id", "Said", "Message", ""),
        [
            (
                short(row.id),
                minute(row.created_at),
                row.message,
                Text("read", QUIET) if row.read_at else Text("unread", DOUBTFUL),
            )
            for row in rows
        ],
    )


def read(prefixes: Sequence[str], user: str | None, *, everything: bool) -> None:
    """Say that a user has read some notifications, or everything there is.

    :raises WrongUseError: if it is neither or both, or an id means none or several.
    """
    if bool(prefixes) == everything:
        message = "say which ones by their ids, or --all"
        raise WrongUseError(message)
    now = clock.now()
    with opened() as ledger, ledger.database.sessions.begin() as session:
        user_id = choose_user(session, user).id
        if everything:
            done = notifications.mark_all_read(session, user_id, at=now)
        else:
            known = {row.id for row in _all(session, user_id, only_unread=False)}
            chosen = {
                match(prefix, known, what="notification", listed_by="farthing notifications list")
                for prefix in prefixes
            }
            for each in chosen:
                notifications.mark_read(session, user_id, each, at=now)
            done = len(chosen)
    say(f"{count(done, 'notification')} read.")


def _all(session: Session, user_id: UUID, *, only_unread: bool) -> list[Notification]:
    found: list[Notification] = []
    after = None
    while True:
        page = notifications.list_notifications(
            session,
            user_id,
            is_read=False if only_unread else None,
            after=after,
            limit=LARGEST_LIMIT,
        )
        found += page.items
        if (after := page.after) is None:
            return found
