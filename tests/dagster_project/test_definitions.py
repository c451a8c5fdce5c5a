from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

import dagster_project
from dagster_project.lib.partitions import days
from farthing.settings import PROJECT_ROOT
from postgres.gocardless.models import Transaction

PACKAGE = Path(dagster_project.__file__).parent

PROVIDERS = {
    "gocardless": {"requisitions", "bank_accounts", "balances", "transactions"},
    "trading212": {
        "account_summary", "positions", "instruments", "exchanges", "orders", "dividends",
        "cash_transactions", "pending_orders", "pies", "exports",
    },
}  # fmt: skip
HELD = {"holdings", "trades"}
LEDGER = {"connections", "accounts", "balance_snapshots", "transactions", *HELD}
DERIVED = {"fx_rates", "transaction_splits", "transfers"}
WRITTEN_BACK = {"recurring_patterns", "notifications", "notification_deliveries"}
DBT = {"staging", "intermediate", "marts"}
HISTORY = {
    "gocardless/transactions", "trading212/orders", "trading212/dividends",
    "trading212/cash_transactions", "common/transactions",
}  # fmt: skip


def specs(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def written(defs: dg.Definitions) -> set[str]:
    graph = defs.resolve_asset_graph()
    return {key.to_user_string() for key in graph.materializable_asset_keys}


def of_job(defs: dg.Definitions, name: str) -> set[str]:
    layer = defs.resolve_job_def(name).asset_layer
    return {key.to_user_string() for key in layer.selected_asset_keys}


def is_dbt(key: str) -> bool:
    return key.split("/", maxsplit=1)[0] in DBT


def test_every_table_is_an_asset_of_its_name(defs: dg.Definitions) -> None:
    expected = {f"{schema}/{table}" for schema, tables in PROVIDERS.items() for table in tables}
    expected |= {f"common/{table}" for table in LEDGER | DERIVED | WRITTEN_BACK}

    assert {key for key in written(defs) if not is_dbt(key)} == expected


def test_dbt_models_are_assets_of_their_schema(defs: dg.Definitions) -> None:
    models = {key for key in written(defs) if is_dbt(key)}

    assert "marts/fct_recurring_patterns" in models
    assert "staging/stg_common__transactions" in models
    assert {key.split("/")[0] for key in models} == DBT


def test_everything_in_the_catalogue_is_described(defs: dg.Definitions) -> None:
    for key, spec in specs(defs).items():
        schema = key.split("/")[0]
        assert spec.group_name == schema, key
        assert spec.owners == ["team:farthing"], key
        assert "postgres" in spec.kinds, key
        assert spec.description, key
        assert spec.tags["domain"], key
        assert str(spec.metadata["dagster/table_name"]).split(".")[-2:][0] == schema, key
        if not key.startswith(("staging/", "intermediate/")):
            assert spec.metadata["dagster/column_schema"].columns, key


def test_columns_are_those_of_the_model(defs: dg.Definitions) -> None:
    spec = specs(defs)["gocardless/transactions"]
    columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}

    assert set(columns) == {column.name for column in Transaction.__table__.columns}
    assert columns["amount"].type == "numeric"
    assert columns["amount"].constraints.nullable
    assert columns["is_pending"].description == "which list of the answer it stood in"
    assert not columns["is_pending"].constraints.nullable
    assert columns["bank_account_id"].constraints.other == [
        "references gocardless.bank_accounts.id"
    ]
    assert spec.description is not None
    assert spec.description.startswith("One row of transactions answers")


