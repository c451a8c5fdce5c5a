"""One household day by day: bills, transfers between its own accounts, and what keeps them afloat.

A day follows from the seed, the start and the days before it, never from the present clock.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from random import Random

from sandbox import recurring
from sandbox.accounts import (
    ACCOUNTS,
    BILLS,
    CREDIT_CARD,
    CURRENT,
    EURO,
    SAVINGS,
    TEST_MAIN,
    TEST_OTHER,
)
from sandbox.clock import uk_instant
from sandbox.everyday import AUGUST, card_booking_date, spend
from sandbox.ledger import AUTHORISED_FIRST, Exchange, Kind, Ledger, Movement
from sandbox.market import EUR_PER_GBP, PENNY, Market
from sandbox.recurring import (
    BROKER_NAME,
    BROKER_SCAN,
    OWNER_SHORT,
    MonthDay,
    Roll,
    Series,
    rolled_to,
)
from sandbox.working_days import after, is_working, month_end, preceding

STATEMENT_DAY = 24
INTEREST_RATE = Decimal("0.031")
BILLS_CUSHION = recurring.rising("200.00", recurring.APRIL, "3.5")
MARCH = 3
DECEMBER = 12


@dataclass
class Household:
    """Makes the movements of each day and hands them to the ledger.

    :param to_broker: what the broker receives, by the day on which it arrives.
    """

    ledger: Ledger
    market: Market
    to_broker: dict[dt.date, Decimal] = field(default_factory=dict)
    _statement: Decimal = -ACCOUNTS[CREDIT_CARD].opening

    @property
    def _start(self) -> dt.date:
        return self.ledger.start

    def rng(self, topic: str, day: dt.date) -> Random:
        """Return a generator of its own for a topic and a day."""
        return Random(f"{self.ledger.seed}/{self._start}/{topic}/{day}")

    def live(self, day: dt.date) -> None:
        """Make everything that happens on a day; what is due is booked afterwards."""
        for series in recurring.PLAIN:
            for nominal in series.nominal_days(day, self._start):
                self._pay(series, day, nominal)
        self._move_between_accounts(day)
        self._settle_card(day)
        self._earn_interest(day)
        self._keep_afloat(day)
        self._visit_test_bank(day)
        for movement in spend(day, self._start, self.rng):
            self.ledger.plan(movement)

    def receive_from_broker(self, day: dt.date, amount: Decimal, reference: str) -> None:
        """Take a withdrawal from the broker; it reaches the bank two working days later."""
        self._plan(
            CURRENT,
            amount,
            Kind.CREDIT,
            after(day, 2),
            merchant="Trading 212",
            shown=BROKER_NAME,
            reference=reference,
            counterparty_scan=BROKER_SCAN,
        )

    # What recurs

    def _pay(self, series: Series, day: dt.date, nominal: dt.date) -> None:
        if series.amount is None:
            return
        rng = self.rng(series.key, nominal)
        amount = series.amount(nominal, self._start, rng)
        if series.kind in AUTHORISED_FIRST:
            made_at, booking_date = uk_instant(day, 9 * 3600), card_booking_date(day, rng)
        else:
            made_at, booking_date = uk_instant(day, 0), day
        self.ledger.plan(
            Movement(
                account=series.account,
                amount=amount if series.incoming else -amount,
                kind=series.kind,
                made_at=made_at,
                booking_date=booking_date,
                merchant=series.merchant,
                shown=series.shown,
                place=series.place,
                reference=series.reference,
                mandate=series.mandate,
                counterparty_scan=series.scan,
                series=series.key,
            )
        )
        if series is recurring.SALARY and nominal.month == MARCH:
            self._plan(
                CURRENT,
                (amount * Decimal("0.35")).quantize(PENNY),
                Kind.CREDIT,
                day,
                merchant=series.merchant,
                shown=series.shown,
                reference="BONUS",
                counterparty_scan=series.scan,
            )

    def _move_between_accounts(self, day: dt.date) -> None:
        for sent, received in (
            (recurring.SAVE, recurring.SAVED),
            (recurring.FUND_BILLS, recurring.BILLS_FUNDED),
        ):
            for nominal in sent.nominal_days(day, self._start):
                if sent.amount is not None:
                    amount = sent.amount(nominal, self._start, self.rng(sent.key, nominal))
                    self._transfer(
                        sent.account, received.account, amount, day, sent=sent, received=received
                    )
        for nominal in recurring.INVEST.nominal_days(day, self._start):
            self._pay(recurring.INVEST, day, nominal)
            self.to_broker[day] = Decimal("300.00")

    def _settle_card(self, day: dt.date) -> None:
        for _ in recurring.PAY_CARD.nominal_days(day, self._start):
            if self._statement > 0:
                paid, received = recurring.PAY_CARD, recurring.CARD_PAID
                self._plan_series(paid, -self._statement, day)
                self._plan_series(received, self._statement, after(day, 1))
            self._statement = Decimal(0)
        if day.day == STATEMENT_DAY:
            self._statement = -self.ledger.balance(CREDIT_CARD)

    def _earn_interest(self, day: dt.date) -> None:
        for _ in recurring.INTEREST.nominal_days(day, self._start):
            days = month_end(day).day
            interest = self.ledger.balance(SAVINGS) * INTEREST_RATE * days / 365
            self._plan_series(recurring.INTEREST, interest.quantize(PENNY), day)

    # What keeps the accounts within bounds

    def _keep_afloat(self, day: dt.date) -> None:
        if not is_working(day):
            return
        current, savings = self.ledger.balance(CURRENT), self.ledger.balance(SAVINGS)
        if current < 600 and savings > 800:
            self._transfer(SAVINGS, CURRENT, Decimal("600.00"), day)
        elif day == preceding(day.replace(day=6)) and current > 2600:
            self._transfer(CURRENT, SAVINGS, _tens(current - 2200), day)
        if day.month == DECEMBER and day == after(day.replace(day=1), 3) and savings > 9000:
            self._plan(
                SAVINGS,
                -_tens(savings - 6000),
                Kind.FASTER_PAYMENT,
                day,
                merchant="NS&I",
                shown="NS AND I PREMIUM BONDS",
                reference="447120983",
                counterparty_scan="62000000000000",
            )
        self._keep_bills(day)
        self._keep_euros(day)

    def _keep_bills(self, day: dt.date) -> None:
        balance = self.ledger.balance(BILLS)
        least = BILLS_CUSHION(day, self._start, self.rng("cushion", day))
        if balance < least:
            self._transfer(CURRENT, BILLS, least, day)
        elif balance > 6 * least:
            self._transfer(BILLS, CURRENT, 3 * least, day)

    def _keep_euros(self, day: dt.date) -> None:
        due = any(MonthDay(10).falls_on(nominal, day) for nominal in rolled_to(day, Roll.NEXT))
        leaving = day.month == AUGUST and day == after(day.replace(day=1), 2)
        if leaving:
            self._buy_euros(Decimal("300.00"), day)
        elif due and self.ledger.balance(EURO) < 70:
            self._buy_euros(Decimal("100.00"), day)

    def _buy_euros(self, pounds: Decimal, day: dt.date) -> None:
        rate = self.market.value(EUR_PER_GBP, day)
        exchange = Exchange("GBP", "EUR", rate, pounds, "GBP")
        for key, amount in ((CURRENT, -pounds), (EURO, (pounds * rate).quantize(PENNY))):
            self._plan(
                key,
                amount,
                Kind.EXCHANGE,
                day,
                merchant="Own euro account" if key == CURRENT else "Own current account",
                shown=OWNER_SHORT,
                reference="CURRENCY TRANSFER",
                exchange=exchange,
            )

    # The provider's own test institution

    def _visit_test_bank(self, day: dt.date) -> None:
        for key in (TEST_MAIN, TEST_OTHER):
            for kind, amount, name in (
                (Kind.CARD, "-95.35", "Freshto Ideal"),
                (Kind.FASTER_PAYMENT, "15.00", "Jennifer Houston"),
                (Kind.FASTER_PAYMENT, "45.00", "Liam Brown"),
                (Kind.FASTER_PAYMENT, "35.35", "Jennifer Houston"),
            ):
                self.ledger.plan(
                    Movement(
                        account=key,
                        amount=Decimal(amount),
                        kind=kind,
                        made_at=uk_instant(day, 0),
                        booking_date=day,
                        merchant=name,
                        shown=name,
                    )
                )

    # Short hands

    def _transfer(
        self,
        source: str,
        target: str,
        amount: Decimal,
        day: dt.date,
        *,
        sent: Series | None = None,
        received: Series | None = None,
    ) -> None:
        reference = sent.reference if sent else "TRANSFER"
        for key, other, signed, series in (
            (source, target, -amount, sent),
            (target, source, amount, received),
        ):
            self._plan(
                key,
                signed,
                series.kind if series else Kind.TRANSFER,
                day,
                merchant=series.merchant if series else f"Own {other.replace('_', ' ')}",
                shown=OWNER_SHORT,
                reference=reference,
                counterparty_scan=ACCOUNTS[other].scan,
                series=series.key if series else None,
            )

    def _plan_series(self, series: Series, amount: Decimal, day: dt.date) -> None:
        self._plan(
            series.account,
            amount,
            series.kind,
            day,
            merchant=series.merchant,
            shown=series.shown,
            reference=series.reference,
            mandate=series.mandate,
            series=series.key,
        )

    def _plan(
        self,
        account: str,
        amount: Decimal,
        kind: Kind,
        day: dt.date,
        *,
        merchant: str,
        shown: str,
        reference: str = "",
        mandate: str = "",
        counterparty_scan: str = "",
        series: str | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.ledger.plan(
            Movement(
                account=account,
                amount=amount,
                kind=kind,
                made_at=uk_instant(day, 0),
                booking_date=day,
                merchant=merchant,
                shown=shown,
                reference=reference,
                mandate=mandate,
                counterparty_scan=counterparty_scan,
                series=series,
                exchange=exchange,
            )
        )


def _tens(amount: Decimal) -> Decimal:
    return (amount / 10).quantize(Decimal(1), ROUND_DOWN) * 10 + Decimal("0.00")
