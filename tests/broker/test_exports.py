"""Card payments come from reports: asked for where they are wanted, waited for, and stored once."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from ingestion import ledger, trading212
from ingestion.run import AccountOutcome, Status
from ingestion.trading212.keys import add_trading212_key
from providers.errors import UnexpectedResponse
from providers.trading212.reports import read_report, read_row
from sandbox import TRADING212_DEMO_KEY
from sandbox.server import Sandbox
from tests.broker.conftest import BrokerWorld, broker_world


@pytest.fixture
def broker(
    sandbox: Sandbox,
    database_url: str,
    sessions: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> BrokerWorld:
    """One whose user wants reports."""
    return broker_world(sandbox, database_url, sessions, tmp_path, monkeypatch, reads_exports=True)


def pull(broker: BrokerWorld) -> AccountOutcome:
    (outcome,) = trading212.pull_exports(broker.run()).accounts
    return outcome


def asked_for(broker: BrokerWorld) -> int:
    return sum(1 for r in broker.sandbox.requests() if r["method"] == "POST")


def test_what_was_paid_by_card_is_in_the_ledger_and_cash_agrees(
    broker: BrokerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q18: a report takes a while, and what is not there yet is left for later."""
    broker.quirks("cards", "Q18")
    for history in ("orders", "dividends", "cash_transactions"):
        broker.pull(history)
    trading212.pull_account_summary(broker.run())

    outcomes = [pull(broker).status]
    while outcomes[-1] is Status.DEFERRED and len(outcomes) < 20:
        outcomes.append(pull(broker).status)
    assert outcomes[-1] is Status.COMPLETED
    # Since there are cards, a year at a time.
    spans = broker.rows("select time_from, time_to from trading212.exports order by 1")
    assert len(spans) == asked_for(broker) == 3
    assert spans[0].time_from == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert all(b.time_from < a.time_to for a, b in itertools.pairwise(spans))
    secret = broker.one("select count(*) from trading212.exports where payload::text like '%http%'")
    assert secret == 0

    ledger.project_balance_snapshots(broker.run())
    ledger.project_transactions(broker.run())
    paid = broker.rows(
        "select amount, currency, kind, counterparty_name, booked_at from common.transactions"
        " where raw_table = 'trading212.export_rows' order by booked_at"
    )
    assert {row.kind for row in paid} == {"payment", "fee", "other"}
    assert {"Corner Coffee", "Page & Sons, Books", "Trading 212"} <= {
        row.counterparty_name for row in paid
    }
    assert all(row.currency == "GBP" for row in paid)
    (account,) = ledger.reconcile(broker.run())
    assert account.drift == 0
    assert sum(row.amount for row in paid) < 0

    # The same days again bring nothing, and a week passes before they are asked for.
    assert pull(broker).status is Status.COMPLETED
    assert asked_for(broker) == 3
    monkeypatch.setenv("FARTHING_NOW", "2026-03-23T09:00:00Z")
    broker.sandbox.set_now("2026-03-23T09:00:00Z")
    before = broker.one("select count(*) from trading212.export_rows")
    assert [pull(broker).status for _ in range(2)][-1] is Status.COMPLETED
    assert asked_for(broker) == 4
    assert 0 < broker.one("select count(*) from trading212.export_rows") - before < 15


def test_a_report_that_fails_is_asked_for_anew_and_practice_has_none(broker: BrokerWorld) -> None:
    pull(broker)
    broker.execute("update trading212.exports set requested_at = requested_at - interval '7 h'")
    broker.execute("update trading212.exports set report_id = 1")
    assert pull(broker).status is Status.DEFERRED
    assert asked_for(broker) == 2
    assert broker.rows("select status from trading212.exports order by report_id") == [
        ("Failed",), ("Queued",),
    ]  # fmt: skip
    broker.execute("delete from trading212.api_keys")
    key, secret = SecretStr(TRADING212_DEMO_KEY), SecretStr(broker.sandbox.trading212_secret)
    add_trading212_key(broker.run(), broker.user_id, key, secret, is_demo=True, reads_exports=True)
    outcome = pull(broker)
    assert outcome.status is Status.COMPLETED
    assert "practice account" in str(outcome.reason)


HEAD = "Action,Time,ID,Total,Currency (Total),Merchant name\n"


def test_a_report_is_read_by_its_headings() -> None:
    body = (
        "\ufeff" + HEAD + 'Card debit,2026-08-01 08:10:22.345,a1,-22.39,"EUR","Rail, Federal"\n'
        "\nDeposit,2026-08-01 08:10:22+02:00,,1000,GBP,\nCard debit,2026-08-01 08:10:22,a2,,EUR,\n"
    ).encode()
    rows = read_report(body)
    card, deposit, broken = (read_row(row) for row in rows)
    assert card.key == "a1"
    assert card.amount == Decimal("-22.39")
    assert card.merchant == "Rail, Federal"
    assert card.occurred_at == dt.datetime(2026, 8, 1, 8, 10, 22, 345000, dt.UTC)
    assert deposit.key is None
    assert deposit.occurred_at == dt.datetime(2026, 8, 1, 6, 10, 22, tzinfo=dt.UTC)
    assert (card.refusal, deposit.refusal, broken.refusal) == (None, None, "Total is missing")
    assert "Merchant name" not in rows[1]


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"<html></html>", b"a,b\n1,2\n", (HEAD + "one,cell\n").encode()]
)
def test_what_is_no_report_is_unexpected(body: bytes) -> None:
    with pytest.raises(UnexpectedResponse, match="no CSV"):
        read_report(body)
