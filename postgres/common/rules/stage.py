"""What a pass found, on its way to a page of a preview or into the splits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import SplitSource, TransactionStatus
from postgres.common.models import TagRemoval, Transaction, TransactionSplit
from postgres.common.rules.evaluate import Pass, bounded, select_changes
from postgres.errors import RuleFailedError


@dataclass(frozen=True, slots=True)
class Counts:
    """How many transactions change.

    :param tagged: had no tag and get one.
    :param retagged: get another tag, or the same one by another rule.
    :param untagged: lose theirs, since no rule gives it any more.
    """

    tagged: int = 0
    retagged: int = 0
    untagged: int = 0


CHANGES = sa.Table(
    "tag_rule_changes",
    sa.MetaData(),
    sa.Column("transaction_id", sa.Uuid(), nullable=False),
    sa.Column("split_id", sa.Uuid()),
    sa.Column("old_tag_id", sa.Uuid()),
    sa.Column("new_tag_id", sa.Uuid()),
    sa.Column("new_rule_id", sa.Uuid()),
    # The planner may believe that no split is by a rule; then it looks here for each one that is.
    sa.Index("ix_tag_rule_changes__split_id", "split_id"),
    prefixes=["temporary"],
    postgresql_on_commit="DROP",
)
"""What a pass found: a split that changes, goes (no new tag) or is to be made (no split)."""

_TAGGED = CHANGES.c.split_id.is_(None)
_UNTAGGED = CHANGES.c.new_tag_id.is_(None)


@contextmanager
def staged(session: Session, wanted: Pass) -> Iterator[Sequence[RuleFailedError]]:
    """Keep what rules would change in :data:`CHANGES` as long as the block lasts.

    :returns: why rules are left out.
    """
    CHANGES.create(session.connection())

    def fill(one: Pass) -> Sequence[RuleFailedError]:
        session.execute(sa.insert(CHANGES).from_select(CHANGES.c.keys(), select_changes(one)))
        return one.failures

    yield bounded(session, wanted, fill)
    CHANGES.drop(session.connection())


def count_staged(session: Session) -> Counts:
    """Return how many transactions of each kind would change."""
    count = sa.func.count()
    row = session.execute(
        sa.select(
            count.filter(_TAGGED), count.filter(~_TAGGED, ~_UNTAGGED), count.filter(_UNTAGGED)
        )
    ).one()
    return Counts(*row)


def write_staged(session: Session) -> Counts:
    """Write the changes, except where somebody was faster.

    Whoever writes splits locks the transaction first; what they did is seen once we have the lock.
    """
    found = count_staged(session)
    if found == Counts():
        return found
    changing = (
        sa.select(Transaction.id)
        .where(Transaction.id.in_(sa.select(CHANGES.c.transaction_id)))
        .order_by(Transaction.id)
        .with_for_update(key_share=True)
    )
    session.execute(sa.select(sa.func.count()).select_from(changing.subquery()))
    split = TransactionSplit
    is_ours = sa.and_(split.id == CHANGES.c.split_id, split.source == SplitSource.RULE)
    # Looked up once. Row by row, each would be looked for among all that are just being made.
    taken = sa.select(split.transaction_id).where(
        split.transaction_id.in_(sa.select(CHANGES.c.transaction_id).where(_TAGGED))
    )
    bare = (
        sa.select(
            Transaction.user_id,
            Transaction.id,
            Transaction.amount,
            Transaction.currency,
            CHANGES.c.new_tag_id,
            CHANGES.c.new_rule_id,
            sa.literal(SplitSource.RULE.value),
        )
        .join(CHANGES, CHANGES.c.transaction_id == Transaction.id)
        .where(
            _TAGGED,
            Transaction.status != TransactionStatus.VOID,
            Transaction.id.not_in(taken),
            ~sa.exists().where(
                TagRemoval.transaction_id == Transaction.id,
                TagRemoval.tag_id == CHANGES.c.new_tag_id,
            ),
        )
    )
    columns = ("user_id", "transaction_id", "amount", "currency", "tag_id", "rule_id", "source")
    return Counts(
        tagged=_write(session, sa.insert(split).from_select(columns, bare)),
        retagged=_write(
            session,
            sa.update(split)
            .where(is_ours, ~_UNTAGGED)
            .values(tag_id=CHANGES.c.new_tag_id, rule_id=CHANGES.c.new_rule_id),
        ),
        untagged=_write(session, sa.delete(split).where(is_ours, _UNTAGGED)),
    )


def _write(session: Session, statement: sa.UpdateBase) -> int:
    counted = statement.execution_options(preserve_rowcount=True)
    return session.connection().execute(counted).rowcount
