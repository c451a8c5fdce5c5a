"""Assets and debts that the user states, and loans that are paid off by plan."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.amortisation import LoanTerms, schedule
from postgres.common.enums import AuditAction, ManualAssetType
from postgres.common.models import AuditEntry, LoanInstalment, ManualAsset, ManualAssetValue
from postgres.common.models.assets import LIABILITIES
from postgres.common.operations import audit_log, manual_assets
from postgres.common.operations.net_worth import net_worth_series
from postgres.core import WriteCounts
from postgres.errors import NotFoundError, OperationError
from postgres.paging import Page
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import day

START = dt.date(2026, 1, 1)
FIRST = dt.date(2026, 1, 31)
BY_PAYMENT = LoanTerms(Decimal("0.06"), FIRST, monthly_payment=Decimal(400))
BY_MONTHS = LoanTerms(Decimal("0.045"), dt.date(2026, 1, 1), months=300)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def make(
    session: Session,
    ledger: Ledger,
    amount: str,
    valued_on: dt.date = START,
    *,
    asset_type: ManualAssetType = ManualAssetType.PROPERTY,
    currency: str = "GBP",
    loan: LoanTerms | None = None,
    name: str = "asset",
) -> ManualAsset:
    return manual_assets.create_asset(
        session,
        ledger.user.id,
        name=name,
        asset_type=asset_type,
        currency=currency,
        amount=Decimal(amount),
        valued_on=valued_on,
        loan=loan,
    )


def make_loan(
    session: Session, ledger: Ledger, amount: str = "-1000", loan: LoanTerms | None = BY_PAYMENT
) -> ManualAsset:
    return make(session, ledger, amount, asset_type=ManualAssetType.OTHER_LIABILITY, loan=loan)


def worth(session: Session, asset: ManualAsset, *days: dt.date) -> list[Decimal | None]:
    return [manual_assets.value_on(session, asset.user_id, asset.id, on) for on in days]


def foreseen(session: Session, asset: ManualAsset) -> list[Any]:
    page = manual_assets.list_instalments(session, asset.user_id, asset.id, limit=1000)
    return [(row.due_on, row.balance) for row in page.items]


def walk(fetch: Callable[[str | None], Page[ManualAsset]]) -> list[str]:
    names, after = [], None
    while True:
        page = fetch(after)
        names += [item.name for item in page.items]
        if page.after is None:
            return names
        after = page.after


class TestAssets:
    def test_come_in_pages_by_name_and_filtered(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        make(session, ledger, "5", name="boat", asset_type=ManualAssetType.VEHICLE)
        make(session, ledger, "9", name="car", asset_type=ManualAssetType.VEHICLE)
        debt = make(session, ledger, "-9", name="debt", asset_type=ManualAssetType.OTHER_LIABILITY)
        make(session, make_ledger(session), "5", name="a boat of another")
        manual_assets.close_asset(session, user_id, debt.id, on=day(3))

        def names(**filters: object) -> list[str]:
            return walk(
                lambda after: manual_assets.list_assets(
                    session,
                    user_id,
                    after=after,
                    limit=1,
                    **filters,  # type: ignore[arg-type]
                )
            )

        assert names() == ["boat", "car", "debt"]
        assert names(asset_type=ManualAssetType.VEHICLE) == ["boat", "car"]
        assert names(is_liability=True) == names(is_closed=True) == ["debt"]
        assert names(is_liability=False, is_closed=False) == ["boat", "car"]

    def test_are_renamed_and_keep_their_side(self, session: Session, ledger: Ledger) -> None:
        house = make(session, ledger, "300000")

        changed = manual_assets.update_asset(
            session, ledger.user.id, house.id, name="flat", asset_type=ManualAssetType.OTHER_ASSET
        )
        assert (changed.name, changed.asset_type) == ("flat", ManualAssetType.OTHER_ASSET)
        with pytest.raises(OperationError, match="other sign"):
            manual_assets.update_asset(
                session, ledger.user.id, house.id, asset_type=ManualAssetType.MORTGAGE
            )
        with pytest.raises(OperationError, match="name"):
            manual_assets.update_asset(session, ledger.user.id, house.id, name=" ")
        assert (house.name, house.asset_type, house.is_liability) == (
            "flat",
            ManualAssetType.OTHER_ASSET,
            False,
        )

        manual_assets.delete_value(session, ledger.user.id, house.id, valued_on=START)
        manual_assets.update_asset(
            session, ledger.user.id, house.id, asset_type=ManualAssetType.MORTGAGE
        )
        manual_assets.set_value(session, ledger.user.id, house.id, Decimal(-1), valued_on=day(1))
        assert worth(session, house, day(1)) == [-1]

    @pytest.mark.parametrize(
        "wrong", [{"name": ""}, {"currency": "pounds"}, {"amount": "NaN"}, {"amount": "Infinity"}]
    )
    def test_that_are_none_are_refused(
        self, session: Session, ledger: Ledger, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(OperationError):
            make(session, ledger, **{"amount": "5", **wrong})  # type: ignore[arg-type]

    @pytest.mark.parametrize("asset_type", list(ManualAssetType))
    def test_what_is_owed_is_negative_and_what_is_owned_positive(
        self, session: Session, ledger: Ledger, asset_type: ManualAssetType
    ) -> None:
        right = Decimal(-100) if asset_type in LIABILITIES else Decimal(100)
        row = make(session, ledger, str(right), asset_type=asset_type)
        assert row.is_liability == (right < 0)
        manual_assets.set_value(session, ledger.user.id, row.id, Decimal(0), valued_on=day(2))

        with pytest.raises(OperationError, match="0 or"):
            make(session, ledger, str(-right), asset_type=asset_type)
        with pytest.raises(OperationError, match="0 or"):
            manual_assets.set_value(session, ledger.user.id, row.id, -right, valued_on=day(2))

    @pytest.mark.parametrize(
        "statement",
        [
            "update common.manual_asset_values set amount = -amount where asset_id = :id",
            "update common.manual_asset_values set is_liability = not is_liability,"
            " amount = -amount where asset_id = :id",
            "update common.manual_asset_values set currency = 'EUR' where asset_id = :id",
            "update common.manual_assets set currency = 'EUR' where id = :id",
            "update common.manual_assets set is_liability = not is_liability where id = :id",
            "update common.manual_assets set asset_type = 'mortgage' where id = :id",
        ],
    )
    def test_the_database_holds_sign_and_currency_whatever_writes(
        self, session: Session, ledger: Ledger, statement: str
    ) -> None:
        row = make(session, ledger, "5")
        session.commit()

        with pytest.raises(sa.exc.IntegrityError):
            session.execute(sa.text(statement), {"id": row.id})

    def test_a_closed_one_is_worth_nothing_from_its_day_on(
        self, session: Session, ledger: Ledger
    ) -> None:
        user_id = ledger.user.id
        car = make(session, ledger, "9000", day(1))

        manual_assets.close_asset(session, user_id, car.id, on=day(10))

        assert worth(session, car, day(9), day(10), day(11)) == [9000, None, None]
        with pytest.raises(OperationError, match="2026-03-10"):
            manual_assets.set_value(session, user_id, car.id, Decimal(1), valued_on=day(10))
        manual_assets.set_value(session, user_id, car.id, Decimal(8000), valued_on=day(5))
        assert worth(session, car, day(9)) == [8000]
        manual_assets.close_asset(session, user_id, car.id, on=None)
        assert worth(session, car, day(11)) == [8000]

    def test_a_deleted_one_leaves_nothing_but_its_audit(
        self, session: Session, ledger: Ledger
    ) -> None:
        loan = make_loan(session, ledger)

        manual_assets.delete_asset(session, ledger.user.id, loan.id)

        assert manual_assets.get_asset(session, ledger.user.id, loan.id) is None
        for model in (ManualAssetValue, LoanInstalment):
            assert session.scalars(sa.select(model)).all() == []
        gone = sa.select(AuditEntry.table_name).where(AuditEntry.action == AuditAction.DELETE)
        assert sorted(session.scalars(gone)) == [
            "common.manual_asset_values",
            "common.manual_assets",
        ]

    def test_are_only_their_owners(self, session: Session, ledger: Ledger) -> None:
        row, other = make_loan(session, ledger), make_ledger(session).user.id

        for refused in (
            lambda: manual_assets.update_asset(session, other, row.id, name="mine"),
            lambda: manual_assets.close_asset(session, other, row.id, on=day(1)),
            lambda: manual_assets.delete_asset(session, other, row.id),
            lambda: manual_assets.set_value(session, other, row.id, Decimal(0), valued_on=day(1)),
            lambda: manual_assets.delete_value(session, other, row.id, valued_on=START),
        ):
            with pytest.raises(NotFoundError):
                refused()
        assert manual_assets.get_asset(session, other, row.id) is None
        assert manual_assets.value_on(session, other, row.id, day(1)) is None
        assert not manual_assets.list_assets(session, other).items
        assert not manual_assets.list_values(session, other, row.id).items
        assert not manual_assets.list_instalments(session, other, row.id).items
        assert manual_assets.get_asset(session, ledger.user.id, row.id) is row


class TestValues:
    def test_the_latest_on_or_before_a_day_holds(self, session: Session, ledger: Ledger) -> None:
        house = make(session, ledger, "300000", day(10))
        for number, amount in ((20, 320_000), (5, 280_000), (20, 330_000)):
            manual_assets.set_value(
                session, ledger.user.id, house.id, Decimal(amount), valued_on=day(number)
            )

        assert worth(session, house, *(day(n) for n in (4, 5, 9, 10, 19, 20, 31))) == [
            None,
            280_000,
            280_000,
            300_000,
            300_000,
            330_000,
            330_000,
        ]
        assert worth(session, house, dt.date(2099, 1, 1)) == [330_000]

    def test_come_in_pages_the_newest_first(self, session: Session, ledger: Ledger) -> None:
        house = make(session, ledger, "1", day(1))
        for number in (3, 2, 5, 4):
            manual_assets.set_value(
                session, ledger.user.id, house.id, Decimal(number), valued_on=day(number)
            )

        first = manual_assets.list_values(session, ledger.user.id, house.id, limit=2)
        second = manual_assets.list_values(
            session, ledger.user.id, house.id, limit=3, after=first.after
        )
        some = manual_assets.list_values(
            session, ledger.user.id, house.id, since=day(2), until=day(3)
        )

        assert [row.amount for row in first.items] == [5, 4]
        assert [row.amount for row in second.items] == [3, 2, 1]
        assert second.after is None
        assert [row.amount for row in some.items] == [3, 2]

    def test_one_that_is_deleted_gives_way_to_the_one_before(
        self, session: Session, ledger: Ledger
    ) -> None:
        house = make(session, ledger, "1", day(1))
        manual_assets.set_value(session, ledger.user.id, house.id, Decimal(2), valued_on=day(3))

        manual_assets.delete_value(session, ledger.user.id, house.id, valued_on=day(3))

        assert worth(session, house, day(4)) == [1]
        with pytest.raises(NotFoundError, match="2026-03-03"):
            manual_assets.delete_value(session, ledger.user.id, house.id, valued_on=day(3))
        manual_assets.delete_value(session, ledger.user.id, house.id, valued_on=day(1))
        assert worth(session, house, day(4)) == [None]

    def test_every_change_is_kept(self, session: Session, ledger: Ledger) -> None:
        house = make(session, ledger, "1", day(1))
        manual_assets.set_value(session, ledger.user.id, house.id, Decimal(2), valued_on=day(1))

        changes = session.execute(
            sa.select(AuditEntry.before["amount"], AuditEntry.after["amount"])
            .where(AuditEntry.table_name == "common.manual_asset_values")
            .order_by(AuditEntry.id)
        ).all()

        assert [tuple(row) for row in changes] == [(None, 1), (1, 2)]


class TestLoans:
    def test_follow_their_plan_to_exactly_nothing(self, session: Session, ledger: Ledger) -> None:
        loan = make_loan(session, ledger)

        (first, *_, last) = manual_assets.list_instalments(session, ledger.user.id, loan.id).items
        # Money out and what is owed are negative.
        assert [first.interest, first.principal, first.balance] == [-5, -395, -605]
        assert (last.due_on, last.balance) == (day(31), Decimal(0))
        assert worth(
            session,
            loan,
            START,
            day(30, month=1),
            FIRST,
            day(28, month=2),
            day(30),
            day(31),
            dt.date(2099, 1, 1),
        ) == [-1000, -1000, -605, Decimal("-208.03"), Decimal("-208.03"), 0, 0]

    def test_come_in_pages_the_first_payment_first(self, session: Session, ledger: Ledger) -> None:
        mortgage = make_loan(session, ledger, "-200000", BY_MONTHS)
        every = manual_assets.list_instalments(session, ledger.user.id, mortgage.id, limit=1000)
        assert len(every.items) == 299  # the first of 300 was due on the day of the balance

        page = manual_assets.list_instalments(
            session, ledger.user.id, mortgage.id, since=day(1), until=day(1, month=6), limit=3
        )
        rest = manual_assets.list_instalments(
            session, ledger.user.id, mortgage.id, until=day(1, month=6), after=page.after
        )

        assert [row.due_on for row in (*page.items, *rest.items)] == [
            day(1, month=number) for number in (3, 4, 5, 6)
        ]

    def test_start_anew_from_a_later_value_on_the_same_terms(
        self, session: Session, ledger: Ledger
    ) -> None:
        loan = make_loan(session, ledger)

        # 100 less than planned after the first payment.
        value = manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-505), valued_on=day(10, month=2)
        )

        assert manual_assets.loan_terms(value) == BY_PAYMENT
        assert foreseen(session, loan) == [
            (FIRST, -605),
            (day(28, month=2), Decimal("-107.53")),
            (day(31), 0),
        ]
        assert worth(session, loan, day(9, month=2), day(10, month=2)) == [-605, -505]

    def test_a_value_is_that_of_its_day_and_its_owner(
        self, session: Session, ledger: Ledger
    ) -> None:
        house = make(session, ledger, "100", day(1))
        get = manual_assets.get_value
        stranger = make_ledger(session).user.id

        value = get(session, ledger.user.id, house.id, valued_on=day(1))
        assert value is not None
        assert value.amount == 100
        assert get(session, ledger.user.id, house.id, valued_on=day(2)) is None
        assert get(session, ledger.user.id, uuid.uuid4(), valued_on=day(1)) is None
        assert get(session, stranger, house.id, valued_on=day(1)) is None

    def test_a_value_on_the_day_of_a_payment_wins(self, session: Session, ledger: Ledger) -> None:
        loan = make_loan(session, ledger)

        manual_assets.set_value(session, ledger.user.id, loan.id, Decimal(-600), valued_on=FIRST)

        assert worth(session, loan, FIRST, day(28, month=2)) == [-600, -203]
        assert foreseen(session, loan)[0] == (day(28, month=2), -203)

    def test_other_terms_hold_from_their_value_on_and_leave_the_past(
        self, session: Session, ledger: Ledger
    ) -> None:
        loan = make_loan(session, ledger)
        free = LoanTerms(Decimal(0), FIRST, monthly_payment=Decimal(55))

        manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-605), valued_on=FIRST, loan=free
        )

        plan = foreseen(session, loan)
        assert (plan[0], plan[-1], len(plan)) == (
            (day(28, month=2), -550),
            (dt.date(2026, 12, 31), 0),
            11,
        )
        assert worth(session, loan, day(30, month=1)) == [-1000]

    def test_a_plan_ends_where_the_user_says_so(self, session: Session, ledger: Ledger) -> None:
        loan = make_loan(session, ledger)

        manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-605), valued_on=FIRST, loan=None
        )
        later = manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-600), valued_on=day(5, month=2)
        )

        assert manual_assets.loan_terms(later) is None
        assert foreseen(session, loan) == []
        assert worth(session, loan, day(30, month=1), dt.date(2099, 1, 1)) == [-1000, -600]

    def test_a_value_before_all_others_has_no_plan_of_its_own(
        self, session: Session, ledger: Ledger
    ) -> None:
        loan = make_loan(session, ledger)
        plan = foreseen(session, loan)

        manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-5000), valued_on=dt.date(2025, 1, 1)
        )

        assert foreseen(session, loan) == plan
        assert worth(session, loan, dt.date(2025, 12, 31)) == [-5000]

    def test_a_payment_that_never_pays_off_is_refused_and_changes_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        with pytest.raises(OperationError, match="never pays off"):
            make_loan(session, ledger, "-80000")
        assert session.scalars(sa.select(ManualAsset)).all() == []

        loan = make_loan(session, ledger)
        plan = foreseen(session, loan)
        with pytest.raises(OperationError, match="never pays off"):
            manual_assets.set_value(
                session, ledger.user.id, loan.id, Decimal(-80_000), valued_on=day(1)
            )
        assert foreseen(session, loan) == plan
        assert worth(session, loan, day(1)) == [Decimal("-208.03")]

        # What is true can be said all the same.
        manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-80_000), valued_on=day(1), loan=None
        )
        assert worth(session, loan, day(31)) == [-80_000]

    def test_only_what_is_owed_is_paid_off(self, session: Session, ledger: Ledger) -> None:
        with pytest.raises(OperationError, match="owed"):
            make(session, ledger, "1000", loan=BY_PAYMENT)

    def test_a_debt_in_yen_has_no_sen(self, session: Session, ledger: Ledger) -> None:
        terms = LoanTerms(Decimal("0.06"), FIRST, months=7)
        loan = make(
            session,
            ledger,
            "-100000",
            asset_type=ManualAssetType.STUDENT_LOAN,
            currency="JPY",
            loan=terms,
        )

        plan = foreseen(session, loan)

        assert len(plan) == 7
        assert all(balance == int(balance) for _, balance in plan)

    def test_net_worth_follows_the_plan(self, session: Session, ledger: Ledger) -> None:
        make_loan(session, ledger)

        days = net_worth_series(
            session, ledger.user.id, since=dt.date(2025, 12, 31), until=day(1, month=2)
        )

        assert [worth.liabilities for worth in days] == [-1000] * 30 + [-605] * 2

    def test_never_show_a_plan_of_what_was_taken_back(
        self, session: Session, ledger: Ledger
    ) -> None:
        loan = make_loan(session, ledger)
        plan = foreseen(session, loan)
        session.commit()
        manual_assets.set_value(
            session, ledger.user.id, loan.id, Decimal(-800), valued_on=START, loan=BY_MONTHS
        )
        session.commit()
        entry = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()

        audit_log.undo_change_set(session, ledger.user.id, entry.change_set)

        # Without a plan, the value stands; then the plan is made anew, once.
        assert worth(session, loan, FIRST) == [-1000]
        assert manual_assets.renew_plans(session) == WriteCounts(inserted=3)
        assert foreseen(session, loan) == plan
        assert manual_assets.renew_plans(session) == WriteCounts()

    @pytest.mark.parametrize(
        "statement",
        [
            "delete from common.manual_asset_values where asset_id = :id and valued_on = :day",
            "update common.manual_asset_values set amount = 0"
            " where asset_id = :id and valued_on = :day",
            "update common.manual_asset_values set monthly_payment = -50"
            " where asset_id = :id and valued_on = :day",
        ],
    )
    def test_drop_their_plan_whatever_changes_a_value(
        self, session: Session, ledger: Ledger, statement: str
    ) -> None:
        loan = make_loan(session, ledger, "-2000")
        for number in (2, 4):
            manual_assets.set_value(
                session,
                ledger.user.id,
                loan.id,
                Decimal(-2000),
                valued_on=day(10, month=number),
            )
        before = foreseen(session, loan)
        assert [due for due, _ in before[:3]] == [FIRST, day(28, month=2), day(31)]

        session.execute(sa.text(statement), {"id": loan.id, "day": day(10, month=2)})

        # What is planned after the last value has nothing to do with it.
        assert foreseen(session, loan) == before[3:]

    def test_a_payment_that_never_pays_off_is_refused_before_another_value_too(
        self, session: Session, ledger: Ledger
    ) -> None:
        loan = make_loan(session, ledger, "-1000", BY_MONTHS)

        with pytest.raises(OperationError, match="never pays off"):
            manual_assets.set_value(
                session,
                ledger.user.id,
                loan.id,
                Decimal(-80_000),
                valued_on=START - dt.timedelta(1),
                loan=BY_PAYMENT,
            )

    def test_are_kept_in_a_session_of_the_user(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        session.commit()
        with user_session(sessions, ledger.user.id) as own:
            loan = make_loan(own, ledger)
            assert worth(own, loan, day(31)) == [0]


POSSIBLE = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 5000), st.sampled_from([None, BY_PAYMENT])),
    min_size=1,
    max_size=6,
    unique_by=lambda stated: stated[0],
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(stated=POSSIBLE, deleted=st.integers(0, 5), asked=st.lists(st.integers(0, 500), max_size=5))
def test_values_in_whatever_order_make_the_same_plan(
    session: Session,
    stated: list[tuple[int, int, LoanTerms | None]],
    deleted: int,
    asked: list[int],
) -> None:
    start = dt.date(2025, 12, 15)
    ledger = make_ledger(session)
    asset = make_loan(session, ledger, "0", None)
    manual_assets.delete_value(session, ledger.user.id, asset.id, valued_on=START)

    def state(number: int, owed: int, loan: LoanTerms | None) -> None:
        manual_assets.set_value(
            session,
            ledger.user.id,
            asset.id,
            Decimal(-owed),
            valued_on=start + dt.timedelta(number),
            loan=loan,
        )

    for each in stated:
        state(*each)
    # Stated in error, and taken back.
    wrong = 401 + deleted
    state(wrong, 1234, BY_PAYMENT)
    manual_assets.delete_value(
        session, ledger.user.id, asset.id, valued_on=start + dt.timedelta(wrong)
    )
    if deleted < len(stated) - 1:
        number = stated[deleted][0]
        stated = [*stated[:deleted], *stated[deleted + 1 :]]
        manual_assets.delete_value(
            session, ledger.user.id, asset.id, valued_on=start + dt.timedelta(number)
        )

    # By hand: each value's own schedule, up to the next value.
    points = []
    ordered = sorted(stated, key=lambda each: each[0])
    for place, (number, owed, loan) in enumerate(ordered):
        valued_on = start + dt.timedelta(number)
        following = ordered[place + 1 :]
        end = start + dt.timedelta(following[0][0]) if following else dt.date.max
        points.append((valued_on, Decimal(-owed)))
        if loan is not None:
            plan = schedule(Decimal(owed), loan, after=valued_on, digits=2)
            points += [(i.due_on, -i.balance) for i in plan if i.due_on < end]
    for number in asked:
        on = start + dt.timedelta(number)
        known = [amount for at, amount in points if at <= on]
        assert worth(session, asset, on) == [known[-1] if known else None]
    assert set(foreseen(session, asset)) <= set(points)


def test_eight_writers_of_one_loan_leave_a_plan_of_what_stands(
    session: Session, sessions: sessionmaker[Session], ledger: Ledger
) -> None:
    loan = make_loan(session, ledger)
    session.commit()
    barrier = Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        for turn in range(4):
            with sessions.begin() as own:
                manual_assets.set_value(
                    own,
                    ledger.user.id,
                    loan.id,
                    Decimal(-1000 + 10 * number + turn),
                    valued_on=day(1 + number % 4, month=1 + turn),
                )

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write, number) for number in range(8)]:
            done.result()

    with sessions.begin() as own:
        values = list(reversed(manual_assets.list_values(own, ledger.user.id, loan.id).items))
        ends = [*(value.valued_on for value in values[1:]), dt.date.max]
        wanted = [
            (i.due_on, -i.balance)
            for value, end in zip(values, ends, strict=True)
            for i in schedule(-value.amount, BY_PAYMENT, after=value.valued_on, digits=2)
            if i.due_on < end
        ]
        assert len(values) == 16
        assert foreseen(own, loan) == wanted


def test_an_unknown_asset_is_worth_nothing_known(session: Session, ledger: Ledger) -> None:
    assert manual_assets.value_on(session, ledger.user.id, uuid.uuid4(), day(1)) is None
