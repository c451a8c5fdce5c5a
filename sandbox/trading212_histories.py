"""The three histories of the broker's account, newest first, page after page."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.routing import Route

from sandbox.broker import CURRENCY
from sandbox.clock import iso_millis, parse_instant
from sandbox.core import core_of
from sandbox.instruments import Instrument
from sandbox.limits import Limit
from sandbox.portfolio import Dividend, Fill, Order
from sandbox.trading212 import instrument_body, order_body
from sandbox.trading212_wire import Json, bad_request, call_of, with_key

T = TypeVar("T")
Instant = Callable[[dt.datetime], dt.datetime]

HISTORY = Limit(6, 60)


@with_key("history:orders", HISTORY)
async def history_orders(request: Request) -> Json:
    """Page through what became of orders: one item a fill, newest first."""
    core = core_of(request)
    now = core.now()
    at = core.broker_quirks.instant
    rows: list[tuple[dt.datetime, Order, Fill | None]] = []
    for each in core.world.broker.orders:
        if each.fills:
            rows += [(at(fill.at), each, fill) for fill in each.fills if fill.at <= now]
        elif each.closed_at <= now:
            rows.append((at(each.closed_at), each, None))
    rows.sort(key=lambda row: row[0], reverse=True)
    chosen = [row for row in rows if _asked_for(request, row[1].instrument)]
    page, path = _by_millis(request, "orders", chosen, lambda row: row[0])
    items = [
        {"order": order_body(each, now)} | ({"fill": _fill(fill, at)} if fill else {})
        for _, each, fill in page
    ]
    return {"items": items, "nextPagePath": path}


@with_key("history:dividends", HISTORY)
async def history_dividends(request: Request) -> Json:
    """Page through the dividends, newest first."""
    core = core_of(request)
    now = core.now()
    rows = [
        row
        for row in reversed(core.world.broker.dividends)
        if row.at <= now and _asked_for(request, row.instrument)
    ]
    rows.sort(key=lambda row: row.at, reverse=True)
    at = core.broker_quirks.instant
    page, path = _by_millis(request, "dividends", rows, lambda row: at(row.at))
    return {"items": [_dividend(row, at) for row in page], "nextPagePath": path}


def _dividend(row: Dividend, at: Instant) -> Json:
    return {
        "ticker": row.instrument.ticker,
        "instrument": instrument_body(row.instrument),
        "reference": row.reference,
        "quantity": row.quantity,
        "amount": row.amount,
        "currency": CURRENCY,
        "grossAmountPerShare": row.per_share,
        "amountInEuro": row.amount_in_euro,
        "paidOn": iso_millis(at(row.at)),
        "type": "DIVIDEND",
    }


@with_key("history:transactions", HISTORY)
async def history_transactions(request: Request) -> Json:
    """Page through the cash movements, newest first; a cursor needs its time beside it."""
    core = core_of(request)
    now = core.now()
    query, at = request.query_params, core.broker_quirks.instant
    rows = [row for row in core.world.broker.cash if row.at <= now]
    rows.sort(key=lambda row: row.at, reverse=True)
    if "time" in query:
        try:
            newest = parse_instant(query["time"])
        except ValueError as cause:
            raise bad_request(detail="time is not an instant") from cause
        rows = [row for row in rows if at(row.at) <= newest]
    if "cursor" in query:
        try:
            cursor = str(uuid.UUID(query["cursor"]))
        except ValueError as cause:
            raise bad_request(detail="cursor is not one of ours") from cause
        if "time" not in query:
            raise bad_request(detail="cursor needs time")
        position = next((n for n, row in enumerate(rows) if row.reference == cursor), None)
        if position is None:
            raise bad_request(detail="cursor is not one of ours")
        rows = rows[position:]
    rows = rows[core.broker_quirks.skipped(call_of(request)) :]
    limit = _limit(request)
    path = None
    if len(rows) > limit:
        following = rows[limit]
        asked = {
            "limit": limit,
            "cursor": following.reference,
            "time": iso_millis(at(following.at)),
        }
        path = f"/api/v0/equity/history/transactions?{urlencode(asked, safe=':')}"
    items = [
        {
            "type": row.type,
            "amount": row.amount,
            "currency": CURRENCY,
            "reference": row.reference,
            "dateTime": iso_millis(at(row.at)),
        }
        for row in rows[:limit]
    ]
    return {"items": items, "nextPagePath": path}


def _by_millis(
    request: Request, name: str, rows: list[T], at: Callable[[T], dt.datetime]
) -> tuple[list[T], str | None]:
    """Return the page that follows a cursor of milliseconds, and the path of the next one."""
    text = request.query_params.get("cursor")
    if text is not None:
        if not text.isdecimal():
            raise bad_request(detail="cursor is not a number")
        rows = [row for row in rows if _millis(at(row)) < int(text)]
    rows = rows[core_of(request).broker_quirks.skipped(call_of(request)) :]
    limit = _limit(request)
    if len(rows) <= limit:
        return rows, None
    path = f"/api/v0/equity/history/{name}?limit={limit}&cursor={_millis(at(rows[limit - 1]))}"
    ticker = request.query_params.get("ticker")
    return rows[:limit], path + (f"&ticker={quote(ticker)}" if ticker else "")


def _millis(at: dt.datetime) -> int:
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "20")
    if not text.isdecimal() or not 1 <= int(text) <= 50:
        raise bad_request(detail="limit must be from 1 to 50")
    return int(text)


def _asked_for(request: Request, instrument: Instrument) -> bool:
    return request.query_params.get("ticker") in (None, instrument.ticker)


def _fill(fill: Fill, at: Instant) -> Json:
    impact: Json = {
        "currency": CURRENCY,
        "netValue": fill.net,
        "fxRate": fill.fx_rate,
        "taxes": [
            {
                "name": name,
                "quantity": amount,
                "currency": CURRENCY,
                "chargedAt": iso_millis(at(fill.at)),
            }
            for name, amount in fill.taxes
        ],
    }
    if fill.realised is not None:
        impact["realisedProfitLoss"] = fill.realised
    return {
        "id": fill.id,
        "type": fill.type,
        "quantity": fill.quantity,
        "price": fill.price,
        "filledAt": iso_millis(at(fill.at)),
        "tradingMethod": "TOTV",
        "walletImpact": impact,
    }


ROUTES = [
    Route("/equity/history/orders", history_orders),
    Route("/equity/history/dividends", history_dividends),
    Route("/equity/history/transactions", history_transactions),
    # As the API of 2024 has them.
    Route("/history/dividends", history_dividends),
    Route("/history/transactions", history_transactions),
]
