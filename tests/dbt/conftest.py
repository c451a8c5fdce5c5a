"""A server for the session and a fresh ledger for whoever asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from postgres import migrate
from postgres.core import make_engine
from postgres.embedded import Address, EmbeddedServer
from tests.dbt.ledger import Ledger

TEMPLATE = "dbt_template"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say that all tests here are slow: each builds models."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with EmbeddedServer(tmp_path_factory.mktemp("dbt"), durable=False).lease() as address:
        _create(address, TEMPLATE, "template0")
        engine = make_engine(address.url(TEMPLATE), pooled=False)
        migrate.upgrade(engine)
        engine.dispose()
        yield address


@pytest.fixture(scope="session")
def new_ledger(server: Address, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Ledger]:
    work = tmp_path_factory.mktemp("dbt_work")

    def make() -> Ledger:
        name = f"ledger_{uuid.uuid4().hex[:12]}"
        _create(server, name, TEMPLATE)
        return Ledger(server.url(name), work)

    return make


@pytest.fixture
def ledger(new_ledger: Callable[[], Ledger]) -> Ledger:
    return new_ledger()


def _create(server: Address, name: str, template: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
