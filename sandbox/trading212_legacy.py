"""Endpoints that the API of 2024 had, and some programs still call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.broker import CURRENCY
from sandbox.core import core_of
from sandbox.limits import Limit
from sandbox.trading212 import position_body, summary_body
from sandbox.trading212_wire import Json, key_of, with_key


@with_key("account", Limit(1, 2))
async def account_cash(request: Request) -> Any:
    """Return the money of an account, without its currency."""
    core = core_of(request)
    told = summary_body(core, core.now(), key_of(request).account_id)
    cash, investments = told["cash"], told["investments"]
    return {
        "free": cash["availableToTrade"],
        "total": told["totalValue"],
        "ppl": investments["unrealizedProfitLoss"],
        "result": investments["realizedProfitLoss"],
        "invested": investments["totalCost"],
        "pieCash": cash["inPies"],
        "blocked": cash["reservedForOrders"],
    }


@with_key("account", Limit(1, 30))
async def account_info(request: Request) -> Any:
    """Return number and currency of an account."""
    return {"id": key_of(request).account_id, "currencyCode": CURRENCY}


@with_key("portfolio", Limit(1, 5))
async def portfolio(request: Request) -> Any:
    """List what is held."""
    core = core_of(request)
    now = core.now()
    held = core.world.broker.holdings_at(now)
    return [_flat(position_body(core, holding, now)) for _, holding in sorted(held.items())]


def _flat(position: Json) -> Json:
    wallet = position["walletImpact"]
    return {
        "ticker": position["instrument"]["ticker"],
        "quantity": position["quantity"],
        "averagePrice": position["averagePricePaid"],
        "currentPrice": position["currentPrice"],
        "ppl": wallet["unrealizedProfitLoss"],
        "fxPpl": wallet["fxImpact"],
        "initialFillDate": position["createdAt"].replace("Z", "+00:00"),
        "frontend": "API",
        "maxBuy": Decimal(1000),
        "maxSell": position["quantityAvailableForTrading"],
        "pieQuantity": position["quantityInPies"],
    }


ROUTES = [
    Route("/equity/account/cash", account_cash),
    Route("/equity/account/info", account_info),
    Route("/equity/portfolio", portfolio),
]
