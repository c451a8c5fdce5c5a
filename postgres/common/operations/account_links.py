"""Which provider ids an account has or had. They are written by the projections alone."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import AccountLink
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def get_link(session: Session, user_id: uuid.UUID, link_id: uuid.UUID) -> AccountLink | None:
    """Return one of a user's links."""
    return session.scalars(
        sa.select(AccountLink).where(AccountLink.id == link_id, AccountLink.user_id == user_id)
    ).one_or_none()


def list_links(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    connection_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[AccountLink]:
    """Return a page of a user's links, the oldest first.

    :param account_id: of one account.
    :param connection_id: through one connection.
    """
    query = sa.select(AccountLink).where(AccountLink.user_id == user_id)
    if account_id is not None:
        query = query.where(AccountLink.account_id == account_id)
    if connection_id is not None:
        query = query.where(AccountLink.connection_id == connection_id)
    order = [Key(AccountLink.created_at), Key(AccountLink.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)
