"""A person on the consent page: approves, refuses, comes too late."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from sandbox.accounts import NORTHGATE
from tests.sandbox.bank import Bank


def _query(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def _status(bank: Bank, requisition: str) -> str:
    status: str = bank.get(f"/requisitions/{requisition}/").json()["status"]
    return status


def test_approval_walks_to_linked_and_returns_with_the_reference(bank: Bank) -> None:
    made = bank.require(reference="household-1", redirect="http://127.0.0.1:9/back?state=x")
    assert made["status"] == "CR"
    page = httpx.get(made["link"], trust_env=False)
    assert page.status_code == 200
    assert "Northgate Bank" in page.text
    assert "Everyday Current Account" in page.text
    assert "http://" not in page.text.replace(bank.sandbox.url, "")
    assert _status(bank, made["id"]) == "GC"
    bank.sandbox.approve(made["link"], "authenticate")
    assert _status(bank, made["id"]) == "UA"
    bank.sandbox.approve(made["link"], "grant")
    assert _status(bank, made["id"]) == "GA"
    address = bank.sandbox.approve(made["link"])
    assert _query(address) == {"state": ["x"], "ref": ["household-1"]}
    linked = bank.get(f"/requisitions/{made['id']}/").json()
    assert linked["status"] == "LN"
    assert len(linked["accounts"]) == 3
    assert bank.get(f"/agreements/enduser/{made['agreement']}/").json()["accepted"]


def test_refusal_returns_with_the_error(bank: Bank) -> None:
    made = bank.require(reference="household-2")
    query = _query(bank.sandbox.approve(made["id"], outcome="refuse"))
    assert query["ref"] == ["household-2"]
    assert query["error"] == ["UserCancelledSession"]
    assert query["details"]
    refused = bank.get(f"/requisitions/{made['id']}/").json()
    assert (refused["status"], refused["accounts"]) == ("RJ", [])


def test_a_used_link_is_used_up(bank: Bank) -> None:
    requisition = bank.link()
    assert _query(bank.sandbox.approve(requisition["link"]))["error"] == ["RequisitionLinkReused"]
    assert httpx.get(requisition["link"], trust_env=False).status_code == 409


def test_a_bank_without_accounts_rejects(bank: Bank) -> None:
    made = bank.require("FERNWAY_FRNWGB2L")
    assert "hold no account" in httpx.get(made["link"], trust_env=False).text
    assert _query(bank.sandbox.approve(made["link"]))["error"] == ["UnknownError"]
    assert _status(bank, made["id"]) == "RJ"


def test_unknown_links_and_outcomes_are_refused(bank: Bank) -> None:
    unknown = f"{bank.sandbox.url}/consent/{NORTHGATE}/"
    assert httpx.get(unknown, trust_env=False).status_code == 404
    assert httpx.post(unknown, trust_env=False).status_code == 404
    made = bank.require()
    odd = httpx.post(made["link"], data={"outcome": "perhaps"}, trust_env=False)
    assert odd.status_code == 400
    assert _status(bank, made["id"]) == "CR"


def test_logos_are_drawn_here(bank: Bank) -> None:
    for row in bank.get("/institutions/").json():
        drawing = httpx.get(row["logo"], trust_env=False)
        assert drawing.headers["content-type"] == "image/svg+xml"
    assert httpx.get(f"{bank.sandbox.url}/consent/logo/x.svg", trust_env=False).status_code == 404
