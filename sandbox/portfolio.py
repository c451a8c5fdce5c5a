"""Orders, fills and what is held after them, exact to the penny."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.instruments import Instrument
from sandbox.market import PENNY

SHARE = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution; ``quantity`` is negative on a sell, ``net`` a magnitude, fees included.

    :param type: ``TRADE``, or what was done to the shares otherwise.
    """

    id: int
    at: dt.datetime
    quantity: Decimal
    price: Decimal
    fx_rate: Decimal
    gross: Decimal
    net: Decimal
    taxes: tuple[tuple[str, Decimal], ...]
    realised: Decimal | None
    type: str = "TRADE"

    @property
    def cash(self) -> Decimal:
        """What it did to the cash, signed."""
        if self.type != "TRADE":
            return Decimal("0.00")
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
    stop_price: Decimal | None = None
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
        """Take a fill in. What is no trade changes the shares and not what they cost."""
        if fill.type != "TRADE":
            self.quantity += fill.quantity
            return
        if fill.quantity > 0:
            self.cost += fill.gross
            self.paid += fill.quantity * fill.price
        else:
            sold = -fill.quantity
            self.paid -= (self.paid * sold / self.quantity).quantize(SHARE)
            self.cost -= self.cost_of(sold)
        self.quantity += fill.quantity


@dataclass(frozen=True, slots=True)
class Rename:
    """An instrument that goes on under another ticker; its history keeps the old one."""

    at: dt.datetime
    old: Instrument
    new: Instrument


def fold(fills: Iterable[tuple[Order, Fill]], renames: Iterable[Rename] = ()) -> dict[str, Holding]:
    """Return what is held after a run of fills, by ticker.

    :param renames: those that happened by then, oldest first.
    """
    holdings: dict[str, Holding] = {}
    waiting = list(renames)

    def rename(until: dt.datetime | None) -> None:
        while waiting and (until is None or waiting[0].at < until):
            change = waiting.pop(0)
            if (holding := holdings.pop(change.old.ticker, None)) is not None:
                holding.instrument = change.new
                holdings[change.new.ticker] = holding

    for order, fill in fills:
        rename(fill.at)
        ticker = order.instrument.ticker
        if ticker not in holdings:
            holdings[ticker] = Holding(order.instrument, fill.at)
        holding = holdings[ticker]
        holding.add(fill)
        if not holding.quantity and fill.type == "TRADE":
            del holdings[ticker]
    rename(None)
    return {ticker: holding for ticker, holding in holdings.items() if holding.quantity}
