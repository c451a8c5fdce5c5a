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
