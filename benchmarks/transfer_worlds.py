"""Made-up households whose transfers between their own accounts are known, near misses included.

A world follows from its seed. What banks tell of the other side differs by bank: some give its
number, most its name in a spelling of their own, some neither.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

FIRST = dt.date(2025, 1, 6)
WEEKS = 48
EUR_PER_GBP = Decimal("1.1650")

_FIRST_NAMES = ("Ann", "Bilal", "Chloe", "Dmitri", "Efua", "Felix", "Grace", "Hugo", "Ines", "Jun")
_LAST_NAMES = ("Ashdown", "Barrowby", "Castell", "Dunmore", "Eastlake", "Farnham", "Goulding")
_SHOPS = (
    "Greenbasket", "Tillermans", "Coppergate Books", "Loom and Thread", "Orchard Pharmacy",
    "Kestrel Coffee", "Northway Fuel", "Pantile Kitchen", "Brightside Toys", "Vela Electronics",
    "Stonebridge Cinema", "Moorland Outdoor", "Fernleaf Garden", "Quayside Grill", "Tandem Cycles",
)  # fmt: skip
_LAGS = (0,) * 64 + (1,) * 22 + (2,) * 8 + (3,) * 4 + (-1,) * 2


@dataclass(frozen=True)
class Bank:
    """How a bank shows the other side.

    :param numbers: share of payments with the other's account number.
    :param names: share with the other's name.
    :param texts: share with a description that says more than "PAYMENT".
    :param books_on_weekends: False: what happens then is booked on Monday.
    """

    name: str
    numbers: float
    names: float
    texts: float
    books_on_weekends: bool


BANKS = (
    Bank("Northmoor Bank", 0.9, 0.95, 0.9, books_on_weekends=False),
    Bank("Calder Building Society", 0.0, 0.85, 0.8, books_on_weekends=False),
    Bank("Pennyfold", 0.4, 1.0, 1.0, books_on_weekends=True),
    Bank("Saltmarsh Union", 0.0, 0.6, 0.6, books_on_weekends=False),
)
BROKER = Bank("Longacre Invest", 0.0, 1.0, 1.0, books_on_weekends=True)
CARD = Bank("Heron Cards", 0.0, 0.3, 0.9, books_on_weekends=False)


@dataclass(frozen=True)
class Account:
    """One of the household's accounts."""

    id: uuid.UUID
    bank: Bank
    name: str
    currency: str
    number: str
    kind: str  # bank, card or broker


@dataclass(frozen=True)
class Movement:
    """One booked row; ``transfer`` is the truth, and None where it is part of none."""

    id: uuid.UUID
    account: Account
    day: dt.date
    amount: Decimal
    kind: str
    name: str | None
    number: str | None
    text: str | None
    transfer: int | None


@dataclass
class World:
    """A household's accounts and all that moved on them."""

    seed: int
    person: str
    accounts: list[Account] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)

    @property
    def transfers(self) -> dict[int, tuple[Movement, Movement]]:
        """The outgoing and the incoming leg of each true transfer."""
        legs: dict[int, list[Movement]] = {}
        for movement in self.movements:
            if movement.transfer is not None:
                legs.setdefault(movement.transfer, []).append(movement)
        found = {}
        for number, pair in legs.items():
            out, into = sorted(pair, key=lambda leg: leg.amount)
            found[number] = (out, into)
        return found


