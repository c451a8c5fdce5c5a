"""Made-up payment histories in wording of many banks and languages, whose series are known.

Usage: python -m benchmarks.recurring_worlds --transactions FILE.csv.gz --labels LABELS.csv.gz
[--households 40] [--seed 1] [--bank NAME]

Everything follows from the seed. Each household has one account, at the banks in turn, and names of
its own for what it pays; no name is a real one. The detection was made without looking at them.
"""

from __future__ import annotations

import argparse
import calendar
import csv
import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.recurring_banks import BANKS, Bank
from benchmarks.recurring_files import open_text

FIRST = dt.date(2024, 2, 1)
DAYS = 730
_UNITS = {"EUR": 1, "GBP": 1, "USD": 1, "PLN": 4, "SEK": 10}
_SYLLABLES = (
    "bra", "cor", "dal", "ele", "fir", "gol", "hem", "ista", "jun", "kel", "lor", "mio", "nar",
    "ost", "pel", "quin", "ros", "sil", "tor", "uva", "vel", "wen", "yor", "zan", "lum", "ter",
    "ban", "ede",
)  # fmt: skip
_TRADES = {
    "service": ("TELECOM", "ENERGIE", "MEDIA", "ONLINE", "VERSICHERUNG", "AGUAS", "WONEN", "TV"),
    "shop": ("MARKT", "STORES", "CENTRAL", "EXPRESS", "CAFE", "BISTRO", "OIL", "APOTEK"),
    "employer": ("WERKE", "INDUSTRIES", "LOGISTIK", "CLINIC", "SCHOOLS", "STUDIO"),
}
_PROCESSORS = ("PAYPAL *", "ZETTLE *", "SUMUP *", "KLARNA*", "GOOGLE *")


@dataclass(frozen=True)
class Row:
    """A row of a statement, and the series it is of."""

    account_id: str
    transaction_id: str
    booking_date: dt.date
    amount: float
    currency: str
    counterparty: str
    description: str
    status: str = "booked"
    series_id: str = ""
    frequency: str = ""
    kind: str = ""
    is_scored: bool = True


@dataclass(frozen=True)
class Series:
    """One commitment or income.

    :param way: of paying: card, debit, order, credit, fee, interest.
    :param amount: in pounds or euros, signed.
    :param varies: standard deviation of a payment, as a share.
    :param rises: chance that the price changes after a year.
    :param skips: chance that one does not happen.
    :param late: chance that one comes one to three days late.
    :param rule: fixed day, last working day, nth weekday.
    :param rests: months of the year in which it is not paid.
    """

    kind: str
    frequency: str
    way: str
    amount: float
    varies: float = 0.0
    rises: float = 0.0
    skips: float = 0.0
    late: float = 0.0
    rule: str = "day"
    rests: tuple[int, ...] = ()
    chance: float = 1.0
    trade: str = "service"


SERIES = (
    Series("salary", "monthly", "credit", 2400, 0.02, rule="last", chance=0.5, trade="employer"),
    Series("salary", "monthly", "credit", 2100, 0.0, chance=0.3, trade="employer"),
    Series("wages", "weekly", "credit", 480, 0.08, chance=0.12, trade="employer"),
    Series("pension", "four_weekly", "credit", 690, chance=0.2, trade="employer"),
    Series("benefit", "fortnightly", "credit", 212.4, chance=0.12, trade="employer"),
    Series("rent", "monthly", "order", -850, rises=0.5, chance=0.6),
    Series("mortgage", "monthly", "debit", -912.37, rises=0.6, chance=0.4),
    Series("energy", "monthly", "debit", -104, 0.22, chance=0.5),
    Series("energy", "monthly", "debit", -98, rises=0.8, chance=0.4),
    Series("energy", "bimonthly", "debit", -131, 0.2, chance=0.15),
    Series("rates", "monthly", "debit", -142, rises=0.5, rests=(2, 3), chance=0.5),
    Series("water", "quarterly", "debit", -61.4, 0.06, chance=0.4),
    Series("water", "semiannual", "debit", -188.2, rises=0.5, chance=0.2),
    Series("phone", "monthly", "debit", -21.5, 0.0, rises=0.6, chance=0.6),
    Series("phone", "monthly", "debit", -31, 0.15, chance=0.3),
    Series("broadband", "monthly", "debit", -38.99, rises=0.7, chance=0.8),
    Series("insurance", "monthly", "debit", -27.84, rises=0.5, chance=0.6),
    Series("insurance", "annual", "debit", -312.6, rises=0.8, chance=0.4),
    Series("insurance", "quarterly", "debit", -88.15, rises=0.4, chance=0.25),
    Series("streaming", "monthly", "card", -12.99, rises=0.5, chance=0.9),
    Series("streaming", "monthly", "card", -9.99, rises=0.4, chance=0.7),
    Series("music", "monthly", "card", -10.99, rises=0.3, chance=0.6),
    Series("software", "monthly", "card", -18.2, 0.02, chance=0.5),
    Series("cloud", "monthly", "card", -2.99, rises=0.2, chance=0.5),
    Series("domain", "annual", "card", -17.9, rises=0.6, chance=0.5),
    Series("club", "annual", "debit", -64, rises=0.5, chance=0.4),
    Series("gym", "monthly", "debit", -29.5, skips=0.04, chance=0.6),
    Series("charity", "monthly", "debit", -10, chance=0.4),
    Series("lessons", "weekly", "order", -18.5, skips=0.1, chance=0.2),
    Series("box", "four_weekly", "card", -23.4, skips=0.06, late=0.05, chance=0.25),
    Series("meals", "weekly", "card", -46, 0.06, skips=0.25, chance=0.12),
    Series("cleaner", "fortnightly", "order", -36, skips=0.06, chance=0.15),
    Series("windows", "bimonthly", "order", -17, late=0.15, chance=0.15),
    Series("savings", "monthly", "order", -150, rises=0.3, chance=0.5),
    Series("card_bill", "monthly", "debit", -420, 0.4, chance=0.35),
    Series("news", "monthly", "card", -7.5, rises=0.3, chance=0.3, rule="nth"),
    Series("lodger", "monthly", "credit", 450, late=0.2, chance=0.15, trade="employer"),
    Series("account_fee", "monthly", "fee", -4.9, chance=0.5),
    Series("interest", "monthly", "interest", 3.2, 0.4, rule="last", chance=0.4),
)

