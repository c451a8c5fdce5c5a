"""What moves on the bank accounts: planned by the household, booked in order, then fixed."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from sandbox.accounts import find_account
from sandbox.clock import UK, uk_instant


class Kind(StrEnum):
    """How money moved, as the household knows it."""

    CARD = "card"
    CASH = "cash"
    REFUND = "refund"
    DIRECT_DEBIT = "direct_debit"
    STANDING_ORDER = "standing_order"
    FASTER_PAYMENT = "faster_payment"
    TRANSFER = "transfer"
    EXCHANGE = "exchange"
    CREDIT = "credit"
    INTEREST = "interest"


AUTHORISED_FIRST = (Kind.CARD, Kind.CASH)
"""The kinds that stand in ``pending`` before they book."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The conversion behind a row: one unit of source buys ``rate`` units of target."""

    source: str
    target: str
    rate: Decimal
    instructed: Decimal
    instructed_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One real movement of money on one account, before the bank has booked it.

    :param amount: signed; money out is negative.
    :param made_at: when it was made or authorised.
    :param booking_date: the working day on which the bank books it.
    :param merchant: who it truly was with, in one spelling.
    :param shown: who the bank's text says it was with.
    :param series: the recurring series it belongs to.
    """

    account: str
    amount: Decimal
    kind: Kind
    made_at: dt.datetime
    booking_date: dt.date
    merchant: str
    shown: str
    place: str = ""
    reference: str = ""
    mandate: str = ""
    counterparty_scan: str = ""
    series: str | None = None
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A movement with its identity and the instant at which it books.

    :param internal_id: 32 hexadecimal digits, unique, known from the day it was made.
    :param number: counts the movements of the world.
    """

    movement: Movement
    internal_id: str
    number: int
    booked_at: dt.datetime

    @property
    def value_date(self) -> dt.date:
        """The day the money moved: a card row keeps the day of the purchase."""
        if self.movement.kind in AUTHORISED_FIRST:
            return self.movement.made_at.astimezone(UK).date()
        return self.movement.booking_date

    @property
    def description(self) -> str:
        """What a person would call it, free of any bank's wording."""
        return " ".join(part for part in (self.movement.shown, self.movement.reference) if part)


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry in the books, with the balance that it left behind."""

    entry: Entry
    balance: Decimal


@dataclass
class Ledger:
    """Entries that wait for their booking day, and the books of every account."""

    seed: int
    start: dt.date
    books: dict[str, list[Booked]] = field(default_factory=lambda: defaultdict(list))
    made: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _waiting: dict[dt.date, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _count: int = 0

    def plan(self, movement: Movement) -> Entry:
        """Take a movement in; it books on its day."""
        self._count += 1
        digest = hashlib.sha256(
            f"{self.seed}/{self.start}/{movement.account}/{self._count}".encode()
        ).hexdigest()
        # The banks book overnight: a row stands in the books by 08:00 of its day.
        second = 300 + int(digest[32:40], 16) % (7 * 3600 + 3000)
        entry = Entry(
            movement=movement,
            internal_id=digest[:32],
            number=self._count,
            booked_at=uk_instant(movement.booking_date, second),
        )
        self._waiting[movement.booking_date].append(entry)
        if movement.kind in AUTHORISED_FIRST:
            self.made[movement.account].append(entry)
        return entry

    def book(self, day: dt.date) -> None:
        """Book what is due on a day, in the order of its instants."""
        due = self._waiting.pop(day, [])
        for entry in sorted(due, key=lambda entry: (entry.booked_at, entry.number)):
            key = entry.movement.account
            self.books[key].append(Booked(entry, self.balance(key) + entry.movement.amount))

    def balance(self, key: str) -> Decimal:
        """Return the balance after everything booked so far."""
        books = self.books[key]
        return books[-1].balance if books else find_account(key).opening
