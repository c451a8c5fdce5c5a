"""Pies: half of what the household's plan has bought is kept in two of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.clock import UK
from sandbox.core import Core, core_of
from sandbox.limits import Limit
from sandbox.market import PENNY
from sandbox.portfolio import Holding
from sandbox.trading212 import in_pies
from sandbox.trading212_wire import Json, problem, with_key

_SHARE = Decimal("0.0001")


@dataclass(frozen=True)
class Pie:
    """A pie by its number; its slices are to have equal shares."""

    id: int
    name: str
    icon: str
    tickers: tuple[str, ...]


PIES = (
    Pie(2041337, "All the world", "Global", ("VUSAl_EQ", "SXR8d_EQ")),
    Pie(2041338, "Technology", "Chip", ("AAPL_US_EQ", "MSFT_US_EQ")),
)


@with_key("pies:read", Limit(1, 30))
async def pies(request: Request) -> Any:
    """List what the pies are worth; their names are not told here."""
    core = core_of(request)
    now = core.now()
    return [
        {
            "id": each.id,
            "cash": Decimal("0.00"),
            "dividendDetails": {
                "gained": Decimal("0.00"),
                "reinvested": Decimal("0.00"),
                "inCash": Decimal("0.00"),
            },
            "result": _result(*_totals(core, each, now)),
        }
        for each in PIES
    ]


@with_key("pies:read", Limit(1, 5))
async def pie(request: Request) -> Any:
    """Return one pie with its slices."""
    core = core_of(request)
    now = core.now()
    wanted = request.path_params["id"]
    for each in PIES:
        if str(each.id) == wanted:
            return _detail(core, each, now)
    raise problem(404, "entity-not-found", "Pie not found", f"No pie {wanted}")


def _detail(core: Core, one: Pie, now: dt.datetime) -> Json:
    slices = _slices(core, one, now)
    total = sum((value for _, _, _, value in slices), Decimal(0)) or Decimal(1)
    expected = (Decimal(1) / len(one.tickers)).quantize(_SHARE)
    return {
        "instruments": [
            {
                "ticker": ticker,
                "ownedQuantity": quantity,
                "currentShare": (value / total).quantize(_SHARE),
                "expectedShare": expected,
                "issues": [],
                "result": _result(cost, value),
            }
            for ticker, quantity, cost, value in slices
        ],
        "settings": {
            "id": one.id,
            "name": one.name,
            "icon": one.icon,
            # With the offset of the servers, as it is told.
            "creationDate": f"{core.state.start}T10:15:00.000+03:00",
            "dividendCashAction": "REINVEST",
            "initialInvestment": Decimal("100.00"),
            "instrumentShares": dict.fromkeys(one.tickers, expected),
        },
    }


def _slices(core: Core, one: Pie, now: dt.datetime) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    """Return ticker, quantity, cost and value of each slice that there is something of."""
    held = core.world.broker.holdings_at(now)
    day = now.astimezone(UK).date()
    found = []
    for ticker in one.tickers:
        holding = held.get(ticker)
        if holding is not None:
            quantity = in_pies(holding)
            found.append((ticker, quantity, *_worth(core, holding, quantity, day)))
    return found


def _worth(
    core: Core, holding: Holding, quantity: Decimal, day: dt.date
) -> tuple[Decimal, Decimal]:
    market, instrument = core.world.market, holding.instrument
    value = quantity * core.world.broker.price(instrument, day) / instrument.fx_rate(market, day)
    cost = holding.cost * quantity / holding.quantity
    return cost.quantize(PENNY), value.quantize(PENNY)


def _totals(core: Core, one: Pie, now: dt.datetime) -> tuple[Decimal, Decimal]:
    slices = _slices(core, one, now)
    zero = Decimal("0.00")
    return sum((row[2] for row in slices), zero), sum((row[3] for row in slices), zero)


def _result(cost: Decimal, value: Decimal) -> Json:
    return {
        "priceAvgInvestedValue": cost,
        "priceAvgValue": value,
        "priceAvgResult": value - cost,
        "priceAvgResultCoef": ((value - cost) / (cost or Decimal(1))).quantize(_SHARE),
    }


ROUTES = [Route("/equity/pies", pies), Route("/equity/pies/{id}", pie)]
