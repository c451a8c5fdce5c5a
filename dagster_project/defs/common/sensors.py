"""What runs left for later, as soon as it can be done."""

import datetime as dt
import hashlib

import dagster as dg

from dagster_project.defs.common.schedules import sync
from dagster_project.lib import tags
from dagster_project.lib.partitions import range_tags
from dagster_project.lib.resources import Ledger
from farthing import clock
from ingestion import planning
from postgres.common.operations import deferrals


@dg.sensor(
    job=sync,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def resume_when_possible(ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run over just those accounts whose time has come."""
    now = clock.now()
    with ledger.run() as run:
        with run.sessions() as session:
            due = deferrals.list_due(session, at=now)
        if not due:
            return dg.SkipReason("nothing that was left for later can be done yet")
        window = planning.sync_window(run)
    # The same for as long as the same is due: Dagster starts one run for it.
    named = "".join(f"{each.id}{each.resumes_at.isoformat()}{each.run_id}" for each in due)
    return dg.RunRequest(
        run_key=hashlib.sha256(named.encode()).hexdigest(),
        tags={**range_tags(window), tags.DEFERRED: now.astimezone(dt.UTC).isoformat()},
    )
