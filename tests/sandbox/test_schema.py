"""Every answer of every endpoint has the shape that the provider's specification gives it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox import faults
from sandbox.accounts import HARBOUR, NORTHGATE, TEST_BANK
from sandbox.faults import Fault
from sandbox.server import Sandbox
from tests.sandbox.bank import REDIRECT, Bank
from tests.sandbox.schema import GOCARDLESS, TRADING212, check, validate

A, R, U = "/api/v2/agreements/enduser/", "/api/v2/requisitions/", "/api/v2/accounts/"


def _ok(response: httpx.Response, path: str, method: str = "get", status: int = 200) -> Any:
    assert response.status_code == status, response.text
    body = response.json()
    validate(GOCARDLESS, path, status, body, method)
    return body


def test_tokens_and_institutions_have_their_shape(bank: Bank) -> None:
    secrets = {"secret_id": bank.sandbox.secret_id, "secret_key": bank.sandbox.secret_key}
    pair = _ok(bank.post("/token/new/", json=secrets), "/api/v2/token/new/", "post")
    refreshed = bank.post("/token/refresh/", json={"refresh": pair["refresh"]})
    _ok(refreshed, "/api/v2/token/refresh/", "post")
    for row in _ok(bank.get("/institutions/"), "/api/v2/institutions/"):
        _ok(bank.get(f"/institutions/{row['id']}/"), "/api/v2/institutions/{id}/")


def test_consents_have_their_shape(bank: Bank) -> None:
    agreed = bank.post(
        "/agreements/enduser/",
        json={"institution_id": NORTHGATE, "access_valid_for_days": 365, "reconfirmation": True},
    )
    agreement = _ok(agreed, A, "post", 201)
    made = bank.post(
        "/requisitions/",
        json={"institution_id": NORTHGATE, "redirect": REDIRECT, "agreement": agreement["id"]},
    )
    requisition = _ok(made, R, "post", 201)
    _ok(bank.get("/requisitions/"), R)
    _ok(bank.get(f"/requisitions/{requisition['id']}/"), f"{R}{{id}}/")
    bank.sandbox.approve(requisition["id"])
    _ok(bank.get(f"/requisitions/{requisition['id']}/"), f"{R}{{id}}/")
    _ok(bank.get("/agreements/enduser/"), A)
    path = f"/agreements/enduser/{agreement['id']}/"
    _ok(bank.get(path), f"{A}{{id}}/")
    _ok(bank.post(f"{path}reconfirm/", json={}), f"{A}{{id}}/reconfirm/", "post", 201)
    _ok(bank.get(f"{path}reconfirm/"), f"{A}{{id}}/reconfirm/")
    _ok(bank.delete(path), f"{A}{{id}}/", "delete")
    _ok(bank.delete(f"/requisitions/{requisition['id']}/"), f"{R}{{id}}/", "delete")


@pytest.mark.parametrize("institution", [NORTHGATE, HARBOUR, TEST_BANK])
def test_accounts_have_their_shape(bank: Bank, institution: str) -> None:
    days = 90 if institution == TEST_BANK else 730
    for account in bank.link(institution, max_historical_days=days)["accounts"]:
        _ok(bank.get(f"/accounts/{account}/"), f"{U}{{id}}/")
        for resource in ("details", "balances", "transactions"):
            _ok(bank.get(f"/accounts/{account}/{resource}/"), f"{U}{{id}}/{resource}/")
        _ok(bank.get(f"/accounts/{account}/"), f"{U}{{id}}/")


@pytest.mark.parametrize(
    "fault",
    [
        faults.eua_expired("3fa85f64-5717-4562-b3fc-2c963f66afa6"),
        faults.access_expired(),
        faults.account_inactive(),
        faults.access_forbidden(),
        faults.resource_unavailable("transactions"),
        faults.account_suspended(),
        faults.bank_rate_limit(),
        faults.rate_limit(),
        faults.unknown_request_error(),
        faults.service_unavailable(),
        faults.connection_error(),
        faults.invalid_token(),
    ],
    ids=lambda fault: str(fault.json["summary"])[:24] + str(fault.json.get("type", "")),
)
def test_documented_errors_have_their_shape(bank: Bank, fault: Fault) -> None:
    account = bank.link()["accounts"][0]
    bank.sandbox.inject(fault)
    response = bank.get(f"/accounts/{account}/transactions/")
    assert response.status_code == fault.status
    check(GOCARDLESS, {"$ref": "#/components/schemas/ErrorResponse"}, response.json())


@pytest.mark.parametrize(
    ("path", "spec_path"),
    [
        ("account/summary", "account/summary"),
        ("positions", "positions"),
        ("positions?ticker=AAPL_US_EQ", "positions"),
        ("metadata/instruments", "metadata/instruments"),
        ("metadata/exchanges", "metadata/exchanges"),
        ("orders", "orders"),
        ("history/orders?limit=50", "history/orders"),
        ("history/dividends?limit=50", "history/dividends"),
        ("history/transactions?limit=50", "history/transactions"),
        ("history/exports", "history/exports"),
        ("pies", "pies"),
    ],
)
@pytest.mark.parametrize("now", ["2026-03-15T09:00:00Z", "2026-05-13T12:00:00Z"])
def test_broker_answers_have_their_shape(
    sandbox: Sandbox, broker: httpx.Client, path: str, spec_path: str, now: str
) -> None:
    sandbox.set_now(now)
    answer = broker.get(f"/equity/{path}").json()
    validate(TRADING212, f"/api/v0/equity/{spec_path}", 200, answer)


def test_an_order_that_stands_has_its_shape(sandbox: Sandbox, broker: httpx.Client) -> None:
    standing: list[dict[str, Any]] = []
    for _ in range(90):
        sandbox.advance(days=1)
        standing = broker.get("/equity/orders").json()
        if standing:
            break
    validate(TRADING212, "/api/v0/equity/orders", 200, standing)
    one = broker.get(f"/equity/orders/{standing[0]['id']}").json()
    validate(TRADING212, "/api/v0/equity/orders/{id}", 200, one)
    summary = broker.get("/equity/account/summary").json()
    assert summary["cash"]["reservedForOrders"] > 0


def test_the_validator_refuses_what_is_not_specified() -> None:
    with pytest.raises(AssertionError, match="surprise"):
        validate(GOCARDLESS, f"{U}{{id}}/balances/", 200, {"balances": [], "surprise": 1})
    with pytest.raises(AssertionError, match="not a 'date-time'"):
        validate(GOCARDLESS, f"{U}{{id}}/", 200, {"created": "yesterday"})
