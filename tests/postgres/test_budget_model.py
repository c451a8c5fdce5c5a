"""Budgets against a model of them in plain Python, over random ledgers."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.enums import (
    BudgetPeriod,
    NotificationType,
    SplitSource,
    TransactionKind,
    TransactionStatus,
    TransferStatus,
)
from postgres.common.models import (
    FxRate,
    Notification,
    Tag,
    Transaction,
    TransactionSplit,
    Transfer,
)
from postgres.common.operations import budgets
from postgres.common.operations.budgets import BudgetStatus
from postgres.common.periods import Period, period_of
from tests.postgres.ledger import Ledger, make_ledger, make_merchant

FIRST, LAST = dt.date(2025, 11, 20), dt.date(2026, 4, 10)
TAGS = ("food", "fun", "salary")
MERCHANTS = ("shop", "employer")
SPENDING = {
    TransactionKind.PAYMENT,
    TransactionKind.FEE,
    TransactionKind.TAX,
    TransactionKind.INTEREST,
    TransactionKind.OTHER,
}
SEEN_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DECIDED = {TransferStatus.CONFIRMED, TransferStatus.REJECTED}
COUNTED = {TransferStatus.LINKED, TransferStatus.CONFIRMED}
DIGITS = {"GBP": 2, "EUR": 2, "JPY": 0}
# Units for one euro; divisors that leave no endless fraction. CHF has no rate, and GBP has none for
# three weeks in January.
RATES = {"GBP": "0.8", "JPY": "160"}
GAP = Period(dt.date(2026, 1, 5), dt.date(2026, 1, 25))

days = st.dates(FIRST, LAST)
# Few amounts, so that refunds meet their payments.
cents = st.sampled_from([1, 333, 1000, 1001, 2500, 99_99, 180_000])


@dataclass(frozen=True)
class Row:
    day: dt.date
    cents: int
    currency: str
    status: TransactionStatus
    kind: TransactionKind
    merchant: str | None
    parts: tuple[tuple[str | None, int], ...]
    transfer: TransferStatus | None
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True)
class Case:
    rows: list[Row]
    length: BudgetPeriod
    starts_on: dt.date
    currency: str
    tags: frozenset[str]
    rollover: bool
    warning_pct: int
    limits: dict[dt.date, int]
    on: dt.date


@st.composite
def ledger_rows(draw: st.DrawFn) -> Row:
    amount = draw(cents) * draw(st.sampled_from([-1, -1, 1]))
    tags = draw(st.lists(st.sampled_from([*TAGS, None]), max_size=3))
    # Any parts that make up the amount; one may go against it.
    cuts = [draw(cents) for _ in tags[1:]]
    sizes = [*cuts, amount - sum(cuts)] if tags else []
    return Row(
        day=draw(days),
        cents=amount,
        currency=draw(st.sampled_from(["GBP", "GBP", "EUR", "JPY", "CHF"])),
        status=draw(st.sampled_from([*[TransactionStatus.BOOKED] * 5, *TransactionStatus])),
        kind=draw(st.sampled_from([*[TransactionKind.PAYMENT] * 8, *TransactionKind])),
        merchant=draw(st.sampled_from([*MERCHANTS, None])),
        parts=tuple(zip(tags, sizes, strict=True)),
        transfer=draw(st.sampled_from([None] * 9 + list(TransferStatus))),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    starts_on = draw(st.dates(FIRST, dt.date(2026, 2, 10)))
    later = draw(st.dictionaries(st.dates(starts_on, LAST), st.integers(0, 20_000), max_size=3))
    return Case(
        rows=draw(st.lists(ledger_rows(), max_size=25)),
        length=draw(st.sampled_from(list(BudgetPeriod))),
        starts_on=starts_on,
        currency=draw(st.sampled_from(list(DIGITS))),
        tags=draw(st.frozensets(st.sampled_from(TAGS), max_size=2)),
        rollover=draw(st.booleans()),
        warning_pct=draw(st.integers(1, 100)),
        limits={starts_on: draw(st.integers(0, 20_000)), **later},
        on=draw(st.dates(starts_on, LAST)),
    )


class Model:
    """What the budget of a case should say, without a database."""

    def __init__(self, case: Case) -> None:
        self.case = case
        parts = [
            (row, tag, Fraction(amount, 100))
            for row in case.rows
            for tag, amount in row.parts or ((None, row.cents),)
        ]
        self.counted = [part for part in parts if self._counts(*part)]

    def _counts(self, row: Row, tag: str | None, amount: Fraction) -> bool:
        if row.status == TransactionStatus.VOID or row.kind not in SPENDING:
            return False
        if row.transfer in COUNTED:
            return False
        if self.case.tags:
            return tag in self.case.tags
        return row.cents < 0 or self._is_refund(row, tag, amount)

    def _is_refund(self, row: Row, tag: str | None, amount: Fraction) -> bool:
        earlier = [
            p
            for p in self.case.rows
            if p.status == TransactionStatus.BOOKED
            and p.day <= row.day
            and p.currency == row.currency
        ]
        of_merchant = [p.cents for p in earlier if row.merchant and p.merchant == row.merchant]
        of_tag = [part for p in earlier for t, part in p.parts if amount > 0 and tag and t == tag]
        return any(size <= -row.cents for size in of_merchant) or any(
            size <= -100 * amount for size in of_tag
        )

    def statuses(self) -> list[dict[str, Any]]:
        carried, found, lacking = Fraction(0), [], defaultdict[str, Fraction](Fraction)
        for period in self._periods():
            said = self._sums(period)
            if not self.case.rollover:
                carried, lacking = Fraction(0), defaultdict(Fraction)
            for currency, amount in said.pop("lacking").items():
                lacking[currency] += amount
            said |= {"carried": carried, "unconverted": dict(lacking)}
            available = said["limit"] + carried
            said["is_exceeded"] = said["spent"] > available
            said["is_warning"] = (
                not said["is_exceeded"]
                and said["spent"] > 0
                and 100 * said["spent"] >= self.case.warning_pct * available
            )
            carried = available - said["spent"]
            found.append(said)
        return found

    def _periods(self) -> list[Period]:
        period, found = period_of(self.case.length, self.case.starts_on, self.case.starts_on), []
        while period.first_day <= self.case.on:
            found.append(period)
            following = period.last_day + dt.timedelta(days=1)
            period = period_of(self.case.length, self.case.starts_on, following)
        return found

    def _sums(self, period: Period) -> dict[str, Any]:
        sums, lacking = defaultdict[str, Fraction](Fraction), defaultdict[str, Fraction](Fraction)
        for row, _, amount in self.counted:
            if row.day not in period:
                continue
            converted = convert(amount, row.currency, self.case.currency, row.day)
            if converted is None:
                lacking[row.currency] -= amount
            elif row.status == TransactionStatus.PENDING:
                sums["pending"] -= converted
            else:
                sums["spent"] -= converted
                sums["refunded"] += max(converted, Fraction(0))
        limits = self.case.limits
        return {
            "first_day": period.first_day,
            "last_day": period.last_day,
            "limit": Fraction(limits[max(day for day in limits if day <= period.last_day)], 100),
            "lacking": lacking,
        } | {
            name: rounded(sums[name], DIGITS[self.case.currency])
            for name in ("spent", "refunded", "pending")
        }


def convert(amount: Fraction, currency: str, wanted: str, day: dt.date) -> Fraction | None:
    if currency == wanted:
        return amount
    rates = {"EUR": Fraction(1)} | {code: Fraction(rate) for code, rate in RATES.items()}
    # A rate is good for a week.
    if GAP.first_day + dt.timedelta(days=7) <= day <= GAP.last_day:
        del rates["GBP"]
    if currency not in rates or wanted not in rates:
        return None
    return amount / rates[currency] * rates[wanted]


def rounded(amount: Fraction, digits: int) -> Fraction:
    """Half away from zero, as NUMERIC rounds."""
    scaled = abs(amount) * 10**digits
    whole = int(scaled + Fraction(1, 2))
    return Fraction(whole if amount > 0 else -whole, 10**digits)


class Store:
    """Puts cases into the database."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ledger: Ledger = make_ledger(session)
        tags = [Tag(user_id=self.ledger.user.id, name=name) for name in TAGS]
        session.add_all(tags)
        session.add_all(
            FxRate(currency=currency, day=day, rate=Decimal(RATES[currency]), source="ecb")
            for currency in RATES
            for day in (FIRST + dt.timedelta(days=n) for n in range((LAST - FIRST).days + 1))
            if currency != "GBP" or day not in GAP
        )
        session.flush()
        self.tags = {tag.name: tag.id for tag in tags}
        self.merchants = {name: make_merchant(session, self.ledger, name).id for name in MERCHANTS}

    def add(self, case: Case) -> uuid.UUID:
        user_id = self.ledger.user.id
        numbers = itertools.count()
        written = [self._transaction(row, next(numbers)) for row in case.rows]
        others = [self._other_leg(row, next(numbers)) for row in case.rows if row.transfer]
        splits = [
            {
                "user_id": user_id,
                "transaction_id": row.id,
                "tag_id": self.tags.get(tag or ""),
                "amount": Decimal(amount) / 100,
                "currency": row.currency,
                "source": SplitSource.USER,
            }
            for row in case.rows
            for tag, amount in row.parts
        ]
        transfers = [
            {
                "user_id": user_id,
                "outgoing_id": row.id if row.cents < 0 else other["id"],
                "incoming_id": other["id"] if row.cents < 0 else row.id,
                "status": row.transfer,
                "confidence": Decimal(1),
                "reason": "drawn",
                "decided_at": SEEN_AT if row.transfer in DECIDED else None,
            }
            for row, other in zip((r for r in case.rows if r.transfer), others, strict=True)
        ]
        for model, rows in (
            (Transaction, [*written, *others]),
            (TransactionSplit, splits),
            (Transfer, transfers),
        ):
            if rows:
                self.session.execute(sa.insert(model), rows)
        return self._budget(case)

    def _budget(self, case: Case) -> uuid.UUID:
        user_id = self.ledger.user.id
        first, *later = sorted(case.limits.items())
        budget = budgets.create_budget(
            self.session,
            user_id,
            name="drawn",
            period=case.length,
            currency=case.currency,
            limit=Decimal(first[1]) / 100,
            starts_on=case.starts_on,
            tag_ids=[self.tags[tag] for tag in case.tags],
            is_overall=not case.tags,
            rollover=case.rollover,
            warning_pct=Decimal(case.warning_pct),
        )
        for day, amount in later:
            budgets.set_limit(
                self.session, user_id, budget.id, Decimal(amount) / 100, effective_from=day
            )
        return budget.id

    def _transaction(self, row: Row, number: int) -> dict[str, Any]:
        return {
            "id": row.id,
            "user_id": self.ledger.user.id,
            "account_id": self.ledger.account.id,
            "source_key": f"drawn:{number}",
            "status": row.status,
            "amount": Decimal(row.cents) / 100,
            "currency": row.currency,
            "booking_date": row.day,
            "kind": row.kind,
            "merchant_id": self.merchants.get(row.merchant or ""),
            "raw_table": "drawn",
            "raw_id": uuid.uuid4(),
            "first_seen_at": SEEN_AT,
        }

    def _other_leg(self, row: Row, number: int) -> dict[str, Any]:
        """The other leg of a transfer, on a day that no budget knows."""
        return self._transaction(row, number) | {
            "id": uuid.uuid4(),
            "amount": Decimal(-row.cents) / 100,
            "booking_date": dt.date(2020, 1, 1),
            "status": TransactionStatus.VOID,
            "merchant_id": None,
        }


