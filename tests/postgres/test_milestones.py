"""Milestones of net worth: reached once, on the first day, and told once."""

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

from postgres.common.enums import ManualAssetType, NotificationType
from postgres.common.models import Account, FinancialMilestone, Notification
from postgres.common.operations import financial_milestones, manual_assets
from postgres.core import WriteCounts
from postgres.errors import NotFoundError, OperationError, RetryableError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import at, day, make_account, move, set_rate

NOTHING = WriteCounts()
REACHED = WriteCounts(inserted=1, updated=1)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def account(session: Session, ledger: Ledger) -> Account:
    return make_account(session, ledger, opening="500", opened=day(1))


def make(
    session: Session, ledger: Ledger, target: str = "1000", **given: Any
) -> FinancialMilestone:
    return financial_milestones.create_milestone(
        session,
        ledger.user.id,
        **{
            "name": "A thousand",
            "target_amount": Decimal(target),
            "currency": "GBP",
            "starts_on": day(3),
            **given,
        },
    )


def evaluate(session: Session, number: int) -> WriteCounts:
    return financial_milestones.evaluate_milestones(session, now=at(number))


def news(session: Session) -> list[str]:
    rows = sa.select(Notification.message).where(
        Notification.type == NotificationType.MILESTONE_REACHED
    )
    return list(session.scalars(rows.order_by(Notification.message)))


