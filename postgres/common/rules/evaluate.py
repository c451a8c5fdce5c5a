"""One pass of a user's rules over their transactions: what would change, in one statement.

The first rule that matches wins, by priority. It gives the whole transaction its tag, unless the
user took that tag off it: then the transaction gets none, since the user overruled the rule that
knew best. What the user split by hand is left alone, and so are void rows.

A rule keeps what it made in line with what it says. What a rule made that was deleted or disabled
stays, until another rule claims the transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session, aliased

from postgres.common.enums import SplitSource, TransactionStatus
from postgres.common.models import TagRemoval, TagRule, Transaction, TransactionSplit
from postgres.common.rules.bound import OutOfTime, refusal_of, time_bound
from postgres.common.rules.compile import Compiler, facts, pattern_matches
from postgres.common.rules.conditions import Condition, parse
from postgres.errors import ConditionsError, RuleFailedError

PATTERN_MILLISECONDS = 10_000
"""What one rule with a regular expression may take over all rows of a pass."""

MOST_CACHED = 30
"""How many compiled patterns a row can be asked about; PostgreSQL keeps 32 of a connection."""

Result = TypeVar("Result")

# Keeps the planner from working a column out again wherever it is used.
_ONCE: sa.ColumnElement[int] = sa.literal_column("0")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a pass needs to know of a rule."""

    id: uuid.UUID
    name: str
    conditions: Condition


@dataclass(frozen=True, slots=True)
class Scope:
    """Which of a user's transactions a pass looks at; all, if nothing is given.

    :param since: those that changed at this instant or later.
    :param transaction_ids: only these.
    :param only_untagged: those that have no split.
    """

    since: dt.datetime | None = None
    transaction_ids: Collection[uuid.UUID] | None = None
    only_untagged: bool = False

    def filters(self) -> Iterator[sa.ColumnElement[bool]]:
        """Yield what its rows fulfil."""
        yield Transaction.status != TransactionStatus.VOID
        if self.since is not None:
            yield Transaction.updated_at >= self.since
        if self.transaction_ids is not None:
            yield Transaction.id == sa.any_(_uuids(self.transaction_ids))
        if self.only_untagged:
            part = aliased(TransactionSplit)
            yield ~sa.exists().where(part.transaction_id == Transaction.id)


@dataclass(frozen=True, slots=True)
class Pass:
    """Which rules look at which transactions.

    :param rules: those that act, in the order of their priority.
    :param failures: why others cannot. The transactions that they tagged stay as they are.
    """

    user_id: uuid.UUID
    rules: Sequence[Rule]
    scope: Scope
    failures: tuple[RuleFailedError, ...] = ()

    def select(self) -> sa.Select[Any]:
        """Return a query for the transactions, without columns."""
        return sa.select().where(Transaction.user_id == self.user_id, *self.scope.filters())

    def rows(self) -> sa.Select[Any]:
        """Return a query for the facts of the transactions."""
        return self.select().add_columns(*facts())

    def uncached_patterns(self) -> dict[str, int]:
        """Return the patterns that PostgreSQL would compile anew for every row, numbered."""
        every = (pattern for rule in self.rules for pattern in rule.conditions.patterns.values())
        patterns = list(dict.fromkeys(every))
        return {pattern: number for number, pattern in enumerate(patterns[MOST_CACHED:])}

    def without(self, failures: Sequence[RuleFailedError]) -> Pass:
        """Return the pass of the other rules."""
        failed = {failure.rule_id for failure in failures}
        rules = [rule for rule in self.rules if rule.id not in failed]
        return replace(self, rules=rules, failures=(*self.failures, *failures))


def read_pass(session: Session, user_id: uuid.UUID, scope: Scope) -> Pass:
    """Return the pass of all enabled rules of a user."""
    stored = session.execute(
        sa.select(TagRule.id, TagRule.name, TagRule.conditions)
        .where(TagRule.user_id == user_id, TagRule.is_enabled)
        .order_by(TagRule.priority)
    )
    rules, failures = [], []
    for rule_id, name, conditions in stored:
        try:
            rules.append(Rule(rule_id, name, parse(conditions)))
        except ConditionsError as error:
            failures.append(RuleFailedError(rule_id, name, str(error)))
    return Pass(user_id, rules, scope, tuple(failures))


def bounded(session: Session, wanted: Pass, run: Callable[[Pass], Result]) -> Result:
    """Evaluate rules in bounded time, without those that cannot be if there are any.

    :param run: evaluates the pass that it is given.
    """
    with_patterns = [rule for rule in wanted.rules if rule.conditions.patterns]
    if not with_patterns:
        return run(wanted)
    try:
        with time_bound(session, PATTERN_MILLISECONDS * len(with_patterns)):
            return run(wanted)
    except (OutOfTime, sa.exc.DataError):
        attempts = [_attempt(session, wanted, rule) for rule in with_patterns]
    return run(wanted.without([failure for failure in attempts if failure is not None]))


