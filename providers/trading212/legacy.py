"""What Trading 212 answered before, in the shapes of today.

The API of 2024 named fields otherwise, had flat orders, and told no currencies: an account had one,
and its money was in that [Trading 212 public API v0, specification of June 2024]. What is read from
it has the names of today, so that everything behind knows one shape, and the original whole under
``legacy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.text import decimal

Row = dict[str, Any]

_TIMES_IN_FORCE = {"GTC": "GOOD_TILL_CANCEL"}
_SUMMARY = ("free", "total", "ppl", "invested")
_POSITION = ("averagePrice", "ppl", "pieQuantity", "maxSell", "initialFillDate")


def current_summary(payload: Any) -> Any:
    """Return a summary; of today, or ``account/info`` and ``account/cash`` in one object."""
    if not isinstance(payload, dict) or "cash" in payload or "investments" in payload:
        return payload
    if "currencyCode" not in payload and not any(name in payload for name in _SUMMARY):
        return payload
    invested, result = decimal(payload.get("invested")), decimal(payload.get("ppl"))
    value = None if invested is None or result is None else invested + result
    return _known(
        {
            "id": payload.get("id"),
            "currency": payload.get("currencyCode"),
            "totalValue": payload.get("total"),
            "cash": _known(
                {
                    "availableToTrade": payload.get("free"),
                    "inPies": payload.get("pieCash"),
                    "reservedForOrders": payload.get("blocked"),
                }
            ),
            "investments": _known(
                {
                    "currentValue": value,
                    "totalCost": payload.get("invested"),
                    "realizedProfitLoss": payload.get("result"),
                    "unrealizedProfitLoss": payload.get("ppl"),
                }
            ),
            "legacy": payload,
        }
    )


def current_position(payload: Any) -> Any:
    """Return a position; of today, or one of ``portfolio``."""
    if not isinstance(payload, dict) or "instrument" in payload or "walletImpact" in payload:
        return payload
    if not any(name in payload for name in _POSITION):
        return payload
    return _known(
        {
            "instrument": {"ticker": payload.get("ticker")},
            "quantity": payload.get("quantity"),
            "quantityAvailableForTrading": payload.get("maxSell"),
            "quantityInPies": payload.get("pieQuantity"),
            "averagePricePaid": payload.get("averagePrice"),
            "currentPrice": payload.get("currentPrice"),
            "createdAt": payload.get("initialFillDate"),
            "walletImpact": _known(
                {"unrealizedProfitLoss": payload.get("ppl"), "fxImpact": payload.get("fxPpl")}
            ),
            "legacy": payload,
        }
    )


def current_order(payload: Any, currency: str) -> Any:
    """Return an item of the order history; of today, or a flat order with its one fill.

    :param currency: the account's.
    """
    if not isinstance(payload, dict) or "order" in payload or "dateCreated" not in payload:
        return payload
    quantity = payload.get("filledQuantity")
    if quantity is None:
        quantity = payload.get("orderedQuantity")
    is_sale = (decimal(quantity) or 0) < 0 or (decimal(payload.get("filledValue")) or 0) < 0
    order = {
        "id": payload.get("id"),
        "ticker": payload.get("ticker"),
        "instrument": _known({"ticker": payload.get("ticker")}),
        "type": payload.get("type"),
        "side": "SELL" if is_sale else "BUY",
        "strategy": "QUANTITY" if payload.get("orderedValue") is None else "VALUE",
        "status": payload.get("status"),
        "quantity": payload.get("orderedQuantity"),
        "filledQuantity": payload.get("filledQuantity"),
        "value": payload.get("orderedValue"),
        "filledValue": payload.get("filledValue"),
        "limitPrice": payload.get("limitPrice"),
        "stopPrice": payload.get("stopPrice"),
        "timeInForce": _TIMES_IN_FORCE.get(
            payload.get("timeValidity") or "", payload.get("timeValidity")
        ),
        "createdAt": payload.get("dateCreated"),
        "initiatedFrom": payload.get("executor"),
    }
    item: Row = {"order": _known(order), "legacy": payload}
    if payload.get("fillId") is not None or payload.get("dateExecuted") is not None:
        item["fill"] = _fill(payload, currency)
    return item


def _fill(payload: Mapping[str, Any], currency: str) -> Row:
    taxes = payload.get("taxes")
    value = payload.get("fillCost")
    wallet = {
        "currency": currency,
        "netValue": payload.get("filledValue") if value is None else value,
        "realisedProfitLoss": payload.get("fillResult"),
        "taxes": [_tax(tax, currency) for tax in taxes if isinstance(tax, dict)]
        if isinstance(taxes, list)
        else taxes,
    }
    return _known(
        {
            "id": payload.get("fillId"),
            "type": "TRADE",
            "quantity": payload.get("filledQuantity"),
            "price": payload.get("fillPrice"),
            "filledAt": payload.get("dateExecuted"),
            "tradingMethod": payload.get("fillType"),
            "walletImpact": _known(wallet),
        }
    )


def _tax(tax: Mapping[str, Any], currency: str) -> Row:
    return _known(
        {
            "name": tax.get("name"),
            "quantity": tax.get("quantity"),
            "currency": currency,
            "chargedAt": tax.get("timeCharged"),
        }
    )


def with_currency(payload: Any, currency: str) -> Any:
    """Return a row of the dividends or the cash of 2024, which told no currency, with one.

    :param currency: the account's.
    """
    if not isinstance(payload, dict) or "currency" in payload:
        return payload
    return {**payload, "currency": currency, "legacy": payload}


def current_instrument(payload: Any) -> Any:
    """Return an instrument; of today, or one whose short name is written otherwise."""
    if not isinstance(payload, dict) or "shortname" not in payload or "shortName" in payload:
        return payload
    renamed = {("shortName" if k == "shortname" else k): v for k, v in payload.items()}
    return {**renamed, "legacy": payload}


def _known(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in row.items() if value is not None}
