"""Tags: the categories that a user sorts their money into."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.models import (
    Budget,
    BudgetTag,
    PlannedTransaction,
    Tag,
    TagRemoval,
    TagRule,
    Transaction,
    TransactionSplit,
)
from postgres.core import UNSET, Unset, refusing
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def create_tag(
    session: Session, user_id: uuid.UUID, name: str, *, colour: str | None = None
) -> Tag:
    """Create a tag.

    :param name: unique for the user, whatever the case.
    :param colour: ``#rrggbb``.
    :raises AlreadyExistsError: if the user has a tag of that name.
    :raises OperationError: if the name is blank or the colour is none.
    """
    tag = Tag(user_id=user_id, name=name.strip(), colour=colour and colour.lower())
    with refusing(session, _refusals(tag.name, colour)):
        session.add(tag)
        session.flush()
    return tag


def get_tag(session: Session, user_id: uuid.UUID, tag_id: uuid.UUID) -> Tag | None:
    """Return one of a user's tags."""
    return session.scalars(_one(user_id, Tag.id == tag_id)).one_or_none()


def get_tag_by_name(session: Session, user_id: uuid.UUID, name: str) -> Tag | None:
    """Return the tag of a name, whatever the case."""
    is_named = sa.func.lower(Tag.name) == sa.func.lower(name.strip())
    return session.scalars(_one(user_id, is_named)).one_or_none()


def list_tags(
    session: Session,
    user_id: uuid.UUID,
    *,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Tag]:
    """Return a user's tags by name."""
    query = sa.select(Tag).where(Tag.user_id == user_id)
    return fetch_page(session, query, order=[Key(Tag.name)], after=after, limit=limit)


def count_uses(session: Session, user_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return how many transactions carry each of a user's tags; one that none carries is absent."""
    split = TransactionSplit
    rows = session.execute(
        sa.select(split.tag_id, sa.func.count(split.transaction_id.distinct()))
        .where(split.user_id == user_id, split.tag_id.is_not(None))
        .group_by(split.tag_id)
    )
    return {tag_id: uses for tag_id, uses in rows if tag_id}


def update_tag(
    session: Session,
    user_id: uuid.UUID,
    tag_id: uuid.UUID,
    *,
    name: str | Unset = UNSET,
    colour: str | Unset | None = UNSET,
) -> Tag:
    """Rename or recolour a tag.

    :param colour: None takes it away.
    :raises NotFoundError: if the user has no such tag.
    :raises AlreadyExistsError: if the user has another tag of that name.
    :raises OperationError: if the name is blank or the colour is none.
    """
    tag = _locked(session, user_id, tag_id)[tag_id]
    with refusing(session, _refusals(name, colour)):
        if name is not UNSET:
            tag.name = name.strip()
        if colour is not UNSET:
            tag.colour = colour and colour.lower()
        session.flush()
    return tag


def delete_tag(session: Session, user_id: uuid.UUID, tag_id: uuid.UUID) -> None:
    """Delete a tag with its rules. The splits that carried it stay, untagged.

    :raises NotFoundError: if the user has no such tag.
    """
    session.delete(_locked(session, user_id, tag_id)[tag_id])
    session.flush()


def merge_tags(session: Session, user_id: uuid.UUID, tag_id: uuid.UUID, *, into: uuid.UUID) -> Tag:
    """Let one tag be another: splits, rules, budgets, plans and removals go over, then it is gone.

    :param into: the tag that stays.
    :returns: the tag that stays.
    :raises NotFoundError: if the user has no such tags.
    :raises OperationError: if they are the same.
    """
    if tag_id == into:
        message = "a tag cannot be merged into itself"
        raise OperationError(message)
    tags = _locked(session, user_id, tag_id, into)
    for model in (TransactionSplit, TagRule, PlannedTransaction):
        _execute(session, sa.update(model).where(model.tag_id == tag_id).values(tag_id=into))
    stays, owner_id = sa.literal(into).label("tag_id"), sa.literal(user_id).label("user_id")
    # A budget or transaction that is being deleted just now is waited for, and then not there.
    budgets = (
        sa.select(BudgetTag.budget_id, stays, owner_id)
        .join(Budget, Budget.id == BudgetTag.budget_id)
        .where(BudgetTag.tag_id == tag_id)
        .with_for_update(of=Budget, read=True, key_share=True)
    )
    removals = (
        sa.select(TagRemoval.transaction_id, stays, owner_id)
        .join(Transaction, Transaction.id == TagRemoval.transaction_id)
        .where(TagRemoval.tag_id == tag_id)
        .with_for_update(of=Transaction, read=True, key_share=True)
    )
    for target, rows in ((BudgetTag, budgets), (TagRemoval, removals)):
        columns = rows.selected_columns.keys()
        _execute(session, pg.insert(target).from_select(columns, rows).on_conflict_do_nothing())
    # What the user took off stays off under the new name, except where the new name is put on.
    is_on = sa.exists().where(
        TransactionSplit.transaction_id == TagRemoval.transaction_id,
        TransactionSplit.tag_id == into,
    )
    _execute(session, sa.delete(TagRemoval).where(TagRemoval.tag_id == into, is_on))
    session.delete(tags[tag_id])
    session.flush()
    return tags[into]


def _execute(session: Session, statement: sa.UpdateBase) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})


def _one(user_id: uuid.UUID, condition: sa.ColumnElement[bool]) -> sa.Select[tuple[Tag]]:
    return sa.select(Tag).where(Tag.user_id == user_id, condition)


def _locked(session: Session, user_id: uuid.UUID, *tag_ids: uuid.UUID) -> dict[uuid.UUID, Tag]:
    query = _one(user_id, Tag.id.in_(tag_ids)).order_by(Tag.id).with_for_update()
    tags = session.scalars(query, execution_options={"populate_existing": True}).all()
    found = {tag.id: tag for tag in tags}
    for tag_id in tag_ids:
        if tag_id not in found:
            message = f"there is no tag {tag_id}"
            raise NotFoundError(message)
    return found


def _refusals(name: Any, colour: Any) -> dict[str, OperationError]:
    return {
        "uq_tags__user_id_lower_name": AlreadyExistsError(f"there is a tag '{name}' already"),
        "ck_tags__has_name": OperationError("a tag needs a name"),
        "ck_tags__colour_is_hex": OperationError(f"'{colour}' is no colour like #3366cc"),
    }
