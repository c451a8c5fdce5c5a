"""Budgets: what counts, over periods, limits and currencies, and who is told, once."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    BudgetPeriod,
    NotificationType,
    SplitSource,
    TransactionKind,
    TransactionStatus,
    TransferStatus,
)
from postgres.common.models import (
    Budget,
    BudgetLimit,
    BudgetTag,
    FxRate,
    Notification,
    Tag,
    Transaction,
    TransactionSplit,
    Transfer,
)
from postgres.common.operations import budgets
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError, RetryableError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant

D = dt.date
MARCH = D(2026, 3, 1)
MID_MARCH = D(2026, 3, 15)
DECIDED = {TransferStatus.CONFIRMED, TransferStatus.REJECTED}
NOON = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def food(session: Session, ledger: Ledger) -> Tag:
    return make_tag(session, ledger, "Food")


def make_tag(session: Session, ledger: Ledger, name: str) -> Tag:
    tag = Tag(user_id=ledger.user.id, name=name)
    session.add(tag)
    session.flush()
    return tag


def make_budget(
    session: Session,
    ledger: Ledger,
    *tags: Tag,
    name: str = "Food",
    period: BudgetPeriod = BudgetPeriod.MONTHLY,
    limit: str = "100",
    starts_on: D = MARCH,
    currency: str = "GBP",
    rollover: bool = False,
) -> Budget:
    """A budget for some tags, or for everything without."""
    return budgets.create_budget(
        session,
        ledger.user.id,
        name=name,
        period=period,
        currency=currency,
        limit=Decimal(limit),
        starts_on=starts_on,
        tag_ids=[tag.id for tag in tags],
        is_overall=not tags,
        rollover=rollover,
    )


def tagged(session: Session, row: Transaction, *parts: tuple[Tag | None, str]) -> Transaction:
    session.add_all(
        TransactionSplit(
            user_id=row.user_id,
            transaction_id=row.id,
            tag_id=tag.id if tag else None,
            amount=Decimal(amount),
            currency=row.currency,
            source=SplitSource.USER,
        )
        for tag, amount in parts
    )
    session.flush()
    return row


def spend(
    session: Session,
    ledger: Ledger,
    tag: Tag,
    day: D,
    amount: str,
    *,
    currency: str = "GBP",
    status: TransactionStatus = TransactionStatus.BOOKED,
) -> Transaction:
    """Book an amount under one tag."""
    row = book(session, ledger, day, amount, status=status)
    row.currency = currency
    session.flush()
    return tagged(session, row, (tag, amount))


def add_rates(session: Session, currency: str, rate: str, *days: D) -> None:
    session.add_all(
        FxRate(currency=currency, day=day, rate=Decimal(rate), source="ecb") for day in days
    )
    session.flush()


def spent(session: Session, budget: Budget, on: D = MID_MARCH) -> Decimal:
    return budgets.status(session, budget.user_id, budget.id, on=on).spent


def values(row: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


def told(session: Session) -> list[tuple[NotificationType, str]]:
    rows = session.execute(
        sa.select(Notification.type, Notification.dedup_key).order_by(
            Notification.type, Notification.dedup_key
        )
    )
    return [(kind, key.rpartition(":")[2]) for kind, key in rows]


EXCEEDED = NotificationType.BUDGET_EXCEEDED
WARNING = NotificationType.BUDGET_WARNING


class TestSpending:
    def test_nets_refunds_of_its_tags(self, session: Session, ledger: Ledger, food: Tag) -> None:
        other = make_tag(session, ledger, "Fun")
        budget = make_budget(session, ledger, food)
        spend(session, ledger, food, D(2026, 3, 2), "-60.10")
        spend(session, ledger, food, D(2026, 3, 9), "20.05")
        spend(session, ledger, other, D(2026, 3, 9), "-7")
        tagged(session, book(session, ledger, MID_MARCH, "-10"), (food, "-4"), (other, "-6"))
        book(session, ledger, MID_MARCH, "-99")

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)

        assert values(found, "spent", "refunded") == (Decimal("44.05"), Decimal("20.05"))
        assert values(found, "available", "remaining") == (Decimal(100), Decimal("55.95"))
        assert found.pct == Decimal("44.05")
        assert values(found, "first_day", "last_day") == (MARCH, D(2026, 3, 31))
        assert found.unconverted == {}

    def test_several_tags_of_one_budget_count_each_part_once(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        drink = make_tag(session, ledger, "Drink")
        budget = make_budget(session, ledger, food, drink)
        of_one = make_budget(session, ledger, food, name="One")
        tagged(session, book(session, ledger, MID_MARCH, "-10"), (food, "-4"), (drink, "-6"))
        tagged(session, book(session, ledger, MID_MARCH, "-3"), (drink, "-3"))

        assert spent(session, budget) == 13
        assert spent(session, of_one) == 4

    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            (D(2026, 2, 28), 0),
            (D(2026, 3, 1), 5),
            (D(2026, 3, 31), 5),
            (D(2026, 4, 1), 0),
        ],
    )
    def test_a_row_counts_in_the_period_of_its_bank_day(
        self, session: Session, ledger: Ledger, food: Tag, day: D, expected: int
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1))
        spend(session, ledger, food, day, "-5")

        assert spent(session, budget) == expected

    @pytest.mark.parametrize("tags", [True, False])
    def test_transfers_trades_and_void_rows_are_no_spending(
        self, session: Session, ledger: Ledger, food: Tag, tags: bool
    ) -> None:
        budget = make_budget(session, ledger, *([food] if tags else []))
        counted = {"payment": 1, "fee": 2, "tax": 4, "interest": 8, "other": 16}
        for kind in TransactionKind:
            amount = counted.get(kind.value, 1000)
            spend(session, ledger, food, MID_MARCH, f"-{amount}").kind = kind
        spend(session, ledger, food, MID_MARCH, "-1000", status=TransactionStatus.VOID)
        for status in TransferStatus:
            legs = [spend(session, ledger, food, MID_MARCH, a) for a in ("-32", "32")]
            session.add(
                Transfer(
                    user_id=ledger.user.id,
                    outgoing_id=legs[0].id,
                    incoming_id=legs[1].id,
                    status=status,
                    confidence=Decimal(1),
                    reason="same amount",
                    decided_at=NOON if status in DECIDED else None,
                )
            )
        session.flush()

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)

        # Suggested and rejected pairs are payments as long as nobody says otherwise.
        assert values(found, "spent", "refunded") == (31, 64)

        ledger.account.is_practice = True
        session.flush()
        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)
        assert values(found, "spent", "refunded") == (0, 0)

    def test_pending_rows_are_given_beside_and_count_once_they_are_booked(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, limit="10")
        row = spend(session, ledger, food, MID_MARCH, "-30", status=TransactionStatus.PENDING)
        back = spend(session, ledger, food, D(2026, 3, 16), "5", status=TransactionStatus.PENDING)

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)
        assert values(found, "spent", "refunded", "pending", "remaining") == (0, 0, 25, 10)
        assert not found.is_exceeded
        assert budgets.check_budgets(session, now=NOON).inserted == 0

        row.status = back.status = TransactionStatus.BOOKED
        session.flush()
        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)
        assert values(found, "spent", "refunded", "pending") == (25, 5, 0)
        assert found.is_exceeded

    def test_a_pending_row_without_a_day_counts_on_its_value_date_else_when_it_was_seen(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1))
        rows = [
            spend(session, ledger, food, MID_MARCH, amount, status=TransactionStatus.PENDING)
            for amount in ("-1", "-2", "-4", "-8")
        ]
        for row in rows:
            row.booking_date = None
        rows[0].value_date = D(2026, 6, 30)
        rows[1].value_date = D(2026, 7, 1)
        # 23:30 in UTC is the next day in British summer time.
        rows[2].first_seen_at = dt.datetime(2026, 6, 30, 22, 30, tzinfo=dt.UTC)
        rows[3].first_seen_at = dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC)
        session.flush()

        june, july = budgets.history(
            session, ledger.user.id, budget.id, since=D(2026, 6, 30), until=D(2026, 7, 1)
        )

        assert june.pending == 5
        assert july.pending == 10

    def test_of_another_user_never_count(self, session: Session, ledger: Ledger, food: Tag) -> None:
        stranger = make_ledger(session)
        theirs = make_tag(session, stranger, "Food")
        spend(session, stranger, theirs, MID_MARCH, "-50")
        pending = TransactionStatus.PENDING
        row = spend(session, stranger, theirs, MID_MARCH, "-50", status=pending)
        row.booking_date = None  # then it counts on the day on which it was seen
        session.flush()

        for tags in ([food], []):
            budget = make_budget(session, ledger, *tags, name=f"{len(tags)}")
            found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)
            assert values(found, "spent", "pending") == (0, 0)


class TestOverall:
    def test_counts_what_is_tagged_and_what_is_not(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger)
        spend(session, ledger, food, MID_MARCH, "-5")
        book(session, ledger, MID_MARCH, "-7")
        tagged(session, book(session, ledger, MID_MARCH, "-9"), (food, "-4"), (None, "-5"))
        # Cashback within a purchase.
        tagged(session, book(session, ledger, MID_MARCH, "-10"), (food, "-12"), (None, "2"))

        assert spent(session, budget) == 31

    def test_money_in_is_money_back_where_as_much_went_out_to_the_same_merchant(
        self, session: Session, ledger: Ledger
    ) -> None:
        budget = make_budget(session, ledger)
        shop, employer = (make_merchant(session, ledger, name) for name in ("shop", "employer"))
        book(session, ledger, D(2026, 1, 20), "-50", merchant=shop)
        book(session, ledger, D(2026, 3, 20), "-70", merchant=shop)
        book(session, ledger, D(2026, 3, 10), "50", merchant=shop)
        book(session, ledger, D(2026, 3, 10), "50.01", merchant=shop)  # nothing as large before it
        book(session, ledger, D(2026, 3, 21), "60", merchant=shop)
        book(session, ledger, D(2026, 3, 5), "-20", merchant=employer)
        book(session, ledger, D(2026, 3, 28), "1800", merchant=employer)
        book(session, ledger, D(2026, 3, 28), "1")

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)

        assert values(found, "spent", "refunded") == (70 + 20 - 50 - 60, 110)

    def test_money_in_under_a_tag_is_money_back_where_as_much_went_out_under_it(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        salary = make_tag(session, ledger, "Salary")
        budget = make_budget(session, ledger)
        spend(session, ledger, food, D(2026, 2, 1), "-40")
        spend(session, ledger, food, D(2026, 3, 1), "30")
        spend(session, ledger, food, D(2026, 3, 1), "41")
        spend(session, ledger, salary, D(2026, 3, 1), "2000")
        spend(session, ledger, make_tag(session, ledger, "Rent"), D(2026, 2, 1), "-3000")
        tagged(session, book(session, ledger, MID_MARCH, "500"), (food, "25"), (salary, "475"))
        # What was kept back from money in did not go out.
        tagged(session, book(session, ledger, MID_MARCH, "90"), (salary, "100"), (food, "-10"))

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)

        assert values(found, "spent", "refunded") == (-55, 55)

    @pytest.mark.parametrize("status", [TransactionStatus.PENDING, TransactionStatus.VOID])
    def test_a_payment_that_is_not_booked_proves_no_refund(
        self, session: Session, ledger: Ledger, food: Tag, status: TransactionStatus
    ) -> None:
        budget = make_budget(session, ledger)
        shop = make_merchant(session, ledger, "shop")
        book(session, ledger, D(2026, 2, 1), "-50", merchant=shop, status=status)
        spend(session, ledger, food, D(2026, 2, 1), "-50", status=status)
        book(session, ledger, MID_MARCH, "50", merchant=shop)
        spend(session, ledger, food, MID_MARCH, "50")

        assert spent(session, budget) == 0

    def test_a_refund_is_in_the_currency_of_the_payment(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        add_rates(session, "GBP", "0.8", MID_MARCH)
        budget = make_budget(session, ledger)
        shop = make_merchant(session, ledger, "shop")
        book(session, ledger, D(2026, 2, 1), "-50", merchant=shop)
        spend(session, ledger, food, D(2026, 2, 1), "-50")
        book(session, ledger, MID_MARCH, "50", merchant=shop).currency = "EUR"
        spend(session, ledger, food, MID_MARCH, "50", currency="EUR")

        assert spent(session, budget) == 0

    def test_deleting_the_last_tag_makes_no_budget_for_everything(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food)
        spend(session, ledger, food, MID_MARCH, "-50")
        book(session, ledger, MID_MARCH, "-500")
        assert spent(session, budget) == 50

        session.execute(sa.delete(Tag).where(Tag.id == food.id))

        assert spent(session, budget) == 0
        assert budgets.list_tags(session, ledger.user.id, budget.id) == []
        assert budgets.check_budgets(session, now=NOON).inserted == 0


class TestCurrencies:
    def test_what_is_foreign_is_converted_at_the_rate_of_its_day(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        add_rates(session, "GBP", "0.8", D(2026, 3, 2))
        add_rates(session, "GBP", "0.9", D(2026, 3, 3))
        budget = make_budget(session, ledger, food)
        spend(session, ledger, food, D(2026, 3, 2), "-10", currency="EUR")
        spend(session, ledger, food, D(2026, 3, 3), "-10", currency="EUR")
        spend(session, ledger, food, D(2026, 3, 4), "5", currency="EUR")  # the last rate before it

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)

        assert values(found, "spent", "refunded") == (Decimal("12.50"), Decimal("4.50"))

    def test_what_has_no_rate_is_left_out_and_said(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        add_rates(session, "GBP", "0.8", D(2026, 3, 20))
        budget = make_budget(session, ledger, food, starts_on=D(2026, 2, 1))
        pending = TransactionStatus.PENDING
        spend(session, ledger, food, D(2026, 2, 9), "-3", currency="CHF")
        spend(session, ledger, food, D(2026, 3, 9), "-10", currency="EUR")  # before the first rate
        spend(session, ledger, food, D(2026, 3, 21), "-10", currency="EUR")
        spend(session, ledger, food, D(2026, 3, 9), "-7", currency="CHF")
        spend(session, ledger, food, D(2026, 3, 10), "7", currency="CHF")
        spend(session, ledger, food, D(2026, 3, 10), "-1.25", currency="JPY", status=pending)

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)

        assert values(found, "spent", "refunded", "pending") == (8, 0, 0)
        assert found.unconverted == {"EUR": 10, "CHF": 0, "JPY": Decimal("1.25")}
        assert all(isinstance(amount, Decimal) for amount in found.unconverted.values())

        budgets.update_budget(session, ledger.user.id, budget.id, rollover=True)
        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)
        assert found.unconverted == {"EUR": 10, "CHF": 3, "JPY": Decimal("1.25")}
        first, _ = budgets.history(session, ledger.user.id, budget.id, until=MID_MARCH)
        assert first.unconverted == {"CHF": 3}

    def test_what_has_no_rate_is_said_of_its_period_alone_where_nothing_is_carried(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1))
        spend(session, ledger, food, D(2026, 2, 9), "-3", currency="CHF")

        rows = budgets.history(session, ledger.user.id, budget.id, until=MID_MARCH)

        assert [row.unconverted for row in rows] == [{}, {"CHF": 3}, {}]

    @pytest.mark.parametrize(
        "case",
        # 3 x 3.33 EUR at the rate, rounded once and not thrice.
        [("GBP", "0.855", "8.54"), ("JPY", "160.35", "1602"), ("KWD", "0.3333", "3.330")],
    )
    def test_a_period_is_rounded_once_to_the_currencys_smallest_unit(
        self, session: Session, ledger: Ledger, food: Tag, case: tuple[str, str, str]
    ) -> None:
        currency, rate, total = case
        add_rates(session, currency, rate, *(D(2026, 3, day) for day in (2, 3, 4)))
        budget = make_budget(session, ledger, food, currency=currency)
        for day in (2, 3, 4):
            spend(session, ledger, food, D(2026, 3, day), "-3.33", currency="EUR")

        assert str(spent(session, budget)) == total


class TestPeriods:
    def test_a_week_over_the_turn_of_the_year(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(
            session, ledger, food, period=BudgetPeriod.WEEKLY, starts_on=D(2025, 12, 3)
        )
        for day in (D(2025, 12, 30), D(2025, 12, 31), D(2026, 1, 6), D(2026, 1, 7)):
            spend(session, ledger, food, day, "-1")

        found = budgets.status(session, ledger.user.id, budget.id, on=D(2026, 1, 1))

        assert values(found, "first_day", "last_day") == (D(2025, 12, 31), D(2026, 1, 6))
        assert found.spent == 2

    def test_nothing_is_known_of_a_budget_before_it_starts(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food)
        spend(session, ledger, food, D(2026, 2, 28), "-1000")
        eve = D(2026, 2, 28)

        with pytest.raises(OperationError, match="2026-03-01"):
            budgets.status(session, ledger.user.id, budget.id, on=eve)
        assert budgets.history(session, ledger.user.id, budget.id, until=eve) == []
        assert budgets.list_statuses(session, ledger.user.id, today=eve) == []
        eve_at_noon = dt.datetime(2026, 2, 28, 12, tzinfo=dt.UTC)
        assert budgets.check_budgets(session, now=eve_at_noon).inserted == 0

    def test_history_gives_the_periods_that_are_asked_for(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2025, 11, 1))
        for month, amount in ((11, "-1"), (12, "-2")):
            spend(session, ledger, food, D(2025, month, 5), amount)
        spend(session, ledger, food, D(2026, 2, 5), "-4")

        def history(**bounds: D) -> list[tuple[int, Any]]:
            rows = budgets.history(session, ledger.user.id, budget.id, **bounds)
            return [(row.first_day.month, row.spent) for row in rows]

        assert history(until=MID_MARCH) == [(11, 1), (12, 2), (1, 0), (2, 4), (3, 0)]
        assert history(until=D(2026, 2, 28), since=D(2025, 12, 31)) == [(12, 2), (1, 0), (2, 4)]
        assert history(until=D(2026, 2, 1), since=D(2026, 2, 1)) == [(2, 4)]
        assert history(until=D(2026, 2, 1), since=D(2026, 3, 1)) == []

    def test_a_change_of_time_zone_moves_no_row_and_repeats_no_word(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(session, ledger, food, limit="10", starts_on=D(2026, 1, 1))
        spend(session, ledger, food, D(2026, 3, 31), "-50")
        spend(session, ledger, food, D(2026, 4, 1), "-50")
        now = dt.datetime(2026, 3, 31, 23, 30, tzinfo=dt.UTC)  # April in London's summer time
        for zone in ("Pacific/Niue", "Europe/London", "Pacific/Niue", "Pacific/Kiritimati"):
            ledger.user.time_zone = zone
            session.flush()
            for _ in range(2):
                budgets.check_budgets(session, now=now)

        assert told(session) == [(EXCEEDED, "2026-03-01"), (EXCEEDED, "2026-04-01")]


class TestLimits:
    def test_a_past_period_keeps_the_limit_it_had(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1))

        def set_limit(amount: str, day: D) -> None:
            budgets.set_limit(
                session, ledger.user.id, budget.id, Decimal(amount), effective_from=day
            )

        set_limit("150", D(2026, 3, 17))
        set_limit("300", D(2026, 5, 1))
        set_limit("250", D(2026, 5, 1))
        set_limit("120", D(2026, 2, 28))

        rows = budgets.history(session, ledger.user.id, budget.id, until=D(2026, 6, 1))
        assert [row.limit for row in rows] == [100, 120, 150, 150, 250, 250]
        kept = budgets.list_limits(session, ledger.user.id, budget.id)
        assert [values(row, "effective_from", "amount", "currency") for row in kept] == [
            (D(2026, 1, 1), 100, "GBP"),
            (D(2026, 2, 28), 120, "GBP"),
            (D(2026, 3, 17), 150, "GBP"),
            (D(2026, 5, 1), 250, "GBP"),
        ]

    @pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity"])
    def test_a_limit_is_an_amount(
        self, session: Session, ledger: Ledger, food: Tag, amount: str
    ) -> None:
        budget = make_budget(session, ledger, food)

        with pytest.raises(OperationError, match="not negative"):
            budgets.set_limit(
                session, ledger.user.id, budget.id, Decimal(amount), effective_from=MID_MARCH
            )
        with pytest.raises(OperationError, match="not negative"):
            make_budget(session, ledger, food, name="Other", limit=amount)

        assert budgets.list_budgets(session, ledger.user.id).items == [budget]

    def test_no_limit_holds_before_the_budget_starts(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food)

        with pytest.raises(OperationError, match="2026-03-01"):
            budgets.set_limit(
                session, ledger.user.id, budget.id, Decimal(1), effective_from=D(2026, 2, 28)
            )

    def test_the_database_takes_no_limit_in_another_currency(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food)

        with pytest.raises(sa.exc.IntegrityError, match="fk_budget_limits__budget_id"):
            session.execute(sa.update(BudgetLimit).values(currency="EUR"))
        session.rollback()
        assert budget.currency == "GBP"


class TestRollover:
    def test_what_is_left_and_what_is_too_much_is_carried_over_and_over(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1), rollover=True)
        for month, amount in ((1, "-70"), (2, "-150"), (3, "-0.01"), (5, "-230")):
            spend(session, ledger, food, D(2026, month, 10), amount)
        spend(session, ledger, food, D(2025, 12, 31), "-999")
        budgets.set_limit(
            session, ledger.user.id, budget.id, Decimal(50), effective_from=D(2026, 4, 1)
        )

        rows = budgets.history(session, ledger.user.id, budget.id, until=D(2026, 6, 1))

        assert [(row.carried, row.remaining) for row in rows] == [
            (0, 30),
            (30, -20),
            (-20, Decimal("79.99")),
            (Decimal("79.99"), Decimal("129.99")),
            (Decimal("129.99"), Decimal("-50.01")),
            (Decimal("-50.01"), Decimal("-0.01")),
        ]
        one = budgets.status(session, ledger.user.id, budget.id, on=D(2026, 5, 31))
        assert one == rows[4]
        assert one.pct == 100 * Decimal(230) / Decimal("179.99")
        # Nothing is available in June, and the budget is exceeded before a penny is spent.
        assert (rows[5].pct, rows[5].is_exceeded) == (None, True)

    def test_without_it_nothing_is_carried(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1))
        spend(session, ledger, food, D(2026, 1, 10), "-70")

        rows = budgets.history(session, ledger.user.id, budget.id, until=MID_MARCH)

        assert [row.carried for row in rows] == [0, 0, 0]

    def test_the_warning_is_of_all_that_is_available(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 2, 1), rollover=True)
        spend(session, ledger, food, MID_MARCH, "-159.99")
        assert not budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH).is_warning

        spend(session, ledger, food, MID_MARCH, "-0.01")
        assert budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH).is_warning

    def test_what_is_shown_adds_up_though_rates_do_not_divide(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food, starts_on=D(2026, 1, 1), rollover=True)
        for month in (1, 2, 3):
            add_rates(session, "GBP", "0.8667", D(2026, month, 5))
            spend(session, ledger, food, D(2026, month, 5), "-1.11", currency="EUR")

        rows = budgets.history(session, ledger.user.id, budget.id, until=MID_MARCH)

        assert [row.spent for row in rows] == [Decimal("0.96")] * 3
        assert [row.carried for row in rows] == [0, Decimal("99.04"), Decimal("198.08")]


class TestAlerts:
    def test_acceptance_weekly_foreign_refunded_synced_five_times(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        add_rates(session, "GBP", "0.8", D(2026, 3, 9))
        budget = make_budget(
            session, ledger, food, period=BudgetPeriod.WEEKLY, starts_on=D(2026, 1, 5), limit="50"
        )
        spend(session, ledger, food, D(2026, 3, 9), "-40")
        spend(session, ledger, food, D(2026, 3, 10), "-50", currency="EUR")
        spend(session, ledger, food, D(2026, 3, 11), "10")
        spend(session, ledger, food, D(2026, 3, 8), "-1")
        now = dt.datetime(2026, 3, 11, 12, tzinfo=dt.UTC)

        written = [budgets.check_budgets(session, now=now).written for _ in range(5)]

        assert written == [1, 0, 0, 0, 0]
        assert told(session) == [(EXCEEDED, "2026-03-09")]
        (message,) = session.scalars(sa.select(Notification.message))
        assert message == (
            "The budget Food is exceeded: 70.00 of 50.00 GBP from 2026-03-09 to 2026-03-15."
        )
        assert session.scalars(sa.select(Notification.dedup_key)).one() == (
            f"{budget.id}:2026-03-09"
        )

    def test_warns_then_tells_of_excess_then_nothing_more(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food)

        def after(amount: str) -> list[NotificationType]:
            spend(session, ledger, food, MID_MARCH, amount)
            budgets.check_budgets(session, now=NOON)
            return sorted(kind for kind, _ in told(session))

        assert after("-79.99") == []
        assert after("-0.01") == [WARNING]
        assert after("-20") == [WARNING]  # used up to the last penny is not exceeded
        assert after("-0.01") == [EXCEEDED, WARNING]
        assert after("50") == [EXCEEDED, WARNING]
        assert after("-90") == [EXCEEDED, WARNING]
        budgets.set_limit(
            session, ledger.user.id, budget.id, Decimal(160), effective_from=MID_MARCH
        )
        assert after("-10") == [EXCEEDED, WARNING]
        assert after("-40") == [EXCEEDED, WARNING]
        next_month = dt.datetime(2026, 4, 9, tzinfo=dt.UTC)
        spend(session, ledger, food, D(2026, 4, 2), "-130")
        budgets.check_budgets(session, now=next_month)
        assert told(session)[1:] == [(WARNING, "2026-03-01"), (WARNING, "2026-04-01")]

    def test_who_was_told_of_excess_is_not_warned_when_a_refund_comes(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(session, ledger, food)
        spend(session, ledger, food, MID_MARCH, "-110")
        budgets.check_budgets(session, now=NOON)
        spend(session, ledger, food, MID_MARCH, "20")

        budgets.check_budgets(session, now=NOON)

        assert told(session) == [(EXCEEDED, "2026-03-01")]

    @pytest.mark.parametrize(
        ("case", "told_of"),
        [
            (("50", "100", "-50"), WARNING),
            (("50", "100", "-49.99"), None),
            (("100", "100", "-100"), WARNING),
            (("0.5", "100", "-0.50"), WARNING),
            (("80", "0", "0.01"), None),
            (("80", "0", "-0.01"), EXCEEDED),
        ],
    )
    def test_where_the_warning_is(
        self,
        session: Session,
        ledger: Ledger,
        food: Tag,
        case: tuple[str, str, str],
        told_of: NotificationType | None,
    ) -> None:
        warning_pct, limit, amount = case
        budget = make_budget(session, ledger, food, limit=limit)
        budgets.update_budget(session, ledger.user.id, budget.id, warning_pct=Decimal(warning_pct))
        budgets.check_budgets(session, now=NOON)
        assert told(session) == []
        spend(session, ledger, food, MID_MARCH, amount)

        found = budgets.status(session, ledger.user.id, budget.id, on=MID_MARCH)
        budgets.check_budgets(session, now=NOON)

        assert [kind for kind, _ in told(session)] == ([told_of] if told_of else [])
        assert (found.pct is None) == (limit == "0")
        assert values(found, "is_warning", "is_exceeded") == (
            told_of == WARNING,
            told_of == EXCEEDED,
        )

    @pytest.mark.parametrize(("day", "is_told"), [(1, True), (7, True), (8, False), (30, False)])
    def test_what_the_bank_books_late_is_told_for_a_week(
        self, session: Session, ledger: Ledger, food: Tag, day: int, is_told: bool
    ) -> None:
        make_budget(session, ledger, food, starts_on=D(2026, 1, 1))
        spend(session, ledger, food, D(2026, 3, 31), "-101")
        spend(session, ledger, food, D(2026, 2, 28), "-101")

        budgets.check_budgets(session, now=dt.datetime(2026, 4, day, 12, tzinfo=dt.UTC))

        assert told(session) == ([(EXCEEDED, "2026-03-01")] if is_told else [])

    def test_nobody_is_warned_of_a_period_that_is_over(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(session, ledger, food)
        spend(session, ledger, food, D(2026, 3, 31), "-90")

        budgets.check_budgets(session, now=dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC))

        assert told(session) == []

    def test_the_users_time_zone_says_when_a_period_begins(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(session, ledger, food, starts_on=D(2026, 7, 1))
        spend(session, ledger, food, D(2026, 7, 1), "-101")

        budgets.check_budgets(session, now=dt.datetime(2026, 6, 30, 22, 59, tzinfo=dt.UTC))
        assert told(session) == []
        budgets.check_budgets(session, now=dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC))
        assert told(session) == [(EXCEEDED, "2026-07-01")]

    def test_all_users_are_checked_and_a_zone_that_nobody_knows_stops_none(
        self, session: Session
    ) -> None:
        for zone in ("Europe/London", "Mars/Olympus", "America/New_York"):
            ledger = make_ledger(session)
            ledger.user.time_zone = zone
            tag = make_tag(session, ledger, "Food")
            make_budget(session, ledger, tag)
            spend(session, ledger, tag, MID_MARCH, "-101")

        assert budgets.check_budgets(session, now=NOON).inserted == 3

    def test_a_disabled_budget_tells_nobody_and_keeps_its_history(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        budget = make_budget(session, ledger, food)
        spend(session, ledger, food, MID_MARCH, "-101")
        budgets.update_budget(session, ledger.user.id, budget.id, is_enabled=False)

        assert budgets.check_budgets(session, now=NOON).inserted == 0
        assert budgets.list_statuses(session, ledger.user.id, today=MID_MARCH) == []
        assert spent(session, budget) == 101
        assert len(budgets.history(session, ledger.user.id, budget.id, until=MID_MARCH)) == 1

        budgets.update_budget(session, ledger.user.id, budget.id, is_enabled=True)
        assert budgets.check_budgets(session, now=NOON).inserted == 1

    def test_says_that_an_amount_is_missing(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(session, ledger, food)
        spend(session, ledger, food, MID_MARCH, "-90")
        spend(session, ledger, food, MID_MARCH, "-90", currency="CHF")

        budgets.check_budgets(session, now=NOON)

        assert session.scalars(sa.select(Notification.message)).one() == (
            "The budget Food is nearly used up: 90.00 of 100.00 GBP from 2026-03-01 to 2026-03-31."
            " Some spending has no exchange rate and is not counted."
        )

    def test_says_what_is_available_with_what_was_carried_and_no_pence_of_yen(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(
            session, ledger, food, limit="1000", starts_on=D(2026, 2, 1), currency="JPY",
            rollover=True,
        )  # fmt: skip
        spend(session, ledger, food, D(2026, 2, 10), "-600", currency="JPY")
        spend(session, ledger, food, MID_MARCH, "-1500", currency="JPY")

        budgets.check_budgets(session, now=NOON)

        assert session.scalars(sa.select(Notification.message)).one() == (
            "The budget Food is exceeded: 1500 of 1400 JPY from 2026-03-01 to 2026-03-31."
        )

    def test_is_told_once_by_many_at_the_same_time(self, sessions: sessionmaker[Session]) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            tag = make_tag(session, ledger, "Food")
            make_budget(session, ledger, tag)
            spend(session, ledger, tag, MID_MARCH, "-101")
        barrier = threading.Barrier(8)

        def check(_: int) -> int:
            with sessions.begin() as session:
                barrier.wait()
                return budgets.check_budgets(session, now=NOON).inserted

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(check, range(8))) == [0] * 7 + [1]
        with sessions() as session:
            assert told(session) == [(EXCEEDED, "2026-03-01")]


class TestOperations:
    def test_a_budget_covers_tags_or_everything(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        def create(*tags: uuid.UUID, is_overall: bool) -> Budget:
            return budgets.create_budget(
                session,
                ledger.user.id,
                name="x",
                period=BudgetPeriod.ANNUAL,
                currency="GBP",
                limit=Decimal(1),
                starts_on=MARCH,
                tag_ids=tags,
                is_overall=is_overall,
            )

        with pytest.raises(OperationError, match="one of the two"):
            create(is_overall=False)
        with pytest.raises(OperationError, match="one of the two"):
            create(food.id, is_overall=True)
        overall = create(is_overall=True)
        with pytest.raises(OperationError, match="one of the two"):
            budgets.update_budget(session, ledger.user.id, overall.id, tag_ids=[food.id])
        tagged_budget = make_budget(session, ledger, food)
        with pytest.raises(OperationError, match="one of the two"):
            budgets.update_budget(session, ledger.user.id, tagged_budget.id, tag_ids=[])

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"name": " "}, "name"),
            ({"currency": "gbp"}, "capital"),
            ({"currency": "POUND"}, "capital"),
            ({"warning_pct": Decimal(0)}, "per cent"),
            ({"warning_pct": Decimal("100.1")}, "per cent"),
            ({"warning_pct": Decimal("NaN")}, "per cent"),
        ],
    )
    def test_what_is_out_of_range_is_refused_and_nothing_is_left_of_it(
        self,
        session: Session,
        ledger: Ledger,
        food: Tag,
        change: dict[str, Any],
        error: str,
    ) -> None:
        good: dict[str, Any] = {
            "name": "Food",
            "period": BudgetPeriod.MONTHLY,
            "currency": "GBP",
            "limit": Decimal(1),
            "starts_on": MARCH,
            "tag_ids": [food.id],
        }

        with pytest.raises(OperationError, match=error):
            budgets.create_budget(session, ledger.user.id, **{**good, **change})

        assert budgets.list_budgets(session, ledger.user.id).items == []
        budget = make_budget(session, ledger, food)
        if "currency" not in change:
            with pytest.raises(OperationError, match=error):
                budgets.update_budget(session, ledger.user.id, budget.id, **change)
        assert values(budget, "name", "warning_pct") == ("Food", 80)

    def test_a_name_is_one_budgets_whatever_the_case(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        make_budget(session, ledger, food, name="Food")
        other = make_budget(session, ledger, food, name="Other")

        with pytest.raises(AlreadyExistsError):
            make_budget(session, ledger, food, name="FOOD")
        with pytest.raises(AlreadyExistsError):
            budgets.update_budget(session, ledger.user.id, other.id, name="food")

        session.refresh(other)
        assert other.name == "Other"
        stranger = make_ledger(session)
        assert make_budget(session, stranger, name="Food").name == "Food"

    def test_update_changes_what_is_given(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        fun = make_tag(session, ledger, "Fun")
        budget = make_budget(session, ledger, food)
        spend(session, ledger, food, MID_MARCH, "-1")
        spend(session, ledger, fun, MID_MARCH, "-2")

        def update(**changes: Any) -> tuple[Any, ...]:
            b = budgets.update_budget(session, ledger.user.id, budget.id, **changes)
            session.refresh(b)
            return values(b, "name", "rollover", "warning_pct", "is_enabled")

        assert update() == ("Food", False, 80, True)
        assert update(name="Fun") == ("Fun", False, 80, True)
        assert update(rollover=True) == ("Fun", True, 80, True)
        assert update(warning_pct=Decimal(75)) == ("Fun", True, 75, True)
        assert update(rollover=False, is_enabled=False) == ("Fun", False, 75, False)
        assert spent(session, budget) == 1
        update(tag_ids=[fun.id, food.id, fun.id])
        assert spent(session, budget) == 3
        update(tag_ids=[fun.id])
        assert spent(session, budget) == 2
        assert budgets.list_tags(session, ledger.user.id, budget.id) == [fun]

    def test_tags_change_in_one_budget_and_only_those_that_change(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        fun = make_tag(session, ledger, "Fun")
        budget = make_budget(session, ledger, food)
        other = make_budget(session, ledger, food, name="Other")

        budgets.update_budget(session, ledger.user.id, budget.id, tag_ids=[food.id, fun.id])
        budgets.update_budget(session, ledger.user.id, budget.id, tag_ids=[fun.id])

        assert budgets.list_tags(session, ledger.user.id, budget.id) == [fun]
        assert budgets.list_tags(session, ledger.user.id, other.id) == [food]
        kept = session.scalars(
            sa.text(
                "select action from common.audit_log"
                " where table_name = 'common.budget_tags' order by id"
            )
        ).all()
        assert kept == ["insert", "insert", "insert", "delete"]

    def test_what_another_changed_meanwhile_is_changed_back(
        self, sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            budget_id = make_budget(session, ledger).id
        with sessions.begin() as first:
            # Held, as a caller does: a session forgets what nobody holds.
            known = budgets.get_budget(first, ledger.user.id, budget_id)
            with sessions.begin() as second:
                budgets.update_budget(second, ledger.user.id, budget_id, warning_pct=Decimal(75))
            budgets.update_budget(first, ledger.user.id, budget_id, warning_pct=Decimal(80))
        with sessions() as session:
            found = budgets.get_budget(session, ledger.user.id, budget_id)
            assert known is not None
            assert found is not None
            assert found.warning_pct == 80

    def test_many_who_set_the_same_limit_replace_one_anothers(
        self, sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            budget_id = make_budget(session, ledger).id
        barrier = threading.Barrier(8)

        def set_limit(number: int) -> None:
            with sessions.begin() as session:
                barrier.wait()
                budgets.set_limit(
                    session, ledger.user.id, budget_id, Decimal(number), effective_from=MID_MARCH
                )

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(set_limit, range(8)))
        with sessions() as session:
            assert len(budgets.list_limits(session, ledger.user.id, budget_id)) == 2

    def test_lists_are_by_name_filtered_and_in_pages(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        fun = make_tag(session, ledger, "Fun")
        weekly = make_budget(session, ledger, food, name="b", period=BudgetPeriod.WEEKLY)
        both = make_budget(session, ledger, food, fun, name="a")
        overall = make_budget(session, ledger, name="c")
        make_budget(session, make_ledger(session), name="stranger's")
        budgets.update_budget(session, ledger.user.id, overall.id, is_enabled=False)

        def found(**filters: Any) -> Sequence[Budget]:
            return budgets.list_budgets(session, ledger.user.id, **filters).items

        assert found() == [both, weekly, overall]
        assert found(period=BudgetPeriod.WEEKLY) == [weekly]
        assert found(tag_id=food.id) == [both, weekly]
        assert found(tag_id=fun.id) == [both]
        assert found(is_enabled=True) == [both, weekly]
        assert found(is_enabled=False) == [overall]
        page = budgets.list_budgets(session, ledger.user.id, limit=2)
        assert page.items == [both, weekly]
        rest = budgets.list_budgets(session, ledger.user.id, after=page.after, limit=2)
        assert (rest.items, rest.after) == ([overall], None)

    def test_delete_takes_all_of_it(self, session: Session, ledger: Ledger, food: Tag) -> None:
        budget = make_budget(session, ledger, food)
        kept = make_budget(session, ledger, food, name="Kept")

        budgets.delete_budget(session, ledger.user.id, budget.id)

        assert budgets.get_budget(session, ledger.user.id, budget.id) is None
        assert session.scalars(sa.select(BudgetTag.budget_id)).all() == [kept.id]
        assert session.scalars(sa.select(BudgetLimit.budget_id)).all() == [kept.id]
        assert session.get(Tag, food.id) is food

    def test_a_budget_is_only_its_owners(self, session: Session, ledger: Ledger, food: Tag) -> None:
        budget = make_budget(session, ledger, food)
        stranger = make_ledger(session).user.id

        assert budgets.get_budget(session, stranger, budget.id) is None
        assert budgets.list_budgets(session, stranger).items == []
        assert budgets.list_tags(session, stranger, budget.id) == []
        assert budgets.list_limits(session, stranger, budget.id) == []
        assert budgets.list_statuses(session, stranger, today=MID_MARCH) == []
        assert budgets.history(session, stranger, budget.id, until=MID_MARCH) == []
        with pytest.raises(NotFoundError):
            budgets.status(session, stranger, budget.id, on=MID_MARCH)
        with pytest.raises(NotFoundError):
            budgets.update_budget(session, stranger, budget.id, name="mine")
        with pytest.raises(NotFoundError):
            budgets.set_limit(session, stranger, budget.id, Decimal(1), effective_from=MID_MARCH)
        with pytest.raises(NotFoundError):
            budgets.delete_budget(session, stranger, budget.id)
        assert budgets.get_budget(session, ledger.user.id, budget.id) is budget

    def test_a_tag_of_somebody_else_is_no_tag(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        theirs = make_tag(session, make_ledger(session), "Food")
        budget = make_budget(session, ledger, food)

        with pytest.raises(NotFoundError, match="tag"):
            make_budget(session, ledger, theirs, name="Other")
        with pytest.raises(NotFoundError, match="tag"):
            budgets.update_budget(session, ledger.user.id, budget.id, tag_ids=[theirs.id])

        assert budgets.list_tags(session, ledger.user.id, budget.id) == [food]
        assert budgets.list_budgets(session, ledger.user.id).items == [budget]

    def test_works_in_a_session_of_one_user(self, sessions: sessionmaker[Session]) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            tag = make_tag(session, ledger, "Food")
            add_rates(session, "GBP", "0.8", MID_MARCH)
            spend(session, ledger, tag, MID_MARCH, "-10", currency="EUR")
        with user_session(sessions, ledger.user.id) as session:
            budget = make_budget(session, ledger, tag)
            budgets.set_limit(
                session, ledger.user.id, budget.id, Decimal(5), effective_from=MID_MARCH
            )
            (found,) = budgets.list_statuses(session, ledger.user.id, today=MID_MARCH)
            assert values(found, "spent", "limit") == (8, 5)
            budgets.delete_budget(session, ledger.user.id, budget.id)

    def test_overview_is_one_statement_by_name(
        self, session: Session, ledger: Ledger, food: Tag
    ) -> None:
        for name in ("c", "a", "b"):
            make_budget(session, ledger, food, name=name, rollover=name == "b")
        statements = []
        sa.event.listen(
            session.get_bind(), "before_cursor_execute", lambda *a: statements.append(a[2])
        )

        found = budgets.list_statuses(session, ledger.user.id, today=MID_MARCH)

        assert [row.name for row in found] == ["a", "b", "c"]
        assert len(statements) == 1

    def test_many_writers_end_in_one_of_their_states(self, sessions: sessionmaker[Session]) -> None:
        with sessions.begin() as session:
            ledger = make_ledger(session)
            tags = [make_tag(session, ledger, name) for name in "abcd"]
            budget = make_budget(session, ledger, *tags)
        barrier = threading.Barrier(8)

        def write(number: int) -> str:
            try:
                with sessions.begin() as session:
                    barrier.wait()
                    budgets.update_budget(
                        session,
                        ledger.user.id,
                        budget.id,
                        tag_ids=[tags[number % 4].id, tags[(number + 1) % 4].id],
                    )
                    budgets.set_limit(
                        session,
                        ledger.user.id,
                        budget.id,
                        Decimal(number),
                        effective_from=MID_MARCH,
                    )
                    make_budget(session, ledger, tags[0], name=f"new {number % 2}")
            except (AlreadyExistsError, RetryableError) as error:
                return type(error).__name__
            return "done"

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(write, range(8)))

        with sessions() as session:
            assert outcomes.count("done") == 2, outcomes
            assert len(budgets.list_tags(session, ledger.user.id, budget.id)) == 2
            assert len(budgets.list_limits(session, ledger.user.id, budget.id)) == 2
            assert len(budgets.list_budgets(session, ledger.user.id).items) == 3


def test_changes_are_kept(session: Session, ledger: Ledger, food: Tag) -> None:
    budget = make_budget(session, ledger, food)
    budgets.set_limit(session, ledger.user.id, budget.id, Decimal(7), effective_from=MARCH)

    kept = session.execute(
        sa.text(
            "select table_name, action from common.audit_log"
            " where table_name like 'common.budget%' order by id"
        )
    ).all()

    assert [tuple(row) for row in kept] == [
        ("common.budgets", "insert"),
        ("common.budget_limits", "insert"),
        ("common.budget_tags", "insert"),
        ("common.budget_limits", "update"),
    ]


def test_a_status_reads_the_rows_of_its_period_alone(session: Session, ledger: Ledger) -> None:
    tag = make_tag(session, ledger, "Food")
    session.execute(
        sa.text(
            "insert into common.transactions (user_id, account_id, source_key, status, amount,"
            " currency, booking_date, kind, raw_table, raw_id, first_seen_at)"
            " select :user, :account, 'k' || n, 'booked', -1, 'GBP', date '2016-04-01' + n / 5,"
            " 'payment', 't', gen_random_uuid(), now() from generate_series(0, 19999) as n"
        ),
        {"user": ledger.user.id, "account": ledger.account.id},
    )
    session.execute(
        sa.text(
            "insert into common.transaction_splits (user_id, transaction_id, tag_id, amount,"
            " currency, source) select user_id, id, :tag, amount, 'GBP', 'rule'"
            " from common.transactions"
        ),
        {"tag": tag.id},
    )
    session.commit()
    session.execute(sa.text("analyze"))
    session.commit()
    for budget in (
        make_budget(session, ledger, tag),
        make_budget(session, ledger, name="All"),
    ):
        before = rows_read(session)
        assert spent(session, budget) == 31 * 5
        assert rows_read(session) - before < 2 * 31 * 5 + 50


def rows_read(session: Session) -> int:
    """Rows of the ledger that this transaction has read, by scans and by index."""
    return int(
        session.scalar(
            sa.text(
                "select sum(pg_stat_get_xact_tuples_returned(c)"
                " + pg_stat_get_xact_tuples_fetched(c))"
                " from unnest(array['common.transactions'::regclass,"
                " 'common.transaction_splits'::regclass]) as c"
            )
        )
        or 0
    )
