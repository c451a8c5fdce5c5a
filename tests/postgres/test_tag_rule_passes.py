"""What rules do to transactions: the first one wins, once, and never against the user."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from postgres.common.enums import SplitSource, TransactionStatus
from postgres.common.models import Account, TagRemoval
from postgres.common.operations import tag_rules, tags, transaction_splits
from postgres.common.rules.stage import Counts
from postgres.errors import ConditionsError
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.rules import (
    add,
    add_account,
    apply,
    make_rule,
    put,
    split_of,
    tag_of,
    versions,
)

NETFLIX = {"description": {"contains": "netflix"}}
OUT = {"amount": {"direction": "out"}}


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


class TestWinning:
    def test_the_whole_gets_the_tag_and_knows_its_rule(
        self, session: Session, ledger: Ledger
    ) -> None:
        rule = make_rule(session, ledger, NETFLIX)
        matching, stranger = add(session, ledger), add(session, ledger, description=None)

        assert apply(session, ledger) == Counts(tagged=1)

        split = split_of(session, matching)
        assert split is not None
        assert (split.tag_id, split.rule_id) == (rule.tag_id, rule.id)
        assert (split.amount, split.currency) == (matching.amount, matching.currency)
        assert split.source == SplitSource.RULE
        assert split_of(session, stranger) is None

    def test_the_first_rule_that_matches_wins(self, session: Session, ledger: Ledger) -> None:
        make_rule(session, ledger, {"description": {"contains": "bakery"}})
        make_rule(session, ledger, OUT, is_enabled=False)
        winner = make_rule(session, ledger, OUT)
        loser = make_rule(session, ledger, NETFLIX)
        transaction = add(session, ledger)
        apply(session, ledger)
        assert tag_of(session, transaction) == winner.tag_id

        everyone = [rule.id for rule in tag_rules.list_rules(session, ledger.user.id).items]
        tag_rules.reorder_rules(session, ledger.user.id, everyone[::-1])

        assert apply(session, ledger) == Counts(retagged=1)
        assert tag_of(session, transaction) == loser.tag_id

    @pytest.mark.parametrize(
        "empty",
        [
            {},
            {"all": []},
            {"any": []},
            {"not": {}},
            {"not": {"any": []}},
            {"accounts": {"in": []}},
            {"not": {"accounts": {"in": []}}},
            {"all": [OUT, {"any": []}]},
            {"not": {"all": [OUT, {}]}},
        ],
    )
    def test_conditions_that_say_nothing_match_nothing(
        self, session: Session, ledger: Ledger, empty: Mapping[str, Any]
    ) -> None:
        make_rule(session, ledger, empty)
        add(session, ledger)

        assert apply(session, ledger) == Counts()

    def test_void_rows_are_left_alone(self, session: Session, ledger: Ledger) -> None:
        make_rule(session, ledger, OUT)
        pending = add(session, ledger, status=TransactionStatus.PENDING, booking_date=None)
        gone = add(session, ledger, status=TransactionStatus.VOID)
        tagged = add(session, ledger, status=TransactionStatus.VOID)
        put(session, tagged, source=SplitSource.RULE)

        assert tag_rules.preview_rules(session, ledger.user.id).counts == Counts(tagged=1)
        assert apply(session, ledger) == Counts(tagged=1)

        assert tag_of(session, pending) is not None
        assert split_of(session, gone) is None
        assert tag_of(session, tagged) is None

    def test_a_row_of_nothing_can_be_tagged(self, session: Session, ledger: Ledger) -> None:
        make_rule(session, ledger, NETFLIX)
        add(session, ledger, amount=Decimal(0))

        assert apply(session, ledger) == Counts(tagged=1)

    def test_only_what_is_asked_for_is_looked_at(self, session: Session, ledger: Ledger) -> None:
        make_rule(session, ledger, OUT)
        first, second, third = (add(session, ledger) for _ in range(3))
        put(session, third)

        assert apply(session, ledger, transaction_ids=[first.id, third.id]) == Counts(tagged=1)
        make_rule(session, ledger, OUT, priority=1)
        assert apply(session, ledger, only_untagged=True) == Counts(tagged=1)
        assert apply(session, ledger, transaction_ids=[]) == Counts()
        assert apply(session, ledger, transaction_ids=[second.id]) == Counts()
        assert apply(session, ledger) == Counts(retagged=1)


class TestTheUserWins:
    def test_what_the_user_split_stays(self, session: Session, ledger: Ledger) -> None:
        rule = make_rule(session, ledger, OUT)
        mine = tags.create_tag(session, ledger.user.id, "Mine")
        by_hand, untagged, in_parts = (add(session, ledger) for _ in range(3))
        transaction_splits.set_tag(session, ledger.user.id, by_hand.id, mine.id)
        put(session, untagged)
        parts = [
            transaction_splits.Part(mine.id, Decimal("-9")),
            transaction_splits.Part(rule.tag_id),
        ]
        transaction_splits.set_splits(session, ledger.user.id, in_parts.id, parts)
        before = versions(session)

        assert apply(session, ledger) == Counts()
        assert versions(session) == before

    def test_what_is_split_by_hand_and_by_a_rule_stays(
        self, session: Session, ledger: Ledger
    ) -> None:
        # No operation does it; whatever did, the parts still make up the whole.
        rule = make_rule(session, ledger, NETFLIX)
        transaction = add(session, ledger, amount=Decimal(-10), description="bakery")
        owned = {"tag_id": rule.tag_id, "rule_id": rule.id, "source": SplitSource.RULE}
        put(session, transaction, amount=Decimal(-4), **owned)
        put(session, transaction, amount=Decimal(-6))

        assert apply(session, ledger) == Counts()

    def test_a_tag_that_was_taken_off_is_not_put_back(
        self, session: Session, ledger: Ledger
    ) -> None:
        rule = make_rule(session, ledger, OUT)
        make_rule(session, ledger, OUT, tag_id=rule.tag_id)
        make_rule(session, ledger, NETFLIX)
        transaction, sibling = add(session, ledger), add(session, ledger)
        apply(session, ledger)

        transaction_splits.clear_splits(session, ledger.user.id, transaction.id)

        assert apply(session, ledger) == Counts()
        # Neither is another one: the user overruled the rule that knew best.
        assert tag_of(session, transaction) is None
        assert tag_of(session, sibling) == rule.tag_id

        # A rule that is asked sooner is news.
        sooner = make_rule(session, ledger, NETFLIX, priority=1)
        apply(session, ledger)
        assert tag_of(session, transaction) == sooner.tag_id

    def test_a_tag_that_the_user_changed_stays_changed(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_rule(session, ledger, OUT)
        mine = tags.create_tag(session, ledger.user.id, "Mine")
        transaction = add(session, ledger)
        apply(session, ledger)

        transaction_splits.set_tag(session, ledger.user.id, transaction.id, mine.id)

        assert apply(session, ledger) == Counts()
        assert tag_of(session, transaction) == mine.id

    def test_a_winner_that_was_overruled_takes_its_place_from_nobody(
        self, session: Session, ledger: Ledger
    ) -> None:
        lower = make_rule(session, ledger, OUT)
        transaction = add(session, ledger)
        apply(session, ledger)
        upper = make_rule(session, ledger, OUT, priority=1)
        session.add(
            TagRemoval(user_id=ledger.user.id, transaction_id=transaction.id, tag_id=upper.tag_id)
        )

        assert apply(session, ledger) == Counts(untagged=1)
        assert lower.tag_id != upper.tag_id


class TestFollowing:
    def test_a_second_time_writes_nothing(self, session: Session, ledger: Ledger) -> None:
        make_rule(session, ledger, OUT)
        make_rule(session, ledger, {"description": {"matches": "^CARD .*netflix$"}}, priority=1)
        for _ in range(3):
            add(session, ledger)
            add(session, ledger, description=None)
        apply(session, ledger)
        session.commit()
        before = versions(session)

        assert apply(session, ledger) == Counts()
        session.commit()

        assert versions(session) == before

    def test_a_rule_keeps_what_it_made_in_line(self, session: Session, ledger: Ledger) -> None:
        rule = make_rule(session, ledger, NETFLIX)
        transaction = add(session, ledger)
        apply(session, ledger)
        split = split_of(session, transaction)

        fun = tags.create_tag(session, ledger.user.id, "Fun")
        tag_rules.update_rule(session, ledger.user.id, rule.id, tag_id=fun.id)
        assert apply(session, ledger) == Counts(retagged=1)
        assert split_of(session, transaction) is split
        assert tag_of(session, transaction) == fun.id

        transaction.description = "CARD PAYMENT TO BAKERY"
        assert apply(session, ledger) == Counts(untagged=1)
        assert split_of(session, transaction) is None

    def test_the_same_tag_by_another_rule_says_so(self, session: Session, ledger: Ledger) -> None:
        first = make_rule(session, ledger, OUT)
        transaction = add(session, ledger)
        apply(session, ledger)
        sooner = make_rule(session, ledger, NETFLIX, tag_id=first.tag_id, priority=1)

        assert apply(session, ledger) == Counts(retagged=1)
        split = split_of(session, transaction)
        assert split is not None
        assert (split.tag_id, split.rule_id) == (first.tag_id, sooner.id)

    @pytest.mark.parametrize("end", ["disable", "delete"])
    def test_what_a_rule_made_outlives_it_until_another_claims_it(
        self, session: Session, ledger: Ledger, end: str
    ) -> None:
        rule = make_rule(session, ledger, NETFLIX)
        transaction = add(session, ledger)
        apply(session, ledger)
        if end == "disable":
            tag_rules.update_rule(session, ledger.user.id, rule.id, is_enabled=False)
        else:
            tag_rules.delete_rule(session, ledger.user.id, rule.id)
        session.expire_all()

        assert apply(session, ledger) == Counts()
        assert tag_of(session, transaction) is not None

        heir = make_rule(session, ledger, OUT)
        assert apply(session, ledger) == Counts(retagged=1)
        assert tag_of(session, transaction) == heir.tag_id

    def test_a_deleted_tag_leaves_nothing_for_rules_to_keep(
        self, session: Session, ledger: Ledger
    ) -> None:
        rule = make_rule(session, ledger, NETFLIX)
        transaction = add(session, ledger)
        apply(session, ledger)
        tags.delete_tag(session, ledger.user.id, rule.tag_id)
        session.expire_all()

        assert apply(session, ledger) == Counts(untagged=1)
        assert split_of(session, transaction) is None

    def test_a_deleted_account_never_widens_a_rule(self, session: Session, ledger: Ledger) -> None:
        doomed = add_account(session, ledger)
        here = add(session, ledger)
        add(session, ledger, account_id=doomed.id)
        only = {"accounts": {"in": [str(doomed.id)]}}
        rule = make_rule(session, ledger, only)
        make_rule(session, ledger, {"all": [only, OUT]})
        make_rule(session, ledger, {"not": {"any": [only, OUT]}})
        assert apply(session, ledger) == Counts(tagged=1)

        session.delete(session.get_one(Account, doomed.id))
        session.flush()

        assert apply(session, ledger) == Counts()
        assert tag_of(session, here) is None
        # It can still be edited, but not be given that account anew.
        kept = {"all": [OUT, only]}
        tag_rules.update_rule(session, ledger.user.id, rule.id, conditions=kept)
        assert apply(session, ledger) == Counts()
        with pytest.raises(ConditionsError):
            make_rule(session, ledger, only)
