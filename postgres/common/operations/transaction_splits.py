"""Splits: what a transaction was for, in parts that make it up exactly.

One tag is one split of the whole amount. Every tag that leaves a transaction by the user's hand is
remembered, so that no rule puts it back; putting it on by hand forgets that.

Writers of one transaction go one after the other: they lock its row first.
"""

from __future__ import annotations

import decimal
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import SplitSource
from postgres.common.models import Tag, TagRemoval, Transaction, TransactionSplit
from postgres.core import any_of
from postgres.errors import NotFoundError, OperationError, UnbalancedSplitsError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

# Sums of amounts must not be rounded, which Decimal does after 28 digits.
_EXACT = decimal.Context(prec=1000)


@dataclass(frozen=True, slots=True)
class Part:
    """What one split is to be.

    :param tag_id: None: not tagged.
    :param amount: signed, in the transaction's currency; None: what the other parts leave.
    """

    tag_id: uuid.UUID | None
    amount: Decimal | None = None
    note: str | None = None


def get_split(session: Session, user_id: uuid.UUID, split_id: uuid.UUID) -> TransactionSplit | None:
    """Return one of a user's splits."""
    return session.scalars(
        sa.select(TransactionSplit)
        .where(TransactionSplit.id == split_id, TransactionSplit.user_id == user_id)
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_splits(
    session: Session,
    user_id: uuid.UUID,
    *,
    transaction_id: uuid.UUID | None = None,
    tag_id: uuid.UUID | None = None,
    source: SplitSource | None = None,
    needs_review: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[TransactionSplit]:
    """Return a page of a user's splits, the newest first.

    :param source: who made them.
    :param needs_review: whether one was rescaled, which the user has not confirmed yet.
    :param after: from the page before.
    """
    wanted = {
        TransactionSplit.transaction_id: transaction_id,
        TransactionSplit.tag_id: tag_id,
        TransactionSplit.source: source,
        TransactionSplit.needs_review: needs_review,
    }
    query = (
        sa.select(TransactionSplit)
        .where(
            TransactionSplit.user_id == user_id,
            *(column == value for column, value in wanted.items() if value is not None),
        )
        .execution_options(populate_existing=True)
    )
    order = (
        Key(TransactionSplit.created_at, is_descending=True),
        Key(TransactionSplit.id, is_descending=True),
    )
    return fetch_page(session, query, order=order, after=after, limit=limit)


def splits_of(
    session: Session, user_id: uuid.UUID, transaction_ids: Collection[uuid.UUID]
) -> Sequence[TransactionSplit]:
    """Return all splits of some transactions, those of one together and the largest first."""
    split = TransactionSplit
    return session.scalars(
        sa.select(split)
        .where(split.user_id == user_id, _is_of(transaction_ids))
        .order_by(split.transaction_id, sa.func.abs(split.amount).desc(), split.id)
        # Bulk statements and triggers change them behind the session's back.
        .execution_options(populate_existing=True)
    ).all()


def set_tag(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID, tag_id: uuid.UUID | None
) -> TransactionSplit | None:
    """Put a tag on the whole of a transaction, in place of what was there; see :func:`tag_many`.

    :param tag_id: None takes the tag off.
    :returns: the split of the whole; None if the tag was taken off.
    :raises NotFoundError: if the user has no such transaction or tag.
    """
    tag_many(session, user_id, [transaction_id], tag_id)
    splits = splits_of(session, user_id, [transaction_id])
    return splits[0] if splits else None


def tag_many(
    session: Session,
    user_id: uuid.UUID,
    transaction_ids: Collection[uuid.UUID],
    tag_id: uuid.UUID | None,
) -> int:
    """Put a tag on the whole of each transaction, in place of what was there.

    The note of a split of the whole stays; several parts give way to one.

    :param tag_id: None takes the tags off.
    :returns: how many transactions read differently now.
    :raises NotFoundError: if the user has not all of the transactions, or no such tag.
    """
    kept = [tag_id] if tag_id else []
    _lock_tags(session, user_id, kept)
    _lock_transactions(session, user_id, transaction_ids)
    _remember_removals(session, transaction_ids, kept)
    if tag_id is None:
        return len(_delete(session, transaction_ids))
    _delete_parts(session, transaction_ids)
    return _retag(session, transaction_ids, tag_id) + _tag_bare(session, transaction_ids, tag_id)


def set_splits(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID, parts: Sequence[Part]
) -> Sequence[TransactionSplit]:
    """Split a transaction by hand, in place of what was there.

    :param parts: one or more, of which one may leave its amount open.
    :returns: the splits, in the order of their parts.
    :raises NotFoundError: if the user has no such transaction or tag.
    :raises UnbalancedSplitsError: if the parts do not make up the whole.
    :raises OperationError: if there is no part, a part of nothing, or more than one open part.
    """
    tag_ids = {part.tag_id for part in parts if part.tag_id}
    _lock_tags(session, user_id, tag_ids)
    (whole,) = _lock_transactions(session, user_id, [transaction_id])
    amounts = _make_up(whole.amount, whole.currency, parts)
    _remember_removals(session, [transaction_id], tag_ids)
    _delete(session, [transaction_id])
    splits = [
        TransactionSplit(
            user_id=user_id,
            transaction_id=transaction_id,
            tag_id=part.tag_id,
            amount=amount,
            currency=whole.currency,
            note=part.note,
            source=SplitSource.USER,
        )
        for part, amount in zip(parts, amounts, strict=True)
    ]
    session.add_all(splits)
    session.flush()
    return splits


def clear_splits(session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID) -> None:
    """Make a transaction whole and untagged again.

    :raises NotFoundError: if the user has no such transaction.
    """
    tag_many(session, user_id, [transaction_id], None)


def confirm_splits(
    session: Session, user_id: uuid.UUID, transaction_ids: Collection[uuid.UUID]
) -> int:
    """Take note that the user has looked at splits that a sync rescaled, and leaves them so.

    :returns: how many splits were waiting for it.
    :raises NotFoundError: if the user has not all of the transactions.
    """
    _lock_transactions(session, user_id, transaction_ids)
    confirmed = session.scalars(
        sa.update(TransactionSplit)
        .where(_is_of(transaction_ids), TransactionSplit.needs_review)
        .values(needs_review=False)
        .returning(TransactionSplit.id)
        .execution_options(synchronize_session=False)
    )
    return len(confirmed.all())


def _is_of(transaction_ids: Collection[uuid.UUID]) -> sa.ColumnElement[bool]:
    return TransactionSplit.transaction_id == any_of(transaction_ids)


def _lock_tags(session: Session, user_id: uuid.UUID, tag_ids: Collection[uuid.UUID]) -> None:
    """Make sure that tags are there, and stay until the transaction ends."""
    found = session.scalars(
        sa.select(Tag.id)
        .where(Tag.user_id == user_id, Tag.id.in_(tag_ids))
        .order_by(Tag.id)
        .with_for_update(read=True, key_share=True)
    )
    missing = set(tag_ids).difference(found)
    if missing:
        message = f"there is no tag {min(missing)}"
        raise NotFoundError(message)


def _lock_transactions(
    session: Session, user_id: uuid.UUID, transaction_ids: Collection[uuid.UUID]
) -> Sequence[sa.Row[tuple[uuid.UUID, Decimal, str]]]:
    rows = session.execute(
        sa.select(Transaction.id, Transaction.amount, Transaction.currency)
        .where(Transaction.user_id == user_id, Transaction.id == any_of(transaction_ids))
        .order_by(Transaction.id)
        .with_for_update(key_share=True)
    ).all()
    missing = set(transaction_ids).difference(row.id for row in rows)
    if missing:
        message = f"there is no transaction {min(missing)}"
        raise NotFoundError(message)
    return rows


def _remember_removals(
    session: Session, transaction_ids: Collection[uuid.UUID], kept: Collection[uuid.UUID]
) -> None:
    """Remember every tag that leaves, and forget that those which come now were removed once."""
    split = TransactionSplit
    leaving = (
        sa.select(split.transaction_id, Tag.id, split.user_id)
        .join(Tag, Tag.id == split.tag_id)
        .where(_is_of(transaction_ids), Tag.id.not_in(kept))
        # A tag that is being deleted just now needs no memory.
        .with_for_update(of=Tag, read=True, key_share=True)
    )
    session.execute(
        pg.insert(TagRemoval)
        .from_select(["transaction_id", "tag_id", "user_id"], leaving)
        .on_conflict_do_nothing()
    )
    session.execute(
        sa.delete(TagRemoval)
        .where(TagRemoval.transaction_id == any_of(transaction_ids), TagRemoval.tag_id.in_(kept))
        .execution_options(synchronize_session=False)
    )


def _delete(session: Session, transaction_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the transactions that had splits."""
    deleted = session.scalars(
        sa.delete(TransactionSplit)
        .where(_is_of(transaction_ids))
        .returning(TransactionSplit.transaction_id)
        .execution_options(synchronize_session=False)
    )
    return set(deleted)


def _delete_parts(session: Session, transaction_ids: Collection[uuid.UUID]) -> None:
    """Delete the splits of transactions that have more than one."""
    other = sa.orm.aliased(TransactionSplit)
    session.execute(
        sa.delete(TransactionSplit)
        .where(
            _is_of(transaction_ids),
            sa.exists().where(
                other.transaction_id == TransactionSplit.transaction_id,
                other.id != TransactionSplit.id,
            ),
        )
        .execution_options(synchronize_session=False)
    )


def _retag(session: Session, transaction_ids: Collection[uuid.UUID], tag_id: uuid.UUID) -> int:
    split = TransactionSplit
    wanted = {
        "tag_id": tag_id,
        "source": SplitSource.USER,
        "rule_id": None,
        "needs_review": False,
    }
    is_new = sa.or_(*(getattr(split, name).is_distinct_from(v) for name, v in wanted.items()))
    retagged = session.scalars(
        sa.update(split)
        .where(_is_of(transaction_ids), is_new)
        .values(wanted)
        .returning(split.id)
        .execution_options(synchronize_session=False)
    )
    return len(retagged.all())


def _tag_bare(session: Session, transaction_ids: Collection[uuid.UUID], tag_id: uuid.UUID) -> int:
    """Tag the transactions that have no split."""
    bare = sa.select(
        Transaction.user_id,
        Transaction.id,
        Transaction.amount,
        Transaction.currency,
        sa.literal(tag_id),
        sa.literal(SplitSource.USER.value),
    ).where(
        Transaction.id == any_of(transaction_ids),
        ~sa.exists().where(TransactionSplit.transaction_id == Transaction.id),
    )
    columns = ["user_id", "transaction_id", "amount", "currency", "tag_id", "source"]
    tagged = session.scalars(
        pg.insert(TransactionSplit).from_select(columns, bare).returning(TransactionSplit.id)
    )
    return len(tagged.all())


def _make_up(whole: Decimal, currency: str, parts: Sequence[Part]) -> list[Decimal]:
    """Return the parts' amounts, the open one filled in."""
    given = [part.amount for part in parts if part.amount is not None]
    if not parts or len(parts) - len(given) > 1:
        message = "a transaction is split into one or more parts, of which one may be left open"
        raise OperationError(message)
    if not all(amount.is_finite() for amount in given):
        message = "an amount is a number"
        raise OperationError(message)
    with decimal.localcontext(_EXACT):
        left = whole - sum(given)
    if left and len(given) == len(parts):
        raise UnbalancedSplitsError(left, currency)
    amounts = [left if part.amount is None else part.amount for part in parts]
    if whole and not all(amounts):
        message = "a part of nothing is no part"
        raise OperationError(message)
    return amounts
