"""Goals: one progress for four ways of tracking, contributions, completion by rule."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    AccountType,
    AuditAction,
    GoalStatus,
    GoalTrackingMode,
    NotificationType,
    TransactionStatus,
)
from postgres.common.models import (
    Account,
    AuditEntry,
    Goal,
    GoalContribution,
    Notification,
    Transaction,
)
from postgres.common.operations import goal_contributions, goals
from postgres.core import WriteCounts
from postgres.errors import (
    AlreadyExistsError,
    NotFoundError,
    OperationError,
    RetryableError,
    TransitionError,
)
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import at, day, make_account, move, report, set_rate, total

MANUAL, BALANCE = GoalTrackingMode.MANUAL, GoalTrackingMode.BALANCE
DELTA, TARGET_BALANCE = GoalTrackingMode.DELTA, GoalTrackingMode.TARGET_BALANCE
ACTIVE, COMPLETED, PAUSED = GoalStatus.ACTIVE, GoalStatus.COMPLETED, GoalStatus.PAUSED
NOTHING = WriteCounts()


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def account(session: Session, ledger: Ledger) -> Account:
    return make_account(session, ledger, opening="500", opened=day(1))


def make(
    session: Session,
    ledger: Ledger,
    mode: GoalTrackingMode = MANUAL,
    target: str = "1000",
    **given: Any,
) -> Goal:
    account = given.pop("account", None)
    return goals.create_goal(
        session,
        ledger.user.id,
        **{
            "name": "goal",
            "tracking_mode": mode,
            "target_amount": Decimal(target),
            "currency": "GBP",
            "start_date": day(5),
            "account_id": account and account.id,
            **given,
        },
    )


def put(session: Session, goal: Goal, amount: str, on: dt.date | None = None) -> GoalContribution:
    return goal_contributions.create_contribution(
        session, goal.user_id, goal.id, Decimal(amount), contributed_on=on or day(6)
    )


def progress(session: Session, goal: Goal, on: dt.date) -> Decimal | None:
    found = goals.get_progress(session, goal.user_id, goal.id, on=on)
    assert found is not None
    return found.progress


def amounts(session: Session, goal: Goal, on: dt.date) -> Any:
    found = goals.get_progress(session, goal.user_id, goal.id, on=on)
    assert found is not None
    return (found.start_amount, found.amount, found.progress)


def news(session: Session, kind: NotificationType = NotificationType.GOAL_REACHED) -> list[str]:
    rows = sa.select(Notification.message).where(Notification.type == kind)
    return list(session.scalars(rows.order_by(Notification.dedup_key)))


class TestProgress:
    def test_by_hand_is_the_sum_of_the_contributions(
        self, session: Session, ledger: Ledger
    ) -> None:
        goal = make(session, ledger)
        other = make(session, ledger)
        assert amounts(session, goal, day(6)) == (0, 0, 0)
        # The start is no bound: what was saved before counts too.
        put(session, goal, "250", day(1))
        put(session, goal, "500", day(7))
        put(session, goal, "-50.50", day(8))
        put(session, other, "9999", day(1))

        assert amounts(session, goal, day(6)) == (0, 250, Decimal("0.25"))
        assert amounts(session, goal, day(8)) == (0, Decimal("699.50"), Decimal("0.6995"))

    def test_by_balance_is_what_is_in_the_account(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        goal = make(session, ledger, BALANCE, account=account)
        move(session, account, day(6), "200")
        move(session, account, day(6), "5000", status=TransactionStatus.PENDING)

        assert amounts(session, goal, day(5)) == (0, 500, Decimal("0.5"))
        assert amounts(session, goal, day(6)) == (0, 700, Decimal("0.7"))
        assert amounts(session, goal, dt.date(2026, 2, 1)) == (0, None, None)

    def test_by_delta_is_what_was_gained_since_the_start(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        goal = make(session, ledger, DELTA, account=account)
        move(session, account, day(4), "100")
        # What is booked on the first day counts, what was there before it does not.
        move(session, account, day(5), "40")
        move(session, account, day(7), "-90")

        assert amounts(session, goal, day(4)) == (0, 0, 0)
        assert amounts(session, goal, day(5)) == (0, 40, Decimal("0.04"))
        assert amounts(session, goal, day(8)) == (0, -50, Decimal("-0.05"))

    def test_by_target_balance_counts_from_the_start_to_the_target(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        goal = make(session, ledger, TARGET_BALANCE, "1000", account=account)
        move(session, account, day(6), "250")

        assert amounts(session, goal, day(5)) == (500, 500, 0)
        assert amounts(session, goal, day(6)) == (500, 750, Decimal("0.5"))

    @pytest.mark.parametrize(
        ("opening", "target", "moved", "wanted"),
        [
            ("-3000", "0", "750", "0.25"),  # a credit card paid off
            ("-3000", "0", "-300", "-0.1"),
            ("-3000", "-1000", "1000", "0.5"),
            ("5000", "2000", "-1500", "0.5"),  # savings to be spent down
            ("5000", "2000", "300", "-0.1"),
            ("100", "-100", "-50", "0.25"),
        ],
    )
    def test_by_target_balance_goes_down_as_well_as_up(
        self,
        session: Session,
        ledger: Ledger,
        *,
        opening: str,
        target: str,
        moved: str,
        wanted: str,
    ) -> None:
        card = make_account(session, ledger, opening=opening, opened=day(1))
        goal = make(session, ledger, TARGET_BALANCE, target, account=card)
        move(session, card, day(6), moved)

        assert amounts(session, goal, day(5)) == (Decimal(opening), Decimal(opening), 0)
        assert progress(session, goal, day(6)) == Decimal(wanted)

    def test_starts_where_the_user_says(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        debt = make(
            session, ledger, TARGET_BALANCE, "0", account=account, start_amount=Decimal(-500)
        )
        gain = make(session, ledger, DELTA, "100", account=account, start_amount=Decimal(490))

        assert amounts(session, debt, day(5)) == (-500, 500, 2)
        assert amounts(session, gain, day(5)) == (0, 10, Decimal("0.1"))

    def test_of_an_account_that_is_younger_starts_with_what_is_first_known(
        self, session: Session, ledger: Ledger
    ) -> None:
        young = make_account(session, ledger)
        goal = make(session, ledger, DELTA, "100", account=young)
        report(session, young, "70", at(8))
        move(session, young, day(9), "30")

        assert progress(session, goal, day(7)) is None
        assert progress(session, goal, day(8)) == 0
        assert progress(session, goal, day(9)) == Decimal("0.3")

    def test_what_a_broker_holds_is_what_it_is_worth(
        self, session: Session, ledger: Ledger
    ) -> None:
        broker = make_account(session, ledger, account_type=AccountType.INVESTMENT, opening="0")
        goal = make(session, ledger, BALANCE, "1000", account=broker)
        move(session, broker, day(5), "3")
        total(session, broker, "250", at(6))

        assert progress(session, goal, day(6)) == Decimal("0.25")

    def test_in_another_currency_is_by_the_rate_of_the_day_and_rates_are_no_progress(
        self, session: Session, ledger: Ledger
    ) -> None:
        euros = make_account(session, ledger, currency="EUR", opening="1000", opened=day(1))
        by_balance = make(session, ledger, BALANCE, "1000", account=euros)
        by_delta = make(session, ledger, DELTA, "1000", account=euros)
        by_target = make(session, ledger, TARGET_BALANCE, "1800", account=euros)
        move(session, euros, day(6), "500")
        assert progress(session, by_balance, day(5)) is None

        set_rate(session, "GBP", day(5), "0.8")
        set_rate(session, "GBP", day(6), "0.9")

        assert amounts(session, by_balance, day(5)) == (0, 800, Decimal("0.8"))
        assert amounts(session, by_balance, day(6)) == (0, 1350, Decimal("1.35"))
        assert amounts(session, by_delta, day(6)) == (0, 450, Decimal("0.45"))
        assert amounts(session, by_target, day(6)) == (900, 1350, Decimal("0.5"))

    def test_that_starts_at_its_target_is_unknown(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        goal = make(session, ledger, TARGET_BALANCE, "500", account=account)

        assert amounts(session, goal, day(6)) == (500, 500, None)
        assert goals.evaluate_goals(session, now=at(6)) == NOTHING

    @pytest.mark.parametrize(
        ("put_aside", "pct", "remaining"),
        [("-10", 0, 1010), ("250", 25, 750), ("1000", 100, 0), ("1300", 100, -300)],
    )
    def test_is_shown_between_0_and_100_per_cent(
        self, session: Session, ledger: Ledger, put_aside: str, pct: int, remaining: int
    ) -> None:
        goal = make(session, ledger)
        put(session, goal, put_aside)

        found = goals.get_progress(session, ledger.user.id, goal.id, on=day(6))

        assert found is not None
        assert (found.pct, found.remaining) == (Decimal(pct), Decimal(remaining))
        assert found.progress == Decimal(put_aside) / 1000

    def test_that_is_unknown_shows_nothing(self, session: Session, ledger: Ledger) -> None:
        goal = make(session, ledger, BALANCE, account=ledger.account)

        (found,) = goals.list_progress(session, ledger.user.id, on=day(6))

        assert found.goal is goal
        assert (found.amount, found.progress, found.pct, found.remaining) == (None,) * 4

    def test_of_all_goals_is_one_statement(
        self, session: Session, engine: sa.Engine, ledger: Ledger, account: Account
    ) -> None:
        for name, mode in (("b", BALANCE), ("d", DELTA), ("t", TARGET_BALANCE)):
            make(session, ledger, mode, "200", account=account, name=name)
        paused = make(session, ledger, name="a")
        goals.pause_goal(session, ledger.user.id, paused.id)
        make(session, make_ledger(session), name="of another")
        seen: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))

        found = goals.list_progress(session, ledger.user.id, on=day(6))

        assert [(p.goal.name, p.progress) for p in found] == [
            ("a", 0),
            ("b", Decimal("2.5")),
            ("d", 0),
            ("t", 0),
        ]
        assert len(seen) == 1
        only = goals.list_progress(session, ledger.user.id, on=day(6), status=PAUSED)
        assert [p.goal.name for p in only] == ["a"]


class TestGoals:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": " "},
            {"currency": "pounds"},
            {"target": "0"},
            {"target": "-5"},
            {"target": "NaN"},
            {"target": "Infinity"},
            {"start_amount": Decimal(1)},
            {"mode": BALANCE},
            {"mode": DELTA},
            {"mode": TARGET_BALANCE},
            {"account": True},
            {"mode": BALANCE, "account": True, "start_amount": Decimal(1)},
            {"mode": BALANCE, "account": True, "target": "0"},
            {"mode": DELTA, "account": True, "target": "-5"},
            {"mode": DELTA, "account": True, "start_amount": Decimal("NaN")},
            {"mode": TARGET_BALANCE, "account": True, "target": "-Infinity"},
            {"mode": TARGET_BALANCE, "account": True, "start_amount": Decimal(1000)},
        ],
    )
    def test_that_are_none_are_refused(
        self, session: Session, ledger: Ledger, account: Account, wrong: dict[str, Any]
    ) -> None:
        if wrong.get("account"):
            wrong = {**wrong, "account": account}

        with pytest.raises(OperationError):
            make(session, ledger, **wrong)

        assert not goals.list_goals(session, ledger.user.id).items

    def test_follow_no_account_of_another(self, session: Session, ledger: Ledger) -> None:
        theirs = make_ledger(session).account

        with pytest.raises(NotFoundError, match="account"):
            make(session, ledger, BALANCE, account=theirs)

    def test_come_in_pages_by_name_and_filtered(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        user_id = ledger.user.id
        for name in ("c", "a"):
            make(session, ledger, name=name)
        goals.pause_goal(session, user_id, make(session, ledger, BALANCE, account=account).id)
        make(session, make_ledger(session), name="b")

        first = goals.list_goals(session, user_id, limit=2)
        second = goals.list_goals(session, user_id, limit=2, after=first.after)

        assert [g.name for g in (*first.items, *second.items)] == ["a", "c", "goal"]
        assert second.after is None
        for filters in (
            {"status": PAUSED},
            {"tracking_mode": BALANCE},
            {"account_id": account.id},
        ):
            page = goals.list_goals(session, user_id, **filters)
            assert [g.name for g in page.items] == ["goal"]

    def test_change_what_is_given_and_nothing_else(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        user_id = ledger.user.id
        goal = make(
            session, ledger, DELTA, account=account, target_date=day(30), start_amount=Decimal(7)
        )

        goals.update_goal(session, user_id, goal.id, name="car")
        assert (goal.name, goal.target_date, goal.start_amount) == ("car", day(30), Decimal(7))
        other = make_account(session, ledger)
        goals.update_goal(
            session,
            user_id,
            goal.id,
            account_id=other.id,
            target_amount=Decimal(50),
            target_date=None,
            start_date=day(2),
            start_amount=None,
        )
        assert (goal.account_id, goal.target_amount, goal.target_date) == (
            other.id,
            Decimal(50),
            None,
        )
        assert (goal.start_date, goal.start_amount, goal.name) == (day(2), None, "car")
        with pytest.raises(OperationError, match="above 0"):
            goals.update_goal(session, user_id, goal.id, target_amount=Decimal(0))
        with pytest.raises(NotFoundError, match="account"):
            goals.update_goal(session, user_id, goal.id, account_id=uuid.uuid4())
        assert (goal.account_id, goal.target_amount) == (other.id, Decimal(50))

    def test_are_paused_resumed_and_given_up(self, session: Session, ledger: Ledger) -> None:
        user_id, goal = ledger.user.id, make(session, ledger)

        assert goals.pause_goal(session, user_id, goal.id).status is PAUSED
        with pytest.raises(TransitionError):
            goals.pause_goal(session, user_id, goal.id)
        assert goals.resume_goal(session, user_id, goal.id).status is ACTIVE
        with pytest.raises(TransitionError):
            goals.resume_goal(session, user_id, goal.id)
        assert goals.cancel_goal(session, user_id, goal.id).status is GoalStatus.CANCELLED
        for verb in (goals.pause_goal, goals.resume_goal, goals.cancel_goal):
            with pytest.raises(TransitionError):
                verb(session, user_id, goal.id)

    def test_are_only_their_owners(self, session: Session, ledger: Ledger) -> None:
        goal, other = make(session, ledger), make_ledger(session).user.id
        entry = put(session, goal, "5")

        assert goals.get_goal(session, other, goal.id) is None
        assert goals.get_progress(session, other, goal.id, on=day(6)) is None
        assert not goals.list_progress(session, other, on=day(6))
        for verb in (goals.pause_goal, goals.resume_goal, goals.cancel_goal, goals.delete_goal):
            with pytest.raises(NotFoundError):
                verb(session, other, goal.id)
        with pytest.raises(NotFoundError):
            goals.update_goal(session, other, goal.id, name="mine")
        with pytest.raises(NotFoundError):
            goal_contributions.create_contribution(
                session, other, goal.id, Decimal(1), contributed_on=day(6)
            )
        with pytest.raises(NotFoundError):
            goal_contributions.delete_contribution(session, other, entry.id)
        assert goal_contributions.get_contribution(session, other, entry.id) is None
        assert not goal_contributions.list_contributions(session, other).items
        assert goals.get_goal(session, ledger.user.id, goal.id) is goal

    def test_go_with_their_contributions(self, session: Session, ledger: Ledger) -> None:
        goal = make(session, ledger)
        put(session, goal, "5")

        goals.delete_goal(session, ledger.user.id, goal.id)

        assert session.scalars(sa.select(GoalContribution)).all() == []


class TestContributions:
    def test_come_in_pages_the_newest_day_first(self, session: Session, ledger: Ledger) -> None:
        goal, other = make(session, ledger), make(session, ledger)
        for number in (3, 5, 4):
            put(session, goal, str(number), day(number))
        put(session, other, "9", day(9))

        first = goal_contributions.list_contributions(
            session, ledger.user.id, goal_id=goal.id, limit=2
        )
        second = goal_contributions.list_contributions(
            session, ledger.user.id, goal_id=goal.id, limit=2, after=first.after
        )
        some = goal_contributions.list_contributions(
            session, ledger.user.id, since=day(4), until=day(5)
        )

        assert [row.amount for row in (*first.items, *second.items)] == [5, 4, 3]
        assert second.after is None
        assert [row.amount for row in some.items] == [5, 4]

    @pytest.mark.parametrize("amount", ["0", "NaN", "Infinity", "-Infinity"])
    def test_of_no_amount_are_refused(self, session: Session, ledger: Ledger, amount: str) -> None:
        with pytest.raises(OperationError, match="amount other than 0"):
            put(session, make(session, ledger), amount)

    def test_are_for_manual_goals_that_are_not_given_up(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        with pytest.raises(OperationError, match="follows an account"):
            put(session, make(session, ledger, BALANCE, account=account), "5")
        goal = make(session, ledger)
        goals.pause_goal(session, ledger.user.id, goal.id)
        put(session, goal, "5")
        goals.cancel_goal(session, ledger.user.id, goal.id)
        with pytest.raises(OperationError, match="cancelled"):
            put(session, goal, "5")

    def test_one_transaction_contributes_once_a_goal(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        user_id = ledger.user.id
        car, house = make(session, ledger), make(session, ledger)
        row = move(session, account, day(6), "-100")

        def link(goal: Goal, transaction: Transaction) -> GoalContribution:
            return goal_contributions.create_contribution(
                session,
                user_id,
                goal.id,
                Decimal(60),
                contributed_on=day(6),
                note="half of it",
                transaction_id=transaction.id,
            )

        entry = link(car, row)
        link(house, row)
        with pytest.raises(AlreadyExistsError):
            link(car, row)
        # A mistake is deleted and entered anew; the log keeps it.
        goal_contributions.delete_contribution(session, user_id, entry.id)
        assert link(car, row).note == "half of it"
        with pytest.raises(NotFoundError, match="contribution"):
            goal_contributions.delete_contribution(session, user_id, entry.id)
        gone = session.scalars(
            sa.select(AuditEntry.before).where(AuditEntry.action == AuditAction.DELETE)
        ).one()
        assert gone is not None
        assert gone["transaction_id"] == str(row.id)
        found = goal_contributions.list_contributions(session, user_id, transaction_id=row.id)
        assert {c.goal_id for c in found.items} == {car.id, house.id}

        pending = move(session, account, day(6), "-1", status=TransactionStatus.PENDING)
        with pytest.raises(OperationError, match="pending"):
            link(house, pending)
        with pytest.raises(NotFoundError, match="transaction"):
            link(house, move(session, make_ledger(session).account, day(6), "-1"))

    @pytest.mark.parametrize(
        "change",
        ["amount = 7", "contributed_on = contributed_on - 1", "note = 'other'", "id = :other"],
    )
    def test_are_never_changed(self, session: Session, ledger: Ledger, change: str) -> None:
        put(session, make(session, ledger), "5")

        with pytest.raises(sa.exc.IntegrityError, match="never changed"):
            session.execute(
                sa.text(f"update common.goal_contributions set {change}"),  # noqa: S608
                {"other": uuid.uuid4()} if ":other" in change else {},
            )

    def test_keep_the_transaction_that_they_were_entered_with(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        entry = put(session, make(session, ledger), "5")
        other = move(session, account, day(6), "-5")

        with pytest.raises(sa.exc.IntegrityError, match="never changed"):
            session.execute(
                sa.text("update common.goal_contributions set transaction_id = :t where id = :id"),
                {"t": other.id, "id": entry.id},
            )

    def test_are_in_the_currency_of_their_goal(self, session: Session, ledger: Ledger) -> None:
        goal = make(session, ledger)
        session.add(
            GoalContribution(
                user_id=ledger.user.id,
                goal_id=goal.id,
                amount=Decimal(5),
                currency="EUR",
                contributed_on=day(6),
            )
        )

        with pytest.raises(sa.exc.IntegrityError, match="currency"):
            session.flush()


class TestEvaluation:
    def test_completes_what_is_reached_and_tells_once(
        self, session: Session, ledger: Ledger
    ) -> None:
        reached, short = make(session, ledger, name="Car"), make(session, ledger)
        put(session, reached, "1000")
        put(session, short, "999.99")

        first = goals.evaluate_goals(session, now=at(6))
        again = goals.evaluate_goals(session, now=at(6, hour=10))

        assert (first, again) == (WriteCounts(inserted=1, updated=1), NOTHING)
        assert (reached.status, reached.completed_at) == (COMPLETED, at(6))
        assert (short.status, short.completed_at) == (ACTIVE, None)
        assert news(session) == ["The goal Car is reached: 1000 GBP."]

    def test_opens_again_what_was_taken_back_and_tells_of_the_next_completion(
        self, session: Session, ledger: Ledger
    ) -> None:
        goal = make(session, ledger)
        put(session, goal, "1000")
        goals.evaluate_goals(session, now=at(6))
        put(session, goal, "-0.01", day(7))
        assert goals.evaluate_goals(session, now=at(6, hour=12)) == NOTHING  # the 7th is tomorrow

        assert goals.evaluate_goals(session, now=at(7)) == WriteCounts(updated=1)
        assert (goal.status, goal.completed_at) == (ACTIVE, None)
        put(session, goal, "1", day(7))
        assert goals.evaluate_goals(session, now=at(7)) == WriteCounts(inserted=1, updated=1)
        assert (goal.status, goal.times_completed) == (COMPLETED, 2)
        assert len(news(session)) == 2

    def test_bears_a_balance_that_wavers(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        goal = make(session, ledger, BALANCE, "500", account=account)
        assert goals.evaluate_goals(session, now=at(6)) == WriteCounts(inserted=1, updated=1)

        move(session, account, day(7), "-25")
        assert goals.evaluate_goals(session, now=at(7)) == NOTHING
        move(session, account, day(8), "-0.01")
        assert goals.evaluate_goals(session, now=at(8)) == WriteCounts(updated=1)
        assert goal.status is ACTIVE
        move(session, account, day(9), "24")
        assert goals.evaluate_goals(session, now=at(9)) == NOTHING  # 99.8 per cent
        move(session, account, day(10), "1.01")
        assert goals.evaluate_goals(session, now=at(10)) == WriteCounts(inserted=1, updated=1)

    def test_a_debt_is_reached_from_below_and_savings_to_spend_from_above(
        self, session: Session, ledger: Ledger
    ) -> None:
        card = make_account(session, ledger, opening="-300", opened=day(1))
        fund = make_account(session, ledger, opening="300", opened=day(1))
        paid = make(session, ledger, TARGET_BALANCE, "0", account=card)
        spent = make(session, ledger, TARGET_BALANCE, "100", account=fund)
        for account, sign in ((card, ""), (fund, "-")):
            move(session, account, day(6), f"{sign}199.99")
        assert goals.evaluate_goals(session, now=at(6)) == NOTHING

        move(session, fund, day(7), "-0.01")
        assert goals.evaluate_goals(session, now=at(7)) == WriteCounts(inserted=1, updated=1)
        move(session, card, day(8), "100.01")
        assert goals.evaluate_goals(session, now=at(8)) == WriteCounts(inserted=1, updated=1)
        assert (paid.status, spent.status) == (COMPLETED, COMPLETED)

    def test_leaves_alone_what_rests_what_is_given_up_and_what_is_unknown(
        self, session: Session, ledger: Ledger
    ) -> None:
        user_id = ledger.user.id
        resting, given_up = make(session, ledger), make(session, ledger)
        unknown = make(session, ledger, BALANCE, "1", account=ledger.account)
        for goal in (resting, given_up):
            put(session, goal, "1000")
        goals.pause_goal(session, user_id, resting.id)
        goals.cancel_goal(session, user_id, given_up.id)

        assert goals.evaluate_goals(session, now=at(6)) == NOTHING
        assert unknown.status is ACTIVE
        goals.resume_goal(session, user_id, resting.id)
        assert goals.evaluate_goals(session, now=at(6)) == WriteCounts(inserted=1, updated=1)

    def test_the_day_is_the_users(self, session: Session, ledger: Ledger) -> None:
        put(session, make(session, ledger), "1000", day(6))
        ledger.user.time_zone = "Asia/Tokyo"
        session.flush()

        # 23:59 on the 5th in Tokyo, then midnight.
        assert goals.evaluate_goals(session, now=at(5, hour=14)) == NOTHING
        assert goals.evaluate_goals(session, now=at(5, hour=15)).updated == 1

    def test_may_be_of_one_user(self, session: Session, ledger: Ledger) -> None:
        mine, theirs = make(session, ledger), make(session, make_ledger(session))
        for goal in (mine, theirs):
            put(session, goal, "1000")

        goals.evaluate_goals(session, now=at(6), user_id=ledger.user.id)

        assert (mine.status, theirs.status) == (COMPLETED, ACTIVE)

    def test_a_completed_goal_is_not_resumed_by_hand(
        self, session: Session, ledger: Ledger
    ) -> None:
        goal = make(session, ledger)
        put(session, goal, "1000")
        goals.evaluate_goals(session, now=at(6))

        for verb in (goals.resume_goal, goals.pause_goal, goals.cancel_goal):
            with pytest.raises(TransitionError):
                verb(session, ledger.user.id, goal.id)

    def test_another_target_is_judged_anew(self, session: Session, ledger: Ledger) -> None:
        goal = make(session, ledger)
        put(session, goal, "1000")
        goals.evaluate_goals(session, now=at(6))

        goals.update_goal(session, ledger.user.id, goal.id, name="the same")
        assert goal.status is COMPLETED
        goals.update_goal(session, ledger.user.id, goal.id, target_amount=Decimal(1001))

        assert (goal.status, goal.completed_at) == (ACTIVE, None)
        assert goals.evaluate_goals(session, now=at(6)) == NOTHING

    def test_is_as_many_statements_for_many_goals_as_for_one(
        self, session: Session, engine: sa.Engine, ledger: Ledger, account: Account
    ) -> None:
        seen: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))

        def statements(count: int) -> int:
            for _ in range(count):
                make(session, ledger, BALANCE, "1", account=account)
            seen.clear()
            assert goals.evaluate_goals(session, now=at(6)).updated == count
            return len(seen)

        assert statements(1) == statements(30) <= 3

    def test_runs_in_a_session_of_the_user(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        put(session, make(session, make_ledger(session)), "1000")
        session.commit()

        with user_session(sessions, ledger.user.id) as own:
            put(own, make(own, ledger), "1000")
            assert goals.evaluate_goals(own, now=at(6)) == WriteCounts(inserted=1, updated=1)


class TestDeletedAccount:
    def test_pauses_what_followed_it_and_measures_it_on_nothing_else(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        user_id = ledger.user.id
        make_account(session, ledger, opening="99999", opened=day(1))
        done = make(session, ledger, BALANCE, "500", account=account, name="done")
        goals.evaluate_goals(session, now=at(6))
        followers = [
            make(session, ledger, mode, "600", account=account)
            for mode in (BALANCE, DELTA, TARGET_BALANCE)
        ]
        manual = make(session, ledger)
        linked = goal_contributions.create_contribution(
            session,
            user_id,
            manual.id,
            Decimal(5),
            contributed_on=day(6),
            transaction_id=move(session, account, day(6), "-5").id,
        )
        session.commit()

        session.execute(sa.delete(Account).where(Account.id == account.id))
        session.commit()
        session.expire_all()

        assert {(goal.status, goal.account_id) for goal in followers} == {(PAUSED, None)}
        assert (manual.status, linked.amount, linked.transaction_id) == (ACTIVE, Decimal(5), None)
        assert (done.status, done.account_id) == (COMPLETED, None)
        assert goals.evaluate_goals(session, now=at(7)) == NOTHING
        assert {progress(session, goal, day(7)) for goal in (*followers, done)} == {None}
        for goal in followers:
            with pytest.raises(OperationError, match="needs one"):
                goals.resume_goal(session, user_id, goal.id)
            assert goal.status is PAUSED

        other = make_account(session, ledger, opening="300", opened=day(1))
        goals.update_goal(session, user_id, followers[0].id, account_id=other.id)
        assert followers[0].status is PAUSED
        goals.resume_goal(session, user_id, followers[0].id)
        assert progress(session, followers[0], day(7)) == Decimal("0.5")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    mode=st.sampled_from(GoalTrackingMode),
    target=st.integers(-1000, 1000),
    opening=st.integers(-1000, 1000),
    moves=st.lists(st.tuples(st.integers(1, 9), st.integers(-900, 900).filter(bool)), max_size=6),
)
def test_progress_is_the_table_by_hand(
    session: Session,
    *,
    mode: GoalTrackingMode,
    target: int,
    opening: int,
    moves: list[tuple[int, int]],
) -> None:
    if mode is not TARGET_BALANCE:
        target = abs(target) or 1
    ledger = make_ledger(session)
    account = make_account(session, ledger, opening=str(opening), opened=day(1))
    goal = make(session, ledger, mode, str(target), account=None if mode is MANUAL else account)
    for number, amount in moves:
        if mode is MANUAL:
            put(session, goal, str(amount), day(number))
        else:
            move(session, account, day(number), str(amount))

    on = 7
    now = sum(amount for number, amount in moves if number <= on)
    before = opening + sum(amount for number, amount in moves if number < 5)
    start = {TARGET_BALANCE: before}.get(mode, 0)
    amount = {MANUAL: now, DELTA: opening + now - before}.get(mode, opening + now)
    if start == target:
        wanted, is_reached = None, False
    else:
        wanted = Decimal(amount - start) / (target - start)
        is_reached = wanted >= 1
    found = progress(session, goal, day(on))
    assert found == wanted or abs(found - wanted) < Decimal("1e-15")  # type: ignore[operator]

    goals.evaluate_goals(session, now=at(on), user_id=ledger.user.id)

    assert goal.status is (COMPLETED if is_reached else ACTIVE)


def test_eight_at_once_complete_a_goal_once_and_lose_no_contribution(
    session: Session, sessions: sessionmaker[Session], ledger: Ledger
) -> None:
    goal = make(session, ledger, target="800")
    session.commit()
    barrier = Barrier(8)

    def save(number: int) -> None:
        barrier.wait()
        for _ in range(4):
            while True:
                try:
                    with sessions.begin() as own:
                        put(own, goal, "25", day(1 + number))
                        goals.evaluate_goals(own, now=at(20))
                except RetryableError:
                    continue
                break

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(save, number) for number in range(8)]:
            done.result()

    session.expire_all()
    assert progress(session, goal, day(20)) == 1
    assert (goal.status, goal.times_completed) == (COMPLETED, 1)
    assert len(news(session)) == 1


def test_of_eight_that_link_one_transaction_one_does(
    session: Session, sessions: sessionmaker[Session], ledger: Ledger, account: Account
) -> None:
    goal = make(session, ledger)
    row = move(session, account, day(6), "-100")
    session.commit()
    barrier = Barrier(8)

    def link(_: int) -> bool:
        barrier.wait()
        try:
            with sessions.begin() as own:
                goal_contributions.create_contribution(
                    own,
                    ledger.user.id,
                    goal.id,
                    Decimal(100),
                    contributed_on=day(6),
                    transaction_id=row.id,
                )
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(link, range(8))) == [False] * 7 + [True]
    assert progress(session, goal, day(6)) == Decimal("0.1")
