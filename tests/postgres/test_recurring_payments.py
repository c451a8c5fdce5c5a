"""Payments find the pattern that they pay, the dates move on, and what is missed is said once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    JobStatus,
    JobType,
    NotificationType,
    RecurringFrequency,
    RecurringLinkSource,
    RecurringStatus,
    TransactionStatus,
)
from postgres.common.models import (
    Account,
    Job,
    Merchant,
    Notification,
    RecurringPattern,
    RecurringPatternTransaction,
    Transaction,
)
from postgres.common.operations import recurring_pattern_transactions as payments
from postgres.common.operations import recurring_patterns as patterns
from postgres.common.operations import upcoming
from postgres.common.operations.recurring_events import (
    announce_missed_payments,
    announce_price_changes,
)
from postgres.common.recurrence import CADENCES, due_near
from postgres.errors import NotFoundError
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant
from tests.postgres.recurring import (
    ACTIVE,
    AT,
    CANCELLED,
    EXPENSE,
    INCOME,
    MONTHLY,
    PAUSED,
    date,
    decide,
    every,
    found,
    links_of,
    only,
    record,
    rolled_back,
    series,
)

DAY = dt.timedelta(days=1)
MISSED = NotificationType.MISSED_PAYMENT
PRICE = NotificationType.PRICE_CHANGE


@pytest.fixture
def session(server_url: str, template: str) -> Iterator[Session]:
    yield from rolled_back(server_url, template)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def gym(session: Session, ledger: Ledger) -> Merchant:
    return make_merchant(session, ledger, "iron gym")


def by_hand(session: Session, ledger: Ledger, **values: Any) -> RecurringPattern:
    """By default 20 a month from 20 March 2026 on, said on 15 March."""
    options: dict[str, Any] = {
        "account_id": ledger.account.id,
        "direction": EXPENSE,
        "currency": "GBP",
        "frequency": MONTHLY,
        "at": AT,
        "name": "Gym",
        "amount": Decimal(-20),
        "next_date": date("2026-03-20"),
        **values,
    }
    return patterns.create_pattern(session, ledger.user.id, **options)


def told(session: Session, ledger: Ledger, type_: NotificationType) -> list[str]:
    return list(
        session.scalars(
            sa.select(Notification.message)
            .where(Notification.user_id == ledger.user.id, Notification.type == type_)
            .order_by(Notification.message)
        )
    )


def at(text: str) -> dt.datetime:
    return dt.datetime.combine(date(text), dt.time(12), dt.UTC)


class TestMatching:
    @pytest.mark.parametrize(
        ("payment", "is_matched"),
        [
            ("2026-03-20 -20", True),
            ("2026-03-14 -20", True),
            ("2026-03-13 -20", False),
            ("2026-03-26 -20", True),
            ("2026-03-27 -20", False),
            ("2026-04-14 -20", True),
            ("2026-02-20 -20", True),
            ("2026-03-20 -22", True),
            ("2026-03-20 -22.01", False),
            ("2026-03-20 -18", True),
            ("2026-03-20 -17.99", False),
            ("2026-03-20 20", False),
        ],
    )
    def test_keeps_to_the_day_and_the_amount(
        self, session: Session, ledger: Ledger, gym: Merchant, payment: str, *, is_matched: bool
    ) -> None:
        day, amount = payment.split()
        pattern = by_hand(session, ledger, merchant_id=gym.id)
        row = book(session, ledger, date(day), amount, merchant=gym)

        assert payments.match_patterns(session) == is_matched
        assert payments.match_patterns(session) == 0
        assert links_of(session, pattern) == ({row.id: "matched"} if is_matched else {})

    @pytest.mark.parametrize(
        ("tolerance", "amount", "is_matched"),
        [("0", "-20", True), ("0", "-20.01", False), ("50", "-30", True), ("100", "-40", True)],
    )
    def test_tolerates_what_the_user_says(
        self, session: Session, ledger: Ledger, tolerance: str, amount: str, *, is_matched: bool
    ) -> None:
        gym = make_merchant(session, ledger, "iron gym")
        by_hand(session, ledger, merchant_id=gym.id, amount_tolerance_pct=Decimal(tolerance))
        book(session, ledger, date("2026-03-20"), amount, merchant=gym)

        assert payments.match_patterns(session) == is_matched

    @pytest.mark.parametrize(
        ("text", "place", "is_matched"),
        [
            ("IRON", "merchant", True),
            ("iron gym", "merchant", True),
            ("Gym Ltd", "counterparty_name", True),
            ("ref 12", "description", True),
            ("ron g", "description", True),
            ("i%n", "merchant", False),
            ("ir_n", "merchant", False),
            ("steel", "merchant", False),
        ],
    )
    def test_finds_a_text_whatever_its_case_and_as_it_is(
        self, session: Session, ledger: Ledger, text: str, place: str, *, is_matched: bool
    ) -> None:
        gym = make_merchant(session, ledger, "iron gym")
        by_hand(session, ledger, merchant_contains=text)
        row = book(
            session,
            ledger,
            date("2026-03-20"),
            "-20",
            merchant=gym if place == "merchant" else None,
        )
        row.counterparty_name = "THE GYM LTD" if place == "counterparty_name" else None
        row.description = "Iron Gym REF 123" if place == "description" else None
        session.flush()

        assert payments.match_patterns(session) == is_matched

    def test_a_text_stands_in_for_the_merchant(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        by_hand(session, ledger, merchant_id=gym.id, merchant_contains="steel")
        book(session, ledger, date("2026-03-20"), "-20", merchant=gym)

        assert payments.match_patterns(session) == 0

    def test_is_for_booked_rows_of_the_account_in_the_currency(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        by_hand(session, ledger, merchant_id=gym.id)
        other = make_ledger(session)
        theirs = make_merchant(session, other, "iron gym")
        day = date("2026-03-20")
        for status in (TransactionStatus.PENDING, TransactionStatus.VOID):
            book(session, ledger, day, "-20", merchant=gym, status=status)
        book(session, ledger, day, "-20", merchant=gym).currency = "EUR"
        book(session, ledger, day, "-20", merchant=make_merchant(session, ledger, "other"))
        book(session, ledger, day, "-20")
        book(session, other, day, "-20", merchant=theirs)
        session.flush()

        assert payments.match_patterns(session) == 0

    @pytest.mark.parametrize("status", [PAUSED, CANCELLED])
    def test_is_for_active_patterns(
        self, session: Session, ledger: Ledger, gym: Merchant, status: Any
    ) -> None:
        pattern = decide(session, by_hand(session, ledger, merchant_id=gym.id), status)
        row = book(session, ledger, date("2026-03-20"), "-20", merchant=gym)
        assert payments.match_patterns(session) == 0

        if status is PAUSED:
            decide(session, pattern, ACTIVE)
            assert links_of(session, pattern) == {row.id: "matched"}

    def test_a_due_day_takes_the_nearest_and_one_only(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        pattern = by_hand(session, ledger, merchant_id=gym.id)
        rows = [
            book(session, ledger, date(day), amount, merchant=gym)
            for day, amount in [
                ("2026-03-19", "-20.50"),
                ("2026-03-23", "-20"),
                ("2026-03-22", "-20"),
                ("2026-03-22", "-21"),
            ]
        ]

        assert payments.match_patterns(session) == 1
        assert links_of(session, pattern) == {rows[2].id: "matched"}
        book(session, ledger, date("2026-03-20"), "-20", merchant=gym)
        assert payments.match_patterns(session) == 0

    def test_of_patterns_that_fit_the_nearest_amount_wins_then_the_nearest_day(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        for amount, day in ((-20, "2026-03-23"), (-20, "2026-03-21"), (-21, "2026-03-20")):
            by_hand(
                session, ledger, merchant_id=gym.id, amount=Decimal(amount), next_date=date(day)
            )
        row = book(session, ledger, date("2026-03-20"), "-20", merchant=gym)

        assert payments.match_patterns(session) == 1

        taken = {each.anchor_date: links_of(session, each) for each in every(session, ledger)}
        assert taken[date("2026-03-21")] == {row.id: "matched"}

    def test_rivals_share_out_what_there_is(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        made = [by_hand(session, ledger, merchant_id=gym.id) for _ in range(3)]
        dear = by_hand(session, ledger, merchant_id=gym.id, amount=Decimal(-21))
        rows = [book(session, ledger, date("2026-03-20"), "-20", merchant=gym) for _ in range(3)]
        dearer = book(session, ledger, date("2026-03-20"), "-21", merchant=gym)

        assert payments.match_patterns(session) == 4

        assert links_of(session, dear) == {dearer.id: "matched"}
        assert {row for each in made for row in links_of(session, each)} == {r.id for r in rows}

    def test_irregular_ones_take_whatever_comes(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        pattern = by_hand(
            session,
            ledger,
            merchant_id=gym.id,
            frequency=RecurringFrequency.IRREGULAR,
            amount=None,
            next_date=None,
        )
        for day, amount in (("2026-03-20", "-20"), ("2026-03-20", "-7"), ("2026-03-21", "-500")):
            book(session, ledger, date(day), amount, merchant=gym)
        book(session, ledger, date("2026-03-20"), "7", merchant=gym)

        assert payments.match_patterns(session) == 3
        session.refresh(pattern)
        assert (pattern.last_date, pattern.next_date) == (date("2026-03-21"), None)

    def test_can_be_for_one_account_or_one_pattern(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        made = [by_hand(session, ledger, merchant_id=gym.id, amount=Decimal(n)) for n in (-20, -50)]
        for amount in ("-20", "-50"):
            book(session, ledger, date("2026-03-20"), amount, merchant=gym)

        assert payments.match_patterns(session, account_id=uuid.uuid4()) == 0
        assert payments.match_patterns(session, pattern_id=made[1].id) == 1
        assert payments.match_patterns(session, account_id=ledger.account.id) == 1

    def test_takes_from_a_proposal_and_from_nobody_else(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        rows = series(session, ledger, "2026-01-20", 3, "-20", merchant=gym)
        record(session, [found(ledger, "k", detected_name="iron gym")], [(r, "k") for r in rows])
        proposal = only(session, ledger)
        payments.link_transaction(session, ledger.user.id, proposal.id, rows[0].id)

        mine = by_hand(session, ledger, merchant_id=gym.id)

        assert links_of(session, mine) == {rows[1].id: "matched", rows[2].id: "matched"}
        assert links_of(session, proposal) == {rows[0].id: "manual"}
        decide(session, proposal, ACTIVE)
        other = by_hand(session, ledger, merchant_id=gym.id)
        assert links_of(session, other) == {}

    @pytest.mark.parametrize("status", [ACTIVE, CANCELLED])
    def test_takes_nothing_from_what_the_user_decided_on(
        self, session: Session, ledger: Ledger, gym: Merchant, status: RecurringStatus
    ) -> None:
        rows = series(session, ledger, "2026-01-20", 3, "-20", merchant=gym)
        record(session, [found(ledger, "k", detected_name="iron gym")], [(r, "k") for r in rows])
        known = decide(session, only(session, ledger), status)

        mine = by_hand(session, ledger, merchant_id=gym.id)

        assert links_of(session, mine) == {}
        assert links_of(session, known) == {row.id: "detected" for row in rows}

    def test_never_matches_another_users_rows_once_the_account_is_gone(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        other = make_ledger(session)
        theirs = make_merchant(session, other, "iron gym")
        pattern = by_hand(session, ledger, merchant_contains="gym")
        mine = by_hand(session, other, merchant_contains="gym")
        second = Account(
            user_id=ledger.user.id,
            institution_id=ledger.institution.id,
            account_number="GB99SECOND",
            currency="GBP",
            account_type=ledger.account.account_type,
            category=ledger.account.category,
            name="Second",
        )
        session.add(second)
        session.delete(ledger.account)
        session.flush()
        session.expire_all()
        row = book(session, other, date("2026-03-20"), "-20", merchant=theirs)
        beside = book(session, Ledger(ledger.user, ledger.institution, ledger.connection, second),
                      date("2026-03-20"), "-20", merchant=gym)  # fmt: skip

        assert payments.match_patterns(session) == 1

        assert (pattern.account_id, pattern.status, pattern.next_date) == (None, PAUSED, None)
        assert links_of(session, mine) == {row.id: "matched"}
        assert links_of(session, pattern) == {}
        assert beside.account_id == second.id

    def test_sees_what_its_own_transaction_wrote_and_no_more(
        self, sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            gym = make_merchant(session, ledger, "iron gym")
            pattern = by_hand(session, ledger, merchant_id=gym.id)
            early = book(
                session, ledger, date("2026-03-20"), "-20", merchant=gym,
                status=TransactionStatus.PENDING,
            )  # fmt: skip
            older = book(session, ledger, date("2026-04-20"), "-20", merchant=gym)
        with sessions.begin() as session:
            new = book(session, ledger, date("2026-05-20"), "-20", merchant=gym)
            session.get_one(Transaction, early.id).status = TransactionStatus.BOOKED
            session.flush()

            assert payments.match_patterns(
                session, account_id=ledger.account.id, only_written=True
            ) == 2  # fmt: skip
            assert set(links_of(session, pattern)) == {new.id, early.id}
        with sessions.begin() as session:
            assert payments.match_patterns(session, only_written=True) == 0
            assert payments.match_patterns(session) == 1
            assert older.id in links_of(session, pattern)

    @settings(
        max_examples=15,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        offsets=st.lists(st.integers(-100, 40), max_size=10),
        plans=st.lists(
            st.tuples(st.sampled_from(sorted(CADENCES)), st.integers(-20, 20)),
            min_size=1,
            max_size=4,
        ),
    )
    def test_is_one_to_one_and_leaves_no_pair_apart(
        self, session: Session, offsets: list[int], plans: list[tuple[RecurringFrequency, int]]
    ) -> None:
        ledger = make_ledger(session)
        gym = make_merchant(session, ledger, "iron gym")
        made = [
            by_hand(
                session, ledger, merchant_id=gym.id, frequency=each, next_date=AT.date() + n * DAY
            )
            for each, n in plans
        ]
        rows = [book(session, ledger, AT.date() + n * DAY, "-20", merchant=gym) for n in offsets]

        payments.match_patterns(session, account_id=ledger.account.id)

        held: dict[uuid.UUID, RecurringPattern] = {}
        taken = set()
        for each in made:
            for row_id in links_of(session, each):
                assert row_id not in held
                held[row_id] = each
        for row in rows:
            if row.id in held:
                slot = (held[row.id].id, _due(held[row.id], row))
                assert slot[1] is not None
                assert slot not in taken
                taken.add(slot)
        free = [row for row in rows if row.id not in held]
        assert not [
            (row, each)
            for row in free
            for each in made
            if _due(each, row) is not None and (each.id, _due(each, row)) not in taken
        ]


def _due(pattern: RecurringPattern, row: Transaction) -> dt.date | None:
    assert pattern.frequency is not None
    assert pattern.anchor_date is not None
    assert row.booking_date is not None
    return due_near(pattern.frequency, pattern.anchor_date, row.booking_date)


class TestLinks:
    @pytest.fixture
    def pattern(self, session: Session, ledger: Ledger, gym: Merchant) -> RecurringPattern:
        return by_hand(session, ledger, merchant_id=gym.id)

    def test_by_hand_move_the_dates_and_no_run_moves_them(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        user = ledger.user.id
        row = book(session, ledger, date("2026-03-25"), "-45")
        other = by_hand(session, ledger, merchant_id=gym.id, name="Other")

        link = payments.link_transaction(session, user, pattern.id, row.id)
        assert (link.pattern_id, link.source) == (pattern.id, "manual")
        assert (pattern.last_date, pattern.next_date) == (date("2026-03-25"), date("2026-04-20"))

        payments.link_transaction(session, user, other.id, row.id)
        assert (pattern.last_date, pattern.next_date) == (None, date("2026-03-20"))
        assert other.last_date == date("2026-03-25")
        row.merchant_id, row.amount = gym.id, Decimal(-20)
        session.flush()
        assert payments.match_patterns(session) == 0
        assert links_of(session, other) == {row.id: "manual"}

    def test_taken_out_by_hand_stay_out_until_put_back(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        user = ledger.user.id
        row = book(session, ledger, date("2026-03-20"), "-20", merchant=gym)
        payments.match_patterns(session)
        session.refresh(pattern)
        assert pattern.next_date == date("2026-04-20")

        payments.unlink_transaction(session, user, pattern.id, row.id)

        assert pattern.next_date == date("2026-03-20")
        assert payments.match_patterns(session) == 0
        other = by_hand(session, ledger, merchant_id=gym.id)
        assert links_of(session, other) == {row.id: "matched"}
        payments.link_transaction(session, user, pattern.id, row.id)
        assert links_of(session, pattern) == {row.id: "manual"}
        payments.unlink_transaction(session, user, pattern.id, row.id)
        payments.link_transaction(session, user, pattern.id, row.id)
        payments.unlink_transaction(session, user, pattern.id, row.id)
        with pytest.raises(NotFoundError):
            payments.unlink_transaction(session, user, pattern.id, row.id)

    def test_are_listed_newest_first_in_pages(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        rows = series(session, ledger, "2026-03-20", 3, "-20", merchant=gym)
        pending = series(session, ledger, "2026-06-20", 1, "-20", status=TransactionStatus.PENDING)
        payments.match_patterns(session)
        payments.link_transaction(session, ledger.user.id, pattern.id, pending[0].id)

        page = payments.list_payments(session, ledger.user.id, pattern.id, limit=2)
        rest = payments.list_payments(
            session, ledger.user.id, pattern.id, limit=2, after=page.after
        )

        assert [*page.items, *rest.items] == rows[::-1]
        assert rest.after is None
        stranger = make_ledger(session).user.id
        assert payments.list_payments(session, stranger, pattern.id).items == []

    def test_say_which_payment_is_of_which_pattern_and_who_said_so(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        user_id = ledger.user.id
        matched = {row.id for row in series(session, ledger, "2026-03-20", 2, "-20", merchant=gym)}
        payments.match_patterns(session)
        other = by_hand(session, ledger, merchant_contains="other")
        row = book(session, ledger, date("2026-03-20"), "-5")
        link = payments.link_transaction(session, user_id, other.id, row.id)
        stranger = make_ledger(session).user.id

        def found(owner: uuid.UUID = user_id, **filters: Any) -> set[uuid.UUID]:
            page = payments.list_links(session, owner, **filters)
            return {link.transaction_id for link in page.items}

        assert found() == {*matched, row.id}
        assert found(pattern_id=pattern.id) == matched
        assert found(source=RecurringLinkSource.MANUAL) == {row.id}
        assert found(stranger) == set()
        first = payments.list_links(session, user_id, limit=2)
        rest = found(after=first.after)
        assert len(rest) == 1
        assert rest | {each.transaction_id for each in first.items} == found()
        assert payments.get_link(session, user_id, row.id) is link
        assert payments.get_link(session, user_id, uuid.uuid4()) is None
        assert payments.get_link(session, stranger, row.id) is None

    def test_are_taken_out_of_their_own_pattern_only(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        user_id, row = ledger.user.id, book(session, ledger, date("2026-03-20"), "-20")
        pattern, other = (by_hand(session, ledger, merchant_id=gym.id) for _ in range(2))
        payments.link_transaction(session, user_id, pattern.id, row.id)

        with pytest.raises(NotFoundError):
            payments.unlink_transaction(session, user_id, other.id, row.id)

        assert links_of(session, pattern) == {row.id: "manual"}

    def test_of_another_user_are_refused(
        self, session: Session, ledger: Ledger, pattern: RecurringPattern
    ) -> None:
        other = make_ledger(session)
        mine, theirs = (book(session, each, date("2026-03-20"), "-20") for each in (ledger, other))
        payments.link_transaction(session, ledger.user.id, pattern.id, mine.id)

        for user, row in ((other.user.id, theirs), (ledger.user.id, theirs), (other.user.id, mine)):
            with pytest.raises(NotFoundError):
                payments.link_transaction(session, user, pattern.id, row.id)
        with pytest.raises(NotFoundError):
            payments.unlink_transaction(session, other.user.id, pattern.id, mine.id)
        assert links_of(session, pattern) == {mine.id: "manual"}

    def test_of_void_and_moved_payments_count_as_they_are(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        rows = series(session, ledger, "2026-03-20", 2, "-20", merchant=gym)
        payments.match_patterns(session)

        def dates() -> tuple[dt.date | None, dt.date | None]:
            session.flush()
            session.refresh(pattern)
            return pattern.last_date, pattern.next_date

        assert dates() == (date("2026-04-20"), date("2026-05-20"))
        rows[1].status = TransactionStatus.VOID
        assert dates() == (date("2026-03-20"), date("2026-04-20"))
        rows[1].status = TransactionStatus.BOOKED
        rows[1].booking_date = date("2026-04-22")
        assert dates() == (date("2026-04-22"), date("2026-05-20"))
        session.delete(rows[1])
        assert dates() == (date("2026-03-20"), date("2026-04-20"))
        rows[0].user_note = "mine"
        assert dates() == (date("2026-03-20"), date("2026-04-20"))


class TestMissed:
    """An accepted bill of the 20th."""

    @pytest.fixture
    def pattern(self, session: Session, ledger: Ledger, gym: Merchant) -> RecurringPattern:
        return by_hand(session, ledger, merchant_id=gym.id)

    def read(self, session: Session, ledger: Ledger, day: str, **values: Any) -> None:
        session.add(
            Job(
                **{
                    "user_id": ledger.user.id,
                    "connection_id": ledger.connection.id,
                    "job_type": JobType.SYNC,
                    "status": JobStatus.COMPLETED,
                    "run_id": str(uuid.uuid4()),
                    "started_at": at(day),
                    "finished_at": at(day),
                    **values,
                }
            )
        )
        session.flush()

    def announce(self, session: Session, day: str) -> int:
        count = announce_missed_payments(session, now=at(day)).inserted
        session.expire_all()
        return count

    def test_is_said_once_for_each_due_day_and_the_next_one_is_waited_for(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        self.read(session, ledger, "2026-03-26")
        assert self.announce(session, "2026-03-26") == 0
        assert pattern.next_date == date("2026-03-20")

        self.read(session, ledger, "2026-03-27")
        assert self.announce(session, "2026-03-27") == 1
        assert told(session, ledger, MISSED) == ["Gym was due on 2026-03-20 and did not come."]
        assert pattern.next_date == date("2026-04-20")
        self.read(session, ledger, "2026-03-28")
        assert self.announce(session, "2026-03-28") == 0

        paid = book(session, ledger, date("2026-04-20"), "-20", merchant=gym)
        payments.match_patterns(session)
        self.read(session, ledger, "2026-05-10")
        assert self.announce(session, "2026-05-10") == 0
        assert (pattern.last_date, pattern.next_date) == (date("2026-04-20"), date("2026-05-20"))
        # The payment is taken back long after: the day is over, so it is said.
        paid.status = TransactionStatus.VOID
        session.flush()
        assert self.announce(session, "2026-05-10") == 1
        assert len(told(session, ledger, MISSED)) == 2
        self.read(session, ledger, "2026-07-01")
        assert self.announce(session, "2026-07-01") == 2

    def test_is_said_of_what_has_no_name(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        by_hand(session, ledger, merchant_id=gym.id, name=None)
        self.read(session, ledger, "2026-03-27")

        assert self.announce(session, "2026-03-27") == 1

        assert told(session, ledger, MISSED) == [
            "A recurring payment was due on 2026-03-20 and did not come."
        ]

    def test_is_said_of_each_of_two_that_were_due_on_one_day(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        by_hand(session, ledger, merchant_id=gym.id, name="Pool", next_date=pattern.next_date)
        self.read(session, ledger, "2026-03-27")

        assert self.announce(session, "2026-03-27") == 2

        assert told(session, ledger, MISSED) == [
            "Gym was due on 2026-03-20 and did not come.",
            "Pool was due on 2026-03-20 and did not come.",
        ]

    def test_is_not_said_of_silence_that_nobody_listened_to(
        self, session: Session, ledger: Ledger, pattern: RecurringPattern
    ) -> None:
        assert self.announce(session, "2026-06-01") == 0
        self.read(session, ledger, "2026-05-30", status=JobStatus.PARTIAL)
        self.read(session, ledger, "2026-03-26")
        self.read(session, ledger, "2026-06-02")
        assert self.announce(session, "2026-06-01") == 0

        # Any booked row shows that the account was read so far.
        book(session, ledger, date("2026-03-27"), "-1")
        assert self.announce(session, "2026-06-01") == 1
        # Nor is more over than today: a bank may book ahead.
        book(session, ledger, date("2026-09-01"), "-1")
        assert self.announce(session, "2026-06-01") == 2
        assert pattern.next_date == date("2026-06-20")

    def test_is_not_said_of_what_came_at_another_price(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        dearer = book(session, ledger, date("2026-03-21"), "-25", merchant=gym)
        book(session, ledger, date("2026-04-20"), "-55", merchant=gym)
        payments.match_patterns(session)
        self.read(session, ledger, "2026-05-01")

        assert self.announce(session, "2026-05-01") == 1

        assert told(session, ledger, MISSED) == ["Gym was due on 2026-04-20 and did not come."]
        assert pattern.next_date == date("2026-05-20")
        assert dearer.id not in links_of(session, pattern)

    @pytest.mark.parametrize("held", ["another", "removed"])
    def test_is_said_though_somebody_else_was_paid(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern, held: str
    ) -> None:
        row = book(session, ledger, date("2026-03-21"), "-25", merchant=gym)
        other = by_hand(session, ledger, merchant_id=gym.id, name="Other",
                        next_date=date("2026-04-05"))  # fmt: skip
        if held == "another":
            payments.link_transaction(session, ledger.user.id, other.id, row.id)
        else:
            payments.link_transaction(session, ledger.user.id, pattern.id, row.id)
            payments.unlink_transaction(session, ledger.user.id, pattern.id, row.id)
        self.read(session, ledger, "2026-03-30")

        assert self.announce(session, "2026-03-30") == 1

    def test_is_not_said_of_what_was_due_before_they_counted_on_it(
        self, session: Session, ledger: Ledger
    ) -> None:
        record(session, [found(ledger, "k", detected_last_date=date("2025-10-01"))])
        pattern = only(session, ledger)
        self.read(session, ledger, "2026-03-15")
        decide(session, pattern, ACTIVE)
        assert self.announce(session, "2026-03-15") == 0
        assert pattern.next_date == date("2026-04-01")

        decide(session, pattern, PAUSED, at=at("2026-03-20"))
        self.read(session, ledger, "2026-08-05")
        assert self.announce(session, "2026-08-05") == 0
        decide(session, pattern, ACTIVE, at=at("2026-08-05"))
        assert self.announce(session, "2026-08-05") == 0
        # The 1st of August may still be paid.
        assert pattern.next_date == date("2026-08-01")
        assert told(session, ledger, MISSED) == []

    def test_stays_said_when_detection_places_the_day_beside(
        self, session: Session, ledger: Ledger
    ) -> None:
        record(session, [found(ledger, "k")])
        decide(session, only(session, ledger), ACTIVE)
        self.read(session, ledger, "2026-04-08")
        assert self.announce(session, "2026-04-08") == 1

        for day in ("2026-05-02", "2026-05-04"):
            record(session, [found(ledger, "k", detected_next_date=date(day))])
            assert self.announce(session, "2026-04-08") == 0
            assert only(session, ledger).next_date == date(day)

    def test_is_said_of_what_ended_once(self, session: Session, ledger: Ledger) -> None:
        record(session, [found(ledger, "k")])
        decide(session, only(session, ledger), ACTIVE)
        ended = found(ledger, "k", detected_is_ended=True, detected_next_date=None)
        record(session, [ended])
        for day in ("2026-04-20", "2026-05-20", "2026-08-20"):
            self.read(session, ledger, day)
            self.announce(session, day)

        assert told(session, ledger, MISSED) == ["netflix was due on 2026-04-01 and did not come."]
        assert only(session, ledger).next_date is None

    def test_is_not_said_of_months_in_which_it_rests(
        self, session: Session, ledger: Ledger
    ) -> None:
        def find(last: str, following: str) -> None:
            finding = found(
                ledger,
                "k",
                detected_last_date=date(last),
                detected_next_date=date(following),
                detected_rest_months=[5, 6],
            )
            record(session, [finding])

        find("2026-03-01", "2026-04-01")
        tax = decide(session, only(session, ledger), ACTIVE)
        find("2026-04-01", "2026-07-01")
        assert only(session, ledger).next_date == date("2026-07-01")

        for day, count in (("2026-05-20", 0), ("2026-06-20", 0), ("2026-07-20", 1)):
            self.read(session, ledger, day)
            assert self.announce(session, day) == count, day
        assert told(session, ledger, MISSED) == ["netflix was due on 2026-07-01 and did not come."]
        due = upcoming.list_upcoming(
            session, ledger.user.id, first=date("2027-03-20"), last=date("2027-08-20")
        )
        assert [str(each.due_on) for each in due] == ["2027-04-01", "2027-07-01", "2027-08-01"]

        # After a year without a reading they are left out just so.
        self.read(session, ledger, "2027-07-20")
        assert self.announce(session, "2027-07-20") == 10

        # At another pace the months say nothing.
        patterns.update_pattern(
            session, ledger.user.id, tax.id, frequency=RecurringFrequency.QUARTERLY
        )
        assert only(session, ledger).rest_months is None

    def test_goes_by_the_users_own_today(
        self, session: Session, ledger: Ledger, pattern: RecurringPattern
    ) -> None:
        ledger.user.time_zone = "Pacific/Auckland"
        late = dt.datetime(2026, 3, 26, 12, tzinfo=dt.UTC)
        self.read(session, ledger, "2026-03-26", finished_at=late)

        assert announce_missed_payments(session, now=late).inserted == 1
        session.refresh(pattern)
        assert pattern.next_date == date("2026-04-20")

    def test_a_late_payment_still_counts(
        self, session: Session, ledger: Ledger, gym: Merchant, pattern: RecurringPattern
    ) -> None:
        self.read(session, ledger, "2026-03-27")
        self.announce(session, "2026-03-27")
        row = book(session, ledger, date("2026-04-02"), "-20", merchant=gym)
        assert payments.match_patterns(session) == 0

        payments.link_transaction(session, ledger.user.id, pattern.id, row.id)

        assert (pattern.last_date, pattern.next_date) == (date("2026-04-02"), date("2026-04-20"))


class TestPriceChanges:
    def announce(self, session: Session) -> int:
        count = announce_price_changes(session).inserted
        session.expire_all()
        return count

    def test_of_a_detected_payment_are_said_once_each(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = series(session, ledger, "2026-01-01", 3)
        record(session, [found(ledger, "k")], [(row, "k") for row in rows])
        assert self.announce(session) == 0
        decide(session, only(session, ledger), ACTIVE)
        assert self.announce(session) == 0

        def pay(day: str, amount: str, expected: str) -> int:
            rows.append(book(session, ledger, date(day), amount))
            finding = found(ledger, "k", detected_amount=Decimal(expected))
            record(session, [finding], [(row, "k") for row in rows])
            return self.announce(session)

        # Detection follows at once, and still the user did not know.
        assert pay("2026-04-01", "-12.990", "-12.99") == 1
        assert told(session, ledger, PRICE) == [
            "netflix was -12.99 GBP on 2026-04-01 instead of -9.99."
        ]
        assert self.announce(session) == 0
        assert pay("2026-05-01", "-12.99", "-12.99") == 0
        assert pay("2026-06-01", "-14.28", "-12.99") == 0
        assert pay("2026-07-01", "-14.30", "-12.99") == 1
        assert pay("2026-08-01", "-9.99", "-12.99") == 1
        assert pay("2026-09-01", "-9.99", "-9.99") == 0

    def test_are_told_against_what_the_user_said(
        self, session: Session, ledger: Ledger, gym: Merchant
    ) -> None:
        pattern = by_hand(session, ledger, merchant_id=gym.id)
        payments.link_transaction(
            session, ledger.user.id, pattern.id,
            book(session, ledger, date("2026-03-20"), "-23", merchant=gym).id,
        )  # fmt: skip
        patterns.update_pattern(session, ledger.user.id, pattern.id, amount=Decimal(-23))
        assert self.announce(session) == 0

        patterns.update_pattern(session, ledger.user.id, pattern.id, amount=Decimal(-20))
        assert self.announce(session) == 1
        assert pattern.amount == -20
        assert pattern.known_amount == -23

    @pytest.mark.parametrize(
        ("payment", "is_said"),
        [
            ("2026-03-20 -25", True),
            ("2026-03-26 -40", True),
            ("2026-03-14 -10", True),
            ("2026-03-27 -25", False),
            ("2026-03-13 -25", False),
            ("2026-03-20 -40.01", False),
            ("2026-03-20 -9.99", False),
            ("2026-04-20 -25", False),
            ("2026-03-20 25", False),
        ],
    )
    def test_of_what_is_too_dear_to_be_linked_are_said_on_the_day(
        self, session: Session, ledger: Ledger, gym: Merchant, payment: str, *, is_said: bool
    ) -> None:
        day, amount = payment.split()
        pattern = by_hand(session, ledger, merchant_id=gym.id)
        book(session, ledger, date(day), amount, merchant=gym)
        payments.match_patterns(session)

        assert self.announce(session) == is_said
        assert links_of(session, pattern) == {}
        assert pattern.known_amount == (Decimal(amount) if is_said else -20)
        assert self.announce(session) == 0

    @pytest.mark.parametrize("why", ["linked elsewhere", "taken out", "paused"])
    def test_are_not_said_of_what_is_none_of_its_payments(
        self, session: Session, ledger: Ledger, gym: Merchant, why: str
    ) -> None:
        pattern = by_hand(session, ledger, merchant_id=gym.id)
        row = book(session, ledger, date("2026-03-20"), "-25", merchant=gym)
        if why == "linked elsewhere":
            other = by_hand(
                session,
                ledger,
                merchant_id=gym.id,
                amount=Decimal(-25),
                next_date=date("2026-03-10"),
            )
            payments.link_transaction(session, ledger.user.id, other.id, row.id)
        elif why == "taken out":
            payments.link_transaction(session, ledger.user.id, pattern.id, row.id)
            payments.unlink_transaction(session, ledger.user.id, pattern.id, row.id)
        else:
            decide(session, pattern, PAUSED)

        assert self.announce(session) == 0

    def test_work_for_income_too(self, session: Session, ledger: Ledger, gym: Merchant) -> None:
        by_hand(session, ledger, merchant_id=gym.id, direction=INCOME, amount=Decimal(2000))
        book(session, ledger, date("2026-03-20"), "2500", merchant=gym)
        payments.match_patterns(session)

        assert self.announce(session) == 1
        assert told(session, ledger, PRICE) == ["Gym was 2500 GBP on 2026-03-20 instead of 2000."]


def test_accepting_links_and_links_go_with_their_pattern(
    session: Session, ledger: Ledger, gym: Merchant
) -> None:
    rows = series(session, ledger, "2026-01-01", 3, merchant=gym)
    record(session, [found(ledger, "k", merchant_id=gym.id)], [(row, "k") for row in rows[:2]])
    pattern = decide(session, only(session, ledger), ACTIVE)

    assert links_of(session, pattern) == {
        rows[0].id: "detected", rows[1].id: "detected", rows[2].id: "matched",
    }  # fmt: skip
    assert (pattern.last_date, pattern.next_date) == (date("2026-03-01"), date("2026-04-01"))
    # What a rule of the pattern linked, detection leaves there.
    both = [found(ledger, "k", merchant_id=gym.id), found(ledger, "z", detected_name="other")]
    record(session, both, [*((row, "k") for row in rows[:2]), (rows[2], "z")])
    assert links_of(session, pattern)[rows[2].id] == "matched"
    assert len(every(session, ledger)) == 2
    session.delete(pattern)
    session.flush()
    assert session.scalars(sa.select(RecurringPatternTransaction)).all() == []
