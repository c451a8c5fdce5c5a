"""What recurs in the household: who is paid, when it falls due, and how its amount moves.

Payments whose amount follows from a balance (the card bill, interest) are made in
``sandbox.household``; they are listed here as well, so that the list is whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any, Protocol

from sandbox.accounts import BILLS, CREDIT_CARD, CURRENT, EURO, SAVINGS
from sandbox.ledger import Kind
from sandbox.market import PENNY
from sandbox.working_days import ONE_DAY, is_working, month_end

APRIL = 4


class Frequency(StrEnum):
    """How often a series recurs."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    SEMIANNUAL = "semiannual"
    ANNUAL = "annual"


class Roll(StrEnum):
    """Where a due day goes that is no working day."""

    NEXT = "next"
    PREVIOUS = "previous"
    STAY = "stay"


class Due(Protocol):
    """A rule that names the nominal days of a series."""

    def falls_on(self, day: dt.date, start: dt.date) -> bool:
        """Tell whether the series nominally falls due on a day."""


@dataclass(frozen=True)
class MonthDay:
    """A day of the month, the last one if the month is shorter; of all months or of some."""

    day: int
    months: tuple[int, ...] = tuple(range(1, 13))

    def falls_on(self, day: dt.date, start: dt.date) -> bool:
        """Tell whether the series nominally falls due on a day."""
        del start
        return day.month in self.months and day.day == min(self.day, month_end(day).day)


@dataclass(frozen=True)
class EveryWeeks:
    """Every so many weeks, on one weekday."""

    weeks: int
    weekday: int

    def falls_on(self, day: dt.date, start: dt.date) -> bool:
        """Tell whether the series nominally falls due on a day."""
        first = start + ONE_DAY * ((self.weekday - start.weekday()) % 7)
        return day >= first and (day - first).days % (7 * self.weeks) == 0


Amount = Callable[[dt.date, dt.date, Random], Decimal]


def fixed(text: str) -> Amount:
    """Return an amount that never changes."""
    return lambda *_: Decimal(text)


def rising(text: str, month: int, percent: str) -> Amount:
    """Return an amount that rises once a year, from the first of a month."""
    factor = 1 + Decimal(percent) / 100

    def amount(day: dt.date, start: dt.date, rng: Random) -> Decimal:
        del rng
        rises = day.year - start.year + (day.month >= month) - (start.month >= month)
        return (Decimal(text) * factor**rises).quantize(PENNY)

    return amount


def seasonal(text: str, percent_by_month: tuple[int, ...]) -> Amount:
    """Return an amount that follows the seasons, give or take a few percent."""

    def amount(day: dt.date, start: dt.date, rng: Random) -> Decimal:
        del start
        share = Decimal(percent_by_month[day.month - 1] * 10 + rng.randint(-60, 60)) / 1000
        return (Decimal(text) * share).quantize(PENNY)

    return amount


@dataclass(frozen=True, kw_only=True)
class Series:
    """One recurring series.

    :param key: its name in the truth.
    :param merchant: who it truly is with.
    :param shown: who the bank's text says it is with.
    :param amount: unsigned; ``None`` if the household works it out.
    :param since: months after the start in which it begins.
    :param until: months after the start in which it has ended.
    """

    key: str
    merchant: str
    account: str
    frequency: Frequency
    due: Due
    kind: Kind
    shown: str
    amount: Amount | None = None
    incoming: bool = False
    roll: Roll = Roll.NEXT
    place: str = ""
    reference: str = ""
    mandate: str = ""
    scan: str = ""
    since: int = 0
    until: int | None = None

    @property
    def direction(self) -> str:
        """``in`` or ``out``, seen from the account."""
        return "in" if self.incoming else "out"

    def nominal_days(self, day: dt.date, start: dt.date) -> Iterator[dt.date]:
        """Yield the nominal days whose payment is made on a day."""
        return (
            nominal
            for nominal in rolled_to(day, self.roll)
            if self.due.falls_on(nominal, start) and self._runs(nominal, start)
        )

    def _runs(self, nominal: dt.date, start: dt.date) -> bool:
        months = months_between(start, nominal)
        return self.since <= months and (self.until is None or months < self.until)

    def has_ended(self, today: dt.date, start: dt.date) -> bool:
        """Tell whether the series is over on a day."""
        return self.until is not None and months_between(start, today) >= self.until


def months_between(start: dt.date, day: dt.date) -> int:
    """Return how many month boundaries lie between two days."""
    return (day.year - start.year) * 12 + day.month - start.month


def rolled_to(day: dt.date, roll: Roll) -> Iterator[dt.date]:
    """Yield the nominal days that fall to a day once days off have been stepped over."""
    if roll is Roll.STAY:
        yield day
        return
    if not is_working(day):
        return
    yield day
    step = -ONE_DAY if roll is Roll.NEXT else ONE_DAY
    nominal = day + step
    while not is_working(nominal):
        yield nominal
        nominal += step


