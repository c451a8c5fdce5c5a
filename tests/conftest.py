"""A real PostgreSQL for every test that needs one: a server a worker, a fresh database a test."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import connect
from ingestion.run import Run
from postgres import migrate
from postgres.auth.operations import users
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from sandbox.server import Sandbox, running

NOW = "2026-03-15T09:00:00Z"
BANKS = ("NORTHGATE_NRGTGB21", "HARBOUR_HRBRGB2L")

_numbers = itertools.count(1)


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
    _create(server_url, name)
    engine = make_engine(_on(server_url, name), pooled=False)
    migrate.upgrade(engine)
    engine.dispose()
    return name


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database without any schema of ours."""
    name = f"farthing_test_{os.getpid()}_{next(_numbers)}"
    _create(server_url, name)
    yield _on(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    name = f"farthing_test_{os.getpid()}_{next(_numbers)}"
    _create(server_url, name, template=template)
    yield _on(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


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
    connect.add_trading212_key(
        world.run(),
        user_id,
        SecretStr(sandbox.trading212_key),
        SecretStr(sandbox.trading212_secret),
    )
    sandbox.clear_requests()
    return world


def _on(server_url: str, name: str) -> str:
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _create(server_url: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )


def _drop(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )
