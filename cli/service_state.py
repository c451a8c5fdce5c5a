"""What the services of one home tell one another, in files, and how their processes are stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from farthing.errors import FarthingError
from postgres.embedded import files

HOST = "127.0.0.1"
PORT = 3000

START_SECONDS = 180.0
CHILD_STOP_SECONDS = 20.0
POLL_SECONDS = 0.1


class ServicesError(FarthingError):
    """The services cannot be started or stopped; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor is to run.

    :param extra: commands besides the web UI and the daemon, by name.
    """

    port: int = PORT
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class State:
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
class Place:
    """Where the services of a home keep their files."""

    home: Path

    @property
    def directory(self) -> Path:
        """The folder of the files below."""
        return self.home / "services"

    @property
    def logs(self) -> Path:
        """A log a process."""
        return self.home / "logs"

    @property
    def state(self) -> Path:
        """What :class:`State` is stored in."""
        return self.directory / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.directory / "supervisor.lock"

    def make(self) -> None:
        """Make the folders, closed to others."""
        for directory in (self.directory, self.logs):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> State | None:
        """Return what the supervisor last said; None if there is none."""
        try:
            content = json.loads(self.state.read_text())
        except FileNotFoundError:
            return None
        content["groups"] = {int(pid): birth for pid, birth in content["groups"].items()}
        return State(**content)

    def write(self, state: State) -> None:
        """Say how things stand."""
        files.write_private(self.state, json.dumps(asdict(state)))

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let one command at a time start or stop things."""
        self.make()
        with files.exclusive(self.directory / "command.lock"):
            yield

    def is_supervised(self) -> bool:
        """Tell whether a supervisor is alive: it holds a lock that the kernel takes back."""
        with opened(self.lock) as descriptor:
            return not files.try_exclusive(descriptor)


def url_of(port: int) -> str:
    """Return where the web UI is."""
    return f"http://{HOST}:{port}"


def stop_group(leader: int, seconds: float = CHILD_STOP_SECONDS) -> None:
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
            time.sleep(POLL_SECONDS / 2)


def _has_members(group: int) -> bool:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, number = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(number) == group and state != "Z":
                return True
    return False


def birth_of(pid: int) -> str | None:
    """Return when a live process began, in the kernel's ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


@contextmanager
def opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    """Open a file that is closed to others, as a descriptor."""
    descriptor = files.open_private(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def last_line(log: Path) -> str:
    """Return the line of a log that says most: the last that is no frame of a traceback."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line[:1] not in {" ", "\t", ""}]
    return f"{lines[-1][:300]} (see {log})" if lines else f"it ended without a word (see {log})"
