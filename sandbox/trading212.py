"""Trading 212 public API v0: the reading half, for one Invest account."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import TRADING212_KEY, TRADING212_NARROW_KEY, TRADING212_SECRET
from sandbox.broker import ACCOUNT_ID, CURRENCY, Dividend, Fill, Holding, Order, fold
from sandbox.clock import UK, iso_millis, parse_instant
from sandbox.core import Core, core_of
from sandbox.instruments import INSTRUMENTS, Instrument, Venue
from sandbox.limits import Limit
from sandbox.market import PENNY
from sandbox.wire import ApiError, answer
from sandbox.working_days import ONE_DAY, is_working

Handler = Callable[[Request], Awaitable[Response]]
Json = dict[str, Any]
T = TypeVar("T")

SCOPES = {
    TRADING212_KEY: frozenset(
        (
            "account", "portfolio", "metadata", "orders:read", "history:orders",
            "history:dividends", "history:transactions", "pies:read",
        )
    ),
    TRADING212_NARROW_KEY: frozenset(("account",)),
}  # fmt: skip
HISTORY = Limit(6, 60)


def with_key(scope: str, limit: Limit) -> Callable[[Handler], Handler]:
    """Let only keys with a scope in, and count the call against the endpoint's limit."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded(request: Request) -> Response:
            key = _key(request.headers.get("authorization", ""))
            if key not in SCOPES:
                raise ApiError(401, "")
            if scope not in SCOPES[key]:
                raise ApiError(403, f"Scope({scope}) missing for API key")
            # The limit is the account's, over all its keys.
            standing = core_of(request).trading212_windows.take(handler.__name__, limit)
            headers = {
                "x-ratelimit-limit": str(standing.limit.calls),
                "x-ratelimit-period": str(standing.limit.period),
                "x-ratelimit-remaining": str(standing.remaining),
                "x-ratelimit-reset": str(int(standing.reset) + 1),
                "x-ratelimit-used": str(standing.used),
            }
            if standing.refused:
                raise ApiError(429, "", headers)
            try:
                response = await handler(request)
            except ApiError as refusal:
                refusal.headers |= headers
                raise
            response.headers.update(headers)
            return response

        return guarded

    return decorate


def _key(header: str) -> str | None:
    """Return the key of a call: HTTP Basic with the secret, or the bare key as it used to be."""
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return header
    try:
        key, _, secret = base64.b64decode(packed).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return key if secret == TRADING212_SECRET else None


# Account and positions


@with_key("account", Limit(1, 5))
async def summary(request: Request) -> Response:
    """Return cash and investments at a glance."""
    core = core_of(request)
    now = core.now()
    broker = core.world.broker
    fills = broker.fills_until(now)
    cash = broker.cash_until(now)
    reserved = sum((order.reserved for order in broker.pending(now)), Decimal("0.00"))
    positions = [_position(core, holding, now) for holding in fold(fills).values()]
    value = sum((row["walletImpact"]["currentValue"] for row in positions), Decimal("0.00"))
    cost = sum((row["walletImpact"]["totalCost"] for row in positions), Decimal("0.00"))
    realised = sum((fill.realised or Decimal(0) for _, fill in fills), Decimal("0.00"))
    return answer(
        {
            "id": ACCOUNT_ID,
            "currency": CURRENCY,
            "totalValue": cash + value,
            "cash": {
                "availableToTrade": cash - reserved,
                "inPies": Decimal("0.00"),
                "reservedForOrders": reserved,
            },
            "investments": {
                "currentValue": value,
                "totalCost": cost,
                "realizedProfitLoss": realised,
                "unrealizedProfitLoss": value - cost,
            },
        }
    )


@with_key("portfolio", Limit(1, 1))
async def positions(request: Request) -> Response:
    """List what is held, of one ticker or all."""
    core = core_of(request)
    now = core.now()
    ticker = request.query_params.get("ticker")
    held = fold(core.world.broker.fills_until(now))
    rows = [holding for name, holding in sorted(held.items()) if ticker in (None, name)]
    return answer([_position(core, holding, now) for holding in rows])


def _position(core: Core, holding: Holding, now: dt.datetime) -> Json:
    day = now.astimezone(UK).date()
    market, instrument = core.world.market, holding.instrument
    price = market.value(instrument.price, day)
    rate = instrument.fx_rate(market, day)
    value = (holding.quantity * price / rate).quantize(PENNY)
    return {
        "instrument": instrument_body(instrument),
        "createdAt": iso_millis(holding.since),
        "quantity": holding.quantity,
        "quantityAvailableForTrading": holding.quantity,
        "quantityInPies": Decimal(0),
        "currentPrice": price,
        "averagePricePaid": (holding.paid / holding.quantity).quantize(Decimal("0.00000001")),
        "walletImpact": {
            "currency": CURRENCY,
            "totalCost": holding.cost,
            "currentValue": value,
            "unrealizedProfitLoss": value - holding.cost,
            # What would be different had the exchange rate stayed what it was.
            "fxImpact": (holding.paid / rate).quantize(PENNY) - holding.cost,
        },
    }


