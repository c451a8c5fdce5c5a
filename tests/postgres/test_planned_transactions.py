"""What is planned is due on its days, is matched once, and shows in one list with what recurs."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.models import User
from postgres.common.enums import RecurringFrequency, TransactionStatus
from postgres.common.models import PlannedMatch, PlannedTransaction, Tag, Transaction
from postgres.common.operations import planned_transactions as plans
from postgres.common.operations import recurring_patterns as patterns
from postgres.common.operations import upcoming
from postgres.errors import (
    AlreadyExistsError,
    NotFoundError,
    OperationError,
    RetryableError,
)
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant
from tests.postgres.recurring import AT, EXPENSE, PAUSED, date, decide, rolled_back

TODAY = AT.date()
DAY = dt.timedelta(days=1)


@pytest.fixture
def session(server_url: str, template: str) -> Iterator[Session]:
    yield from rolled_back(server_url, template)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def plan(session: Session, ledger: Ledger, **values: Any) -> PlannedTransaction:
    """By default 500 of rent on the first of each month of 2026."""
    options: dict[str, Any] = {
        "account_id": ledger.account.id,
        "description": "Rent",
        "amount": Decimal(-500),
        "currency": "GBP",
        "starts_on": date("2026-01-01"),
        "rrule": "FREQ=MONTHLY",
        **values,
    }
    return plans.create_planned_transaction(session, ledger.user.id, **options)


def became(session: Session, planned: PlannedTransaction) -> dict[str, uuid.UUID | str | None]:
    """What became of each day of the first months of 2026."""
    occurrences = plans.list_occurrences(
        session, planned.user_id, planned.id, first=date("2026-01-01"), last=date("2026-04-30")
    )
    return {
        str(each.due_on): "skipped" if each.is_skipped else each.transaction_id
        for each in occurrences
    }


class TestPlans:
    def test_are_created_read_changed_and_deleted(self, session: Session, ledger: Ledger) -> None:
        tag = Tag(user_id=ledger.user.id, name="Home")
        session.add(tag)
        session.flush()
        user = ledger.user.id
        planned = plan(session, ledger, tag_id=tag.id, ends_on=date("2026-12-31"))

        assert plans.get_planned_transaction(session, user, planned.id) is planned
        assert planned.is_active
        assert planned.amount_tolerance_pct == 10
        changed = plans.update_planned_transaction(
            session, user, planned.id, rrule=None, tag_id=None, ends_on=None, is_active=False
        )
        assert (changed.rrule, changed.tag_id, changed.ends_on, changed.is_active) == (
            None, None, None, False,
        )  # fmt: skip
        assert (changed.description, changed.amount) == ("Rent", Decimal(-500))
        changed = plans.update_planned_transaction(
            session,
            user,
            planned.id,
            account_id=ledger.account.id,
            description="Flat",
            amount=Decimal(-510),
            currency="EUR",
            starts_on=date("2026-02-01"),
            amount_tolerance_pct=Decimal(0),
        )
        assert (changed.description, changed.currency) == ("Flat", "EUR")
        assert changed.amount == -510
        assert changed.starts_on == date("2026-02-01")
        assert changed.amount_tolerance_pct == 0

        plans.delete_planned_transaction(session, user, planned.id)
        assert plans.get_planned_transaction(session, user, planned.id) is None

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"rrule": "FREQ=HOURLY"}, "not understood"),
            ({"rrule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"}, "no day"),
            ({"rrule": "FREQ=WEEKLY;BYDAY=MO", "ends_on": date("2026-01-02")}, "no day"),
            ({"ends_on": date("2025-12-31")}, "ends after"),
            ({"starts_on": date("1999-12-31")}, "2000"),
            ({"description": " "}, "description"),
            ({"amount": Decimal(0)}, "amount"),
            ({"amount": Decimal("NaN")}, "amount"),
            ({"currency": "gbp"}, "capital"),
            ({"amount_tolerance_pct": Decimal(101)}, "tolerance"),
            ({"amount_tolerance_pct": Decimal(-1)}, "tolerance"),
            ({"account_id": uuid.UUID(int=0)}, "account"),
            ({"tag_id": uuid.UUID(int=0)}, "tag"),
        ],
        ids=str,
    )
    def test_that_make_no_sense_are_refused(
        self, session: Session, ledger: Ledger, values: dict[str, Any], reason: str
    ) -> None:
        planned = plan(session, ledger)

        with pytest.raises(OperationError, match=reason):
            plan(session, ledger, **values)
        with pytest.raises(OperationError, match=reason):
            plans.update_planned_transaction(session, ledger.user.id, planned.id, **values)

        assert len(plans.list_planned_transactions(session, ledger.user.id).items) == 1
        assert became(session, planned).keys() == {
            "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01",
        }  # fmt: skip

    def test_are_listed_in_pages_and_by_what_they_are(
        self, session: Session, ledger: Ledger
    ) -> None:
        tag = Tag(user_id=ledger.user.id, name="Home")
        session.add(tag)
        session.flush()
        user = ledger.user.id
        made = [
            plan(
                session, ledger, starts_on=date(f"2026-0{n}-01"), tag_id=tag.id if n == 2 else None
            )
            for n in (3, 1, 2)
        ]
        plans.update_planned_transaction(session, user, made[0].id, is_active=False)
        page = plans.list_planned_transactions(session, user, limit=2)

        assert page.items == [made[1], made[2]]
        rest = plans.list_planned_transactions(session, user, limit=2, after=page.after)
        assert (rest.items, rest.after) == ([made[0]], None)

        def listed(**filters: Any) -> list[PlannedTransaction]:
            return list(plans.list_planned_transactions(session, user, **filters).items)

        assert listed(is_active=False) == [made[0]]
        assert listed(is_active=True) == [made[1], made[2]]
        assert listed(tag_id=tag.id) == [made[2]]
        assert len(listed(account_id=ledger.account.id)) == 3
        assert listed(account_id=uuid.uuid4()) == []

    def test_of_another_user_are_out_of_reach(self, session: Session, ledger: Ledger) -> None:
        planned, other = plan(session, ledger), make_ledger(session)
        user = other.user.id
        day, row = date("2026-02-01"), book(session, other, date("2026-02-01"), "-500")

        assert plans.get_planned_transaction(session, user, planned.id) is None
        assert plans.list_planned_transactions(session, user).items == []
        for attempt in (
            lambda: plans.update_planned_transaction(session, user, planned.id, description="x"),
            lambda: plans.delete_planned_transaction(session, user, planned.id),
            lambda: plans.list_occurrences(session, user, planned.id, first=day, last=day),
            lambda: plans.match_occurrence(session, user, planned.id, day, row.id),
            lambda: plans.skip_occurrence(session, user, planned.id, day),
            lambda: plans.reopen_occurrence(session, user, planned.id, day),
            lambda: plans.match_occurrence(session, ledger.user.id, planned.id, day, row.id),
        ):
            with pytest.raises(NotFoundError):
                attempt()
        with pytest.raises(NotFoundError):
            plan(session, other, account_id=ledger.account.id)

    def test_are_archived_with_their_account_and_match_nothing_then(
        self, session: Session, ledger: Ledger
    ) -> None:
        planned = plan(session, ledger)
        session.delete(ledger.account)
        session.flush()
        session.expire_all()

        assert (planned.account_id, planned.is_active) == (None, False)
        assert plans.match_planned(session, now=AT) == 0
        assert upcoming.list_upcoming(
            session, ledger.user.id, first=TODAY, last=date("2026-12-31")
        ) == []  # fmt: skip
        with pytest.raises(OperationError, match="account was deleted"):
            plans.update_planned_transaction(session, ledger.user.id, planned.id, is_active=True)


class TestDueDays:
    def test_follow_the_rule_between_start_and_end(self, session: Session, ledger: Ledger) -> None:
        planned = plan(
            session,
            ledger,
            starts_on=date("2026-01-31"),
            rrule="FREQ=MONTHLY;BYMONTHDAY=-1",
            ends_on=date("2026-03-31"),
        )

        found = plans.due_days(planned, date("2025-01-01"), date("2027-01-01"))

        assert [str(day) for day in found] == ["2026-01-31", "2026-02-28", "2026-03-31"]

    def test_without_a_rule_there_is_one(self, session: Session, ledger: Ledger) -> None:
        planned = plan(session, ledger, rrule=None, starts_on=TODAY)

        assert plans.due_days(planned, TODAY, TODAY) == [TODAY]
        assert plans.due_days(planned, TODAY + DAY, TODAY + 9 * DAY) == []
        assert plans.due_days(planned, TODAY - 9 * DAY, TODAY - DAY) == []


class TestMatches:
    def test_take_the_nearest_day_and_a_day_takes_one(
        self, session: Session, ledger: Ledger
    ) -> None:
        planned = plan(session, ledger)
        january = book(session, ledger, date("2025-12-28"), "-500")
        far = book(session, ledger, date("2026-02-06"), "-500")
        near = book(session, ledger, date("2026-02-02"), "-530")
        late = book(session, ledger, date("2026-03-06"), "-500")

        assert plans.match_planned(session, now=AT) == 2
        assert plans.match_planned(session, now=AT) == 0

        # January is longer ago than is looked back.
        assert became(session, planned) == {
            "2026-01-01": None,
            "2026-02-01": near.id,
            "2026-03-01": late.id,
            "2026-04-01": None,
        }
        assert january.id != far.id

    @pytest.mark.parametrize(
        ("day", "amount", "is_matched"),
        [
            ("2026-02-24", "-500", True),
            ("2026-02-23", "-500", False),
            ("2026-03-06", "-500", True),
            ("2026-03-07", "-500", False),
            ("2026-03-01", "-450", True),
            ("2026-03-01", "-449.99", False),
            ("2026-03-01", "-550", True),
            ("2026-03-01", "-550.01", False),
            ("2026-03-01", "500", False),
        ],
    )
    def test_keep_to_the_window_and_the_tolerance(
        self, session: Session, ledger: Ledger, day: str, amount: str, is_matched: bool
    ) -> None:
        plan(session, ledger, starts_on=date("2026-03-01"))
        book(session, ledger, date(day), amount)

        assert plans.match_planned(session, now=AT) == is_matched

    def test_are_for_booked_rows_of_the_account_in_the_currency(
        self, session: Session, ledger: Ledger
    ) -> None:
        other = make_ledger(session)
        day = date("2026-03-01")
        plan(session, ledger, starts_on=day)
        book(session, ledger, day, "-500", status=TransactionStatus.PENDING)
        book(session, ledger, day, "-500").currency = "EUR"
        book(session, other, day, "-500")
        archived = plan(session, other, starts_on=day)
        plans.update_planned_transaction(session, other.user.id, archived.id, is_active=False)

        assert plans.match_planned(session, now=AT) == 0

    def test_go_one_to_one_between_equal_plans(self, session: Session, ledger: Ledger) -> None:
        both = [plan(session, ledger, starts_on=date("2026-03-01"), rrule=None) for _ in range(3)]
        rows = [book(session, ledger, date("2026-03-01"), "-500") for _ in range(3)]

        assert plans.match_planned(session, now=AT) == 3

        matched = {became(session, each)["2026-03-01"] for each in both}
        assert matched == {row.id for row in rows}

    def test_can_be_for_one_user_alone(self, session: Session, ledger: Ledger) -> None:
        other = make_ledger(session)
        day = date("2026-03-01")
        for each in (ledger, other):
            plan(session, each, starts_on=day)
            book(session, each, day, "-500")

        assert plans.match_planned(session, now=AT, user_id=other.user.id) == 1
        assert plans.match_planned(session, now=AT) == 1

    def test_reach_as_far_as_each_users_own_today(self, session: Session, ledger: Ledger) -> None:
        ledger.user.time_zone = "Pacific/Auckland"
        session.flush()
        late = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
        # 15 March for London is 16 March there: the 21st is five days away.
        plan(session, ledger, starts_on=date("2026-03-21"), rrule=None)
        book(session, ledger, date("2026-03-16"), "-500")

        assert plans.match_planned(session, now=late - dt.timedelta(hours=2)) == 0
        assert plans.match_planned(session, now=late) == 1

    def test_by_hand_stand_in_for_those_of_a_run(self, session: Session, ledger: Ledger) -> None:
        planned = plan(session, ledger, starts_on=date("2026-02-01"))
        run, mine = (book(session, ledger, date("2026-03-01"), amount) for amount in ("-500", "-9"))
        plans.match_planned(session, now=AT)

        plans.match_occurrence(session, ledger.user.id, planned.id, date("2026-03-01"), mine.id)
        plans.match_planned(session, now=AT)

        assert became(session, planned)["2026-03-01"] == mine.id
        with pytest.raises(AlreadyExistsError):
            plans.match_occurrence(session, ledger.user.id, planned.id, date("2026-04-01"), mine.id)
        with pytest.raises(NotFoundError, match="not due"):
            plans.match_occurrence(session, ledger.user.id, planned.id, date("2026-04-02"), run.id)

    def test_leave_skipped_days_alone_until_they_are_open_again(
        self, session: Session, ledger: Ledger
    ) -> None:
        user, day = ledger.user.id, date("2026-03-01")
        planned = plan(session, ledger, starts_on=day)
        row = book(session, ledger, day, "-500")
        plans.skip_occurrence(session, user, planned.id, day)
        assert plans.match_planned(session, now=AT) == 0
        assert became(session, planned)["2026-03-01"] == "skipped"

        plans.reopen_occurrence(session, user, planned.id, day)
        assert plans.match_planned(session, now=AT) == 1

        plans.skip_occurrence(session, user, planned.id, day)
        assert became(session, planned)["2026-03-01"] == "skipped"
        plans.reopen_occurrence(session, user, planned.id, day)
        with pytest.raises(NotFoundError, match="nothing became"):
            plans.reopen_occurrence(session, user, planned.id, day)
        assert row.id not in session.scalars(sa.select(PlannedMatch.transaction_id)).all()

    def test_end_when_the_transaction_is_void_or_gone(
        self, session: Session, ledger: Ledger
    ) -> None:
        planned = plan(session, ledger, starts_on=date("2026-02-01"))
        other = make_ledger(session)
        rows = [book(session, ledger, date(day), "-500") for day in ("2026-02-01", "2026-03-01")]
        plans.match_planned(session, now=AT)
        rows[0].status = TransactionStatus.VOID
        session.delete(rows[1])
        session.flush()
        again = book(session, ledger, date("2026-02-02"), "-500")

        assert plans.match_planned(session, now=AT, user_id=other.user.id) == 0
        assert became(session, planned)["2026-02-01"] == rows[0].id
        assert plans.match_planned(session, now=AT, user_id=ledger.user.id) == 1
        assert became(session, planned) == {
            "2026-02-01": again.id, "2026-03-01": None, "2026-04-01": None,
        }  # fmt: skip

    @settings(
        max_examples=20,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        offsets=st.lists(st.integers(-40, 10), max_size=8),
        rules=st.lists(
            st.sampled_from(["FREQ=WEEKLY", "FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY", None]),
            min_size=1,
            max_size=3,
        ),
    )
    def test_are_one_to_one_and_leave_no_pair_apart(
        self, session: Session, offsets: list[int], rules: list[str | None]
    ) -> None:
        ledger = make_ledger(session)
        start = TODAY - 30 * DAY
        made = [plan(session, ledger, starts_on=start, rrule=rule) for rule in rules]
        rows = [book(session, ledger, TODAY + n * DAY, "-500") for n in offsets]

        count = plans.match_planned(session, now=AT, user_id=ledger.user.id)

        matches = session.execute(
            sa.select(PlannedMatch, Transaction)
            .join(Transaction, Transaction.id == PlannedMatch.transaction_id)
            .where(PlannedMatch.user_id == ledger.user.id)
        ).all()
        assert len(matches) == count
        taken = {(match.planned_id, match.due_on) for match, _ in matches}
        assert len(taken) == len({row.id for _, row in matches}) == count
        assert all(abs(row.booking_date - match.due_on) <= plans.LEEWAY for match, row in matches)
        free_rows = [row for row in rows if row.id not in {each.id for _, each in matches}]
        free_days = [
            day
            for each in made
            for day in plans.due_days(each, TODAY - plans.LOOK_BACK, TODAY + plans.LEEWAY)
            if (each.id, day) not in taken
        ]
        assert not [
            (row.booking_date, day)
            for row in free_rows
            for day in free_days
            if row.booking_date and abs(row.booking_date - day) <= plans.LEEWAY
        ]


class TestUpcoming:
    @pytest.fixture
    def rent(self, session: Session, ledger: Ledger) -> PlannedTransaction:
        return plan(session, ledger, starts_on=date("2026-02-01"))

    def test_is_what_is_planned_and_what_recurs(
        self, session: Session, ledger: Ledger, rent: PlannedTransaction
    ) -> None:
        merchant = make_merchant(session, ledger, "gym")

        def by_hand(**values: Any) -> uuid.UUID:
            options: dict[str, Any] = {
                "account_id": ledger.account.id,
                "direction": EXPENSE,
                "currency": "GBP",
                "frequency": RecurringFrequency.FORTNIGHTLY,
                "at": AT,
                "name": "Gym",
                "amount": Decimal(-20),
                "next_date": date("2026-03-20"),
                "merchant_id": merchant.id,
                **values,
            }
            return patterns.create_pattern(session, ledger.user.id, **options).id

        gym = by_hand()
        tax = by_hand(
            name=None,
            amount=None,
            frequency=RecurringFrequency.IRREGULAR,
            next_date=date("2026-04-03"),
        )
        paused = by_hand(name="Club")
        decide(session, patterns.get_pattern(session, ledger.user.id, paused), PAUSED)  # type: ignore[arg-type]
        plans.skip_occurrence(session, ledger.user.id, rent.id, date("2026-05-01"))
        other = make_ledger(session)
        plan(session, other)

        found = upcoming.list_upcoming(
            session, ledger.user.id, first=TODAY, last=date("2026-05-01")
        )

        assert [(str(each.due_on), each.name, each.amount) for each in found] == [
            ("2026-03-20", "Gym", -20),
            ("2026-04-01", "Rent", -500),
            ("2026-04-03", None, None),
            ("2026-04-03", "Gym", -20),
            ("2026-04-17", "Gym", -20),
            ("2026-05-01", "Gym", -20),
        ]
        assert [each.pattern_id for each in found] == [gym, None, tax, gym, gym, gym]
        assert found[1].planned_id == rent.id
        assert {each.account_id for each in found} == {ledger.account.id}
        assert {each.currency for each in found} == {"GBP"}
        later = upcoming.list_upcoming(
            session, ledger.user.id, first=date("2026-04-04"), last=date("2026-04-20")
        )
        assert [str(each.due_on) for each in later] == ["2026-04-17"]
        assert upcoming.list_upcoming(
            session, ledger.user.id, first=date("2026-03-16"), last=date("2026-03-19")
        ) == []  # fmt: skip

    def test_leaves_out_what_was_paid_and_overdue_is_the_rest(
        self, session: Session, ledger: Ledger, rent: PlannedTransaction
    ) -> None:
        book(session, ledger, date("2026-02-01"), "-500")
        plans.match_planned(session, now=AT)
        ended = plan(session, ledger, starts_on=date("2026-01-01"), rrule=None)
        today_too = plan(session, ledger, starts_on=TODAY, rrule=None)

        overdue = upcoming.list_overdue(session, ledger.user.id, today=TODAY)

        assert [(each.planned_id, str(each.due_on)) for each in overdue] == [
            (rent.id, "2026-03-01")
        ]
        overdue = upcoming.list_overdue(session, ledger.user.id, today=date("2026-03-02"))
        assert [each.planned_id for each in overdue] == [ended.id, rent.id]
        assert [
            each.planned_id
            for each in upcoming.list_upcoming(session, ledger.user.id, first=TODAY, last=TODAY)
        ] == [today_too.id]

    def test_is_ten_years_at_most(self, session: Session, ledger: Ledger) -> None:
        with pytest.raises(OperationError, match="ten years"):
            upcoming.list_upcoming(session, ledger.user.id, first=TODAY, last=TODAY + 3654 * DAY)


def test_eight_writers_at_once_match_every_row_once(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        user_id = ledger.user.id
        made = [
            plan(session, ledger, starts_on=date("2026-03-01"), rrule="FREQ=WEEKLY").id
            for _ in range(4)
        ]
        rows = [book(session, ledger, date("2026-03-01"), "-500").id for _ in range(6)]
    barrier, failures = threading.Barrier(8), []

    def work(number: int) -> None:
        for attempt in range(20):
            try:
                with user_session(sessions, user_id) as session:
                    if attempt == 0:
                        barrier.wait()
                    if number % 2:
                        plans.match_planned(session, now=AT, user_id=user_id)
                    else:
                        plans.match_occurrence(
                            session,
                            user_id,
                            made[number // 2],
                            date("2026-03-08"),
                            rows[number // 2],
                        )
                break
            except (RetryableError, AlreadyExistsError):
                continue
            except Exception as error:  # noqa: BLE001
                failures.append(error)
                break

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with sessions() as session:
        taken = session.scalars(sa.select(PlannedMatch.transaction_id)).all()
    assert len(taken) == len(set(taken))


def test_a_user_who_goes_takes_their_plans_along(session: Session, ledger: Ledger) -> None:
    planned = plan(session, ledger, starts_on=date("2026-03-01"))
    book(session, ledger, date("2026-03-01"), "-500")
    plans.match_planned(session, now=AT)

    session.execute(sa.delete(User).where(User.id == ledger.user.id))

    assert session.scalar(
        sa.select(sa.func.count()).where(PlannedTransaction.id == planned.id)
    ) == 0  # fmt: skip
