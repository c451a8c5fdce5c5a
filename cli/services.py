"""What ``farthing up`` starts and ``farthing down`` stops: Dagster's web UI and daemon.

A small supervisor stays behind in a session of its own, see :mod:`cli.supervisor`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass

from cli.service_state import (
    CHILD_STOP_SECONDS,
    HOST,
    POLL_SECONDS,
    PORT,
    START_SECONDS,
    Place,
    Plan,
    ServicesError,
    birth_of,
    last_line,
    opened,
    stop_group,
    url_of,
)
from dagster_project.lib.manifest import manifest_path
from farthing.settings import PROJECT_ROOT, Settings
from postgres import migrate
from postgres.database import open_database
from postgres.embedded import EmbeddedServer

_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Services:
    """The running services.

    :param was_running: they were up before, and nothing was done.
    """

    url: str
    was_running: bool


def up(
    settings: Settings, *, port: int = PORT, extra: Mapping[str, Sequence[str]] | None = None
) -> Services:
    """Start the web UI and the daemon in the background and wait until they work.

    The database is migrated first. What the caller has in its environment they have too.

    :param extra: other commands to run beside them, by name.
    :raises ServicesError: if the port is taken, or something does not start; nothing is left then.
    """
    place = Place(settings.home.absolute())
    with place.deciding():
        if place.is_supervised() and (state := place.read()) is not None:
            return Services(url_of(state.port), was_running=True)
        _clean_up(place)
        _require_free(port)
        manifest_path()
        with open_database(settings, pooled=False) as database:
            migrate.upgrade(database.engine)
            _start_supervisor(settings, place, Plan(port, dict(extra or {})))
    return Services(url_of(port), was_running=False)


def down(settings: Settings) -> bool:
    """Stop everything that :func:`up` started, and the embedded server.

    :returns: whether anything was running.
    :raises ServicesError: if something does not stop.
    """
    place = Place(settings.home.absolute())
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


def _require_free(port: int) -> None:
    with closing(socket.socket()) as probe:
        # As the server does: connections of the last one that still time out are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            message = f"port {port} of {HOST} is used by another program; stop that one first"
            raise ServicesError(message) from None


def _start_supervisor(settings: Settings, place: Place, plan: Plan) -> None:
    place.state.unlink(missing_ok=True)
    environment = {**os.environ, "FARTHING_HOME": str(place.home)}
    if settings.database_url is not None:
        environment["FARTHING_DATABASE_URL"] = settings.database_url
    with opened(place.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND) as log:
        supervisor = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "cli.supervisor", json.dumps(asdict(plan))],
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


def _wait_until_ready(place: Place, supervisor: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS + CHILD_STOP_SECONDS
    while time.monotonic() < deadline:
        ended = supervisor.poll() is not None
        state = place.read()
        if state is not None and state.status == "ready":
            return
        if ended:
            told = state.message if state is not None else ""
            raise ServicesError(told or last_line(place.logs / "supervisor.log"))
        time.sleep(POLL_SECONDS)
    message = f"the services are not ready after {START_SECONDS:.0f} s; see {place.logs}"
    raise ServicesError(message)


def _stop_supervisor(place: Place, pid: int) -> None:
    birth = birth_of(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while place.is_supervised() or (birth is not None and birth_of(pid) == birth):
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            deadline += _STOP_SECONDS
        time.sleep(POLL_SECONDS)


def _clean_up(place: Place) -> bool:
    """Stop what a supervisor that was killed left running.

    :returns: whether there was anything.
    """
    state = place.read()
    if state is None:
        return False
    left = [pid for pid, birth in state.groups.items() if birth_of(pid) == birth]
    for pid in left:
        stop_group(pid)
    place.state.unlink(missing_ok=True)
    return bool(left)
