"""What rows say otherwise than documented lands whole, and is set aside if it says too little."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import pytest

from ingestion import ledger, trading212
from ingestion.run import Status
from providers.trading212.rows import read_order
from sandbox.server import Sandbox
from tests.broker.conftest import PULLED, BrokerWorld


def pull_all(broker: BrokerWorld, histories: Iterable[str] = PULLED) -> None:
    for history in histories:
        assert broker.pull(history).status is Status.COMPLETED
    for step in (
        trading212.pull_account_summary(broker.run()),
        trading212.pull_positions(broker.run()),
        trading212.pull_instruments(broker.run()),
    ):
        assert step.unfinished == ()


def test_every_row_of_every_quirk_lands(broker: BrokerWorld) -> None:
    """Q3, Q4, Q5, Q9, Q11, Q12, Q13, Q16, Q23, Q26, Q27: none is refused, and none is lost."""
    of_orders, of_all = ("Q3", "Q4", "Q5", "Q9"), ("Q12", "Q27")
    for number in (*of_orders, *of_all, "Q11", "Q13", "Q23", "Q26", "noisy"):
        broker.forget()
        broker.execute("truncate trading212.instruments")
        broker.execute("truncate common.jobs cascade")
        broker.quirks(number)
        histories = ("orders",) if number in of_orders else tuple(PULLED)
        if number in ("Q23", "Q26"):
            histories = ("cash_transactions",)
        elif number not in (*of_orders, *of_all):
            histories = ()
        pull_all(broker, histories)
        for history in histories:
            assert broker.landed_keys(history) == broker.true_keys(history), (number, history)
            refused = f"select count(*) from trading212.{history} where refusal is not null"  # noqa: S608
            assert broker.one(refused) == 0, (number, history)
        held = broker.sandbox.truth()["broker_accounts"][0]["positions"]
        assert broker.one("select count(*) from trading212.positions") == len(held)
        assert broker.one("select count(*) from trading212.instruments") > 5


def test_what_has_gaps_is_set_aside_with_its_reason(broker: BrokerWorld) -> None:
    """Q25: a position that names no instrument is in quarantine, and out of it once it does."""
    broker.quirks("Q25")
    pull_all(broker)
    outcome = trading212.pull_positions(broker.run()).accounts[0]
    assert outcome.quarantined == 2
    assert outcome.counts.written == 0
    ledger.project_holdings(broker.run())
    ledger.project_holdings(broker.run())

    set_aside = broker.rows(
        "select q.reason, p.payload from common.quarantine as q"
        " join trading212.positions as p on p.id = q.raw_id"
        " where q.raw_table = 'trading212.positions'"
    )
    assert [row.reason for row in set_aside] == ["instrument.ticker is missing"] * 2
    assert all(Decimal(str(row.payload["quantity"])) > 0 for row in set_aside)
    fills = broker.rows(
        "select refusal, identity_key from trading212.orders"
        " where refusal is not null or identity_key like 'content:%'"
    )
    assert {row.refusal for row in fills} == {None, "fill.filledAt is missing"}
    assert broker.one("select count(*) from trading212.orders") >= len(broker.true_keys("orders"))
    for history in ("dividends", "cash_transactions"):
        keys = broker.landed_keys(history)
        assert len(keys) == len(broker.true_keys(history)), history
        assert any(key.startswith("content:") for key in keys), history

    broker.quirks()
    trading212.pull_positions(broker.run())
    ledger.project_holdings(broker.run())
    assert broker.one("select count(*) from common.quarantine") == 0


def test_the_sandbox_is_like_the_broker_where_it_needs_no_switch(broker: BrokerWorld) -> None:
    """Q1, Q2, Q6, Q7, Q10, Q14, Q15, Q16, Q17, Q19, Q24."""
    pull_all(broker)

    def one(query: str) -> int:
        found: int = broker.one(query)
        return found

    pence = (
        "select count(*) from trading212.orders where"
        " payload #>> '{order,instrument,currency}' = 'GBX' and payload ? 'fill' and"
        " abs((payload #>> '{fill,price}')::numeric * abs((payload #>> '{fill,quantity}')::numeric)"
        " / 100 / (payload #>> '{fill,walletImpact,netValue}')::numeric - 1) > 0.02"
    )
    assert one(pence) == 0
    assert one("select count(*) from trading212.instruments where currency_code = 'GBX'") > 0
    assert one(
        "select count(*) from (select payload #>> '{order,id}' from trading212.orders"
        " group by 1 having count(*) > 1) as several"
    )
    assert one("select count(*) from trading212.orders where not payload ? 'fill'")
    assert one("select max(scale(quantity)) from trading212.positions") == 8
    types = {row[0] for row in broker.rows(
        "select distinct payload ->> 'type' from trading212.cash_transactions")}  # fmt: skip
    assert types <= {"DEPOSIT", "WITHDRAW", "INTEREST_ON_FREE_CASH"}
    assert not one("select count(*) from trading212.dividends where payload ? 'tickerCurrency'")
    replayed = broker.rows(
        "select ticker, sum((payload #>> '{fill,quantity}')::numeric) from trading212.orders"
        " where payload ? 'fill' group by ticker"
        " except select ticker, quantity from trading212.positions"
    )
    assert [row for row in replayed if row[1]] == []
    assert one(
        "select count(*) from trading212.positions where"
        " (payload ->> 'quantityAvailableForTrading')::numeric < quantity"
    )


def test_the_shapes_of_2024_land_as_those_of_today(broker: BrokerWorld) -> None:
    pull_all(broker)
    amounts = (
        "select identity_key, (payload #>> '{fill,walletImpact,netValue}')::numeric,"
        " (payload #>> '{fill,quantity}')::numeric, payload #>> '{fill,walletImpact,currency}',"
        " payload #>> '{order,side}', occurred_at from trading212.orders"
        " where payload ? 'fill' order by 1"
    )
    today = broker.rows(amounts)
    summary = broker.one("select payload from trading212.account_summaries")
    held = dict(broker.rows("select ticker, quantity from trading212.positions"))

    broker.forget()
    broker.execute("truncate trading212.account_summaries")
    broker.quirks("legacy")
    pull_all(broker)

    assert broker.rows(amounts) == today
    for history in PULLED:
        assert broker.landed_keys(history) == broker.true_keys(history)
        refused = f"select count(*) from trading212.{history} where refusal is not null"  # noqa: S608
        assert broker.one(refused) == 0
    then = broker.one("select payload from trading212.account_summaries")
    assert {name: then[name] for name in summary} == summary
    assert then["legacy"]["free"] == summary["cash"]["availableToTrade"]
    assert dict(broker.rows("select ticker, quantity from trading212.positions")) == held
    paths = {re.sub(r"^/api/v0", "", r["path"]) for r in broker.sandbox.requests()}
    assert {"/equity/portfolio", "/history/dividends", "/history/transactions"} <= paths


def test_a_split_is_two_fills_at_one_instant() -> None:
    """Q8: neither moves money, and neither is refused for that."""
    at = "2025-06-20T08:00:00.000Z"
    items = [
        {
            "order": {"id": 7, "side": side, "ticker": "MSFT_US_EQ"},
            "fill": {"id": n, "type": "STOCK_SPLIT", "quantity": quantity, "filledAt": at,
                     "walletImpact": {"realisedProfitLoss": 0}},
        }
        for n, (side, quantity) in enumerate((("SELL", -2), ("BUY", 8)), start=1)
    ]  # fmt: skip
    facts = [read_order(item) for item in items]
    assert [fact.key for fact in facts] == ["7:1", "7:2"]
    assert {fact.refusal for fact in facts} == {None}
    assert facts[0].occurred_at == facts[1].occurred_at


def test_listings_are_read_once_a_day(
    broker: BrokerWorld, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q21: some 5 MB, the same for every key."""
    for pull, path in (
        (trading212.pull_instruments, "/metadata/instruments"),
        (trading212.pull_exchanges, "/metadata/exchanges"),
    ):
        for day, calls in (("2026-03-15", 1), ("2026-03-15", 1), ("2026-03-16", 2)):
            monkeypatch.setenv("FARTHING_NOW", f"{day}T09:00:00Z")
            pull(broker.run())
            asked = [r for r in sandbox.requests() if r["path"].endswith(path)]
            assert len(asked) == calls
    names = {row[0] for row in broker.rows("select name from trading212.exchanges")}
    assert "London Stock Exchange" in names