MONTHLY, ANNUAL = Frequency.MONTHLY, Frequency.ANNUAL
WINTER = (148, 141, 124, 101, 82, 68, 62, 61, 71, 92, 118, 139)

BROKER_NAME = "TRADING 212 UK LIMITED"
BROKER_SCAN = "04005274120093"
OWNER_SHORT = "A M HARTLEY"

SALARY = Series(
    key="salary",
    merchant="Brightwell Systems",
    account=CURRENT,
    frequency=MONTHLY,
    due=MonthDay(31),
    roll=Roll.PREVIOUS,
    kind=Kind.CREDIT,
    incoming=True,
    amount=rising("3712.46", APRIL, "3"),
    shown="BRIGHTWELL SYSTEMS LTD",
    reference="SALARY",
    scan="20457793118820",
)
SAVE = Series(
    key="savings_standing_order",
    merchant="Own savings",
    account=CURRENT,
    frequency=MONTHLY,
    due=MonthDay(2),
    kind=Kind.TRANSFER,
    amount=fixed("250.00"),
    shown=OWNER_SHORT,
    reference="RAINY DAY",
)
SAVED = Series(
    key="savings_received",
    merchant="Own current account",
    account=SAVINGS,
    frequency=MONTHLY,
    due=MonthDay(2),
    kind=Kind.TRANSFER,
    incoming=True,
    shown=OWNER_SHORT,
    reference="RAINY DAY",
)
FUND_BILLS = Series(
    key="bills_funding",
    merchant="Own bills account",
    account=CURRENT,
    frequency=MONTHLY,
    due=MonthDay(1),
    kind=Kind.STANDING_ORDER,
    amount=rising("415.00", APRIL, "3.5"),
    shown=OWNER_SHORT,
    reference="BILLS",
)
BILLS_FUNDED = Series(
    key="bills_funding_received",
    merchant="Own current account",
    account=BILLS,
    frequency=MONTHLY,
    due=MonthDay(1),
    kind=Kind.STANDING_ORDER,
    incoming=True,
    shown=OWNER_SHORT,
    reference="BILLS",
)
INVEST = Series(
    key="broker_deposit",
    merchant="Trading 212",
    account=CURRENT,
    frequency=MONTHLY,
    due=MonthDay(3),
    kind=Kind.STANDING_ORDER,
    amount=fixed("300.00"),
    shown=BROKER_NAME,
    reference="T212 48120377",
    scan=BROKER_SCAN,
)
PAY_CARD = Series(
    key="card_payment",
    merchant="Harbour Bank card",
    account=CURRENT,
    frequency=MONTHLY,
    due=MonthDay(14),
    kind=Kind.DIRECT_DEBIT,
    shown="HARBOUR BANK CARDS",
    reference="4539780000004471",
    mandate="HBC0044710001",
)
CARD_PAID = Series(
    key="card_payment_received",
    merchant="Own current account",
    account=CREDIT_CARD,
    frequency=MONTHLY,
    due=MonthDay(14),
    kind=Kind.CREDIT,
    incoming=True,
    shown="DIRECT DEBIT PAYMENT - THANK YOU",
)
INTEREST = Series(
    key="savings_interest",
    merchant="Northgate Bank",
    account=SAVINGS,
    frequency=MONTHLY,
    due=MonthDay(31),
    roll=Roll.PREVIOUS,
    kind=Kind.INTEREST,
    incoming=True,
    shown="NORTHGATE BANK",
    reference="GROSS INTEREST",
)

MADE_BY_HOUSEHOLD = (SAVE, SAVED, FUND_BILLS, BILLS_FUNDED, INVEST, PAY_CARD, CARD_PAID, INTEREST)


def _debit(key: str, merchant: str, shown: str, account: str, **terms: Any) -> Series:
    return Series(
        key=key,
        merchant=merchant,
        shown=shown,
        account=account,
        kind=Kind.DIRECT_DEBIT,
        **{"frequency": MONTHLY, **terms},
    )


def _subscription(key: str, merchant: str, shown: str, **terms: Any) -> Series:
    return Series(
        key=key,
        merchant=merchant,
        shown=shown,
        kind=Kind.CARD,
        roll=Roll.STAY,
        **{"account": CREDIT_CARD, "frequency": MONTHLY, **terms},
    )