def test_lineage_follows_the_data(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()

    def upstream(key: str) -> set[str]:
        node = graph.get(dg.AssetKey(key.split("/")))
        return {parent.to_user_string() for parent in node.parent_keys}

    assert upstream("gocardless/requisitions") == set()
    assert upstream("gocardless/bank_accounts") == {"gocardless/requisitions"}
    assert upstream("gocardless/transactions") == {"gocardless/bank_accounts"}
    assert upstream("gocardless/balances") == {"gocardless/transactions"}
    assert upstream("trading212/orders") == {"trading212/account_summary"}
    assert {"gocardless/transactions", "trading212/orders", "common/accounts"} <= upstream(
        "common/transactions"
    )
    assert upstream("common/fx_rates") == {"common/transactions"}
    assert upstream("common/transfers") == {"common/transactions", "common/fx_rates"}
    assert upstream("staging/stg_common__transactions") == {"common/transactions"}
    assert upstream("common/merchants") == {"common/transactions"}
    assert "marts/fct_recurring_patterns" in upstream("common/recurring_patterns")
    assert upstream("common/transaction_splits") == {"common/transactions"}
    assert {"common/recurring_patterns", "common/transaction_splits"} <= upstream(
        "common/notifications"
    )
    raw = {f"{schema}/{table}" for schema, tables in PROVIDERS.items() for table in tables}
    for key in raw:
        assert {parent.split("/")[0] for parent in upstream(key)} <= {key.split("/")[0]}


def test_history_is_partitioned_by_day_and_backfilled_in_one_run(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in written(defs):
        node = graph.get(dg.AssetKey(key.split("/")))
        if key in HISTORY:
            assert node.partitions_def == days(), key
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), key
        else:
            assert node.partitions_def is None, key


@pytest.mark.parametrize(
    ("job", "providers", "ledger"),
    [
        ("sync_gocardless", {"gocardless"}, LEDGER - HELD),
        ("sync_trading212", {"trading212"}, LEDGER),
    ],
)
def test_provider_jobs_are_the_provider_and_what_it_feeds(
    defs: dg.Definitions, job: str, providers: set[str], ledger: set[str]
) -> None:
    raw = {f"{name}/{table}" for name in providers for table in PROVIDERS[name]}

    assert of_job(defs, job) == raw | {f"common/{table}" for table in ledger}


def test_sync_is_everything_and_analytics_what_dbt_needs(defs: dg.Definitions) -> None:
    back = {f"common/{table}" for table in WRITTEN_BACK}

    assert of_job(defs, "sync") == written(defs)
    assert of_job(defs, "analytics") == {key for key in written(defs) if is_dbt(key)} | back


def test_dbt_is_one_step(defs: dg.Definitions) -> None:
    nodes = {node.name for node in defs.resolve_job_def("sync").nodes}

    assert {name for name in nodes if name.startswith("dbt")} == {"dbt"}


def test_every_step_answers_for_its_accounts(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys
               if key.name == "every_account_completed"}  # fmt: skip

    assert checked == {key for key in written(defs) if not is_dbt(key)}


def test_schedules_run_from_the_start(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()

    assert {s.name: s.default_status for s in repository.schedule_defs} == {
        "sync_every_six_hours": dg.DefaultScheduleStatus.RUNNING,
        "prune_runs_schedule": dg.DefaultScheduleStatus.RUNNING,
        "prune_notifications_schedule": dg.DefaultScheduleStatus.RUNNING,
        "prune_logins_schedule": dg.DefaultScheduleStatus.RUNNING,
    }
    assert {s.name: s.default_status for s in repository.sensor_defs} == {
        "deliver_when_due": dg.DefaultSensorStatus.RUNNING,
        "resume_when_possible": dg.DefaultSensorStatus.RUNNING,
    }
    cron = repository.get_schedule_def("sync_every_six_hours").cron_schedule
    assert str(cron).split(maxsplit=1)[0] not in {"0", "*"}  # not when everybody else calls


def test_the_last_day_is_the_ledgers_today(monkeypatch: pytest.MonkeyPatch) -> None:
    today = dt.datetime.now(dt.UTC).date()
    assert days().get_last_partition_key() == today.isoformat()

    ahead = today + dt.timedelta(days=40)
    monkeypatch.setenv("FARTHING_NOW", f"{ahead}T09:00:00Z")
    assert days().get_last_partition_key() == ahead.isoformat()


def test_entry_point_is_small_and_stages_hold_the_same_files() -> None:
    assert len((PACKAGE / "definitions.py").read_text().splitlines()) < 40
    allowed = {"__init__", "assets", "checks", "partitions", "schedules", "sensors"}
    for stage in (path for path in (PACKAGE / "defs").iterdir() if path.name != "__pycache__"):
        if stage.is_dir():
            assert {file.stem for file in stage.glob("*.py")} <= allowed, stage


@pytest.mark.slow
def test_dagster_finds_the_code_and_has_no_complaint(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "dagster"
    result = subprocess.run(
        [program, "definitions", "validate", "-w", "workspace.yaml"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path), "FARTHING_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert "All code locations passed validation" in said
    # Of the command itself alone: it would rather be called dg.
    complaints = [line for line in said.splitlines() if "Warning" in line]
    assert [line for line in complaints if "SupersessionWarning" not in line] == []
