"""Balance snapshots: what institutions said of balances, each with its instant.

They are append-only and written by the projections alone; they go with their account.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import BalanceSnapshot
from postgres.core import WriteCounts, upsert_from_select
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def get_snapshot(
    session: Session, user_id: uuid.UUID, snapshot_id: uuid.UUID
) -> BalanceSnapshot | None:
    """Return one of a user's snapshots."""
    return session.scalars(
        sa.select(BalanceSnapshot).where(
            BalanceSnapshot.id == snapshot_id, BalanceSnapshot.user_id == user_id
        )
    ).one_or_none()


def list_snapshots(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    balance_type: str | None = None,
    is_booked: bool | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[BalanceSnapshot]:
    """Return what institutions said of a user's balances, the newest answer first.

    :param balance_type: as the provider calls it.
    :param is_booked: comparable with the sum of booked rows, or not.
    :param since: observed at this instant or later.
    :param until: observed before this instant.
    :param after: from the page before.
    """
    row = BalanceSnapshot
    query = sa.select(row).where(row.user_id == user_id)
    if account_id is not None:
        query = query.where(row.account_id == account_id)
    if balance_type is not None:
        query = query.where(row.balance_type == balance_type)
    if is_booked is not None:
        query = query.where(row.is_booked == is_booked)
    if since is not None:
        query = query.where(row.observed_at >= since)
    if until is not None:
        query = query.where(row.observed_at < until)
    order = (Key(row.observed_at, is_descending=True), Key(row.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_latest_snapshots(
    session: Session, user_id: uuid.UUID, *, account_id: uuid.UUID | None = None
) -> Sequence[BalanceSnapshot]:
    """Return the newest snapshot of each of a user's accounts and balance types."""
    row = BalanceSnapshot
    query = (
        sa.select(row)
        .where(row.user_id == user_id)
        .distinct(row.account_id, row.balance_type, row.currency)
        .order_by(
            row.account_id,
            row.balance_type,
            row.currency,
            row.observed_at.desc(),
            row.reference_date.desc().nulls_last(),
            row.id,
        )
    )
    if account_id is not None:
        query = query.where(row.account_id == account_id)
    return session.scalars(query).all()


def append_snapshots(session: Session, source: sa.TextualSelect) -> WriteCounts:
    """Append the balances of a query that are not stored yet; a stored one is never written again.

    :param source: names the owner of each.
    """
    columns = source.selected_columns.keys()
    return upsert_from_select(
        session,
        BalanceSnapshot,
        source,
        key=("raw_id", "balance_type"),
        compare=(),
        insert_only=columns,
    )
