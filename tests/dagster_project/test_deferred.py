"""What was left for later, as Dagster runs it: then, once, and nothing else."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from dagster_project.defs.common.sensors import resume_when_possible
from dagster_project.lib import tags
from dagster_project.lib.resources import Ledger
from postgres.common.operations import deferrals
from sandbox import faults
from tests.conftest import World
from tests.dagster_project.support import checks, execute
from tests.ingestion.test_refusals import account_ids

LATER = "2026-03-15T11:00:00Z"
HISTORY = "gocardless/transactions"
CHECK = f"{HISTORY}:every_account_completed"
TODAY = {tags.RANGE_START: "2026-03-15", tags.RANGE_END: "2026-03-15"}


def evaluate(instance: dg.DagsterInstance) -> Any:
    with dg.build_sensor_context(instance=instance, resources={"ledger": Ledger()}) as context:
        return resume_when_possible(context)


def asked(world: World) -> list[str]:
    calls = [r["path"] for r in world.sandbox.requests() if "/accounts/" in r["path"]]
    world.sandbox.clear_requests()
    return sorted(calls)


def came_out(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> str:
    assert result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.tags[tags.OUTCOME]


def test_what_was_deferred_is_run_when_it_can_be(
    world: World,
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complete = execute(defs, instance, "sync_gocardless", run_tags=TODAY)
    assert came_out(instance, complete) == "complete"
    victim, *siblings = account_ids(world)
    world.sandbox.inject(faults.service_unavailable(account=victim))

    partial = execute(defs, instance, "sync_gocardless", run_tags=TODAY)

    assert came_out(instance, partial) == "partial"
    check = checks(partial)[CHECK]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["outcome"].value == "partial"
    with world.sessions() as session:
        (waiting,) = deferrals.list_deferrals(session, world.user_id).items
    assert (waiting.step, waiting.account) == ("gocardless.transactions", victim)
    assert waiting.resumes_at.isoformat() == "2026-03-15T11:00:00+00:00"
    assert isinstance(evaluate(instance), dg.SkipReason)
    asked(world)

    monkeypatch.setenv("FARTHING_NOW", LATER)
    world.sandbox.set_now(LATER)
    request = evaluate(instance)
    assert isinstance(request, dg.RunRequest)
    # It is the same request for as long as the same is due.
    monkeypatch.setenv("FARTHING_NOW", "2026-03-15T11:01:00Z")
    assert evaluate(instance).run_key == request.run_key

    resumed = execute(defs, instance, "sync_gocardless", run_tags=request.tags)

    assert came_out(instance, resumed) == "complete"
    assert asked(world) == [f"/api/v2/accounts/{victim}/transactions/"]
    assert isinstance(evaluate(instance), dg.SkipReason)

    for account in (victim, *siblings):
        world.sandbox.inject(faults.access_expired(account=account))
    failed = execute(defs, instance, "sync_gocardless", HISTORY, run_tags=TODAY)
    assert came_out(instance, failed) == "failed"
    assert checks(failed)[CHECK].severity is dg.AssetCheckSeverity.ERROR


def test_a_run_of_the_schedule_leaves_the_last_call_to_the_user(
    world: World, instance: dg.DagsterInstance, defs: dg.Definitions
) -> None:
    execute(defs, instance, "sync_gocardless", run_tags=TODAY)
    asked(world)
    scheduled = {**TODAY, "dagster/schedule_name": "sync_every_six_hours"}
    for run_tags, calls in ((scheduled, 5), (scheduled, 5), (scheduled, 0), (TODAY, 5), (TODAY, 0)):
        execute(defs, instance, "sync_gocardless", HISTORY, run_tags=run_tags)
        assert len(asked(world)) == calls
