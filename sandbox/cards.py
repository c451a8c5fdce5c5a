"""What is paid with the broker's card while the switch ``cards`` is on; only reports tell of it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from sandbox.core import Core

_NAMESPACE = uuid.UUID("2f0a7c2c-5d4c-4b87-9f2d-7f2c5f1b3a91")
_SHOPS = (
    ("Corner Coffee", "RESTAURANTS"),
    ("Northern Rail", "TRANSPORT"),
    ("Green Grocer", "GROCERIES"),
    ("Page & Sons, Books", "SHOPPING"),
)
_EVERY_DAYS, _CREDIT_EVERY, _CASHBACK_EVERY = 6, 11, 5
_SINCE_DAYS = 40


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A movement that the card made; ``amount`` is negative where money went out."""

    id: str
    action: str
    at: dt.datetime
    amount: Decimal
    merchant: str = ""
    category: str = ""


def card_payments(core: Core, now: dt.datetime) -> list[CardPayment]:
    """Return what the card has moved up to an instant, oldest first."""
    if not core.broker_quirks.has("cards"):
        return []
    made: list[CardPayment] = []
    state = core.state
    at = dt.datetime.combine(state.start, dt.time(12, 30), dt.UTC)
    at += dt.timedelta(days=_SINCE_DAYS)
    number = 0
    while at <= now:
        number += 1
        rng = Random(f"{state.seed}/{state.start}/card/{number}")
        made.append(_payment(number, at, rng))
        if number % _CASHBACK_EVERY == 0:
            later = at + dt.timedelta(seconds=1)
            made.append(
                _movement(f"cashback/{number}", "Spending cashback", later, Decimal("0.06"))
            )
        at += dt.timedelta(days=_EVERY_DAYS, minutes=rng.randrange(90))
    return made


def spent_by_card(core: Core, now: dt.datetime) -> Decimal:
    """Return by how much cash is less for the card; negative."""
    return sum((each.amount for each in card_payments(core, now)), Decimal("0.00"))


def _payment(number: int, at: dt.datetime, rng: Random) -> CardPayment:
    if number == 1:
        return _movement("card/1", "New card cost", at, Decimal("-4.90"))
    merchant, category = _SHOPS[rng.randrange(len(_SHOPS))]
    pounds = Decimal(rng.randrange(90, 640)) / 100
    is_credit = number % _CREDIT_EVERY == 0
    paid = _movement(
        f"card/{number}",
        "Card credit" if is_credit else "Card debit",
        at,
        pounds if is_credit else -pounds,
    )
    return replace(paid, merchant=merchant, category=category)


def _movement(key: str, action: str, at: dt.datetime, amount: Decimal) -> CardPayment:
    return CardPayment(str(uuid.uuid5(_NAMESPACE, key)), action, at, amount)
