"""Homes, processes that hold a lease, and what the kernel says about a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg

from postgres.embedded import Address, EmbeddedServer

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30.0

_HOLDER = """
import sys
from pathlib import Path
from postgres.embedded import EmbeddedServer, EmbeddedServerError
home, bin_dir = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
try:
    with EmbeddedServer(home, bin_dir=bin_dir, durable=False).lease() as address:
        print(address.url("postgres"), flush=True)
        sys.stdin.readline()
except EmbeddedServerError as error:
    print("refused:", error, flush=True)
"""


class Holder:
    """A process that takes a lease and keeps it until it is told to leave or is killed.

    :param prefix: command that runs the interpreter in some other environment.
    """

    def __init__(
        self,
        home: Path,
        *,
        bin_dir: Path | None = None,
        python: str = sys.executable,
        user: int | None = None,
        prefix: Sequence[str] = (),
        script: str = _HOLDER,
    ) -> None:
        arguments = [str(home)] if bin_dir is None else [str(home), str(bin_dir)]
        self.process = subprocess.Popen(
            [*prefix, python, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={
                "PATH": os.defpath,
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                "FARTHING_ENCRYPTION_KEYS": "canary",
            },
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )

    def answer(self) -> str:
        """Wait for the URL that it was given, or for why there is none."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        """Make it give its lease back, and wait until it has."""
        self.process.communicate(timeout=PATIENCE)  # which closes what it waits to read from

    def kill(self) -> None:
        """Kill it with no chance to clean up, but not what it started."""
        self.process.kill()
        self._close()

    def kill_session(self) -> None:
        """Kill it and what it waits for."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._close()

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()  # one that has ended by itself has pipes to close all the same


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that nothing announces.

    :raises AssertionError: if it does not come about.
    """
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        pause.wait(0.005)


def query(address: Address, statement: LiteralString) -> list[tuple[object, ...]]:
    """Run one statement in a connection of its own, and commit."""
    with psycopg.connect(address.url("postgres"), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def server(home: Path, bin_dir: Path | None = None) -> EmbeddedServer:
    """Return a server whose data may be lost: nothing here waits for a disk."""
    return EmbeddedServer(home, bin_dir=bin_dir, durable=False)


def data(home: Path) -> Path:
    """Return the data directory of a home."""
    return home / "postgres" / "data"


def postmaster(home: Path) -> int:
    """Return the process id of the running server."""
    return int((data(home) / "postmaster.pid").read_text().split("\n", 1)[0])


def state(pid: int) -> str:
    """Return the letter that the kernel gives to a process's state, or nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def dead(pid: int) -> bool:
    """Tell whether a process has ended, reaped or not."""
    return state(pid) in {"", "Z", "X"}


def open_files(pid: int) -> set[str]:
    """What a process holds open; what it closes while we look is left out."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return found
