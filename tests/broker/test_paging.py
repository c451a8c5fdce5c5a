"""Histories come whole whatever is wrong with the way from page to page, and break off nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion.run import Status
from sandbox import faults
from sandbox.faults import Fault
from sandbox.server import Sandbox, running
from tests.broker.conftest import PULLED, BrokerWorld

MOST_SYNCS = 25


@pytest.fixture
def sandbox(frozen: str) -> Iterator[Sandbox]:
    """Two years, so that there are three pages of orders."""
    with running(seed=7, now=frozen) as sandbox:
        yield sandbox


def read_to_the_end(broker: BrokerWorld, history: str) -> int:
    """Sync until a history is complete, and return how often that took."""
    for count in range(1, MOST_SYNCS + 1):
        outcome = broker.pull(history, f"run-{count}")
        if outcome.status is Status.COMPLETED:
            return count
        assert broker.watermark(history) is None, outcome.reason
    raise AssertionError(outcome.reason)


def test_every_defect_of_the_links_is_coped_with(broker: BrokerWorld) -> None:
    """N1 to N7, N9 and N10 are got around at once; N3 and N4 always are."""
    cases = (
        "plain orders", "N1 cash_transactions", "N2 orders", "N2 cash_transactions", "N5 orders",
        "N5 cash_transactions", "N6 orders", "N7 cash_transactions", "N9 orders", "N10 dividends",
    )  # fmt: skip
    for case in cases:
        number, history = case.split()
        broker.forget()
        broker.quirks(*([] if number == "plain" else [number]))
        syncs = read_to_the_end(broker, history)
        assert broker.landed_keys(history) == broker.true_keys(history), case
        assert broker.watermark(history) == "2026-03-15"
        assert broker.rows("select * from trading212.history_reads") == []
        assert syncs == 1, case
        if number == "N5":
            refused = [r for r in broker.sandbox.requests() if r["status"] == 500]
            assert refused, "the switch did nothing"


def test_rows_that_a_page_lacks_are_noticed_and_read_again(broker: BrokerWorld) -> None:
    """N8: the transactions name the first row of the next page (Q24), so that a gap shows."""
    broker.quirks("N8")
    outcome = broker.pull("cash_transactions")
    assert outcome.status is Status.FAILED
    assert "do not follow one another" in str(outcome.reason)
    assert broker.watermark("cash_transactions") is None
    assert len(broker.landed_keys("cash_transactions")) < len(broker.true_keys("cash_transactions"))

    broker.quirks()
    assert broker.pull("cash_transactions").status is Status.COMPLETED
    assert broker.landed_keys("cash_transactions") == broker.true_keys("cash_transactions")

    # Nothing in the orders shows it; whoever reads them again from the beginning has them.
    broker.quirks("N8")
    broker.pull("orders")
    assert len(broker.landed_keys("orders")) < len(broker.true_keys("orders"))
    broker.quirks()
    broker.pull("orders")
    broker.pull("orders", since="2015-01-01T00:00:00Z")
    assert broker.landed_keys("orders") == broker.true_keys("orders")


def test_a_history_goes_on_where_it_broke_off(broker: BrokerWorld) -> None:
    history, path = "cash_transactions", "/history/transactions"
    broker.sandbox.inject(*([Fault(path=path)] * 5), faults.internal_error(path, times=2))
    outcome = broker.pull(history)
    assert outcome.status is Status.DEFERRED
    (kept,) = broker.rows("select pages, ways, through::text from trading212.history_reads")
    assert kept.pages == 5
    assert broker.one("select count(*) from trading212.cash_transactions") == 250
    first_cursor = kept.ways[0]
    broker.sandbox.clear_requests()

    assert broker.pull(history).status is Status.COMPLETED

    asked = [r["query"] for r in broker.sandbox.requests()]
    assert asked[0] == first_cursor
    assert broker.landed_keys(history) == broker.true_keys(history)
    assert len(asked) == -(-len(broker.true_keys(history)) // 50) - 5


def test_what_happened_since_is_read_before_the_rest(
    broker: BrokerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, path = "cash_transactions", "/history/transactions"
    broker.sandbox.inject(*([Fault(path=path)] * 3), faults.internal_error(path, times=2))
    broker.pull(history)
    broker.sandbox.set_now("2026-03-20T09:00:00Z")
    monkeypatch.setenv("FARTHING_NOW", "2026-03-20T09:00:00Z")

    assert broker.pull(history).status is Status.COMPLETED

    assert broker.landed_keys(history) == broker.true_keys(history)
    assert broker.watermark(history) == "2026-03-20"


def test_a_reading_stops_where_all_is_known_and_not_before(broker: BrokerWorld) -> None:
    """N10: one known row is no reason to stop; a whole page of them beyond the overlap is."""
    history = "cash_transactions"
    broker.pull(history)
    broker.sandbox.clear_requests()
    assert broker.pull(history).counts.written == 0
    assert len(broker.sandbox.requests()) == 2

    broker.execute(
        "delete from trading212.cash_transactions where occurred_at between"
        " '2025-12-20' and '2025-12-28'"
    )
    broker.sandbox.clear_requests()
    broker.pull(history)
    assert len(broker.sandbox.requests()) == 3
    assert broker.landed_keys(history) == broker.true_keys(history)


def test_random_faults_lose_and_repeat_nothing(broker: BrokerWorld) -> None:
    broker.quirks("flaky", "N9")
    for history in PULLED:
        read_to_the_end(broker, history)
        assert broker.landed_keys(history) == broker.true_keys(history)
    broker.quirks()
    broker.forget()
    path = "/history/orders"
    broken = (
        faults.reset(path, times=3),
        faults.truncate(path, times=3),
        faults.html_page(path, times=3),
    )
    for count, fault in enumerate(broken):
        broker.sandbox.inject(*([Fault(path=path)] * count), fault)
        broker.pull("orders")
    broker.sandbox.clear_faults()
    broker.pull("orders")
    assert broker.landed_keys("orders") == broker.true_keys("orders")

    # A reading that goes on asks for an instant more, and is told some rows without an id again.
    broker.forget()
    broker.quirks("N9", "Q25")
    broker.sandbox.inject(Fault(path=path), faults.internal_error(path, times=4))
    assert broker.pull("orders").status is Status.DEFERRED
    broker.sandbox.clear_faults()
    assert broker.pull("orders").status is Status.COMPLETED
    fills = broker.one("select count(*) from trading212.orders where payload ? 'fill'")
    assert fills == len(broker.true_keys("orders"))


def test_a_server_that_takes_no_cursor_but_its_own_is_read_in_the_end(broker: BrokerWorld) -> None:
    path = "/history/orders"
    refused = Fault(path=path, status=400, json={"code": "BusinessException"}, times=3)
    broker.sandbox.inject(Fault(path=path), refused)
    for refusals in (1, 2):
        assert broker.pull("orders").status is Status.FAILED
        assert broker.one("select refusals from trading212.history_reads") == refusals
        broker.sandbox.inject(refused)
    assert broker.pull("orders").status is Status.COMPLETED
    assert broker.landed_keys("orders") == broker.true_keys("orders")
