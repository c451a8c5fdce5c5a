"""``farthing sync`` on a server of the user's own choice, from an empty database on.

Each run of the job takes seconds, so all of them are made once, in order, and judged apart.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.orm import Session, sessionmaker

from dagster_project.lib import manifest
from postgres.core import make_engine, make_sessions
from postgres.models import metadata
from sandbox.faults import bank_rate_limit
from sandbox.server import Sandbox, running
from tests.cli.support import PREFIXES, LedgerState, Result, assert_true, farthing
from tests.conftest import BANKS, NOW

pytestmark = pytest.mark.slow

Writes = dict[str, tuple[int, int, int]]


@dataclass
class History:
    """What was done, in this order."""

    sessions: sessionmaker[Session]
    truth: object = None
    first: LedgerState | None = None
    results: dict[str, Result] = field(default_factory=dict)
    writes: list[Writes] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    exported: dict[str, str] = field(default_factory=dict)
    revoked: int = 0
    left: dict[str, int] = field(default_factory=dict)
    seen_before: set[str] = field(default_factory=set)
    seen_after: set[str] = field(default_factory=set)

    def run(self, name: str, *arguments: str) -> Result:
        self.results[name] = farthing(*arguments)
        return self.results[name]


@pytest.fixture(scope="module")
def history(server_url: str) -> Iterator[History]:
    manifest.build()
    name = f"farthing_cli_sync_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    engine = make_engine(url)
    with (
        tempfile.TemporaryDirectory() as home,
        running(seed=11, now=NOW, daily_limit=50) as sandbox,
        pytest.MonkeyPatch.context() as environment,
    ):
        for variable in [each for each in os.environ if each.startswith(PREFIXES)]:
            environment.delenv(variable)
        for variable, value in _variables(sandbox, url, Path(home)).items():
            environment.setenv(variable, value)
        history = History(make_sessions(engine))
        _live(history, sandbox, engine, environment, Path(home))
        yield history
    engine.dispose()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _variables(sandbox: Sandbox, url: str, home: Path) -> dict[str, str]:
    return {
        "FARTHING_HOME": str(home),
        "FARTHING_DATABASE_URL": url,
        "FARTHING_NOW": NOW,
        "FARTHING_PASSWORD": "correct horse",
        "GOCARDLESS_BASE_URL": sandbox.gocardless_url,
        "GOCARDLESS_SECRET_ID": sandbox.secret_id,
        "GOCARDLESS_SECRET_KEY": sandbox.secret_key,
        "TRADING212_BASE_URL": sandbox.trading212_url,
        "ECB_BASE_URL": sandbox.ecb_url,
        "TRADING212_API_KEY": sandbox.trading212_key,
        "TRADING212_API_SECRET": sandbox.trading212_secret,
        "COLUMNS": "120",
    }


def _live(
    history: History,
    sandbox: Sandbox,
    engine: sa.Engine,
    environment: pytest.MonkeyPatch,
    home: Path,
) -> None:
    history.run("before anything", "sync")
    history.run("user", "user", "create", "ann")
    history.run("nothing connected", "sync")
    for bank in BANKS:
        shown = history.run(bank, "connect", "gocardless", "--user", "ann", "--institution", bank)
        found = re.search(r"http://\S+/consent/\S+", shown.out)
        assert found is not None, shown
        sandbox.approve(found[0])
    history.run("broker", "connect", "trading212", "--user", "ann")
    history.run("first", "sync")
    history.truth, history.first = sandbox.truth(), LedgerState.of(history.sessions)
    history.writes.append(_writes(engine))
    history.run("second", "sync")
    history.writes.append(_writes(engine))
    history.run("status", "status")
    history.run("status in JSON", "status", "--json")
    harbour = next(
        each["id"]
        for each in farthing("connections", "--json").json
        if each["institution"] == "Harbour Bank"
    )
    with environment.context() as changed:
        changed.setenv("GOCARDLESS_SECRET_KEY", "another-secret")
        history.run("wrong secret", "sync", "--connection", harbour)
    history.run(
        "backfill", "sync", "--json", "--connection", harbour[:12],
        "--from", "2026-01-01", "--to", "2026-01-31",
    )  # fmt: skip
    # Almost last, because the bank's day of that account is over with it.
    sandbox.inject(bank_rate_limit(resource="transactions"))
    history.run("quota used up", "sync", "--json")
    _leave(history, sandbox, engine, home)


def _leave(history: History, sandbox: Sandbox, engine: sa.Engine, home: Path) -> None:
    history.known = _what_is_known(engine)
    history.seen_before = _mentions(engine, home, history.known)
    history.run("export", "user", "export", "ann", str(home / "ann"))
    history.exported = {file.name: file.read_text() for file in (home / "ann").iterdir()}
    shutil.rmtree(home / "ann")
    history.run("erase without a yes", "user", "erase", "ann")
    sandbox.clear_requests()
    history.run("erase", "user", "erase", "ann", "--yes")
    history.revoked = sum(request["method"] == "DELETE" for request in sandbox.requests())
    history.left = _rows(engine)
    history.seen_after = _mentions(engine, home, history.known)


def _what_is_known(engine: sa.Engine) -> set[str]:
    """What tells this user's accounts from everybody else's."""
    query = sa.text(
        "select account_number from common.accounts union select id::text from common.accounts"
        " union select name from common.accounts where account_type = 'bank'"
        " union select id::text from common.connections"
    )
    with engine.connect() as connection:
        return set(connection.scalars(query))


def _rows(engine: sa.Engine) -> dict[str, int]:
    """Rows of every table of the ledger and of dbt, but what is the same for all users."""
    tables = sa.text(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in"
        " ('auth', 'common', 'gocardless', 'trading212', 'intermediate', 'marts')"
    )
    shared = {name for name, table in metadata.tables.items() if "user_id" not in table.c}
    with engine.connect() as connection:
        found = set(connection.scalars(tables)) - shared | {"auth.users"}
        count = "select count(*) from "
        return {name: connection.scalar(sa.text(count + name)) or 0 for name in sorted(found)}


def _mentions(engine: sa.Engine, home: Path, known: set[str]) -> set[str]:
    """Where Dagster's database and the files of its home say something of an account."""
    places = set()
    dagster = make_engine(
        engine.url.set(database="dagster").render_as_string(hide_password=False), pooled=False
    )
    columns = sa.text(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and data_type in ('text', 'character varying', 'json',"
        " 'jsonb')"
    )
    with dagster.connect() as connection:
        for table, column in connection.execute(columns).all():
            found = sa.text(f'select 1 from {table} where "{column}"::text like any(:known)')  # noqa: S608
            patterns = [f"%{name}%" for name in known]
            if connection.execute(found, {"known": patterns}).first():
                places.add(f"{table}.{column}")
    dagster.dispose()
    for file in home.rglob("*"):
        if file.is_file() and any(name.encode() in file.read_bytes() for name in known):
            places.add(str(file.relative_to(home)))
    return places


def _writes(engine: sa.Engine) -> Writes:
    """Return PostgreSQL's own counters, once every other backend has handed in its own."""
    engine.dispose()
    others = sa.text(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
    )
    counters = sa.text(
        "select schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del"
        " from pg_stat_user_tables"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in itertools.count():
            if connection.scalar(others) == 0:
                break
        return {name: tuple(rest) for name, *rest in connection.execute(counters)}


def test_every_step_of_setting_up_succeeds(history: History) -> None:
    codes = {name: history.results[name].code for name in ("user", *BANKS, "broker")}

    assert set(codes.values()) == {0}, history.results


def test_nothing_to_sync_says_how_to_begin(history: History) -> None:
    for name in ("before anything", "nothing connected"):
        assert history.results[name].code == 2
        assert "farthing connect" in history.results[name].error


def test_first_sync_prints_an_outcome_for_each_account(history: History) -> None:
    result = history.results["first"]

    assert result.code == 0, result.err
    rows = [line for line in result.out.splitlines() if line.endswith("completed")]
    assert len(rows) == 6
    assert any("Everyday Current Account …7735" in row for row in rows)
    assert re.search(r"^[\d,]+ new transactions, 0 changed\.$", result.out, re.MULTILINE)


def test_first_sync_equals_the_truth_to_the_row_and_cent(history: History) -> None:
    assert history.first is not None
    assert_true(history.first, history.truth, BANKS)


def test_second_sync_says_that_nothing_was_new(history: History) -> None:
    result = history.results["second"]

    assert result.code == 0, result.err
    assert "Nothing was new." in result.out


def test_second_sync_writes_nothing_but_what_ran_and_what_is_left(history: History) -> None:
    before, after = history.writes

    touched = {name for name in after if after[name] != before.get(name)}

    assert touched <= {"common.jobs", "gocardless.rate_limits"}
    assert before["common.transactions"][0] > 1000


def test_status_tells_freshness_quota_and_that_all_adds_up(history: History) -> None:
    result = history.results["status"]

    assert result.code == 0
    assert result.out.count("reconciles") == 6
    assert "0 rows in quarantine" in result.out
    assert max(map(len, result.out.splitlines())) <= 120


def test_status_in_json_has_stable_keys(history: History) -> None:
    told = history.results["status in JSON"].json

    assert set(told) == {
        "user", "connections", "questions", "rate_limits", "balances", "disagreements",
        "quarantined", "gaps", "analysed_at", "analysis_ok",
    }  # fmt: skip
    assert {each["drift"] for each in told["balances"]} == {"0.00"}
    assert told["disagreements"] == []
    limits = {(each["account"], each["resource"]): each for each in told["rate_limits"]}
    spent = limits["Everyday Current Account …7735", "transactions"]
    assert (spent["calls_limit"], spent["calls_left"]) == (50, 48)
    assert spent["can_call_now"]
    orders = [each for each in told["rate_limits"] if each["resource"] == "equity/history/orders"]
    assert [each["account"] for each in orders] == ["Trading 212 …0377"]
    assert orders[0]["provider"] == "trading212"
    assert orders[0]["calls_limit"] > orders[0]["calls_left"] >= 0
    assert told["connections"][0]["last_success_at"] == "2026-03-15T09:00:00+00:00"


def test_sync_of_a_spent_quota_is_done_in_part_and_says_when_it_goes_on(history: History) -> None:
    result = history.results["quota used up"]

    assert result.code == 3
    statuses = [each["status"] for each in result.json["accounts"]]
    assert sorted(statuses) == ["completed"] * 5 + ["deferred"]
    (deferred,) = (each for each in result.json["accounts"] if each["status"] == "deferred")
    assert deferred["reason"]
    assert deferred["resumes_at"]
    assert result.error.startswith("deferred: ")


def test_sync_with_a_wrong_secret_names_the_variables_once(history: History) -> None:
    result = history.results["wrong secret"]

    assert result.code == 1
    assert "GOCARDLESS_SECRET_ID and GOCARDLESS_SECRET_KEY" in result.error
    assert "another-secret" not in result.out + result.err


def test_backfill_reads_one_connection_and_the_days_asked_for(history: History) -> None:
    result = history.results["backfill"]

    assert result.code == 0, result.err
    accounts = result.json["accounts"]
    assert {each["institution"] for each in accounts} == {"Harbour Bank"}
    assert {(each["from"], each["to"]) for each in accounts} == {("2026-01-01", "2026-01-31")}
    assert not result.json["wrote"]


def test_export_has_every_row_and_says_how_many(history: History) -> None:
    result = history.results["export"]
    assert result.code == 0
    rows = history.exported["common.transactions.csv"].count("\n") - 1
    assert rows > 100
    assert "correct horse" not in "".join(history.exported.values())
    assert all(
        name in history.exported["common.accounts.csv"]
        for name in history.known
        if name.startswith("GB")
    )


def test_erasing_asks_first(history: History) -> None:
    result = history.results["erase without a yes"]
    assert result.code == 2
    assert "--yes" in result.err


def test_erased_user_is_nowhere(history: History) -> None:
    result = history.results["erase"]
    assert result.code == 0, result
    assert {name: rows for name, rows in history.left.items() if rows} == {
        "common.jobs": history.left["common.jobs"]  # what ran for everybody
    }
    assert history.seen_before >= {"event_logs.event", "asset_keys.last_materialization"}
    assert history.seen_after == set()


def test_erasing_revokes_the_consents_at_the_provider(history: History) -> None:
    assert history.revoked == len(BANKS)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from", "2026-02-02", "--to", "2026-02-01"), "--from: 2026-02-02 is after"),
        (("--from", "2026-03-16"), "--from: 2026-03-16 has not come yet"),
        (("--to", "2027-01-01"), "--to: 2027-01-01 has not come yet"),
        (("--from", "soon"), "--from: 'soon' is not a day"),
        (("--to", "2010-01-01"), "--to: no history"),
    ],
)
def test_days_that_make_no_sense_are_refused_before_anything_runs(
    arguments: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FARTHING_NOW", NOW)

    result = farthing("sync", *arguments)

    assert result.code == 2
    assert result.error.startswith(reason)
    assert not (tmp_path / "home" / "postgres").exists()


@pytest.mark.parametrize("variable", ["GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"])
def test_missing_secret_is_one_line_before_anything_runs(
    variable: str,
    *,
    providers: Sandbox,
    ann: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    farthing("connect", "gocardless", "--institution", BANKS[0])
    providers.clear_requests()
    monkeypatch.delenv(variable)

    result = farthing("sync")

    assert result.code == 2
    assert result.error.startswith(variable)
    assert providers.requests() == []


def test_unknown_connection_is_wrong_use(providers: Sandbox, ann: str) -> None:
    farthing("connect", "trading212")

    result = farthing("sync", "--connection", "0000dead")

    assert result.code == 2
    assert "0000dead" in result.error
