"""What the graph says of consents that end, and of accounts that nobody knows."""

from __future__ import annotations

import dagster as dg
import pytest

from dagster_project.defs.common import checks
from dagster_project.lib.resources import Ledger
from ingestion import ledger
from tests.conftest import World


def test_consents_that_end_are_counted_down_and_accounts_are_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for now, passed, severity, fewest in (
        ("2026-03-15T09:00:00Z", True, None, 90),
        ("2026-06-01T09:00:00Z", False, dg.AssetCheckSeverity.WARN, 12),
        ("2026-06-20T09:00:00Z", False, dg.AssetCheckSeverity.ERROR, 0),
    ):
        monkeypatch.setenv("FARTHING_NOW", now)
        ledger.project_connections(world.run())

        result = checks.consents_last(ledger=Ledger())

        assert isinstance(result, dg.AssetCheckResult)
        assert result.passed is passed
        assert severity in (None, result.severity)
        assert result.metadata["fewest days left"].value == fewest
        table = str(result.metadata["consents"].value)
        assert table.count("\n") == 3  # the broker's key does not end
        assert "confirm" in table
        assert "renew" in table
    known = checks.accounts_are_known(ledger=Ledger())
    assert isinstance(known, dg.AssetCheckResult)
    assert known.passed
