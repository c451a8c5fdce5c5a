"""The bank data API behaves as documented, quirks of its errors included."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox import faults
from sandbox.accounts import HARBOUR, NORTHGATE, TEST_BANK
from sandbox.server import Sandbox, running
from tests.sandbox.bank import REDIRECT, Bank

NOW = "2026-03-15T09:00:00Z"


def _true(sandbox: Sandbox, account: str) -> dict[str, Any]:
    rows = sandbox.truth()["bank_accounts"]
    return next(row for row in rows if account in row["account_ids"])


# Tokens


def test_wrong_secrets_are_refused(sandbox: Sandbox) -> None:
    body = {"secret_id": "no", "secret_key": "no"}
    response = httpx.post(f"{sandbox.gocardless_url}/token/new/", json=body, trust_env=False)
    assert response.status_code == 401
    assert response.json() == {
        "summary": "Authentication failed",
        "detail": "No active account found with the given credentials",
        "status_code": 401,
    }


def test_tokens_die_by_the_clock(bank: Bank) -> None:
    pair = bank.login()
    assert pair["access_expires"] == 86_400
    assert pair["refresh_expires"] == 2_592_000
    bank.sandbox.advance(hours=24)
    stale = bank.get("/institutions/")
    assert (stale.status_code, stale.json()["summary"]) == (401, "Invalid token")
    refreshed = bank.post("/token/refresh/", json={"refresh": pair["refresh"]})
    assert set(refreshed.json()) == {"access", "access_expires"}
    bank.sandbox.advance(days=30)
    assert bank.post("/token/refresh/", json={"refresh": pair["refresh"]}).status_code == 401


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer x.y.z", "Basic abc"])
def test_calls_without_a_living_token_are_refused(bank: Bank, token: str) -> None:
    assert bank.get("/institutions/", headers={"authorization": token}).status_code == 401


def test_a_refresh_token_opens_nothing(bank: Bank) -> None:
    header = {"authorization": f"Bearer {bank.login()['refresh']}"}
    assert bank.get("/institutions/", headers=header).status_code == 401


# Institutions and lists


def test_institutions_are_filtered_by_country_and_feature(bank: Bank) -> None:
    british = bank.get("/institutions/", params={"country": "gb"}).json()
    assert {NORTHGATE, HARBOUR} < {row["id"] for row in british}
    assert TEST_BANK not in {row["id"] for row in british}
    cards = bank.get("/institutions/", params={"card_accounts_supported": "true"}).json()
    assert 0 < len(cards) < len(bank.get("/institutions").json())
    wrong = bank.get("/institutions/", params={"country": "GBA"})
    assert wrong.json()["detail"] == "GBA is not a valid choice."


@pytest.mark.parametrize("path", ["/institutions/", "/requisitions/", "/agreements/enduser/"])
def test_unknown_query_fields_are_refused(bank: Bank, path: str) -> None:
    response = bank.get(path, params={"nonsense": "1"})
    assert response.status_code == 400
    assert response.json()["summary"] == "Unknown fields"


def test_lists_are_paged_with_absolute_addresses(bank: Bank) -> None:
    made = {bank.require()["id"] for _ in range(5)}
    seen: list[str] = []
    address: str | None = f"{bank.sandbox.gocardless_url}/requisitions/?limit=2"
    while address:
        page = bank.get(address).json()
        assert page["count"] == 5
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert len(seen) == 5
    assert set(seen) == made
    assert bank.get("/requisitions/?limit=2&offset=2").json()["previous"].endswith("offset=0")
    assert bank.get("/requisitions/?limit=0").status_code == 400


def test_paths_work_with_and_without_their_slash(bank: Bank) -> None:
    requisition = bank.require()
    assert bank.get("/requisitions").json()["count"] == 1
    assert bank.get(f"/requisitions/{requisition['id']}").status_code == 200
    assert bank.delete(f"/requisitions/{requisition['id']}").status_code == 200
    assert bank.get(f"/requisitions/{requisition['id']}/").status_code == 404


# Agreements and requisitions


@pytest.mark.parametrize("encoding", ["json", "data", "files"])
def test_bodies_may_be_json_a_form_or_multipart(bank: Bank, encoding: str) -> None:
    fields = {"institution_id": NORTHGATE, "max_historical_days": "120"}
    parts = {name: (None, text) for name, text in fields.items()}
    body: Any = parts if encoding == "files" else fields
    response = bank.post("/agreements/enduser/", **{encoding: body})
    assert response.status_code == 201
    assert response.json()["max_historical_days"] == 120


@pytest.mark.parametrize(
    ("terms", "field", "shape"),
    [
        ({"institution_id": "NOWHERE"}, "institution_id", dict),
        ({"max_historical_days": 731}, "max_historical_days", list),
        ({"access_valid_for_days": 0}, "access_valid_for_days", list),
        ({"access_valid_for_days": 181}, "access_valid_for_days", list),
        ({"access_scope": ["everything"]}, "access_scope", list),
        ({"access_scope": []}, "access_scope", list),
        ({"reconfirmation": True}, "reconfirmation", dict),
        ({"institution_id": HARBOUR, "reconfirmation": True}, "reconfirmation", dict),
        ({"max_historical_days": "many"}, "max_historical_days", list),
    ],
)
def test_agreement_errors_are_keyed_by_their_field(
    bank: Bank, terms: dict[str, Any], field: str, shape: type
) -> None:
    body = {"institution_id": NORTHGATE} | terms
    response = bank.post("/agreements/enduser/", json=body)
    assert response.status_code == 400
    assert isinstance(response.json()[field], shape)
    assert set(response.json()) == {field, "status_code"}


def test_missing_fields_are_named_in_plain_texts(bank: Bank) -> None:
    assert bank.post("/requisitions/", json={}).json() == {
        "redirect": ["This field is required."],
        "institution_id": ["This field is required."],
        "status_code": 400,
    }


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"reference": "taken"}, 400, "reference"),
        ({"redirect": "nowhere"}, 400, None),
        ({"user_language": "xx"}, 400, "user_language"),
        ({"ssn": "123"}, 400, "ssn"),
        ({"agreement": "no-uuid"}, 400, "agreement"),
        ({"agreement": str(uuid.uuid4())}, 404, "agreement"),
        ({"institution_id": HARBOUR, "account_selection": True}, 400, "account_selection"),
        ({"surprise": 1}, 400, "summary"),
    ],
)
def test_requisition_errors_are_keyed_by_their_field(
    bank: Bank, more: dict[str, Any], status: int, field: str | None
) -> None:
    bank.require(reference="taken")
    body = {"institution_id": NORTHGATE, "redirect": REDIRECT} | more
    response = bank.post("/requisitions/", json=body)
    if field is None:
        assert response.status_code in (201, 400)
        return
    assert response.status_code == status
    assert field in response.json()


def test_an_agreement_serves_one_requisition_of_its_bank(bank: Bank) -> None:
    agreement = bank.agree(NORTHGATE)["id"]
    body = {"redirect": REDIRECT, "agreement": agreement, "institution_id": HARBOUR}
    assert "Incorrect Institution" in bank.post("/requisitions/", json=body).text
    bank.require(NORTHGATE, agreement=agreement)
    again = bank.post("/requisitions/", json=body | {"institution_id": NORTHGATE})
    assert "already associated" in again.json()["agreement"][0]["summary"]


def test_agreements_are_accepted_on_the_page_only(bank: Bank) -> None:
    agreement = bank.agree()["id"]
    consent = {"user_agent": "x", "ip_address": "127.0.0.1"}
    path = f"/agreements/enduser/{agreement}/"
    assert bank.put(f"{path}accept/", json=consent).json()["summary"] == "Insufficient permissions"
    assert bank.delete(path).status_code == 400
    linked = bank.link()["agreement"]
    again = bank.put(f"/agreements/enduser/{linked}/accept/", json=consent)
    assert again.status_code == 405


@pytest.mark.parametrize("path", ["/requisitions/x/", "/agreements/enduser/x/", "/accounts/x/"])
def test_ids_that_are_no_uuid_are_refused(bank: Bank, path: str) -> None:
    response = bank.get(path)
    assert response.status_code == 400
    assert response.json()["summary"] in ("Invalid ID", "Invalid Account ID")


# Accounts


def test_accounts_are_unknown_until_they_are_linked(bank: Bank) -> None:
    account = bank.sandbox.truth()["bank_accounts"][0]["account_ids"][0]
    assert bank.get(f"/accounts/{account}/").status_code == 404
    requisition = bank.link()
    assert account in requisition["accounts"]
    assert bank.get(f"/accounts/{account}/").json()["last_accessed"] is None
    bank.get(f"/accounts/{account}/details/")
    assert bank.get(f"/accounts/{account}/").json()["last_accessed"].startswith("2026-03-15")
    bank.delete(f"/requisitions/{requisition['id']}/")
    refused = bank.get(f"/accounts/{account}/details/")
    assert refused.json()["summary"] == "No valid End User Agreement"


@pytest.mark.parametrize("institution", [NORTHGATE, HARBOUR])
def test_served_rows_are_the_truth(bank: Bank, institution: str) -> None:
    for account in bank.link(institution)["accounts"]:
        truth = _true(bank.sandbox, account)
        answer = bank.get(f"/accounts/{account}/transactions/").json()["transactions"]
        served = {
            row["internalTransactionId"]: (
                row["bookingDate"],
                row["valueDate"],
                row["transactionAmount"],
            )
            for row in answer["booked"]
        }
        true = {
            row["internal_transaction_id"]: (
                row["booking_date"],
                row["value_date"],
                {"amount": row["amount"], "currency": row["currency"]},
            )
            for row in truth["booked"]
            if max(row["booking_date"], row["value_date"]) >= "2024-03-15"
        }
        assert served == true
        assert len(answer["pending"]) == len(truth["pending"])
        for row in answer["pending"]:
            assert "internalTransactionId" not in row
        balances = bank.get(f"/accounts/{account}/balances/").json()["balances"]
        booked = next(row for row in balances if row["balanceType"] == "interimBooked")
        assert booked["balanceAmount"]["amount"] == truth["booked_balance"]
        opening = Decimal(truth["opening_balance"])
        assert opening + sum(Decimal(row["amount"]) for row in truth["booked"]) == Decimal(
            truth["booked_balance"]
        )


def test_a_row_is_kept_if_either_of_its_dates_is_in_range(bank: Bank) -> None:
    account = bank.link()["accounts"][0]
    span = {"date_from": "2026-02-10", "date_to": "2026-02-12"}
    rows = bank.get(f"/accounts/{account}/transactions/", params=span).json()["transactions"]
    assert rows["booked"]
    for row in rows["booked"]:
        inside = [span["date_from"] <= row[day] <= span["date_to"] for day in DAYS]
        assert any(inside)
    assert any(row["bookingDate"] != row["valueDate"] for row in rows["booked"])


DAYS = ("bookingDate", "valueDate")


def test_history_ends_where_the_agreement_says(bank: Bank) -> None:
    account = bank.link(max_historical_days=30)["accounts"][0]
    path = f"/accounts/{account}/transactions/"
    rows = bank.get(path, params={"date_from": "2024-04-01"}).json()["transactions"]["booked"]
    assert min(max(row[day] for day in DAYS) for row in rows) >= "2026-02-13"


@pytest.mark.parametrize(
    "span",
    [{"date_from": "2026-02-02", "date_to": "2026-02-01"}, {"date_from": "soon"}, {"from": "x"}],
)
def test_wrong_ranges_are_refused_and_cost_nothing(bank: Bank, span: dict[str, str]) -> None:
    account = bank.link()["accounts"][0]
    path = f"/accounts/{account}/transactions/"
    assert bank.get(path, params=span).status_code == 400
    answer = bank.get(path)
    assert answer.headers["http_x_ratelimit_account_success_remaining"] == "3"


def test_scope_of_the_agreement_is_kept(bank: Bank) -> None:
    account = bank.link(access_scope=["balances"])["accounts"][0]
    assert bank.get(f"/accounts/{account}/balances/").status_code == 200
    refused = bank.get(f"/accounts/{account}/details/")
    assert refused.status_code == 403
    assert "access scope" in refused.json()["summary"]


def test_consent_ends_by_the_clock_and_the_link_expires_lazily(bank: Bank) -> None:
    requisition = bank.link(access_valid_for_days=90)
    account = requisition["accounts"][0]
    bank.sandbox.advance(days=90)
    bank.login()
    path = f"/requisitions/{requisition['id']}/"
    assert bank.get(path).json()["status"] == "LN"
    refused = bank.get(f"/accounts/{account}/transactions/")
    assert refused.status_code == 401
    agreement = requisition["agreement"]
    assert refused.json()["summary"] == f"End User Agreement (EUA) {agreement} has expired"
    assert bank.get(path).json()["status"] == "EX"
    assert bank.get(f"/accounts/{account}/").json()["status"] == "EXPIRED"
    again = bank.link()
    assert again["accounts"] == requisition["accounts"]
    assert bank.get(f"/accounts/{account}/transactions/").status_code == 200


def test_reconfirmation_is_asked_every_90_days(bank: Bank) -> None:
    requisition = bank.link(access_valid_for_days=365, reconfirmation=True)
    account = requisition["accounts"][0]
    path = f"/agreements/enduser/{requisition['agreement']}/reconfirm/"
    bank.sandbox.advance(days=91)
    bank.login()
    refused = bank.get(f"/accounts/{account}/balances/")
    assert refused.json()["type"] == "AccessExpiredError"
    asked = bank.post(path, json={"redirect": REDIRECT}).json()
    page = httpx.get(asked["reconfirmation_url"], trust_env=False)
    assert "Go on sharing" in page.text
    done = httpx.post(asked["reconfirmation_url"], data={"outcome": "approve"}, trust_env=False)
    assert done.status_code == 303
    assert bank.get(f"/accounts/{account}/balances/").status_code == 200
    assert bank.get(path).json()["accounts"][account]["reconfirmed"]


# Limits


def test_daily_quota_counts_each_account_and_scope(bank: Bank) -> None:
    first, second, _ = bank.link()["accounts"]
    path = f"/accounts/{first}/balances/"
    left = [bank.get(path).headers["http_x_ratelimit_account_success_remaining"] for _ in range(4)]
    assert left == ["3", "2", "1", "0"]
    refused = bank.get(path)
    assert refused.status_code == 429
    assert refused.json()["detail"].startswith("The rate limit for this resource is 4/day.")
    assert refused.headers["http_x_ratelimit_account_success_remaining"] == "0"
    assert int(refused.headers["http_x_ratelimit_account_success_reset"]) == 15 * 3600
    assert bank.get(f"/accounts/{first}/details/").status_code == 200
    assert bank.get(f"/accounts/{second}/balances/").status_code == 200
    bank.sandbox.advance(hours=15)
    assert bank.get(path).status_code == 200


def test_limits_a_minute_are_enforced_on_demand() -> None:
    with running(seed=7, now=NOW, gocardless_limits=True) as sandbox, Bank(sandbox) as bank:
        codes = [bank.post("/requisitions/", json={}).status_code for _ in range(101)]
        assert codes == [400] * 100 + [429]
        refused = bank.post("/requisitions/", json={})
        assert refused.json()["detail"].startswith("The rate limit for this resource is 100/minute")
        assert refused.headers["http_x_ratelimit_limit"] == "100"
        assert 0 < int(refused.headers["http_x_ratelimit_reset"]) <= 60


def test_daily_limit_is_an_option() -> None:
    with running(seed=7, now=NOW, daily_limit=1) as sandbox, Bank(sandbox) as bank:
        account = bank.link()["accounts"][0]
        codes = [bank.get(f"/accounts/{account}/details/").status_code for _ in range(2)]
        assert codes == [200, 429]


# Suspension


def test_ten_errors_in_a_row_suspend_an_account_until_a_new_requisition(bank: Bank) -> None:
    requisition = bank.link()
    account = requisition["accounts"][0]
    path = f"/accounts/{account}/transactions/"
    counted = faults.unknown_request_error(account=account, times=9)
    bank.sandbox.inject(counted, faults.service_unavailable(account=account, times=3))
    for _ in range(9 + 3):
        assert bank.get(path).status_code in (500, 503)
    # An answer ends the row.
    assert bank.get(path).status_code == 200
    bank.sandbox.inject(faults.access_expired(account=account, times=10))
    for _ in range(10):
        assert bank.get(path).status_code == 401

    suspended = bank.get(path)
    assert (suspended.status_code, suspended.json()["summary"]) == (409, "Account suspended")
    assert bank.get(f"/accounts/{account}/").json()["status"] == "SUSPENDED"
    assert bank.get(f"/requisitions/{requisition['id']}/").json()["status"] == "SU"

    assert bank.link()["accounts"] == requisition["accounts"]
    assert bank.get(path).status_code == 200
