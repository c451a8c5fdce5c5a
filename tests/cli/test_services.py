"""The web UI and the daemon as real processes, on a port of the test's own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from cli import service_state, services, supervisor
from dagster_project.lib import manifest
from farthing.settings import PROJECT_ROOT, Settings
from postgres.embedded import EmbeddedServer, process

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home whose services are stopped afterwards, come what may."""
    # Sockets want a short path, which pytest's own folders are not.
    home = Path(tempfile.mkdtemp(prefix="farthing-"))
    monkeypatch.setenv("FARTHING_HOME", str(home))
    monkeypatch.delenv("FARTHING_DATABASE_URL", raising=False)
    settings = Settings.load()
    manifest.build()
    yield settings
    services.down(settings)
    assert processes_of(home) == []
    shutil.rmtree(home)


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((service_state.HOST, 0))
        number: int = probe.getsockname()[1]
        return number


def processes_of(home: Path) -> list[str]:
    """The commands of all processes that were told of a home."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = (path / "environ").read_bytes().split(b"\0")
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
        told = f"FARTHING_HOME={home}".encode() in environment
        if command and (told or str(home) in command) and int(path.name) != os.getpid():
            found.append(command)
    return found


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    pause = 0.02
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        signal.sigtimedwait([], pause)


def pid_on(port: int, home: Path) -> int:
    """The web server's process id, from its own log."""
    lines = (home / "logs" / "webserver.log").read_text().splitlines()
    serving = [line for line in lines if f":{port} in process" in line]
    return int(serving[-1].rsplit(" ", 1)[1].strip())


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{service_state.HOST}:{port}/server_info").is_success
    except httpx.HTTPError:
        return False


def test_up_brings_it_up_keeps_it_up_and_down_ends_it(settings: Settings, port: int) -> None:
    helper = [sys.executable, "-c", "import time; print('helping', flush=True); time.sleep(600)"]

    first = services.up(settings, port=port, extra={"helper": helper})

    assert first == services.Services(f"http://127.0.0.1:{port}", was_running=False)
    assert answers(port)
    assert (settings.home / "logs" / "helper.log").read_text() == "helping\n"
    assert services.up(settings, port=port) == services.Services(first.url, was_running=True)

    # What dies comes back: a child, and the server that all of it stands on.
    webserver = pid_on(port, settings.home)
    os.kill(webserver, signal.SIGKILL)
    data = settings.home / "postgres" / "data"
    postmaster = process.find(data)
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGKILL)
    wait_until(lambda: (found := process.find(data)) and found.status == process.READY)
    wait_until(lambda: answers(port))
    assert pid_on(port, settings.home) != webserver
    with EmbeddedServer(settings.home).lease() as address:
        assert address.port == postmaster.port
        with psycopg.connect(address.url("farthing")) as connection:
            assert connection.execute("select count(*) from common.jobs").fetchone() == (0,)

    assert services.down(settings)
    assert not answers(port)
    assert not EmbeddedServer(settings.home).is_running()
    assert not services.down(settings)


def test_down_finds_what_a_killed_supervisor_left(settings: Settings, port: int) -> None:
    services.up(settings, port=port)
    (supervisor,) = (
        int(path.name)
        for path in Path("/proc").glob("[0-9]*")
        if is_supervisor(path, settings.home)
    )
    os.kill(supervisor, signal.SIGKILL)
    assert answers(port)

    assert services.down(settings)

    assert not answers(port)
    assert not EmbeddedServer(settings.home).is_running()


def is_supervisor(path: Path, home: Path) -> bool:
    try:
        told = f"FARTHING_HOME={home}".encode() in (path / "environ").read_bytes()
        return told and b"cli.supervisor" in (path / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_port_in_use_is_one_line_and_starts_nothing(settings: Settings, port: int) -> None:
    with (
        closing(socket.create_server((service_state.HOST, port))),
        pytest.raises(service_state.ServicesError) as caught,
    ):
        services.up(settings, port=port)

    assert str(caught.value) == (
        f"port {port} of 127.0.0.1 is used by another program; stop that one first"
    )
    assert processes_of(settings.home) == []


def test_a_child_that_does_not_start_is_quoted_and_nothing_is_left(
    settings: Settings, port: int
) -> None:
    script = "import sys; print('warming up'); sys.exit('no such world: mars')"

    with pytest.raises(service_state.ServicesError) as caught:
        services.up(settings, port=port, extra={"sandbox": [sys.executable, "-c", script]})

    assert str(caught.value).startswith("sandbox did not start: no such world: mars (see ")
    assert "\n" not in str(caught.value)
    assert processes_of(settings.home) == []
    assert not answers(port)


def test_logs_keep_their_newest_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_LOG_BYTES", 10)
    log = tmp_path / "web.log"
    child = supervisor.Child("web", [sys.executable, "-c", "print('x' * 20)"], log)
    child.start(dict(os.environ))
    assert child.process is not None
    child.process.wait()

    child.bound_log()
    assert log.read_text() == ""
    assert (tmp_path / "web.old.log").read_text() == "x" * 20 + "\n"

    child.start(dict(os.environ))
    child.process.wait()
    assert log.read_text() == "x" * 20 + "\n"


def test_down_without_a_home_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path / "none"))

    assert not services.down(Settings.load())
    assert not (tmp_path / "none").exists()


def test_services_are_light(tmp_path: Path) -> None:
    code = (
        "import sys, cli.services, cli.supervisor;"
        " print([m for m in sys.modules if m.startswith('dagster.')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
