"""Let transactions that turned out to be others go, with all that the user said of them kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import InstrumentedAttribute, Session

from postgres.common.models import (
    GoalContribution,
    PlannedMatch,
    RecurringPatternTransaction,
    RecurringRemoval,
    TagRemoval,
    Transaction,
    TransactionSplit,
    Transfer,
)
from postgres.core import any_of, table_of

Attribute = InstrumentedAttribute[Any]

# What is said of a transaction, and what of it may be said once of each.
_SAID: tuple[tuple[Attribute, tuple[Attribute, ...]], ...] = (
    (TransactionSplit.transaction_id, ()),
    (TagRemoval.transaction_id, (TagRemoval.tag_id,)),
    (RecurringPatternTransaction.transaction_id, ()),
    (RecurringRemoval.transaction_id, (RecurringRemoval.pattern_id,)),
    (PlannedMatch.transaction_id, ()),
    (Transfer.outgoing_id, ()),
    (Transfer.incoming_id, ()),
)


def fold_transactions(
    session: Session, user_id: uuid.UUID, into: Mapping[uuid.UUID, uuid.UUID]
) -> None:
    """Delete transactions that are others, and let those have what was said of them.

    What is said of the other one already stays as it is.

    :param into: by the one that goes, the one that stays; it may be one that goes itself.
    """
    ends = {gone: _end(gone, into) for gone in into}
    if not ends:
        return
    pair = (
        sa.func.unnest(
            sa.literal(list(ends), pg.ARRAY(sa.Uuid())),
            sa.literal(list(ends.values()), pg.ARRAY(sa.Uuid())),
        )
        .table_valued(sa.column("gone", sa.Uuid), sa.column("stays", sa.Uuid), name="pair")
        .render_derived()
    )
    gone = sa.orm.aliased(Transaction)
    _write(
        session,
        sa.update(Transaction)
        .where(
            Transaction.id == pair.c.stays,
            Transaction.user_id == user_id,
            gone.id == pair.c.gone,
            Transaction.user_note.is_(None),
            gone.user_note.is_not(None),
        )
        .values(user_note=gone.user_note),
    )
    for said_of, once in _SAID:
        model = said_of.class_
        other = sa.orm.aliased(model)
        same = [getattr(other, each.key) == each for each in once]
        _write(
            session,
            sa.update(model)
            .where(
                model.user_id == user_id,
                said_of == pair.c.gone,
                ~sa.exists().where(getattr(other, said_of.key) == pair.c.stays, *same),
            )
            .values({said_of.key: pair.c.stays}),
        )
    _enter_again(session, user_id, ends)
    _write(
        session,
        sa.delete(Transaction).where(
            Transaction.user_id == user_id,
            Transaction.id == any_of(ends),
        ),
    )
    session.expire_all()


def _enter_again(session: Session, user_id: uuid.UUID, ends: Mapping[uuid.UUID, uuid.UUID]) -> None:
    """Let contributions come from the other transaction: they are never changed, but replaced."""
    table = table_of(GoalContribution)
    is_said = sa.and_(table.c.user_id == user_id, table.c.transaction_id.in_(list(ends)))
    for row in session.execute(sa.delete(table).where(is_said).returning(*table.c)).all():
        again = pg.insert(table).values(
            dict(row._mapping) | {"transaction_id": ends[row.transaction_id]}
        )
        session.execute(again.on_conflict_do_nothing(index_elements=["goal_id", "transaction_id"]))


def _end(gone: uuid.UUID, into: Mapping[uuid.UUID, uuid.UUID]) -> uuid.UUID:
    stays = into[gone]
    while stays in into:
        stays = into[stays]
    return stays


def _write(session: Session, statement: sa.UpdateBase) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
