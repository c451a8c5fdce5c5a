"""Readings of histories that are under way, so that one that breaks off goes on where it was."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import BrokerHistory
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.trading212.models import HistoryRead


def keep_place(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    history: BrokerHistory,
    ways: Sequence[str],
    through: dt.date,
    back_to: dt.date | None,
    pages: int,
    occurrences: Mapping[str, int],
    is_gapped: bool,
    refusals: int,
    border: Sequence[Mapping[str, Any]],
) -> None:
    """Say where a history goes on; the caller commits it together with what was read so far.

    :param ways: queries that lead to the next page, the best first.
    :param through: the watermark that it will have once it is complete.
    :param back_to: the day to which it goes back; None: to the beginning.
    :param pages: how many were read.
    :param occurrences: how often the content of items without an id was met.
    :param is_gapped: pages were seen not to follow one another.
    :param refusals: syncs in which every way to some page was refused as wrong.
    :param border: items without an id of the last page, which the next one may have again.
    """
    values = {
        "ways": list(ways),
        "through": through,
        "back_to": back_to,
        "pages": pages,
        "occurrences": dict(occurrences),
        "is_gapped": is_gapped,
        "refusals": refusals,
        "border": list(border),
    }
    insert = pg.insert(HistoryRead).values(
        user_id=user_id, api_key_id=api_key_id, history=history, **values
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["api_key_id", "history"], set_=values
        ).execution_options(synchronize_session=False)
    )


def forget_place(
    session: Session, user_id: uuid.UUID, api_key_id: uuid.UUID, history: BrokerHistory
) -> None:
    """Say that a history is read to its end."""
    session.execute(
        sa.delete(HistoryRead)
        .where(
            HistoryRead.user_id == user_id,
            HistoryRead.api_key_id == api_key_id,
            HistoryRead.history == history,
        )
        .execution_options(synchronize_session=False)
    )


def find_place(
    session: Session, user_id: uuid.UUID, api_key_id: uuid.UUID, history: BrokerHistory
) -> HistoryRead | None:
    """Return where a history goes on; None if no reading of it is under way."""
    return session.scalars(
        sa.select(HistoryRead).where(
            HistoryRead.user_id == user_id,
            HistoryRead.api_key_id == api_key_id,
            HistoryRead.history == history,
        )
    ).one_or_none()


def get_history_read(
    session: Session, user_id: uuid.UUID, history_read_id: uuid.UUID
) -> HistoryRead | None:
    """Return one of a user's readings."""
    return session.scalars(
        sa.select(HistoryRead).where(
            HistoryRead.id == history_read_id, HistoryRead.user_id == user_id
        )
    ).one_or_none()


def list_history_reads(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[HistoryRead]:
    """Return a page of a user's readings that are under way.

    :param after: from the page before.
    """
    query = sa.select(HistoryRead).where(HistoryRead.user_id == user_id)
    if api_key_id is not None:
        query = query.where(HistoryRead.api_key_id == api_key_id)
    return fetch_page(session, query, order=[Key(HistoryRead.id)], after=after, limit=limit)
