"""Runs of jobs, and what they left."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from dagster_project.lib import tags
from ingestion.run import AccountOutcome, StepOutcome, Window

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def execute(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    *assets: str,
    run_tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job, or some assets of it, whatever comes of it."""
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        tags=dict(run_tags or {}),
        asset_selection=[dg.AssetKey.from_user_string(asset) for asset in assets] or None,
        run_config=QUIET,
        raise_on_error=False,
    )


def days(window: Window) -> dict[str, str]:
    return {
        tags.RANGE_START: window.first.isoformat(),
        tags.RANGE_END: window.last.isoformat(),
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The checks of a run by ``schema/table:name``."""
    return {
        f"{check.asset_key.to_user_string()}:{check.check_name}": check
        for check in result.get_asset_check_evaluations()
    }


def failure(result: dg.ExecuteInProcessResult, step: str) -> dg.DagsterEvent:
    """The event of a step that failed."""
    (event,) = (e for e in result.filter_events(lambda e: e.is_step_failure) if e.step_key == step)
    return event


def everything(instance: dg.DagsterInstance, run_id: str) -> str:
    """Every word that Dagster stored about a run."""
    run = instance.get_run_by_id(run_id)
    return "\n".join([repr(run), *(str(entry) for entry in instance.all_logs(run_id))])


def outcome(table: str, *accounts: AccountOutcome) -> StepOutcome:
    return StepOutcome(table, accounts, 0.25)
