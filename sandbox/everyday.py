"""Spending that recurs on no date: food, travel, shops, refunds, cash, a summer holiday."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from sandbox.accounts import CREDIT_CARD, CURRENT, EURO
from sandbox.clock import uk_instant
from sandbox.ledger import Kind, Movement
from sandbox.market import PENNY
from sandbox.recurring import months_between
from sandbox.working_days import ONE_DAY, SATURDAY, SUNDAY, after, is_working

AUGUST = 8
INFLATION = Decimal("1.025")


@dataclass(frozen=True)
class Shop:
    """A merchant and what its terminal prints; ``{n}`` is a store number, ``{code}`` an order."""

    merchant: str
    shown: str
    place: str = "LEEDS GB"


@dataclass(frozen=True)
class Habit:
    """Something bought now and then.

    :param percent: the chance of it on a day that suits.
    :param pennies: the range of its price.
    """

    name: str
    account: str
    weekdays: tuple[int, ...]
    percent: int
    pennies: tuple[int, int]
    shops: tuple[Shop, ...]
    kind: Kind = Kind.CARD
    step: int = 1
    refunds_percent: int = 0


WEEK = tuple(range(7))
WORKDAYS = tuple(range(5))

HABITS: tuple[Habit, ...] = (
    Habit(
        "big_shop", CURRENT, (SATURDAY,), 90, (4200, 9200),
        (
            Shop("Tesco", "TESCO STORES {n}"),
            Shop("Sainsbury's", "SAINSBURYS S/MKTS"),
            Shop("Aldi", "ALDI {n} 766"),
        ),
    ),
    Habit(
        "top_up_shop", CURRENT, (1, 2, 3), 42, (640, 2480),
        (
            Shop("Tesco", "TESCO EXPRESS {n}"),
            Shop("Co-op", "CO-OP GROUP FOOD"),
            Shop("Lidl", "LIDL GB LEEDS"),
            Shop("Marks & Spencer", "M&S SIMPLY FOOD"),
        ),
    ),
    Habit(
        "coffee", CURRENT, WORKDAYS, 44, (290, 680),
        (
            Shop("Pret A Manger", "PRET A MANGER"),
            Shop("Caffe Nero", "CAFFE NERO"),
            Shop("Greggs", "GREGGS PLC"),
            Shop("North Star Coffee", "SQ *NORTH STAR COFFEE"),
        ),
    ),
    Habit(
        "bus", CURRENT, WORKDAYS, 50, (200, 590),
        (Shop("First Bus", "FIRST BUS"), Shop("Northern Rail", "NORTHERN TRAINS")),
        step=10,
    ),
    Habit(
        "train", CURRENT, (4, SATURDAY), 7, (1890, 6240),
        (Shop("Trainline", "TRAINLINE.COM", "LONDON GB"),),
        step=10,
    ),
    Habit(
        "cash", CURRENT, WEEK, 8, (2000, 6000),
        (Shop("Cash", "NOTEMACHINE LTD"), Shop("Cash", "NORTHGATE BANK ATM")),
        kind=Kind.CASH, step=1000,
    ),
    Habit(
        "chemist", CURRENT, WEEK, 7, (349, 2899),
        (Shop("Boots", "BOOTS {n}"), Shop("Superdrug", "SUPERDRUG STORES")),
    ),
    Habit(
        "fuel", CREDIT_CARD, (4, SATURDAY, SUNDAY), 22, (3600, 6400),
        (Shop("Shell", "SHELL KIRKSTALL"), Shop("BP", "BP MEADOW LANE CONNECT")),
    ),
    Habit(
        "parcel", CREDIT_CARD, WEEK, 16, (599, 8499),
        (
            Shop("Amazon", "AMZNMktplace*{code}", "amazon.co.uk"),
            Shop("Amazon", "AMAZON.CO.UK*{code}", "LONDON"),
            Shop("Argos", "ARGOS LTD"),
            Shop("ASOS", "ASOS.COM"),
            Shop("eBay", "EBAY O*{code}"),
        ),
        refunds_percent=14,
    ),
    Habit(
        "meal", CREDIT_CARD, (4, SATURDAY), 55, (1380, 5800),
        (
            Shop("Deliveroo", "DELIVEROO.CO.UK"),
            Shop("Bundobust", "BUNDOBUST LEEDS"),
            Shop("Pizza Express", "PIZZA EXPRESS {n}"),
            Shop("The Reliance", "ZETTLE_*THE RELIANCE"),
        ),
    ),
    Habit(
        "clothes", CREDIT_CARD, (SATURDAY, SUNDAY), 8, (1800, 9500),
        (Shop("Uniqlo", "UNIQLO LEEDS"), Shop("Next", "NEXT RETAIL LTD")),
        refunds_percent=8,
    ),
)  # fmt: skip

HOLIDAY = Habit(
    "holiday", EURO, WEEK, 100, (840, 5200),
    (
        Shop("Carrefour", "CARREFOUR EXPRESS", "NANTES FR"),
        Shop("Le Bistrot du Port", "LE BISTROT DU PORT", "PORNIC FR"),
        Shop("SNCF", "SNCF-VOYAGEURS", "PARIS FR"),
        Shop("Boulangerie Morel", "BOULANGERIE MOREL", "NANTES FR"),
    ),
)  # fmt: skip

RandomFor = Callable[[str, dt.date], Random]
"""A generator of its own for a topic and a day, so that no topic disturbs another."""

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def spend(day: dt.date, start: dt.date, rng_for: RandomFor) -> Iterator[Movement]:
    """Yield what the household buys on a day, and the refunds that follow from it."""
    dearer = INFLATION ** (months_between(start, day) // 12)
    for habit in HABITS:
        yield from _indulge(habit, day, dearer, rng_for(habit.name, day))
    if is_holiday(day):
        yield from _indulge(HOLIDAY, day, dearer, rng_for(HOLIDAY.name, day))


def is_holiday(day: dt.date) -> bool:
    """Tell whether the household is abroad: the second week of August."""
    return day.month == AUGUST and 8 <= day.day < 15


def card_booking_date(day: dt.date, rng: Random) -> dt.date:
    """Return when a purchase books: the next working day, sometimes the one after."""
    return after(day, 2 if rng.randrange(100) < 30 else 1)


def _indulge(habit: Habit, day: dt.date, dearer: Decimal, rng: Random) -> Iterator[Movement]:
    if day.weekday() not in habit.weekdays or rng.randrange(100) >= habit.percent:
        return
    shop = rng.choice(habit.shops)
    low, high = habit.pennies
    steps = int(rng.randrange(low, high + 1, habit.step) * dearer) // habit.step
    price = (Decimal(steps * habit.step) / 100).quantize(PENNY)
    shown = shop.shown.format(
        n=2000 + rng.randrange(7) * 311, code="".join(rng.choices(_ALPHABET, k=7))
    )
    made_at = uk_instant(day, rng.randrange(8 * 3600, 22 * 3600))
    yield Movement(
        account=habit.account,
        amount=-price,
        kind=habit.kind,
        made_at=made_at,
        booking_date=card_booking_date(day, rng),
        merchant=shop.merchant,
        shown=shown,
        place=shop.place,
    )
    if rng.randrange(100) < habit.refunds_percent:
        back_on = day + ONE_DAY * rng.randrange(6, 16)
        yield Movement(
            account=habit.account,
            amount=price if rng.randrange(3) else (price / 2).quantize(PENNY),
            kind=Kind.REFUND,
            made_at=uk_instant(back_on, 12 * 3600),
            booking_date=after(back_on, 1) if is_working(back_on) else after(back_on, 2),
            merchant=shop.merchant,
            shown=shown,
            place=shop.place,
        )