class TestEvaluation:
    def test_marks_the_first_day_and_tells_once(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        milestone = make(session, ledger)
        move(session, account, day(4), "499.99")
        assert evaluate(session, 5) == NOTHING
        move(session, account, day(6), "0.01")
        move(session, account, day(8), "300")

        # The runs of the 6th to the 9th did not happen.
        assert (evaluate(session, 10), evaluate(session, 11)) == (REACHED, NOTHING)
        assert milestone.reached_on == day(6)
        assert news(session) == [
            "The milestone A thousand is reached: your net worth was 1000 GBP or more on"
            " 2026-03-06."
        ]

    def test_stays_reached_whatever_happens_to_the_money_or_to_history(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        milestone = make(session, ledger)
        move(session, account, day(6), "500")
        evaluate(session, 6)

        move(session, account, day(7), "-900")
        assert evaluate(session, 8) == NOTHING
        debt(session, ledger, "-5000", day(4))
        assert evaluate(session, 8) == NOTHING
        move(session, account, day(3), "9000")
        assert evaluate(session, 9) == NOTHING
        assert (milestone.reached_on, len(news(session))) == (day(6), 1)

    @pytest.mark.usefixtures("account")
    def test_a_value_that_is_back_dated_before_may_reach_it_on_a_day_past(
        self, session: Session, ledger: Ledger
    ) -> None:
        milestone = make(session, ledger)
        assert evaluate(session, 20) == NOTHING

        for number, amount in ((5, "600"), (8, "0")):
            manual_assets.create_asset(
                session,
                ledger.user.id,
                name="car",
                asset_type=ManualAssetType.VEHICLE,
                currency="GBP",
                amount=Decimal(amount),
                valued_on=day(number),
            )

        assert evaluate(session, 20) == REACHED
        assert milestone.reached_on == day(5)

    def test_what_was_before_its_start_does_not_count(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        later, now, to_come = (
            make(session, ledger, "500", starts_on=on) for on in (day(6), day(4), day(21))
        )
        move(session, account, day(5), "-100")
        move(session, account, day(7), "200")

        assert evaluate(session, 20).updated == 2
        assert [m.reached_on for m in (later, now, to_come)] == [day(7), day(4), None]

    def test_a_debt_counts_and_its_end_is_a_milestone(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        debt(session, ledger, "-900", day(1))
        free, less = make(session, ledger, "0"), make(session, ledger, "-300")
        move(session, account, day(5), "150")

        evaluate(session, 6)
        assert (free.reached_on, less.reached_on) == (None, day(5))
        move(session, account, day(7), "250")
        evaluate(session, 8)
        assert free.reached_on == day(7)

    @pytest.mark.usefixtures("account")
    def test_a_day_on_which_something_has_no_rate_reaches_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_account(session, ledger, currency="JPY", opening="-19000", opened=day(1))
        milestone = make(session, ledger, "300")
        assert evaluate(session, 6) == NOTHING

        set_rate(session, "GBP", day(5), "0.85")
        set_rate(session, "JPY", day(5), "161.5")

        assert evaluate(session, 6) == REACHED
        assert milestone.reached_on == day(5)

    @pytest.mark.usefixtures("account")
    def test_is_in_its_own_currency(self, session: Session, ledger: Ledger) -> None:
        set_rate(session, "GBP", day(4), "0.8")
        euros = make(session, ledger, "620", currency="EUR")
        pounds = make(session, ledger, "501")

        assert evaluate(session, 4) == REACHED
        assert (euros.reached_on, pounds.reached_on) == (day(4), None)

    def test_the_day_is_the_users(self, session: Session, ledger: Ledger, account: Account) -> None:
        milestone = make(session, ledger)
        move(session, account, day(6), "500")
        ledger.user.time_zone = "Asia/Tokyo"
        session.flush()

        def run(hour: int) -> WriteCounts:
            now = at(5, hour=hour)
            return financial_milestones.evaluate_milestones(session, now=now)

        assert (run(14), run(15)) == (NOTHING, REACHED)
        assert milestone.reached_on == day(6)

    def test_is_of_each_users_own_worth(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger, account: Account
    ) -> None:
        other = make_ledger(session)
        make_account(session, other, opening="5000", opened=day(1))
        mine, theirs = make(session, ledger), make(session, other)

        only_mine = financial_milestones.evaluate_milestones(
            session, now=at(6), user_id=ledger.user.id
        )
        assert only_mine == NOTHING
        assert theirs.reached_on is None
        assert evaluate(session, 6) == REACHED
        assert [m.reached_on for m in (mine, theirs)] == [None, day(3)]

        move(session, account, day(6), "500")
        session.commit()
        with user_session(sessions, ledger.user.id) as own:
            assert evaluate(own, 6) == REACHED

    @pytest.mark.usefixtures("account")
    def test_is_as_many_statements_for_many_as_for_one(
        self, session: Session, engine: sa.Engine, ledger: Ledger
    ) -> None:
        seen: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))

        def statements(count: int) -> int:
            for _ in range(count):
                make(session, ledger, "1")
            seen.clear()
            assert evaluate(session, 6).updated == count
            return len(seen)

        assert statements(1) == statements(20) <= 3

    @pytest.mark.usefixtures("account")
    def test_eight_at_once_tell_once(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        for target in range(100, 500, 20):
            make(session, ledger, str(target))
        session.commit()
        barrier = Barrier(8)

        def run(_: int) -> int:
            barrier.wait()
            while True:
                try:
                    with sessions.begin() as own:
                        return evaluate(own, 6).inserted
                except RetryableError:
                    continue

        with ThreadPoolExecutor(8) as pool:
            told = sum(pool.map(run, range(8)))

        assert told == len(news(session)) == 20


class TestMilestones:
    @pytest.mark.usefixtures("account")
    def test_come_in_pages_the_lowest_first(self, session: Session, ledger: Ledger) -> None:
        for target in ("300", "-5", "1000"):
            make(session, ledger, target)
        make(session, make_ledger(session), "7")
        evaluate(session, 6)

        def targets(**filters: Any) -> list[Decimal]:
            found, after = [], None
            while True:
                page = financial_milestones.list_milestones(
                    session, ledger.user.id, after=after, limit=2, **filters
                )
                found += [milestone.target_amount for milestone in page.items]
                after = page.after
                if after is None:
                    return found

        assert targets() == [-5, 300, 1000]
        assert targets(is_reached=True) == [-5, 300]
        assert targets(is_reached=False) == [1000]

    @pytest.mark.usefixtures("account")
    def test_another_target_is_to_be_reached_anew(self, session: Session, ledger: Ledger) -> None:
        user_id, milestone = ledger.user.id, make(session, ledger, "400", target_date=day(30))
        evaluate(session, 6)

        financial_milestones.update_milestone(
            session, user_id, milestone.id, name="Half", target_amount=Decimal("400.00")
        )
        assert (milestone.name, milestone.reached_on) == ("Half", day(3))
        assert milestone.target_date == day(30)
        financial_milestones.update_milestone(
            session, user_id, milestone.id, target_amount=Decimal(500), target_date=None
        )
        assert [milestone.reached_on, milestone.target_date] == [None, None]
        assert evaluate(session, 6) == REACHED
        assert len(news(session)) == 2

    @pytest.mark.parametrize(
        "wrong", [{"name": " "}, {"currency": "pounds"}, {"target": "NaN"}, {"target": "Infinity"}]
    )
    def test_that_are_none_are_refused(
        self, session: Session, ledger: Ledger, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(OperationError):
            make(session, ledger, **wrong)

        milestone = make(session, ledger)
        with pytest.raises(OperationError, match="name"):
            financial_milestones.update_milestone(session, ledger.user.id, milestone.id, name="")
        assert milestone.name == "A thousand"

    def test_are_only_their_owners(self, session: Session, ledger: Ledger) -> None:
        milestone, other = make(session, ledger), make_ledger(session).user.id

        assert financial_milestones.get_milestone(session, other, milestone.id) is None
        with pytest.raises(NotFoundError):
            financial_milestones.update_milestone(session, other, milestone.id, name="mine")
        with pytest.raises(NotFoundError):
            financial_milestones.delete_milestone(session, other, milestone.id)
        with pytest.raises(NotFoundError):
            financial_milestones.delete_milestone(session, ledger.user.id, uuid.uuid4())

        found = financial_milestones.get_milestone(session, ledger.user.id, milestone.id)
        assert found is milestone
        financial_milestones.delete_milestone(session, ledger.user.id, milestone.id)
        assert not financial_milestones.list_milestones(session, ledger.user.id).items


def debt(session: Session, ledger: Ledger, amount: str, valued_on: dt.date) -> None:
    manual_assets.create_asset(
        session,
        ledger.user.id,
        name="debt",
        asset_type=ManualAssetType.OTHER_LIABILITY,
        currency="GBP",
        amount=Decimal(amount),
        valued_on=valued_on,
    )
