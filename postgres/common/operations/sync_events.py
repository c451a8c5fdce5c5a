"""What users are told of their syncs."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.operations.notifications import notify_all
from postgres.core import WriteCounts, read_sql

_NEWS = sa.text(read_sql(__file__, "sync_news.sql")).columns(
    sa.column("user_id", sa.Uuid),
    sa.column("type", sa.Text),
    sa.column("dedup_key", sa.Text),
    sa.column("message", sa.Text),
)


def announce_syncs(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of connections that were read for the first time, failed, or work again.

    Each is told of once, and not of every sync that goes like the one before: there are four a day.
    What failed is what needs a person; what was deferred goes by itself and is no news.

    :param now: what began two days before is no news any more.
    """
    return notify_all(session, sa.select(_NEWS.bindparams(now=now).subquery("news")))
