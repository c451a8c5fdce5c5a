"""Trading 212 cases: what the ledger, or a reader, makes of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks.peer_cases.cases import Case
from benchmarks.peer_cases.failures import categories_of
from benchmarks.peer_cases.provider import Reply, Script, broker
from benchmarks.peer_cases.world import World
from postgres.common.models import BalanceSnapshot, Holding, Instrument, Trade, Transaction
from postgres.trading212.models import CashTransaction, Dividend, Order
from postgres.trading212.models import Instrument as RawInstrument
from providers.errors import ProviderError
from providers.text import decimal
from providers.trading212.client import Trading212Client
from providers.trading212.holdings import read_pie, read_position, read_summary
from providers.trading212.rows import symbol

Facts = dict[str, Any]

_CURRENCY = "GBP"


def _synced(world: World) -> Sequence[Transaction]:
    world.link_broker()
    world.sync_broker()
    return world.rows()


def orders(world: World, case: Case) -> Facts:
    """Say which trades there were."""
    items = [_with_wallet(item) for item in case.payload["items"]]
    broker(world.script, _CURRENCY)
    world.script.on("GET", "/equity/history/orders", {"items": items, "nextPagePath": None})
    cash = [row for row in _synced(world) if row.kind == "trade"]
    with world.sessions() as session:
        trades = session.execute(
            sa.select(Trade, Instrument)
            .join(Instrument, Instrument.id == Trade.instrument_id)
            .order_by(Trade.traded_at, Trade.id)
        ).all()
    facts: Facts = {"trades": len(trades), "crash": world.crashed()}
    if trades:
        first, instrument = trades[0]
        facts |= {
            "side": "BUY" if first.quantity > 0 else "SELL",
            "quantity": first.quantity,
            "price": first.price,
            "value": abs(first.amount + first.fees),
            "ticker": instrument.provider_instrument_id,
            "isin": instrument.isin,
            "trade_date": first.trade_date.isoformat(),
            "cash_flow": sum((row.amount for row in cash), Decimal()),
        }
    return facts


def _with_wallet(item: Any) -> Any:
    """Add what the provider always sends with a fill, and shortened fixtures do not have."""
    fill, order = item.get("fill"), item.get("order") or {}
    if not isinstance(fill, dict) or "walletImpact" in fill or "filledValue" not in order:
        return item
    wallet = {"netValue": order["filledValue"], "currency": _CURRENCY}
    return {**item, "fill": {**fill, "walletImpact": wallet}}


def _with_currency(items: list[Any]) -> list[Any]:
    return [{"currency": _CURRENCY, **item} for item in items]


def dividends(world: World, case: Case) -> Facts:
    """Say which dividends were paid."""
    items = _with_currency(case.payload["items"])
    broker(world.script, _CURRENCY)
    world.script.on("GET", "/equity/history/dividends", {"items": items, "nextPagePath": None})
    paid = [row for row in _synced(world) if row.kind == "dividend"]
    return {
        "dividends": len(paid),
        "amount": sum((row.amount for row in paid), Decimal()) if paid else None,
        "paid_on": str(paid[0].booking_date) if paid else None,
        "crash": world.crashed(),
    }


def cash_transactions(world: World, case: Case) -> Facts:
    """Say what cash moved."""
    items = _with_currency(case.payload["items"])
    broker(world.script, _CURRENCY)
    world.script.on("GET", "/equity/history/transactions", {"items": items, "nextPagePath": None})
    moved = _synced(world)
    return {
        "rows": len(moved),
        "cash_flow": sum((row.amount for row in moved), Decimal()),
        "flow_kind": moved[0].kind.value if moved else None,
        "date": str(moved[0].booking_date) if moved else None,
        "crash": world.crashed(),
    }


def pagination(world: World, case: Case) -> Facts:
    """Say what came of a history of several pages."""
    pages = case.payload["pages"]
    history = next((h for h in _HISTORIES if h in str(pages[0].get("path"))), "transactions")
    broker(world.script, _CURRENCY)
    by_cursor = {_cursor(str(page.get("path"))): page.get("body", page) for page in pages}

    def answer(address: str) -> Reply:
        body = by_cursor.get(_cursor(address))
        if body is None:
            return Reply({"code": "InternalError"}, 400)
        return Reply({**body, "items": _whole(history, body["items"])})

    path = f"/equity/history/{history}"
    world.script.route("GET", path, answer)
    moved = _synced(world)
    model = _HISTORIES[history]
    raw = world.all(sa.select(model).order_by(model.occurred_at))
    return {
        "row_count": len(raw),
        "distinct_rows": len(raw),
        "distinct_references": len({row.payload.get("reference") for row in raw}),
        "cash_flow_total": sum((row.amount for row in moved), Decimal()),
        "requests": world.script.count(path),
        "terminates": True,
        "oldest": _told_at(raw[0].payload) if raw else None,
        "newest": _told_at(raw[-1].payload) if raw else None,
    }


_HISTORIES: dict[str, Any] = {
    "orders": Order,
    "dividends": Dividend,
    "transactions": CashTransaction,
}


def _whole(history: str, items: list[Any]) -> list[Any]:
    return [_with_wallet(item) for item in items] if history == "orders" else _with_currency(items)


def _told_at(item: dict[str, Any]) -> Any:
    fill = item.get("fill") or {}
    return item.get("dateTime") or item.get("paidOn") or fill.get("filledAt")


def _cursor(address: str) -> frozenset[str]:
    """Return what tells one page from another: every parameter but how long it is."""
    query = address.rpartition("?")[2] if "=" in address else ""
    return frozenset(part for part in query.split("&") if part and not part.startswith("limit="))


def positions(world: World, case: Case) -> Facts:
    """Say what is held."""
    broker(world.script, _CURRENCY)
    world.script.on("GET", "/equity/positions", case.payload)
    _synced(world)
    held = [row for row in world.all(sa.select(Holding)) if row.quantity]
    facts: Facts = {"open_positions": len(held), "crash": world.crashed()}
    if held:
        read = read_position(case.payload[0])
        facts |= {
            "ticker": read.ticker,
            "quantity": held[0].quantity,
            "average_price": held[0].average_price,
            "cost": read.cost if held[0].cost is None else held[0].cost,
            "market_value": read.value if held[0].value is None else held[0].value,
            "unrealised_result": read.unrealised_result,
            "currency": read.currency,
        }
    return facts


def account(_: World, case: Case) -> Facts:
    """Say what an account is worth."""
    read = read_summary(case.payload)
    return {
        "account_id": read.account_id,
        "currency": read.currency,
        "total_value": read.total_value,
        "free_cash": read.free_cash,
        "invested": read.invested,
        "unrealised_result": read.unrealised_result,
    }


def pie(world: World, case: Case) -> Facts:
    """Say what is in a pie."""
    broker(world.script, _CURRENCY)
    world.script.on("GET", r"/equity/pies/\d+", case.payload)
    read = read_pie(_client(world, lambda client: client.pie(1)))
    facts: Facts = {
        "pie_id": read.pie_id,
        "name": read.name,
        "created_utc": read.created_at
        and read.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if read.slices:
        first = read.slices[0]
        facts |= {
            "ticker": first.ticker,
            "quantity": first.quantity,
            "invested": first.invested,
            "value": first.value,
            "result": first.result,
        }
    return facts


def instruments(world: World, case: Case) -> Facts:
    """Say in what currency an instrument that is held is quoted."""
    broker(world.script, case.payload["account_currency"])
    world.script.on("GET", "/equity/metadata/instruments", case.payload["instruments"])
    position = {"instrument": {"ticker": case.payload["ticker"]}, "quantity": 1}
    world.script.on("GET", "/equity/positions", [position])
    _synced(world)
    known = world.all(sa.select(Instrument))
    return {"instrument_currency": known[0].currency if known else None}


def ticker(_: World, case: Case) -> Facts:
    """Say what a ticker is for people and for the provider."""
    given = case.payload["ticker"]
    return {"provider_ticker": given, "symbol": symbol(given)}


def number(_: World, case: Case) -> Facts:
    """Say what a value is as a number."""
    return {"decimal": decimal(case.payload["value"])}


def error(world: World, case: Case) -> Facts:
    """Say what an error is taken for, and what goes on in spite of it."""
    broker(world.script, _CURRENCY)
    if "instruments" in case.payload:
        return _instruments_fail(world, case)
    replies = case.payload.get("replies") or [case.payload]
    answers = [Reply(r.get("json"), r.get("status", 200), r.get("headers", {})) for r in replies]
    world.script.on("GET", "/equity/account/summary", *answers)
    try:
        _client(world, lambda client: client.account_summary().payload)
    except ProviderError as refused:
        return {
            "error_categories": categories_of(refused),
            "worth_retrying_later": refused.retryable,
        }
    return {"error_categories": ()}


def _instruments_fail(world: World, case: Case) -> Facts:
    """Let the list of instruments be known from the day before, and fail today."""
    _cache(world.script, case.payload.get("cached_instruments") or [])
    _synced(world)
    known = len(world.all(sa.select(RawInstrument)))
    world.script.on("GET", "/equity/metadata/instruments", Reply({}, 503))
    summary = {**case.payload["summary"], "currency": _CURRENCY}
    world.script.on("GET", "/equity/account/summary", summary)
    world.day = world.day.replace(day=world.day.day + 1)
    world.sync_broker()
    totals = [s for s in world.all(sa.select(BalanceSnapshot)) if s.balance_type == "total"]
    return {
        "sync_completes": not world.crashed(),
        "total_value": totals[-1].amount if totals else None,
        "cached_instruments_kept": len(world.all(sa.select(RawInstrument))) == known > 0,
        "failure_reported": [table.partition(".")[2] for table, _ in world.failures()],
    }


def _cache(script: Script, listed: list[Any]) -> None:
    script.on("GET", "/equity/metadata/instruments", listed)


def _client(world: World, call: Callable[[Trading212Client], Any]) -> Any:
    base = world.settings.trading212_base_url
    with Trading212Client(base, SecretStr("key"), SecretStr("secret")) as client:
        answer = call(client)
    return getattr(answer, "payload", answer)


KINDS: dict[str, Callable[[World, Case], Facts]] = {
    "order": orders,
    "dividend": dividends,
    "cash_transaction": cash_transactions,
    "position": positions,
    "account": account,
    "pie": pie,
    "instrument": instruments,
    "ticker": ticker,
    "number": number,
    "pagination": pagination,
    "error": error,
}
