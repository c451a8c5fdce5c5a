"""Tag rules: which transactions get a tag by themselves, what that would change, and why it did.

How a rule is written is in :mod:`postgres.common.rules.conditions`, how it acts in
:mod:`postgres.common.rules.evaluate`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.auth.models import User
from postgres.common.enums import SplitSource
from postgres.common.models import (
    Tag,
    TagRemoval,
    TagRule,
    TagRuleProgress,
    Transaction,
    TransactionSplit,
)
from postgres.common.operations import transaction_splits
from postgres.common.rules.checks import check_accounts, check_patterns
from postgres.common.rules.conditions import canonical, parse
from postgres.common.rules.evaluate import Pass, Scope, bounded, read_pass, select_matches
from postgres.common.rules.stage import CHANGES, Counts, count_staged, staged, write_staged
from postgres.core import refusing
from postgres.errors import (
    ChangedSinceError,
    NotFoundError,
    OperationError,
    RuleFailedError,
)
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_REFUSALS = {
    "ck_tag_rules__has_name": OperationError("a rule needs a name"),
    "fk_tag_rules__tag_id_user_id__tags": NotFoundError("there is no such tag"),
}
_NEWEST_FIRST = (
    Key(Transaction.sort_date, is_descending=True),
    Key(Transaction.id, is_descending=True),
)
_CHANGED = sa.select(Transaction).join(CHANGES, CHANGES.c.transaction_id == Transaction.id)


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule that is not stored, to be previewed.

    :param rule_id: the stored rule whose place it takes; None: it is one more.
    :param priority: of one more, as for :func:`create_rule`.
    """

    tag_id: uuid.UUID
    conditions: Mapping[str, Any]
    rule_id: uuid.UUID | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What rules do to one transaction.

    :param old_tag_id: None: it has none.
    :param new_tag_id: None: no rule gives it one any more.
    :param rule_id: the rule that gives it; None also for a draft that is one more.
    """

    transaction: Transaction
    old_tag_id: uuid.UUID | None
    new_tag_id: uuid.UUID | None
    rule_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would do.

    :param changes: by day, the newest first.
    :param left_out: rules that could not be evaluated; what they made stays.
    """

    counts: Counts
    changes: Page[Change]
    left_out: Sequence[RuleFailedError]


@dataclass(frozen=True, slots=True)
class Applied:
    """What rules did.

    :param left_out: rules that could not be evaluated; what they made stays.
    """

    counts: Counts
    left_out: Sequence[RuleFailedError]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a transaction has the tag that it has.

    :param splits: its parts, which say who made them and by which rule.
    :param matching: the enabled rules that match it, in their order: the first one wins.
    :param is_overruled: the user split it by hand, or took the winner's tag off.
    :param left_out: rules that could not be evaluated.
    """

    splits: Sequence[TransactionSplit]
    matching: Sequence[TagRule]
    is_overruled: bool
    left_out: Sequence[RuleFailedError]


def create_rule(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    tag_id: uuid.UUID,
    conditions: Mapping[str, Any],
    priority: int | None = None,
    is_enabled: bool = True,
) -> TagRule:
    """Create a rule. It changes nothing before it is applied.

    :param conditions: a tree, see :mod:`postgres.common.rules.conditions`.
    :param priority: the lowest is asked first. A rule that has it, and those after it, move one
        down. None: after all others.
    :raises ConditionsError: if the conditions are no tree, name an account that the user does not
        have, or a pattern that PostgreSQL refuses.
    :raises NotFoundError: if the user has no such tag.
    :raises OperationError: if the name is blank.
    """
    tree = parse(conditions)
    check_patterns(session, tree)
    _take_turn(session, user_id)
    check_accounts(session, user_id, tree, stored=None)
    rule = TagRule(
        user_id=user_id,
        name=name.strip(),
        tag_id=tag_id,
        conditions=canonical(tree),
        priority=_make_room(session, user_id, priority),
        is_enabled=is_enabled,
    )
    with refusing(session, _REFUSALS):
        session.add(rule)
        session.flush()
    return rule


def get_rule(session: Session, user_id: uuid.UUID, rule_id: uuid.UUID) -> TagRule | None:
    """Return one of a user's rules."""
    return session.scalars(_one(user_id, rule_id)).one_or_none()


