"""The home of a demo, whose providers are the sandbox: it runs while some command needs it.

The sandbox keeps its consents in memory and in one file, so all commands of a home share one
process: the first starts it, the last ends it. If a command is killed the sandbox stays, and the
next command takes it over.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dagster_project.lib.environment import exported
from farthing import clock
from farthing.errors import FarthingError
from farthing.settings import Settings
from postgres.embedded import files
from sandbox import SECRET_ID, SECRET_KEY

_HOST = "127.0.0.1"
_STARTS_WITHIN_S = 60.0
_STOPS_WITHIN_S = 10.0
_POLL_S = 0.02

# Far more calls a day than a real bank allows: who tries things out should not have to wait.
_DAILY_LIMIT = "1000"

BASES = ("GOCARDLESS_BASE_URL", "TRADING212_BASE_URL")
PROVIDER_VARIABLES = (*BASES, "GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY")


class SandboxError(FarthingError):
    """The sandbox of a demo does not run."""


@dataclass(frozen=True, slots=True)
class DemoSandbox:
    """The sandbox of a home, which may still be starting."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_HOST}:{self.port}"

    def variables(self) -> dict[str, str]:
        """Return what points Farthing at it."""
        return {
            "GOCARDLESS_BASE_URL": f"{self.url}/api/v2",
            "GOCARDLESS_SECRET_ID": SECRET_ID,
            "GOCARDLESS_SECRET_KEY": SECRET_KEY,
            "TRADING212_BASE_URL": f"{self.url}/api/v0",
            "ECB_BASE_URL": f"{self.url}/ecb",
        }

    def answers(self) -> bool:
        """Tell whether it listens."""
        with socket.socket() as probe:
            return probe.connect_ex((_HOST, self.port)) == 0

    def wait(self) -> None:
        """Return once it answers.

        :raises SandboxError: if it does not in time, or ended; the message says where its log is.
        """
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not self.answers():
            pid = _pid(self.home)
            if pid is None or not _is_sandbox(pid) or time.monotonic() > deadline:
                message = f"the demo's sandbox did not start; see {_log(self.home)}"
                raise SandboxError(message)
            time.sleep(_POLL_S)


def is_demo(settings: Settings) -> bool:
    """Tell whether a demo was made in this home, and on this database.

    On any other database the sandbox has no business: its users are real, and so are their keys.
    """
    return _read(settings.home).get("database") == _name(settings.database_url)


@contextmanager
def providers(settings: Settings) -> Iterator[DemoSandbox | None]:
    """In the home of a demo, run the sandbox and point this process and its children at it.

    Variables that the user has set win: then nothing is started.

    :returns: the sandbox, whose :meth:`DemoSandbox.wait` is to be called before it is asked.
    """
    if not is_demo(settings) or any(os.environ.get(name) for name in PROVIDER_VARIABLES):
        yield None
        return
    with running(settings.home) as sandbox:
        yield sandbox


def mark(settings: Settings) -> None:
    """Make a home, and its database of now, those of a demo."""
    home = settings.home
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    _write(home, {**_read(home), "database": _name(settings.database_url)})


@contextmanager
def running(home: Path) -> Iterator[DemoSandbox]:
    """Run the sandbox of a home, and point this process and its children at it."""
    lease = files.open_private(home / "sandbox.lease")
    try:
        with files.exclusive(home / "sandbox.lock"):
            fcntl.flock(lease, fcntl.LOCK_SH)
            sandbox = _find_or_start(home)
        with exported(sandbox.variables()):
            yield sandbox
    finally:
        os.close(lease)
        sweep(home)


def sweep(home: Path) -> None:
    """Stop a sandbox that nobody uses: whoever started it was killed."""
    if not _path(home).exists():
        return
    lease = files.open_private(home / "sandbox.lease")
    try:
        with files.exclusive(home / "sandbox.lock"):
            if files.try_exclusive(lease):
                _stop(home)
    finally:
        os.close(lease)


def _find_or_start(home: Path) -> DemoSandbox:
    last = _read(home).get("port")
    port = last if isinstance(last, int) else 0
    pid = _pid(home)
    is_running = port != 0 and pid is not None and _is_sandbox(pid)
    if not is_running and (port == 0 or not _is_free(port)):
        port = _free_port()
    # Written first: whoever finds a pid finds the port that belongs to it.
    _write(home, {**_read(home), "port": port})
    if not is_running:
        _start(home, port)
    return DemoSandbox(home, port)


def _name(database_url: str | None) -> str:
    """Return what tells one database from another, without its password."""
    if database_url is None:
        return "embedded"
    url = sa.make_url(database_url).set(password="")
    return hashlib.sha256(url.render_as_string().encode()).hexdigest()


def _start(home: Path, port: int) -> None:
    command = [
        sys.executable, "-m", "sandbox", "--host", _HOST, "--port", str(port),
        "--state", str(home / "sandbox.json"), "--daily-limit", _DAILY_LIMIT,
    ]  # fmt: skip
    if os.environ.get(clock.NOW_VARIABLE):
        # The banks then are where the ledger believes to be.
        command += ["--now", clock.now().isoformat()]
    log = files.open_private(_log(home), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module, and arguments of our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the command, which then ends the sandbox itself, or leaves it to others.
            start_new_session=True,
        )
    finally:
        os.close(log)
    files.write_private(home / "sandbox.pid", str(process.pid))
    # It may outlive this process, so nothing here waits for it when it is collected.
    process.returncode = 0


def _stop(home: Path) -> None:
    pid = _pid(home)
    if pid is None or not _is_sandbox(pid):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOPS_WITHIN_S
    while _is_sandbox(pid) and time.monotonic() < deadline:
        with suppress(ChildProcessError):  # it is another command's child
            os.waitpid(pid, os.WNOHANG)
        time.sleep(_POLL_S)
    with suppress(FileNotFoundError):
        (home / "sandbox.pid").unlink()


def _is_sandbox(pid: int) -> bool:
    """Tell whether the process is a sandbox: its number may be another's by now."""
    try:
        return b"\0sandbox\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _pid(home: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int((home / "sandbox.pid").read_text())
    return None


def _read(home: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        known = json.loads(_path(home).read_text())
        return known if isinstance(known, dict) else {}
    return {}


def _write(home: Path, known: dict[str, Any]) -> None:
    if _read(home) != known:
        files.write_private(_path(home), json.dumps(known))


def _path(home: Path) -> Path:
    return home / "demo.json"


def _log(home: Path) -> Path:
    return home / "sandbox.log"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _main() -> None:
    """Hold the sandbox until told to end, or until it ended: who started this starts it again."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with running(Settings.load().home) as sandbox:
        sandbox.wait()
        while not told.wait(1.0) and sandbox.answers():
            pass


if __name__ == "__main__":
    try:
        _main()
    except FarthingError as error:
        sys.exit(str(error))
