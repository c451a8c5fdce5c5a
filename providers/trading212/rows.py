"""What an item of a Trading 212 history says, read from its payload.

Pure functions: a payload in, facts out. What an item lacks for a ledger is named in ``refusal``;
the signs and rules are those of the public API v0 as seen on real accounts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from providers.text import currency, decimal, instant, text


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What is needed to land one item.

    :param key: identity where the provider gives one; None: its content decides.
    :param occurred_at: UTC.
    :param refusal: why it cannot be placed in the ledger; None if it can.
    """

    key: str | None
    ticker: str | None
    occurred_at: dt.datetime | None
    refusal: str | None


def read_order(payload: Any) -> ItemFacts:
    """Read one item of the order history: ``{"order": ..., "fill": ...}``, one item a fill.

    An order that ended without a fill moves no money and is no refusal.
    """
    row = _object(payload)
    order, fill = _object(row.get("order")), _object(row.get("fill"))
    order_id, fill_id = order.get("id"), fill.get("id")
    return ItemFacts(
        key=f"{order_id}:{fill_id}" if order_id is not None and (fill_id or not fill) else None,
        ticker=_ticker(order),
        occurred_at=instant(fill.get("filledAt")) or instant(order.get("createdAt")),
        refusal=_order_refusal(order, fill),
    )


def symbol(ticker: str) -> str:
    """Return the exchange's symbol in a ticker: ``AAPL`` of ``AAPL_US_EQ``, ``VOD`` of ``VODl_EQ``.

    The small letter is the venue. The form is not documented, so the symbol is for people to read;
    what identifies an instrument is its whole ticker.
    """
    name = ticker.partition("_")[0]
    return name[:-1] if len(name) > 1 and name[-1].islower() else name


def read_dividend(payload: Any) -> ItemFacts:
    """Read one item of the dividend history; its amount is in the account's currency."""
    row = _object(payload)
    occurred_at = instant(row.get("paidOn"))
    return ItemFacts(
        key=text(row.get("reference")),
        ticker=_ticker(row),
        occurred_at=occurred_at,
        refusal=_money_refusal(row, occurred_at, "paidOn"),
    )


def read_cash_transaction(payload: Any) -> ItemFacts:
    """Read one item of the cash history; its amount is in its own currency."""
    row = _object(payload)
    occurred_at = instant(row.get("dateTime"))
    return ItemFacts(
        key=text(row.get("reference")),
        ticker=None,
        occurred_at=occurred_at,
        refusal=_money_refusal(row, occurred_at, "dateTime"),
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _ticker(row: dict[str, Any]) -> str | None:
    return text(row.get("ticker")) or text(_object(row.get("instrument")).get("ticker"))


def _order_refusal(order: dict[str, Any], fill: dict[str, Any]) -> str | None:
    if not order:
        return "no order in the item"
    if not fill:
        return None
    if instant(fill.get("filledAt")) is None:
        return "fill.filledAt is missing"
    if order.get("side") not in ("BUY", "SELL"):
        return "order.side is neither BUY nor SELL"
    wallet = _object(fill.get("walletImpact"))
    if wallet.get("netValue") is None and text(fill.get("type")) not in (None, "TRADE"):
        return None  # a corporate action that moves shares and no money
    if decimal(wallet.get("netValue")) is None:
        return "fill.walletImpact.netValue is missing"
    if currency(wallet.get("currency")) is None:
        return "fill.walletImpact.currency is missing"
    return _part_refusal(fill.get("quantity"), wallet.get("taxes"))


def _part_refusal(quantity: Any, taxes: Any) -> str | None:
    """Refuse parts that are there and cannot be read; they may be missing."""
    if quantity is not None and decimal(quantity) is None:
        return "fill.quantity is not a number"
    if taxes is not None and not isinstance(taxes, list):
        return "fill.walletImpact.taxes is not a list"
    fees = [_object(tax).get("quantity") for tax in taxes or []]
    if any(fee is not None and decimal(fee) is None for fee in fees):
        return "fill.walletImpact.taxes has an amount that is not a number"
    return None


def _money_refusal(
    row: dict[str, Any], occurred_at: dt.datetime | None, instant_key: str
) -> str | None:
    if decimal(row.get("amount")) is None:
        return "amount is missing"
    if currency(row.get("currency")) is None:
        return "currency is missing"
    if occurred_at is None:
        return f"{instant_key} is missing"
    return None
