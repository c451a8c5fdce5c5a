"""Somebody who does everything that can be done at a broker, differently with every seed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import ROUND_DOWN, Decimal
from random import Random

from sandbox.broker import Broker
from sandbox.instruments import INSTRUMENTS, Instrument
from sandbox.market import PENNY
from sandbox.portfolio import SHARE, Order

_RATIOS = (Decimal(2), Decimal(4), Decimal("1.5"), Decimal("0.1"), Decimal("0.05"))
_SOURCES = ("API", "IOS", "ANDROID", "WEB", "AUTOINVEST", "INSTRUMENT_AUTOINVEST")
_TICK = Decimal("0.0001")
_LEAST = Decimal(30)


class Trader:
    """Trades on every third day, in every way; what is held is split, renamed and delisted.

    :param seed: what makes one trader unlike another.
    """

    def __init__(self, seed: int) -> None:
        rng = Random(f"trader/{seed}")
        self._eager = rng.uniform(0.15, 0.5)
        self._eventful = rng.uniform(0.01, 0.05)
        self._tickers = rng.sample(sorted(INSTRUMENTS), rng.randint(3, len(INSTRUMENTS)))
        self._renamed = 0
        self.interest_type = rng.choice(("INTEREST_ON_FREE_CASH", "LENDING_INTEREST", "DEPOSIT"))

    def withdraw(self, broker: Broker, day: dt.date, rng: Random) -> tuple[Decimal, str] | None:
        """Pay in, now and then take out, and be charged for something."""
        if rng.random() < 0.08:
            amount = Decimal(rng.randint(40, 900) * 5)
            broker.move("DEPOSIT", amount, broker.instant(day, 8, rng))
        if rng.random() < 0.02 and broker.available(day) > 100:
            broker.move("FEE", -Decimal("2.50"), broker.instant(day, 9, rng))
        if rng.random() < 0.01 and broker.available(day) > 100:
            sign = rng.choice((1, -1))
            broker.move("TRANSFER", sign * Decimal("35.70"), broker.instant(day, 9.5, rng))
        if rng.random() < 0.02 and broker.available(day) > 200:
            amount = (broker.available(day) / rng.randint(2, 6)).quantize(PENNY, ROUND_DOWN)
            broker.move("WITHDRAW", -amount, broker.instant(day, 10.2, rng))
        return None

    def trade(self, broker: Broker, day: dt.date, rng: Random) -> None:
        """Give the orders of a working day."""
        if rng.random() < self._eventful:
            self._let_happen(broker, day, rng)
        for instrument in broker.listed(day):
            if self._is_of_interest(instrument) and rng.random() < self._eager / 3:
                if instrument.ticker in broker.held and rng.random() < 0.45:
                    self._sell(broker, instrument, day, rng)
                else:
                    self._buy(broker, instrument, day, rng)
        if rng.random() < self._eager / 2:
            self._let_lapse(broker, day, rng)

    def _is_of_interest(self, instrument: Instrument) -> bool:
        return any(INSTRUMENTS[ticker].price is instrument.price for ticker in self._tickers)

    def _buy(self, broker: Broker, instrument: Instrument, day: dt.date, rng: Random) -> None:
        pounds = Decimal(rng.randint(3000, 90000)) / 100
        pounds = min(pounds, (broker.available(day) * Decimal("0.9")).quantize(PENNY, ROUND_DOWN))
        if pounds < _LEAST:
            return
        price, rate = broker.quote(instrument, day, rng)
        spendable = pounds / (1 + broker.fee_share(instrument, buying=True)) - 5 * PENNY
        is_for_value = rng.random() < 0.4
        step = SHARE if is_for_value else _TICK
        quantity = (spendable * rate / price).quantize(step, ROUND_DOWN)
        if quantity > 0:
            self._place(
                broker,
                instrument,
                _parts(quantity, step, rng),
                (price, rate),
                broker.instant(day, instrument.venue.trades_at, rng),
                rng=rng,
                value=pounds if is_for_value else None,
            )

    def _sell(self, broker: Broker, instrument: Instrument, day: dt.date, rng: Random) -> None:
        held = broker.held[instrument.ticker].quantity
        share = rng.choice((Decimal(1), Decimal(rng.randint(5, 95)) / 100))
        quantity = held if share == 1 else (held * share).quantize(SHARE, ROUND_DOWN)
        price, rate = broker.quote(instrument, day, rng)
        if quantity * price / rate < 2:
            return
        parts = [-part for part in _parts(quantity, SHARE, rng)]
        created = broker.instant(day, instrument.venue.trades_at, rng)
        self._place(broker, instrument, parts, (price, rate), created, rng=rng)
        if instrument.ticker not in broker.held and rng.random() < 0.2:
            broker.delist(instrument.ticker, day + dt.timedelta(days=rng.randint(1, 40)))

    @staticmethod
    def _place(
        broker: Broker,
        instrument: Instrument,
        quantities: list[Decimal],
        quote: tuple[Decimal, Decimal],
        created: dt.datetime,
        *,
        rng: Random,
        value: Decimal | None = None,
    ) -> Order:
        """Place an order of some type that is filled, or filled in part and then cancelled."""
        kind = "MARKET" if value else rng.choice(("MARKET", "LIMIT", "STOP", "STOP_LIMIT"))
        cut = len(quantities) > 1 and kind != "MARKET" and rng.random() < 0.4
        price, rate = quote
        return broker.place(
            instrument,
            quantities[:-1] if cut else quantities,
            price,
            rate,
            created,
            kind=kind,
            strategy="VALUE" if value else "QUANTITY",
            status="CANCELLED" if cut else "FILLED",
            wanted=sum(quantities, Decimal(0)),
            value=value,
            limit=price if "LIMIT" in kind else None,
            stop=price if "STOP" in kind else None,
            time_in_force=rng.choice(("DAY", "GOOD_TILL_CANCEL")),
            source=rng.choice(_SOURCES),
        )

    def _let_lapse(self, broker: Broker, day: dt.date, rng: Random) -> None:
        """Place an order that ends without a fill."""
        instrument = rng.choice(broker.listed(day))
        price, rate = broker.quote(instrument, day, rng)
        created = broker.instant(day, 8.6, rng)
        broker.place(
            instrument,
            [],
            price,
            rate,
            created,
            kind=rng.choice(("LIMIT", "STOP", "STOP_LIMIT", "MARKET")),
            status=rng.choice(("CANCELLED", "REJECTED")),
            wanted=rng.choice((Decimal("0.5"), Decimal("-0.5"))),
            limit=price,
            closed=created + dt.timedelta(hours=rng.randint(1, 200)),
            source="WEB",
        )

    def _let_happen(self, broker: Broker, day: dt.date, rng: Random) -> None:
        """Let something be done to an instrument, held or not."""
        held = [holding.instrument for holding in broker.held.values()]
        instrument = rng.choice(held or broker.listed(day))
        match rng.choice(("split", "split", "rename", "bonus")):
            case "split":
                broker.split(instrument, rng.choice(_RATIOS), day, rng)
            case "rename":
                self._renamed += 1
                isin = rng.choice((instrument.isin, f"GB00R{self._renamed:06}9"))
                old = instrument.ticker.partition("_")[0].rstrip("0123456789")
                ticker = instrument.ticker.replace(old, f"{old}{self._renamed}", 1)
                new = dataclasses.replace(instrument, ticker=ticker, isin=isin)
                broker.rename(instrument, new, day, rng)
            case _ if instrument.ticker in broker.held:
                quantity = (broker.held[instrument.ticker].quantity / 20).quantize(_TICK)
                if quantity > 0:
                    broker.give_bonus(instrument.ticker, quantity, day, rng)
            case _:
                pass


def _parts(quantity: Decimal, step: Decimal, rng: Random) -> list[Decimal]:
    """Return a quantity in one part or up to four."""
    parts: list[Decimal] = []
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        part = (quantity * rng.randint(10, 40) / 100).quantize(step, ROUND_DOWN)
        if 0 < part < quantity:
            parts.append(part)
            quantity -= part
    return [*parts, quantity]
