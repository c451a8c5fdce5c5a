"""What the user makes of a pattern: it holds, it wins, and nobody else can."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    RecurringDirection,
    RecurringFrequency,
    RecurringSource,
    RecurringStatus,
)
from postgres.common.models import (
    RecurringPattern,
    RecurringPatternTransaction,
    Transaction,
)
from postgres.common.operations import recurring_pattern_transactions as payments
from postgres.common.operations import recurring_patterns as patterns
from postgres.common.states import PATTERN
from postgres.errors import NotFoundError, OperationError, RetryableError, TransitionError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant
from tests.postgres.recurring import (
    ACTIVE,
    AT,
    CANCELLED,
    EXPENSE,
    INCOME,
    MONTHLY,
    PAUSED,
    PENDING,
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

WEEKLY = RecurringFrequency.WEEKLY


@pytest.fixture
def session(server_url: str, template: str) -> Iterator[Session]:
    yield from rolled_back(server_url, template)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def detected(session: Session, ledger: Ledger) -> RecurringPattern:
    record(session, [found(ledger, "k")])
    return only(session, ledger)


def create(session: Session, ledger: Ledger, **values: Any) -> RecurringPattern:
    options: dict[str, Any] = {
        "account_id": ledger.account.id,
        "direction": EXPENSE,
        "currency": "GBP",
        "frequency": MONTHLY,
        "at": AT,
        "name": "Rent",
        "amount": Decimal(-500),
        "next_date": date("2026-04-01"),
        "merchant_contains": "landlord",
        **values,
    }
    return patterns.create_pattern(session, ledger.user.id, **options)


class TestCreate:
    def test_counts_at_once_and_shows_what_was_said(self, session: Session, ledger: Ledger) -> None:
        pattern = create(session, ledger)

        assert (pattern.status, pattern.source) == (ACTIVE, RecurringSource.MANUAL)
        assert (pattern.name, pattern.frequency, pattern.direction) == ("Rent", MONTHLY, EXPENSE)
        assert pattern.amount == pattern.known_amount == -500
        assert pattern.amount_tolerance_pct == 10
        assert (pattern.next_date, pattern.last_date) == (date("2026-04-01"), None)
        assert (pattern.decided_at, pattern.detection_key) == (AT, None)
        assert patterns.get_pattern(session, ledger.user.id, pattern.id) is pattern

    def test_links_what_was_paid_before(self, session: Session, ledger: Ledger) -> None:
        landlord = make_merchant(session, ledger, "landlord")
        rows = series(session, ledger, "2026-01-01", 3, "-500", merchant=landlord)

        pattern = create(session, ledger)

        assert links_of(session, pattern) == {row.id: "matched" for row in rows}
        assert (pattern.last_date, pattern.next_date) == (date("2026-03-01"), date("2026-04-01"))

    @pytest.mark.parametrize(
        ("said", "paid", "expected"),
        [
            # Paid shortly before the day that the user names: they know.
            ("2026-03-18", "2026-03-14", "2026-03-18"),
            # Paid on the day that they name.
            ("2026-03-14", "2026-03-14", "2026-04-14"),
            # A day long gone tells the rhythm; what could still be paid is waited for.
            ("2020-01-31", None, "2026-03-31"),
            ("2026-03-09", None, "2026-03-09"),
            ("2026-03-08", None, "2026-04-08"),
            ("2027-01-31", None, "2027-01-31"),
        ],
    )
    def test_waits_for_the_day_that_the_user_named(
        self, session: Session, ledger: Ledger, said: str, paid: str | None, expected: str
    ) -> None:
        if paid:
            landlord = make_merchant(session, ledger, "landlord")
            book(session, ledger, date(paid), "-500", merchant=landlord)

        assert create(session, ledger, next_date=date(said)).next_date == date(expected)

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"merchant_contains": None}, "merchant"),
            ({"merchant_contains": ""}, "every merchant"),
            ({"merchant_contains": " \t"}, "every merchant"),
            ({"next_date": None}, "due on"),
            ({"name": " "}, "name"),
            ({"amount": Decimal(500)}, "negative"),
            ({"amount": Decimal(0)}, "negative"),
            ({"amount": Decimal("-Infinity")}, "negative"),
            ({"direction": INCOME}, "positive"),
            ({"amount_tolerance_pct": Decimal(-1)}, "tolerance"),
            ({"amount_tolerance_pct": Decimal("100.1")}, "tolerance"),
            ({"account_id": uuid.UUID(int=0)}, "account"),
            ({"merchant_id": uuid.UUID(int=0)}, "merchant"),
        ],
        ids=str,
    )
    def test_refuses_what_makes_no_sense(
        self, session: Session, ledger: Ledger, values: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(OperationError, match=reason):
            create(session, ledger, **values)
        assert every(session, ledger) == []

    def test_refuses_what_is_another_users(self, session: Session, ledger: Ledger) -> None:
        other = make_ledger(session)
        theirs = make_merchant(session, other, "landlord")

        with pytest.raises(NotFoundError):
            create(session, ledger, account_id=other.account.id)
        with pytest.raises(NotFoundError):
            create(session, ledger, merchant_id=theirs.id)

    def test_goes_by_the_users_own_today(self, session: Session, ledger: Ledger) -> None:
        ledger.user.time_zone = "Pacific/Auckland"
        session.flush()
        late = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)

        # There it is the 16th, and what was due on the 9th can no longer be paid.
        assert create(session, ledger, next_date=date("2026-03-09"), at=late).next_date == date(
            "2026-04-09"
        )


class TestList:
    def test_is_by_due_day_in_pages(self, session: Session, ledger: Ledger) -> None:
        days = ["2026-04-03", "2026-04-01", "2026-04-02", "2026-04-01"]
        made = [create(session, ledger, next_date=date(day)) for day in days]
        decide(session, made[0], CANCELLED)
        make_ledger(session)

        seen: list[RecurringPattern] = []
        after = None
        while True:
            page = patterns.list_patterns(session, ledger.user.id, after=after, limit=1)
            seen += page.items
            after = page.after
            if after is None:
                break

        assert {seen[0].id, seen[1].id} == {made[1].id, made[3].id}
        assert seen[2:] == [made[2], made[0]]
        assert seen[0].id < seen[1].id

    def test_filters(self, session: Session, ledger: Ledger, detected: RecurringPattern) -> None:
        rent = create(session, ledger, next_date=date("2026-04-02"))
        salary = create(session, ledger, direction=INCOME, amount=Decimal(2000))
        decide(session, salary, PAUSED)

        def listed(**filters: Any) -> set[uuid.UUID]:
            page = patterns.list_patterns(session, ledger.user.id, **filters)
            return {each.id for each in page.items}

        assert listed() == {detected.id, rent.id, salary.id}
        assert listed(status=ACTIVE) == {rent.id}
        assert listed(source=RecurringSource.DETECTED) == {detected.id}
        assert listed(direction=INCOME) == {salary.id}
        assert listed(account_id=ledger.account.id) == {detected.id, rent.id, salary.id}
        assert listed(account_id=uuid.uuid4()) == set()
        assert listed(due_through=date("2026-04-01")) == {detected.id}
        assert listed(due_through=date("2026-04-02"), status=ACTIVE) == {rent.id}


class TestUpdate:
    def test_what_the_user_says_wins_and_none_goes_back(
        self, session: Session, ledger: Ledger, detected: RecurringPattern
    ) -> None:
        said: dict[str, Any] = {
            "name": "Films",
            "frequency": WEEKLY,
            "amount": Decimal(-12),
            "next_date": date("2026-04-04"),
            "merchant_contains": "flix",
            "amount_tolerance_pct": Decimal(25),
        }
        user = ledger.user.id
        for field, value in said.items():
            changed = patterns.update_pattern(session, user, detected.id, **{field: value})
            assert changed is detected
            assert getattr(changed, field) == value
        record(session, [found(ledger, "k", detected_amount=Decimal(-11))])
        pattern = only(session, ledger)
        assert {field: getattr(pattern, field) for field in said} == said

        back = patterns.update_pattern(
            session,
            user,
            detected.id,
            name=None,
            frequency=None,
            amount=None,
            next_date=None,
            merchant_contains=None,
        )

        assert (back.name, back.frequency) == ("netflix", MONTHLY)
        assert back.amount == back.known_amount == -11
        assert (back.next_date, back.merchant_contains) == (date("2026-04-01"), None)
        assert back.amount_tolerance_pct == 25

    def test_is_read_the_same_in_sql(
        self, session: Session, ledger: Ledger, detected: RecurringPattern
    ) -> None:
        patterns.update_pattern(session, ledger.user.id, detected.id, amount=Decimal(-12))

        row = session.execute(
            sa.text("select name, frequency, amount from common.recurring_patterns")
        ).one()

        assert tuple(row) == ("netflix", "monthly", Decimal(-12))

    def test_links_what_it_matches_now(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, date("2026-03-01"), "-520", merchant=None)
        row.description = "Standing order Smith"
        session.flush()
        pattern = create(session, ledger)
        assert links_of(session, pattern) == {}

        patterns.update_pattern(session, ledger.user.id, pattern.id, merchant_contains="SMITH")

        assert links_of(session, pattern) == {row.id: "matched"}
        assert (pattern.last_date, pattern.next_date) == (date("2026-03-01"), date("2026-04-01"))

    def test_a_day_that_is_named_is_the_next_one(self, session: Session, ledger: Ledger) -> None:
        landlord = make_merchant(session, ledger, "landlord")
        series(session, ledger, "2026-01-01", 3, "-500", merchant=landlord)
        pattern = create(session, ledger)

        for day in ("2026-03-03", "2026-04-28", "2027-01-31", "2026-03-31"):
            patterns.update_pattern(session, ledger.user.id, pattern.id, next_date=date(day))
            assert pattern.next_date == date(day)
        paid = book(session, ledger, date("2026-03-30"), "-500", merchant=landlord)
        payments.match_patterns(session)
        session.refresh(pattern)
        assert paid.id in links_of(session, pattern)
        assert pattern.next_date == date("2026-04-30")

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"merchant_contains": " "}, "every merchant"),
            ({"name": ""}, "name"),
            ({"amount": Decimal(1)}, "negative"),
            ({"amount_tolerance_pct": Decimal(101)}, "tolerance"),
        ],
        ids=str,
    )
    def test_refuses_what_makes_no_sense(
        self,
        session: Session,
        ledger: Ledger,
        detected: RecurringPattern,
        values: dict[str, Any],
        reason: str,
    ) -> None:
        with pytest.raises(OperationError, match=reason):
            patterns.update_pattern(session, ledger.user.id, detected.id, **values)
        assert only(session, ledger).name == "netflix"


class TestStatus:
    @pytest.mark.parametrize(("start", "end"), list(itertools.product(RecurringStatus, repeat=2)))
    def test_goes_the_ways_of_the_machine_and_no_others(
        self,
        session: Session,
        ledger: Ledger,
        detected: RecurringPattern,
        start: RecurringStatus,
        end: RecurringStatus,
    ) -> None:
        way = {PENDING: [], ACTIVE: [ACTIVE], PAUSED: [ACTIVE, PAUSED], CANCELLED: [CANCELLED]}
        for step in way[start]:
            decide(session, detected, step)
        later = AT + dt.timedelta(hours=1)

        if end in PATTERN[start]:
            changed = decide(session, detected, end, at=later)
            assert (changed.status, changed.decided_at) == (end, later)
            assert (changed.next_date is None) == (end in {PAUSED, CANCELLED})
        else:
            with pytest.raises(TransitionError, match=f"{start.value}.*{end.value}"):
                decide(session, detected, end, at=later)
            assert only(session, ledger).status is start

    def test_machine_is_the_one_that_was_agreed(self) -> None:
        assert {
            PENDING: {ACTIVE, CANCELLED},
            ACTIVE: {PAUSED, CANCELLED},
            PAUSED: {ACTIVE, CANCELLED},
            CANCELLED: set(),
        } == PATTERN

    @settings(
        max_examples=10,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps=st.lists(st.sampled_from(RecurringStatus), max_size=8))
    def test_is_what_the_last_allowed_step_made_it(
        self, session: Session, ledger: Ledger, steps: list[RecurringStatus]
    ) -> None:
        with session.begin_nested() as savepoint:
            record(session, [found(ledger, "k")])
            expected, pattern = PENDING, only(session, ledger)
            for step in steps:
                if step in PATTERN[expected]:
                    expected = decide(session, pattern, step).status
                    assert expected is step
                else:
                    with pytest.raises(TransitionError):
                        decide(session, pattern, step)
                record(session, [found(ledger, "k")])
            assert only(session, ledger).status is expected
            savepoint.rollback()
        session.expire_all()

    def test_of_another_users_pattern_is_nobodys(
        self, session: Session, detected: RecurringPattern
    ) -> None:
        other = make_ledger(session).user.id

        for attempt in (
            lambda: patterns.change_status(session, other, detected.id, ACTIVE, at=AT),
            lambda: patterns.update_pattern(session, other, detected.id, name="x"),
            lambda: patterns.delete_pattern(session, other, detected.id),
        ):
            with pytest.raises(NotFoundError):
                attempt()
        assert patterns.get_pattern(session, other, detected.id) is None
        assert patterns.list_patterns(session, other).items == []

    def test_accepting_fixes_what_the_user_knows_it_costs(
        self, session: Session, ledger: Ledger, detected: RecurringPattern
    ) -> None:
        assert detected.known_amount is None
        decide(session, detected, ACTIVE)
        record(session, [found(ledger, "k", detected_amount=Decimal(-15))])
        decide(session, only(session, ledger), PAUSED)

        resumed = decide(session, only(session, ledger), ACTIVE)

        assert resumed.known_amount == Decimal("-9.99")
        assert resumed.amount == -15


class TestAccount:
    """Its account is deleted."""

    @pytest.fixture
    def orphans(
        self, session: Session, ledger: Ledger, detected: RecurringPattern
    ) -> dict[RecurringStatus, RecurringPattern]:
        made = {PENDING: detected, ACTIVE: create(session, ledger)}
        for status in (PAUSED, CANCELLED):
            made[status] = decide(session, create(session, ledger), status)
        session.delete(ledger.account)
        session.flush()
        session.expire_all()
        return made

    def test_pauses_what_was_counted_on_and_keeps_the_rest(
        self, orphans: dict[RecurringStatus, RecurringPattern]
    ) -> None:
        assert {each.account_id for each in orphans.values()} == {None}
        assert {was: each.status for was, each in orphans.items()} == {
            PENDING: PENDING, ACTIVE: PAUSED, PAUSED: PAUSED, CANCELLED: CANCELLED,
        }  # fmt: skip
        assert orphans[ACTIVE].next_date is None
        assert orphans[ACTIVE].name == "Rent"

    @pytest.mark.parametrize("status", [PENDING, PAUSED])
    def test_lets_nobody_count_on_it_again(
        self,
        session: Session,
        orphans: dict[RecurringStatus, RecurringPattern],
        status: RecurringStatus,
    ) -> None:
        with pytest.raises(OperationError, match="account was deleted"):
            decide(session, orphans[status], ACTIVE)
        decide(session, orphans[status], CANCELLED)

    def test_withdraws_what_was_only_proposed(
        self,
        session: Session,
        ledger: Ledger,
        orphans: dict[RecurringStatus, RecurringPattern],
    ) -> None:
        record(session, [])

        assert {each.id for each in every(session, ledger)} == {
            orphans[status].id for status in (ACTIVE, PAUSED, CANCELLED)
        }

    def test_cannot_be_taken_from_an_active_one_by_any_code(
        self, session: Session, ledger: Ledger
    ) -> None:
        pattern = create(session, ledger)

        pattern.account_id = None
        session.flush()
        session.refresh(pattern)
        assert pattern.status is PAUSED

        session.add(
            RecurringPattern(
                user_id=ledger.user.id,
                source=RecurringSource.MANUAL,
                status=ACTIVE,
                direction=RecurringDirection.EXPENSE,
                currency="GBP",
            )
        )
        with pytest.raises(sa.exc.IntegrityError, match="active_has_account"):
            session.flush()


class TestDelete:
    def test_is_for_what_only_the_user_knows(self, session: Session, ledger: Ledger) -> None:
        landlord = make_merchant(session, ledger, "landlord")
        row = book(session, ledger, date("2026-03-01"), "-500", merchant=landlord)
        pattern = create(session, ledger)
        assert row.id in links_of(session, pattern)

        patterns.delete_pattern(session, ledger.user.id, pattern.id)

        assert every(session, ledger) == []
        assert session.scalars(sa.select(RecurringPatternTransaction)).all() == []
        with pytest.raises(NotFoundError):
            patterns.delete_pattern(session, ledger.user.id, pattern.id)

    def test_would_bring_back_what_detection_knows(
        self, session: Session, ledger: Ledger, detected: RecurringPattern
    ) -> None:
        with pytest.raises(OperationError, match="cancel it"):
            patterns.delete_pattern(session, ledger.user.id, detected.id)
        assert only(session, ledger).id == detected.id


def test_every_decision_is_on_record(
    session: Session, ledger: Ledger, detected: RecurringPattern
) -> None:
    decide(session, detected, CANCELLED)

    changes = session.execute(
        sa.text(
            "select before ->> 'status', after ->> 'status' from common.audit_log"
            " where table_name = 'common.recurring_patterns' order by id"
        )
    ).all()

    assert [tuple(each) for each in changes] == [(None, "pending"), ("pending", "cancelled")]


def test_eight_writers_at_once_lose_nothing(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        user_id = ledger.user.id
        landlord = make_merchant(session, ledger, "landlord")
        ids = [create(session, ledger, name=str(n)).id for n in range(2)]
        rows = [
            book(session, ledger, date(f"2026-0{4 + n // 2}-01"), "-500", merchant=landlord).id
            for n in range(8)
        ]
        findings = [found(ledger, "k", detected_name="landlord", detected_amount=Decimal(-500))]
        links = [(session.get_one(Transaction, row), "k") for row in rows]
    barrier, failures = threading.Barrier(8), []

    def once(number: int) -> None:
        if number == 7:
            with sessions.begin() as session:
                record(session, findings, links)
            return
        with user_session(sessions, user_id) as session:
            mine = ids[number % 2]
            if number % 2:
                payments.match_patterns(session)
            payments.link_transaction(session, user_id, mine, rows[number])
            patterns.update_pattern(session, user_id, mine, amount=Decimal(-500 - number))

    def work(number: int) -> None:
        barrier.wait()
        try:
            _until_done(lambda: once(number))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with sessions() as session:
        for n, pattern_id in enumerate(ids):
            by_hand = {row for row, how in _links(session, pattern_id).items() if how == "manual"}
            assert by_hand == {rows[k] for k in range(7) if k % 2 == n}
            dates = session.scalars(
                sa.select(Transaction.booking_date).where(
                    Transaction.id.in_(_links(session, pattern_id))
                )
            ).all()
            assert session.get_one(RecurringPattern, pattern_id).last_date == max(
                filter(None, dates)
            )


def _links(session: Session, pattern_id: uuid.UUID) -> dict[uuid.UUID, str]:
    return links_of(session, session.get_one(RecurringPattern, pattern_id))


def _until_done(work: Callable[[], None]) -> None:
    for _ in range(50):
        try:
            work()
        except RetryableError:
            continue
        return
    pytest.fail("it was in the way of others every time")
