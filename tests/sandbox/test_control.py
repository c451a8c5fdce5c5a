"""Driving the sandbox: clock, record of calls, faults, truth."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest

from sandbox import faults
from sandbox.accounts import HARBOUR
from sandbox.faults import Fault
from sandbox.server import Sandbox
from tests.sandbox.bank import Bank


def test_the_clock_stands_still_and_moves_on_demand(sandbox: Sandbox) -> None:
    assert sandbox.now().isoformat() == "2026-03-15T09:00:00+00:00"
    sandbox.advance(days=1, hours=2)
    assert sandbox.now().isoformat() == "2026-03-16T11:00:00+00:00"
    sandbox.set_now("2026-05-01T00:00:00+01:00")
    assert sandbox.now().isoformat() == "2026-04-30T23:00:00+00:00"
    with pytest.raises(ValueError, match="Invalid isoformat"):
        sandbox.set_now("tomorrow")


def test_moving_on_adds_rows_and_books_what_was_pending(bank: Bank) -> None:
    account = bank.link()["accounts"][0]
    path = f"/accounts/{account}/transactions/"
    before = bank.get(path).json()["transactions"]
    bank.sandbox.advance(days=5)
    bank.login()
    after = bank.get(path).json()["transactions"]
    known = {row["internalTransactionId"] for row in before["booked"]}
    fresh = [row for row in after["booked"] if row["internalTransactionId"] not in known]
    amounts = [row["transactionAmount"]["amount"] for row in fresh]
    for row in before["pending"]:
        assert row["transactionAmount"]["amount"] in amounts


def test_provider_calls_are_recorded(bank: Bank) -> None:
    bank.sandbox.clear_requests()
    bank.get("/institutions", params={"country": "GB"})
    bank.get("/accounts/x/")
    seen = bank.sandbox.requests()
    assert [(call["method"], call["path"], call["query"], call["status"]) for call in seen] == [
        ("GET", "/api/v2/institutions", "country=GB", 200),
        ("GET", "/api/v2/accounts/x/", "", 400),
    ]
    assert seen[0]["at"] == "2026-03-15T09:00:00.000000Z"
    bank.sandbox.clear_requests()
    assert bank.sandbox.requests() == []


def test_truth_needs_no_consent_and_names_series(sandbox: Sandbox) -> None:
    truth = sandbox.truth()
    assert truth["start"] == "2024-04-01"
    assert len(truth["bank_accounts"]) == 7
    card = next(row for row in truth["bank_accounts"] if row["cash_account_type"] == "CARD")
    assert card["institution_id"] == HARBOUR
    assert card["masked_pan"]
    assert Decimal(card["booked_balance"]) < 0
    series = {row["series"]: row for row in truth["series"]}
    assert series["now_tv"]["ended"]
    assert not series["rent"]["ended"]
    assert len(series["cleaner"]["transaction_ids"]) > 50
    rows = {row["internal_transaction_id"]: row for row in truth["bank_accounts"][0]["booked"]}
    assert {rows[row]["merchant"] for row in series["rent"]["transaction_ids"]} == {
        series["rent"]["merchant"]
    }


# Faults


def test_a_fault_is_used_up(bank: Bank) -> None:
    account = bank.link()["accounts"][0]
    bank.sandbox.inject(faults.service_unavailable("balances", times=2))
    codes = [bank.get(f"/accounts/{account}/balances/").status_code for _ in range(3)]
    assert codes == [503, 503, 200]


def test_faults_hit_only_what_they_name(bank: Bank) -> None:
    first, second, _ = bank.link()["accounts"]
    bank.sandbox.inject(faults.account_inactive("transactions", account=first))
    assert bank.get(f"/accounts/{second}/transactions/").status_code == 200
    assert bank.get(f"/accounts/{first}/balances/").status_code == 200
    assert bank.get(f"/accounts/{first}/transactions").json()["type"] == "AccountInactiveError"


def test_faulted_calls_cost_no_quota(bank: Bank) -> None:
    account = bank.link()["accounts"][0]
    bank.sandbox.inject(faults.bank_rate_limit("details", reset=77))
    refused = bank.get(f"/accounts/{account}/details/")
    assert refused.headers["http_x_ratelimit_account_success_reset"] == "77"
    served = bank.get(f"/accounts/{account}/details/")
    assert served.headers["http_x_ratelimit_account_success_remaining"] == "3"


def test_connections_can_be_reset_and_bodies_cut(bank: Bank) -> None:
    bank.sandbox.inject(faults.reset(), faults.truncate())
    with pytest.raises(httpx.ReadError):
        bank.get("/institutions/")
    with pytest.raises(httpx.RemoteProtocolError):
        bank.get("/institutions/")
    assert bank.get("/institutions/").status_code == 200


def test_a_call_can_hang_until_the_caller_gives_up(bank: Bank) -> None:
    bank.sandbox.inject(Fault(path="/institutions", action="hang"))
    with pytest.raises(httpx.ReadTimeout):
        bank.get("/institutions/", timeout=0.2)


def test_a_late_answer_is_the_true_one(bank: Bank) -> None:
    bank.sandbox.inject(Fault(path="/institutions", delay_s=0.05))
    assert bank.get("/institutions/").status_code == 200


def test_other_faults_have_their_bodies(bank: Bank, broker: httpx.Client) -> None:
    bank.sandbox.inject(
        faults.html_page("/api/v2/"),
        faults.payment_required(),
        faults.account_state("[^/]+", "SUSPENDED"),
        faults.trading212_rate_limit("history/orders", reset=1_900_000_000),
        faults.internal_error(),
        Fault(path="pies", status=204),
    )
    assert bank.get("/institutions/").headers["content-type"].startswith("text/html")
    assert bank.post("/requisitions/", json={}).status_code == 402
    state = bank.get("/accounts/3fa85f64-5717-4562-b3fc-2c963f66afa6/transactions/")
    assert (state.status_code, state.json()["status"]) == (409, "SUSPENDED")
    assert broker.get("/equity/history/orders").headers["x-ratelimit-reset"] == "1900000000"
    assert broker.get("/equity/positions").json() == {"code": "InternalError"}
    assert broker.get("/equity/pies").status_code == 204


def test_faults_can_be_dropped(bank: Bank) -> None:
    bank.sandbox.inject(faults.html_page())
    bank.sandbox.clear_faults()
    assert bank.get("/institutions/").json()


@pytest.mark.parametrize(
    "rule",
    [{"path": "("}, {"action": "explode"}, {"times": 0}, {"unknown": 1}, 7, [{"times": "x"}]],
)
def test_malformed_faults_are_refused(sandbox: Sandbox, rule: object) -> None:
    response = httpx.put(f"{sandbox.url}/sandbox/faults", content=json.dumps(rule), trust_env=False)
    assert response.status_code == 400
    assert response.json()["error"]
