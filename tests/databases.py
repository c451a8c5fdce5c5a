"""Databases for tests: a fresh one takes as long as a small test, so a clean one is used again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from postgres.core import make_engine

_numbers = itertools.count(1)

_TABLES = """
    select n.nspname, c.relname
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
"""
# What a statement of DDL leaves behind: rows of the catalogue that the template does not have.
_CATALOGUES = (
    "pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_index", "pg_namespace",
    "pg_policy", "pg_proc", "pg_trigger", "pg_type",
)  # fmt: skip


class Shelf:
    """Migrated, empty databases of this worker, each with its engine.

    A database goes back with its connections, whose caches are warm by then. What was committed to
    its tables is deleted first. It is dropped if anything else was done to it, or if somebody is
    still connected.

    :param template: a migrated database without a row but those of the migrations.
    """

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url, self._template = server_url, template
        self._clean: list[sa.Engine] = []
        self._written: set[sa.Engine] = set()
        with psycopg.connect(on(server_url, template)) as connection:
            tables = [sql.Identifier(*name) for name in connection.execute(_TABLES)]
            self._filled = _filled(tables)
            self._catalogue = _fingerprint(connection, _CATALOGUES)
            self._seeds = _fingerprint(connection, _names(connection, self._filled))

    def take(self) -> sa.Engine:
        if self._clean:
            return self._clean.pop()
        name = next_name()
        create(self._server_url, name, template=self._template)
        engine = make_engine(on(self._server_url, name))
        # In autocommit nothing tells of a commit.
        for event in (
            "commit",
            "set_connection_execution_options",
            "set_engine_execution_options",
        ):
            sa.event.listen(engine, event, lambda *_: self._written.add(engine))
        return engine

    def give_back(self, engine: sa.Engine, *, is_shown: bool) -> None:
        """Keep a database for the next test.

        :param is_shown: somebody may have written to it through another engine.
        """
        if (is_shown or engine in self._written) and not self._emptied(engine):
            self.drop(engine)
        else:
            self._written.discard(engine)
            self._clean.append(engine)

    def drop(self, engine: sa.Engine) -> None:
        engine.dispose()
        self._written.discard(engine)
        drop(self._server_url, str(engine.url.database))

    def clear(self) -> None:
        while self._clean:
            self.drop(self._clean.pop())

    def _emptied(self, engine: sa.Engine) -> bool:
        """Delete what was committed; whether the database is as its template is then."""
        engine.dispose()
        url = on(self._server_url, str(engine.url.database))
        with psycopg.connect(url, autocommit=True) as connection:
            alone = "select count(*) = 1 from pg_stat_activity where datname = current_database()"
            if connection.execute(alone).fetchone() != (True,):
                return False
            if _fingerprint(connection, _CATALOGUES) != self._catalogue:
                return False
            if filled := _names(connection, self._filled):
                with connection.transaction():
                    # Neither triggers nor keys to other tables stand in the way.
                    connection.execute("set local session_replication_role = replica")
                    for table in filled:
                        _, newest = self._seeds.get(table, (0, 0))
                        connection.execute(
                            sql.SQL("delete from {} where xmin::text::bigint > {}").format(
                                sql.SQL(table), newest
                            )
                        )
                connection.execute(sql.SQL("vacuum {}").format(sql.SQL(", ".join(filled))))
            connection.execute("select setval(seqrelid, seqstart, false) from pg_sequence")
            return _fingerprint(connection, self._seeds) == self._seeds


def on(server_url: str, name: str) -> str:
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)


def create(server_url: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )


def drop(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def next_name() -> str:
    """Return a name that no database has."""
    return f"farthing_test_{os.getpid()}_{next(_numbers)}"


@contextmanager
def fresh_database(server_url: str, template: str) -> Iterator[str]:
    """Yield the address of a migrated, empty database."""
    name = next_name()
    create(server_url, name, template=template)
    yield on(server_url, name)
    drop(server_url, name)


def _filled(tables: Sequence[sql.Identifier]) -> sql.Composed:
    """Return the query that names the tables with rows."""
    return sql.SQL(" union all ").join(
        sql.SQL("select {} where exists (select from {})").format(table.as_string(), table)
        for table in tables
    )


def _names(connection: psycopg.Connection[Any], query: sql.Composed) -> list[str]:
    return [name for (name,) in connection.execute(query)]


def _fingerprint(
    connection: psycopg.Connection[Any], tables: Iterable[str]
) -> dict[str, tuple[int, int]]:
    """Return of each table how many rows it has, and which transaction wrote the newest."""
    rows = connection.execute(
        sql.SQL(" union all ").join(
            sql.SQL("select {}, count(*), max(xmin::text::bigint) from {} {}").format(
                table,
                sql.SQL(table),
                # Whoever had a temporary table leaves a schema for the next one.
                sql.SQL("where nspname !~ '^pg_(toast_)?temp_'" * (table == "pg_namespace")),
            )
            for table in tables
        )
    )
    return {table: (count, newest) for table, count, newest in rows}
