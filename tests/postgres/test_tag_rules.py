"""A user's rules: kept in order, refused when they cannot work, and never those of another."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.models import TagRule, TransactionSplit
from postgres.common.operations import tag_rules, tags
from postgres.common.rules import checks
from postgres.errors import ChangedSinceError, ConditionsError, NotFoundError, OperationError
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.rules import add, make_rule, put

NETFLIX = {"description": {"contains": "netflix"}}


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def other(session: Session) -> Ledger:
    return make_ledger(session)


def order(session: Session, ledger: Ledger) -> list[uuid.UUID]:
    return [rule.id for rule in tag_rules.list_rules(session, ledger.user.id).items]


class TestKeeping:
    def test_a_rule_is_stored_in_one_form_and_found_again(
        self, session: Session, ledger: Ledger
    ) -> None:
        tag = tags.create_tag(session, ledger.user.id, "Films")
        rule = tag_rules.create_rule(
            session,
            ledger.user.id,
            name=" Films ",
            tag_id=tag.id,
            conditions={"currency": {"in": ["USD", "EUR", "USD"]}},
        )
        session.expire_all()

        found = tag_rules.get_rule(session, ledger.user.id, rule.id)

        assert found is rule
        assert (rule.name, rule.tag_id, rule.is_enabled) == ("Films", tag.id, True)
        assert rule.conditions == {"currency": {"in": ["EUR", "USD"]}}

    def test_a_change_leaves_alone_what_it_does_not_name(
        self, session: Session, ledger: Ledger
    ) -> None:
        rule = make_rule(session, ledger, NETFLIX, name="Films")

        tag_rules.update_rule(session, ledger.user.id, rule.id, is_enabled=False)
        session.expire_all()
        assert (rule.name, rule.is_enabled, rule.conditions) == ("Films", False, NETFLIX)

        other_tag = tags.create_tag(session, ledger.user.id, "Fun")
        tag_rules.update_rule(
            session, ledger.user.id, rule.id, name="Fun", tag_id=other_tag.id, conditions={}
        )
        session.expire_all()
        assert (rule.name, rule.tag_id, rule.is_enabled) == ("Fun", other_tag.id, False)
        assert rule.conditions == {"all": []}

    def test_a_deleted_rule_is_gone(self, session: Session, ledger: Ledger) -> None:
        rule = make_rule(session, ledger, NETFLIX)

        tag_rules.delete_rule(session, ledger.user.id, rule.id)

        assert tag_rules.get_rule(session, ledger.user.id, rule.id) is None

    def test_rules_are_listed_by_tag_and_by_whether_they_act(
        self, session: Session, ledger: Ledger, other: Ledger
    ) -> None:
        first = make_rule(session, ledger, NETFLIX)
        second = make_rule(session, ledger, NETFLIX, is_enabled=False)
        make_rule(session, other, NETFLIX)

        def listed(**filters: Any) -> list[TagRule]:
            return list(tag_rules.list_rules(session, ledger.user.id, **filters).items)

        assert listed() == [first, second]
        assert listed(is_enabled=True) == [first]
        assert listed(tag_id=second.tag_id) == [second]
        page = tag_rules.list_rules(session, ledger.user.id, limit=1)
        assert list(page.items) == [first]
        assert listed(after=page.after) == [second]

    @pytest.mark.parametrize(
        ("values", "refusal", "complaint"),
        [
            ({"name": "  "}, OperationError, "a rule needs a name"),
            ({"tag_id": uuid.uuid4()}, NotFoundError, "there is no such tag"),
            ({"conditions": {"all": 1}}, ConditionsError, "conditions.all"),
            (
                {"conditions": {"not": {"description": {"matches": "a(b"}}}},
                ConditionsError,
                "conditions.not.description.matches: invalid regular expression: paren",
            ),
            (
                {"conditions": {"any": [{"accounts": {"in": [str(uuid.uuid4())]}}]}},
                ConditionsError,
                "conditions.any[0].accounts.in: there is no account",
            ),
        ],
    )
    def test_what_cannot_work_is_refused_and_nothing_else_is_lost(
        self,
        session: Session,
        ledger: Ledger,
        values: dict[str, Any],
        refusal: type[OperationError],
        complaint: str,
    ) -> None:
        rule = make_rule(session, ledger, NETFLIX, name="Films")

        with pytest.raises(refusal) as caught:
            make_rule(session, ledger, **{"conditions": NETFLIX, **values})
        assert complaint in str(caught.value)
        with pytest.raises(refusal):
            tag_rules.update_rule(session, ledger.user.id, rule.id, **values)

        session.expire_all()
        assert order(session, ledger) == [rule.id]
        assert (rule.name, rule.conditions) == ("Films", NETFLIX)

    def test_a_pattern_that_takes_too_long_is_refused(
        self, session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A fast machine is through with any pattern that PostgreSQL takes within a second.
        monkeypatch.setattr(checks, "_MILLISECONDS", 50)
        session.execute(sa.text("set local statement_timeout = '40s'"))

        with pytest.raises(ConditionsError, match="matches: takes too long"):
            make_rule(session, ledger, {"description": {"matches": "((.{0,80}){0,40}x){0,9}#"}})

        assert session.scalar(sa.text("show statement_timeout")) == "40s"


class TestOwner:
    def test_rules_of_others_are_not_there(
        self, session: Session, ledger: Ledger, other: Ledger
    ) -> None:
        theirs = make_rule(session, other, NETFLIX)
        mine = ledger.user.id

        assert tag_rules.get_rule(session, mine, theirs.id) is None
        with pytest.raises(NotFoundError):
            tag_rules.update_rule(session, mine, theirs.id, name="mine")
        with pytest.raises(NotFoundError):
            tag_rules.delete_rule(session, mine, theirs.id)
        with pytest.raises(ChangedSinceError):
            tag_rules.reorder_rules(session, mine, [theirs.id])
        draft = tag_rules.Draft(theirs.tag_id, NETFLIX, rule_id=theirs.id)
        with pytest.raises(NotFoundError):
            tag_rules.preview_rules(session, mine, draft=draft)

    def test_tags_and_accounts_of_others_are_refused(
        self, session: Session, ledger: Ledger, other: Ledger
    ) -> None:
        tag = tags.create_tag(session, other.user.id, "Theirs")
        account = {"accounts": {"in": [str(other.account.id)]}}

        with pytest.raises(NotFoundError):
            make_rule(session, ledger, NETFLIX, tag_id=tag.id)
        with pytest.raises(ConditionsError, match=f"there is no account {other.account.id}"):
            make_rule(session, ledger, account)

    def test_the_database_refuses_a_split_by_a_rule_of_another(
        self, session: Session, ledger: Ledger, other: Ledger
    ) -> None:
        theirs = make_rule(session, other, NETFLIX)

        with pytest.raises(sa.exc.IntegrityError, match="rule_id_user_id"):
            put(session, add(session, ledger), rule_id=theirs.id)

    def test_conditions_that_name_an_account_of_another_match_nothing(
        self, session: Session, ledger: Ledger, other: Ledger
    ) -> None:
        # No operation stores them; whatever did, the rows of two users do not meet.
        rule = make_rule(session, ledger, NETFLIX)
        rule.conditions = {"accounts": {"in": [str(other.account.id)]}}
        add(session, ledger)
        add(session, other)

        assert tag_rules.apply_rules(session, ledger.user.id).counts.tagged == 0
        assert session.scalars(sa.select(TransactionSplit)).all() == []


class TestOrder:
    def test_a_new_rule_comes_last_or_where_it_is_put(
        self, session: Session, ledger: Ledger
    ) -> None:
        first, second = (make_rule(session, ledger, NETFLIX) for _ in range(2))
        between = make_rule(session, ledger, NETFLIX, priority=second.priority)
        far = make_rule(session, ledger, NETFLIX, priority=50)
        last = make_rule(session, ledger, NETFLIX)

        assert order(session, ledger) == [r.id for r in (first, between, second, far, last)]
        # What was read before knows where it is now.
        assert (first.priority, between.priority, second.priority) == (1, 2, 3)

    def test_all_change_places_at_once(
        self, session: Session, ledger: Ledger, other: Ledger
    ) -> None:
        theirs = make_rule(session, other, NETFLIX)
        rules = [make_rule(session, ledger, NETFLIX) for _ in range(3)]
        wanted = [rules[2].id, rules[0].id, rules[1].id]

        tag_rules.reorder_rules(session, ledger.user.id, wanted)

        assert order(session, ledger) == wanted
        assert [rule.priority for rule in rules] == [2, 3, 1]
        assert theirs.priority == 1

    def test_an_order_of_other_rules_than_there_are_is_refused(
        self, session: Session, ledger: Ledger
    ) -> None:
        rules = [make_rule(session, ledger, NETFLIX) for _ in range(2)]
        mine = [rule.id for rule in rules]

        for wrong in (mine[:1], [*mine, mine[0]], [mine[0], mine[0]], [*mine, uuid.uuid4()]):
            with pytest.raises(ChangedSinceError):
                tag_rules.reorder_rules(session, ledger.user.id, wrong)

        assert order(session, ledger) == mine

    def test_writers_at_the_same_time_neither_fail_nor_share_a_place(
        self, sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            tag = tags.create_tag(session, ledger.user.id, "Films")
            kept = make_rule(session, ledger, NETFLIX, tag_id=tag.id)
        barrier = threading.Barrier(8)

        def write(number: int) -> None:
            barrier.wait()
            for _ in range(3):
                with sessions.begin() as session:
                    rule = make_rule(
                        session, ledger, NETFLIX, tag_id=tag.id, priority=[None, 1][number % 2]
                    )
                with sessions.begin() as session:
                    try:
                        turned = order(session, ledger)[::-1]
                        tag_rules.reorder_rules(session, ledger.user.id, turned)
                    except ChangedSinceError:
                        pass
                with sessions.begin() as session:
                    if number % 4:
                        tag_rules.delete_rule(session, ledger.user.id, rule.id)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))

        with sessions() as session:
            rules = tag_rules.list_rules(session, ledger.user.id).items
        assert len(rules) == 1 + 2 * 3
        assert kept.id in {rule.id for rule in rules}
