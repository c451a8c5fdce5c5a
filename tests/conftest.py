"""A real PostgreSQL for every test that needs one: a server a worker, a fresh database a test."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import connect
from ingestion.run import Run
from ingestion.trading212.keys import add_trading212_key
from postgres import migrate
from postgres.auth.operations import users
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from sandbox.server import Sandbox, running
from tests import databases

NOW = "2026-03-15T09:00:00Z"
BANKS = ("NORTHGATE_NRGTGB21", "HARBOUR_HRBRGB2L")

# A busy machine is no fault of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, and end with the small ones.

    A file stays on one worker, and a long one at the end would leave the others idle.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -tests[item.path]))


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A server to make databases on: ``FARTHING_TEST_SERVER_URL``, else an embedded one."""
    given = os.environ.get("FARTHING_TEST_SERVER_URL")
    if given:
        yield given
        return
    # Sockets want a short path, which pytest's own folders are not.
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as address,
    ):
        yield address.url("postgres")


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a migrated, empty database: ``FARTHING_TEST_TEMPLATE``, else a new one."""
    given = os.environ.get("FARTHING_TEST_TEMPLATE")
    if given:
        return given
    name = f"farthing_template_{os.getpid()}"
    databases.create(server_url, name)
    engine = make_engine(databases.on(server_url, name), pooled=False)
    migrate.upgrade(engine)
    engine.dispose()
    return name


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database without any schema of ours."""
    name = databases.next_name()
    databases.create(server_url, name)
    yield databases.on(server_url, name)
    databases.drop(server_url, name)


@pytest.fixture(scope="session")
def shelf(server_url: str, template: str) -> Iterator[databases.Shelf]:
    shelf = databases.Shelf(server_url, template)
    yield shelf
    shelf.clear()


@pytest.fixture
def engine(shelf: databases.Shelf, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A migrated, empty database that no other test sees a row of."""
    engine = shelf.take()
    yield engine
    shelf.give_back(engine, is_shown="database_url" in request.fixturenames)


@pytest.fixture
def database_url(engine: sa.Engine) -> str:
    """The address of the test's database, to which the test may then write from anywhere."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def sessions(engine: sa.Engine) -> sessionmaker[Session]:
    return make_sessions(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session whose work is rolled back with its database."""
    with sessions() as session:
        yield session


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> str:
    """The ledger's clock stands still."""
    monkeypatch.setenv("FARTHING_NOW", NOW)
    return NOW


@dataclass(frozen=True)
class World:
    """A ledger over the sandbox: one user, two banks and a broker, connected and not yet read."""

    sandbox: Sandbox
    settings: Settings
    sessions: sessionmaker[Session]
    user_id: UUID

    def run(self, run_id: str = "run-1", connection_id: UUID | None = None) -> Run:
        return Run(
            run_id,
            self.sessions,
            self.settings,
            SecretBox.from_settings(self.settings),
            connection_id,
        )


@pytest.fixture
def sandbox(frozen: str) -> Iterator[Sandbox]:
    with running(seed=7, now=frozen) as sandbox:
        yield sandbox


@pytest.fixture
def world(
    sandbox: Sandbox,
    database_url: str,
    sessions: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    for variable, value in {
        "FARTHING_HOME": str(tmp_path),
        "FARTHING_DATABASE_URL": database_url,
        "GOCARDLESS_BASE_URL": sandbox.gocardless_url,
        "GOCARDLESS_SECRET_ID": sandbox.secret_id,
        "GOCARDLESS_SECRET_KEY": sandbox.secret_key,
        "TRADING212_BASE_URL": sandbox.trading212_url,
    }.items():
        monkeypatch.setenv(variable, value)
    with sessions.begin() as session:
        user_id = users.create_user(session, "ann", "correct horse").id
    world = World(sandbox, Settings.load(), sessions, user_id)
    for bank in BANKS:
        consent = connect.begin_consent(world.run(), user_id, bank, redirect="http://127.0.0.1/")
        sandbox.approve(consent.link)
        assert connect.is_linked(world.run(), user_id, consent.requisition_id)
    add_trading212_key(
        world.run(),
        user_id,
        SecretStr(sandbox.trading212_key),
        SecretStr(sandbox.trading212_secret),
    )
    sandbox.clear_requests()
    return world