# Metadata


@with_key("metadata", Limit(1, 50))
async def instruments(request: Request) -> Response:
    """List what can be traded."""
    del request
    return answer(
        [
            {
                "ticker": each.ticker,
                "type": each.type,
                "workingScheduleId": each.venue.schedule_id,
                "isin": each.isin,
                "currencyCode": each.currency,
                "name": each.name,
                "shortName": each.short_name,
                "maxOpenQuantity": Decimal(12000),
                "extendedHours": each.venue in (Venue.NASDAQ, Venue.NYSE),
                "addedOn": "2020-07-07T07:07:07.000Z",
            }
            for each in INSTRUMENTS.values()
        ]
    )


@with_key("metadata", Limit(1, 30))
async def exchanges(request: Request) -> Response:
    """List the exchanges and when they open in the next week."""
    today = core_of(request).state.clock.today()
    week = [today + n * ONE_DAY for n in range(7) if is_working(today + n * ONE_DAY)]
    return answer(
        [
            {
                "id": venue.exchange_id,
                "name": venue.title,
                "workingSchedules": [
                    {
                        "id": venue.schedule_id,
                        "timeEvents": [
                            {"date": f"{day}T{hour:02d}:00:00.000Z", "type": kind}
                            for day in week
                            for hour, kind in ((venue.trades_at - 1, "OPEN"), (16, "CLOSE"))
                        ],
                    }
                ],
            }
            for venue in Venue
        ]
    )


# Orders


@with_key("orders:read", Limit(1, 5))
async def orders(request: Request) -> Response:
    """List the orders that stand."""
    core = core_of(request)
    now = core.now()
    return answer([_order(order, now) for order in core.world.broker.pending(now)])


@with_key("orders:read", Limit(1, 1))
async def order(request: Request) -> Response:
    """Return one order that stands; one that is filled or cancelled is gone."""
    core = core_of(request)
    now = core.now()
    wanted = request.path_params["id"]
    for each in core.world.broker.pending(now):
        if str(each.id) == wanted:
            return answer(_order(each, now))
    raise _problem(404, "entity-not-found", "Order not found", f"No order with id {wanted}")


def _order(order: Order, now: dt.datetime) -> Json:
    open_ = now < order.closed_at
    filled = sum((fill.quantity for fill in order.fills if fill.at <= now), Decimal(0))
    body: Json = {
        "id": order.id,
        "ticker": order.instrument.ticker,
        "instrument": instrument_body(order.instrument),
        "type": order.type,
        "side": order.side,
        "strategy": order.strategy,
        "status": "NEW" if open_ else order.status,
        "currency": order.instrument.currency,
        "createdAt": iso_millis(order.created_at),
        "extendedHours": False,
        "initiatedFrom": order.initiated_from,
    }
    if order.strategy == "VALUE":
        net = sum((fill.net for fill in order.fills if fill.at <= now), Decimal(0))
        body |= {"value": order.value, "filledValue": net, "currency": CURRENCY}
    else:
        body |= {"quantity": order.quantity, "filledQuantity": filled}
    if order.limit_price is not None:
        body |= {"limitPrice": order.limit_price, "timeInForce": order.time_in_force}
    return body


def _fill(fill: Fill) -> Json:
    impact: Json = {
        "currency": CURRENCY,
        "netValue": fill.net,
        "fxRate": fill.fx_rate,
        "taxes": [
            {
                "name": name,
                "quantity": amount,
                "currency": CURRENCY,
                "chargedAt": iso_millis(fill.at),
            }
            for name, amount in fill.taxes
        ],
    }
    if fill.realised is not None:
        impact["realisedProfitLoss"] = fill.realised
    return {
        "id": fill.id,
        "type": "TRADE",
        "quantity": fill.quantity,
        "price": fill.price,
        "filledAt": iso_millis(fill.at),
        "tradingMethod": "TOTV",
        "walletImpact": impact,
    }


def instrument_body(instrument: Instrument) -> Json:
    """Return an instrument as it is embedded in other bodies."""
    return {
        "ticker": instrument.ticker,
        "name": instrument.name,
        "isin": instrument.isin,
        "currency": instrument.currency,
    }


# History


@with_key("history:orders", HISTORY)
async def history_orders(request: Request) -> Response:
    """Page through what became of orders: one item a fill, newest first."""
    core = core_of(request)
    now = core.now()
    rows: list[tuple[dt.datetime, Order, Fill | None]] = []
    for each in core.world.broker.orders:
        if each.fills:
            rows += [(fill.at, each, fill) for fill in each.fills if fill.at <= now]
        elif each.closed_at <= now:
            rows.append((each.closed_at, each, None))
    rows.sort(key=lambda row: row[0], reverse=True)
    chosen = [row for row in rows if _asked_for(request, row[1].instrument)]
    page, path = _by_millis(request, "orders", chosen, lambda row: row[0])
    items = [
        {"order": _order(each, now)} | ({"fill": _fill(fill)} if fill else {})
        for _, each, fill in page
    ]
    return answer({"items": items, "nextPagePath": path})


