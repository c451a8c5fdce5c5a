"""A sandbox a case, and one database for all: each case has users of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing.settings import Settings
from postgres.auth.models import User
from postgres.auth.operations import users
from postgres.core import make_engine, make_sessions
from sandbox.server import Sandbox
from tests.consents.household import Household
from tests.databases import fresh_database


@pytest.fixture(scope="session")
def shared_url(server_url: str, template: str) -> Iterator[str]:
    with fresh_database(server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def shared_ledger(shared_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(shared_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def household(
    sandbox: Sandbox,
    shared_url: str,
    shared_ledger: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Household]:
    for variable, value in {
        "FARTHING_HOME": str(tmp_path),
        "FARTHING_DATABASE_URL": shared_url,
        "GOCARDLESS_BASE_URL": sandbox.gocardless_url,
        "GOCARDLESS_SECRET_ID": sandbox.secret_id,
        "GOCARDLESS_SECRET_KEY": sandbox.secret_key,
        "COLUMNS": "160",
    }.items():
        monkeypatch.setenv(variable, value)
    with shared_ledger.begin() as session:
        user_id = users.create_user(session, "ann", "correct horse").id
    yield Household(sandbox, shared_ledger, Settings.load(), monkeypatch, user_id)
    with shared_ledger.begin() as session:
        session.execute(sa.delete(User))