def test_pies_and_orders_that_wait_come_and_go(
    broker: BrokerWorld, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q19: half of the plan's shares are in pies."""
    for _ in range(2):
        assert trading212.pull_pies(broker.run()).unfinished == ()
    assert broker.rows("select name, opened_at::date::text from trading212.pies order by 1") == [
        ("All the world", "2025-01-01"), ("Technology", "2025-01-01"),
    ]  # fmt: skip
    details = [r for r in sandbox.requests() if re.search(r"/pies/\d", r["path"])]
    assert len(details) == 2
    sliced = broker.rows(
        "select s ->> 'ticker', (s ->> 'ownedQuantity')::numeric"
        " from trading212.pies, jsonb_array_elements(detail -> 'instruments') as s order by 1"
    )
    trading212.pull_positions(broker.run())
    assert sliced == broker.rows(
        "select ticker, (payload ->> 'quantityInPies')::numeric from trading212.positions"
        " where (payload ->> 'quantityInPies')::numeric > 0 order by 1"
    )

    waiting = 0
    for _ in range(120):
        sandbox.advance(days=1)
        trading212.pull_pending_orders(broker.run())
        waiting = broker.one("select count(*) from trading212.pending_orders where gone_at is null")
        if waiting:
            break
    assert waiting == 1
    sandbox.advance(days=30)
    trading212.pull_pending_orders(broker.run())
    assert broker.one("select count(*) from trading212.pending_orders where gone_at is null") == 0
    assert broker.one("select count(*) from trading212.pending_orders") >= 1
