"""Banks made up at random, read at random times and through faults: nothing lost, nothing twice.

`make reliability` reads ten thousand. A seed that fails is printed, and belongs into
``REGRESSIONS`` once it is understood.
"""

from __future__ import annotations

import pytest

from tests.ingestion.worlds import ACCOUNTS, Household, live_through

WORLDS = 100
REGRESSIONS: tuple[int, ...] = ()


@pytest.mark.slow
def test_the_ledger_is_what_truly_happened(household: Household) -> None:
    kinds: set[str] = set()
    for seed in (*REGRESSIONS, *range(WORLDS // ACCOUNTS)):
        report = live_through(household, seed)

        assert not report.wrong, f"seed {seed}: {'; '.join(report.wrong)}"
        kinds |= report.faults.keys()
    assert len(kinds) > 10
