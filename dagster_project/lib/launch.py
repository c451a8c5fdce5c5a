"""Run a job in this process, on the instance that the web UI shows.

What ``farthing sync`` does: no daemon is needed, and nothing but what the caller prints is printed.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from dagster_project.lib import tags
from dagster_project.lib.abandoned import end_abandoned, this_process
from dagster_project.lib.environment import exported
from dagster_project.lib.home import dagster_environment
from dagster_project.lib.partitions import range_tags
from farthing.settings import Settings
from ingestion.run import Window
from postgres.database import Database

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_NO_CAPTURE = """
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


@dataclass(frozen=True, slots=True)
class JobRun:
    """How a run ended.

    :param reasons: a line for each step that failed.
    """

    run_id: str
    success: bool
    reasons: tuple[str, ...] = ()


def run_sync(
    settings: Settings,
    database: Database,
    window: Window,
    *,
    connection_id: uuid.UUID | None = None,
) -> JobRun:
    """Run the ``sync`` job over a window of days.

    :param connection_id: read only this connection.
    :raises ManifestError: if dbt's manifest was never made.
    """
    asked = range_tags(window)
    if connection_id is not None:
        asked[tags.CONNECTION] = str(connection_id)
    return run_job(settings, database, "sync", run_tags=asked)


def run_job(
    settings: Settings, database: Database, name: str, *, run_tags: Mapping[str, str] | None = None
) -> JobRun:
    """Run a job by name; its events are in Dagster's database, its failures in the result.

    :raises ManifestError: if dbt's manifest was never made.
    """
    variables = dagster_environment(settings, database)
    with exported(variables), _silenced():
        # The definitions read dbt's manifest: only who runs them loads them.
        from dagster_project.definitions import defs  # noqa: PLC0415

        with _instance(Path(variables["DAGSTER_HOME"])) as instance:
            end_abandoned(instance)
            job = defs.resolve_job_def(name)
            result = job.execute_in_process(
                instance=instance,
                tags={tags.PROCESS: this_process(), **(run_tags or {})},
                run_config=_QUIET,
                raise_on_error=False,
            )
            reasons = tuple(_reasons(result))
            return JobRun(result.run_id, result.success, reasons)


def _instance(home: Path) -> dg.DagsterInstance:
    """Open the instance that the web UI shows, without its capture of what steps print.

    It would redirect the whole process's output to files and start others that print it again.
    """
    name = "in_process.yaml"
    draft = home / f"{name}.{os.getpid()}"
    draft.write_text((home / "dagster.yaml").read_text() + _NO_CAPTURE)
    draft.replace(home / name)
    return dg.DagsterInstance.from_config(str(home), name)


def _reasons(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data.user_failure_data
        error = event.step_failure_data.error
        said = failure.description if failure else error.message if error else None
        yield f"{event.step_key}: {(said or 'failed').strip()}"


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep Dagster's own loggers off the terminal: what they say is in the run's events."""
    logger = logging.getLogger("dagster")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
