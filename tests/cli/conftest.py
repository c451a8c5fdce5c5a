from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.operations import users
from sandbox.server import Sandbox
from tests.cli.support import PREFIXES


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of ours is set but the home."""
    for name in os.environ:
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def ledger(
    own_environment: None,
    database_url: str,
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> sessionmaker[Session]:
    """The database that commands of this test work on."""
    monkeypatch.setenv("FARTHING_DATABASE_URL", database_url)
    return sessions


@pytest.fixture
def ann(ledger: sessionmaker[Session]) -> str:
    """The only user."""
    with ledger.begin() as session:
        users.create_user(session, "ann", "correct horse")
    return "ann"


@pytest.fixture
def providers(own_environment: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that commands of this test ask."""
    monkeypatch.setenv("GOCARDLESS_BASE_URL", sandbox.gocardless_url)
    monkeypatch.setenv("GOCARDLESS_SECRET_ID", sandbox.secret_id)
    monkeypatch.setenv("GOCARDLESS_SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("TRADING212_BASE_URL", sandbox.trading212_url)
    monkeypatch.setenv("ECB_BASE_URL", sandbox.ecb_url)
    monkeypatch.setenv("TRADING212_API_KEY", sandbox.trading212_key)
    monkeypatch.setenv("TRADING212_API_SECRET", sandbox.trading212_secret)
    return sandbox
