"""Runs whose process was killed: while they count as running, every other sync waits for them.

``python -m dagster_project.lib.abandoned`` ends all that Dagster started. It is run before the
daemon starts, when none of them can be alive.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

from dagster_project.lib import tags

_RUNNING = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def this_process() -> str:
    """Return what tells this process from every other, for :data:`tags.PROCESS`."""
    return f"{socket.gethostname()}:{os.getpid()}:{_birth(os.getpid())}"


def end_abandoned(instance: dg.DagsterInstance, *, launched: bool = False) -> int:
    """Fail the runs of processes that are gone; Dagster may then start them again.

    :param launched: also those that Dagster started, of which it keeps no process.
    :returns: how many there were.
    """
    runs = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=_RUNNING))
        if (launched if tags.PROCESS not in run.tags else not _is_alive(run.tags[tags.PROCESS]))
    ]
    for run in runs:
        instance.report_run_failed(run, "Its process was killed.")
    return len(runs)


def _is_alive(process: str) -> bool:
    host, pid, birth = process.rsplit(":", 2)
    # Of another machine's processes we know nothing; Dagster ends runs that last too long.
    return host != socket.gethostname() or _birth(int(pid)) == birth


def _birth(pid: int) -> str | None:
    """Return when a process began, in the kernel's ticks: its number may be another's by now."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


if __name__ == "__main__":
    with dg.DagsterInstance.get() as _instance:
        end_abandoned(_instance, launched=True)