@with_key("history:dividends", HISTORY)
async def history_dividends(request: Request) -> Response:
    """Page through the dividends, newest first."""
    core = core_of(request)
    now = core.now()
    rows = [
        row
        for row in reversed(core.world.broker.dividends)
        if row.at <= now and _asked_for(request, row.instrument)
    ]
    rows.sort(key=lambda row: row.at, reverse=True)
    page, path = _by_millis(request, "dividends", rows, lambda row: row.at)
    return answer({"items": [_dividend(row) for row in page], "nextPagePath": path})


def _dividend(row: Dividend) -> Json:
    return {
        "ticker": row.instrument.ticker,
        "instrument": instrument_body(row.instrument),
        "reference": row.reference,
        "quantity": row.quantity,
        "amount": row.amount,
        "currency": CURRENCY,
        "grossAmountPerShare": row.per_share,
        "amountInEuro": row.amount_in_euro,
        "paidOn": iso_millis(row.at),
        "type": "DIVIDEND",
    }


@with_key("history:transactions", HISTORY)
async def history_transactions(request: Request) -> Response:
    """Page through the cash movements, newest first; a cursor needs its time beside it."""
    core = core_of(request)
    now = core.now()
    query = request.query_params
    rows = [row for row in core.world.broker.cash if row.at <= now]
    rows.sort(key=lambda row: row.at, reverse=True)
    if "time" in query:
        try:
            newest = parse_instant(query["time"])
        except ValueError as cause:
            raise _bad_request(detail="time is not an instant") from cause
        rows = [row for row in rows if row.at <= newest]
    if "cursor" in query:
        try:
            cursor = str(uuid.UUID(query["cursor"]))
        except ValueError as cause:
            raise _bad_request(detail="cursor is not one of ours") from cause
        if "time" not in query:
            raise _bad_request(detail="cursor needs time")
        position = next((n for n, row in enumerate(rows) if row.reference == cursor), None)
        if position is None:
            raise _bad_request(detail="cursor is not one of ours")
        rows = rows[position:]
    limit = _limit(request)
    path = None
    if len(rows) > limit:
        following = rows[limit]
        asked = {"limit": limit, "cursor": following.reference, "time": iso_millis(following.at)}
        path = f"/api/v0/equity/history/transactions?{urlencode(asked, safe=':')}"
    items = [
        {
            "type": row.type,
            "amount": row.amount,
            "currency": CURRENCY,
            "reference": row.reference,
            "dateTime": iso_millis(row.at),
        }
        for row in rows[:limit]
    ]
    return answer({"items": items, "nextPagePath": path})


def _by_millis(
    request: Request, name: str, rows: list[T], at: Callable[[T], dt.datetime]
) -> tuple[list[T], str | None]:
    """Return the page that follows a cursor of milliseconds, and the path of the next one."""
    text = request.query_params.get("cursor")
    if text is not None:
        if not text.isdecimal():
            raise _bad_request(detail="cursor is not a number")
        rows = [row for row in rows if _millis(at(row)) < int(text)]
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
        raise _bad_request(detail="limit must be from 1 to 50")
    return int(text)


def _asked_for(request: Request, instrument: Instrument) -> bool:
    return request.query_params.get("ticker") in (None, instrument.ticker)


# Pies and reports: none


@with_key("pies:read", Limit(1, 30))
async def pies(request: Request) -> Response:
    """List the pies: none."""
    del request
    return answer([])


@with_key("pies:read", Limit(1, 5))
async def pie(request: Request) -> Response:
    """Find no pie."""
    raise _problem(404, "entity-not-found", "Pie not found", f"No pie {request.path_params['id']}")


@with_key("history:orders", Limit(1, 60))
async def exports(request: Request) -> Response:
    """List the reports: none."""
    del request
    return answer([])


def _bad_request(*, detail: str) -> ApiError:
    return _problem(400, "validation", "Bad filtering arguments", detail)


def _problem(status: int, kind: str, title: str, detail: str) -> ApiError:
    body = {
        "type": f"/api-errors/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "traceId": uuid.uuid4().hex,
    }
    return ApiError(status, body)


ROUTES = [
    Route("/equity/account/summary", summary),
    Route("/equity/positions", positions),
    Route("/equity/metadata/instruments", instruments),
    Route("/equity/metadata/exchanges", exchanges),
    Route("/equity/orders", orders),
    Route("/equity/orders/{id}", order),
    Route("/equity/history/orders", history_orders),
    Route("/equity/history/dividends", history_dividends),
    Route("/equity/history/transactions", history_transactions),
    Route("/equity/history/exports", exports),
    Route("/equity/pies", pies),
    Route("/equity/pies/{id}", pie),
]
