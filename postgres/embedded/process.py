"""The postmaster as its own pid file and the kernel describe it."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from postgres.embedded import files

READY = "ready"
STOPPING = "stopping"

_NOBODYS_PID = 2**22 + 1  # Linux gives out none above 2**22
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True)
class Postmaster:
    """A live postmaster.

    :param status: ``starting``, ``ready``, ``standby`` or ``stopping``, in its own words.
    """

    pid: int
    port: int
    socket_dir: Path
    status: str


def pid_file(data: Path) -> Path:
    """Return where the postmaster of a data directory leaves its process id."""
    return data / "postmaster.pid"


def find(data: Path) -> Postmaster | None:
    """Return the live postmaster of a data directory.

    A pid file whose process is gone, is a zombie or is some other program names none.
    """
    try:
        lines = pid_file(data).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    # It appears before it is complete; a server that has not come to the end of it is starting.
    pid, _, _, port, socket_dir, _, _, status = (lines + [""] * 8)[:8]
    if not pid.isdecimal() or not _serves(int(pid), data):
        return None
    return Postmaster(
        int(pid), int(port) if port.isdecimal() else 0, Path(socket_dir), status.strip()
    )


def disown(postmaster: Path) -> None:
    """Make a pid file name no process, after nobody that it could mean was found alive.

    PostgreSQL takes a zombie, or another program that now has the number, for a live server and
    refuses to start. The file stays, because it also names the shared memory by which PostgreSQL
    itself makes sure that no backend of the old server is left.
    """
    try:
        _, _, rest = postmaster.read_text(errors="replace").partition("\n")
    except FileNotFoundError:
        return
    files.write_private(postmaster, f"{_NOBODYS_PID}\n{rest}")


def answers(port: int, seconds: float) -> bool:
    """Tell whether a PostgreSQL server answers on a port of this machine in time."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), seconds)) as connection:
            # Whether or not it can do TLS, only PostgreSQL answers this with one of two letters,
            # and it does so in a process it forked: it is able to serve.
            connection.sendall(_SSL_REQUEST)
            return connection.recv(1) in {b"N", b"S"}
    except OSError:
        return False


def _serves(pid: int, data: Path) -> bool:
    # A postmaster's working directory is its data directory; a zombie has none any more.
    process = Path("/proc") / str(pid)
    try:
        if (process / "comm").read_text().strip() != "postgres":
            return False
        return (process / "cwd").samefile(data)
    except PermissionError:
        return True  # somebody else's: better to refuse than to start a second one
    except (FileNotFoundError, ProcessLookupError):
        return False
