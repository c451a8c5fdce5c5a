"""Splits make up their transaction, whatever writes, and follow it when a sync changes it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import SplitSource, TransactionStatus
from postgres.common.models import Tag, Transaction, TransactionSplit
from postgres.common.operations import tags, transaction_splits
from postgres.core import WriteCounts, upsert
from postgres.errors import RetryableError
from postgres.sessions import act_for, user_session
from tests.postgres.ledger import Ledger, book, make_ledger
from tests.postgres.splits import add, amounts_of, execute, money, on_one_database, versions

DAY = dt.date(2026, 3, 14)
SYNCED = (
    *("user_id", "account_id", "source_key", "status", "amount", "currency", "booking_date"),
    *("kind", "raw_table", "raw_id", "first_seen_at"),
)
BALANCED = "ck_transaction_splits__balanced"


@pytest.fixture
def ledger(session: Session) -> Ledger:
    ledger = make_ledger(session)
    session.commit()
    return ledger


@pytest.fixture
def food(session: Session, ledger: Ledger) -> Tag:
    return tags.create_tag(session, ledger.user.id, "Food")


def change(session: Session, row: Transaction, **values: Any) -> WriteCounts:
    """Change a transaction the way a sync does."""
    stored = {name: getattr(row, name) for name in SYNCED}
    return upsert(
        session,
        Transaction,
        [stored | values],
        key=("account_id", "source_key"),
        insert_only=("user_id", "first_seen_at"),
    )


def refused_by(session: Session) -> str | None:
    """Name the constraint that refuses the commit."""
    with pytest.raises(sa.exc.IntegrityError) as caught:
        session.commit()
    session.rollback()
    return getattr(getattr(caught.value.orig, "diag", None), "constraint_name", None)


class TestBalance:
    """The deferred constraint trigger."""

    def test_parts_that_make_up_the_whole_are_taken(self, session: Session, ledger: Ledger) -> None:
        for parts in (
            ["-50"],
            ["-30", "-20"],
            ["-50.00", "-5", "5"],
            ["-55", "5.000"],
            ["-49.999999999999999999", "-0.000000000000000001"],
        ):
            row = book(session, ledger, DAY, "-50")
            add(session, row, *parts)

            session.commit()

            assert sum(amounts_of(session, row)) == -50

    def test_parts_that_do_not_are_refused_at_the_commit(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        session.commit()
        for parts in (
            ["-30"],
            ["50"],
            ["-30", "-20", "-0.01"],
            ["-50", "0"],
            ["0"],
            ["-49.999999999999999999"],
            ["NaN"],
        ):
            add(session, row, *parts)

            assert refused_by(session) == BALANCED, parts
            assert amounts_of(session, row) == []

    def test_refusal_says_what_is_wrong(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-30")

        with pytest.raises(sa.exc.IntegrityError, match=f"{row.id} do not make up its -50 GBP"):
            session.commit()

    def test_parts_are_in_the_currency_of_the_whole(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-20")
        add(session, row, "-30", currency="EUR")

        assert refused_by(session) == BALANCED

    def test_parts_of_nothing_may_be_nothing(self, session: Session, ledger: Ledger) -> None:
        for parts in (["0"], ["0", "0"], ["5", "-5"]):
            add(session, book(session, ledger, DAY, "0"), *parts)

        session.commit()

    def test_no_later_change_of_a_part_breaks_it(self, session: Session, ledger: Ledger) -> None:
        row, other = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-30")
        add(session, row, "-30", "-20")
        session.commit()
        for change in (
            "delete from common.transaction_splits where amount = -20",
            "update common.transaction_splits set amount = -21 where amount = -20",
            "update common.transaction_splits set amount = 0 where amount = -20",
            "update common.transaction_splits set amount = (amount + 20) * 5",
            "update common.transaction_splits set currency = 'EUR' where amount = -20",
            "update common.transaction_splits set transaction_id = :other where amount = -20",
            "update common.transaction_splits set transaction_id = :other where amount = -30",
        ):
            execute(session, change, other=other.id)

            assert refused_by(session) == BALANCED, change
            assert amounts_of(session, row) == [-30, -20]

    def test_no_change_of_the_whole_breaks_it(self, session: Session, ledger: Ledger) -> None:
        add(session, book(session, ledger, DAY, "-50"), "-50")
        # What keeps them in step is out of order.
        execute(session, "alter table common.transactions disable trigger rescale_splits")
        session.commit()
        for change in ("amount = -51", "currency = 'EUR'"):
            execute(session, f"update common.transactions set {change}")  # noqa: S608

            assert refused_by(session) == BALANCED, change

    def test_all_parts_may_move_or_go_together(self, session: Session, ledger: Ledger) -> None:
        row, other = book(session, ledger, DAY, "-50"), book(session, ledger, DAY, "-50")
        add(session, row, "-30", "-20")
        session.commit()

        execute(session, "update common.transaction_splits set transaction_id = :o", o=other.id)
        session.commit()
        assert amounts_of(session, row) == []
        assert amounts_of(session, other) == [-30, -20]

        execute(session, "delete from common.transaction_splits")
        session.commit()

    def test_it_holds_at_the_end_and_not_in_between(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        (first, _) = add(session, row, "-30", "-20")
        session.commit()

        session.delete(first)
        session.flush()
        add(session, row, "-10", "-20")
        session.commit()

        assert amounts_of(session, row) == [-20, -20, -10]

    def test_a_transaction_goes_with_its_splits(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-30", "-20")
        session.commit()

        execute(session, "delete from common.transactions where id = :id", id=row.id)
        session.commit()

        assert session.scalars(sa.select(TransactionSplit.id)).all() == []

    def test_an_application_is_held_to_it(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        session.commit()

        with user_session(sessions, ledger.user.id) as own:
            add(own, row, "-30", "-20")
        with (
            pytest.raises(sa.exc.IntegrityError, match="do not make up"),
            user_session(sessions, ledger.user.id) as own,
        ):
            execute(own, "delete from common.transaction_splits where amount = -20")

        assert amounts_of(session, row) == [-30, -20]

    def test_also_if_it_acts_for_somebody_else_in_the_end(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        row, other = book(session, ledger, DAY, "-50"), make_ledger(session)
        add(session, row, "-30", "-20")
        # As on a server where the owner of the database is not above row security.
        execute(session, "grant create on schema common to farthing_app")
        execute(session, "alter function common.check_splits() owner to farthing_app")
        session.commit()
        for statement in (
            "insert into common.transaction_splits"
            " (user_id, transaction_id, amount, currency, source)"
            " select user_id, id, -20, currency, 'user' from common.transactions",
            "delete from common.transaction_splits where amount = -20",
            "update common.transaction_splits set amount = -1 where amount = -20",
        ):

            def write(statement: str = statement) -> None:
                with user_session(sessions, ledger.user.id) as own:
                    execute(own, statement)
                    act_for(own, other.user.id)

            with pytest.raises(sa.exc.IntegrityError, match="do not make up"):
                write()
            assert amounts_of(session, row) == [-30, -20]

    def test_the_check_leaves_the_session_as_it_was(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        row, other = book(session, ledger, DAY, "-50"), make_ledger(session)
        session.commit()

        with user_session(sessions, ledger.user.id) as own:
            add(own, row, "-50")
            act_for(own, other.user.id)
            execute(own, "set constraints all immediate")
            acting = own.scalar(sa.text("select current_setting('farthing.user_id')"))

        assert acting == str(other.user.id)

    def test_who_is_checked_second_waits_for_the_first(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        session.commit()

        # Neither locks anything of their own, sees a split or knows of the other.
        with sessions() as first, sessions() as second:
            add(first, row, "-50")
            add(second, row, "-50")
            execute(first, "set constraints all immediate")
            execute(second, "set local lock_timeout = '50ms'")
            with pytest.raises(RetryableError):
                second.commit()
            second.rollback()
            add(second, row, "-50")
            first.commit()

            assert refused_by(second) == BALANCED
        assert amounts_of(session, row) == [-50]


DIGITS = {"GBP": 2, "JPY": 0, "KWD": 3, "CLF": 4}


EXAMPLES = [
    ("-100", ["-30", "-20"], "GBP", ["-60.00", "-40.00"]),
    ("-10", ["-1", "-1", "-1"], "GBP", ["-3.33", "-3.33", "-3.34"]),
    ("10", ["1", "1", "1"], "GBP", ["3.34", "3.33", "3.33"]),
    ("-1000", ["-1", "-1", "-1"], "JPY", ["-333", "-333", "-334"]),
    ("1", ["1", "1", "1"], "KWD", ["0.334", "0.333", "0.333"]),
    # Finer than its currency, because an amount is.
    ("10.0001", ["1", "1"], "GBP", ["5.0001", "5.0000"]),
    ("10", ["0.001", "0.002"], "GBP", ["3.333", "6.667"]),
    # Zeroes behind the last digit say nothing.
    ("100.000", ["1.000", "2.0"], "JPY", ["33", "67"]),
    # Those that lose the most get what is left.
    ("1.00", ["199", "1"], "GBP", ["0.99", "0.01"]),
    ("10", ["2", "5", "2", "1"], "JPY", ["2", "5", "2", "1"]),
    ("7", ["10", "5", "1"], "JPY", ["4", "2", "1"]),
    # Signs turn round with the whole, and keep their side of it.
    ("50", ["-30", "-20"], "GBP", ["30.00", "20.00"]),
    ("-100", ["-55", "5"], "GBP", ["-110.00", "10.00"]),
    ("100", ["-55", "5"], "GBP", ["110.00", "-10.00"]),
    # No proportion to keep.
    ("-10", ["0", "0"], "GBP", ["-5.00", "-5.00"]),
    ("-9", ["7", "-7", "0"], "GBP", ["-3.00", "-3.00", "-3.00"]),
    ("0", ["-30", "-20"], "GBP", ["0.00", "0.00"]),
    ("0", ["0", "0"], "GBP", ["0.00", "0.00"]),
    # No part vanishes.
    ("-0.01", ["-1", "-1", "-1"], "GBP", ["-0.003", "-0.003", "-0.004"]),
    ("0.10", ["18", "1", "1"], "GBP", ["0.090", "0.005", "0.005"]),
    ("1", ["1", "999"], "JPY", ["0.0010", "0.9990"]),
    ("1", ["1", "1000000"], "GBP", ["0.01", "0.99"]),
]


class TestApportion:
    """Shares of a total in proportion to weights."""

    def test_examples(self, session: Session) -> None:
        for total, weights, currency, shares in EXAMPLES:
            found = shares_of(session, Decimal(total), [Decimal(w) for w in weights], currency)

            assert [str(share) for share in found] == shares, (total, weights, currency)


@on_one_database
@given(
    total=money,
    # A split is not zero.
    weights=st.lists(money.filter(bool), min_size=1, max_size=8),
    currency=st.sampled_from(sorted(DIGITS)),
)
def test_shares_of_any_amounts(
    session: Session, total: Decimal, weights: list[Decimal], currency: str
) -> None:
    shares = shares_of(session, total, weights, currency)

    exact = exact_shares(total, weights)
    digits = max([DIGITS[currency], *(places(amount) for amount in (total, *weights))])
    used = max([digits, *(places(share) for share in shares)])
    assert sum(map(Fraction, shares)) == Fraction(total)
    for share, part in zip(shares, exact, strict=True):
        assert abs(Fraction(share) - part) < Fraction(1, 10**used)
        assert share or not total
    if used > digits:
        # Only because a part is smaller than a unit.
        assert min(map(abs, exact)) < Fraction(1, 10**digits)


def exact_shares(total: Decimal, weights: list[Decimal]) -> list[Fraction]:
    base = sum(map(Fraction, weights))
    if not base:
        return [Fraction(total) / len(weights)] * len(weights)
    return [Fraction(total) * Fraction(weight) / base for weight in weights]


def shares_of(
    session: Session, total: Decimal, weights: list[Decimal], currency: str
) -> list[Decimal]:
    found: list[Decimal] = session.execute(
        sa.text("select common.apportion(:total, cast(:weights as numeric[]), :currency)"),
        {"total": total, "weights": weights, "currency": currency},
    ).scalar_one()
    return found


def places(amount: Decimal) -> int:
    """Digits behind the point, without zeroes at the end."""
    exponent = amount.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


class TestRescale:
    """What a sync does to the splits of the transactions that it changes."""

    def test_parts_follow_in_proportion_and_ask_for_a_look(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-30", tag_id=food.id, note="bread")
        add(session, row, "-20", tag_id=None, source=SplitSource.RULE)
        session.commit()

        change(session, row, amount=Decimal("-43.12"))
        session.commit()

        larger, smaller = transaction_splits.splits_of(session, ledger.user.id, [row.id])
        assert (larger.amount, smaller.amount) == (Decimal("-25.87"), Decimal("-17.25"))
        assert (larger.tag_id, larger.note, larger.source) == (food.id, "bread", SplitSource.USER)
        assert (smaller.tag_id, smaller.note, smaller.source) == (None, None, SplitSource.RULE)
        assert larger.needs_review
        assert smaller.needs_review

    @pytest.mark.parametrize("amount", ["-43.12", "50", "0", "-0.001"])
    def test_split_of_the_whole_just_follows(
        self, session: Session, ledger: Ledger, food: Tag, amount: str
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        (split,) = add(session, row, "-50", tag_id=food.id, note="bread")
        session.commit()

        change(session, row, amount=Decimal(amount))
        session.commit()

        session.refresh(split)
        assert (split.amount, split.needs_review) == (Decimal(amount), False)
        assert (split.tag_id, split.note) == (food.id, "bread")

    def test_one_that_waits_for_a_look_goes_on_waiting(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        (split,) = add(session, row, "-50", needs_review=True)

        change(session, row, amount=Decimal(-51))

        session.refresh(split)
        assert split.needs_review

    def test_through_nothing_and_back_nobody_is_lost(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-30", tag_id=food.id)
        add(session, row, "-20")
        session.commit()

        for amount, shares in (("0", [0, 0]), ("70", [35, 35]), ("-70", [-35, -35])):
            row.amount = Decimal(amount)
            session.commit()
            assert amounts_of(session, row) == shares
        found = transaction_splits.splits_of(session, ledger.user.id, [row.id])
        assert {split.tag_id for split in found} == {food.id, None}

    def test_a_new_currency_is_theirs_too(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-30", "-20")
        session.commit()

        change(session, row, currency="JPY", amount=Decimal(-9001))
        session.commit()

        found = transaction_splits.splits_of(session, ledger.user.id, [row.id])
        assert [str(split.amount) for split in found] == ["-5401", "-3600"]
        assert {(split.currency, split.needs_review) for split in found} == {("JPY", True)}

        change(session, row, currency="EUR", amount=Decimal(-9001))
        session.commit()

        found = transaction_splits.splits_of(session, ledger.user.id, [row.id])
        assert {split.currency for split in found} == {"EUR"}

    def test_a_void_row_keeps_its_splits(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50", status=TransactionStatus.PENDING)
        add(session, row, "-30", "-20")
        session.commit()

        change(session, row, status="void")
        session.commit()

        found = transaction_splits.splits_of(session, ledger.user.id, [row.id])
        assert [split.amount for split in found] == [-30, -20]
        assert not any(split.needs_review for split in found)

    def test_a_repeated_answer_and_a_change_of_other_columns_write_no_split(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        add(session, row, "-30", "-20")
        session.commit()
        before = versions(session)

        again = change(session, row)
        described = change(session, row, description="BAKERY")
        session.commit()

        assert (again.unchanged, described.updated) == (1, 1)
        assert versions(session) == before

    def test_each_row_of_a_bulk_write_follows_its_own(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = [book(session, ledger, DAY, f"-{n}") for n in range(1, 41)]
        for row in rows[::2]:
            add(session, row, str(row.amount - 1), "1")
        session.commit()

        execute(
            session,
            "update common.transactions set amount = case when amount < -20 then amount * 3"
            " else amount end",
        )
        session.commit()

        for row in rows[::2]:
            session.refresh(row)
            found = transaction_splits.splits_of(session, ledger.user.id, [row.id])
            assert sum(split.amount for split in found) == row.amount
            assert {split.needs_review for split in found} == {row.amount < -20}
        assert len(set(session.scalars(sa.select(TransactionSplit.transaction_id)))) == 20

    def test_plan_made_for_one_row_is_not_kept_for_many(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-50")
        execute(
            session,
            "insert into common.transactions (user_id, account_id, source_key, status, amount,"
            " currency, booking_date, kind, raw_table, raw_id, first_seen_at)"
            " select user_id, account_id, 'many:' || n, status, amount, currency, booking_date,"
            " kind, raw_table, raw_id, first_seen_at"
            " from common.transactions cross join generate_series(1, 10000) as n",
        )
        execute(session, "alter table common.transactions disable trigger user")
        execute(session, "alter table common.transactions enable trigger rescale_splits")
        change(session, row, amount=Decimal(-51))
        # Every row beside every other takes longer by far.
        execute(session, "set local statement_timeout = '10s'")

        execute(session, "update common.transactions set amount = amount - 1")

        session.refresh(row)
        assert row.amount == -52


@on_one_database
@given(
    parts=st.lists(money.filter(bool), min_size=1, max_size=5),
    steps=st.lists(st.tuples(money, st.sampled_from(["GBP", "JPY"])), min_size=1, max_size=3),
)
def test_splits_of_any_amounts_follow_and_sum(
    session: Session,
    ledger: Ledger,
    parts: list[Decimal],
    steps: list[tuple[Decimal, str]],
) -> None:
    session.rollback()
    with localcontext(prec=100):
        row = book(session, ledger, DAY, str(sum(parts, Decimal(0))))
    add(session, row, *map(str, parts))
    session.commit()

    for amount, currency in steps:
        change(session, row, amount=amount, currency=currency)
        session.commit()
        session.expire(row)
        shares = amounts_of(session, row)
        assert sum(map(Fraction, shares)) == Fraction(amount)
        assert len(shares) == len(parts)
