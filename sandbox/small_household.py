"""A household with few payments: one of each kind that banks are known to tell of in odd ways.

It has twins (two equal fares on one day, interest in two equal parts), a payment with a fee, money
sent to oneself, a refund, a row of no amount, purchases abroad. Few rows make a quirk quick to try.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from sandbox.accounts import OWNER, SMALL_CARD, SMALL_CURRENT, SMALL_SAVINGS
from sandbox.clock import uk_instant
from sandbox.ledger import Exchange, Kind, Ledger, Movement
from sandbox.working_days import SATURDAY, after, following

_TUESDAY, _WEDNESDAY, _FRIDAY = 1, 2, 4
_PENNY = Decimal("0.01")
_RATE = Decimal("1.1500")
_NOON, _EVENING = 12, 18


@dataclass(frozen=True)
class _Payment:
    """One payment.

    :param amount: signed; ``None`` is a price of the day, paid.
    :param hour: of the day at which it is made by card.
    :param is_abroad: paid in Swiss francs.
    """

    account: str
    kind: Kind
    merchant: str
    shown: str
    amount: str | None = None
    reference: str = ""
    mandate: str = ""
    hour: int = _NOON
    is_abroad: bool = False


_SHOPS = tuple(
    _Payment(SMALL_CURRENT, Kind.CARD, merchant, shown)
    for merchant, shown in (
        ("Tesco", "TESCO STORES"),
        ("Marks & Spencer", "MARKS & SPENCER"),
        ("Café Lumière", "CAFÉ LUMIÈRE"),
        ("Boots", "BOOTS THE CHEMIST"),
        ("Waterstones", "WATERSTONES"),
    )
)
_FARE = _Payment(SMALL_CURRENT, Kind.CARD, "Arriva", "ARRIVA BUS", "-1.75")
_MUSEUM = _Payment(SMALL_CURRENT, Kind.CARD, "Museum shop", "MUSEUM SHOP BERN", is_abroad=True)
_SAVED = _Payment(
    SMALL_CURRENT, Kind.TRANSFER, "Own savings", OWNER, "-75.00", reference="RAINY DAY"
)
_INTEREST = _Payment(SMALL_CURRENT, Kind.INTEREST, "Interest", "INTEREST PAID", "0.37")
_BY_MONTH: dict[int, tuple[_Payment, ...]] = {
    1: (
        _Payment(
            SMALL_CURRENT,
            Kind.DIRECT_DEBIT,
            "City Energy",
            "CITY ENERGY",
            reference="ACCOUNT 4417",
            mandate="CE4417",
        ),
    ),
    3: tuple(
        _Payment(SMALL_CURRENT, Kind.FASTER_PAYMENT, shown.title(), shown, amount, "INVOICE")
        for amount, shown in (("-250.00", "JOHN CARTER BUILDER"), ("-1.50", "PAYMENT FEE"))
    ),
    5: (_SAVED, replace(_SAVED, account=SMALL_SAVINGS, amount="75.00")),
    10: (_Payment(SMALL_CURRENT, Kind.REFUND, "IKEA", "IKEA", "12.40"),),
    20: (_Payment(SMALL_CURRENT, Kind.CARD, "IKEA", "IKEA", "0.00"),),
    25: (_INTEREST, _INTEREST, *2 * (replace(_INTEREST, account=SMALL_SAVINGS),)),
    27: (
        _Payment(
            SMALL_CURRENT,
            Kind.CREDIT,
            "Northern Rail",
            "NORTHERN RAIL LTD",
            "1480.00",
            reference="SALARY",
        ),
    ),
}
_CARD_PAID_ON = 5


def live(day: dt.date, ledger: Ledger) -> None:
    """Make everything that happens on a day; what is by card also happens on the other card."""
    for payment in (*_by_week(day), *_BY_MONTH.get(day.day, ())):
        _plan(ledger, day, payment)
        if payment.kind in (Kind.CARD, Kind.REFUND) and payment.merchant != _FARE.merchant:
            _plan(ledger, day, replace(payment, account=SMALL_CARD))
    owed = -ledger.balance(SMALL_CARD)
    if day.day == _CARD_PAID_ON and owed > 0:
        _plan(
            ledger,
            day,
            _Payment(SMALL_CARD, Kind.CREDIT, "Card payment", "THANK YOU", str(owed)),
        )


def _by_week(day: dt.date) -> Iterator[_Payment]:
    if day.weekday() in (_TUESDAY, _FRIDAY):
        yield _SHOPS[day.toordinal() % len(_SHOPS)]
    elif day.weekday() == _WEDNESDAY and day.toordinal() % 2:
        yield _MUSEUM
    elif day.weekday() == SATURDAY:
        yield from (_FARE, replace(_FARE, hour=_EVENING))


def _plan(ledger: Ledger, day: dt.date, payment: _Payment) -> None:
    amount, exchange = Decimal(payment.amount or _price(ledger, day, payment)), None
    if payment.is_abroad:
        amount, foreign = (amount / _RATE).quantize(_PENNY), amount
        exchange = Exchange("GBP", "CHF", _RATE, foreign, "CHF")
    by_card = payment.kind in (Kind.CARD, Kind.REFUND)
    ledger.plan(
        Movement(
            account=payment.account,
            amount=amount,
            kind=payment.kind,
            made_at=uk_instant(day, payment.hour * 3600 if by_card else 0),
            booking_date=after(day, 1) if by_card else following(day),
            merchant=payment.merchant,
            shown=payment.shown,
            reference=payment.reference,
            mandate=payment.mandate,
            exchange=exchange,
        )
    )


def _price(ledger: Ledger, day: dt.date, payment: _Payment) -> Decimal:
    topic = f"{payment.account}/{payment.merchant}"
    rng = Random(f"{ledger.seed}/{ledger.start}/small/{topic}/{day}")
    return (Decimal(-rng.randint(310, 8999)) / 100).quantize(_PENNY)
