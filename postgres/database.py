"""Open the database that the settings name, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing.settings import Settings
from postgres.core import check_connection, make_engine, make_sessions
from postgres.embedded import EmbeddedServer

LEDGER = "farthing"
DAGSTER = "dagster"


@dataclass(frozen=True, slots=True)
class Database:
    """The ledger's database, and the one beside it for Dagster's own storage.

    :param url: ``postgresql://user:password@host:port/database``; holds the password.
    """

    url: str = field(repr=False)
    dagster_url: str = field(repr=False)
    engine: sa.Engine
    sessions: sessionmaker[Session]


@contextmanager
def open_database(settings: Settings, *, pooled: bool = True) -> Iterator[Database]:
    """Yield the database of ``FARTHING_DATABASE_URL``, or of the embedded server while it is held.

    Both databases exist afterwards; the schema is not touched, see :mod:`postgres.migrate`.

    :raises DatabaseUnavailableError: if the server does not answer.
    :raises EmbeddedServerError: if the embedded server cannot be started.
    """
    if settings.database_url is not None:
        with _opened(settings.database_url, pooled=pooled) as database:
            yield database
        return
    with EmbeddedServer(settings.home).lease() as address:
        _create_if_missing(address.url("postgres"), LEDGER)
        with _opened(address.url(LEDGER), pooled=pooled) as database:
            yield database


@contextmanager
def _opened(url: str, *, pooled: bool) -> Iterator[Database]:
    engine = make_engine(url, pooled=pooled)
    try:
        check_connection(engine)
        dagster_url = sa.make_url(url).set(database=DAGSTER)
        _create_if_missing(url, DAGSTER)
        yield Database(
            url=url,
            dagster_url=dagster_url.render_as_string(hide_password=False),
            engine=engine,
            sessions=make_sessions(engine),
        )
    finally:
        engine.dispose()


def _create_if_missing(url: str, name: str) -> None:
    engine = make_engine(url, pooled=False).execution_options(isolation_level="AUTOCOMMIT")
    check_connection(engine)
    with engine.connect() as connection:
        found = connection.scalar(
            sa.text("select true from pg_database where datname = :name"), {"name": name}
        )
        if found:
            return
        quoted = connection.dialect.identifier_preparer.quote(name)
        try:
            connection.exec_driver_sql(f"create database {quoted}")
        except (sa.exc.ProgrammingError, sa.exc.IntegrityError):
            # Another process may have made it between the question and this.
            found = connection.scalar(
                sa.text("select true from pg_database where datname = :name"), {"name": name}
            )
            if not found:
                raise
