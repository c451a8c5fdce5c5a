"""The API as it was in 2024: other endpoints, flat orders, no currencies."""

from __future__ import annotations

from typing import Any

from sandbox.broker_quirks.quirk import BrokerQuirk, Call, Row
from sandbox.faults import Fault

_NOT_YET = ("summary", "positions")
_MOVED = ("/equity/history/dividends", "/equity/history/transactions")


def _not_yet(call: Call) -> Fault | None:
    return Fault(status=404, text="") if call.endpoint in _NOT_YET or call.path in _MOVED else None


def _former(told: Any, call: Call) -> Any:
    match call.endpoint:
        case "history_orders":
            return {**told, "items": [flat(item) for item in told["items"]]}
        case "history_dividends" | "history_transactions":
            unsaid = ("currency", "instrument")
            rows = [{k: v for k, v in row.items() if k not in unsaid} for row in told["items"]]
            return {**told, "items": rows}
        case "instruments":
            return [
                {("shortname" if k == "shortName" else k): v for k, v in row.items()}
                for row in told
            ]
        case "pies":
            return [{**row, "result": _result(row["result"])} for row in told]
        case "pie":
            slices = [{**one, "result": _result(one["result"])} for one in told["instruments"]]
            return {**told, "instruments": slices}
    return told


def _result(result: Row) -> Row:
    names = {"InvestedValue": "investedValue", "Value": "value", "Result": "result",
             "ResultCoef": "resultCoef"}  # fmt: skip
    return {names[name.removeprefix("priceAvg")]: value for name, value in result.items()}


def flat(item: Row) -> Row:
    """Return an item of the order history as it was: an order with its one fill in it."""
    order, fill = item["order"], item.get("fill")
    row: Row = {
        "id": order["id"],
        "ticker": order["ticker"],
        "type": order["type"],
        "status": order["status"],
        "executor": order["initiatedFrom"],
        "dateCreated": order["createdAt"],
        "orderedQuantity": order.get("quantity"),
        "orderedValue": order.get("value"),
        "limitPrice": order.get("limitPrice"),
        "stopPrice": order.get("stopPrice"),
        "timeValidity": "GTC" if order.get("timeInForce") == "GOOD_TILL_CANCEL" else "DAY",
    }
    if fill is None:
        return row
    wallet = fill["walletImpact"]
    return row | {
        "fillId": fill["id"],
        "fillType": fill["tradingMethod"],
        "fillPrice": fill["price"],
        "fillCost": wallet["netValue"],
        "fillResult": wallet.get("realisedProfitLoss"),
        "filledQuantity": fill["quantity"],
        "filledValue": wallet["netValue"],
        "dateExecuted": fill["filledAt"],
        "dateModified": fill["filledAt"],
        "taxes": [
            {
                "name": tax["name"],
                "quantity": tax["quantity"],
                "fillId": str(fill["id"]),
                "timeCharged": tax["chargedAt"],
            }
            for tax in wallet["taxes"]
        ],
    }


QUIRKS = (
    BrokerQuirk(
        number="legacy",
        what="the API is that of 2024: account/info and account/cash, portfolio, flat orders",
        refuses=_not_yet,
        body=_former,
    ),
    BrokerQuirk(
        number="cards",
        what="the household pays with the broker's card: cash goes down, and only reports say why",
    ),
)
