"""What several processes see, some of which die at the wrong moment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from postgres.embedded import EmbeddedServer, EmbeddedServerError
from tests.embedded.support import (
    Holder,
    data,
    dead,
    open_files,
    postmaster,
    query,
    server,
    state,
    wait_until,
)

# Whatever this starts becomes its own child when orphaned, and it never reaps any: the idle first
# process of a container does the same.
_ZOMBIE_KEEPER = """
import ctypes, sys
from pathlib import Path
from postgres.embedded import EmbeddedServer
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
lease = EmbeddedServer(Path(sys.argv[1])).lease()
print(lease.__enter__().url("postgres"), flush=True)
sys.stdin.readline()
"""

_FORKER = """
import os, sys
from pathlib import Path
from postgres.embedded import EmbeddedServer
embedded = EmbeddedServer(Path(sys.argv[1]), durable=False)
with embedded.lease():
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print(embedded.is_running(), flush=True)
"""


def test_two_processes_share_it_and_the_last_stops_it(home: Path) -> None:
    with Holder(home) as first, Holder(home) as second:
        assert first.answer() == second.answer() != ""
        pid = postmaster(home)
        first.leave()
        assert server(home).is_running()
        second.leave()
        assert not server(home).is_running()
        assert dead(pid)


def test_six_first_starts_at_once_give_one_server(home: Path) -> None:
    with ExitStack() as stack:
        holders = [stack.enter_context(Holder(home)) for _ in range(6)]
        answers = {holder.answer() for holder in holders}
        assert len(answers) == 1
        assert answers.pop().startswith("postgresql://farthing:")
        pid = postmaster(home)
        for holder in holders:
            assert postmaster(home) == pid
            holder.leave()
    assert not server(home).is_running()


def test_leaving_and_arriving_at_once_never_gives_a_server_that_is_stopped(home: Path) -> None:
    with ExitStack() as stack:
        leaving = stack.enter_context(Holder(home))
        leaving.answer()
        for _ in range(4):
            arriving = stack.enter_context(Holder(home))
            leaving.leave()
            with psycopg.connect(arriving.answer()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            leaving = arriving


def test_a_killed_holder_frees_its_lease(home: Path) -> None:
    with Holder(home) as holder:
        holder.answer()
        pid = postmaster(home)
        holder.kill()
        assert server(home).is_running()
        with server(home).lease() as address:
            assert postmaster(home) == pid
            assert query(address, "SELECT 1") == [(1,)]
        assert not server(home).is_running()


def test_a_child_of_a_holder_does_not_keep_its_lease(home: Path) -> None:
    with ExitStack() as stack:
        with server(home).lease():
            # close_fds is what usually hides descriptors that were left inheritable.
            child = stack.enter_context(
                subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, close_fds=False)
            )
        assert not server(home).is_running()
        assert child.poll() is None
        child.terminate()


def test_a_forked_child_that_unwinds_leaves_the_server_alone(home: Path) -> None:
    with Holder(home, script=_FORKER) as holder:
        assert holder.answer() == "True"
        holder.leave()
    assert not server(home).is_running()


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    with EmbeddedServer(home).lease() as before:
        query(before, "CREATE TABLE kept AS SELECT 1 AS a")
        with psycopg.connect(before.url("postgres")) as open_session:
            open_session.execute("INSERT INTO kept VALUES (2)")
            os.kill(postmaster(home), signal.SIGKILL)
            with EmbeddedServer(home).lease() as after:
                assert after == before
                assert query(after, "SELECT a FROM kept") == [(1,)]
            open_session.close()
        assert server(home).is_running()
    assert not server(home).is_running()


def test_a_zombie_server_is_replaced(home: Path) -> None:
    with Holder(home, script=_ZOMBIE_KEEPER) as keeper:
        with closing(psycopg.connect(keeper.answer(), autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
        pid = postmaster(home)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: state(pid) == "Z", "the killed server becoming a zombie")
        assert not server(home).is_running()
        with server(home).lease() as address:
            assert query(address, "SELECT a FROM kept") == [(1,)]
            assert state(pid) == "Z"


def test_a_backend_that_survives_its_server_is_waited_for(home: Path) -> None:
    with EmbeddedServer(home).lease() as address:
        query(address, "CREATE TABLE kept AS SELECT 1 AS a")
        with psycopg.connect(address.url("postgres")) as session:
            pid = session.info.backend_pid
            # Stopped, it cannot notice that its server is gone: it keeps the shared memory.
            os.kill(pid, signal.SIGSTOP)
            os.kill(postmaster(home), signal.SIGKILL)
            with Holder(home) as arriving:
                wait_until(lambda: _waits_for(arriving.process.pid), "the next one deciding")
                assert not server(home).is_running()
                os.kill(pid, signal.SIGCONT)
                with psycopg.connect(arriving.answer()) as connection:
                    assert connection.execute("SELECT a FROM kept").fetchone() == (1,)
                assert dead(pid)
                arriving.leave()
            session.close()


def test_a_pid_file_from_before_a_reboot_is_stale(home: Path) -> None:
    with server(home).lease() as address:
        query(address, "CREATE TABLE kept AS SELECT 1 AS a")
        left = (data(home) / "postmaster.pid").read_text()
        socket_dir = address.socket_dir
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as stranger:
        _, _, rest = left.partition("\n")
        (data(home) / "postmaster.pid").write_text(f"{stranger.pid}\n{rest}")
        (socket_dir / f".s.PGSQL.{address.port}.lock").write_text(f"{stranger.pid}\n{rest}")
        assert not server(home).is_running()
        assert server(home).stop() is False
        assert stranger.poll() is None
        with server(home).lease() as again:
            assert query(again, "SELECT a FROM kept") == [(1,)]
        assert stranger.poll() is None
        stranger.terminate()


def test_a_mangled_pid_file_is_stale(home: Path) -> None:
    with server(home).lease():
        pass
    for content in ("", "\n", "x\n", "1\n", "999999999\n", "-5\n"):
        (data(home) / "postmaster.pid").write_text(content)
        assert not server(home).is_running()
    # The least complete one that PostgreSQL itself would refuse to start over.
    (data(home) / "postmaster.pid").write_text("")
    with server(home).lease() as address:
        assert query(address, "SELECT 1") == [(1,)]
    for content in ("x\n", "1\n", "-5\n"):
        (data(home) / "postmaster.pid").write_text(content)
        with server(home).lease():
            assert server(home).is_running()


@pytest.mark.parametrize("whole_session", [True, False])
def test_an_interrupted_first_start_leaves_no_broken_home(home: Path, whole_session: bool) -> None:
    with Holder(home) as holder:
        wait_until((home / "postgres" / "data.new" / "base").exists, "initdb at work")
        # Killed alone, it leaves an initdb behind that goes on writing.
        holder.kill_session() if whole_session else holder.kill()
    assert not data(home).exists()
    with server(home).lease() as address:
        assert query(address, "SELECT 1") == [(1,)]
    assert not (home / "postgres" / "data.new").exists()


@pytest.mark.parametrize("moment", ["launched", "pid file written"])
def test_a_starter_that_is_killed_leaves_its_server_to_the_next(home: Path, moment: str) -> None:
    with server(home).lease():
        pass
    with Holder(home) as holder:
        if moment == "launched":
            wait_until(lambda: _locked(home / "postgres" / "alive.lock"), moment)
        else:
            wait_until((data(home) / "postmaster.pid").exists, moment)
        holder.kill()
    with server(home).lease() as address:
        assert query(address, "SELECT 1") == [(1,)]
    assert not server(home).is_running()


def test_an_interrupted_start_stops_what_it_launched(home: Path) -> None:
    with server(home).lease():
        pass
    with Holder(home) as holder:
        wait_until(lambda: _locked(home / "postgres" / "alive.lock"), "the server launched")
        holder.process.send_signal(signal.SIGINT)
        holder.leave()
    assert not server(home).is_running()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int((home / "postgres" / "port").read_text())))


def test_a_server_that_does_not_answer_is_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postgres.embedded.server._ANSWER_SECONDS", 0.2)
    with server(home).lease():
        pid = postmaster(home)
        os.kill(pid, signal.SIGSTOP)
        try:
            with (
                pytest.raises(EmbeddedServerError, match=f"process {pid}.* does not answer"),
                server(home).lease(),
            ):
                pass
        finally:
            os.kill(pid, signal.SIGCONT)


def _waits_for(pid: int) -> bool:
    return any(name.endswith("/start.lock") for name in open_files(pid))


def _locked(path: Path) -> bool:
    # Read from the kernel's table: an attempt of ours to take it could make the launch fail.
    if not path.exists():
        return False
    inode = f":{path.stat().st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())
