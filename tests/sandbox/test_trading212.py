"""The broker's API: keys, scopes, paging, limits, and sums that agree to the penny."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox import TRADING212_NARROW_KEY
from sandbox.server import Sandbox, running

NOW = "2026-03-15T09:00:00Z"


def _exact(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal, parse_int=Decimal)


def _walk(broker: httpx.Client, path: str) -> list[Any]:
    items: list[Any] = []
    address: str | None = path
    while address:
        page = _exact(broker.get(address if address == path else f"../..{address}"))
        items += page["items"]
        address = page["nextPagePath"]
        assert address is None or address.startswith("/api/v0/equity/history/")
    return items


@pytest.mark.parametrize("limit", [1, 7, 20, 50])
def test_every_history_is_served_once_and_newest_first(
    sandbox: Sandbox, broker: httpx.Client, limit: int
) -> None:
    if limit == 1:
        sandbox.set_now("2026-03-15T09:00:00Z")
    truth = sandbox.truth()["broker_accounts"][0]["cash"]
    dividends = _walk(broker, f"/equity/history/dividends?limit={limit}")
    assert [row["reference"] for row in dividends] == [
        row["reference"] for row in reversed(truth) if row["kind"] == "DIVIDEND"
    ]
    paid = [row["paidOn"] for row in dividends]
    assert paid == sorted(paid, reverse=True)
    fills = [item["fill"] for item in _walk(broker, f"/equity/history/orders?limit={max(limit, 7)}")
             if "fill" in item]  # fmt: skip
    assert [int(fill["id"]) for fill in fills] == [
        row["fill_id"] for row in reversed(truth) if "fill_id" in row
    ]


def test_cash_of_the_summary_is_the_sum_of_all_histories(
    sandbox: Sandbox, broker: httpx.Client
) -> None:
    total = Decimal(0)
    for item in _walk(broker, "/equity/history/orders?limit=50"):
        if "fill" in item:
            value = item["fill"]["walletImpact"]["netValue"]
            assert (value > 0) == (item["fill"]["type"] == "TRADE")
            total += value if item["order"]["side"] == "SELL" else -value
            assert (item["fill"]["quantity"] < 0) == (item["order"]["side"] == "SELL")
        else:
            assert item["order"]["status"] == "CANCELLED"
    total += sum(row["amount"] for row in _walk(broker, "/equity/history/dividends?limit=50"))
    total += sum(row["amount"] for row in _walk(broker, "/equity/history/transactions?limit=50"))
    cash = _exact(broker.get("/equity/account/summary"))["cash"]
    assert total == cash["availableToTrade"] + cash["inPies"] + cash["reservedForOrders"]
    assert str(total) == sandbox.truth()["broker_accounts"][0]["cash_total"]


def test_summary_is_the_sum_of_the_positions(broker: httpx.Client, sandbox: Sandbox) -> None:
    summary = _exact(broker.get("/equity/account/summary"))
    positions = _exact(broker.get("/equity/positions"))
    for total, part in (
        ("currentValue", "currentValue"),
        ("totalCost", "totalCost"),
        ("unrealizedProfitLoss", "unrealizedProfitLoss"),
    ):
        expected = sum(row["walletImpact"][part] for row in positions)
        assert summary["investments"][total] == expected
    sells = [
        item["fill"]["walletImpact"]["realisedProfitLoss"]
        for item in _walk(broker, "/equity/history/orders?limit=50")
        if item["order"]["side"] == "SELL" and item["fill"]["type"] == "TRADE"
    ]
    assert sells
    assert summary["investments"]["realizedProfitLoss"] == sum(sells)
    assert summary["totalValue"] == summary["investments"]["currentValue"] + sum(
        summary["cash"].values()
    )
    true = sandbox.truth()["broker_accounts"][0]["positions"]
    assert {row["instrument"]["ticker"]: row["quantity"] for row in positions} == {
        row["ticker"]: Decimal(row["quantity"]) for row in true
    }


def test_positions_and_histories_can_be_asked_for_one_ticker(broker: httpx.Client) -> None:
    assert len(_exact(broker.get("/equity/positions?ticker=AAPL_US_EQ"))) == 1
    assert _exact(broker.get("/equity/positions?ticker=NOPE")) == []
    for item in _walk(broker, "/equity/history/orders?limit=3&ticker=AAPL_US_EQ"):
        assert item["order"]["ticker"] == "AAPL_US_EQ"


def test_amounts_are_numbers_and_never_floats_in_disguise(broker: httpx.Client) -> None:
    text = broker.get("/equity/history/transactions?limit=50").text
    assert re.findall(r'"amount": -?\d+\.\d\d[,}]', text)
    assert not re.search(r": -?[\d.]+[eE]", text)
    assert '"amount": "' not in text


def test_a_deposit_follows_the_standing_order(sandbox: Sandbox) -> None:
    truth = sandbox.truth()
    sent = [row for row in truth["bank_accounts"][0]["booked"] if row["series"] == "broker_deposit"]
    received = [row for row in truth["broker_accounts"][0]["cash"] if row["kind"] == "DEPOSIT"]
    assert [-Decimal(row["amount"]) for row in sent] == [Decimal(row["amount"]) for row in received]
    assert [row["booking_date"] for row in sent] == [row["at"][:10] for row in received]
    back = [row for row in truth["broker_accounts"][0]["cash"] if row["kind"] == "WITHDRAW"]
    assert len(back) == 1
    home = [
        row
        for row in truth["bank_accounts"][0]["booked"]
        if row["merchant"] == "Trading 212" and Decimal(row["amount"]) > 0
    ]
    assert [Decimal(row["amount"]) for row in home] == [-Decimal(back[0]["amount"])]


# Keys, scopes, arguments


def test_the_bare_key_still_opens(sandbox: Sandbox) -> None:
    url = f"{sandbox.trading212_url}/equity/account/summary"
    header = {"authorization": sandbox.trading212_key}
    assert httpx.get(url, headers=header, trust_env=False).status_code == 200


@pytest.mark.parametrize("credentials", [None, ("x", "y"), ("41298817ZSandboxInvestKey", "no")])
def test_wrong_keys_are_refused(sandbox: Sandbox, credentials: tuple[str, str] | None) -> None:
    url = f"{sandbox.trading212_url}/equity/account/summary"
    auth = httpx.BasicAuth(*credentials) if credentials else None
    response = httpx.get(url, auth=auth, trust_env=False)
    assert (response.status_code, response.text) == (401, "")


def test_missing_scopes_are_named(sandbox: Sandbox) -> None:
    auth = httpx.BasicAuth(TRADING212_NARROW_KEY, sandbox.trading212_secret)
    url = f"{sandbox.trading212_url}/equity"
    assert httpx.get(f"{url}/account/summary", auth=auth, trust_env=False).status_code == 200
    refused = httpx.get(f"{url}/history/orders", auth=auth, trust_env=False)
    assert refused.status_code == 403
    assert refused.text == "Scope(history:orders) missing for API key"


@pytest.mark.parametrize(
    "query",
    [
        "orders?limit=51", "orders?limit=0", "orders?cursor=x", "transactions?time=now",
        "transactions?cursor=5b5e8a0c-6f7e-4a2f-9d0e-000000000000", "transactions?cursor=7",
        "transactions?time=2026-01-01T00:00:00Z&cursor=5b5e8a0c-6f7e-4a2f-9d0e-000000000000",
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(broker: httpx.Client, query: str) -> None:
    response = broker.get(f"/equity/history/{query}")
    assert response.status_code == 400
    assert response.json()["type"] == "/api-errors/validation"


@pytest.mark.parametrize("path", ["orders/1", "pies/1"])
def test_what_is_not_there_is_not_found(broker: httpx.Client, path: str) -> None:
    assert broker.get(f"/equity/{path}").status_code == 404


def test_a_standing_order_reserves_its_cash(sandbox: Sandbox, broker: httpx.Client) -> None:
    for _ in range(120):
        sandbox.advance(days=1)
        orders = _exact(broker.get("/equity/orders"))
        if orders:
            break
    cash = _exact(broker.get("/equity/account/summary"))["cash"]
    assert cash["reservedForOrders"] == (orders[0]["quantity"] * orders[0]["limitPrice"]).quantize(
        Decimal("0.01")
    )
    assert str(sum(cash.values())) == sandbox.truth()["broker_accounts"][0]["cash_total"]


# Limits


def test_limits_are_generous_unless_asked_for(broker: httpx.Client) -> None:
    answers = [broker.get("/equity/account/summary") for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    last = answers[-1].headers
    assert int(last["x-ratelimit-used"]) == 8
    assert int(last["x-ratelimit-remaining"]) == int(last["x-ratelimit-limit"]) - 8


def test_documented_limits_are_enforced_on_demand() -> None:
    with running(seed=7, now=NOW, trading212_limits=True) as sandbox:
        auth = (sandbox.trading212_key, sandbox.trading212_secret)
        with httpx.Client(base_url=sandbox.trading212_url, auth=auth, trust_env=False) as broker:
            codes = [broker.get("/equity/history/orders").status_code for _ in range(7)]
            assert codes == [200] * 6 + [429]
            refused = broker.get("/equity/history/orders")
            assert refused.headers["x-ratelimit-remaining"] == "0"
            left = int(refused.headers["x-ratelimit-reset"]) - time.time()
            assert 0 < left <= 62
            assert broker.get("/equity/history/dividends").status_code == 200


def test_time_alone_starts_the_walk_there(broker: httpx.Client) -> None:
    page = broker.get("/equity/history/transactions?time=2025-01-01T00:00:00Z").json()
    newest = dt.datetime.fromisoformat(page["items"][0]["dateTime"])
    assert (
        dt.datetime(2024, 12, 30, tzinfo=dt.UTC) < newest <= dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    )
