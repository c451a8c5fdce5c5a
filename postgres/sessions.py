"""Sessions that act for one user, under row-level security.

Operations filter by their ``user_id`` on their own. These sessions are the second lock: whatever
statement runs in them, the database shows and takes rows of one user only.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

APPLICATION_ROLE = "farthing_app"
"""Has no login of its own. Grant it to the role that an application connects as."""


@contextmanager
def user_session(sessions: sessionmaker[Session], user_id: uuid.UUID) -> Iterator[Session]:
    """Yield a session in a transaction of one user; it commits at the end.

    Rows of other users are not there for it, and a write that would make one is refused.
    """
    with sessions.begin() as session:
        act_for(session, user_id)
        yield session


def act_for(session: Session, user_id: uuid.UUID, *, actor: str = "user") -> None:
    """Let the rest of a transaction act for one user, with the application's rights alone.

    :param actor: what the audit log names as the one who acts.
    """
    session.execute(
        sa.text(
            "select set_config('farthing.user_id', :user_id, true),"
            " set_config('farthing.actor', :actor, true),"
            " set_config('role', :role, true)"
        ),
        {"user_id": str(user_id), "actor": actor, "role": APPLICATION_ROLE},
    )


def name_actor(session: Session, actor: str) -> None:
    """Let the audit log name what acts in the rest of a transaction, such as a run's write-back."""
    session.execute(sa.text("select set_config('farthing.actor', :actor, true)"), {"actor": actor})
