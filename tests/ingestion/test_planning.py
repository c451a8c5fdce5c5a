"""What a run should read, and when the marts are due."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from farthing import clock
from ingestion import planning
from ingestion.run import Window
from postgres.common.models import Account, Merchant, MerchantAlias
from tests.conftest import World
from tests.ingestion.pipeline import sync


def analyse(world: World, run_id: str, *, ok: bool = True) -> None:
    planning.analytics_started(world.run(run_id), "v1")
    planning.analytics_finished(world.run(run_id), ok=ok)


def test_a_run_covers_two_years_while_a_history_was_never_read(world: World) -> None:
    two_years_ago = clock.today() - dt.timedelta(days=730)

    assert planning.sync_window(world.run()) == Window(two_years_ago, clock.today())


def test_later_runs_read_two_weeks_again(world: World) -> None:
    sync(world.run())

    window = planning.sync_window(world.run())

    assert window == Window(clock.today() - dt.timedelta(days=14), clock.today())


def test_the_marts_are_due_when_the_ledger_changed(world: World) -> None:
    assert planning.analytics_due(world.run(), "v1")
    sync(world.run("run-1"))
    analyse(world, "run-1")
    assert not planning.analytics_due(world.run(), "v1")

    sync(world.run("run-2"))
    assert not planning.analytics_due(world.run(), "v1")

    with world.sessions.begin() as session:
        session.execute(sa.update(Account).values(display_name="mine"))
    assert planning.analytics_due(world.run(), "v1")

    # So they are when the user says which names are one merchant.
    analyse(world, "run-3")
    assert not planning.analytics_due(world.run(), "v1")
    with world.sessions.begin() as session:
        merchant = session.scalars(sa.select(Merchant).limit(1)).one()
        session.add(MerchantAlias(user_id=merchant.user_id, merchant_id=merchant.id, name="other"))
    assert planning.analytics_due(world.run(), "v1")


def test_the_marts_are_due_for_other_models_another_day_and_after_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(world.run("run-1"))
    analyse(world, "run-1")
    assert not planning.analytics_due(world.run(), "v1")

    assert planning.analytics_due(world.run(), "v2")
    monkeypatch.setenv("FARTHING_NOW", "2026-03-16T00:00:01Z")
    assert planning.analytics_due(world.run(), "v1")
    monkeypatch.setenv("FARTHING_NOW", "2026-03-15T23:00:00Z")
    assert not planning.analytics_due(world.run(), "v1")

    analyse(world, "run-2", ok=False)
    assert planning.analytics_due(world.run(), "v1")