def _attempt(session: Session, wanted: Pass, rule: Rule) -> RuleFailedError | None:
    """Evaluate one rule by itself; a failure undoes nothing but this."""
    rows = wanted.rows().subquery()
    matches = Compiler(rows, wanted.user_id).compile(rule.conditions)
    try:
        with time_bound(session, PATTERN_MILLISECONDS):
            session.execute(sa.select(sa.func.count()).select_from(rows).where(matches))
    except OutOfTime:
        seconds = PATTERN_MILLISECONDS / 1000
        return RuleFailedError(rule.id, rule.name, f"it took longer than {seconds:g} s")
    except sa.exc.DataError as error:
        return RuleFailedError(rule.id, rule.name, refusal_of(error))
    return None


def select_matches(wanted: Pass) -> sa.Select[Any]:
    """Return a query for whether each rule matches, a column a rule, a row a transaction."""
    rows = wanted.rows().subquery()
    compiler = Compiler(rows, wanted.user_id)
    verdicts = [compiler.compile(rule.conditions).label(str(rule.id)) for rule in wanted.rules]
    return sa.select(rows.c.id, *verdicts)


def select_changes(wanted: Pass) -> sa.Select[Any]:
    """Return a query for what rules would change: transaction, split, old tag, new tag, new rule.

    Without a split it is to be made, without a new tag it is to go.
    """
    verdicts = _verdicts(wanted)
    winner = aliased(TagRule)
    is_allowed = TagRemoval.transaction_id.is_(None)
    found = (
        sa.select(
            verdicts,
            sa.case((is_allowed, winner.tag_id)).label("new_tag_id"),
            sa.case((is_allowed, winner.id)).label("new_rule_id"),
        )
        .outerjoin(winner, winner.id == verdicts.c.winner_id)
        .outerjoin(
            TagRemoval,
            sa.and_(TagRemoval.transaction_id == verdicts.c.id, TagRemoval.tag_id == winner.tag_id),
        )
        .subquery("found")
    ).c
    is_new = sa.or_(
        found.tag_id.is_distinct_from(found.new_tag_id),
        found.rule_id.is_distinct_from(found.new_rule_id),
    )
    # What the maker of a split no longer says, and a split whose tag was deleted.
    acting = _uuids(rule.id for rule in wanted.rules)
    is_void = sa.or_(found.rule_id == sa.any_(acting), found.tag_id.is_(None))
    by_hand = sa.select(sa.func.count()).where(
        TransactionSplit.transaction_id == found.id, TransactionSplit.source == SplitSource.USER
    )
    is_change = sa.case(
        (found.new_tag_id.is_not(None), is_new),
        else_=sa.and_(found.split_id.is_not(None), is_void),
    )
    return sa.select(
        found.id, found.split_id, found.tag_id, found.new_tag_id, found.new_rule_id
    ).where(sa.case((is_change, by_hand.scalar_subquery() == 0), else_=sa.false()))


def _verdicts(wanted: Pass) -> sa.Subquery:
    """Return transactions with their splits, and who wins each now.

    Who made the splits is asked later. How many are by rules the planner would guess by its last
    count; after a first application that is none, and it would loop over all of them for each row.
    """
    split = TransactionSplit
    failed = _uuids(failure.rule_id for failure in wanted.failures)
    query = (
        wanted.rows()
        .add_columns(split.id.label("split_id"), split.tag_id, split.rule_id)
        .outerjoin(split, split.transaction_id == Transaction.id)
        .where(sa.func.coalesce(split.rule_id != sa.all_(failed), sa.true()))
    )
    if numbered := wanted.uncached_patterns():
        matches = pattern_matches(wanted.select(), numbered)
        query = query.add_columns(matches.c.matched).outerjoin(
            matches, matches.c.id == Transaction.id
        )
    rows = query.offset(_ONCE).subquery("facts")
    compiler = Compiler(rows, wanted.user_id, numbered)
    cases = [
        (compiler.compile(rule.conditions), sa.literal(rule.id, sa.Uuid())) for rule in wanted.rules
    ]
    winner_id = sa.case(*cases) if cases else sa.cast(sa.null(), sa.Uuid())
    return (
        sa.select(
            rows.c.id,
            rows.c.split_id,
            rows.c.tag_id,
            rows.c.rule_id,
            winner_id.label("winner_id"),
        )
        .offset(_ONCE)
        .subquery("verdicts")
    )


def _uuids(ids: Collection[uuid.UUID] | Iterator[uuid.UUID]) -> sa.ColumnElement[Any]:
    return sa.literal(list(ids), pg.ARRAY(sa.Uuid()))
