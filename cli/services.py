"""What ``farthing up`` starts and ``farthing down`` stops: Dagster's web UI and daemon.

A small supervisor stays behind in a session of its own. It holds the database open, and with it the
embedded server, starts what died again, and keeps the logs from growing. Run it as
``python -m cli.services``; nothing but :func:`up` does.

Imports no Dagster: both it and the supervisor should be light.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dagster_project.lib.home import dagster_environment
from dagster_project.lib.manifest import manifest_path
from farthing.errors import FarthingError
from farthing.settings import PROJECT_ROOT, Settings
from postgres import migrate
from postgres.database import Database, open_database
from postgres.embedded import EmbeddedServer, files

HOST = "127.0.0.1"
PORT = 3000

_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_CHILD_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1
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


class ServicesError(FarthingError):
    """The services cannot be started or stopped; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Services:
    """The running services.

    :param was_running: they were up before, and nothing was done.
    """

    url: str
    was_running: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a supervisor is to run.

    :param extra: commands besides the web UI and the daemon, by name.
    """

    port: int = PORT
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _State:
    """What a supervisor tells the others, in a file.

    :param status: ``starting``, ``ready`` or ``failed``.
    :param groups: process groups that it started, each with its birth: numbers come again.
    """

    pid: int
    port: int
    status: str = "starting"
    message: str = ""
    groups: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the services of a home keep their files."""

    home: Path

    @property
    def directory(self) -> Path:
        return self.home / "services"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def state(self) -> Path:
        return self.directory / "state.json"

    @property
    def lock(self) -> Path:
        return self.directory / "supervisor.lock"

    def make(self) -> None:
        for directory in (self.directory, self.logs):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> _State | None:
        try:
            content = json.loads(self.state.read_text())
        except FileNotFoundError:
            return None
        content["groups"] = {int(pid): birth for pid, birth in content["groups"].items()}
        return _State(**content)

    def write(self, state: _State) -> None:
        files.write_private(self.state, json.dumps(asdict(state)))

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let one command at a time start or stop things."""
        self.make()
        with files.exclusive(self.directory / "command.lock"):
            yield

    def is_supervised(self) -> bool:
        """Tell whether a supervisor is alive: it holds a lock that the kernel takes back."""
        with _opened(self.lock) as descriptor:
            return not files.try_exclusive(descriptor)


def up(
    settings: Settings, *, port: int = PORT, extra: Mapping[str, Sequence[str]] | None = None
) -> Services:
    """Start the web UI and the daemon in the background and wait until they work.

    The database is migrated first. What the caller has in its environment they have too.

    :param extra: other commands to run beside them, by name.
    :raises ServicesError: if the port is taken, or something does not start; nothing is left then.
    """
    place = _Place(settings.home.absolute())
    with place.deciding():
        if place.is_supervised() and (state := place.read()) is not None:
            return Services(_url(state.port), was_running=True)
        _clean_up(place)
        _require_free(port)
        manifest_path()
        with open_database(settings, pooled=False) as database:
            migrate.upgrade(database.engine)
            _start_supervisor(settings, place, _Plan(port, dict(extra or {})))
    return Services(_url(port), was_running=False)


def down(settings: Settings) -> bool:
    """Stop everything that :func:`up` started, and the embedded server.

    :returns: whether anything was running.
    :raises ServicesError: if something does not stop.
    """
    place = _Place(settings.home.absolute())
    if not place.home.exists():
        return False
    with place.deciding():
        state = place.read()
        supervised = place.is_supervised()
        if supervised and state is not None:
            _stop_supervisor(place, state.pid)
        left = _clean_up(place)
    stopped = settings.database_url is None and EmbeddedServer(settings.home).stop()
    return supervised or left or stopped


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _require_free(port: int) -> None:
    with closing(socket.socket()) as probe:
        # As the server does: connections of the last one that still time out are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            message = f"port {port} of {HOST} is used by another program; stop that one first"
            raise ServicesError(message) from None


def _start_supervisor(settings: Settings, place: _Place, plan: _Plan) -> None:
    place.state.unlink(missing_ok=True)
    environment = {**os.environ, "FARTHING_HOME": str(place.home)}
    if settings.database_url is not None:
        environment["FARTHING_DATABASE_URL"] = settings.database_url
    with _opened(place.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND) as log:
        supervisor = subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-m", "cli.services", json.dumps(asdict(plan))],
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_ready(place, supervisor)
    except BaseException:
        # An impatient Ctrl-C too leaves nothing behind.
        if supervisor.poll() is None:
            supervisor.terminate()
            supervisor.wait(_STOP_SECONDS)
        _clean_up(place)
        raise
    # It outlives us on purpose; Popen would complain of that when it is thrown away.
    supervisor.returncode = 0


def _wait_until_ready(place: _Place, supervisor: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS + _CHILD_STOP_SECONDS
    while time.monotonic() < deadline:
        ended = supervisor.poll() is not None
        state = place.read()
        if state is not None and state.status == "ready":
            return
        if ended:
            told = state.message if state is not None else ""
            raise ServicesError(told or _last_line(place.logs / "supervisor.log"))
        time.sleep(_POLL_SECONDS)
    message = f"the services are not ready after {_START_SECONDS:.0f} s; see {place.logs}"
    raise ServicesError(message)


def _stop_supervisor(place: _Place, pid: int) -> None:
    birth = _birth(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while place.is_supervised() or (birth is not None and _birth(pid) == birth):
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            deadline += _STOP_SECONDS
        time.sleep(_POLL_SECONDS)


def _clean_up(place: _Place) -> bool:
    """Stop what a supervisor that was killed left running.

    :returns: whether there was anything.
    """
    state = place.read()
    if state is None:
        return False
    left = [pid for pid, birth in state.groups.items() if _birth(pid) == birth]
    for pid in left:
        _stop_group(pid)
    place.state.unlink(missing_ok=True)
    return bool(left)


def _stop_group(leader: int, seconds: float = _CHILD_STOP_SECONDS) -> None:
    """Stop a process and then the others of its group: they end well once it tells them to."""
    steps = ((os.kill, signal.SIGTERM), (os.killpg, signal.SIGTERM), (os.killpg, signal.SIGKILL))
    for send, number in steps:
        with suppress(ProcessLookupError):
            send(leader, number)
        deadline = time.monotonic() + seconds / 2
        while time.monotonic() < deadline:
            with suppress(ChildProcessError):
                os.waitpid(leader, os.WNOHANG)
            if not _has_members(leader):
                return
            time.sleep(_POLL_SECONDS / 2)


def _has_members(group: int) -> bool:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, number = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(number) == group and state != "Z":
                return True
    return False


def _birth(pid: int) -> str | None:
    """Return when a live process began, in the kernel's ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