def said_by(status: BudgetStatus) -> dict[str, Any]:
    names = ("limit", "carried", "spent", "refunded", "pending")
    return {
        "first_day": status.first_day,
        "last_day": status.last_day,
        "is_exceeded": status.is_exceeded,
        "is_warning": status.is_warning,
        "unconverted": {code: Fraction(amount) for code, amount in status.unconverted.items()},
        **{name: Fraction(getattr(status, name)) for name in names},
    }


@pytest.fixture
def store(session: Session) -> Store:
    return Store(session)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(case=cases())
def test_budgets_say_what_the_model_says(store: Store, case: Case) -> None:
    session, user_id = store.session, store.ledger.user.id
    point = session.begin_nested()
    try:
        budget_id = store.add(case)
        expected = Model(case).statuses()

        history = budgets.history(session, user_id, budget_id, until=case.on)
        assert [said_by(status) for status in history] == expected
        assert budgets.status(session, user_id, budget_id, on=case.on) == history[-1]
        assert budgets.list_statuses(session, user_id, today=case.on) == history[-1:]

        noon = dt.datetime.combine(case.on, dt.time(12), dt.UTC)
        written = [budgets.check_budgets(session, now=noon).written for _ in range(2)]
        told = session.scalars(sa.select(Notification.type)).all()
        recent = [s for s in history if (case.on - s.last_day).days <= budgets.LATE_DAYS]
        wanted = [NotificationType.BUDGET_EXCEEDED for s in recent if s.is_exceeded]
        wanted += [NotificationType.BUDGET_WARNING] if history[-1].is_warning else []
        assert (sorted(told), written) == (sorted(wanted), [len(wanted), 0])
    finally:
        point.rollback()
