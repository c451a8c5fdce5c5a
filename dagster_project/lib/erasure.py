"""Forget in Dagster's own storage what runs said of a user who was erased."""

from __future__ import annotations

import json

import dagster as dg
import sqlalchemy as sa

from dagster_project.lib.environment import exported
from dagster_project.lib.home import dagster_environment
from farthing.settings import Settings
from postgres.core import make_engine
from postgres.database import Database
from postgres.erasure import Traces

_MENTIONS = sa.text("select distinct run_id from event_logs where event like any(:patterns)")
# The last event of an asset is kept beside it, apart from the events.
_LAST_EVENTS = sa.text(
    "update asset_keys set last_materialization = null, last_run_id = null"
    " where last_run_id = any(:run_ids) or last_materialization like any(:patterns)"
)
# So is what a check found, which names the accounts that failed.
_FINDINGS = sa.text("delete from asset_check_executions where run_id = any(:run_ids)")
_HAS_EVENTS = sa.text("select to_regclass('event_logs') is not null")


def forget(settings: Settings, database: Database, traces: Traces) -> int:
    """Delete the runs that read or wrote for an erased user, with their events and their output.

    A run does so for everybody at once. Others lose what such a run reported, and no row of theirs.

    :returns: how many runs.
    """
    variables = dagster_environment(settings, database)
    engine = make_engine(database.dagster_url, pooled=False)
    patterns = [f"%{_as_stored(name)}%" for name in traces.names]
    with engine.begin() as connection:
        if not connection.scalar(_HAS_EVENTS):
            return 0
        mentioned = connection.scalars(_MENTIONS, {"patterns": patterns})
        run_ids = sorted({*traces.run_ids, *mentioned})
    with exported(variables), dg.DagsterInstance.from_config(variables["DAGSTER_HOME"]) as instance:
        known = [run_id for run_id in run_ids if instance.has_run(run_id)]
        for run_id in known:
            instance.delete_run(run_id)
            instance.compute_log_manager.delete_logs(prefix=[run_id])
    with engine.begin() as connection:
        connection.execute(_LAST_EVENTS, {"run_ids": run_ids, "patterns": patterns})
        connection.execute(_FINDINGS, {"run_ids": run_ids})
    engine.dispose()
    return len(known)


def _as_stored(name: str) -> str:
    """Return what finds a name within an event, which is JSON, by LIKE."""
    written = json.dumps(name)[1:-1]
    return written.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
