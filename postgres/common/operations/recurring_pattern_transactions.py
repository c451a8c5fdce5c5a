"""Which payments belong to which recurring pattern. One payment belongs to one pattern.

A run links what detection found or what an active pattern matches. What the user linked or took out
by hand no run touches.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import RecurringLinkSource, TransactionStatus
from postgres.common.models import (
    RecurringPattern,
    RecurringPatternTransaction,
    RecurringRemoval,
    Transaction,
)
from postgres.core import read_sql, select_text
from postgres.errors import NotFoundError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_COLUMNS = ("transaction_id", "pattern_id", "user_id", "source")


def link_transaction(
    session: Session, user_id: uuid.UUID, pattern_id: uuid.UUID, transaction_id: uuid.UUID
) -> RecurringPatternTransaction:
    """Say by hand that a transaction belongs to a pattern; it leaves the one that it was in.

    :raises NotFoundError: if the user has no such pattern or transaction.
    """
    _check_owned(session, RecurringPattern, user_id, pattern_id, "recurring pattern")
    _check_owned(session, Transaction, user_id, transaction_id, "transaction")
    link = RecurringPatternTransaction
    left = session.scalars(
        sa.select(link.pattern_id).where(link.transaction_id == transaction_id).with_for_update()
    ).all()
    session.execute(
        sa.delete(RecurringRemoval).where(
            RecurringRemoval.pattern_id == pattern_id,
            RecurringRemoval.transaction_id == transaction_id,
        )
    )
    insert = pg.insert(link).values(
        transaction_id=transaction_id,
        pattern_id=pattern_id,
        user_id=user_id,
        source=RecurringLinkSource.MANUAL,
    )
    linked = session.scalars(
        insert.on_conflict_do_update(
            index_elements=["transaction_id"],
            set_={"pattern_id": insert.excluded.pattern_id, "source": insert.excluded.source},
        ).returning(link),
        execution_options={"populate_existing": True},
    ).one()
    _read_again(session, [pattern_id, *left])
    return linked


def unlink_transaction(
    session: Session, user_id: uuid.UUID, pattern_id: uuid.UUID, transaction_id: uuid.UUID
) -> None:
    """Take a transaction out of a pattern; no run puts it back.

    :raises NotFoundError: if it does not belong to such a pattern of the user.
    """
    link = RecurringPatternTransaction
    unlinked = session.execute(
        sa.delete(link)
        .where(
            link.user_id == user_id,
            link.pattern_id == pattern_id,
            link.transaction_id == transaction_id,
        )
        .returning(link.transaction_id)
    ).all()
    if not unlinked:
        message = f"the pattern has no transaction {transaction_id}"
        raise NotFoundError(message)
    session.execute(
        pg.insert(RecurringRemoval)
        .values(pattern_id=pattern_id, transaction_id=transaction_id, user_id=user_id)
        .on_conflict_do_nothing()
    )
    _read_again(session, [pattern_id])


def get_link(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID
) -> RecurringPatternTransaction | None:
    """Return which pattern one of a user's transactions belongs to, and who said so."""
    link = RecurringPatternTransaction
    return session.scalars(
        sa.select(link).where(link.transaction_id == transaction_id, link.user_id == user_id)
    ).one_or_none()


def list_links(
    session: Session,
    user_id: uuid.UUID,
    *,
    pattern_id: uuid.UUID | None = None,
    source: RecurringLinkSource | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[RecurringPatternTransaction]:
    """Return which of a user's transactions belong to which pattern, the newest link first.

    :param source: who said so.
    :param after: from the page before.
    """
    link = RecurringPatternTransaction
    query = sa.select(link).where(link.user_id == user_id)
    if pattern_id is not None:
        query = query.where(link.pattern_id == pattern_id)
    if source is not None:
        query = query.where(link.source == source)
    order = (
        Key(link.created_at, is_descending=True),
        Key(link.transaction_id, is_descending=True),
    )
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_payments(
    session: Session,
    user_id: uuid.UUID,
    pattern_id: uuid.UUID,
    *,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Transaction]:
    """Return the booked transactions of a pattern, the newest first.

    :param after: from the page before.
    """
    link = RecurringPatternTransaction
    query = sa.select(Transaction).where(
        Transaction.user_id == user_id,
        Transaction.status == TransactionStatus.BOOKED,
        sa.exists().where(
            link.transaction_id == Transaction.id,
            link.pattern_id == pattern_id,
            link.user_id == user_id,
        ),
    )
    order = (
        Key(Transaction.booking_date, is_descending=True),
        Key(Transaction.id, is_descending=True),
    )
    return fetch_page(session, query, order=order, after=after, limit=limit)


def match_patterns(
    session: Session,
    *,
    account_id: uuid.UUID | None = None,
    pattern_id: uuid.UUID | None = None,
    only_written: bool = False,
) -> int:
    """Link booked transactions to the active patterns that they pay.

    A payment is of the pattern's account, currency, direction and merchant, its amount within the
    tolerance, its day near a due day that has none yet. Of several that fit, the nearest amount
    wins, then the nearest day, then the older pattern. Statements are as many as there are rounds
    of rivals, whatever the number of rows.

    :param account_id: only transactions of this account.
    :param pattern_id: only this pattern.
    :param only_written: only what this database transaction wrote: a sync sees to its own rows
        before anybody else can.
    :returns: how many were linked.
    """
    link = RecurringPatternTransaction
    fitting = select_text(
        read_sql(__file__, "pattern_matches.sql"),
        link,
        _COLUMNS,
        account_id=account_id,
        pattern_id=pattern_id,
        only_written=only_written,
    )
    insert = pg.insert(link).from_select(_COLUMNS, fitting)
    statement = insert.on_conflict_do_update(
        index_elements=["transaction_id"],
        set_={"pattern_id": insert.excluded.pattern_id, "source": insert.excluded.source},
        where=link.source == RecurringLinkSource.DETECTED,
    ).returning(link.transaction_id)
    count = 0
    # Who lost a payment to a rival may still get another one.
    while linked := len(session.execute(statement).all()):
        count += linked
    return count


def _check_owned(
    session: Session,
    model: type[RecurringPattern | Transaction],
    user_id: uuid.UUID,
    row_id: uuid.UUID,
    what: str,
) -> None:
    # It stays until the link is made: neither it nor its user is deleted meanwhile.
    owned = (
        sa.select(model.id)
        .where(model.id == row_id, model.user_id == user_id)
        .with_for_update(read=True, key_share=True)
    )
    if session.scalar(owned) is None:
        message = f"there is no {what} {row_id}"
        raise NotFoundError(message)


def _read_again(session: Session, pattern_ids: Sequence[uuid.UUID]) -> None:
    """Let patterns that the caller holds show the dates that moved with a link."""
    query = sa.select(RecurringPattern).where(RecurringPattern.id.in_(pattern_ids))
    session.scalars(query, execution_options={"populate_existing": True}).all()
