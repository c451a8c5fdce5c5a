"""Runs over the test's own database: without a provider, and over the server of made-up banks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.run import Run
from tests.ingestion.bank_server import serving
from tests.ingestion.worlds import Household


@pytest.fixture
def run(sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path))
    settings = Settings.load()
    return Run("replay-1", sessions, settings, SecretBox.from_settings(settings))


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
