"""Amounts of another sign, currency or spelling; balances that are not what they are called."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.clock import iso_micros
from sandbox.faults import Fault, resource_unavailable
from sandbox.quirks.quirk import GONE, Occasion, Quirk, Row, Told, each, iso, turn

_OFF = Decimal("100.00")


def _amount(amount: Decimal | str, occasion: Occasion) -> Row:
    return {"amount": str(amount), "currency": occasion.account.currency}


def _balance(kind: str, amount: Decimal | str, occasion: Occasion, **more: Any) -> Row:
    return {
        "balanceAmount": _amount(amount, occasion),
        "balanceType": kind,
        "referenceDate": iso(occasion.today),
        **more,
    }


# Rows


def _inverted(told: Told, occasion: Occasion) -> Row:
    return {"transactionAmount": _amount(f"{-told.entry.movement.amount:.2f}", occasion)}


def _billed(told: Told, _: Occasion) -> Row:
    movement = told.entry.movement
    if movement.exchange is None:
        return {}
    foreign = movement.exchange
    return {
        "transactionAmount": {
            "amount": f"{foreign.instructed:.2f}",
            "currency": foreign.instructed_currency,
        },
        "remittanceInformationUnstructured": f"billingAmount: {movement.amount}",
        "currencyExchange": GONE,
    }


def _zero(told: Told, occasion: Occasion) -> Row:
    if told.entry.movement.amount:
        return {}
    return {"transactionAmount": _amount("0" if turn(told, 2) else "-0.00", occasion)}


def _exchanged(told: Told, _: Occasion) -> Row:
    listed = told.row.get("currencyExchange")
    if listed is None:
        return {}
    (exchange,) = listed
    ways: tuple[Any, ...] = (exchange, [exchange], GONE, {**exchange, "exchangeRate": "0"})
    return {"currencyExchange": ways[told.made_on.toordinal() // 14 % len(ways)]}


def _after(told: Told, occasion: Occasion) -> Row:
    """Print something like a balance: as text, flat, or of a type that is spelt otherwise."""
    amount = _amount("4711.00", occasion)
    ways: tuple[Any, ...] = (
        "4711.00",
        amount,
        {"balanceAmount": amount, "balanceType": "InterimBooked"},
        [amount],
    )
    return {"balanceAfterTransaction": ways[turn(told, len(ways))]}


def _short(told: Told, occasion: Occasion) -> Row:
    """Write an amount with as few decimals as it has, or one more, by the fetch."""
    amount = told.entry.movement.amount
    if not amount:
        return {}
    plain = f"{amount.normalize():f}"
    odd = f"{plain}0" if "." in plain else f"{plain}.0"
    return {"transactionAmount": _amount(odd if occasion.number % 2 else plain, occasion)}


def _disagreeing(told: Told, occasion: Occasion) -> Row:
    after = {
        "balanceAmount": _amount(f"{occasion.balance + _OFF + told.entry.number:.2f}", occasion),
        "balanceType": "interimBooked",
    }
    return {"balanceAfterTransaction": after}


# Balances


def _credit_left(told: list[Row], occasion: Occasion) -> list[Row]:
    """Tell of a card: what is left of its limit, and by another name what is booked."""
    del told
    institution, booked = occasion.account.institution_id, occasion.balance
    left = _balance("interimAvailable", booked + occasion.held + _limit(occasion), occasion)
    if institution.startswith("SEB_KORT"):
        parts = (booked - _OFF, _OFF)
        return [
            _balance(kind, part, occasion)
            for kind, part in zip(("expected", "nonInvoiced"), parts, strict=True)
        ]
    kind = "expected" if institution.startswith("NORWEGIAN") else "interimBooked"
    return [left, _balance(kind, booked, occasion)]


def _limit(occasion: Occasion) -> Decimal:
    return occasion.account.overdraft


def _information(told: list[Row], occasion: Occasion) -> list[Row]:
    del told
    stale = iso(occasion.days_ago(30))
    return [
        _balance("information", occasion.balance, occasion),
        _balance("information", occasion.balance - _OFF, occasion, referenceDate=stale),
    ]


def _no_balances(told: list[Row], occasion: Occasion) -> list[Row]:
    del told, occasion
    return []


def _refused(resource: str, occasion: Occasion) -> Fault | None:
    return resource_unavailable() if resource == "balances" and occasion.number % 2 else None


def _other_type(told: list[Row], occasion: Occasion) -> list[Row]:
    del told
    available = occasion.account.institution_id.startswith(("NBG", "DANSKE"))
    kind = "interimAvailable" if available else "expected"
    return [_balance(kind, occasion.balance, occasion)]


def _twice(told: list[Row], occasion: Occasion) -> list[Row]:
    stale = iso(occasion.days_ago(3))
    return [
        *told,
        _balance("interimBooked", occasion.balance - _OFF, occasion, referenceDate=stale),
    ]


def _unknown(told: list[Row], occasion: Occasion) -> list[Row]:
    """Tell everything once, then less each time."""
    booked = _balance("interimBooked", occasion.balance - _OFF, occasion)
    untyped = {k: v for k, v in booked.items() if k != "balanceType"}
    unsaid = {**booked, "balanceAmount": {"currency": occasion.account.currency}}
    ways: tuple[list[Row], ...] = (told, [untyped], [unsaid], [])
    return ways[min(occasion.number, len(ways)) - 1]


def _no_limit(told: list[Row], occasion: Occasion) -> list[Row]:
    del told
    left = occasion.balance + _limit(occasion)
    limit = (None, "0", "-1")[(occasion.number - 1) % 3]
    return [
        _balance("interimAvailable", left, occasion, creditLimitIncluded=True, creditLimit=limit)
    ]


def _two_sources(told: list[Row], occasion: Occasion) -> list[Row]:
    del told
    at = iso_micros(occasion.now)
    return [
        _balance("closingBooked", occasion.balance + _OFF, occasion,
                 referenceDate=iso(occasion.days_ago(1))),
        _balance("interimBooked", occasion.balance, occasion, lastChangeDateTime=at),
    ]  # fmt: skip


QUIRKS = (
    Quirk(
        number="M1",
        what="amounts of a card have the sign of what is owed",
        rows=each(_inverted),
    ),
    Quirk(
        number="M2",
        what="transactionAmount is the foreign amount; what was billed is in the text",
        rows=each(_billed, pending=False),
    ),
    Quirk(
        number="M3",
        what="interimAvailable of a card is the credit left; the real balance has another type",
        balances=_credit_left,
    ),
    Quirk(
        number="M4",
        what="the only balance is called information, and comes twice",
        balances=_information,
    ),
    Quirk(
        number="M5",
        what="balances are forbidden or empty, in turn, while transactions work",
        balances=_no_balances,
        refuses=_refused,
    ),
    Quirk(
        number="M6",
        what="a row of no amount is written 0 or -0.00",
        rows=each(_zero),
    ),
    Quirk(
        number="M7",
        what="currencyExchange is an object, a list, missing, or has the rate 0",
        rows=each(_exchanged, pending=False),
    ),
    Quirk(
        number="M8",
        what="balanceAfterTransaction is a text, flat, a list, or of a type spelt otherwise",
        rows=each(_after, pending=False),
    ),
    Quirk(
        number="M9",
        what="the one balance has a type of the bank's choice",
        balances=_other_type,
    ),
    Quirk(
        number="M10",
        what="amounts have one decimal or none, and not always the same",
        rows=each(_short),
    ),
    Quirk(
        number="M11",
        what="one balanceType comes twice; the later referenceDate counts",
        balances=_twice,
    ),
    Quirk(
        number="M12",
        what="after the first answer balances lack their type, then their amount, then all",
        balances=_unknown,
    ),
    Quirk(
        number="M13",
        what="a card tells the credit left, and null, 0 or -1 for its limit",
        balances=_no_limit,
    ),
    Quirk(
        number="M14",
        what="balances after rows agree neither with the rows nor with the balances",
        rows=each(_disagreeing, pending=False),
        balances=_two_sources,
    ),
)
