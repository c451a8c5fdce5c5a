"""A run over the test's own database, without a provider."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.run import Run


@pytest.fixture
def run(sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path))
    settings = Settings.load()
    return Run("replay-1", sessions, settings, SecretBox.from_settings(settings))
