"""The household as an investor: a monthly plan, a few picks, and what happens to what it holds."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import ROUND_DOWN, Decimal
from random import Random

from sandbox.broker import Broker
from sandbox.instruments import INSTRUMENTS, Instrument
from sandbox.market import PENNY
from sandbox.portfolio import SHARE
from sandbox.recurring import months_between
from sandbox.working_days import after

PLAN = (("VUSAl_EQ", 90), ("SXR8d_EQ", 60), ("AAPL_US_EQ", 45), ("MSFT_US_EQ", 40))
PICKS = ("VODl_EQ", "ULVRl_EQ", "KO_US_EQ")
WITHDRAWAL_MONTH = 13
SPLIT_MONTH, SPLIT_TICKER, SPLIT_RATIO = 9, "MSFT_US_EQ", Decimal(4)
RENAME_MONTH, RENAMED = 15, "ULVRl_EQ"
RENAMED_TO = dataclasses.replace(INSTRUMENTS[RENAMED], ticker="UNIl_EQ", short_name="UNI")


class Household:
    """Buys by plan on the 6th, picks on the 11th, trims now and then, and lets orders lapse."""

    interest_type = "INTEREST_ON_FREE_CASH"

    def trade(self, broker: Broker, day: dt.date, rng: Random) -> None:
        """Give the orders of a working day."""
        month = months_between(broker.start, day)
        self._see_events(broker, month, day)
        investing = month % 24 != WITHDRAWAL_MONTH
        if day == broker.working_day(day, 6) and investing:
            # The plan grows with the cash that has gathered, so that it never gathers for good.
            times = max(1, int(broker.available(day) // 330))
            for ticker, pounds in PLAN:
                self._invest(broker, ticker, Decimal(pounds * times), day, rng)
        if day == broker.working_day(day, 11) and investing:
            self._buy_picked(broker, self._pick(broker, month), day, rng, month % 4 == 2)
        if day == broker.working_day(day, 17) and month % 4 == 3:
            apple = INSTRUMENTS["AAPL_US_EQ"]
            self._trim(broker, self._pick(broker, month) if month % 8 == 3 else apple, day, rng)
        if day == broker.working_day(day, 19) and month % 3 == 1:
            self._limit_order(broker, day, rng, closes=day)
        if day == broker.working_day(day, 12) and month % 3 == 2:
            self._limit_order(broker, day, rng, closes=after(day, 10), fills=month % 2 == 0)

    def withdraw(self, broker: Broker, day: dt.date, rng: Random) -> tuple[Decimal, str] | None:
        """Take some money out every second year."""
        month = months_between(broker.start, day)
        if month % 24 != WITHDRAWAL_MONTH or day != broker.working_day(day, 9):
            return None
        amount = Decimal("250.00")
        if broker.available(day) < amount:
            return None
        reference = broker.move("WITHDRAW", -amount, broker.instant(day, 10.2, rng))
        return amount, reference[:8].upper()

    @staticmethod
    def _see_events(broker: Broker, month: int, day: dt.date) -> None:
        """Let happen what the household has no hand in."""
        rng = Random(f"{broker.seed}/{broker.start}/events/{day}")
        if month == SPLIT_MONTH and day == broker.working_day(day, 21):
            broker.split(INSTRUMENTS[SPLIT_TICKER], SPLIT_RATIO, day, rng)
        if month == RENAME_MONTH and day == broker.working_day(day, 21):
            broker.rename(INSTRUMENTS[RENAMED], RENAMED_TO, day, rng)

    @staticmethod
    def _pick(broker: Broker, month: int) -> Instrument:
        ticker = PICKS[month % len(PICKS)]
        if ticker == RENAMED and broker.renames:
            return RENAMED_TO
        return INSTRUMENTS[ticker]

    @staticmethod
    def _invest(broker: Broker, ticker: str, pounds: Decimal, day: dt.date, rng: Random) -> None:
        """Buy for an amount, as the monthly plan does."""
        instrument = INSTRUMENTS[ticker]
        if broker.available(day) < pounds:
            return
        price, rate = broker.quote(instrument, day, rng)
        spendable = pounds / (1 + broker.fee_share(instrument, buying=True)) - PENNY
        quantity = (spendable * rate / price).quantize(SHARE, ROUND_DOWN)
        at = broker.instant(day, instrument.venue.trades_at, rng)
        broker.place(
            instrument,
            [quantity],
            price,
            rate,
            at,
            strategy="VALUE",
            source="AUTOINVEST",
            value=pounds,
        )

    @staticmethod
    def _buy_picked(
        broker: Broker, instrument: Instrument, day: dt.date, rng: Random, in_parts: bool
    ) -> None:
        """Buy a number of shares through the API, in one fill or two."""
        price, rate = broker.quote(instrument, day, rng)
        quantity = (Decimal(38) * rate / price).quantize(Decimal("0.0001"), ROUND_DOWN)
        if broker.available(day) < 42:
            return
        first = (quantity * Decimal("0.37")).quantize(Decimal("0.0001"))
        quantities = [first, quantity - first] if in_parts else [quantity]
        at = broker.instant(day, instrument.venue.trades_at, rng)
        broker.place(instrument, quantities, price, rate, at, source="API")

    @staticmethod
    def _trim(broker: Broker, instrument: Instrument, day: dt.date, rng: Random) -> None:
        """Sell a third of what is held."""
        held = broker.held.get(instrument.ticker)
        if held is None:
            return
        quantity = (held.quantity / 3).quantize(Decimal("0.0001"), ROUND_DOWN)
        if quantity <= 0:
            return
        price, rate = broker.quote(instrument, day, rng)
        at = broker.instant(day, instrument.venue.trades_at, rng)
        broker.place(instrument, [-quantity], price, rate, at, source="IOS")

    @staticmethod
    def _limit_order(
        broker: Broker, day: dt.date, rng: Random, *, closes: dt.date, fills: bool = False
    ) -> None:
        """Place a limit order below the market, to be filled at its limit or cancelled."""
        instrument = INSTRUMENTS["VUSAl_EQ"]
        price, rate = broker.quote(instrument, day, rng)
        limit = (price * Decimal("0.97")).quantize(PENNY)
        quantity = Decimal("0.25")
        reserved = (quantity * limit).quantize(PENNY)
        if broker.available(day) < reserved:
            return
        if not fills:
            broker.reserve(reserved, closes)
        created = broker.instant(day, 8.6, rng)
        closed = broker.instant(closes, 15.5, rng)
        broker.place(
            instrument,
            [quantity] if fills else [],
            limit,
            rate,
            created,
            kind="LIMIT",
            status="FILLED" if fills else "CANCELLED",
            wanted=quantity,
            limit=limit,
            time_in_force="DAY" if closes == day else "GOOD_TILL_CANCEL",
            reserved=reserved,
            filled=closed,
            closed=closed,
            source="WEB",
        )
