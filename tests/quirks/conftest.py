"""One database and one sandbox for all quirks; each case has a user of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing.settings import Settings
from postgres.auth.models import User
from postgres.core import make_engine, make_sessions
from sandbox.server import Sandbox, running
from tests.conftest import NOW
from tests.databases import fresh_database
from tests.quirks.case import Case


@pytest.fixture(scope="session")
def quirky_server() -> Iterator[Sandbox]:
    # The accounts are the same for every case, and so would be their calls of a day.
    with running(seed=7, now=NOW, daily_limit=100_000) as sandbox:
        yield sandbox


@pytest.fixture
def quirky_bank(quirky_server: Sandbox, frozen: str) -> Sandbox:
    """Return the sandbox as no case has changed it."""
    quirky_server.set_now(frozen)
    quirky_server.clear_quirks()
    quirky_server.clear_requests()
    return quirky_server


@pytest.fixture(scope="session")
def quirky_ledger(server_url: str, template: str) -> Iterator[sessionmaker[Session]]:
    with fresh_database(server_url, template) as url:
        engine = make_engine(url)
        yield make_sessions(engine)
        engine.dispose()


@pytest.fixture
def case(
    quirky_bank: Sandbox,
    quirky_ledger: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Case]:
    for variable, value in {
        "FARTHING_HOME": str(tmp_path),
        "GOCARDLESS_BASE_URL": quirky_bank.gocardless_url,
        "GOCARDLESS_SECRET_ID": quirky_bank.secret_id,
        "GOCARDLESS_SECRET_KEY": quirky_bank.secret_key,
    }.items():
        monkeypatch.setenv(variable, value)
    with quirky_ledger.begin() as session:
        user = User(name="ann", password_hash="not a hash")
        session.add(user)
        session.flush()
        user_id = user.id
    case = Case(quirky_bank, quirky_ledger, Settings.load(), monkeypatch, user_id)
    # Cases stand for days that have passed; together they would be too many calls for a minute.
    case.pass_limits()
    yield case
    with quirky_ledger.begin() as session:
        session.execute(sa.delete(User).where(User.id == user_id))
