"""Former ids: what rows of the ledger were called before their ids followed from raw rows.

They were kept once, when that began; nothing adds to them. They go with their key.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.trading212.models import FormerId


def get_former_id(session: Session, user_id: uuid.UUID, former_id: uuid.UUID) -> FormerId | None:
    """Return the entry of one of a user's ids."""
    return session.scalars(
        sa.select(FormerId).where(FormerId.id == former_id, FormerId.user_id == user_id)
    ).one_or_none()


def list_former_ids(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[FormerId]:
    """Return a page of a user's former ids.

    :param after: from the page before.
    """
    query = sa.select(FormerId).where(FormerId.user_id == user_id)
    if api_key_id is not None:
        query = query.where(FormerId.api_key_id == api_key_id)
    return fetch_page(session, query, order=[Key(FormerId.id)], after=after, limit=limit)
