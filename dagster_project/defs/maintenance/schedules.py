"""Keep what is of use for a while from growing for ever."""

import datetime as dt

import dagster as dg

from dagster_project.lib import tags
from dagster_project.lib.resources import Ledger
from ingestion import housekeeping

_KEEP = dt.timedelta(days=365)
_LONG_RANGE = dt.timedelta(days=31)


def is_history(run: dg.DagsterRun) -> bool:
    """Tell whether a run read a long range of days: a first sync or a backfill.

    It is the only record in Dagster that those days were read.
    """
    first, last = run.tags.get(tags.RANGE_START), run.tags.get(tags.RANGE_END)
    if first is None or last is None:
        return False
    return dt.date.fromisoformat(last) - dt.date.fromisoformat(first) > _LONG_RANGE


@dg.op
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    """Delete what is older than a year, with its events; the ledger's own record stays."""
    # By the machine's clock: so are Dagster's records.
    cutoff = dt.datetime.now(dt.UTC) - _KEEP
    old = dg.RunsFilter(
        created_before=cutoff,
        statuses=[
            dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED
        ],
    )  # fmt: skip
    runs = [run for run in context.instance.get_runs(old) if not is_history(run)]
    for run in runs:
        context.instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        context.instance.delete_run(run.run_id)
    context.log.info("Deleted %s runs from before %s.", len(runs), cutoff.date())


@dg.job(executor_def=dg.in_process_executor)
def prune_runs() -> None:
    """Delete the records of runs that are older than a year."""
    delete_old_runs()


prune_runs_weekly = dg.ScheduleDefinition(
    job=prune_runs,
    cron_schedule="47 3 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.op
def remove_old_notifications(context: dg.OpExecutionContext, ledger: Ledger) -> None:
    """Remove what users were told more than a year ago; it is not said again."""
    cutoff = dt.datetime.now(dt.UTC) - _KEEP
    with ledger.run() as run:
        removed = housekeeping.purge_notifications(run, before=cutoff)
    context.log.info("Removed %s notifications from before %s.", removed, cutoff.date())


@dg.job(executor_def=dg.in_process_executor)
def prune_notifications() -> None:
    """Remove the notifications of all users that are older than a year."""
    remove_old_notifications()


prune_notifications_weekly = dg.ScheduleDefinition(
    job=prune_notifications,
    cron_schedule="52 3 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.op
def delete_old_logins(context: dg.OpExecutionContext, ledger: Ledger) -> None:
    """Delete tokens that are expired, and failures and sources of logins that are forgotten."""
    with ledger.run() as run:
        deleted = housekeeping.purge_logins(run)
    context.log.info("Deleted %s rows about logins.", deleted)


@dg.job(executor_def=dg.in_process_executor)
def prune_logins() -> None:
    """Delete what is kept about logins and can let nobody in or out any more."""
    delete_old_logins()


prune_logins_daily = dg.ScheduleDefinition(
    job=prune_logins,
    cron_schedule="57 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
