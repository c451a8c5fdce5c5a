"""No test sees what another one left in a database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.conftest import World
from tests.databases import Shelf
from tests.ingestion.pipeline import sync

_ROWS = sa.text(
    "select (select count(*) from common.transactions), (select count(*) from auth.users),"
    " (select count(*) from common.institutions), (select count(*) from trading212.orders)"
)


@pytest.fixture
def own_shelf(server_url: str, template: str) -> Shelf:
    return Shelf(server_url, template)


def test_what_was_committed_is_gone_and_what_the_migrations_wrote_is_there(
    own_shelf: Shelf, world: World
) -> None:
    engine = own_shelf.take()
    with engine.connect() as connection:
        new = connection.execute(_ROWS).one()
    own_shelf.give_back(engine, is_shown=False)
    sync(world.run())
    with world.sessions() as session:
        assert all(session.execute(_ROWS).one())
    written = world.sessions.kw["bind"]

    own_shelf.give_back(written, is_shown=True)

    assert own_shelf.take() is written
    with written.connect() as connection:
        assert connection.execute(_ROWS).one() == new == (0, 0, 1, 0)
    own_shelf.clear()


@pytest.mark.parametrize(
    "statement",
    [
        "update common.institutions set name = 'another'",
        "create schema marts",
        "alter table common.transactions disable trigger user",
        "create or replace function common.due_days(frequency text) returns integer"
        " language sql as 'select 1'",
        "grant select on common.transactions to public",
    ],
)
def test_a_database_is_dropped_if_more_than_rows_changed(own_shelf: Shelf, statement: str) -> None:
    engine = own_shelf.take()
    with engine.begin() as connection:
        connection.execute(sa.text(statement))

    own_shelf.give_back(engine, is_shown=False)

    another = own_shelf.take()
    assert another is not engine
    own_shelf.drop(another)


def test_a_database_is_dropped_while_somebody_is_in_it(own_shelf: Shelf) -> None:
    engine = own_shelf.take()
    stranger = sa.create_engine(engine.url)

    with stranger.connect():
        own_shelf.give_back(engine, is_shown=True)

    another = own_shelf.take()
    assert another is not engine
    own_shelf.drop(another)
    stranger.dispose()
