"""The process behind ``farthing up``: holds the database and keeps the services running.

Run as ``python -m cli.supervisor PLAN``; nothing but :func:`cli.services.up` does. Imports no
Dagster: it lives as long as the services do and should be light.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.service_state import (
    HOST,
    POLL_SECONDS,
    START_SECONDS,
    Place,
    Plan,
    ServicesError,
    State,
    birth_of,
    last_line,
    opened,
    stop_group,
    url_of,
)
from dagster_project.lib.home import dagster_environment
from farthing.errors import FarthingError
from farthing.settings import PROJECT_ROOT, Settings
from postgres.database import Database, open_database
from postgres.embedded import EmbeddedServer, files

_LOG_BYTES = 5_000_000
_LONGEST_BACKOFF = 60.0

_HEALTH = """
{
  workspaceOrError {
    ... on Workspace {
      locationEntries { locationOrLoadError { __typename ... on PythonError { message } } }
    }
    ... on PythonError { message }
  }
  instance {
    daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } }
  }
}
"""


@dataclass(slots=True)
class Child:
    """One process that is kept running."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it in a session of its own."""
        with opened(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as log:
            self.process = subprocess.Popen(  # noqa: S603 - programs of this environment
                self.command,
                cwd=PROJECT_ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # So that it can be stopped with all that it started.
                start_new_session=True,
            )
        self.started = time.monotonic()

    def has_died(self) -> bool:
        """Tell whether it was started and has ended."""
        return self.process is not None and self.process.poll() is not None

    def is_due(self) -> bool:
        """Tell whether it should be started again: at once, then after ever longer."""
        wait = min(_LONGEST_BACKOFF, 2.0**self.failures - 1)
        return time.monotonic() - self.started >= wait

    def stop(self) -> None:
        """Stop it with all that it started."""
        if self.process is not None:
            stop_group(self.process.pid)
            self.process.poll()
            self.process = None

    def bound_log(self) -> None:
        """Keep the newest megabytes of its log, and as much again in a second file."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.with_suffix(".old.log").write_bytes(self.log.read_bytes())
            # It writes to the end, wherever that is: the file need not be opened again.
            os.truncate(self.log, 0)


class Supervisor:
    """Runs until it is told to stop, or until something fails before all of it worked once."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._place = Place(settings.home)
        self._state = State(os.getpid(), plan.port)
        self._told_to_stop = threading.Event()
        self._children = [self._child(name, command) for name, command in self._commands().items()]
        self._environment: dict[str, str] = {}

    def run(self) -> None:
        """Keep everything running.

        :raises ServicesError: if something does not start.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._told_to_stop.set())
        with opened(self._place.lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._place.write(self._state)
            try:
                with open_database(self._settings, pooled=False) as database:
                    self._keep(database)
            except FarthingError as error:
                self._state.status, self._state.message = "failed", str(error)
                self._place.write(self._state)
                raise

    def _keep(self, database: Database) -> None:
        self._environment = {
            **os.environ,
            **dagster_environment(self._settings, database),
            "PYTHONUNBUFFERED": "1",
        }
        try:
            self._end_abandoned_runs()
            for child in self._children:
                self._start(child)
            self._wait_until_ready()
            while not self._told_to_stop.wait(1.0):
                self._look_after_server(database)
                self._look_after_children()
        finally:
            stops = [threading.Thread(target=child.stop) for child in self._children]
            for stop in stops:
                stop.start()
            for stop in stops:
                stop.join()

    def _end_abandoned_runs(self) -> None:
        # Before the daemon counts them. Dagster's tables are made here too, by one process alone.
        result = subprocess.run(
            [sys.executable, "-m", "dagster_project.lib.abandoned"],
            cwd=PROJECT_ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            log = self._place.logs / "instance.log"
            files.write_private(log, result.stdout + result.stderr)
            message = f"Dagster's instance does not open: {last_line(log)}"
            raise ServicesError(message)

    def _commands(self) -> dict[str, Sequence[str]]:
        programs = Path(sys.executable).parent
        workspace = str(PROJECT_ROOT / "workspace.yaml")
        port = str(self._plan.port)
        webserver = str(programs / "dagster-webserver")
        return {
            "webserver": [webserver, "-h", HOST, "-p", port, "-w", workspace],
            "daemon": [str(programs / "dagster-daemon"), "run", "-w", workspace],
            **self._plan.extra,
        }

    def _child(self, name: str, command: Sequence[str]) -> Child:
        return Child(name, command, self._place.logs / f"{name}.log")

    def _start(self, child: Child) -> None:
        child.start(self._environment)
        self._note_groups()

    def _note_groups(self) -> None:
        pids = [child.process.pid for child in self._children if child.process is not None]
        births = {pid: birth_of(pid) for pid in pids}
        self._state.groups = {pid: birth for pid, birth in births.items() if birth is not None}
        self._place.write(self._state)

    def _wait_until_ready(self) -> None:
        began = time.time()
        deadline = time.monotonic() + START_SECONDS
        while not self._told_to_stop.wait(POLL_SECONDS):
            for child in self._children:
                if child.has_died():
                    message = f"{child.name} did not start: {last_line(child.log)}"
                    raise ServicesError(message)
            if _is_healthy(self._plan.port, since=began):
                self._state.status = "ready"
                self._place.write(self._state)
                return
            if time.monotonic() > deadline:
                message = f"not ready after {START_SECONDS:.0f} s; see {self._place.logs}"
                raise ServicesError(message)

    def _look_after_server(self, database: Database) -> None:
        if self._settings.database_url is not None:
            return
        server = EmbeddedServer(self._settings.home)
        if server.is_running():
            return
        try:
            # Ours is another lease: this one starts the server again, and leaves it running.
            with server.lease() as address:
                moved = str(address.port) not in database.url
        except FarthingError as error:
            sys.stderr.write(f"{error}\n")
            return
        if moved:
            # The port was taken meanwhile. All that was told the old one begins anew.
            message = "the embedded server came back on another port; run farthing up again"
            raise ServicesError(message)

    def _look_after_children(self) -> None:
        for child in self._children:
            child.bound_log()
            if child.has_died() and child.is_due():
                # What lived for a while failed for a reason of its own.
                lived = time.monotonic() - child.started
                child.failures = 1 if lived > _LONGEST_BACKOFF else child.failures + 1
                sys.stderr.write(f"{child.name} ended: {last_line(child.log)}\n")
                child.stop()
                self._start(child)


def _is_healthy(port: int, *, since: float) -> bool:
    """Tell whether the UI answers, the code is loaded and every daemon has given a sign of life.

    :raises ServicesError: if the code does not load.
    """
    # PLC0415: takes as long to load as all the rest; only the supervisor asks.
    import httpx  # noqa: PLC0415

    try:
        answer = httpx.post(f"{url_of(port)}/graphql", json={"query": _HEALTH}, timeout=30.0)
        data: Any = answer.raise_for_status().json()["data"]
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    entries = [entry["locationOrLoadError"] for entry in _entries(data)]
    for entry in entries:
        if entry is not None and entry["__typename"] == "PythonError":
            message = f"the code does not load: {_meaning(entry['message'])}"
            raise ServicesError(message)
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    required = [daemon for daemon in daemons if daemon["required"]]
    return (
        bool(entries)
        and all(entries)
        and bool(required)
        and all(d["healthy"] and (d["lastHeartbeatTime"] or 0) >= since for d in required)
    )


def _entries(data: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = data["workspaceOrError"].get("locationEntries", [])
    return entries


def _meaning(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[0][:300] if lines else "unknown reason"


def _main(plan: str) -> None:
    try:
        Supervisor(Settings.load(), Plan(**json.loads(plan))).run()
    except FarthingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main(sys.argv[1])
