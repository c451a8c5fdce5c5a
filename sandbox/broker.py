"""The broker's side of the household: orders, fills, dividends and cash, exact to the penny.

Every amount is rounded once, where the money moves. What the broker reports (cash, cost, profit)
is folded from those movements and from nothing else.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from random import Random

from sandbox.instruments import INSTRUMENTS, Instrument, Venue
from sandbox.market import EUR_PER_GBP, PENNY, Market
from sandbox.recurring import months_between
from sandbox.working_days import after, following, is_working

ACCOUNT_ID = 48120377
CURRENCY = "GBP"

CONVERSION_FEE = Decimal("0.0015")
STAMP_DUTY = Decimal("0.005")
INTEREST_RATE = Decimal("0.041")
SHARE = Decimal("0.00000001")
WITHHELD = {Venue.NASDAQ: Decimal("0.15"), Venue.NYSE: Decimal("0.15")}

PLAN = (("VUSAl_EQ", 90), ("SXR8d_EQ", 60), ("AAPL_US_EQ", 45), ("MSFT_US_EQ", 40))
PICKS = ("VODl_EQ", "ULVRl_EQ", "KO_US_EQ")
WITHDRAWAL_MONTH = 13
_NAMESPACE = uuid.UUID("7c2c5d4c-2f0a-4b87-9f2d-7f2c5f1b3a90")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution; ``quantity`` is negative on a sell, ``net`` a magnitude, fees included."""

    id: int
    at: dt.datetime
    quantity: Decimal
    price: Decimal
    fx_rate: Decimal
    gross: Decimal
    net: Decimal
    taxes: tuple[tuple[str, Decimal], ...]
    realised: Decimal | None

    @property
    def cash(self) -> Decimal:
        """What it did to the cash, signed."""
        return -self.net if self.quantity > 0 else self.net


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order with its fills; it stands among the pending ones until ``closed_at``."""

    id: int
    instrument: Instrument
    type: str
    side: str
    strategy: str
    status: str
    created_at: dt.datetime
    closed_at: dt.datetime
    initiated_from: str
    quantity: Decimal
    value: Decimal | None = None
    limit_price: Decimal | None = None
    time_in_force: str = "DAY"
    reserved: Decimal = Decimal("0.00")
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class CashMovement:
    """A row of the cash history: deposits, withdrawals, interest."""

    type: str
    amount: Decimal
    at: dt.datetime
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend:
    """A dividend as it reached the account, tax withheld."""

    instrument: Instrument
    quantity: Decimal
    per_share: Decimal
    amount: Decimal
    amount_in_euro: Decimal
    at: dt.datetime
    reference: str


@dataclass
class Holding:
    """What is held of one instrument, and what it cost at average, fees left out."""

    instrument: Instrument
    since: dt.datetime
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal("0.00")
    paid: Decimal = Decimal(0)

    def cost_of(self, quantity: Decimal) -> Decimal:
        """Return the average cost of part of it, in pounds."""
        return (self.cost * quantity / self.quantity).quantize(PENNY)

    def add(self, fill: Fill) -> None:
        """Take a fill in."""
        if fill.quantity > 0:
            self.cost += fill.gross
            self.paid += fill.quantity * fill.price
        else:
            sold = -fill.quantity
            self.paid -= (self.paid * sold / self.quantity).quantize(SHARE)
            self.cost -= self.cost_of(sold)
        self.quantity += fill.quantity


def fold(fills: Iterable[tuple[Order, Fill]]) -> dict[str, Holding]:
    """Return what is held after a run of fills, by ticker."""
    holdings: dict[str, Holding] = {}
    for order, fill in fills:
        ticker = order.instrument.ticker
        if ticker not in holdings:
            holdings[ticker] = Holding(order.instrument, fill.at)
        holding = holdings[ticker]
        holding.add(fill)
        if not holding.quantity:
            del holdings[ticker]
    return holdings


@dataclass
class Broker:
    """Lives through the days of the Invest account and tells how it stood at an instant."""

    seed: int
    start: dt.date
    market: Market
    orders: list[Order] = field(default_factory=list)
    cash: list[CashMovement] = field(default_factory=list)
    dividends: list[Dividend] = field(default_factory=list)
    _balance: Decimal = Decimal("0.00")
    _held: list[tuple[dt.date, Decimal]] = field(default_factory=list)
    _holdings: dict[str, Holding] = field(default_factory=dict)
    _ids: int = 0
    _taken: set[dt.datetime] = field(default_factory=set)

    def live(self, day: dt.date, deposit: Decimal | None) -> tuple[Decimal, str] | None:
        """Live through a day.

        :param deposit: what arrives from the bank.
        :returns: amount and reference of a withdrawal that leaves for the bank.
        """
        rng = Random(f"{self.seed}/{self.start}/broker/{day}")
        if deposit is not None:
            self._move("DEPOSIT", deposit, self._instant(day, 7.5, rng))
        withdrawal = None
        if is_working(day):
            self._pay_dividends(day, rng)
            withdrawal = self._withdraw(day, rng)
            self._trade(day, rng)
        interest = (self._balance * INTEREST_RATE / 365).quantize(PENNY)
        if interest > 0:
            self._move("INTEREST_ON_FREE_CASH", interest, self._instant(day, 21.05, rng))
        return withdrawal

    # What it looked like at an instant

    def fills_until(self, now: dt.datetime) -> list[tuple[Order, Fill]]:
        """Return the fills made by an instant, oldest first."""
        made = [(order, fill) for order in self.orders for fill in order.fills if fill.at <= now]
        return sorted(made, key=lambda pair: pair[1].at)

    def cash_until(self, now: dt.datetime) -> Decimal:
        """Return all cash at an instant, what is reserved for orders with it."""
        total = sum((row.amount for row in self.cash if row.at <= now), Decimal("0.00"))
        total += sum((row.amount for row in self.dividends if row.at <= now), Decimal(0))
        return total + sum((fill.cash for _, fill in self.fills_until(now)), Decimal(0))

    def pending(self, now: dt.datetime) -> list[Order]:
        """Return the orders that stand at an instant."""
        return [order for order in self.orders if order.created_at <= now < order.closed_at]

    # A day's business

    def _trade(self, day: dt.date, rng: Random) -> None:
        month = months_between(self.start, day)
        investing = month % 24 != WITHDRAWAL_MONTH
        if day == self._working_day(day, 6) and investing:
            # The plan grows with the cash that has gathered, so that it never gathers for good.
            times = max(1, int(self._available(day) // 330))
            for ticker, pounds in PLAN:
                self._invest(ticker, Decimal(pounds * times), day, rng)
        if day == self._working_day(day, 11) and investing:
            self._buy_picked(PICKS[month % len(PICKS)], day, rng, parts=1 + (month % 4 == 2))
        if day == self._working_day(day, 17) and month % 4 == 3:
            self._trim(PICKS[month % len(PICKS)] if month % 8 == 3 else "AAPL_US_EQ", day, rng)
        if day == self._working_day(day, 19) and month % 3 == 1:
            self._limit_order(day, rng, closes=day)
        if day == self._working_day(day, 12) and month % 3 == 2:
            self._limit_order(day, rng, closes=after(day, 10), fills=month % 2 == 0)

    def _available(self, day: dt.date) -> Decimal:
        """Return the cash that no standing order holds; one that will fill is paid for already."""
        return self._balance - sum(
            (amount for until, amount in self._held if until >= day), Decimal(0)
        )

    @staticmethod
    def _working_day(day: dt.date, nominal: int) -> dt.date:
        return following(day.replace(day=nominal))

    def _withdraw(self, day: dt.date, rng: Random) -> tuple[Decimal, str] | None:
        month = months_between(self.start, day)
        if month % 24 != WITHDRAWAL_MONTH or day != self._working_day(day, 9):
            return None
        amount = Decimal("250.00")
        if self._available(day) < amount:
            return None
        reference = self._move("WITHDRAW", -amount, self._instant(day, 10.2, rng))
        return amount, reference[:8].upper()

    def _pay_dividends(self, day: dt.date, rng: Random) -> None:
        for instrument in INSTRUMENTS.values():
            held = self._holdings.get(instrument.ticker)
            if held is None or day.month not in instrument.dividend_months:
                continue
            if day != self._working_day(day, instrument.dividend_day):
                continue
            gross = held.quantity * instrument.dividend / instrument.fx_rate(self.market, day)
            kept = 1 - WITHHELD.get(instrument.venue, Decimal(0))
            amount = (gross * kept).quantize(PENNY)
            if amount <= 0:
                continue
            self._balance += amount
            self.dividends.append(
                Dividend(
                    instrument=instrument,
                    quantity=held.quantity,
                    per_share=instrument.dividend,
                    amount=amount,
                    amount_in_euro=(amount * self.market.value(EUR_PER_GBP, day)).quantize(PENNY),
                    at=self._instant(day, 12, rng),
                    reference=self._reference("dividend"),
                )
            )

    def _invest(self, ticker: str, pounds: Decimal, day: dt.date, rng: Random) -> None:
        """Buy for an amount, as the monthly plan does."""
        instrument = INSTRUMENTS[ticker]
        if self._available(day) < pounds:
            return
        price, rate = self._quote(instrument, day, rng)
        spendable = pounds / (1 + self._fee_share(instrument, buying=True)) - PENNY
        quantity = (spendable * rate / price).quantize(SHARE, ROUND_DOWN)
        at = self._instant(day, instrument.venue.trades_at, rng)
        self._execute(
            instrument,
            [quantity],
            price,
            rate,
            at,
            strategy="VALUE",
            source="AUTOINVEST",
            value=pounds,
        )

    def _buy_picked(self, ticker: str, day: dt.date, rng: Random, *, parts: int) -> None:
        """Buy a number of shares through the API, in one fill or several."""
        instrument = INSTRUMENTS[ticker]
        price, rate = self._quote(instrument, day, rng)
        quantity = (Decimal(38) * rate / price).quantize(Decimal("0.0001"), ROUND_DOWN)
        if self._available(day) < 42:
            return
        first = (quantity * Decimal("0.37")).quantize(Decimal("0.0001"))
        quantities = [quantity] if parts == 1 else [first, quantity - first]
        at = self._instant(day, instrument.venue.trades_at, rng)
        self._execute(instrument, quantities, price, rate, at, source="API")

    def _trim(self, ticker: str, day: dt.date, rng: Random) -> None:
        """Sell a third of what is held."""
        held = self._holdings.get(ticker)
        if held is None:
            return
        quantity = (held.quantity / 3).quantize(Decimal("0.0001"), ROUND_DOWN)
        if quantity <= 0:
            return
        price, rate = self._quote(held.instrument, day, rng)
        at = self._instant(day, held.instrument.venue.trades_at, rng)
        self._execute(held.instrument, [-quantity], price, rate, at, source="IOS")

    def _limit_order(
        self, day: dt.date, rng: Random, *, closes: dt.date, fills: bool = False
    ) -> None:
        """Place a limit order below the market, to be filled at its limit or cancelled."""
        instrument = INSTRUMENTS["VUSAl_EQ"]
        price, rate = self._quote(instrument, day, rng)
        limit = (price * Decimal("0.97")).quantize(PENNY)
        quantity = Decimal("0.25")
        reserved = (quantity * limit).quantize(PENNY)
        if self._available(day) < reserved:
            return
        if not fills:
            self._held.append((closes, reserved))
        created = self._instant(day, 8.6, rng)
        closed = self._instant(closes, 15.5, rng)
        order = Order(
            id=self._next_id(),
            instrument=instrument,
            type="LIMIT",
            side="BUY",
            strategy="QUANTITY",
            status="FILLED" if fills else "CANCELLED",
            created_at=created,
            closed_at=closed,
            initiated_from="WEB",
            quantity=quantity,
            limit_price=limit,
            time_in_force="DAY" if closes == day else "GOOD_TILL_CANCEL",
            reserved=reserved,
            fills=(self._fill(instrument, quantity, limit, rate, closed),) if fills else (),
        )
        self._take(order)

    def _execute(
        self,
        instrument: Instrument,
        quantities: list[Decimal],
        price: Decimal,
        rate: Decimal,
        at: dt.datetime,
        *,
        source: str,
        strategy: str = "QUANTITY",
        value: Decimal | None = None,
    ) -> None:
        order_id = self._next_id()
        fills: list[Fill] = []
        for quantity in quantities:
            filled_at = self._free(at + dt.timedelta(milliseconds=212 + 640 * len(fills)))
            fills.append(self._fill(instrument, quantity, price, rate, filled_at))
        self._take(
            Order(
                id=order_id,
                instrument=instrument,
                type="MARKET",
                side="BUY" if quantities[0] > 0 else "SELL",
                strategy=strategy,
                status="FILLED",
                created_at=at,
                closed_at=fills[-1].at,
                initiated_from=source,
                quantity=sum(quantities, Decimal(0)),
                value=value,
                fills=tuple(fills),
            )
        )

    def _take(self, order: Order) -> None:
        self.orders.append(order)
        for fill in order.fills:
            self._balance += fill.cash
            ticker = order.instrument.ticker
            if ticker not in self._holdings:
                self._holdings[ticker] = Holding(order.instrument, fill.at)
            self._holdings[ticker].add(fill)

    def _fill(
        self,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        rate: Decimal,
        at: dt.datetime,
    ) -> Fill:
        gross = (abs(quantity) * price / rate).quantize(PENNY)
        taxes = tuple(self._taxes(instrument, gross, buying=quantity > 0))
        fees = -sum((amount for _, amount in taxes), Decimal("0.00"))
        realised = None
        if quantity < 0:
            realised = gross - self._holdings[instrument.ticker].cost_of(-quantity)
        return Fill(
            id=self._next_id(),
            at=at,
            quantity=quantity,
            price=price,
            fx_rate=rate,
            gross=gross,
            net=gross + fees if quantity > 0 else gross - fees,
            taxes=taxes,
            realised=realised,
        )

    @staticmethod
    def _taxes(
        instrument: Instrument, gross: Decimal, *, buying: bool
    ) -> Iterator[tuple[str, Decimal]]:
        if instrument.currency in {"USD", "EUR"}:
            yield "CURRENCY_CONVERSION_FEE", -(gross * CONVERSION_FEE).quantize(PENNY)
        if buying and instrument.pays_stamp_duty:
            yield "STAMP_DUTY_RESERVE_TAX", -(gross * STAMP_DUTY).quantize(PENNY)

    @staticmethod
    def _fee_share(instrument: Instrument, *, buying: bool) -> Decimal:
        converted = CONVERSION_FEE if instrument.currency in {"USD", "EUR"} else Decimal(0)
        return converted + (STAMP_DUTY if buying and instrument.pays_stamp_duty else Decimal(0))

    def _quote(self, instrument: Instrument, day: dt.date, rng: Random) -> tuple[Decimal, Decimal]:
        price = self.market.value(instrument.price, day)
        moved = price * (1 + Decimal(rng.randint(-40, 40)) / 10000)
        return moved.quantize(instrument.price.places), instrument.fx_rate(self.market, day)

    # Identity

    def _move(self, kind: str, amount: Decimal, at: dt.datetime) -> str:
        reference = self._reference("cash")
        self._balance += amount
        self.cash.append(CashMovement(kind, amount, at, reference))
        return reference

    def _reference(self, topic: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self.seed}/{self.start}/{topic}/{self._next_id()}"))

    def _next_id(self) -> int:
        self._ids += 1
        return 38_000_000_000 + self.seed % 1000 * 1_000_000 + self._ids * 7

    def _instant(self, day: dt.date, hour: float, rng: Random) -> dt.datetime:
        midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
        spread = dt.timedelta(milliseconds=rng.randrange(1_500_000))
        return self._free(midnight + dt.timedelta(hours=hour) + spread)

    def _free(self, at: dt.datetime) -> dt.datetime:
        """Return the first millisecond from an instant on at which nothing else happened."""
        while at in self._taken:
            at += dt.timedelta(milliseconds=1)
        self._taken.add(at)
        return at