class _Builder:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"transfers/{seed}")
        self.person = f"{self.rng.choice(_FIRST_NAMES)} {self.rng.choice(_LAST_NAMES)}"
        self.world = World(seed, self.person)
        self.count = 0
        self.friends = [
            f"{self.rng.choice(_FIRST_NAMES)} {last}" for last in ("Ibbotson", "Jarrow", "Kinver")
        ]
        self._open_accounts()

    def build(self) -> World:
        for week in range(WEEKS):
            monday = FIRST + dt.timedelta(weeks=week)
            self._live(monday)
            self._move(monday, week)
            self._coincide(monday)
        return self.world

    # Accounts

    def _open_accounts(self) -> None:
        first, second, third = self.rng.sample(BANKS, 3)
        self.current = self._open(first, "Current Account", "GBP", "bank")
        self.savings = self._open(first, "Easy Saver", "GBP", "bank")
        self.second = self._open(second, "Everyday", "GBP", "bank")
        self.joint = self._open(third, "Joint Account", "GBP", "bank")
        self.euro = self._open(third, "Euro Account", "EUR", "bank")
        self.card = self._open(CARD, "Rewards Card", "GBP", "card")
        self.broker = self._open(BROKER, "Longacre Invest", "GBP", "broker")
        self.pounds = [self.current, self.savings, self.second, self.joint]

    def _open(self, bank: Bank, name: str, currency: str, kind: str) -> Account:
        number = {
            "bank": f"GB{self.rng.randrange(10, 99)}MADE{self.rng.randrange(10**14):014}",
            "card": f"523412******{self.rng.randrange(10**4):04}",
            "broker": f"{self.rng.randrange(10**7, 10**8)}",
        }[kind]
        account = Account(self._id(), bank, name, currency, number, kind)
        self.world.accounts.append(account)
        return account

    # What happens

    def _live(self, monday: dt.date) -> None:
        for account, most in ((self.current, 7), (self.second, 4), (self.joint, 5), (self.card, 9)):
            for _ in range(self.rng.randrange(most)):
                price = -Decimal(self.rng.randrange(150, 9000)) / 100
                self._other(account, self._some_day(monday), price, self.rng.choice(_SHOPS))
        if monday.day <= 7:
            self._other(self.current, monday, Decimal("2430.15"), "Fellside Mills Payroll")
            self._other(self.joint, self._after(monday, 1), Decimal(-950), "Elmgate Lettings")
            self._other(self.joint, self._after(monday, 2), Decimal("-31.50"), "Lantern Broadband")
            self._other(self.current, self._after(monday, 3), Decimal("-45.00"), "Otter Leisure")
            self._other(self.euro, self._after(monday, 2), Decimal("-12.99"), "Lumenreel")
        for _ in range(self.rng.randrange(3)):
            account, sign = self.rng.choice(self.pounds), self.rng.choice((-1, 1))
            amount = sign * Decimal(self.rng.choice((10, 15, 20, 25, 30, 40, 60)))
            self._other(account, self._some_day(monday), amount, self.rng.choice(self.friends))
        if self.rng.random() < 0.25:
            self._other(self.current, self._some_day(monday), Decimal(-50), "Cash Machine")
        if self.rng.random() < 0.2:
            # An account of their own that is not connected.
            self._other(self.current, self._some_day(monday), Decimal(-150), self.person)
        if self.rng.random() < 0.2:
            euros = Decimal(self.rng.randrange(500, 15000)) / 100
            self._other(self.euro, self._some_day(monday), euros, self.rng.choice(self.friends))
        if self.rng.random() < 0.4:
            cash = Decimal(self.rng.randrange(40, 900)) / 100
            self._other(self.broker, self._some_day(monday), cash, "Vela Electronics", "dividend")
            self._other(self.broker, self._some_day(monday), -cash, "Vela Electronics", "trade")

    def _move(self, monday: dt.date, week: int) -> None:
        if week % 4 == 0:
            self._transfer(self.current, self.savings, Decimal(200), monday)
            self._transfer(self.current, self.joint, Decimal(700), monday)
        if week % 4 == 1:
            self._transfer(self.current, self.broker, Decimal(150), self._after(monday, 2))
            paid = Decimal(self.rng.randrange(20000, 90000)) / 100
            self._transfer(self.current, self.card, paid, self._after(monday, 3))
        if week % 4 == 2:
            # Twice the same on one day between the same accounts.
            self._transfer(self.current, self.second, Decimal(50), monday, lag=0)
            if self.rng.random() < 0.3:
                self._transfer(self.current, self.second, Decimal(50), monday, lag=0)
        if week % 3 == 0:
            pounds = Decimal(self.rng.choice((80, 100, 120, 250, 300)))
            self._exchange(pounds, self._some_day(monday))
        if week % 12 == 5:
            self._transfer(self.broker, self.current, Decimal(75), self._some_day(monday))
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            source, target = self.rng.sample(self.pounds, 2)
            amount = Decimal(self.rng.choice((20, 25, 30, 40, 50, 75, 100, 120, 150, 300)))
            if self.rng.random() < 0.3:
                amount += Decimal(self.rng.randrange(1, 9999)) / 100
            self._transfer(source, target, amount, self._some_day(monday))

    def _coincide(self, monday: dt.date) -> None:
        """Let somebody else pay the same amount as an unrelated payment, to another account."""
        if self.rng.random() > 0.35:
            return
        end = monday + dt.timedelta(days=6)
        spent = [
            m for m in self.world.movements
            if m.transfer is None and m.amount < 0 and monday <= m.day <= end
            and m.account.currency == "GBP" and m.kind == "payment"
        ]  # fmt: skip
        if not spent:
            return
        model = self.rng.choice(spent)
        account = self.rng.choice([a for a in self.pounds if a is not model.account])
        somebody = self.rng.choice((*self.friends, *_SHOPS, "Fellside Mills Payroll"))
        self._other(account, self._after(model.day, self.rng.randrange(4)), -model.amount, somebody)

    # Rows

    def _other(
        self, account: Account, day: dt.date, amount: Decimal, name: str, kind: str = "payment"
    ) -> None:
        number = f"GB{self.rng.randrange(10, 99)}ELSE{self.rng.randrange(10**14):014}"
        text = self.rng.choice(
            (name.upper(), f"CARD {self.rng.randrange(9999):04} {name.upper()}", f"{name} REF 1")
        )
        self._book(Movement(self._id(), account, day, amount, kind, name, number, text, None))

    def _transfer(
        self,
        source: Account,
        target: Account,
        amount: Decimal,
        day: dt.date,
        *,
        lag: int | None = None,
        arrives: Decimal | None = None,
    ) -> None:
        self.count += 1
        lag = self.rng.choice(_LAGS) if lag is None else lag
        leaves = self._booked(source, day)
        arrived = self._booked(target, self._after(leaves, lag))
        if lag >= 0 and _business_days(leaves, arrived) not in range(4):
            arrived = leaves
        if lag < 0 and not -3 <= _business_days(leaves, arrived) <= 0:
            arrived = leaves
        fee = Decimal(0)
        if arrives is None and self.rng.random() < 0.015:
            fee = Decimal(self.rng.choice(("0.50", "1.00", "2.00")))
        self._leg(source, target, leaves, -(amount + fee))
        self._leg(target, source, arrived, amount if arrives is None else arrives)

    def _exchange(self, pounds: Decimal, day: dt.date) -> None:
        spread = Decimal(self.rng.randrange(20, 200)) / 10000
        euros = round(pounds * EUR_PER_GBP * (1 - spread), 2)
        fee = Decimal(self.rng.choice(("0", "0", "0.50", "1.00")))
        self._transfer(self.second, self.euro, pounds + fee, day, arrives=euros)

    def _leg(self, account: Account, other: Account, day: dt.date, amount: Decimal) -> None:
        first, last = self.person.split()
        spelled = self.rng.choice(
            (
                self.person,
                self.person,
                f"{last} {first[0]}".upper(),
                f"MX {first[0]} {last}".upper(),
            )
        )
        text = self.rng.choice(
            (
                f"TRANSFER {'TO' if amount < 0 else 'FROM'} {spelled}".upper(),
                f"{spelled} RENT SHARE",
                f"FASTER PAYMENT {spelled}",
                f"{'TO' if amount < 0 else 'FROM'} A/C {other.number[-8:]} VIA MOBILE",
            )
        )
        name: str | None = spelled
        kind = "payment"
        if account.kind == "broker":
            kind = "deposit" if amount > 0 else "withdrawal"
            name, text = BROKER.name, kind.title()
        elif other.kind == "broker":
            name, text = self.rng.choice((f"{BROKER.name} LTD", BROKER.name)), "INVESTING"
        elif account.kind == "card":
            name, text = None, "PAYMENT RECEIVED - THANK YOU"
        elif other.kind == "card":
            name, text = f"{CARD.name} PLC", "DIRECT DEBIT HERON CARDS"
        shown = other.number
        if other.kind != "bank":
            shown = f"GB11PAYM{self.rng.randrange(10**14):014}"
        known = Movement(self._id(), account, day, amount, kind, name, shown, text, self.count)
        self._book(known)

    def _book(self, known: Movement) -> None:
        """Book what is known as the bank shows it."""
        bank, chance = known.account.bank, self.rng.random
        self.world.movements.append(
            replace(
                known,
                day=self._booked(known.account, known.day),
                name=known.name if chance() < bank.names else None,
                number=known.number if chance() < bank.numbers else None,
                text=known.text if chance() < bank.texts else "PAYMENT",
            )
        )

    # Days

    def _some_day(self, monday: dt.date) -> dt.date:
        return monday + dt.timedelta(days=self.rng.randrange(7))

    def _booked(self, account: Account, day: dt.date) -> dt.date:
        weekend = max(day.isoweekday() - 5, 0)
        if account.bank.books_on_weekends or not weekend:
            return day
        return day + dt.timedelta(days=3 - weekend)

    def _after(self, day: dt.date, count: int) -> dt.date:
        step = dt.timedelta(days=1 if count >= 0 else -1)
        for _ in range(abs(count)):
            day += step
            while day.isoweekday() > 5:
                day += step
        return day

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)


