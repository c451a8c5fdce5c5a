"""Who the server runs as: PostgreSQL refuses to be root.

As root, a user namespace comes first: the server is an ordinary user inside it while its files
stay root's, so a home below a directory of mode 0700 works and no data is readable by other
programs that also run as ``nobody``. Where namespaces are forbidden (most containers), the server
drops to ``nobody``. A data directory that somebody already owns is served as its owner.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from postgres.embedded import binaries, files
from postgres.embedded.errors import EmbeddedServerError

_LAUNCHER = Path(__file__).with_name("launch.py")
_INITDB_SECONDS = 300
_COMPLAINT = "FATAL:|PANIC:|ERROR:|error:"


@dataclass(frozen=True)
class Identity:
    """A way to run PostgreSQL programs that works here.

    :param kind: what :mod:`postgres.embedded.launch` is told to become.
    :param uid: who owns the files.
    :param bin_dir: programs that this identity can run.
    :param major: their major version.
    :param guard: descriptor of the lock under which it is decided what to run.
    :param lock: existing file that programs and their descendants keep locked.
    """

    kind: str
    uid: int
    gid: int
    bin_dir: Path
    major: int
    guard: int
    lock: Path

    def run(
        self, program: str, *arguments: str, directory: Path, log: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end or, with a log, start one that outlives us."""
        command = (str(self.bin_dir / program), *arguments)
        return _launch(self.kind, directory, *command, guard=self.guard, lock=self.lock, log=log)


def choose(base: Path, bin_dir: Path, *, guard: int, lock: Path) -> Identity:
    """Return an identity that can run the programs and enter the home, and give it the base.

    :param base: directory of everything that belongs to the server; its owner says who ran it last.
    :param guard: descriptor of the lock that is held for this.
    :param lock: see :class:`Identity`.
    :raises EmbeddedServerError: if there is none.
    """
    reasons = []
    for kind, uid, gid in _candidates(base):
        reason, major = _probe(kind, base, bin_dir)
        usable = bin_dir
        if major is None and kind[0].isdecimal() and _can_enter(kind, base):
            # The home is within reach and the programs are not, say in a virtual environment of
            # root's: it gets a copy, which also serves the next starts.
            usable = binaries.copy_into(base, bin_dir)
            files.give(base, uid, gid)
            reason, major = _probe(kind, base, usable)
        if major is None:
            reasons.append(reason)
            continue
        if base.stat().st_uid != uid:
            files.give(base, uid, gid)
        return Identity(kind, uid, gid, usable, major, guard, lock)
    message = f"cannot run PostgreSQL for {base} as an ordinary user: {'; '.join(reasons)}"
    raise EmbeddedServerError(message)


def last_line(text: str) -> str:
    """Return the last line of a program's output that says what went wrong."""
    lines = complaints(text) or [line.strip() for line in text.splitlines() if line.strip()]
    line = (lines or ["it said nothing"])[-1]
    return re.sub(rf"^.*?({_COMPLAINT}) +", "", line)


def complaints(text: str) -> list[str]:
    """Return the lines of a program's output that report a failure."""
    return [line.strip() for line in text.splitlines() if re.search(_COMPLAINT, line)]


def _probe(kind: str, base: Path, bin_dir: Path) -> tuple[str, int | None]:
    # It runs where the server's directory is: being able to do both is what has to be known.
    result = _launch(kind, base.parent, str(bin_dir / "postgres"), "--version")
    version = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    if result.returncode != 0 or version is None:
        return last_line(result.stderr), None
    return "", int(version[1])


def _can_enter(kind: str, base: Path) -> bool:
    return _launch(kind, base.parent, "/bin/sh", "-c", ":").returncode == 0


def _candidates(base: Path) -> list[tuple[str, int, int]]:
    uid, gid, owner = os.geteuid(), os.getegid(), base.stat()
    ordinary = _ordinary_user()
    namespace = (f"namespace:{ordinary.pw_uid}:{ordinary.pw_gid}", uid, gid)
    if uid != 0:
        # initdb insists on a user with a name, which one set by a container runtime may not have.
        same = ("same", uid, gid)
        return [same] if _has_name(uid) else [namespace, same]
    if owner.st_uid != 0:
        return [(f"{owner.st_uid}:{owner.st_gid}", owner.st_uid, owner.st_gid), namespace]
    dropped = (f"{ordinary.pw_uid}:{ordinary.pw_gid}", ordinary.pw_uid, ordinary.pw_gid)
    return [namespace, dropped]


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _ordinary_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        pass
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return entry
    message = "cannot become an ordinary user: /etc/passwd names none"
    raise EmbeddedServerError(message)


def _launch(
    kind: str,
    directory: Path,
    *command: str,
    guard: int | None = None,
    lock: Path | None = None,
    log: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    # The server lives long and its environment can be read: none of our secrets goes into it, and
    # no PG* variable of the user's changes what it does.
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    options = ["-" if option is None else str(option) for option in (guard, lock, log)]
    return subprocess.run(  # noqa: S603 - our own script and a program that discovery found
        [sys.executable, "-I", "-S", str(_LAUNCHER), kind, str(directory), *options, *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_INITDB_SECONDS,
        check=False,
        pass_fds=() if guard is None else (guard,),
    )