STEPS = {
    "weekly": (0, 7), "fortnightly": (0, 14), "four_weekly": (0, 28), "monthly": (1, 0),
    "bimonthly": (2, 0), "quarterly": (3, 0), "semiannual": (6, 0), "annual": (12, 0),
}  # fmt: skip


@dataclass
class World:
    """One household's year and more at one bank."""

    name: str
    bank: Bank
    rng: random.Random
    card: str
    rows: list[Row] = field(default_factory=list)

    def make(self) -> list[Row]:
        """Return its rows by day."""
        chosen = [one for one in SERIES if self.rng.random() < one.chance]
        for number, series in enumerate(chosen):
            self._series(f"{self.name}:S{number}", series)
        self._second_subscription(len(chosen))
        self._habits()
        self._noise()
        self.rows.sort(key=lambda row: row.booking_date)
        payments = Counter(row.series_id for row in self.rows)
        return [
            # What was paid once in these years does not recur in them.
            replace(
                row,
                transaction_id=f"{self.name}-{number:05}",
                is_scored=row.is_scored and payments[row.series_id] > 1,
            )
            for number, row in enumerate(self.rows)
        ]

    # -- what recurs ---------------------------------------------------------------------------

    def _series(self, key: str, series: Series, who: str = "", amount: float = 0.0) -> None:
        rng = self.rng
        who = who or self._name(series.trade, processor=series.way == "card" and rng.random() < 0.3)
        later = self._reworded(who) if rng.random() < 0.12 else who
        reference = self._letters(8)
        price = amount or self._price(series.amount * rng.uniform(0.7, 1.4))
        begins, ends = self._span(series)
        change = begins + dt.timedelta(days=rng.randrange(150, 500))
        risen = (
            price * rng.choice((1.03, 1.08, 1.15, 1.25)) if rng.random() < series.rises else price
        )
        reword = begins + dt.timedelta(days=rng.randrange(100, 600))
        for nominal in self._due(series, begins, ends):
            if rng.random() < series.skips:
                continue
            day = self._moved(series, nominal)
            if rng.random() < series.late:
                day += dt.timedelta(days=rng.randrange(1, 4))
            paid = risen if nominal >= change else price
            if series.varies:
                paid *= max(0.2, rng.gauss(1, series.varies))
            self._book(
                series.way, who if nominal < reword else later, day, round(paid, 2),
                ref=reference, series_id=key, frequency=series.frequency, kind=series.kind,
            )  # fmt: skip

    def _second_subscription(self, number: int) -> None:
        """Pay one merchant for two things, one of them perhaps among purchases."""
        who = self._name("service")
        for place, amount in enumerate((-2.99, -13.49)):
            series = Series("twin", "monthly", "card", amount)
            self._series(f"{self.name}:S{number + place}", series, who, self._price(amount))
        shop = self._name("shop")
        series = Series("beside_shopping", "monthly", "card", -11.49)
        self._series(f"{self.name}:S{number + 2}", series, shop, self._price(-11.49))
        self._visits(shop, 2.0, 24, 0.6)

    def _due(self, series: Series, begins: dt.date, ends: dt.date) -> Iterator[dt.date]:
        months, days = STEPS[series.frequency]
        if days:
            day = begins
            while day <= ends:
                yield day
                day += dt.timedelta(days=days)
            return
        nominal, weekday = self.rng.randrange(1, 32), self.rng.randrange(5)
        for step in range(0, 30, months):
            month = (begins.month - 1 + step) % 12 + 1
            year = begins.year + (begins.month - 1 + step) // 12
            length = calendar.monthrange(year, month)[1]
            if series.rule == "last":
                day = self._previous(dt.date(year, month, length))
            elif series.rule == "nth":
                first = dt.date(year, month, 1)
                day = first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7)
            else:
                day = dt.date(year, month, min(nominal, length))
            if begins <= day <= ends and month not in series.rests:
                yield day

    def _moved(self, series: Series, day: dt.date) -> dt.date:
        if series.rule == "last" or series.way in {"fee", "interest"}:
            return day
        if series.way == "card":
            return self._next(day + dt.timedelta(days=self.rng.randrange(self.bank.lag + 1)))
        if series.way == "credit":
            return self._previous(day)
        return day if series.way == "order" and self.bank.weekends else self._working(day)

    def _span(self, series: Series) -> tuple[dt.date, dt.date]:
        """Return when it begins and ends; one in four does inside the window."""
        last = FIRST + dt.timedelta(days=DAYS)
        begins, ends = FIRST + dt.timedelta(days=self.rng.randrange(31)), last
        if series.frequency not in {"annual", "semiannual"}:
            if self.rng.random() < 0.2:
                begins += dt.timedelta(days=self.rng.randrange(60, 400))
            if self.rng.random() < 0.2:
                ends -= dt.timedelta(days=self.rng.randrange(60, 300))
        return begins, ends

    # -- what does not ---------------------------------------------------------------------------

    def _habits(self) -> None:
        rng = self.rng
        for _ in range(4):
            self._visits(self._name("shop"), rng.uniform(0.4, 2.5), rng.uniform(8, 60), 0.5)
        for _ in range(2):
            menu = [self._price(rng.choice((2.8, 3.2, 3.6, 4.1))) for _ in range(2)]
            self._visits(self._name("shop"), rng.uniform(1, 4), 3, 0, menu)
        weekly, weekday = self._name("shop"), rng.randrange(7)
        for week in range(DAYS // 7):
            if rng.random() < 0.85:
                day = FIRST + dt.timedelta(days=7 * week + weekday)
                self._spend(weekly, day, rng.lognormvariate(4.2, 0.25))
        for gap, spread, typical, times in ((12, 4, 55, 60), (36, 8, 32, 20), (30, 9, 24, 24)):
            who, day = self._name("shop"), FIRST
            for _ in range(times):
                day += dt.timedelta(days=max(2, round(rng.gauss(gap, spread))))
                self._spend(who, day, typical * rng.uniform(0.85, 1.2))
        for _ in range(DAYS // 9):
            self._book("cash", "", self._any_day(), self._price(-rng.choice((20, 40, 50, 100)), 10))
        friends = [self._name("person") for _ in range(3)]
        for _ in range(30):
            way = "credit" if rng.random() < 0.4 else "order"
            sign = 1 if way == "credit" else -1
            amount = sign * rng.choice((10, 15, 20, 25, 30, 12.5, 47.8))
            self._book(way, rng.choice(friends), self._any_day(), self._price(amount))

    def _noise(self) -> None:
        rng = self.rng
        for _ in range(50):
            self._spend(self._name("shop"), self._any_day(), rng.lognormvariate(3.3, 0.8))
        for _ in range(4):
            who, day, price = self._name("shop"), self._any_day(), self._price(rng.uniform(60, 400))
            self._spend(who, day, price)
            self._book("credit", who, day + dt.timedelta(days=rng.randrange(3, 20)), price)
        booked = [row for row in self.rows if row.status == "booked"]
        for row in rng.sample(booked, 12):
            self.rows.append(replace(row, status="pending", is_scored=False))
        plan, day, price = self._name("service"), self._any_day(), self._price(-rng.uniform(20, 90))
        for part in range(3):
            self._book(
                "card", plan, day + dt.timedelta(days=30 * part), price,
                series_id=f"{self.name}:plan", kind="instalment", is_scored=False,
            )  # fmt: skip

    def _visits(
        self, who: str, per_week: float, typical: float, spread: float, menu: Sequence[float] = ()
    ) -> None:
        for offset in range(DAYS):
            if self.rng.random() < per_week / 7:
                amount = (
                    self.rng.choice(menu)
                    if menu
                    else self._price(typical * self.rng.lognormvariate(0, spread))
                )
                self._book("card", self._store(who), FIRST + dt.timedelta(days=offset), -amount)

    def _spend(self, who: str, day: dt.date, amount: float) -> None:
        self._book("card", self._store(who), day, -self._price(amount))

    # -- how it is written -----------------------------------------------------------------------

    def _book(
        self, way: str, who: str, day: dt.date, amount: float, *, ref: str = "",
        series_id: str = "", frequency: str = "", kind: str = "", is_scored: bool = True,
    ) -> None:  # fmt: skip
        rng = self.rng
        if not FIRST <= day < FIRST + dt.timedelta(days=DAYS):
            return
        template = rng.choice(self.bank.words[way])
        if ref:
            # A contract keeps its wording.
            templates = self.bank.words[way]
            template = templates[sum(map(ord, ref)) % len(templates)]
        town = rng.choice(self.bank.towns)
        text = template.format(
            who=who, town=town, ref=ref or self._letters(8), run=rng.randrange(10**6, 10**8),
            day=day, card=self.card, note=f"KONTRAKT {ref[:4]}" if ref else "THANKS",
        )  # fmt: skip
        counterparty, _, description = text.partition("|")
        if rng.random() >= self.bank.names:
            counterparty = ""
        elif rng.random() < 0.3:
            counterparty = counterparty.title()
        self.rows.append(
            Row(
                self.name, "", day, amount, self.bank.currency, counterparty, description,
                series_id=series_id, frequency=frequency, kind=kind, is_scored=is_scored,
            )
        )  # fmt: skip

    def _name(self, trade: str, *, processor: bool = False) -> str:
        rng = self.rng
        word = "".join(rng.sample(_SYLLABLES, rng.choice((2, 3)))).upper()
        if trade == "person":
            return f"{word} {''.join(rng.sample(_SYLLABLES, 2)).upper()}"
        name = f"{word} {rng.choice(_TRADES[trade])}" if rng.random() < 0.7 else word
        return f"{rng.choice(_PROCESSORS)}{name.replace(' ', '')}" if processor else name

    def _reworded(self, who: str) -> str:
        return self.rng.choice(
            (f"{who.replace(' ', '')}.COM", f"{who} BILLING", self._name("service"))
        )

    def _store(self, who: str) -> str:
        return f"{who} {self.rng.randrange(100, 9999)}" if self.rng.random() < 0.4 else who

    def _letters(self, count: int) -> str:
        return "".join(self.rng.choices("ABCDEFGHKLMNPRSTUVWXYZ23456789", k=count))

    def _price(self, amount: float, step: float = 0) -> float:
        amount *= _UNITS[self.bank.currency]
        return round(amount / step) * step if step else round(amount, 2)

    def _any_day(self) -> dt.date:
        return self._working(FIRST + dt.timedelta(days=self.rng.randrange(DAYS)))

    def _working(self, day: dt.date) -> dt.date:
        return day + dt.timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)

    def _next(self, day: dt.date) -> dt.date:
        return day if self.bank.weekends else self._working(day)

    def _previous(self, day: dt.date) -> dt.date:
        return day - dt.timedelta(days=max(0, day.weekday() - 4))


def make_rows(households: int, seed: int, bank: str | None = None) -> list[Row]:
    """Return the rows of so many households, at one bank or at all in turn."""
    banks = [one for one in BANKS if bank in {None, one.name}]
    return [
        row
        for number in range(households)
        for row in _world(f"H{seed}-{number:03}", banks[number % len(banks)]).make()
    ]


def _world(name: str, bank: Bank) -> World:
    rng = random.Random(name)
    return World(name, bank, rng, f"{rng.randrange(10_000):04}")


def main() -> None:
    """Write a file of transactions and one of labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--households", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bank", help="only this one")
    options = parser.parse_args()
    rows = make_rows(options.households, options.seed, options.bank)
    names = ("account_id", "transaction_id", "booking_date", "amount", "currency", "counterparty",
             "description", "status")  # fmt: skip
    _write(options.transactions, names, ([getattr(row, name) for name in names] for row in rows))
    labels = ("transaction_id", "series_id", "frequency", "kind")
    _write(
        options.labels,
        (*labels, "scored"),
        (
            [*(getattr(row, name) for name in labels), int(row.is_scored)]
            for row in rows
            if row.series_id
        ),
    )


def _write(path: Path, header: Sequence[str], lines: Iterator[list[object]]) -> None:
    with open_text(path, "wt") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)


if __name__ == "__main__":
    main()