PLAIN: tuple[Series, ...] = (
    SALARY,
    Series(
        key="rent",
        merchant="J R Pemberton",
        account=CURRENT,
        frequency=MONTHLY,
        due=MonthDay(1),
        kind=Kind.STANDING_ORDER,
        amount=rising("1150.00", 9, "3"),
        shown="J R PEMBERTON",
        reference="FLAT 3 RENT",
        scan="30923715520466",
    ),
    Series(
        key="cleaner",
        merchant="M Kowalska",
        account=CURRENT,
        frequency=Frequency.FORTNIGHTLY,
        due=EveryWeeks(2, weekday=4),
        kind=Kind.FASTER_PAYMENT,
        amount=fixed("36.00"),
        shown="M KOWALSKA",
        reference="CLEANING",
        scan="04000472213390",
    ),
    _debit(
        "gym", "PureGym", "PUREGYM LTD", CURRENT,
        due=EveryWeeks(4, weekday=1), amount=fixed("27.99"), frequency=Frequency.FOUR_WEEKLY,
        reference="PG-8841207", mandate="PG8841207",
    ),
    _debit(
        "charity", "Shelter", "SHELTER", CURRENT,
        due=MonthDay(22), amount=fixed("8.00"),
        reference="SH00291184", mandate="SHELTER291184",
    ),
    _subscription(
        "veg_box", "Riverford", "RIVERFORD ORGANIC FARM", account=CURRENT,
        due=EveryWeeks(1, weekday=3), amount=fixed("17.45"), frequency=Frequency.WEEKLY,
        place="BUCKFASTLEIGH GB",
    ),
    _debit(
        "council_tax", "Leeds City Council", "LEEDS CITY COUNCIL", BILLS,
        due=MonthDay(1, (1, 4, 5, 6, 7, 8, 9, 10, 11, 12)), amount=rising("168.00", APRIL, "4"),
        reference="CT 7004418823", mandate="LCC7004418823",
    ),
    _debit(
        "energy", "Octopus Energy", "OCTOPUS ENERGY", BILLS,
        due=MonthDay(12), amount=seasonal("104.00", WINTER),
        reference="A-5B0C19D2", mandate="A5B0C19D2001",
    ),
    _debit(
        "water", "Yorkshire Water", "YORKSHIRE WATER", BILLS,
        due=MonthDay(20, (1, 4, 7, 10)), amount=rising("104.35", APRIL, "4"),
        frequency=Frequency.QUARTERLY, reference="3341 0092 77", mandate="YW3341009277",
    ),
    _debit(
        "allotment", "Leeds Allotments", "LEEDS ALLOTMENT SOC", BILLS,
        due=MonthDay(10, (2, 8)), amount=fixed("42.00"), frequency=Frequency.SEMIANNUAL,
        reference="PLOT 18B", mandate="LAS000018B",
    ),
    _debit(
        "broadband", "Virgin Media", "VIRGIN MEDIA PYMTS", BILLS,
        due=MonthDay(24), amount=rising("34.00", APRIL, "4.9"),
        reference="139142498", mandate="VM139142498",
    ),
    _debit(
        "mobile", "giffgaff", "GIFFGAFF LTD", BILLS,
        due=MonthDay(18), amount=rising("15.00", APRIL, "3"),
        reference="GG 4472019", mandate="GIFF4472019",
    ),
    _debit(
        "tv_licence", "TV Licensing", "TV LICENCE MBP", BILLS,
        due=MonthDay(15, (6,)), amount=rising("169.50", APRIL, "2.9"), frequency=ANNUAL,
        reference="3320418876", mandate="TVL3320418876",
    ),
    _debit(
        "home_insurance", "Aviva", "AVIVA INSURANCE", BILLS,
        due=MonthDay(3, (10,)), amount=rising("212.40", 10, "4"), frequency=ANNUAL,
        reference="HHP 8812004", mandate="AVHHP8812004",
    ),
    _subscription(
        "netflix", "Netflix", "NETFLIX.COM", due=MonthDay(8), amount=rising("10.99", 2, "9")
    ),
    _subscription(
        "spotify", "Spotify", "Spotify P2F0C41A7B", due=MonthDay(17), amount=fixed("11.99")
    ),
    _subscription("icloud", "Apple", "APPLE.COM/BILL", due=MonthDay(5), amount=fixed("2.99")),
    _subscription("apple_tv", "Apple", "APPLE.COM/BILL", due=MonthDay(21), amount=fixed("8.99")),
    _subscription(
        "now_tv", "NOW", "NOWTV.COM/BILLHELP", due=MonthDay(11), amount=fixed("9.99"), until=13
    ),
    _subscription(
        "guardian", "The Guardian", "GUARDIAN NEWS & MEDIA",
        due=MonthDay(26), amount=fixed("12.00"), since=9,
    ),
    _subscription(
        "prime", "Amazon Prime", "AMAZON PRIME*ANNUAL",
        due=MonthDay(14, (11,)), amount=fixed("95.00"), frequency=ANNUAL,
    ),
    _subscription(
        "deezer", "Deezer", "DEEZER", account=EURO, place="PARIS FR",
        due=MonthDay(9), amount=fixed("11.99"),
    ),
)  # fmt: skip

SERIES: tuple[Series, ...] = (*PLAIN, *MADE_BY_HOUSEHOLD)
