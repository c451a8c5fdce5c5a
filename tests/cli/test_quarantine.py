"""``farthing quarantine list``."""

from __future__ import annotations

from sandbox.faults import Fault
from tests.cli.support import farthing
from tests.conftest import World
from tests.ingestion.pipeline import sync


def test_list_is_empty_without_rows(ledger: object, ann: str) -> None:
    assert farthing("quarantine", "list").out == "Nothing is in quarantine.\n"
    assert farthing("quarantine", "list", "--json").json == []


def test_list_says_which_row_and_why(own_environment: None, world: World) -> None:
    broken = {"transactionAmount": {"amount": "much", "currency": "GBP"}, "bookingDate": "soon"}
    world.sandbox.inject(
        Fault(
            path="/accounts/[^/]+/transactions/",
            status=200,
            json={"transactions": {"booked": [broken], "pending": []}},
        )
    )
    sync(world.run())

    (row,) = farthing("quarantine", "list", "--json").json

    assert row["raw_table"] == "gocardless.transactions"
    assert row["reason"]
    assert row["account"].startswith(("Northgate Bank: ", "Harbour Bank: "))
    shown = farthing("quarantine", "list").out
    assert row["id"][:8] in shown


def test_a_row_that_reads_as_before_waits_and_is_dropped_for_good(
    own_environment: None, world: World
) -> None:
    broken = {"transactionAmount": {"amount": "much", "currency": "GBP"}, "bookingDate": "soon"}
    world.sandbox.inject(
        Fault(
            path="/accounts/[^/]+/transactions/",
            status=200,
            json={"transactions": {"booked": [broken], "pending": []}},
        )
    )
    sync(world.run())
    (row,) = farthing("quarantine", "list", "--json").json

    again = farthing("quarantine", "retry", row["id"][:8])
    assert again.code == 3
    assert "0 rows placed" in again.out
    assert "1 row cannot be placed still" in again.out
    assert farthing("quarantine", "retry", "feedbeef").code == 2

    assert farthing("quarantine", "drop", row["id"][:8]).out == "1 row dropped.\n"
    assert farthing("quarantine", "list", "--json").json == []


def test_replay_says_that_nothing_changed_and_asks_nobody(
    own_environment: None, world: World
) -> None:
    sync(world.run())
    world.sandbox.clear_requests()

    shown = farthing("replay")
    told = farthing("replay", "--json").json

    assert shown.code == 0
    assert "The ledger is what it was." in shown.out
    assert {each["status"] for each in told} == {"completed"}
    assert {each["new"] + each["changed"] for each in told} == {0}
    assert world.sandbox.requests() == []
    assert farthing("replay", "--account", "feedbeef").code == 2
