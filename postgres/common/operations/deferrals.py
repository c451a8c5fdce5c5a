"""What runs left for later. A run adds and removes them; they go with their connection."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.models import Connection, Deferral
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that a step does for one account.

    :param account: the provider's id; empty: the connection itself.
    :param resumes_at: when it can be done, by the ledger's clock; None: it is done, or has failed.
    """

    connection_id: uuid.UUID
    account: str
    resumes_at: dt.datetime | None = None
    reason: str = ""


def record_work(session: Session, run_id: str, step: str, works: Sequence[Work]) -> None:
    """Keep what a step left for later, and forget what it did not.

    :param step: ``schema.table`` that it writes.
    """
    over = [(work.connection_id, work.account) for work in works if work.resumes_at is None]
    if over:
        session.execute(
            sa.delete(Deferral)
            .where(
                Deferral.step == step,
                sa.tuple_(Deferral.connection_id, Deferral.account).in_(over),
            )
            .execution_options(synchronize_session=False)
        )
    later = [
        (work.connection_id, work.account, work.resumes_at, work.reason)
        for work in works
        if work.resumes_at is not None
    ]
    if not later:
        return
    offered = sa.values(
        sa.column("connection_id", sa.Uuid()),
        sa.column("account", sa.Text()),
        sa.column("resumes_at", sa.DateTime(timezone=True)),
        sa.column("reason", sa.Text()),
        name="offered",
    ).data(later)
    # A connection that was removed meanwhile has nobody to do it for.
    insert = pg.insert(Deferral).from_select(
        ["user_id", "connection_id", "account", "resumes_at", "reason", "step", "run_id"],
        sa.select(Connection.user_id, *offered.c, sa.literal(step), sa.literal(run_id)).join_from(
            offered, Connection, Connection.id == offered.c.connection_id
        ),
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["connection_id", "step", "account"],
            set_={name: insert.excluded[name] for name in ("resumes_at", "reason", "run_id")},
        )
    )


def list_due(session: Session, *, at: dt.datetime) -> Sequence[Deferral]:
    """Return what can be done by an instant, of all users, the earliest first."""
    return session.scalars(
        sa.select(Deferral)
        .where(Deferral.resumes_at <= at)
        .order_by(Deferral.resumes_at, Deferral.id)
    ).all()


def get_deferral(session: Session, user_id: uuid.UUID, deferral_id: uuid.UUID) -> Deferral | None:
    """Return one of a user's deferrals."""
    return session.scalars(
        sa.select(Deferral).where(Deferral.id == deferral_id, Deferral.user_id == user_id)
    ).one_or_none()


def list_deferrals(
    session: Session,
    user_id: uuid.UUID,
    *,
    connection_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Deferral]:
    """Return a page of what waits for a user, the earliest first.

    :param after: from the page before.
    """
    query = sa.select(Deferral).where(Deferral.user_id == user_id)
    if connection_id is not None:
        query = query.where(Deferral.connection_id == connection_id)
    order = [Key(Deferral.resumes_at), Key(Deferral.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)
