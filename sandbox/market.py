"""Exchange rates and prices: daily walks that depend on the seed and the day alone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from random import Random

from currency_converter import CURRENCY_FILE

from sandbox.working_days import ONE_DAY

PENNY = Decimal("0.01")


@dataclass(frozen=True)
class Walk:
    """A daily random walk that is pulled back towards a slowly growing anchor.

    :param swing: the widest daily step, in hundredths of a percent.
    :param growth: what the anchor gains a year, in percent.
    """

    name: str
    anchor: Decimal
    places: Decimal
    swing: int
    growth: int = 0


@dataclass
class Market:
    """Every walk's value on every day since the start, made on demand and kept."""

    seed: int
    start: dt.date
    _values: dict[str, list[Decimal]] = field(default_factory=dict)

    def value(self, walk: Walk, day: dt.date) -> Decimal:
        """Return a walk's value on a day; before the start it stands at its anchor."""
        values = self._values.setdefault(walk.name, [walk.anchor.quantize(walk.places)])
        wanted = (day - self.start).days
        while len(values) <= wanted:
            values.append(self._step(walk, values[-1], len(values)))
        return values[max(wanted, 0)]

    def rate(self, currency: str, day: dt.date) -> Decimal:
        """Return how many units of a currency the broker gives for a pound.

        That is the central bank's rate of the day: a ledger may hold prices against it. After the
        end of the installed history the last one stays.
        """
        days, rates = _reference_rates(currency)
        return rates[max(bisect_right(days, day) - 1, 0)]

    def _step(self, walk: Walk, last: Decimal, index: int) -> Decimal:
        day = self.start + index * ONE_DAY
        rng = Random(f"{self.seed}/{self.start}/{walk.name}/{day}")
        anchor = walk.anchor * (1 + Decimal(walk.growth) * index / 36525)
        pull = (anchor - last) / 40
        drift = last * rng.randint(-walk.swing, walk.swing) / 10000
        floor = walk.anchor / 4
        return max(last + pull + drift, floor).quantize(walk.places)


@lru_cache
def _reference_rates(currency: str) -> tuple[list[dt.date], list[Decimal]]:
    """Return the days that have rates, oldest first, and units of a currency for one pound."""
    with zipfile.ZipFile(CURRENCY_FILE) as installed:
        text = installed.read("eurofxref-hist.csv").decode("ascii")
    found = []
    for row in csv.DictReader(io.StringIO(text)):
        for_a_euro = "1" if currency == "EUR" else row[currency]
        if "N/A" not in (for_a_euro, row["GBP"]):
            rate = Decimal(for_a_euro) / Decimal(row["GBP"])
            found.append((dt.date.fromisoformat(row["Date"]), rate.quantize(Decimal("0.0001"))))
    found.sort()
    return [day for day, _ in found], [rate for _, rate in found]


# How many units of the currency one pound buys at the household's bank.
EUR_PER_GBP = Walk("EUR_PER_GBP", Decimal("1.1650"), Decimal("0.0001"), swing=35)