@contextmanager
def _opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    descriptor = files.open_private(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _last_line(log: Path) -> str:
    """Return the line of a log that says most: the last that is no frame of a traceback."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line[:1] not in {" ", "\t", ""}]
    return f"{lines[-1][:300]} (see {log})" if lines else f"it ended without a word (see {log})"


@dataclass(slots=True)
class _Child:
    """One process that is kept running."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0

    def start(self, environment: Mapping[str, str]) -> None:
        with _opened(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as log:
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
        return self.process is not None and self.process.poll() is not None

    def is_due(self) -> bool:
        """Tell whether it should be started again: at once, then after ever longer."""
        wait = min(_LONGEST_BACKOFF, 2.0**self.failures - 1)
        return time.monotonic() - self.started >= wait

    def stop(self) -> None:
        if self.process is not None:
            _stop_group(self.process.pid)
            self.process.poll()
            self.process = None

    def bound_log(self) -> None:
        """Keep the newest megabytes of its log, and as much again in a second file."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.with_suffix(".old.log").write_bytes(self.log.read_bytes())
            # It writes to the end, wherever that is: the file need not be opened again.
            os.truncate(self.log, 0)


class _Supervisor:
    """Runs until it is told to stop, or until something fails before all of it worked once."""

    def __init__(self, settings: Settings, plan: _Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._place = _Place(settings.home)
        self._state = _State(os.getpid(), plan.port)
        self._told_to_stop = threading.Event()
        self._children = [self._child(name, command) for name, command in self._commands().items()]
        self._environment: dict[str, str] = {}

    def run(self) -> None:
        """Keep everything running.

        :raises ServicesError: if something does not start.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._told_to_stop.set())
        with _opened(self._place.lock) as lock:
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
            message = f"Dagster's instance does not open: {_last_line(log)}"
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

    def _child(self, name: str, command: Sequence[str]) -> _Child:
        return _Child(name, command, self._place.logs / f"{name}.log")

    def _start(self, child: _Child) -> None:
        child.start(self._environment)
        self._note_groups()

    def _note_groups(self) -> None:
        pids = [child.process.pid for child in self._children if child.process is not None]
        births = {pid: _birth(pid) for pid in pids}
        self._state.groups = {pid: birth for pid, birth in births.items() if birth is not None}
        self._place.write(self._state)

    def _wait_until_ready(self) -> None:
        began = time.time()
        deadline = time.monotonic() + _START_SECONDS
        while not self._told_to_stop.wait(_POLL_SECONDS):
            for child in self._children:
                if child.has_died():
                    message = f"{child.name} did not start: {_last_line(child.log)}"
                    raise ServicesError(message)
            if _is_healthy(self._plan.port, since=began):
                self._state.status = "ready"
                self._place.write(self._state)
                return
            if time.monotonic() > deadline:
                message = f"not ready after {_START_SECONDS:.0f} s; see {self._place.logs}"
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
                sys.stderr.write(f"{child.name} ended: {_last_line(child.log)}\n")
                child.stop()
                self._start(child)


def _is_healthy(port: int, *, since: float) -> bool:
    """Tell whether the UI answers, the code is loaded and every daemon has given a sign of life.

    :raises ServicesError: if the code does not load.
    """
    # PLC0415: takes as long to load as all the rest; only the supervisor asks.
    import httpx  # noqa: PLC0415

    try:
        answer = httpx.post(f"{_url(port)}/graphql", json={"query": _HEALTH}, timeout=30.0)
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
        _Supervisor(Settings.load(), _Plan(**json.loads(plan))).run()
    except FarthingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main(sys.argv[1])
