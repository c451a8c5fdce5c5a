"""Banks made up at random, read at random times and through faults: nothing lost, nothing twice.

`make reliability` reads ten thousand. A seed that fails is printed, and belongs into
``REGRESSIONS`` once it is understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.run import Run
from tests.ingestion.bank_server import serving
from tests.ingestion.worlds import ACCOUNTS, Household, live_through

WORLDS = 100
REGRESSIONS: tuple[int, ...] = ()


@pytest.fixture
def household(
    sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Household]:
    with serving() as server:
        monkeypatch.setenv("FARTHING_HOME", str(tmp_path))
        monkeypatch.setenv("GOCARDLESS_BASE_URL", server.base_url)
        monkeypatch.setenv("GOCARDLESS_SECRET_ID", "id")
        monkeypatch.setenv("GOCARDLESS_SECRET_KEY", "key")
        settings = Settings.load()
        run = Run("run-1", sessions, settings, SecretBox.from_settings(settings))
        yield Household(sessions, run, server)


@pytest.mark.slow
def test_the_ledger_is_what_truly_happened(household: Household) -> None:
    kinds: set[str] = set()
    for seed in (*REGRESSIONS, *range(WORLDS // ACCOUNTS)):
        report = live_through(household, seed)

        assert not report.wrong, f"seed {seed}: {'; '.join(report.wrong)}"
        kinds |= report.faults.keys()
    assert len(kinds) > 10
