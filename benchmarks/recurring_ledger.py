"""A scratch database with the statements of a file in it, and the real models run on them.

Each account is one user's. Who is on the other side is named as the platform names it.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from dbt.cli.main import dbtRunner
from psycopg import sql

from benchmarks.recurring_files import Prediction, Transaction
from dagster_project.lib.dbt import connection_variables
from dagster_project.lib.manifest import DBT_PROJECT
from farthing.errors import FarthingError
from farthing.settings import Settings
from postgres import migrate
from postgres.core import make_engine
from postgres.embedded import EmbeddedServer

MODELS = "+fct_recurring_patterns +fct_recurring_occurrences"
# What is found does not depend on the day; the rest is told of the accounts in scope.
_FOUND = "+int_recurring_outlooks +int_recurring_confidences"
_TOLD = "int_recurring_payments+"

_LOAD = Path(__file__).with_name("recurring_load.sql")


class AnalysisError(FarthingError):
    """dbt did not build the models; the message names the first that failed."""


@contextmanager
def scratch_database() -> Iterator[str]:
    """Yield the URL of an empty ledger, and remove it after.

    It is made on the server of FARTHING_DATABASE_URL, else on an embedded one of its own.
    """
    url = Settings.load().database_url
    if url is not None:
        with _made_on(url) as made:
            yield made
        return
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as address,
        _made_on(address.url("postgres")) as made,
    ):
        yield made


def load(url: str, transactions: Iterable[Transaction]) -> None:
    """Write statements into an empty ledger."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "create temporary table statement_rows (account_id text, transaction_id text,"
            " booking_date date, amount numeric, currency text, counterparty text,"
            " description text, status text)"
        )
        with connection.cursor().copy("copy statement_rows from stdin") as copy:
            for row in transactions:
                copy.write_row(
                    (
                        row.account_id, row.transaction_id, row.booking_date, row.amount,
                        row.currency, row.counterparty, row.description, row.status,
                    )
                )  # fmt: skip
        connection.execute("analyze statement_rows")
        connection.execute(_LOAD.read_bytes())


def analyse(
    url: str, as_of: dt.date, *, select: str = MODELS, work: Path, in_full: bool = False
) -> Any:
    """Run the models as of the end of a day, and return dbt's results.

    :param work: directory for what dbt writes.
    :param in_full: of all accounts, whatever was analysed before.
    :raises AnalysisError: if one fails.
    """
    variables = {**connection_variables(url), "FARTHING_NOW": f"{as_of}T23:00:00Z"}
    with _environment(variables):
        result = dbtRunner().invoke(
            [
                *("build", "--select", *select.split()),
                *(("--full-refresh",) if in_full else ()),
                *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
                *("--target-path", str(work / "target"), "--log-path", str(work / "logs")),
                *("--log-level", "none", "--log-level-file", "none", "--no-use-colors"),
            ]
        )
    outcomes: Any = result.result
    if not result.success:
        failed = [one for one in outcomes or () if one.status in {"error", "fail"}]
        why = f"{failed[0].node.name}: {failed[0].message}" if failed else str(result.exception)
        message = f"dbt failed: {' '.join(why.split())}"
        raise AnalysisError(message)
    return outcomes.results


def predictions(url: str) -> list[Prediction]:
    """Return what was found, in the order of accounts and transactions."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            select
                transactions.source_key,
                occurrences.pattern_key,
                patterns.frequency,
                patterns.confidence
            from marts.fct_recurring_occurrences as occurrences
            inner join marts.fct_recurring_patterns as patterns
                on occurrences.pattern_key = patterns.pattern_key
            inner join common.transactions
                on occurrences.transaction_id = transactions.id
            order by transactions.account_id, transactions.source_key
            """
        ).fetchall()
    return [Prediction(*row) for row in rows]


def predictions_online(
    url: str, transactions: Sequence[Transaction], days: Sequence[dt.date], *, work: Path
) -> list[Prediction]:
    """Return what would have been found at the end of each day, from what was booked until then.

    Each day is given accounts of its own, so that one run of the heavy models serves them all; the
    light ones, which read the clock, run once a day, over the accounts of that day.

    :param url: an empty ledger.
    """
    load(
        url,
        [
            replace(
                row,
                account_id=f"{day} {row.account_id}",
                transaction_id=f"{day} {row.transaction_id}",
            )
            for day in days
            for row in transactions
            if row.booking_date <= day
        ],
    )
    analyse(url, days[-1], select=_FOUND, work=work)
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table public.everything as select * from intermediate.int_recurring_scope"
        )
    found: list[Prediction] = []
    for day in days:
        _look_at(url, day)
        analyse(url, day, select=_TOLD, work=work)
        found += _found_as_of(url, day)
    return found


def _look_at(url: str, day: dt.date) -> None:
    """Make the accounts of a day the ones that a run looks at."""
    with psycopg.connect(url) as connection:
        connection.execute("truncate intermediate.int_recurring_scope")
        connection.execute(
            """
            insert into intermediate.int_recurring_scope
            select everything.*
            from public.everything
            inner join common.accounts on everything.account_id = accounts.id
            where starts_with(accounts.account_number, %s)
            """,
            (f"{day} ",),
        )


def _found_as_of(url: str, day: dt.date) -> Iterator[Prediction]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            select
                transactions.source_key,
                occurrences.pattern_key,
                patterns.frequency,
                patterns.confidence,
                patterns.next_expected_date
            from marts.fct_recurring_occurrences as occurrences
            inner join marts.fct_recurring_patterns as patterns
                on occurrences.pattern_key = patterns.pattern_key
            inner join common.transactions
                on occurrences.transaction_id = transactions.id
            inner join common.accounts on transactions.account_id = accounts.id
            where starts_with(accounts.account_number, %s)
            order by transactions.account_id, transactions.source_key
            """,
            (f"{day} ",),
        ).fetchall()
    for source_key, pattern_key, frequency, confidence, next_date in rows:
        _, _, transaction_id = source_key.partition(" ")
        yield Prediction(transaction_id, pattern_key, frequency, confidence, day, next_date)


@contextmanager
def _made_on(server: str) -> Iterator[str]:
    name = sql.Identifier(scratch := f"farthing_bench_{uuid.uuid4().hex[:12]}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(name))
        url = make_engine(server).url.set(drivername="postgresql", database=scratch)
        made = url.render_as_string(hide_password=False)
        try:
            engine = make_engine(made, pooled=False)
            migrate.upgrade(engine)
            engine.dispose()
            yield made
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    variables = {**variables, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
