"""Answers that changed something: what a bank was asked, when, and in their order.

They are written by the landing of their rows, and go with their consent.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.gocardless.models import Answer
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def get_answer(session: Session, user_id: uuid.UUID, answer_id: int) -> Answer | None:
    """Return one of a user's answers by its number."""
    return session.scalars(
        sa.select(Answer).where(Answer.id == answer_id, Answer.user_id == user_id)
    ).one_or_none()


def list_answers(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Answer]:
    """Return a page of a user's answers, the newest first.

    :param after: from the page before.
    """
    query = sa.select(Answer).where(Answer.user_id == user_id)
    if bank_account_id is not None:
        query = query.where(Answer.bank_account_id == bank_account_id)
    order = [Key(Answer.id, is_descending=True)]
    return fetch_page(session, query, order=order, after=after, limit=limit)
