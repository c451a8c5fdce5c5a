"""A preview says what an application does, and an explanation why it did."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.enums import SplitSource, TransactionStatus
from postgres.common.models import TagRemoval, TagRule, Transaction
from postgres.common.operations import tag_rules, tags, transaction_splits
from postgres.common.operations.tag_rules import Change, Draft, Preview
from postgres.common.rules.stage import Counts
from postgres.errors import ConditionsError, NotFoundError
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.rules import DAY, add, apply, make_rule, put, says, tag_of, versions

NETFLIX = {"description": {"contains": "netflix"}}
OUT = {"amount": {"direction": "out"}}


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def preview(session: Session, ledger: Ledger, **options: Any) -> Preview:
    return tag_rules.preview_rules(session, ledger.user.id, **options)


def all_changes(session: Session, ledger: Ledger, **options: Any) -> list[Change]:
    """The changes of all pages, three a page."""
    changes: list[Change] = []
    after = None
    while True:
        page = preview(session, ledger, after=after, limit=3, **options).changes
        changes += page.items
        if (after := page.after) is None:
            return changes


class TestPreview:
    def test_it_names_old_and_new_and_writes_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        first = make_rule(session, ledger, NETFLIX)
        tagged = add(session, ledger)
        apply(session, ledger)
        sooner = make_rule(session, ledger, OUT, priority=1)
        bare = add(session, ledger, description=None, booking_date=DAY + dt.timedelta(days=1))
        before = versions(session)

        found = preview(session, ledger)

        assert found.counts == Counts(tagged=1, retagged=1)
        assert list(found.changes.items) == [
            Change(bare, None, sooner.tag_id, sooner.id),
            Change(tagged, first.tag_id, sooner.tag_id, sooner.id),
        ]
        assert versions(session) == before

    def test_pages_hold_every_change_once_the_newest_first(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_rule(session, ledger, OUT)
        days = [DAY + dt.timedelta(days=n % 4) for n in range(8)]
        rows = [add(session, ledger, booking_date=day) for day in days]

        found = [change.transaction for change in all_changes(session, ledger)]

        assert sorted(row.id for row in found) == sorted(row.id for row in rows)
        assert [row.booking_date for row in found] == sorted(days, reverse=True)

    def test_a_draft_acts_where_it_would_be_put(self, session: Session, ledger: Ledger) -> None:
        stored = make_rule(session, ledger, NETFLIX)
        tag = tags.create_tag(session, ledger.user.id, "Draft")
        transaction, other = add(session, ledger), add(session, ledger, description=None)
        before = versions(session)

        last = preview(session, ledger, draft=Draft(tag.id, OUT))
        assert {(c.transaction, c.new_tag_id, c.rule_id) for c in last.changes.items} == {
            (transaction, stored.tag_id, stored.id),
            (other, tag.id, None),
        }
        first = preview(session, ledger, draft=Draft(tag.id, OUT, priority=1))
        assert {c.new_tag_id for c in first.changes.items} == {tag.id}
        instead = preview(session, ledger, draft=Draft(tag.id, OUT, rule_id=stored.id))
        assert {(c.new_tag_id, c.rule_id) for c in instead.changes.items} == {(tag.id, stored.id)}

        assert tag_rules.list_rules(session, ledger.user.id).items == [stored]
        assert (stored.priority, stored.conditions, stored.tag_id) != (2, OUT, tag.id)
        session.expire_all()
        assert (stored.priority, stored.conditions) == (1, NETFLIX)
        assert versions(session) == before

    def test_a_draft_of_a_disabled_rule_shows_what_it_would_do(
        self, session: Session, ledger: Ledger
    ) -> None:
        stored = make_rule(session, ledger, NETFLIX, is_enabled=False)
        add(session, ledger)
        assert preview(session, ledger).counts == Counts()

        draft = Draft(stored.tag_id, NETFLIX, rule_id=stored.id)

        assert preview(session, ledger, draft=draft).counts == Counts(tagged=1)
        assert not stored.is_enabled

    def test_a_draft_is_refused_like_a_rule(self, session: Session, ledger: Ledger) -> None:
        make_rule(session, ledger, NETFLIX)
        add(session, ledger)
        tag = tags.create_tag(session, ledger.user.id, "Draft")

        with pytest.raises(ConditionsError, match="matches: invalid regular expression"):
            preview(session, ledger, draft=Draft(tag.id, {"description": {"matches": "("}}))
        with pytest.raises(NotFoundError):
            preview(session, ledger, draft=Draft(uuid.uuid4(), OUT))

        assert preview(session, ledger).counts == Counts(tagged=1)


WORDS = ("alpha", "beta", "gamma")
TREES = st.recursive(
    st.sampled_from([{}, *({"description": {"contains": word}} for word in WORDS)]),
    lambda inner: st.one_of(
        inner.map(lambda tree: {"not": tree}),
        st.lists(inner, max_size=2).map(lambda trees: {"all": trees}),
        st.lists(inner, max_size=2).map(lambda trees: {"any": trees}),
    ),
    max_leaves=3,
)
RULES = st.lists(st.tuples(TREES, st.integers(0, 2), st.booleans()), min_size=1, max_size=4)
# What was there before: nothing, a split by hand, by a rule that is gone, or by one that is there.
PASTS = st.one_of(
    st.sampled_from(["bare", "user", "orphan"]), st.tuples(st.just("rule"), st.integers(0, 3))
)
ROWS = st.lists(
    st.tuples(st.sets(st.sampled_from(WORDS)), PASTS, st.sets(st.integers(0, 2))),
    min_size=1,
    max_size=6,
)


@dataclass(frozen=True)
class Case:
    """A transaction, what was done to it, and which tags were taken off it."""

    row: Transaction
    past: Any
    removed: set[uuid.UUID]

    def maker(self, rules: list[TagRule]) -> TagRule | None:
        return rules[self.past[1] % len(rules)] if isinstance(self.past, tuple) else None

    def stage(self, session: Session, rules: list[TagRule], own_tag: uuid.UUID) -> None:
        if maker := self.maker(rules):
            by = {"tag_id": maker.tag_id, "rule_id": maker.id, "source": SplitSource.RULE}
            put(session, self.row, **by)
        elif self.past != "bare":
            source = SplitSource.USER if self.past == "user" else SplitSource.RULE
            put(session, self.row, tag_id=own_tag, source=source)
        for tag_id in self.removed:
            owned = {"user_id": self.row.user_id, "transaction_id": self.row.id}
            session.add(TagRemoval(**owned, tag_id=tag_id))
        session.flush()

    def promise(self, rules: list[TagRule], before: uuid.UUID | None) -> uuid.UUID | None:
        """The tag that it ends with."""
        if self.past == "user":
            return before
        matching = [r for r in rules if r.is_enabled and says(r.conditions, self.row)]
        if matching and matching[0].tag_id not in self.removed:
            return matching[0].tag_id
        maker = self.maker(rules)
        return None if maker and maker.is_enabled else before


@pytest.mark.slow
def test_an_application_does_what_the_preview_said_and_both_what_is_promised(
    session: Session, ledger: Ledger
) -> None:
    tag_ids = [tags.create_tag(session, ledger.user.id, f"word {n}").id for n in range(3)]
    own_tag = tags.create_tag(session, ledger.user.id, "own").id

    @settings(max_examples=40)
    @given(RULES, ROWS)
    def agree(given_rules: Any, given_rows: Any) -> None:
        savepoint = session.begin_nested()
        rules = [
            make_rule(session, ledger, tree, tag_id=tag_ids[n], is_enabled=enabled)
            for tree, n, enabled in given_rules
        ]
        cases = []
        for words, past, removed in given_rows:
            row = add(session, ledger, description=" ".join(sorted(words)))
            cases.append(Case(row, past, {tag_ids[n] for n in removed}))
            cases[-1].stage(session, rules, own_tag)
        before = {case.row.id: tag_of(session, case.row) for case in cases}
        wanted = {case.row.id: case.promise(rules, before[case.row.id]) for case in cases}

        said = preview(session, ledger).counts
        changes = {change.transaction.id: change for change in all_changes(session, ledger)}
        assert apply(session, ledger) == said

        after = {case.row.id: tag_of(session, case.row) for case in cases}
        assert after == wanted
        assert {i: c.old_tag_id for i, c in changes.items()} == {i: before[i] for i in changes}
        assert {i: c.new_tag_id for i, c in changes.items()} == {i: after[i] for i in changes}
        assert {i for i in after if after[i] != before[i]} <= changes.keys()
        assert apply(session, ledger) == Counts()
        savepoint.rollback()

    agree()


class TestExplanation:
    def test_it_names_the_winner_and_who_else_matches(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_rule(session, ledger, {"description": {"contains": "bakery"}})
        make_rule(session, ledger, OUT, is_enabled=False)
        winner = make_rule(session, ledger, {"description": {"matches": "flix$"}})
        second = make_rule(session, ledger, OUT)
        transaction = add(session, ledger)
        apply(session, ledger)

        why = tag_rules.explain_transaction(session, ledger.user.id, transaction.id)

        assert why is not None
        assert list(why.matching) == [winner, second]
        assert [(split.rule_id, split.source) for split in why.splits] == [
            (winner.id, SplitSource.RULE)
        ]
        assert not why.is_overruled
        assert why.left_out == ()

    def test_it_says_when_the_user_overruled_the_winner(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_rule(session, ledger, OUT)
        mine = tags.create_tag(session, ledger.user.id, "Mine")
        untagged, by_hand = add(session, ledger), add(session, ledger)
        transaction_splits.set_tag(session, ledger.user.id, by_hand.id, mine.id)
        apply(session, ledger)
        transaction_splits.clear_splits(session, ledger.user.id, untagged.id)

        for transaction in (untagged, by_hand):
            why = tag_rules.explain_transaction(session, ledger.user.id, transaction.id)
            assert why is not None
            assert why.is_overruled
            assert len(why.matching) == 1

    def test_it_has_nothing_to_say_where_no_rule_matches(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_rule(session, ledger, {})
        make_rule(session, ledger, {"description": {"matches": "flix$"}})
        bakery = add(session, ledger, description="bakery")
        gone = add(session, ledger, status=TransactionStatus.VOID)

        for transaction in (bakery, gone):
            why = tag_rules.explain_transaction(session, ledger.user.id, transaction.id)
            assert why is not None
            assert (why.splits, why.matching, why.is_overruled) == ([], [], False)

    def test_transactions_of_others_are_not_there(self, session: Session, ledger: Ledger) -> None:
        theirs = add(session, make_ledger(session))

        assert tag_rules.explain_transaction(session, ledger.user.id, theirs.id) is None
