"""Trading 212 public API v0: what an account is worth, holds and has ordered; what is traded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.broker import CURRENCY
from sandbox.cards import spent_by_card
from sandbox.clock import UK, iso_millis
from sandbox.core import Core, core_of
from sandbox.instruments import Instrument, Venue
from sandbox.limits import Limit
from sandbox.market import PENNY
from sandbox.portfolio import Holding, Order
from sandbox.trading212_wire import Json, key_of, problem, with_key
from sandbox.working_days import ONE_DAY, is_working

PARTLY_IN_PIES = Decimal(2)
"""Half of what is held of an instrument that is in a pie is in it."""
IN_PIES = frozenset(("VUSAl_EQ", "SXR8d_EQ", "AAPL_US_EQ", "MSFT_US_EQ"))

# Account and positions


@with_key("account", Limit(1, 5))
async def summary(request: Request) -> Any:
    """Return cash and investments at a glance."""
    core = core_of(request)
    return summary_body(core, core.now(), key_of(request).account_id)


def summary_body(core: Core, now: dt.datetime, account_id: int) -> Json:
    """Return what an account is worth."""
    broker = core.world.broker
    fills = broker.fills_until(now)
    cash = broker.cash_until(now) + spent_by_card(core, now)
    reserved = sum((order.reserved for order in broker.pending(now)), Decimal("0.00"))
    positions = [position_body(core, holding, now) for holding in broker.holdings_at(now).values()]
    value = sum((row["walletImpact"]["currentValue"] for row in positions), Decimal("0.00"))
    cost = sum((row["walletImpact"]["totalCost"] for row in positions), Decimal("0.00"))
    realised = sum((fill.realised or Decimal(0) for _, fill in fills), Decimal("0.00"))
    return {
        "id": account_id,
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


@with_key("portfolio", Limit(1, 1))
async def positions(request: Request) -> Any:
    """List what is held, of one ticker or all."""
    core = core_of(request)
    now = core.now()
    ticker = request.query_params.get("ticker")
    held = core.world.broker.holdings_at(now)
    rows = [holding for name, holding in sorted(held.items()) if ticker in (None, name)]
    return [position_body(core, holding, now) for holding in rows]


def position_body(core: Core, holding: Holding, now: dt.datetime) -> Json:
    """Return what is held of one instrument."""
    day = now.astimezone(UK).date()
    market, instrument = core.world.market, holding.instrument
    price = core.world.broker.price(instrument, day)
    rate = instrument.fx_rate(market, day)
    value = (holding.quantity * price / rate).quantize(PENNY)
    return {
        "instrument": instrument_body(instrument),
        "createdAt": iso_millis(holding.since),
        "quantity": holding.quantity,
        "quantityAvailableForTrading": holding.quantity - in_pies(holding),
        "quantityInPies": in_pies(holding),
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


def in_pies(holding: Holding) -> Decimal:
    """Return how many of the shares that are held are in a pie."""
    if holding.instrument.ticker not in IN_PIES:
        return Decimal(0)
    return (holding.quantity / PARTLY_IN_PIES).quantize(Decimal("0.00000001"))


# Metadata


@with_key("metadata", Limit(1, 50))
async def instruments(request: Request) -> Any:
    """List what can be traded."""
    core = core_of(request)
    today = core.now().astimezone(UK).date()
    return [
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
        for each in core.world.broker.listed(today)
    ]


@with_key("metadata", Limit(1, 30))
async def exchanges(request: Request) -> Any:
    """List the exchanges and when they open in the next week."""
    today = core_of(request).state.clock.today()
    week = [today + n * ONE_DAY for n in range(7) if is_working(today + n * ONE_DAY)]
    return [
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


# Orders


@with_key("orders:read", Limit(1, 5))
async def orders(request: Request) -> Any:
    """List the orders that stand."""
    core = core_of(request)
    now = core.now()
    return [order_body(order, now) for order in core.world.broker.pending(now)]


@with_key("orders:read", Limit(1, 1))
async def order(request: Request) -> Any:
    """Return one order that stands; one that is filled or cancelled is gone."""
    core = core_of(request)
    now = core.now()
    wanted = request.path_params["id"]
    for each in core.world.broker.pending(now):
        if str(each.id) == wanted:
            return order_body(each, now)
    raise problem(404, "entity-not-found", "Order not found", f"No order with id {wanted}")


def order_body(order: Order, now: dt.datetime) -> Json:
    """Return an order as it stood at an instant."""
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
        body |= {"limitPrice": order.limit_price}
    if order.stop_price is not None:
        body |= {"stopPrice": order.stop_price}
    if order.type != "MARKET":
        body |= {"timeInForce": order.time_in_force}
    return body


def instrument_body(instrument: Instrument) -> Json:
    """Return an instrument as it is embedded in other bodies."""
    return {
        "ticker": instrument.ticker,
        "name": instrument.name,
        "isin": instrument.isin,
        "currency": instrument.currency,
    }


ROUTES = [
    Route("/equity/account/summary", summary),
    Route("/equity/positions", positions),
    Route("/equity/metadata/instruments", instruments),
    Route("/equity/metadata/exchanges", exchanges),
    Route("/equity/orders", orders),
    Route("/equity/orders/{id}", order),
]
