"""Clients that we did not write complete their flows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import httpx
import pytest

from sandbox.accounts import HARBOUR, NORTHGATE
from sandbox.server import Sandbox

with warnings.catch_warnings():
    # Both import modules that announce their own deprecation.
    warnings.simplefilter("ignore", DeprecationWarning)
    from nordigen import NordigenClient
    from t212 import Trading212Client
    from t212.pagination import paginate

from requests import HTTPError  # noqa: TID251 - what the other client raises


@pytest.fixture
def nordigen(sandbox: Sandbox) -> NordigenClient:
    return NordigenClient(
        secret_id=sandbox.secret_id,
        secret_key=sandbox.secret_key,
        base_url=sandbox.gocardless_url,
    )


@pytest.fixture
def t212(sandbox: Sandbox) -> Iterator[Trading212Client]:
    with httpx.Client(trust_env=False) as http:
        yield Trading212Client(
            base_url=sandbox.url,
            api_key=sandbox.trading212_key,
            api_secret=sandbox.trading212_secret,
            httpx_client=http,
        )


def test_nordigen_goes_from_secrets_to_transactions(
    nordigen: NordigenClient, sandbox: Sandbox
) -> None:
    pair = nordigen.generate_token()
    nordigen.exchange_token(pair["refresh"])
    assert NORTHGATE in {row["id"] for row in nordigen.institution.get_institutions("GB")}
    assert nordigen.institution.get_institutions()
    session = nordigen.initialize_session(
        redirect_uri="http://127.0.0.1:9/", institution_id=HARBOUR, reference_id="mine"
    )
    httpx.post(session.link, data={"outcome": "approve"}, trust_env=False)
    requisition = nordigen.requisition.get_requisition_by_id(session.requisition_id)
    assert requisition["status"] == "LN"
    card, bills = requisition["accounts"]
    account = nordigen.account_api(card)
    assert account.get_metadata()["institution_id"] == HARBOUR
    assert account.get_details()["account"]["cashAccountType"] == "CARD"
    assert account.get_balances()["balances"]
    rows = account.get_transactions(date_from="2026-02-01", date_to="2026-02-28")["transactions"]
    assert {row["bookingDate"][:7] for row in rows["booked"]} <= {"2026-02", "2026-03"}
    assert nordigen.account_api(bills).get_transactions()["transactions"]["booked"]
    nordigen.agreement.get_agreement_by_id(requisition["agreement"])
    assert nordigen.agreement.get_agreements()["count"] == 1
    assert nordigen.requisition.get_requisitions()["count"] == 1
    nordigen.requisition.delete_requisition(session.requisition_id)
    assert nordigen.requisition.get_requisitions()["count"] == 0


def test_nordigen_meets_errors_as_it_knows_them(nordigen: NordigenClient) -> None:
    nordigen.generate_token()
    with pytest.raises(HTTPError) as raised:
        nordigen.institution.get_institution_by_id("NOWHERE")
    assert raised.value.args[0]["status"] == 404
    assert raised.value.args[0]["response"]["summary"] == "Not found."


def test_t212_reads_the_account(t212: Trading212Client) -> None:
    summary = t212.account.get_summary()
    assert summary.currency == "GBP"
    held = {row.instrument.ticker for row in t212.positions.list()}
    assert held < {row.ticker for row in t212.instruments.list()}
    assert len(t212.instruments.list_exchanges()) == 5
    open_orders = t212.orders.list()
    assert {order.ticker for order in open_orders} <= {
        row.ticker for row in t212.instruments.list()
    }
    assert {str(order.status) for order in open_orders} <= {"NEW"}
    with pytest.warns(DeprecationWarning, match="pies"):
        listed = t212.pies.list()
    with pytest.warns(DeprecationWarning, match="pies"):
        named = [t212.pies.get(pie.id) for pie in listed]
    assert [pie.settings.name for pie in named] == ["All the world", "Technology"]
    assert [sum(one.result.price_avg_value for one in pie.instruments) for pie in named] == [
        pytest.approx(pie.result.price_avg_value) for pie in listed
    ]
    assert t212.history.list_reports() == []


def test_t212_walks_every_history_to_its_end(t212: Trading212Client, sandbox: Sandbox) -> None:
    truth = sandbox.truth()["broker_accounts"][0]
    true_fills = {row["fill_id"] for row in truth["cash"] if "fill_id" in row}
    fills = [item.fill.id for item in paginate(t212.history.list_orders, limit=7) if item.fill]
    assert len(fills) == len(set(fills))
    assert set(fills) == true_fills
    for method, kinds in (
        (t212.history.list_dividends, {"DIVIDEND"}),
        (t212.history.list_transactions, {"DEPOSIT", "WITHDRAW", "INTEREST_ON_FREE_CASH"}),
    ):
        seen = [item.reference for item in paginate(method, limit=23)]
        true = [row["reference"] for row in truth["cash"] if row["kind"] in kinds]
        assert seen == true[::-1]
