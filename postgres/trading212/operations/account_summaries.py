"""Account summaries. Append-only: a row for each change. They go with their key."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import Stamp
from postgres.raw import get_row, list_raw, on_days
from postgres.trading212.models import AccountSummary


def land(
    session: Session,
    user_id: uuid.UUID,
    api_key_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
) -> WriteCounts:
    """Append a summary if it differs from the last one."""
    last = session.scalar(
        sa.select(AccountSummary.content_hash)
        .where(AccountSummary.user_id == user_id, AccountSummary.api_key_id == api_key_id)
        .order_by(AccountSummary.changed_at.desc(), AccountSummary.id)
        .limit(1)
    )
    row = stamp.on(payload)
    if last == row["content_hash"]:
        return WriteCounts(unchanged=1)
    session.add(AccountSummary(user_id=user_id, api_key_id=api_key_id, **row))
    session.flush()
    return WriteCounts(inserted=1)


def get_account_summary(
    session: Session, user_id: uuid.UUID, summary_id: uuid.UUID
) -> AccountSummary | None:
    """Return one of a user's summaries."""
    return get_row(session, user_id, AccountSummary, summary_id)


def list_account_summaries(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[AccountSummary]:
    """Return a page of a user's summaries, those that changed last first.

    :param since: the first day, in UTC, on which one was first seen.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {AccountSummary.api_key_id: api_key_id}
    return list_raw(
        session,
        user_id,
        AccountSummary,
        matching=matching,
        where=on_days(AccountSummary.first_seen_at, since, until),
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
