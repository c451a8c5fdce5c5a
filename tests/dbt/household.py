"""A made-up household whose recurring payments are known, with the habits that look like some."""

from __future__ import annotations

import calendar
import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal

from tests.dbt.ledger import Payment

START = dt.date(2024, 1, 1)
END = dt.date(2025, 12, 31)

# The truth: a series' name and how often it comes back.
SERIES = {
    "salary": "monthly",
    "rent": "monthly",
    "council": "monthly",
    "energy": "monthly",
    "broadband": "monthly",
    "film club": "monthly",
    "store small": "monthly",
    "store large": "monthly",
    "child grant": "four_weekly",
    "swimming": "weekly",
    "cleaner": "fortnightly",
    "water": "quarterly",
    "boiler cover": "semiannual",
    "car insurance": "annual",
    "gym": "monthly",
    "pantry pass": "monthly",
}


def working_day(day: dt.date, step: int = 1) -> dt.date:
    """Move a weekend to the working day after it, or with -1 before it."""
    while day.isoweekday() > 5:
        day += dt.timedelta(days=step)
    return day


def monthly(day: int, first: tuple[int, int], count: int, every: int = 1) -> list[dt.date]:
    """Return a day of the month, or the month's last where it is shorter."""
    days = []
    for number in range(count):
        year, month = divmod(first[0] * 12 + first[1] - 1 + number * every, 12)
        last = calendar.monthrange(year, month + 1)[1]
        days.append(dt.date(year, month + 1, min(day, last)))
    return days


def stepped(first: dt.date, days: int) -> list[dt.date]:
    """Return a day and every so many days after it."""
    return [first + dt.timedelta(days=n) for n in range(0, (END - first).days + 1, days)]


def household(seed: int = 11) -> list[Payment]:
    """Return two years of statements."""
    chance = random.Random(seed)  # noqa: S311 - a seeded world wants a seeded generator
    rows = [*_series(chance), *_habits(chance), *_transfers()]
    return sorted(rows, key=lambda row: (row.on or END, row.text, row.amount))


def _series(chance: random.Random) -> Iterator[Payment]:
    def make(
        tag: str,
        days: list[dt.date],
        amount: float | Callable[[int], float],
        text: Callable[[], str],
        *,
        move: int = 1,
    ) -> Iterator[Payment]:
        for number, day in enumerate(days):
            on = working_day(day, move)
            value = amount(number) if callable(amount) else amount
            if on <= END:
                yield Payment(on, Decimal(f"{value:.2f}"), text(), tag=tag)

    def reference() -> str:
        return "".join(chance.choices("BCDFGHJK0123456789", k=8))

    yield from make(
        "salary",
        monthly(31, (2024, 1), 24),
        lambda n: 2410.55 if n < 15 else 2496.10,
        lambda: "BGC FELLSIDE MILLS PAYROLL",
        move=-1,
    )
    yield from make(
        "rent",
        monthly(1, (2024, 1), 24),
        -895,
        lambda: "STANDING ORDER TO ELMGATE LETTINGS",
    )
    yield from make(
        "council",
        [day for day in monthly(15, (2024, 1), 24) if day.month not in (2, 3)],
        lambda n: -168.4 if n < 10 else -176.9,
        lambda: "DIRECT DEBIT DALEWORTH COUNCIL TAX",
    )
    yield from make(
        "energy",
        monthly(8, (2024, 1), 24),
        lambda n: -95 - 45 * abs((n % 12) - 6) / 6 - chance.random() * 12,
        lambda: f"DIRECT DEBIT SPARKHILL ENERGY REF {reference()}",
    )
    yield from make(
        "broadband",
        monthly(22, (2024, 1), 24),
        lambda n: -31.5 if n < 14 else -34.75,
        lambda: "DIRECT DEBIT LANTERN BROADBAND",
    )
    yield from make(
        "film club",
        [day for day in monthly(31, (2024, 3), 22) if day != dt.date(2025, 7, 31)],
        -10.99,
        lambda: f"CARD PAYMENT TO LUMENREEL {reference()}",
    )
    yield from make("store small", monthly(5, (2024, 2), 23), -2.99, lambda: "ORCHARDSTORE BILL")
    yield from make("store large", monthly(19, (2024, 6), 19), -8.99, lambda: "ORCHARDSTORE BILL")
    yield from make(
        "child grant",
        stepped(dt.date(2024, 1, 9), 28),
        102.4,
        lambda: "CHILD GRANT OFFICE",
    )
    yield from make(
        "swimming", stepped(dt.date(2024, 9, 2), 7), -6.5, lambda: "BELLTOWER SWIM CLUB"
    )
    yield from make("cleaner", stepped(dt.date(2024, 4, 12), 14), -45, lambda: "MRS T OKONJO")
    yield from make(
        "water",
        monthly(17, (2024, 2), 8, 3),
        lambda n: -96.4 if n < 5 else -101.15,
        lambda: "DIRECT DEBIT WHITBECK WATER",
    )
    yield from make(
        "boiler cover",
        monthly(10, (2024, 3), 4, 6),
        -74.5,
        lambda: "HEARTHWISE COVER",
    )
    yield from make(
        "car insurance",
        monthly(24, (2024, 5), 2, 12),
        lambda n: -412.3 if n == 0 else -436.8,
        lambda: "HARBOUR MOTOR INSURANCE",
    )
    yield from make("gym", monthly(3, (2024, 1), 11), -29.99, lambda: "DIRECT DEBIT IRONBRIDGE GYM")
    yield from make(
        "pantry pass",
        monthly(12, (2024, 3), 22),
        -9.99,
        lambda: "CARD PAYMENT TO CORNER PANTRY",
    )


def _habits(chance: random.Random) -> Iterator[Payment]:
    """Shopping, coffee, fuel, meals and cash: often, but to no rhythm."""

    def wander(
        text: Callable[[], str], gap: tuple[int, int], amount: Callable[[], float]
    ) -> Iterator[Payment]:
        day = START + dt.timedelta(days=chance.randint(*gap))
        while day <= END:
            yield Payment(working_day(day), Decimal(f"-{amount():.2f}"), text(), tag="habit")
            day += dt.timedelta(days=chance.randint(*gap))

    yield from wander(
        lambda: f"CARD PAYMENT TO CORNER PANTRY {chance.randint(1000, 9999)}",
        (2, 6),
        lambda: chance.uniform(6, 90),
    )
    yield from wander(
        lambda: "CARD PAYMENT TO KETTLE & CRUMB",
        (1, 4),
        lambda: chance.choice((2.8, 3.4, 3.6, 5.1)),
    )
    yield from wander(
        lambda: f"CARD PAYMENT TO ROADSIDE FUELS {chance.randint(10, 99)}",
        (8, 15),
        lambda: chance.uniform(35, 62),
    )
    yield from wander(
        lambda: f"CARD PAYMENT TO {chance.choice(('OLIVE TREE', 'NOODLE DOCK', 'SPICE YARD'))}",
        (6, 20),
        lambda: chance.uniform(18, 70),
    )
    yield from wander(
        lambda: "CASH MACHINE HIGH ROW", (9, 30), lambda: chance.choice((20, 30, 50, 100))
    )


def _transfers() -> Iterator[Payment]:
    for day in monthly(26, (2024, 1), 24):
        on = working_day(day)
        yield Payment(on, Decimal(-200), "TRANSFER TO SAVINGS", tag="transfer")
        yield Payment(on, Decimal(200), "TRANSFER FROM CURRENT", account="savings", tag="transfer")