def _business_days(first: dt.date, last: dt.date) -> int:
    """Count weekdays one by one, which is how the database does not."""
    if last < first:
        return -_business_days(last, first)
    days = (first + dt.timedelta(days=n + 1) for n in range((last - first).days))
    return sum(day.isoweekday() <= 5 for day in days)


def make_world(seed: int) -> World:
    """Return the world of a seed."""
    return _Builder(seed).build()


def without_hints(world: World) -> World:
    """Return the same world at banks that tell nothing of the other side."""
    bare = [replace(m, name=None, number=None, text="PAYMENT") for m in world.movements]
    return replace(world, movements=bare)


@dataclass(frozen=True)
class Score:
    """How good the links of some worlds are.

    :param transfers: true ones.
    :param linked: pairs that were linked without a question.
    :param right: of them, those that are a true transfer.
    :param suggested: true transfers that were only asked about.
    :param questions: pairs that were asked about.
    """

    transfers: int = 0
    linked: int = 0
    right: int = 0
    suggested: int = 0
    questions: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.transfers + other.transfers,
            self.linked + other.linked,
            self.right + other.right,
            self.suggested + other.suggested,
            self.questions + other.questions,
        )

    @property
    def precision(self) -> Decimal:
        """Share of the links that are right."""
        return Decimal(self.right) / (self.linked or 1)

    @property
    def recall(self) -> Decimal:
        """Share of the transfers that are linked."""
        return Decimal(self.right) / self.transfers

    @property
    def recall_with_questions(self) -> Decimal:
        """Share of the transfers that are linked or asked about."""
        return Decimal(self.right + self.suggested) / self.transfers


Pairs = set[tuple[uuid.UUID, uuid.UUID]]


def score(world: World, linked: Pairs, suggested: Pairs) -> Score:
    """Compare pairs of ids, outgoing first, with the truth.

    Which of several equal transfers between the same two accounts a leg belongs to nobody can tell,
    so each such pairing is right.
    """
    legs = {m.id: m for m in world.movements}
    truth = world.transfers

    def is_right(pair: tuple[uuid.UUID, uuid.UUID]) -> bool:
        out, into = legs[pair[0]], legs[pair[1]]
        if out.transfer is None or into.transfer is None:
            return False
        mine, other = truth[out.transfer], truth[into.transfer]
        return (mine[0].account, mine[1].account, mine[1].amount) == (
            other[0].account,
            other[1].account,
            into.amount,
        )

    asked = {legs[leg].transfer for pair in suggested for leg in pair if is_right(pair)}
    known = {legs[leg].transfer for pair in linked for leg in pair}
    return Score(
        transfers=len(truth),
        linked=len(linked),
        right=sum(map(is_right, linked)),
        suggested=len(asked - known),
        questions=len(suggested),
    )


def worlds(seeds: range) -> Iterator[World]:
    """Yield the worlds of some seeds."""
    return map(make_world, seeds)
