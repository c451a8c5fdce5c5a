"""The broker: orders, fills, dividends and cash, exact to the penny.

Every amount is rounded once, where the money moves. What the broker reports (cash, cost, profit)
is folded from those movements and from nothing else. Who gives the orders is an investor: see
:mod:`sandbox.investor` and :mod:`sandbox.trader`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Protocol

from sandbox.instruments import INSTRUMENTS, Instrument, Venue
from sandbox.market import PENNY, Market
from sandbox.portfolio import SHARE, CashMovement, Dividend, Fill, Holding, Order, Rename, fold
from sandbox.working_days import following, is_working

ACCOUNT_ID = 48120377
CURRENCY = "GBP"

CONVERSION_FEE = Decimal("0.0015")
STAMP_DUTY = Decimal("0.005")
FRENCH_TAX = Decimal("0.004")
INTEREST_RATE = Decimal("0.041")
WITHHELD = {
    Venue.NASDAQ: Decimal("0.15"),
    Venue.NYSE: Decimal("0.15"),
    Venue.PARIS: Decimal("0.25"),
}
_NAMESPACE = uuid.UUID("7c2c5d4c-2f0a-4b87-9f2d-7f2c5f1b3a90")


class Investor(Protocol):
    """Whoever gives the orders.

    :param interest_type: what the broker calls the interest that it pays on their cash.
    """

    interest_type: str

    def withdraw(self, broker: Broker, day: dt.date, rng: Random) -> tuple[Decimal, str] | None:
        """Take money out on a working day; return amount and reference of what leaves."""

    def trade(self, broker: Broker, day: dt.date, rng: Random) -> None:
        """Give the orders of a working day."""


@dataclass
class Broker:
    """Lives through the days of the Invest account and tells how it stood at an instant."""

    seed: int
    start: dt.date
    market: Market
    investor: Investor
    orders: list[Order] = field(default_factory=list)
    cash: list[CashMovement] = field(default_factory=list)
    dividends: list[Dividend] = field(default_factory=list)
    renames: list[Rename] = field(default_factory=list)
    held: dict[str, Holding] = field(default_factory=dict)
    _balance: Decimal = Decimal("0.00")
    _reserved: list[tuple[dt.date, Decimal]] = field(default_factory=list)
    _splits: dict[str, list[tuple[dt.date, Decimal]]] = field(default_factory=dict)
    _delisted: dict[str, dt.date] = field(default_factory=dict)
    _ids: int = 0
    _taken: set[dt.datetime] = field(default_factory=set)

    def live(self, day: dt.date, deposit: Decimal | None) -> tuple[Decimal, str] | None:
        """Live through a day.

        :param deposit: what arrives from the bank.
        :returns: amount and reference of a withdrawal that leaves for the bank.
        """
        rng = Random(f"{self.seed}/{self.start}/broker/{day}")
        if deposit is not None:
            self.move("DEPOSIT", deposit, self.instant(day, 7.5, rng))
        withdrawal = None
        if is_working(day):
            self._pay_dividends(day, rng)
            withdrawal = self.investor.withdraw(self, day, rng)
            self.investor.trade(self, day, rng)
        interest = (self._balance * INTEREST_RATE / 365).quantize(PENNY)
        if interest > 0:
            self.move(self.investor.interest_type, interest, self.instant(day, 21.05, rng))
        return withdrawal

    # What it looked like at an instant

    def fills_until(self, now: dt.datetime) -> list[tuple[Order, Fill]]:
        """Return the fills made by an instant, oldest first."""
        made = [(order, fill) for order in self.orders for fill in order.fills if fill.at <= now]
        return sorted(made, key=lambda pair: pair[1].at)

    def holdings_at(self, now: dt.datetime) -> dict[str, Holding]:
        """Return what is held at an instant, by ticker."""
        return fold(self.fills_until(now), [each for each in self.renames if each.at <= now])

    def cash_until(self, now: dt.datetime) -> Decimal:
        """Return all cash at an instant, what is reserved for orders with it."""
        total = sum((row.amount for row in self.cash if row.at <= now), Decimal("0.00"))
        total += sum((row.amount for row in self.dividends if row.at <= now), Decimal(0))
        return total + sum((fill.cash for _, fill in self.fills_until(now)), Decimal(0))

    def pending(self, now: dt.datetime) -> list[Order]:
        """Return the orders that stand at an instant."""
        return [order for order in self.orders if order.created_at <= now < order.closed_at]

    def listed(self, day: dt.date) -> list[Instrument]:
        """Return what can be traded on a day, under the tickers of that day."""
        gone = {each.old.ticker for each in self.renames if each.at.date() <= day}
        gone |= {ticker for ticker, since in self._delisted.items() if since <= day}
        to_come = {each.new.ticker for each in self.renames if each.at.date() > day}
        renamed = {each.new.ticker: each.new for each in self.renames}
        known = INSTRUMENTS | renamed
        return [one for ticker, one in known.items() if ticker not in gone | to_come]

    def price(self, instrument: Instrument, day: dt.date) -> Decimal:
        """Return what a share is quoted at on a day, in the instrument's unit."""
        price = self.market.value(instrument.price, day)
        ratio = self._split_by(instrument, day)
        return price if ratio == 1 else (price / ratio).quantize(Decimal("0.0001"))

    # What an investor works with

    def available(self, day: dt.date) -> Decimal:
        """Return the cash that no standing order holds; one that will fill is paid for already."""
        return self._balance - sum(
            (amount for until, amount in self._reserved if until >= day), Decimal(0)
        )

    def quote(self, instrument: Instrument, day: dt.date, rng: Random) -> tuple[Decimal, Decimal]:
        """Return price and exchange rate of some moment of a day."""
        price = self.price(instrument, day)
        moved = price * (1 + Decimal(rng.randint(-40, 40)) / 10000)
        unit = instrument.price.places if price >= 1 else Decimal("0.0001")
        return moved.quantize(unit), instrument.fx_rate(self.market, day)

    @staticmethod
    def fee_share(instrument: Instrument, *, buying: bool) -> Decimal:
        """Return what part of an amount goes to fees and taxes."""
        share = CONVERSION_FEE if instrument.currency in {"USD", "EUR"} else Decimal(0)
        if buying and instrument.pays_stamp_duty:
            share += STAMP_DUTY
        return share + (FRENCH_TAX if buying and instrument.venue is Venue.PARIS else Decimal(0))

    def place(
        self,
        instrument: Instrument,
        quantities: Sequence[Decimal],
        price: Decimal,
        rate: Decimal,
        created: dt.datetime,
        *,
        source: str,
        kind: str = "MARKET",
        strategy: str = "QUANTITY",
        status: str = "FILLED",
        wanted: Decimal | None = None,
        value: Decimal | None = None,
        limit: Decimal | None = None,
        stop: Decimal | None = None,
        time_in_force: str = "DAY",
        filled: dt.datetime | None = None,
        closed: dt.datetime | None = None,
        reserved: Decimal = Decimal("0.00"),
    ) -> Order:
        """Take an order, with what becomes of it.

        :param quantities: a fill each, the last of which closes it; none: it ends unfilled.
        :param wanted: the quantity of an order that is not filled whole; negative to sell.
        :param filled: when the first fill comes; by default at once.
        :param closed: when it ends, if that is not with its last fill.
        """
        order_id = self._next_id()
        at = filled or created + dt.timedelta(milliseconds=212)
        fills: list[Fill] = []
        for place, quantity in enumerate(quantities):
            moment = self._free(at + dt.timedelta(milliseconds=640 * place))
            fill = self._fill(instrument, quantity, price, rate, moment)
            self._count(instrument, fill)
            fills.append(fill)
        total = wanted if wanted is not None else sum(quantities, Decimal(0))
        order = Order(
            id=order_id,
            instrument=instrument,
            type=kind,
            side="BUY" if total > 0 else "SELL",
            strategy=strategy,
            status=status,
            created_at=created,
            closed_at=closed or fills[-1].at,
            initiated_from=source,
            quantity=total,
            value=value,
            limit_price=limit,
            stop_price=stop,
            time_in_force=time_in_force,
            reserved=reserved,
            fills=tuple(fills),
        )
        self.orders.append(order)
        return order

    def reserve(self, amount: Decimal, until: dt.date) -> None:
        """Hold cash back for an order that stands to the end of a day."""
        self._reserved.append((until, amount))

    def move(self, kind: str, amount: Decimal, at: dt.datetime) -> str:
        """Book a movement of cash, and return its reference."""
        reference = self._reference("cash")
        self._balance += amount
        self.cash.append(CashMovement(kind, amount, at, reference))
        return reference

    def instant(self, day: dt.date, hour: float, rng: Random) -> dt.datetime:
        """Return a moment within 25 minutes of an hour at which nothing else happened."""
        midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
        spread = dt.timedelta(milliseconds=rng.randrange(1_500_000))
        return self._free(midnight + dt.timedelta(hours=hour) + spread)

    @staticmethod
    def working_day(day: dt.date, nominal: int) -> dt.date:
        """Return the first working day of a day's month from a date on."""
        return following(day.replace(day=nominal))

    # What is done to shares

    def split(self, instrument: Instrument, ratio: Decimal, day: dt.date, rng: Random) -> None:
        """Give so many shares for one; the old are taken, then the new are given."""
        self._splits.setdefault(instrument.ticker, []).append((day, ratio))
        holding = self.held.get(instrument.ticker)
        if holding is None:
            return
        before = holding.quantity
        after = (before * ratio).quantize(SHARE)
        at = self.instant(day, 6.0, rng)
        self._reorganise(holding.instrument, -before, "STOCK_SPLIT", day, at)
        # A millisecond on, since a page may end between the two and its cursor knows no less.
        self._reorganise(holding.instrument, after, "STOCK_SPLIT", day, self._free(at))

    def give_bonus(self, ticker: str, quantity: Decimal, day: dt.date, rng: Random) -> None:
        """Give shares for nothing to who holds some."""
        at = self.instant(day, 6.0, rng)
        self._reorganise(self.held[ticker].instrument, quantity, "STOCK_DISTRIBUTION", day, at)

    def rename(self, old: Instrument, new: Instrument, day: dt.date, rng: Random) -> None:
        """Let an instrument go on under another ticker. No fill tells of it."""
        self.renames.append(Rename(self.instant(day, 5.0, rng), old, new))
        if old.ticker in self._splits:
            self._splits[new.ticker] = self._splits[old.ticker]
        if (holding := self.held.pop(old.ticker, None)) is not None:
            holding.instrument = new
            self.held[new.ticker] = holding

    def delist(self, ticker: str, day: dt.date) -> None:
        """Take an instrument from the list; its history stays."""
        self._delisted[ticker] = day

    def _reorganise(
        self, instrument: Instrument, quantity: Decimal, kind: str, day: dt.date, at: dt.datetime
    ) -> None:
        fill = Fill(
            id=self._next_id(),
            at=at,
            quantity=quantity,
            price=self.price(instrument, day),
            fx_rate=instrument.fx_rate(self.market, day),
            gross=Decimal("0.00"),
            net=Decimal("0.00"),
            taxes=(),
            realised=None,
            type=kind,
        )
        self._count(instrument, fill)
        self.orders.append(
            Order(
                id=self._next_id(),
                instrument=instrument,
                type="MARKET",
                side="BUY" if quantity > 0 else "SELL",
                strategy="QUANTITY",
                status="FILLED",
                created_at=at,
                closed_at=at,
                initiated_from="SYSTEM",
                quantity=quantity,
                fills=(fill,),
            )
        )

    # Bookkeeping

    def _pay_dividends(self, day: dt.date, rng: Random) -> None:
        for instrument in self.listed(day):
            held = self.held.get(instrument.ticker)
            if held is None or day.month not in instrument.dividend_months:
                continue
            if day != self.working_day(day, instrument.dividend_day):
                continue
            ratio = self._split_by(instrument, day)
            per_share = (instrument.dividend / ratio).quantize(Decimal("0.000001"))
            gross = held.quantity * per_share / instrument.fx_rate(self.market, day)
            kept = 1 - WITHHELD.get(instrument.venue, Decimal(0))
            amount = (gross * kept).quantize(PENNY)
            if amount <= 0:
                continue
            self._balance += amount
            self.dividends.append(
                Dividend(
                    instrument=instrument,
                    quantity=held.quantity,
                    per_share=per_share if ratio != 1 else instrument.dividend,
                    amount=amount,
                    amount_in_euro=(amount * self.market.rate("EUR", day)).quantize(PENNY),
                    at=self.instant(day, 12, rng),
                    reference=self._reference("dividend"),
                )
            )

    def _split_by(self, instrument: Instrument, day: dt.date) -> Decimal:
        ratio = Decimal(1)
        for since, each in self._splits.get(instrument.ticker, []):
            if since <= day:
                ratio *= each
        return ratio

    def _count(self, instrument: Instrument, fill: Fill) -> None:
        self._balance += fill.cash
        ticker = instrument.ticker
        if ticker not in self.held:
            self.held[ticker] = Holding(instrument, fill.at)
        self.held[ticker].add(fill)
        if not self.held[ticker].quantity and fill.type == "TRADE":
            del self.held[ticker]

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
            realised = gross - self.held[instrument.ticker].cost_of(-quantity)
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
        if buying and instrument.venue is Venue.PARIS:
            yield "FRENCH_TRANSACTION_TAX", -(gross * FRENCH_TAX).quantize(PENNY)

    # Identity

    def _reference(self, topic: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self.seed}/{self.start}/{topic}/{self._next_id()}"))

    def _next_id(self) -> int:
        self._ids += 1
        return 38_000_000_000 + self.seed % 1000 * 1_000_000 + self._ids * 7

    def _free(self, at: dt.datetime) -> dt.datetime:
        """Return the first millisecond from an instant on at which nothing else happened."""
        while at in self._taken:
            at += dt.timedelta(milliseconds=1)
        self._taken.add(at)
        return at
