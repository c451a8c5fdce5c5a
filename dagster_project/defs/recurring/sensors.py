"""Deliveries between syncs: what is said by commands, and what failed and is tried again."""

import dagster as dg

from dagster_project.lib.resources import Ledger
from ingestion import deliver

# It waits for no sync: whatever is claimed by one run the others pass by.
deliver_notifications = dg.define_asset_job(
    "deliver_notifications",
    selection=dg.AssetSelection.assets("common/notification_deliveries"),
    description="What waits to be sent to people's channels.",
    executor_def=dg.in_process_executor,
)

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.sensor(
    job=deliver_notifications,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def deliver_when_due(
    context: dg.SensorEvaluationContext, ledger: Ledger
) -> dg.RunRequest | dg.SkipReason:
    """Look for deliveries that are due; without a channel there is never one."""
    with ledger.run() as run:
        if not deliver.is_any_due(run):
            return dg.SkipReason("nothing is due")
    under_way = dg.RunsFilter(job_name=deliver_notifications.name, statuses=_UNFINISHED)
    if context.instance.get_runs_count(under_way):
        return dg.SkipReason("a run is under way")
    return dg.RunRequest()
