"""The whole flow, and when it runs."""

import dagster as dg

from dagster_project.lib import tags
from dagster_project.lib.jobs import ledger_job
from dagster_project.lib.partitions import range_tags
from dagster_project.lib.resources import Ledger
from ingestion import planning

sync = ledger_job(
    "sync",
    dg.AssetSelection.all(),
    description="Everything: providers, ledger, and the marts where the ledger changed.",
    run_tags=tags.MARTS_WHEN_DUE,
)


# Four times a day is what banks allow; not on the hour, when everybody else calls.
@dg.schedule(
    job=sync,
    cron_schedule="17 1,7,13,19 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def sync_every_six_hours(ledger: Ledger) -> dg.RunRequest:
    """Read from where the last sync came to, less an overlap, to today."""
    with ledger.run() as run:
        return dg.RunRequest(tags=range_tags(planning.sync_window(run)))
