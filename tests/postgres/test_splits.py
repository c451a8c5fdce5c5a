"""What the user says a transaction was for: one tag, or parts that make it up."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import SplitSource
from postgres.common.models import (
    AuditEntry,
    Tag,
    TagRemoval,
    TagRule,
    Transaction,
    TransactionSplit,
)
from postgres.common.operations import tags, transaction_splits
from postgres.common.operations.transaction_splits import Part
from postgres.errors import NotFoundError, OperationError, RetryableError, UnbalancedSplitsError
from tests.postgres.ledger import Ledger, book, make_ledger
from tests.postgres.splits import add, amounts_of, execute, money, on_one_database, versions

DAY = dt.date(2026, 3, 14)
OPEN = "a transaction is split into one or more parts, of which one may be left open"


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 3, number, tzinfo=dt.UTC)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def food(session: Session, ledger: Ledger) -> Tag:
    return tags.create_tag(session, ledger.user.id, "Food")


@pytest.fixture
def home(session: Session, ledger: Ledger) -> Tag:
    return tags.create_tag(session, ledger.user.id, "Home")


def make_rule(session: Session, tag: Tag) -> TagRule:
    rule = TagRule(user_id=tag.user_id, tag_id=tag.id, name="rule", priority=1, conditions={})
    session.add(rule)
    session.flush()
    return rule


def removals(session: Session) -> set[tuple[uuid.UUID, uuid.UUID]]:
    rows = session.execute(sa.select(TagRemoval.transaction_id, TagRemoval.tag_id))
    return {(transaction_id, tag_id) for transaction_id, tag_id in rows}


class TestSetTag:
    def test_one_tag_is_one_split_of_the_whole(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row = book(session, ledger, DAY, "-12.50")

        split = transaction_splits.set_tag(session, ledger.user.id, row.id, food.id)
        session.commit()

        assert split is not None
        assert (split.tag_id, split.amount, split.currency) == (food.id, row.amount, "GBP")
        assert (split.source, split.rule_id, split.note) == (SplitSource.USER, None, None)
        assert not split.needs_review
        assert amounts_of(session, row) == [row.amount]

    def test_another_tag_takes_the_place_and_keeps_the_note(
        self, session: Session, ledger: Ledger, food: Tag, home: Tag
    ) -> None:
        row = book(session, ledger, DAY, "-12.50")
        (made,) = add(
            session,
            row,
            "-12.50",
            tag_id=food.id,
            note="for Ann",
            source=SplitSource.RULE,
            rule_id=make_rule(session, food).id,
            needs_review=True,
        )

        split = transaction_splits.set_tag(session, ledger.user.id, row.id, home.id)
        session.commit()

        assert split is made
        assert (split.tag_id, split.source, split.rule_id) == (home.id, SplitSource.USER, None)
        assert (split.note, split.needs_review) == ("for Ann", False)
        assert removals(session) == {(row.id, food.id)}

    def test_putting_the_tag_of_a_rule_on_by_hand_makes_it_the_users(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row = book(session, ledger, DAY, "-12.50")
        rule = make_rule(session, food)
        add(session, row, "-12.50", tag_id=food.id, source=SplitSource.RULE, rule_id=rule.id)

        split = transaction_splits.set_tag(session, ledger.user.id, row.id, food.id)

        assert split is not None
        assert (split.tag_id, split.source, split.rule_id) == (food.id, SplitSource.USER, None)
        assert removals(session) == set()

    def test_several_parts_give_way_to_one(
        self, session: Session, ledger: Ledger, food: Tag, home: Tag
    ) -> None:
        row, bystander = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-9")
        add(session, row, "-30", tag_id=food.id)
        add(session, row, "-15", tag_id=home.id)
        add(session, row, "-5")
        add(session, bystander, "-5", "-4", tag_id=food.id)

        split = transaction_splits.set_tag(session, ledger.user.id, row.id, home.id)
        session.commit()

        assert split is not None
        assert split.tag_id == home.id
        assert amounts_of(session, row) == [-50]
        assert amounts_of(session, bystander) == [-5, -4]
        assert removals(session) == {(row.id, food.id)}

    def test_tag_taken_off_is_remembered_until_it_is_put_on_by_hand(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row, bystander = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-9")
        user_id = ledger.user.id
        for each in (row, bystander):
            transaction_splits.set_tag(session, user_id, each.id, food.id)
            assert transaction_splits.set_tag(session, user_id, each.id, None) is None
        assert removals(session) == {(row.id, food.id), (bystander.id, food.id)}
        assert amounts_of(session, row) == []

        # A second time there is nothing to take off.
        assert transaction_splits.set_tag(session, user_id, row.id, None) is None
        transaction_splits.set_tag(session, user_id, row.id, food.id)
        session.commit()

        assert removals(session) == {(bystander.id, food.id)}

    def test_again_it_writes_nothing(self, session: Session, ledger: Ledger, food: Tag) -> None:
        row = book(session, ledger, DAY, "-50")
        transaction_splits.set_tag(session, ledger.user.id, row.id, food.id)
        session.commit()
        before = versions(session)

        assert transaction_splits.tag_many(session, ledger.user.id, [row.id], food.id) == 0
        session.commit()

        assert versions(session) == before
        removed = AuditEntry.table_name == "common.tag_removals"
        assert session.scalars(sa.select(AuditEntry.id).where(removed)).all() == []

    def test_others_tags_and_transactions_are_not_there(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row, other = book(session, ledger, DAY, "-50"), make_ledger(session)
        theirs = book(session, other, DAY, "-50")
        their_tag = tags.create_tag(session, other.user.id, "Food")

        for transaction_id, tag_id, missing in (
            (theirs.id, food.id, f"no transaction {theirs.id}"),
            (theirs.id, None, f"no transaction {theirs.id}"),
            (row.id, their_tag.id, f"no tag {their_tag.id}"),
        ):
            with pytest.raises(NotFoundError, match=missing):
                transaction_splits.set_tag(session, ledger.user.id, transaction_id, tag_id)
        assert transaction_splits.splits_of(session, ledger.user.id, [row.id, theirs.id]) == []
        assert transaction_splits.splits_of(session, other.user.id, [row.id, theirs.id]) == []


class TestTagMany:
    def test_every_shape_becomes_the_whole(
        self, session: Session, ledger: Ledger, food: Tag, home: Tag
    ) -> None:
        bare, whole, parts, same, bystander = (
            book(session, ledger, DAY, f"-{n}0") for n in range(1, 6)
        )
        add(session, whole, "-20", tag_id=home.id)
        add(session, parts, "-10", "-20", tag_id=home.id)
        add(session, same, "-40", tag_id=food.id)
        add(session, bystander, "-50", tag_id=home.id)
        chosen = [bare.id, whole.id, parts.id, same.id]

        changed = transaction_splits.tag_many(session, ledger.user.id, chosen, food.id)
        session.commit()

        found = transaction_splits.splits_of(session, ledger.user.id, chosen)
        assert changed == 3
        assert sorted(split.amount for split in found) == [-40, -30, -20, -10]
        assert {split.tag_id for split in found} == {food.id}
        assert removals(session) == {(whole.id, home.id), (parts.id, home.id)}

    def test_tags_come_off(self, session: Session, ledger: Ledger, food: Tag) -> None:
        bare, whole, parts = (book(session, ledger, DAY, "-30") for _ in range(3))
        add(session, whole, "-30", tag_id=food.id)
        add(session, parts, "-10", "-20", tag_id=food.id)
        chosen = [bare.id, whole.id, parts.id]

        assert transaction_splits.tag_many(session, ledger.user.id, chosen, None) == 2
        session.commit()

        assert transaction_splits.splits_of(session, ledger.user.id, chosen) == []
        assert removals(session) == {(whole.id, food.id), (parts.id, food.id)}

    def test_all_or_none(self, session: Session, ledger: Ledger, food: Tag) -> None:
        row = book(session, ledger, DAY, "-30")

        with pytest.raises(NotFoundError):
            transaction_splits.tag_many(session, ledger.user.id, [row.id, uuid.uuid4()], food.id)

        assert amounts_of(session, row) == []
        assert transaction_splits.tag_many(session, ledger.user.id, [], food.id) == 0

    def test_as_many_statements_for_many_as_for_one(
        self, session: Session, engine: sa.Engine, ledger: Ledger, food: Tag
    ) -> None:
        rows = [book(session, ledger, DAY, "-30") for _ in range(50)]

        def statements(chosen: list[Transaction]) -> int:
            seen: list[str] = []

            def count(_c: object, _u: object, statement: str, *_: object) -> None:
                seen.append(statement)

            sa.event.listen(engine, "before_cursor_execute", count)
            ids = [row.id for row in chosen]
            transaction_splits.tag_many(session, ledger.user.id, ids, food.id)
            sa.event.remove(engine, "before_cursor_execute", count)
            return len(seen)

        assert statements(rows[1:]) == statements(rows[:1]) <= 8


class TestSetSplits:
    def test_parts_and_the_rest(
        self, session: Session, ledger: Ledger, food: Tag, home: Tag
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        transaction_splits.set_tag(session, ledger.user.id, row.id, food.id)

        splits = transaction_splits.set_splits(
            session,
            ledger.user.id,
            row.id,
            [
                Part(home.id, Decimal("-12.34"), note="soap"),
                Part(None),
                Part(home.id, Decimal(5), note="cashback"),
            ],
        )
        session.commit()

        assert [(s.tag_id, s.amount, s.note) for s in splits] == [
            (home.id, Decimal("-12.34"), "soap"),
            (None, Decimal("-42.66"), None),
            (home.id, Decimal(5), "cashback"),
        ]
        assert {(s.currency, s.source, s.rule_id, s.needs_review) for s in splits} == {
            ("GBP", SplitSource.USER, None, False)
        }
        assert amounts_of(session, row) == [Decimal("-42.66"), Decimal("-12.34"), 5]
        assert removals(session) == {(row.id, food.id)}

    def test_what_is_put_on_was_not_removed(
        self, session: Session, ledger: Ledger, food: Tag, home: Tag
    ) -> None:
        row, bystander = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-9")
        for each in (row, bystander):
            transaction_splits.set_tag(session, ledger.user.id, each.id, food.id)
            transaction_splits.clear_splits(session, ledger.user.id, each.id)

        parts = [Part(food.id, Decimal(-20)), Part(home.id)]
        transaction_splits.set_splits(session, ledger.user.id, row.id, parts)
        assert removals(session) == {(bystander.id, food.id)}

        transaction_splits.set_splits(session, ledger.user.id, row.id, parts[1:])
        session.commit()
        assert removals(session) == {(bystander.id, food.id), (row.id, food.id)}
        assert amounts_of(session, row) == [-50]

    @pytest.mark.parametrize(
        ("amounts", "difference", "message"),
        [
            (["-30", "-19.99"], "-0.01", "-0.01 GBP is left"),
            (["-30", "-20.01"], "0.01", r"\+0.01 GBP is left"),
            (["-50", "-0.000000000000000000000000000001"], "1E-30", "is left"),
            (["50"], "-100", "is left"),
        ],
    )
    def test_parts_that_do_not_make_up_the_whole_are_refused_with_what_is_left(
        self, session: Session, ledger: Ledger, amounts: list[str], difference: str, message: str
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        parts = [Part(None, Decimal(amount)) for amount in amounts]

        with pytest.raises(UnbalancedSplitsError, match=message) as caught:
            transaction_splits.set_splits(session, ledger.user.id, row.id, parts)

        assert (caught.value.difference, caught.value.currency) == (Decimal(difference), "GBP")
        assert amounts_of(session, row) == []

    def test_what_is_no_part_is_refused(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        for parts, message in (
            ([], OPEN),
            ([Part(None), Part(None)], OPEN),
            ([Part(None, Decimal(-50)), Part(None)], "a part of nothing is no part"),
            ([Part(None, Decimal(-50)), Part(None, Decimal(0))], "a part of nothing is no part"),
            ([Part(None, Decimal("NaN")), Part(None)], "an amount is a number"),
            ([Part(None, Decimal("Infinity")), Part(None)], "an amount is a number"),
        ):
            with pytest.raises(OperationError, match=f"^{message}$"):
                transaction_splits.set_splits(session, ledger.user.id, row.id, parts)

    def test_nothing_may_be_split_into_nothing(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "0")

        transaction_splits.set_splits(
            session, ledger.user.id, row.id, [Part(None, Decimal(0)), Part(None)]
        )
        session.commit()

        assert amounts_of(session, row) == [0, 0]

    def test_others_tags_and_transactions_are_not_there(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row, other = book(session, ledger, DAY, "-50"), make_ledger(session)
        theirs = book(session, other, DAY, "-50")
        their_tag = tags.create_tag(session, other.user.id, "Food")

        with pytest.raises(NotFoundError, match="transaction"):
            transaction_splits.set_splits(session, ledger.user.id, theirs.id, [Part(food.id)])
        with pytest.raises(NotFoundError, match="tag"):
            transaction_splits.set_splits(
                session,
                ledger.user.id,
                row.id,
                [Part(food.id, Decimal(-1)), Part(their_tag.id)],
            )
        with pytest.raises(NotFoundError, match="transaction"):
            transaction_splits.clear_splits(session, ledger.user.id, theirs.id)

    def test_the_whole_is_what_it_is_now(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        session.commit()
        with sessions.begin() as sync:
            execute(sync, "update common.transactions set amount = -60")

        # The session still holds the row as it was.
        transaction_splits.set_splits(session, ledger.user.id, row.id, [Part(None)])
        session.commit()

        assert amounts_of(session, row) == [-60]


@on_one_database
@given(parts=st.lists(money.filter(bool), min_size=1, max_size=5), whole=money, at=st.integers(0))
def test_an_open_part_takes_the_rest(
    session: Session, ledger: Ledger, parts: list[Decimal], whole: Decimal, at: int
) -> None:
    row = book(session, ledger, DAY, str(whole))
    rest = Fraction(whole) - sum(map(Fraction, parts))
    wanted = [Part(None, amount) for amount in parts]
    wanted.insert(at % (len(parts) + 1), Part(None))
    if not rest and whole:
        wanted.remove(Part(None))

    splits = transaction_splits.set_splits(session, ledger.user.id, row.id, wanted)
    session.commit()

    assert sum(Fraction(split.amount) for split in splits) == Fraction(whole)
    for split, part in zip(splits, wanted, strict=True):
        assert Fraction(split.amount) == (rest if part.amount is None else part.amount)


class TestReading:
    def test_splits_of_one_stand_together_the_largest_first(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = [book(session, ledger, DAY, "-50") for _ in range(4)]
        for number, row in enumerate(rows):
            add(session, row, f"-{number}", "-50", "5", "5", f"-{10 - number}", "5", "5")
        ids = [row.id for row in rows]

        found = transaction_splits.splits_of(session, ledger.user.id, ids)

        assert len(found) == 28
        keys = [(split.transaction_id, -abs(split.amount), split.id) for split in found]
        assert keys == sorted(keys)
        assert transaction_splits.splits_of(session, make_ledger(session).user.id, ids) == []

    def test_come_in_pages_the_newest_first_and_filtered(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        one, other = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-9")
        first, second = (
            add(session, one, amount, created_at=at, tag_id=tag_id)[0]
            for amount, at, tag_id in (("-30", day(1), None), ("-20", day(2), food.id))
        )
        (third,) = add(
            session, other, "-9", created_at=day(3), source=SplitSource.RULE, needs_review=True
        )
        stranger = make_ledger(session)
        (theirs,) = add(session, book(session, stranger, DAY, "-1"), "-1")

        def found(user_id: uuid.UUID = ledger.user.id, **filters: Any) -> list[TransactionSplit]:
            return list(transaction_splits.list_splits(session, user_id, **filters).items)

        assert found() == [third, second, first]
        assert found(transaction_id=one.id) == [second, first]
        assert found(tag_id=food.id) == [second]
        assert found(source=SplitSource.RULE) == found(needs_review=True) == [third]
        assert found(needs_review=False) == [second, first]
        assert found(stranger.user.id) == [theirs]
        page = transaction_splits.list_splits(session, ledger.user.id, limit=2)
        assert list(page.items) == [third, second]
        assert found(after=page.after) == [first]

    def test_one_by_id(self, session: Session, ledger: Ledger) -> None:
        split, _ = add(session, book(session, ledger, DAY, "-50"), "-30", "-20")
        stranger = make_ledger(session).user.id

        assert transaction_splits.get_split(session, ledger.user.id, split.id) is split
        assert transaction_splits.get_split(session, stranger, split.id) is None

    def test_the_user_confirms_what_was_rescaled(self, session: Session, ledger: Ledger) -> None:
        row, bystander = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-9")
        add(session, row, "-30", "-20", needs_review=True)
        add(session, bystander, "-9", needs_review=True)
        other = make_ledger(session)

        confirm = transaction_splits.confirm_splits
        assert confirm(session, ledger.user.id, [row.id]) == 2
        assert confirm(session, ledger.user.id, [row.id]) == 0
        with pytest.raises(NotFoundError):
            confirm(session, other.user.id, [bystander.id])

        found = transaction_splits.splits_of(session, ledger.user.id, [row.id, bystander.id])
        assert {s.transaction_id for s in found if s.needs_review} == {bystander.id}


Writer = Callable[[Session], object]


class TestAtOnce:
    """Eight writers on one user's data, each with a connection of its own."""

    @pytest.fixture
    def rows(self, session: Session, ledger: Ledger) -> list[Transaction]:
        rows = [book(session, ledger, DAY, "-50") for _ in range(4)]
        session.commit()
        return rows

    def run(self, sessions: sessionmaker[Session], writers: list[Writer]) -> list[OperationError]:
        """Run them until each is done or refused."""
        start = Barrier(len(writers))

        def write(writer: Writer) -> OperationError | None:
            start.wait()
            for _ in range(20):
                try:
                    with sessions.begin() as own:
                        writer(own)
                except RetryableError:
                    continue
                except OperationError as error:
                    return error
                else:
                    return None
            pytest.fail("it never got through")

        with ThreadPoolExecutor(len(writers)) as pool:
            return [error for error in pool.map(write, writers) if error]

    def test_one_transaction_is_split_by_one_at_a_time(
        self,
        session: Session,
        sessions: sessionmaker[Session],
        rows: list[Transaction],
        food: Tag,
        home: Tag,
    ) -> None:
        session.commit()
        user_id, ids = home.user_id, [row.id for row in rows]
        parts = [Part(food.id, Decimal(-20)), Part(home.id)]
        writers: list[Writer] = [
            lambda own: transaction_splits.set_splits(own, user_id, ids[0], parts),
            lambda own: transaction_splits.set_splits(own, user_id, ids[0], parts[1:]),
            lambda own: transaction_splits.set_tag(own, user_id, ids[0], food.id),
            lambda own: transaction_splits.set_tag(own, user_id, ids[0], None),
            lambda own: transaction_splits.tag_many(own, user_id, ids, home.id),
            lambda own: transaction_splits.tag_many(own, user_id, ids[::-1], food.id),
            lambda own: transaction_splits.confirm_splits(own, user_id, ids),
            lambda own: execute(own, "update common.transactions set amount = amount - 1"),
        ]
        for _ in range(5):
            assert self.run(sessions, writers) == []

        for row in rows:
            session.refresh(row)
            assert sum(amounts_of(session, row)) in {row.amount, 0}
            assert row.amount == -55

    def test_who_tags_stands_in_nobodys_way(
        self,
        session: Session,
        sessions: sessionmaker[Session],
        rows: list[Transaction],
        food: Tag,
        home: Tag,
    ) -> None:
        user_id, (one, two, *_) = food.user_id, rows
        session.commit()

        with sessions() as first, sessions() as second:
            execute(second, "set local lock_timeout = '50ms'")
            transaction_splits.set_tag(first, user_id, one.id, food.id)

            # The same tag on another transaction, what refers to this one, and both in between.
            transaction_splits.set_tag(second, user_id, two.id, food.id)
            second.add(TagRemoval(transaction_id=one.id, tag_id=home.id, user_id=user_id))
            transaction_splits.set_tag(second, user_id, two.id, home.id)
            transaction_splits.set_tag(first, user_id, one.id, None)
            second.flush()
            with pytest.raises(RetryableError):
                transaction_splits.set_tag(second, user_id, one.id, home.id)

    def test_a_tag_may_go_while_it_is_used(
        self,
        session: Session,
        sessions: sessionmaker[Session],
        ledger: Ledger,
        rows: list[Transaction],
        home: Tag,
    ) -> None:
        user_id, ids = ledger.user.id, [row.id for row in rows]

        def writers(food: uuid.UUID, fun: uuid.UUID) -> list[Writer]:
            parts = [Part(food, Decimal(-9)), Part(home.id)]
            return [
                lambda own: transaction_splits.tag_many(own, user_id, ids, home.id),
                lambda own: transaction_splits.tag_many(own, user_id, ids, food),
                lambda own: transaction_splits.set_splits(own, user_id, ids[0], parts),
                lambda own: transaction_splits.set_tag(own, user_id, ids[1], fun),
                lambda own: transaction_splits.tag_many(own, user_id, ids[::-1], None),
                lambda own: tags.delete_tag(own, user_id, food),
                lambda own: tags.merge_tags(own, user_id, fun, into=home.id),
                lambda own: tags.update_tag(own, user_id, food, colour="#123456"),
            ]

        for _ in range(5):
            food = tags.create_tag(session, user_id, "Food").id
            fun = tags.create_tag(session, user_id, "Fun").id
            transaction_splits.tag_many(session, user_id, ids, food)
            session.commit()

            refused = self.run(sessions, writers(food, fun))

            assert {type(error) for error in refused} <= {NotFoundError}
            assert [tag.name for tag in tags.list_tags(session, user_id).items] == ["Home"]
