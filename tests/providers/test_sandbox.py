"""Both clients through whole flows against the sandbox, which was written without them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from providers.errors import (
    AccessDenied,
    AccountUnavailable,
    AuthenticationFailed,
    ConsentExpired,
    ProviderError,
    RateLimited,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.models import Agreement, Institution, Requisition
from providers.trading212.client import Trading212Client
from providers.trading212.histories import CASH_TRANSACTIONS, DIVIDENDS, ORDERS, History
from sandbox import TRADING212_NARROW_KEY, faults
from sandbox.server import Sandbox, running

NOW = "2026-03-15T09:00:00Z"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(seed=7, now=NOW) as sandbox:
        yield sandbox


@pytest.fixture
def bank(sandbox: Sandbox) -> Iterator[GoCardlessClient]:
    with GoCardlessClient(
        sandbox.gocardless_url,
        SecretStr(sandbox.secret_id),
        SecretStr(sandbox.secret_key),
        backoff_s=0.001,
    ) as client:
        yield client


@pytest.fixture
def broker(sandbox: Sandbox) -> Iterator[Trading212Client]:
    with Trading212Client(
        sandbox.trading212_url,
        SecretStr(sandbox.trading212_key),
        SecretStr(sandbox.trading212_secret),
        backoff_s=0.001,
        sleep=lambda _: None,
    ) as client:
        yield client


def connect(bank: GoCardlessClient, sandbox: Sandbox, reference: str = "ref-1") -> Requisition:
    first = Institution.parse(bank.institutions("gb").payload[0])
    agreement = Agreement.parse(
        bank.create_agreement(
            first.id,
            max_historical_days=first.transaction_total_days,
            access_valid_for_days=first.max_access_valid_for_days,
        ).payload
    )
    made = Requisition.parse(
        bank.create_requisition(
            first.id,
            redirect="http://127.0.0.1/done",
            agreement_id=agreement.id,
            reference=reference,
        ).payload
    )
    assert not made.is_linked
    assert made.link is not None
    sandbox.approve(made.link)
    return Requisition.parse(bank.requisition(made.id).payload)


def calls(sandbox: Sandbox, part: str) -> int:
    return sum(1 for request in sandbox.requests() if part in str(request["path"]))


def test_from_a_bank_to_its_rows(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    requisition = connect(bank, sandbox)
    assert requisition.is_linked
    assert requisition.accounts
    for account in requisition.accounts:
        assert bank.account(account).payload["id"] == account
        assert bank.details(account).payload["account"]["currency"]
        for balance in bank.balances(account).payload["balances"]:
            Decimal(balance["balanceAmount"]["amount"])
        answer = bank.transactions(account)
        assert answer.payload["transactions"]["booked"]
        assert {limit.scope: limit.remaining for limit in answer.rate_limits}["account"] == 3
    assert calls(sandbox, "/token/") == 1


def test_an_agreement_runs_from_its_acceptance(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    requisition = connect(bank, sandbox)
    assert requisition.agreement is not None
    agreement = Agreement.parse(bank.agreement(requisition.agreement).payload)
    assert agreement.accepted is not None
    assert agreement.expires_at is not None
    days = (agreement.expires_at - agreement.accepted).days
    assert days == agreement.access_valid_for_days


def test_a_consent_that_ran_out(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    account = connect(bank, sandbox).accounts[0]
    sandbox.advance(days=181)
    with pytest.raises(ConsentExpired):
        bank.transactions(account)
    assert bank.account(account).payload["id"] == account


def test_the_fifth_call_of_a_day(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    account = connect(bank, sandbox).accounts[0]
    for _ in range(4):
        bank.balances(account)
    with pytest.raises(RateLimited) as caught:
        bank.balances(account)
    assert caught.value.scope == "account"
    assert caught.value.resets_at is not None
    assert bank.transactions(account).payload["transactions"]["booked"]


def test_the_pages_of_requisitions(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    made = connect(bank, sandbox)
    found = [row["id"] for answer in bank.requisitions() for row in answer.payload["results"]]
    assert found == [made.id]
    bank.delete_requisition(made.id)
    assert [row for answer in bank.requisitions() for row in answer.payload["results"]] == []


def test_refusals_name_the_field(bank: GoCardlessClient) -> None:
    bank_id = bank.institutions("gb").payload[0]["id"]
    with pytest.raises(Rejected, match="max_historical_days"):
        bank.create_agreement(bank_id, max_historical_days=5000, access_valid_for_days=90)
    with pytest.raises(ProviderError):
        bank.institution("NO_SUCH_BANK")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.access_expired(), ConsentExpired),
        (faults.eua_expired("0a1b2c3d-1111-4222-8333-444455556666"), ConsentExpired),
        (faults.eua_expired("0a1b2c3d-1111-4222-8333-444455556666", status=400), ConsentExpired),
        (faults.account_inactive(), AccountUnavailable),
        (faults.access_forbidden(), AccessDenied),
        (faults.resource_unavailable("transactions"), AccessDenied),
        (faults.account_suspended(), AccountUnavailable),
        (faults.account_state("[^/]+"), AccountUnavailable),
        (faults.bank_rate_limit(), RateLimited),
        (faults.rate_limit(), RateLimited),
        (faults.unknown_request_error(), Unavailable),
        (faults.connection_error(), Unavailable),
        (faults.html_page("/transactions"), UnexpectedResponse),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_fault_and_the_call_after_it(
    bank: GoCardlessClient, sandbox: Sandbox, fault: faults.Fault, error: type[ProviderError]
) -> None:
    account = connect(bank, sandbox).accounts[0]
    sandbox.inject(fault)
    with pytest.raises(error):
        bank.transactions(account)
    assert calls(sandbox, "/transactions") == 1
    assert bank.transactions(account).payload["transactions"]["booked"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.reset("/transactions"),
        faults.truncate("/transactions"),
        faults.service_unavailable(),
        faults.invalid_token(),
    ],
    ids=["reset", "truncate", "service-unavailable", "invalid-token"],
)
def test_a_fault_that_nobody_notices(
    bank: GoCardlessClient, sandbox: Sandbox, fault: faults.Fault
) -> None:
    account = connect(bank, sandbox).accounts[0]
    sandbox.inject(fault)
    assert bank.transactions(account).payload["transactions"]["booked"]
    assert calls(sandbox, "/transactions") == 2


def test_a_payment_that_is_required(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    sandbox.inject(faults.payment_required())
    with pytest.raises(Rejected, match="free connections"):
        bank.create_agreement("ANY", max_historical_days=90, access_valid_for_days=90)


def test_eight_threads_read_together(bank: GoCardlessClient, sandbox: Sandbox) -> None:
    accounts = connect(bank, sandbox).accounts
    sandbox.clear_requests()
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(bank.transactions, each) for each in accounts]
        reads += [pool.submit(bank.balances, each) for each in accounts]
        reads += [pool.submit(bank.account, each) for each in accounts for _ in range(4)]
        for read in reads:
            assert read.result().payload
    assert calls(sandbox, "/token/") == 0


def test_wrong_secrets(sandbox: Sandbox) -> None:
    with (
        GoCardlessClient(sandbox.gocardless_url, SecretStr("no"), SecretStr("no")) as client,
        pytest.raises(AuthenticationFailed),
    ):
        client.institutions()


# Trading 212


def test_a_broker_from_end_to_end(broker: Trading212Client, sandbox: Sandbox) -> None:
    summary = broker.account_summary().payload
    assert isinstance(summary["totalValue"], Decimal | int)
    positions = broker.positions().payload
    value = sum(Decimal(each["walletImpact"]["currentValue"]) for each in positions)
    assert value == summary["investments"]["currentValue"]
    assert broker.instruments().payload
    assert broker.exchanges().payload
    assert isinstance(broker.pending_orders().payload, list)
    for history in (ORDERS, DIVIDENDS, CASH_TRANSACTIONS):
        assert rows(broker, history)


def rows(broker: Trading212Client, history: History) -> list[Any]:
    return [item for page in broker.history(history, currency="GBP") for item in page.items]


def test_a_history_is_read_whole_and_once(broker: Trading212Client) -> None:
    references = [row["reference"] for row in rows(broker, CASH_TRANSACTIONS)]
    assert len(references) > 50
    assert len(references) == len(set(references))


def test_a_key_of_the_old_kind(sandbox: Sandbox) -> None:
    with Trading212Client(
        sandbox.trading212_url, SecretStr(sandbox.trading212_key), None
    ) as client:
        assert client.account_summary().payload["currency"]


def test_a_key_that_may_not(sandbox: Sandbox) -> None:
    with Trading212Client(
        sandbox.trading212_url,
        SecretStr(TRADING212_NARROW_KEY),
        SecretStr(sandbox.trading212_secret),
    ) as client:
        assert client.account_summary().payload["currency"]
        with pytest.raises(AccessDenied) as caught:
            client.positions()
    assert caught.value.missing_scope == "portfolio"


def test_a_wrong_key(sandbox: Sandbox) -> None:
    with (
        Trading212Client(sandbox.trading212_url, SecretStr("no"), SecretStr("no")) as client,
        pytest.raises(AuthenticationFailed),
    ):
        client.account_summary()


def test_a_limit_is_waited_for(broker: Trading212Client, sandbox: Sandbox) -> None:
    soon = int(time.time()) + 1
    sandbox.inject(faults.trading212_rate_limit("/equity/positions", reset=soon))
    assert broker.positions().payload
    assert calls(sandbox, "/equity/positions") == 2


def test_a_limit_that_lasts_is_told(broker: Trading212Client, sandbox: Sandbox) -> None:
    later = int(time.time()) + 3600
    sandbox.inject(faults.trading212_rate_limit("/equity/positions", reset=later))
    with pytest.raises(RateLimited) as caught:
        broker.positions()
    assert caught.value.resets_at is not None
    assert int(caught.value.resets_at.timestamp()) == later


def test_a_limit_of_the_documents_is_not_run_into() -> None:
    with (
        running(seed=7, now=NOW, trading212_limits=True) as strict,
        Trading212Client(
            strict.trading212_url,
            SecretStr(strict.trading212_key),
            SecretStr(strict.trading212_secret),
            patience_s=1,
        ) as client,
    ):
        client.instruments()
        with pytest.raises(RateLimited, match="the next is possible at"):
            client.instruments()  # one in 50 seconds
        assert calls(strict, "/instruments") == 1


def test_an_internal_error_ends_the_walk_after_what_was_read(
    broker: Trading212Client, sandbox: Sandbox
) -> None:
    walk = broker.history(CASH_TRANSACTIONS, currency="GBP")
    assert next(walk).items
    sandbox.inject(faults.internal_error(times=2))
    with pytest.raises(Unavailable):
        next(walk)
