"""A bank that shows one account's payments over many days, as banks do, and knows the truth.

It has no part in the product: what it shows is all that the product may go by.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from postgres.identity.threads import Answer, Delivered, Span
from postgres.identity.versions import Version

FEED = uuid.UUID(int=1)
START = dt.date(2026, 1, 1)
MERCHANTS = ("tesco stores", "tfl travel", "pret a manger", "netflix.com", "acme salary", "j smith")
PRICES = ("-3.50", "-3.50", "-12.00", "-20.00", "-9.99", "1500.00", "-47.13")


@dataclass(frozen=True, slots=True)
class Habits:
    """What a bank does to its rows, each with the chance that it happens to a row at a pull.

    :param renumbers: gives new ids to all rows it shows, once in so many pulls.
    :param has_ids: gives an internal id to booked rows.
    """

    renumbers: float = 0.0
    has_ids: bool = True
    reworded: float = 0.0
    moved: float = 0.0
    shows_pending: bool = False
    drops_pending: float = 0.0


BANKS = {
    "as documented": Habits(),
    "without ids": Habits(has_ids=False),
    "renumbers at times": Habits(renumbers=0.3),
    "renumbers at every pull": Habits(renumbers=1),
    "rewords": Habits(reworded=0.05),
    "moves days": Habits(moved=0.05),
    "moves days without ids": Habits(has_ids=False, moved=0.03),
    "rewords without ids": Habits(has_ids=False, reworded=0.05),
    "does all of it": Habits(renumbers=0.1, reworded=0.03, moved=0.03),
    "shows pending": Habits(shows_pending=True, drops_pending=0.1),
    "shows pending without ids": Habits(shows_pending=True, has_ids=False, drops_pending=0.1),
    "shows pending and does all": Habits(
        shows_pending=True, drops_pending=0.1, renumbers=0.1, moved=0.02
    ),
}


@dataclass(slots=True)
class Payment:
    """What truly happened."""

    number: int
    amount: Decimal
    pending_on: dt.date
    booked_on: dt.date | None
    merchant: str
    internal_id: str
    wording: int = 0
    moved: int = 0

    def row(self, habits: Habits) -> tuple[Decimal, dt.date, str, str | None]:
        assert self.booked_on is not None
        text = self.merchant + (f" ref {self.wording}" if self.wording else "")
        day = self.booked_on + dt.timedelta(days=self.moved)
        return self.amount, day, text, self.internal_id if habits.has_ids else None


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of an answer, and which payment it is."""

    number: int
    is_pending: bool
    amount: Decimal
    day: dt.date
    text: str
    internal_id: str | None


@dataclass(slots=True)
class BankWorld:
    """The bank, and the store of what it delivered: the least that a landing must do."""

    seed: int
    habits: Habits
    days: int = 40
    payments: list[Payment] = field(default_factory=list)
    store: dict[tuple[object, ...], Delivered] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    truth_of: dict[uuid.UUID, set[int]] = field(default_factory=dict)
    feed: uuid.UUID = FEED
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311
        for number in range(self._random.randrange(5, 40)):
            day = START + dt.timedelta(days=self._random.randrange(self.days))
            lag = self._random.choice((0, 1, 1, 2, 3)) if self.habits.shows_pending else 0
            is_dropped = self._random.random() < self.habits.drops_pending
            merchant = self._random.choice(MERCHANTS)
            self.payments.append(
                Payment(
                    number,
                    Decimal(self._random.choice(PRICES)),
                    day,
                    None if is_dropped else day + dt.timedelta(days=lag),
                    merchant,
                    self._new_id(),
                )
            )

    def _new_id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def booked(self, today: dt.date) -> list[Payment]:
        return [p for p in self.payments if p.booked_on is not None and p.booked_on <= today]

    def show(self, today: dt.date, answer: Answer) -> list[Shown]:
        """Return the rows that the bank shows of some days, after a day of doing what banks do."""
        self._change(today)
        shown = []
        for payment in self.booked(today):
            amount, day, text, internal_id = payment.row(self.habits)
            if answer.covers([day]):
                shown.append(Shown(payment.number, False, amount, day, text, internal_id))
        if self.habits.shows_pending and (answer.last is None or answer.last >= today):
            for payment in self.payments:
                over = payment.booked_on or payment.pending_on + dt.timedelta(days=3)
                if payment.pending_on <= today < over:
                    what = (payment.amount, payment.pending_on, payment.merchant)
                    shown.append(Shown(payment.number, True, *what, None))
        return shown

    def pull(self, today: dt.date, answer: Answer) -> None:
        """Store what the bank shows of some days."""
        places: Counter[tuple[object, ...]] = Counter()
        keys: dict[tuple[object, ...], Version] = {}
        truths: dict[tuple[object, ...], int] = {}
        for row in self.show(today, answer):
            content = (row.is_pending, row.amount, row.day, row.text, row.internal_id)
            places[content] += 1
            key = (*content, places[content])
            keys[key] = Version(
                uuid.UUID(int=self._random.getrandbits(128)),
                row.amount,
                "GBP",
                booking_date=row.day,
                text=row.text,
                trusted_id=row.internal_id,
            )
            truths[key] = row.number
        self._land(keys, truths, answer, today)

    def _change(self, today: dt.date) -> None:
        renumbers = self._random.random() < self.habits.renumbers
        for payment in self.booked(today):
            if renumbers:
                payment.internal_id = self._new_id()
            if self._random.random() < self.habits.reworded:
                payment.wording += 1
                payment.internal_id = self._new_id()
            if self._random.random() < self.habits.moved:
                payment.moved = self._random.choice((-1, 0, 1, 2))
                payment.internal_id = self._new_id()

    def _land(
        self,
        keys: dict[tuple[object, ...], Version],
        truths: dict[tuple[object, ...], int],
        answer: Answer,
        today: dt.date,
    ) -> None:
        number = len(self.answers) + 1
        self.answers[number] = replace(answer, seen_on=today)
        is_current = answer.last is None or answer.last >= today
        for key, version in keys.items():
            if key not in self.store:
                self.store[key] = Delivered(
                    version, bool(key[0]), self.feed, (Span(number),), today
                )
            elif self.store[key].spans[-1].last is not None:
                row = self.store[key]
                self.store[key] = replace(row, spans=(*row.spans, Span(number)))
            self.truth_of.setdefault(self.store[key].version.row_id, set()).add(truths[key])
        for key, row in self.store.items():
            expected = is_current if row.is_pending else answer.covers(row.version.days)
            if key not in keys and row.spans[-1].last is None and expected:
                last = Span(row.spans[-1].first, number)
                self.store[key] = replace(row, spans=(*row.spans[:-1], last))

    def rows(self) -> Sequence[Delivered]:
        return list(self.store.values())
