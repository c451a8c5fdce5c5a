"""What rows of the broker say otherwise than documented."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sandbox.broker_quirks.quirk import (
    BrokerQuirk,
    Call,
    Row,
    each_fill,
    each_item,
    each_row,
)

_EVERY = 5
_FORMER = ("AAPL_US_EQ", "AAPO_US_EQ")
_FORMER_UNTIL = "2025-01-01"
_DELISTED = ("KO_US_EQ", "VODl_EQ")
_POLLS = 2


def _but(row: Row, **fields: Any) -> Row:
    return {**row, **fields}


def _wallet(fill: Row, **fields: Any) -> Row:
    return {**fill, "walletImpact": {**fill["walletImpact"], **fields}}


def _other_way_round(fill: Row, _: Row) -> Row:
    rate = Decimal(1) / fill["walletImpact"]["fxRate"]
    return _wallet(fill, fxRate=rate.quantize(Decimal("0.00000001")))


def _signed(fill: Row, order: Row) -> Row:
    value = fill["walletImpact"]["netValue"]
    return _wallet(fill, netValue=-value if order["side"] == "BUY" else value)


def _unsigned(fill: Row, _: Row) -> Row:
    return _but(fill, quantity=abs(fill["quantity"]))


def _former_ticker(item: Row) -> Row:
    order, fill = item["order"], item.get("fill", {})
    now, then = _FORMER
    if order["ticker"] != now or fill.get("filledAt", order["createdAt"]) >= _FORMER_UNTIL:
        return item
    instrument = {**order["instrument"], "ticker": then}
    return {**item, "order": {**order, "ticker": then, "instrument": instrument}}


def _without_delisted(told: Any, call: Call) -> Any:
    if call.endpoint != "instruments":
        return told
    return [row for row in told if row["ticker"] not in _DELISTED]


def _unheard_of(told: Any, call: Call) -> Any:
    match call.endpoint:
        case "history_orders":
            items = [
                {**item, "order": {**item["order"], "initiatedFrom": "INSTRUMENT_AUTOINVEST"}}
                for item in told["items"]
            ]
            return {**told, "items": items}
        case "history_dividends":
            return {**told, "items": [_but(row, type="NEW_KIND") for row in told["items"]]}
        case "orders":
            return [_but(row, status="SETTLING", type="TRAILING_STOP") for row in told]
    return told


def _gaps_in_instruments(told: Any, call: Call) -> Any:
    if call.endpoint != "instruments":
        return told
    gaps: tuple[Row, ...] = (
        {"isin": None, "shortName": None, "maxOpenQuantity": None},
        {"name": None, "type": None, "addedOn": None},
        {"workingScheduleId": None, "extendedHours": None},
    )
    return [{**row, **gaps[n % len(gaps)]} for n, row in enumerate(told)]


def _interest_as_deposit(row: Row) -> Row:
    return _but(row, type="DEPOSIT") if "INTEREST" in row["type"] else row


def _with_gaps(told: Any, call: Call) -> Any:
    if call.endpoint == "positions":
        return [_gap_in_position(n, row) for n, row in enumerate(told)]
    if call.endpoint not in ("history_orders", "history_dividends", "history_transactions"):
        return told
    return {**told, "items": [_gap_in_item(item) for item in told["items"]]}


def _gap_in_position(place: int, row: Row) -> Row:
    match place:
        case 0:
            return {name: value for name, value in row.items() if name != "instrument"}
        case 1:
            return {**row, "instrument": {**row["instrument"], "ticker": ""}}
        case 2:
            return _but(row, currentPrice=None)
    return row


def _gap_in_item(item: Row) -> Row:
    # By content, so that a row has the same gap in every answer.
    place = sum(json.dumps(item, default=str).encode()) % _EVERY
    if "reference" in item:
        return item if place else {k: v for k, v in item.items() if k != "reference"}
    fill = item.get("fill")
    if fill is None or place > 1:
        return item
    gap = "id" if place else "filledAt"
    return {**item, "fill": {name: value for name, value in fill.items() if name != gap}}


def _other_names(row: Row) -> Row:
    if row["type"] != "WITHDRAW":
        return row
    return _but(row, type="WITHDRAWAL", amount=abs(row["amount"]))


def _without_currency(told: Any, call: Call) -> Any:
    if call.endpoint == "instruments":
        return [{k: v for k, v in row.items() if k != "currencyCode"} for row in told]
    if call.endpoint == "positions":
        return [_silent_instrument(row) for row in told]
    if call.endpoint == "history_orders":
        items = [{**item, "order": _silent_instrument(item["order"])} for item in told["items"]]
        return {**told, "items": items}
    return told


def _silent_instrument(row: Row) -> Row:
    instrument = {k: v for k, v in row["instrument"].items() if k != "currency"}
    return {**row, "instrument": instrument}


def _at_work(told: Any, call: Call) -> Any:
    if call.endpoint != "exports" or call.number > _POLLS:
        return told
    status = ("Queued", "Processing")[call.number - 1]
    return [
        {**{k: v for k, v in report.items() if k != "downloadLink"}, "status": status}
        for report in told
    ]


def _always(number: str, what: str) -> BrokerQuirk:
    return BrokerQuirk(number=number, what=what, is_always=True)


QUIRKS = (
    _always("Q1", "London lines are quoted in pence; what reaches the wallet is in pounds"),
    _always("Q2", "GBX stands where a currency of ISO 4217 would"),
    BrokerQuirk(
        number="Q3", what="fxRate is pounds for a unit", body=each_fill(_other_way_round)
    ),
    BrokerQuirk(number="Q4", what="netValue of a buy is negative", body=each_fill(_signed)),
    BrokerQuirk(number="Q5", what="the quantity of a sale is positive", body=each_fill(_unsigned)),
    _always("Q6", "an order that is filled in parts is an item for each part"),
    _always("Q7", "an order that was cancelled is an item without a fill"),
    _always("Q8", "a split is a sale of the old shares and a buy of the new, at one instant"),
    BrokerQuirk(
        number="Q9",
        what="what was traded before a rename is told under the ticker of then",
        body=each_item(_former_ticker, "history_orders"),
    ),
    _always("Q10", "a ticker does not say where it trades, nor in what currency"),
    BrokerQuirk(
        number="Q11",
        what="what is not traded any more is not in the list of instruments",
        body=_without_delisted,
    ),
    BrokerQuirk(
        number="Q12", what="enumerations have values nobody has heard of", body=_unheard_of
    ),
    BrokerQuirk(
        number="Q13", what="fields of instruments are null", body=_gaps_in_instruments
    ),
    _always("Q14", "quantities have eight decimals"),
    _always("Q15", "interest is called INTEREST_ON_FREE_CASH, never INTEREST"),
    _always("Q16", "tickerCurrency of dividends is absent"),
    _always("Q17", "all fills together are what is held"),
    BrokerQuirk(
        number="Q18", what="a report is Queued, then Processing, before it is Finished",
        body=_at_work,
    ),
    _always("Q19", "shares in pies cannot be sold: quantityAvailableForTrading is less"),
    _always("Q20", "an ISA has a key of its own, and nothing but its number tells it apart"),
    _always("Q21", "the list of instruments may be asked for once in 50 seconds"),
    _always("Q22", "a key of a practice account is refused by the real host, and the reverse"),
    BrokerQuirk(
        number="Q23",
        what="daily interest is of the type DEPOSIT",
        body=each_item(_interest_as_deposit, "history_transactions"),
    ),
    _always("Q24", "cursor and time of the transactions are those of the next page's first row"),
    BrokerQuirk(
        number="Q25",
        what="positions lack instrument, ticker or price; items lack id, instant or reference",
        body=_with_gaps,
    ),
    BrokerQuirk(
        number="Q26",
        what="a withdrawal is called WITHDRAWAL and is positive",
        body=each_item(_other_names, "history_transactions"),
    ),
    BrokerQuirk(
        number="Q27", what="nothing tells the currency of an instrument", body=_without_currency
    ),
    BrokerQuirk(
        number="noisy",
        what="rows have keys nobody knows",
        body=each_row(lambda row: {**row, "x": {"deep": [None]}}, "positions", "instruments"),
    ),
)  # fmt: skip
