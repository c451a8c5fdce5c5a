"""The supervisor: one server for all processes of a home, from the first lease to the last."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

from postgres.embedded import binaries, cluster, files, identity, process
from postgres.embedded.address import Address
from postgres.embedded.errors import EmbeddedServerError
from postgres.embedded.process import Postmaster

# Recovery after a crash replays the log since the last checkpoint, which takes its time.
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_LEFTOVER_SECONDS = 30.0
_POLL_SECONDS = 0.01
_ANSWER_SECONDS = 5.0
_ATTEMPTS = 5
_LONGEST_SOCKET_PATH = 107


class EmbeddedServer:
    """A PostgreSQL server whose data lives below a home.

    Any number of processes and threads may share it. Objects hold no state: two for one home are
    as good as one.

    :param home: directory that the ``postgres`` directory is made in.
    :param bin_dir: directory of the PostgreSQL programs; unset, they are looked for.
    :param durable: false for tests: whoever kills the server or the machine loses data.
    """

    def __init__(self, home: Path, *, bin_dir: Path | None = None, durable: bool = True) -> None:
        self._base = home.absolute() / "postgres"
        self._data = self._base / "data"
        self._bin_dir = bin_dir
        self._durable = durable

    def lease(self) -> AbstractContextManager[Address]:
        """Start the server or find it running, and keep it running while inside.

        The last holder to leave stops it. The kernel gives back the lease of a killed process.

        :raises EmbeddedServerError: if the server cannot be started, or does not answer.
        """
        return self._lease()

    def stop(self) -> bool:
        """Stop the server, whoever uses it.

        :returns: whether it was running.
        :raises EmbeddedServerError: if it does not stop.
        """
        if not self._base.exists():
            return False
        with _explained(), self._deciding():
            return self._stop()

    def is_running(self) -> bool:
        """Tell whether the server's process exists; it may still be starting."""
        with _explained():
            return process.find(self._data) is not None

    @contextmanager
    def _lease(self) -> Iterator[Address]:
        holder = os.getpid()
        with _explained():
            self._make_base()
            descriptor = self._join()
        try:
            with _explained(), self._deciding() as guard:
                postmaster = self._find_or_start(guard)
                address = Address(
                    port=postmaster.port,
                    user=cluster.USER,
                    password=cluster.password(self._base),
                    socket_dir=postmaster.socket_dir,
                )
            yield address
        finally:
            # A forked child that unwinds through here shares its parent's lease, it has none.
            if os.getpid() == holder:
                with _explained():
                    self._leave(descriptor)

    def _deciding(self) -> AbstractContextManager[int]:
        owner = self._base.stat().st_uid
        if os.geteuid() not in {0, owner}:
            message = f"{self._base} belongs to user id {owner}; run as that user, or as root"
            raise EmbeddedServerError(message)
        # Whoever starts, stops or takes the last lease does it alone, so that none is handed a
        # server that another one is about to stop.
        return files.exclusive(self._base / "start.lock")

    def _join(self) -> int:
        with self._deciding():
            descriptor = files.open_private(self._base / "lease.lock")
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return descriptor

    def _leave(self, descriptor: int) -> None:
        try:
            with self._deciding():
                if files.try_exclusive(descriptor):
                    self._stop()
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _make_base(self) -> None:
        # Searchable for others where the server may have to run as somebody else; nothing in it is
        # readable for them.
        self._base.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        files.make_private_directory(self._base)

    def _find_or_start(self, guard: int) -> Postmaster:
        for _ in range(_ATTEMPTS):
            postmaster = self._wait_until_ready() or self._start(guard)
            if self._answers(postmaster):
                return postmaster
        message = f"the embedded server ends as soon as it is started; see {self._log()}"
        raise EmbeddedServerError(message)

    def _answers(self, postmaster: Postmaster) -> bool:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while not process.answers(postmaster.port, _ANSWER_SECONDS):
            # A process that is being killed closes its sockets before it is gone.
            if process.find(self._data) != postmaster:
                return False
            if time.monotonic() > deadline:
                message = (
                    f"the embedded server (process {postmaster.pid}) does not answer on "
                    f"127.0.0.1:{postmaster.port}; farthing down stops it"
                )
                raise EmbeddedServerError(message)
            time.sleep(_POLL_SECONDS)
        return True

    def _start(self, guard: int) -> Postmaster:
        bin_dir = binaries.check(self._bin_dir) if self._bin_dir else binaries.discover()
        who = identity.choose(self._base, bin_dir, guard=guard, lock=self._alive())
        cluster.prepare(self._base, who, durable=self._durable)
        socket_dir = self._socket_dir(who)
        taken = False
        for _ in range(_ATTEMPTS):
            port = self._free_port(again=not taken)
            postmaster = self._launch(who, port, socket_dir)
            if postmaster is not None:
                files.write_private(self._base / "port", str(port))
                return postmaster
            log = self._log().read_text(errors="replace")
            taken = "could not bind" in log
            # One that ended without a complaint was killed, and deserves another attempt.
            if not taken and identity.complaints(log):
                message = (
                    f"the embedded server did not start: {identity.last_line(log)} "
                    f"(see {self._log()})"
                )
                raise EmbeddedServerError(message)
        reason = "found no free port" if taken else "was killed while it started"
        message = f"the embedded server {reason}, {_ATTEMPTS} times; see {self._log()}"
        raise EmbeddedServerError(message)

    def _launch(self, who: identity.Identity, port: int, socket_dir: Path) -> Postmaster | None:
        log = self._log()
        if log.exists():
            log.replace(log.with_suffix(".old.log"))
        os.close(files.open_private(log))
        # Nobody lives here any more, see _wait_until_ready. Sockets have pid files as well.
        process.disown(process.pid_file(self._data))
        for left in socket_dir.glob(".s.PGSQL.*"):
            left.unlink()
        result = who.run(
            "postgres",
            "-D",
            str(self._data),
            # On the command line, because no ALTER SYSTEM can open the server to others this way.
            "--listen_addresses=127.0.0.1",
            f"--port={port}",
            f"--unix_socket_directories={socket_dir}",
            "--unix_socket_permissions=0700",
            directory=self._data,
            log=log,
        )
        if result.returncode != 0:
            message = f"the embedded server cannot be run: {identity.last_line(result.stderr)}"
            raise EmbeddedServerError(message)
        return self._wait_until_ready()

    def _wait_until_ready(self) -> Postmaster | None:
        """Return the server once it is ready, or nothing once nothing is left of one.

        Whoever started it may have been killed at any moment since, and it may be stopping.
        """
        began = time.monotonic()
        while True:
            postmaster = process.find(self._data)
            if postmaster is None and not self._anyone_alive():
                return None
            if postmaster is not None and postmaster.status == process.READY:
                return postmaster
            passed = time.monotonic() - began
            if postmaster is None and passed > _LEFTOVER_SECONDS:
                raise EmbeddedServerError(self._leftover(_LEFTOVER_SECONDS))
            if passed > _START_SECONDS:
                message = (
                    f"the embedded server is not ready after {passed:.0f} s; see {self._log()}"
                )
                raise EmbeddedServerError(message)
            time.sleep(_POLL_SECONDS)

    def _stop(self) -> bool:
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while (postmaster := process.find(self._data)) is None:
            # One that was launched a moment ago, before an interruption, has no pid file yet.
            if not self._anyone_alive() or time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        os.kill(postmaster.pid, signal.SIGINT)  # fast: sessions end, their transactions roll back
        self._wait_until_gone()
        if postmaster.socket_dir.parent != self._base:
            with suppress(OSError):
                postmaster.socket_dir.rmdir()
        return True

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        while process.find(self._data) is not None or self._anyone_alive():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(self._leftover(_STOP_SECONDS))
            time.sleep(_POLL_SECONDS)

    def _leftover(self, seconds: float) -> str:
        return f"processes of an ended server still use {self._data} after {seconds:.0f} s"

    def _anyone_alive(self) -> bool:
        # Only asked while deciding: nobody else's attempt can fail because of ours.
        descriptor = files.open_private(self._alive())
        try:
            return not files.try_exclusive(descriptor)
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _alive(self) -> Path:
        return self._base / "alive.lock"

    def _log(self) -> Path:
        return self._base / "server.log"

    def _free_port(self, *, again: bool) -> int:
        # The port of last time, so that addresses handed out before a crash stay good.
        last = self._base / "port"
        if (
            again
            and last.exists()
            and (text := last.read_text()).isdecimal()
            and _is_free(int(text))
        ):
            return int(text)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    def _socket_dir(self, who: identity.Identity) -> Path:
        path = self._base / "run"
        longest = os.fsencode(path / ".s.PGSQL.65535.lock")
        # The setting is a list with quotes of its own: a path with one of these is not worth it.
        if len(longest) <= _LONGEST_SOCKET_PATH and not set(str(path)) & set(",\"'@"):
            files.make_private_directory(path)
            return path
        name = hashlib.sha256(os.fsencode(self._base)).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"farthing-{who.uid}-{name}"
        return _claim(path, who)


def _claim(path: Path, who: identity.Identity) -> Path:
    # Anybody can make directories here: one that is not ours alone is left to whoever made it.
    try:
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, who.uid, who.gid, follow_symlinks=False)
    except FileExistsError:
        found = path.lstat()
        if (found.st_mode, found.st_uid) != (0o40700, who.uid):
            path = Path(tempfile.mkdtemp(prefix="farthing-"))
            if os.geteuid() == 0:
                os.chown(path, who.uid, who.gid, follow_symlinks=False)
    return path


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        # As PostgreSQL does: connections of the last server that still time out are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"the embedded server: {error.strerror}: {error.filename or 'its home'}"
        raise EmbeddedServerError(message) from error
    except subprocess.TimeoutExpired as error:
        message = f"the embedded server: {Path(error.cmd[-1]).name} did not end in time"
        raise EmbeddedServerError(message) from error
