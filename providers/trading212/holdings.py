"""What an account of Trading 212 holds: its summary, its positions and its pies, from payloads.

Shapes: public API v0 of 2026; those that came before have other names and are read as well. No
field is guaranteed: what is missing is None, which is not zero, and a currency is never assumed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from providers.text import currency, decimal, instant, text
from providers.trading212.legacy import current_position, current_summary


@dataclass(frozen=True, slots=True)
class SummaryFacts:
    """What an account is worth; money in its own currency.

    :param unrealised_result: what open positions have won or lost.
    """

    account_id: int | None
    currency: str | None
    total_value: Decimal | None
    free_cash: Decimal | None
    invested: Decimal | None
    unrealised_result: Decimal | None


@dataclass(frozen=True, slots=True)
class PositionFacts:
    """One open position.

    :param quantity: shares.
    :param average_price: per share, in the instrument's unit, which may be pence.
    :param currency: of cost, value and result: the wallet's, else the instrument's; None: unknown.
    :param refusal: why it cannot be held to an instrument; None if it can.
    """

    ticker: str | None
    quantity: Decimal | None
    average_price: Decimal | None
    currency: str | None
    cost: Decimal | None
    value: Decimal | None
    unrealised_result: Decimal | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class PieSlice:
    """One instrument of a pie; money in the account's currency."""

    ticker: str | None
    quantity: Decimal | None
    invested: Decimal | None
    value: Decimal | None
    result: Decimal | None


@dataclass(frozen=True, slots=True)
class PieFacts:
    """A pie with its slices."""

    pie_id: int | None
    name: str | None
    created_at: dt.datetime | None
    slices: tuple[PieSlice, ...]


def read_summary(payload: Any) -> SummaryFacts:
    """Read an account summary, or one of the two answers that it replaced."""
    row = _object(current_summary(payload))
    cash, investments = _object(row.get("cash")), _object(row.get("investments"))
    account_id = row.get("id")
    return SummaryFacts(
        account_id=account_id if type(account_id) is int else None,
        currency=currency(row.get("currency")),
        total_value=decimal(row.get("totalValue")),
        free_cash=decimal(cash.get("availableToTrade")),
        invested=decimal(investments.get("totalCost")),
        unrealised_result=decimal(investments.get("unrealizedProfitLoss")),
    )


def read_position(payload: Any) -> PositionFacts:
    """Read one open position. Without a wallet's figures they follow from price and quantity."""
    row = _object(current_position(payload))
    instrument, wallet = _object(row.get("instrument")), _object(row.get("walletImpact"))
    ticker = text(instrument.get("ticker")) or text(row.get("ticker"))
    quantity = decimal(row.get("quantity"))
    average = decimal(row.get("averagePricePaid"))
    cost, value = decimal(wallet.get("totalCost")), decimal(wallet.get("currentValue"))
    code = currency(wallet.get("currency"))
    if cost is None and value is None:
        cost, value = _times(quantity, average), _times(quantity, decimal(row.get("currentPrice")))
        code = currency(instrument.get("currency"))
    result = decimal(wallet.get("unrealizedProfitLoss"))
    if result is None and cost is not None and value is not None:
        result = value - cost
    return PositionFacts(
        ticker=ticker,
        quantity=quantity,
        average_price=average,
        currency=code,
        cost=cost,
        value=value,
        unrealised_result=result,
        refusal=_position_refusal(ticker, quantity),
    )


def read_pie(payload: Any) -> PieFacts:
    """Read a pie in detail; the list of pies has neither names nor slices."""
    row = _object(payload)
    settings = _object(row.get("settings"))
    pie_id, listed = settings.get("id"), row.get("instruments")
    return PieFacts(
        pie_id=pie_id if type(pie_id) is int else None,
        name=text(settings.get("name")),
        created_at=instant(settings.get("creationDate")),
        slices=tuple(_slice(_object(one)) for one in listed) if isinstance(listed, list) else (),
    )


def _slice(row: dict[str, Any]) -> PieSlice:
    result = _object(row.get("result"))
    return PieSlice(
        ticker=text(row.get("ticker")),
        quantity=decimal(row.get("ownedQuantity")),
        invested=_first(result.get("priceAvgInvestedValue"), result.get("investedValue")),
        value=_first(result.get("priceAvgValue"), result.get("value")),
        result=_first(result.get("priceAvgResult"), result.get("result")),
    )


def _position_refusal(ticker: str | None, quantity: Decimal | None) -> str | None:
    if ticker is None:
        return "instrument.ticker is missing"
    return "quantity is not a number" if quantity is None else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(*values: Any) -> Decimal | None:
    return next((n for value in values if (n := decimal(value)) is not None), None)


def _times(quantity: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if quantity is None or price is None else quantity * price
