"""Tags: the user's own categories, one of a name."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import BudgetPeriod
from postgres.common.models import (
    Budget,
    BudgetTag,
    PlannedTransaction,
    Tag,
    TagRemoval,
    TagRule,
)
from postgres.common.operations import tags, transaction_splits
from postgres.common.operations.transaction_splits import Part
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.models import metadata
from tests.postgres.ledger import Ledger, book, make_ledger

DAY = dt.date(2026, 3, 14)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def user_id(ledger: Ledger) -> uuid.UUID:
    return ledger.user.id


def make_rule(session: Session, tag: Tag, priority: int = 1) -> TagRule:
    rule = TagRule(
        user_id=tag.user_id, tag_id=tag.id, name="rule", priority=priority, conditions={}
    )
    session.add(rule)
    session.flush()
    return rule


def make_budget(session: Session, *covered: Tag) -> Budget:
    budget = Budget(
        user_id=covered[0].user_id,
        name=" and ".join(tag.name for tag in covered),
        period=BudgetPeriod.MONTHLY,
        currency="GBP",
        starts_on=DAY,
    )
    session.add(budget)
    session.flush()
    session.add_all(BudgetTag(budget_id=budget.id, tag_id=t.id, user_id=t.user_id) for t in covered)
    session.flush()
    return budget


class TestOne:
    def test_is_kept_as_it_is_written(self, session: Session, user_id: uuid.UUID) -> None:
        tag = tags.create_tag(session, user_id, "  Eating out ", colour="#A0b1C2")
        session.commit()
        session.expire_all()

        assert (tag.name, tag.colour, tag.user_id) == ("Eating out", "#a0b1c2", user_id)
        assert tags.get_tag(session, user_id, tag.id) is tag
        assert tags.get_tag_by_name(session, user_id, " eating OUT") is tag
        assert tags.create_tag(session, user_id, "Rent").colour is None

    def test_is_only_its_owners(self, session: Session, user_id: uuid.UUID) -> None:
        tag, other = tags.create_tag(session, user_id, "Food"), make_ledger(session).user.id
        theirs = tags.create_tag(session, other, "Food")

        assert tags.get_tag(session, other, tag.id) is None
        assert tags.get_tag_by_name(session, other, "food") is theirs
        with pytest.raises(NotFoundError):
            tags.update_tag(session, other, tag.id, name="Mine")
        with pytest.raises(NotFoundError):
            tags.delete_tag(session, other, tag.id)
        for one, into in ((tag, theirs), (theirs, tag)):
            with pytest.raises(NotFoundError):
                tags.merge_tags(session, user_id, one.id, into=into.id)
        assert [t.name for t in tags.list_tags(session, user_id).items] == ["Food"]

    @pytest.mark.parametrize(
        ("name", "colour", "message"),
        [
            (" \t", None, "needs a name"),
            ("", None, "needs a name"),
            ("Food", "red", "'red' is no colour"),
            ("Food", "#12345", "no colour"),
            ("Food", "#1234567", "no colour"),
            ("Food", "", "no colour"),
        ],
    )
    def test_without_a_name_or_with_no_colour_is_refused(
        self, session: Session, user_id: uuid.UUID, name: str, colour: str | None, message: str
    ) -> None:
        with pytest.raises(OperationError, match=message):
            tags.create_tag(session, user_id, name, colour=colour)
        tag = tags.create_tag(session, user_id, "Rent", colour="#123456")
        with pytest.raises(OperationError, match=message):
            tags.update_tag(session, user_id, tag.id, name=name, colour=colour)

        session.commit()
        assert (tag.name, tag.colour) == ("Rent", "#123456")

    def test_has_a_name_that_no_other_has_whatever_the_case(
        self, session: Session, user_id: uuid.UUID
    ) -> None:
        food, fun = (tags.create_tag(session, user_id, name) for name in ("Food", "Fun"))

        with pytest.raises(AlreadyExistsError, match="'FOOD'"):
            tags.create_tag(session, user_id, "FOOD ")
        with pytest.raises(AlreadyExistsError, match="'fOOD'"):
            tags.update_tag(session, user_id, fun.id, name="fOOD")

        session.commit()
        assert fun.name == "Fun"
        assert tags.update_tag(session, user_id, food.id, name="FOOD").name == "FOOD"

    def test_changes_what_is_given_and_no_more(self, session: Session, user_id: uuid.UUID) -> None:
        tag = tags.create_tag(session, user_id, "Food", colour="#123456")

        renamed = tags.update_tag(session, user_id, tag.id, name=" Groceries ")
        assert (renamed.name, renamed.colour) == ("Groceries", "#123456")
        recoloured = tags.update_tag(session, user_id, tag.id, colour="#ABCDEF")
        assert (recoloured.name, recoloured.colour) == ("Groceries", "#abcdef")
        bare = tags.update_tag(session, user_id, tag.id, colour=None)
        session.commit()
        session.expire_all()
        assert (bare.name, bare.colour) == ("Groceries", None)

    def test_one_of_eight_who_create_it_at_once_does(
        self, session: Session, sessions: sessionmaker[Session], user_id: uuid.UUID
    ) -> None:
        session.commit()
        start = Barrier(8)

        def create(number: int) -> type[Exception] | None:
            start.wait()
            try:
                with sessions.begin() as own:
                    tags.create_tag(own, user_id, "food" if number % 2 else "Food")
            except OperationError as error:
                return type(error)
            return None

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(create, range(8)))

        assert sorted(map(str, done)) == sorted(map(str, [AlreadyExistsError] * 7 + [None]))


class TestList:
    def test_by_name_in_pages(self, session: Session, user_id: uuid.UUID) -> None:
        for name in ("c", "a", "d", "b"):
            tags.create_tag(session, user_id, name)
        tags.create_tag(session, make_ledger(session).user.id, "aa")

        page = tags.list_tags(session, user_id, limit=3)
        rest = tags.list_tags(session, user_id, after=page.after)

        assert [tag.name for tag in page.items] == ["a", "b", "c"]
        assert [tag.name for tag in rest.items] == ["d"]
        assert rest.after is None

    def test_uses_are_transactions_and_not_parts(self, session: Session, ledger: Ledger) -> None:
        user_id, other = ledger.user.id, make_ledger(session)
        food, fun, idle = (tags.create_tag(session, user_id, name) for name in ("a", "b", "c"))
        rows = [book(session, ledger, DAY, "-50") for _ in range(3)]
        parts = [Part(food.id, Decimal(-20)), Part(food.id, Decimal(-5)), Part(fun.id)]
        transaction_splits.set_splits(session, user_id, rows[0].id, parts)
        transaction_splits.set_tag(session, user_id, rows[1].id, food.id)
        transaction_splits.set_splits(session, user_id, rows[2].id, [Part(None)])
        theirs = tags.create_tag(session, other.user.id, "a")
        transaction_splits.set_tag(
            session, other.user.id, book(session, other, DAY, "-1").id, theirs.id
        )

        assert tags.count_uses(session, user_id) == {food.id: 2, fun.id: 1}
        assert idle.id not in tags.count_uses(session, user_id)


class TestDelete:
    def test_splits_stay_untagged_and_balanced(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        food, fun = (tags.create_tag(session, user_id, name) for name in ("Food", "Fun"))
        row = book(session, ledger, DAY, "-50")
        parts = [Part(food.id, Decimal(-30), note="bread"), Part(fun.id)]
        transaction_splits.set_splits(session, user_id, row.id, parts)
        rule = make_rule(session, food)
        off = book(session, ledger, DAY, "-1")
        transaction_splits.set_tag(session, user_id, off.id, food.id)
        transaction_splits.set_tag(session, user_id, off.id, None)
        session.commit()

        tags.delete_tag(session, user_id, food.id)
        session.commit()

        found = transaction_splits.splits_of(session, user_id, [row.id])
        assert [(s.tag_id, s.note) for s in found] == [(None, "bread"), (fun.id, None)]
        assert [s.amount for s in found] == [-30, -20]
        assert tags.get_tag(session, user_id, food.id) is None
        assert session.scalars(sa.select(TagRule).where(TagRule.id == rule.id)).all() == []
        assert session.scalars(sa.select(TagRemoval)).all() == []
        with pytest.raises(NotFoundError, match=str(food.id)):
            tags.delete_tag(session, user_id, food.id)


class TestMerge:
    def test_no_table_that_refers_to_a_tag_is_forgotten(self) -> None:
        # Each of them is looked at below.
        assert {
            table.name
            for table in metadata.sorted_tables
            for key in table.foreign_keys
            if key.column.table.fullname == "common.tags"
        } == {
            "budget_tags",
            "planned_transactions",
            "tag_removals",
            "tag_rules",
            "transaction_splits",
        }

    def test_everything_goes_over(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        old, new, third = (tags.create_tag(session, user_id, name) for name in ("a", "b", "c"))
        one, two = (book(session, ledger, DAY, "-50") for _ in range(2))
        parts = [Part(old.id, Decimal(-30), note="bread"), Part(third.id)]
        transaction_splits.set_splits(session, user_id, one.id, parts)
        transaction_splits.set_tag(session, user_id, two.id, old.id)
        rules = [make_rule(session, tag, place) for place, tag in enumerate((old, third))]
        budgets = [
            make_budget(session, *some) for some in ((old,), (old, new), (third,), (old, third))
        ]
        plans = [
            PlannedTransaction(
                user_id=user_id,
                account_id=ledger.account.id,
                tag_id=tag.id,
                description="rent",
                amount=Decimal(-1),
                currency="GBP",
                starts_on=DAY,
            )
            for tag in (old, third)
        ]
        session.add_all(plans)
        session.commit()

        stays = tags.merge_tags(session, user_id, old.id, into=new.id)
        session.commit()

        assert stays is new
        assert tags.get_tag(session, user_id, old.id) is None
        found = transaction_splits.splits_of(session, user_id, [one.id, two.id])
        assert {(s.amount, s.tag_id, s.note) for s in found} == {
            (Decimal(-30), new.id, "bread"),
            (Decimal(-20), third.id, None),
            (Decimal(-50), new.id, None),
        }
        for row in (*rules, *plans):
            session.refresh(row)
        assert [rule.tag_id for rule in rules] == [new.id, third.id]
        assert [plan.tag_id for plan in plans] == [new.id, third.id]
        covered: dict[uuid.UUID, set[Any]] = {budget.id: set() for budget in budgets}
        for link in session.scalars(sa.select(BudgetTag)):
            covered[link.budget_id].add(link.tag_id)
        assert list(covered.values()) == [{new.id}, {new.id}, {third.id}, {new.id, third.id}]

    def test_what_was_taken_off_stays_off_under_the_new_name(
        self, session: Session, ledger: Ledger
    ) -> None:
        user_id = ledger.user.id
        old, new, third = (tags.create_tag(session, user_id, name) for name in ("a", "b", "c"))
        off, both_off, now_on, was_off, never = (book(session, ledger, DAY, "-5") for _ in range(5))
        for row, put_on in (
            (off, [old, third, None]),
            (both_off, [old, new, None]),
            # Off by its old name, on by the new one.
            (now_on, [old, new]),
            # And the other way round.
            (was_off, [new, old]),
            (never, [third]),
        ):
            for tag in put_on:
                transaction_splits.set_tag(session, user_id, row.id, tag.id if tag else None)

        tags.merge_tags(session, user_id, old.id, into=new.id)
        session.commit()

        removed = session.execute(sa.select(TagRemoval.transaction_id, TagRemoval.tag_id))
        assert set(map(tuple, removed)) == {
            (off.id, new.id),
            (off.id, third.id),
            (both_off.id, new.id),
        }

    def test_into_itself_is_refused(self, session: Session, user_id: uuid.UUID) -> None:
        tag = tags.create_tag(session, user_id, "Food")

        with pytest.raises(OperationError, match="into itself"):
            tags.merge_tags(session, user_id, tag.id, into=tag.id)

        assert tags.get_tag(session, user_id, tag.id) is tag
