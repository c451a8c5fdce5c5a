"""What single assets do, on an instance without a database over a ledger with one."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from dagster_project.lib import tags
from ingestion import gocardless, ledger, planning
from ingestion.run import AccountOutcome, Run, Status, Window
from postgres.common.models import Transaction
from postgres.common.operations.balances import Reconciliation
from sandbox import faults
from tests.conftest import World
from tests.dagster_project.support import checks, days, everything, execute, failure, outcome

RANGE = Window(dt.date(2026, 2, 1), dt.date(2026, 3, 15))


@pytest.fixture
def pulled(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, Window]]:
    """What transactions were asked for; nothing is asked for real."""
    calls: list[tuple[Run, Window]] = []

    def pull(run: Run, window: Window) -> Any:
        calls.append((run, window))
        return outcome("gocardless.transactions", AccountOutcome(None, "Joint", received=3))

    monkeypatch.setattr(gocardless, "pull_transactions", pull)
    return calls


def pull(
    defs: dg.Definitions, instance: dg.DagsterInstance, **run_tags: str
) -> dg.ExecuteInProcessResult:
    return execute(defs, instance, "sync", "gocardless/transactions", run_tags=run_tags)


def test_a_range_of_days_is_one_window(
    defs: dg.Definitions, instance: dg.DagsterInstance, pulled: list[tuple[Run, Window]]
) -> None:
    result = pull(defs, instance, **days(RANGE))

    assert result.success
    assert [window for _, window in pulled] == [RANGE]
    assert pulled[0][0].run_id == result.run_id
    events = instance.get_materialized_partitions(dg.AssetKey(["gocardless", "transactions"]))
    assert len(events) == 43
    assert {min(events), max(events)} == {"2026-02-01", "2026-03-15"}


def test_metadata_is_stored_once_and_not_for_every_day(
    defs: dg.Definitions, instance: dg.DagsterInstance, pulled: list[tuple[Run, Window]]
) -> None:
    result = pull(defs, instance, **days(RANGE))

    events = result.asset_materializations_for_node("gocardless__transactions")
    assert [event.partition for event in events if event.metadata] == ["2026-03-15"]
    assert events[-1].metadata["received"].value == 3


def test_one_day_is_a_window_of_one_day(
    defs: dg.Definitions, instance: dg.DagsterInstance, pulled: list[tuple[Run, Window]]
) -> None:
    assert pull(defs, instance, **{"dagster/partition": "2026-03-01"}).success

    assert pulled[0][1] == Window(dt.date(2026, 3, 1), dt.date(2026, 3, 1))


@pytest.mark.usefixtures("world")
def test_no_day_is_a_mistake_that_is_explained(
    defs: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    result = pull(defs, instance)

    data = failure(result, "gocardless__transactions").step_failure_data.user_failure_data
    assert data is not None
    assert data.description is not None
    assert data.description.startswith("history is read for days")


def test_a_connection_can_be_chosen(
    defs: dg.Definitions, instance: dg.DagsterInstance, pulled: list[tuple[Run, Window]]
) -> None:
    chosen = uuid.uuid4()
    assert pull(defs, instance, **days(RANGE), **{tags.CONNECTION: str(chosen)}).success

    assert pulled[0][0].connection_id == chosen


@pytest.mark.parametrize(
    ("statuses", "severity"),
    [
        ([Status.COMPLETED, Status.DEFERRED], dg.AssetCheckSeverity.WARN),
        ([Status.DEFERRED, Status.FAILED], dg.AssetCheckSeverity.ERROR),
        ([Status.FAILED, Status.FAILED], dg.AssetCheckSeverity.ERROR),
    ],
)
@pytest.mark.usefixtures("world")
def test_accounts_that_fail_turn_the_check_red_and_not_the_step(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    statuses: list[Status],
    severity: dg.AssetCheckSeverity,
) -> None:
    step = outcome(
        "gocardless.balances",
        *(AccountOutcome(None, f"Account {n}", status, "why | so") for n, status in
          enumerate(statuses)),
    )  # fmt: skip
    monkeypatch.setattr(gocardless, "pull_balances", lambda _: step)

    result = execute(defs, instance, "sync", "gocardless/balances")

    assert result.success
    check = checks(result)["gocardless/balances:every_account_completed"]
    assert not check.passed
    assert check.severity == severity
    reasons = str(check.metadata["reasons"].value)
    assert r"why \| so" in reasons
    assert reasons.count("Account") == len([s for s in statuses if s is not Status.COMPLETED])


def test_one_account_of_the_bank_fails_and_the_others_are_read(
    defs: dg.Definitions, instance: dg.DagsterInstance, world: World
) -> None:
    world.sandbox.inject(faults.account_suspended("transactions"))

    result = execute(defs, instance, "sync_gocardless", run_tags=days(RANGE))

    assert result.success
    found = checks(result)
    red = found["gocardless/transactions:every_account_completed"]
    assert not red.passed
    assert red.metadata["failed"].value == 1
    assert {name for name, check in found.items() if not check.passed} <= {
        "gocardless/transactions:every_account_completed",
        "common/balance_snapshots:balances_reconcile",
    }
    with world.sessions() as session:
        read = session.scalar(sa.select(sa.func.count(sa.distinct(Transaction.account_id))))
    assert read == 4


def test_an_answer_that_was_seen_before_writes_nothing(
    defs: dg.Definitions, instance: dg.DagsterInstance, world: World
) -> None:
    first = execute(defs, instance, "sync_gocardless", run_tags=days(RANGE))
    second = execute(defs, instance, "sync_gocardless", run_tags=days(RANGE))

    def numbers(result: dg.ExecuteInProcessResult) -> dict[str, object]:
        event = result.asset_materializations_for_node("common__transactions")[-1]
        return {name: value.value for name, value in event.metadata.items()}

    assert numbers(first)["inserted"]
    assert (numbers(second)["inserted"], numbers(second)["updated"]) == (0, 0)


def test_a_drift_is_red_and_named(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from decimal import Decimal

    account = uuid.uuid4()
    at = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)

    def row(name: str, reported: str | None) -> Reconciliation:
        return Reconciliation(
            account, world.user_id, "Northgate", name, "GBP",
            Decimal(reported) if reported else None, Decimal("10.00"), at,
        )  # fmt: skip

    rows = [row("Right", "10.00"), row("Wrong", "10.01"), row("New", None)]
    monkeypatch.setattr(ledger, "reconcile", lambda _: rows)

    result = execute(defs, instance, "sync", "common/balance_snapshots")

    check = checks(result)["common/balance_snapshots:balances_reconcile"]
    assert not check.passed
    assert check.description == "1 of 3 accounts drift"
    assert check.metadata["unknown"].value == 1
    drifts = str(check.metadata["drifts"].value)
    assert "Northgate, Wrong" in drifts
    assert "0.01" in drifts
    assert "Right" not in drifts


def test_a_database_that_is_down_fails_the_step_in_one_line(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", "postgresql://ann:hunter2@127.0.0.1:1/nowhere")

    result = execute(defs, instance, "sync", "common/accounts")

    assert not result.success
    data = failure(result, "common__accounts").step_failure_data
    assert data.user_failure_data is not None
    said = data.user_failure_data.description
    assert said is not None
    assert said.startswith("the database at 127.0.0.1:1/nowhere does not answer")
    assert "\n" not in said
    assert "hunter2" not in everything(instance, result.run_id)


def test_what_an_unforeseen_error_says_is_not_stored(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explode(run: Run) -> Any:
        iban = "GB33BUKB20201555555555"
        raise ValueError(iban)

    monkeypatch.setattr(ledger, "project_accounts", explode)

    result = execute(defs, instance, "sync", "common/accounts")

    assert not result.success
    words = everything(instance, result.run_id)
    assert "ValueError in explode" in words
    assert "GB33BUKB20201555555555" not in words.replace('iban = "GB33BUKB20201555555555"', "")


def test_the_schedule_asks_for_what_is_due_and_calls_nobody(
    defs: dg.Definitions, world: World
) -> None:
    schedule = defs.get_repository_def().get_schedule_def("sync_every_six_hours")

    with dg.build_schedule_context(
        resources=defs.resources,
        repository_def=defs.get_repository_def(),
        scheduled_execution_time=dt.datetime(2026, 3, 15, 7, 17, tzinfo=dt.UTC),
    ) as context:
        tick = schedule.evaluate_tick(context)

    (request,) = tick.run_requests or []
    window = planning.sync_window(world.run())
    assert request.tags.items() >= days(window).items()
    assert world.sandbox.requests() == []


def test_old_runs_are_deleted_and_long_ones_kept(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    pulled: list[tuple[Run, Window]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dagster_project.defs.maintenance import schedules

    long = pull(defs, instance, **days(Window(dt.date(2025, 3, 1), RANGE.last))).run_id
    short = pull(defs, instance, **days(Window(dt.date(2026, 3, 1), RANGE.last))).run_id
    assert execute(defs, instance, "prune_runs").success
    assert instance.has_run(short)

    monkeypatch.setattr(schedules, "_KEEP", -dt.timedelta(days=1))
    assert execute(defs, instance, "prune_runs").success

    assert instance.has_run(long)
    assert not instance.has_run(short)