def list_rules(
    session: Session,
    user_id: uuid.UUID,
    *,
    tag_id: uuid.UUID | None = None,
    is_enabled: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[TagRule]:
    """Return a user's rules, the one that is asked first first."""
    query = sa.select(TagRule).where(TagRule.user_id == user_id)
    if tag_id is not None:
        query = query.where(TagRule.tag_id == tag_id)
    if is_enabled is not None:
        query = query.where(TagRule.is_enabled == is_enabled)
    return fetch_page(session, query, order=[Key(TagRule.priority)], after=after, limit=limit)


def update_rule(
    session: Session,
    user_id: uuid.UUID,
    rule_id: uuid.UUID,
    *,
    name: str | None = None,
    tag_id: uuid.UUID | None = None,
    conditions: Mapping[str, Any] | None = None,
    is_enabled: bool | None = None,
) -> TagRule:
    """Change what is given of a rule. What it has made changes when rules are applied.

    Conditions may keep an account that was deleted since; they only match less for it.

    :param is_enabled: False: it acts no more, and what it made stays.
    :raises NotFoundError: if the user has no such rule or tag.
    :raises ConditionsError: as for :func:`create_rule`.
    :raises OperationError: if the name is blank.
    """
    rule = _locked(session, user_id, rule_id)
    values: dict[str, Any] = {"tag_id": tag_id, "is_enabled": is_enabled}
    if name is not None:
        values["name"] = name.strip()
    if conditions is not None:
        tree = parse(conditions)
        check_patterns(session, tree)
        check_accounts(session, user_id, tree, stored=rule.conditions)
        values["conditions"] = canonical(tree)
    with refusing(session, _REFUSALS):
        for column, value in values.items():
            if value is not None:
                setattr(rule, column, value)
        session.flush()
    return rule


def reorder_rules(session: Session, user_id: uuid.UUID, rule_ids: Sequence[uuid.UUID]) -> None:
    """Put a user's rules in an order, at once.

    :param rule_ids: all of them, the one to be asked first first.
    :raises ChangedSinceError: if these are not the user's rules, each once: one came or went.
    """
    _take_turn(session, user_id)
    mine = session.scalars(sa.select(TagRule.id).where(TagRule.user_id == user_id)).all()
    if sorted(mine) != sorted(rule_ids):
        message = "these are not all of the user's rules; read them again"
        raise ChangedSinceError(message)
    place = sa.func.array_position(sa.literal(list(rule_ids), pg.ARRAY(sa.Uuid())), TagRule.id)
    session.execute(
        sa.update(TagRule)
        .where(TagRule.user_id == user_id, TagRule.priority != place)
        .values(priority=place)
        .execution_options(synchronize_session="fetch")
    )


def delete_rule(session: Session, user_id: uuid.UUID, rule_id: uuid.UUID) -> None:
    """Delete a rule. What it has made stays, until another rule claims the transaction.

    :raises NotFoundError: if the user has no such rule.
    """
    session.delete(_locked(session, user_id, rule_id))
    session.flush()


def preview_rules(
    session: Session,
    user_id: uuid.UUID,
    *,
    draft: Draft | None = None,
    since: dt.datetime | None = None,
    transaction_ids: Collection[uuid.UUID] | None = None,
    only_untagged: bool = False,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Preview:
    """Return what :func:`apply_rules` would change. It writes nothing.

    :param draft: a rule to act beside the stored ones, or in place of one.
    :raises ConditionsError: if the draft's conditions are refused.
    :raises NotFoundError: if the user has not the draft's tag, or the rule that it stands for.
    """
    scope = Scope(since, transaction_ids, only_untagged)
    with (
        _stored(session, user_id, draft) if draft else nullcontext() as draft_id,
        staged(session, read_pass(session, user_id, scope)) as left_out,
    ):
        counts = count_staged(session)
        page = fetch_page(session, _CHANGED, order=_NEWEST_FIRST, after=after, limit=limit)
        ids = [transaction.id for transaction in page.items]
        rows = session.execute(sa.select(CHANGES).where(CHANGES.c.transaction_id.in_(ids)))
        by_id = {row.transaction_id: row for row in rows}
    unstored = draft_id if draft and draft.rule_id is None else None
    changes = []
    for transaction in page.items:
        row = by_id[transaction.id]
        rule_id = None if row.new_rule_id == unstored else row.new_rule_id
        changes.append(Change(transaction, row.old_tag_id, row.new_tag_id, rule_id))
    return Preview(counts, Page(changes, page.after), left_out)


def apply_rules(
    session: Session,
    user_id: uuid.UUID,
    *,
    since: dt.datetime | None = None,
    transaction_ids: Collection[uuid.UUID] | None = None,
    only_untagged: bool = False,
) -> Applied:
    """Let a user's rules tag their transactions; what they say already is not written again.

    :param since: only transactions that changed at this instant or later, by ``updated_at``.
    :param transaction_ids: only these.
    :param only_untagged: only transactions that have no split.
    """
    _take_turn(session, user_id)
    # In the order in which all writers of splits lock: tags, then transactions.
    session.scalars(
        sa.select(Tag.id)
        .where(Tag.id.in_(sa.select(TagRule.tag_id).where(TagRule.user_id == user_id)))
        .order_by(Tag.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    scope = Scope(since, transaction_ids, only_untagged)
    with staged(session, read_pass(session, user_id, scope)) as left_out:
        return Applied(write_staged(session), left_out)


def apply_to_changes(session: Session, user_id: uuid.UUID) -> Applied:
    """Let a user's rules tag what changed since this was last done, or since the first rule.

    A rule that is new or changed does not reach back: that is for the user to preview and apply.
    """
    # A row has the time at which its transaction began. Before this instant, all have ended.
    until = session.scalar(
        sa.text(
            "select coalesce(min(xact_start), now()) from pg_stat_activity"
            " where datname = current_database() and backend_type = 'client backend'"
        )
    )
    since = session.scalar(sa.select(_due_since(sa.literal(user_id))))
    if since is None:
        return Applied(Counts(), ())
    applied = apply_rules(session, user_id, since=since)
    progress = pg.insert(TagRuleProgress).values(user_id=user_id, applied_until=until)
    latest = sa.func.greatest(TagRuleProgress.applied_until, progress.excluded.applied_until)
    session.execute(
        progress.on_conflict_do_update(index_elements=["user_id"], set_={"applied_until": latest})
    )
    return applied


def list_due_users(session: Session) -> Sequence[User]:
    """Return the users for whom :func:`apply_to_changes` has something to look at."""
    has_changes = sa.exists().where(
        Transaction.user_id == User.id, Transaction.updated_at >= _due_since(User.id)
    )
    return session.scalars(sa.select(User).where(has_changes).order_by(User.name)).all()


def explain_transaction(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID
) -> Explanation | None:
    """Return why a transaction has its tag, or none; None if the user has no such transaction."""
    transaction = session.scalars(
        sa.select(Transaction).where(
            Transaction.id == transaction_id, Transaction.user_id == user_id
        )
    ).one_or_none()
    if transaction is None:
        return None

    def match(one: Pass) -> tuple[list[uuid.UUID], Sequence[RuleFailedError]]:
        for _, *verdicts in session.execute(select_matches(one)):
            found = zip(one.rules, verdicts, strict=True)
            return [rule.id for rule, is_match in found if is_match], one.failures
        return [], one.failures

    scope = Scope(transaction_ids=[transaction_id])
    matching_ids, left_out = bounded(session, read_pass(session, user_id, scope), match)
    matching = session.scalars(
        sa.select(TagRule).where(TagRule.id.in_(matching_ids)).order_by(TagRule.priority)
    ).all()
    splits = transaction_splits.splits_of(session, user_id, [transaction_id])
    is_overruled = any(split.source == SplitSource.USER for split in splits) or (
        bool(matching) and session.get(TagRemoval, (transaction_id, matching[0].tag_id)) is not None
    )
    return Explanation(splits, matching, is_overruled, left_out)


def _one(user_id: uuid.UUID, rule_id: uuid.UUID) -> sa.Select[tuple[TagRule]]:
    return sa.select(TagRule).where(TagRule.id == rule_id, TagRule.user_id == user_id)


def _locked(session: Session, user_id: uuid.UUID, rule_id: uuid.UUID) -> TagRule:
    _take_turn(session, user_id)
    query = _one(user_id, rule_id).with_for_update()
    rule = session.scalars(query, execution_options={"populate_existing": True}).one_or_none()
    if rule is None:
        message = f"there is no rule {rule_id}"
        raise NotFoundError(message)
    return rule


def _take_turn(session: Session, user_id: uuid.UUID) -> None:
    """Wait until nobody else writes or applies the user's rules."""
    name = sa.func.hashtextextended(f"common.tag_rules:{user_id}", 0)
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(name)))


def _make_room(session: Session, user_id: uuid.UUID, priority: int | None) -> int:
    mine = TagRule.user_id == user_id
    if priority is None:
        last = session.scalar(sa.select(sa.func.max(TagRule.priority)).where(mine))
        return 1 if last is None else last + 1
    is_taken = sa.select(sa.exists().where(mine, TagRule.priority == priority))
    if session.scalar(is_taken):
        session.execute(
            sa.update(TagRule)
            .where(mine, TagRule.priority >= priority)
            .values(priority=TagRule.priority + 1)
            .execution_options(synchronize_session="fetch")
        )
    return priority


@contextmanager
def _stored(session: Session, user_id: uuid.UUID, draft: Draft) -> Iterator[uuid.UUID]:
    """Store a draft as long as the block lasts."""
    savepoint = session.begin_nested()
    try:
        if draft.rule_id is None:
            rule = create_rule(
                session,
                user_id,
                name="draft",
                tag_id=draft.tag_id,
                conditions=draft.conditions,
                priority=draft.priority,
            )
        else:
            rule = update_rule(
                session,
                user_id,
                draft.rule_id,
                tag_id=draft.tag_id,
                conditions=draft.conditions,
                is_enabled=True,
            )
        yield rule.id
    finally:
        savepoint.rollback()


def _due_since(user_id: sa.SQLColumnExpression[uuid.UUID]) -> sa.ColumnElement[dt.datetime]:
    progress = sa.select(TagRuleProgress.applied_until).where(TagRuleProgress.user_id == user_id)
    first_rule = sa.select(sa.func.min(TagRule.created_at)).where(TagRule.user_id == user_id)
    return sa.func.coalesce(
        progress.correlate(User).scalar_subquery(), first_rule.correlate(User).scalar_subquery()
    )
