"""The whole flow in one process, with dbt and Dagster's own database, as ``farthing sync`` does."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from dagster_project.lib import abandoned, launch, manifest, tags
from dagster_project.lib.environment import exported
from dagster_project.lib.home import dagster_environment
from ingestion import planning
from ingestion.run import Window
from postgres.common.models import Transaction
from postgres.database import Database, open_database
from tests.conftest import World

pytestmark = pytest.mark.slow

WINDOW = Window(dt.date(2025, 12, 1), dt.date(2026, 3, 15))
# As analysts read them, and as the one function gives them that operations and rules ask.
MERCHANT_NAMES = """
    select distinct
        f.merchant_name,
        common.normalise_merchant(coalesce(t.counterparty_name, t.description))
    from marts.fct_transactions as f
    inner join common.transactions as t on f.transaction_id = t.id
    where t.raw_table = 'gocardless.transactions'
"""


@pytest.fixture
def database(world: World, server_url: str) -> Iterator[Database]:
    """The world's database, with one of its own for Dagster beside it."""
    with open_database(world.settings, pooled=False) as found:
        name = f"{sa.make_url(found.url).database}_dagster"
        url = sa.make_url(found.url).set(database=name).render_as_string(hide_password=False)
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield dataclasses.replace(found, dagster_url=url)
        with psycopg.connect(server_url, autocommit=True) as connection:
            drop = sql.SQL("drop database {} with (force)")
            connection.execute(drop.format(sql.Identifier(name)))


@pytest.fixture
def instance(world: World, database: Database) -> Iterator[dg.DagsterInstance]:
    """The instance that the web UI would show."""
    with (
        exported(dagster_environment(world.settings, database)),
        dg.DagsterInstance.get() as instance,
    ):
        yield instance


def stored(database: Database) -> str:
    """Every text in Dagster's database."""
    words: list[str] = []
    with psycopg.connect(database.dagster_url) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'public'"
        ).fetchall()
        for (table,) in tables:
            query = sql.SQL("select * from {}").format(sql.Identifier(table))
            words += [str(row) for row in connection.execute(query)]
    return "\n".join(words)


def test_a_sync_brings_everything_and_the_next_one_leaves_the_marts_alone(
    world: World,
    database: Database,
    instance: dg.DagsterInstance,
    capfd: pytest.CaptureFixture[str],
) -> None:
    first = launch.run_sync(world.settings, database, WINDOW)

    assert first == launch.JobRun(first.run_id, success=True)
    with world.sessions() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Transaction))
        names = session.execute(sa.text(MERCHANT_NAMES)).all()
        assert len(names) > 10
        assert [both for both in names if both[0] != both[1]] == []
    mart = dg.AssetKey(["marts", "fct_transactions"])
    event = instance.get_latest_materialization_event(mart)
    assert event is not None
    assert event.run_id == first.run_id
    assert not planning.analytics_due(world.run(), manifest.current_digest())
    run = instance.get_run_by_id(first.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.SUCCESS
    days = instance.get_materialized_partitions(dg.AssetKey(["trading212", "orders"]))
    assert len(days) == 105

    second = launch.run_sync(world.settings, database, WINDOW)

    assert second.success
    event = instance.get_latest_materialization_event(mart)
    assert event is not None
    assert event.run_id == first.run_id
    patterns = instance.get_latest_materialization_event(
        dg.AssetKey(["common", "recurring_patterns"])
    )
    assert patterns is not None
    assert patterns.run_id == first.run_id

    # Whoever called it has the terminal for himself.
    assert capfd.readouterr() == ("", "")

    words = stored(database)
    assert first.run_id in words
    password = sa.make_url(database.url).password
    assert isinstance(password, str)
    for secret in (
        world.sandbox.secret_key,
        world.sandbox.trading212_key,
        world.sandbox.trading212_secret,
        password,
        (world.settings.home / "encryption.key").read_text(),
    ):
        assert secret
        assert secret not in words
    for account in world.sandbox.truth()["bank_accounts"]:
        assert not account["iban"] or account["iban"] not in words


def test_analytics_are_built_when_asked_for_and_a_failure_is_named(
    world: World, database: Database, instance: dg.DagsterInstance
) -> None:
    version = manifest.current_digest()
    planning.analytics_started(world.run(), version)
    planning.analytics_finished(world.run(), ok=True)
    assert not planning.analytics_due(world.run(), version)
    built = launch.run_job(world.settings, database, "analytics")
    assert built.success
    event = instance.get_latest_materialization_event(dg.AssetKey(["marts", "fct_transactions"]))
    assert event is not None
    assert event.run_id == built.run_id

    with world.sessions.begin() as session:
        session.execute(sa.text("drop table common.merchants cascade"))
    broken = launch.run_job(world.settings, database, "analytics")

    assert not broken.success
    (reason,) = broken.reasons
    assert reason.startswith("dbt: dbt build failed: stg_common__merchants")


def test_a_manifest_that_is_out_of_date_is_no_ground_to_build_on(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "_digest", lambda _: "other")

    run = launch.run_job(world.settings, database, "analytics")

    assert not run.success
    (reason,) = run.reasons
    assert "is out of date; run make install" in reason


def test_the_run_of_a_killed_process_is_ended_by_the_next(
    world: World, database: Database, instance: dg.DagsterInstance, defs: dg.Definitions
) -> None:
    def started(**run_tags: str) -> str:
        job = defs.resolve_job_def("prune_runs")
        status = dg.DagsterRunStatus.STARTED
        return instance.create_run_for_job(job, status=status, tags=run_tags).run_id

    def left_by(pid: int) -> str:
        process = f"{os.uname().nodename}:{pid}:{abandoned._birth(pid)}"
        return started(**{tags.PROCESS: process})

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        dead, alive = left_by(child.pid), left_by(os.getpid())
        child.kill()
    launched = started()

    assert launch.run_job(world.settings, database, "prune_runs").success

    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses[dead] is dg.DagsterRunStatus.FAILURE
    assert statuses[alive] is dg.DagsterRunStatus.STARTED
    assert statuses[launched] is dg.DagsterRunStatus.STARTED
    assert abandoned.end_abandoned(instance, launched=True) == 1
