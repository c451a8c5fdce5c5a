"""The whole made-up world: a household, its banks and its broker, from the first day on for ever.

What happened on a day depends on the seed, the start and the days before it. The present clock
only says how much of it is visible, so moving the clock adds days and changes none.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from sandbox import investor, small_household
from sandbox.accounts import SMALL
from sandbox.broker import Broker
from sandbox.clock import UK
from sandbox.household import Household
from sandbox.ledger import Booked, Entry, Ledger
from sandbox.market import Market
from sandbox.trader import Trader
from sandbox.working_days import ONE_DAY

MONTHS_OF_HISTORY = 24


def first_day(now: dt.datetime) -> dt.date:
    """Return where a world starts that is first looked at now.

    That is 24 months, this one included: no more than the 730 days that a bank gives, so that a
    first pull can see all there is.
    """
    today = now.astimezone(UK).date()
    months = today.year * 12 + today.month - MONTHS_OF_HISTORY
    return dt.date(months // 12, months % 12 + 1, 1)


@lru_cache(maxsize=8)
def world(seed: int, start: dt.date, has_trader: bool = False) -> World:
    """Return the world of a seed and a start; there is one, however many servers show it."""
    return World(seed, start, has_trader)


@dataclass
class World:
    """Days are lived on demand, once each, and kept. Accounts go by the key of their books.

    :param has_trader: somebody who tries everything has the account at the broker.
    """

    seed: int
    start: dt.date
    has_trader: bool = False
    ledger: Ledger = field(init=False)
    small: Ledger = field(init=False)
    market: Market = field(init=False)
    broker: Broker = field(init=False)
    household: Household = field(init=False)
    _next: dt.date = field(init=False)
    _living: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.seed, self.start)
        self.small = Ledger(self.seed, self.start)
        self.market = Market(self.seed, self.start)
        self.broker = Broker(
            self.seed,
            self.start,
            self.market,
            Trader(self.seed) if self.has_trader else investor.Household(),
        )
        self.household = Household(self.ledger, self.market)
        self._next = self.start

    def live_until(self, now: dt.datetime) -> None:
        """Live through every day up to the one that an instant falls on."""
        last = now.astimezone(UK).date()
        with self._living:
            while self._next <= last:
                self._live(self._next)
                self._next += ONE_DAY

    def booked(self, account: str, now: dt.datetime) -> list[Booked]:
        """Return an account's books as they stand at an instant, oldest first."""
        self.live_until(now)
        return [
            row for row in self._ledger_of(account).books[account] if row.entry.booked_at <= now
        ]

    def pending(self, account: str, now: dt.datetime) -> list[Entry]:
        """Return what has been authorised on an account and is not booked yet, oldest first."""
        self.live_until(now)
        return [
            entry
            for entry in self._ledger_of(account).made[account]
            if entry.movement.made_at <= now < entry.booked_at
        ]

    def _live(self, day: dt.date) -> None:
        self.household.live(day)
        withdrawal = self.broker.live(day, self.household.to_broker.pop(day, None))
        if withdrawal is not None:
            self.household.receive_from_broker(day, *withdrawal)
        self.ledger.book(day)
        small_household.live(day, self.small)
        self.small.book(day)

    def _ledger_of(self, account: str) -> Ledger:
        return self.small if account in SMALL else self.ledger
