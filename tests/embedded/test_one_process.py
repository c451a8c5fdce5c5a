"""What one process sees: starting, finding, stopping, and who gets in."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import struct
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from postgres.embedded import Address, EmbeddedServer, EmbeddedServerError
from postgres.embedded import server as server_module
from tests.embedded.support import data, dead, open_files, postmaster, query, server


def test_first_lease_makes_and_starts_and_the_last_stops(home: Path) -> None:
    embedded = server(home)
    assert not embedded.is_running()
    with embedded.lease() as address:
        assert embedded.is_running()
        pid = postmaster(home)
        assert query(address, "SELECT current_user, current_setting('server_encoding')") == [
            ("farthing", "UTF8")
        ]
    assert not embedded.is_running()
    assert dead(pid)


def test_second_lease_finds_the_server_quickly(home: Path) -> None:
    with server(home).lease() as first:
        pid = postmaster(home)
        began = time.monotonic()
        with server(home).lease() as second:
            took = time.monotonic() - began
        assert second == first
        assert postmaster(home) == pid
        assert query(first, "SELECT 1") == [(1,)]
    assert took < 0.05


def test_data_and_address_survive_a_restart(home: Path) -> None:
    with server(home).lease() as before:
        query(before, "CREATE TABLE kept AS SELECT 1 AS a")
    with server(home).lease() as after:
        assert query(after, "SELECT a FROM kept") == [(1,)]
    assert after == before


def test_stop_stops_it_whoever_uses_it(home: Path) -> None:
    embedded = server(home)
    assert embedded.stop() is False
    with embedded.lease() as address, psycopg.connect(address.url("postgres")) as connection:
        assert embedded.stop() is True
        assert embedded.stop() is False
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        with embedded.lease() as again:
            assert query(again, "SELECT 1") == [(1,)]
        assert embedded.is_running()


def test_threads_share_it(home: Path) -> None:
    embedded = server(home)
    everyone = threading.Barrier(4)
    seen = []

    def work() -> None:
        with embedded.lease() as address:
            everyone.wait(30)
            seen.append((postmaster(home), address))
            everyone.wait(30)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert not embedded.is_running()


def test_an_error_inside_gives_the_lease_back(home: Path) -> None:
    embedded = server(home)
    with pytest.raises(ZeroDivisionError), embedded.lease():
        raise ZeroDivisionError
    assert not embedded.is_running()


def test_nobody_gets_in_without_the_password(home: Path) -> None:
    with server(home).lease() as address:
        for host in (address.host, str(address.socket_dir)):
            door = make_conninfo(
                host=host, port=address.port, user=address.user, dbname="postgres", passfile="/no"
            )
            with pytest.raises(psycopg.OperationalError, match="no password supplied"):
                psycopg.connect(door)
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(door, password="guess")
            with psycopg.connect(door, password=address.password) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_listens_on_the_loopback_interface_only(home: Path) -> None:
    with server(home).lease() as address:
        query(address, "ALTER SYSTEM SET listen_addresses = '*'")
    with server(home).lease() as address:
        assert query(address, "SHOW listen_addresses") == [("127.0.0.1",)]
        assert _listeners(address.port) == {"127.0.0.1"}


def test_everything_on_disk_is_private(home: Path) -> None:
    with server(home).lease() as address:
        base = home / "postgres"
        assert stat.S_IMODE(base.stat().st_mode) == 0o700
        assert stat.S_IMODE(data(home).stat().st_mode) == 0o700
        assert stat.S_IMODE(address.socket_dir.stat().st_mode) == 0o700
        for path in base.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert (base / "password").read_text() == address.password
        assert address.password not in repr(address)


def test_server_is_detached_and_holds_nothing_of_ours(home: Path) -> None:
    with server(home).lease():
        process = Path("/proc") / str(postmaster(home))
        opened = open_files(postmaster(home))
        assert {name for name in opened if name.endswith(".lock")} == {
            str(home / "postgres" / "alive.lock")
        }
        assert (process / "fd" / "0").readlink() == Path("/dev/null")
        for number in ("1", "2"):
            assert (process / "fd" / number).readlink() == home / "postgres" / "server.log"
        assert os.getsid(postmaster(home)) == postmaster(home)
        names = {
            entry.split("=")[0]
            for entry in (process / "environ").read_text().split("\0")
            if "=" in entry
        }
        assert names <= {"PATH", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PGDATA"}


@pytest.mark.parametrize("durable", [True, False])
def test_settings(home: Path, durable: bool) -> None:
    switch = "on" if durable else "off"
    with (
        EmbeddedServer(home, durable=durable).lease() as address,
        psycopg.connect(address.url("postgres")) as connection,
    ):
        rows: dict[str, str] = dict(
            connection.execute("SELECT name, setting FROM pg_settings").fetchall()
        )
    expected = {
        "TimeZone": "UTC",
        "client_connection_check_interval": "1000",
        "max_connections": "100",
        "fsync": switch,
        "full_page_writes": switch,
        "synchronous_commit": switch,
        "password_encryption": "scram-sha-256",
        "log_min_error_statement": "panic",
    }
    assert {name: rows[name] for name in expected} == expected


def test_no_row_of_data_reaches_the_log(home: Path) -> None:
    with server(home).lease() as address:
        query(address, "CREATE TABLE t (iban text PRIMARY KEY)")
        query(address, "INSERT INTO t VALUES ('GB00CANARY')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            query(address, "INSERT INTO t VALUES ('GB00CANARY')")
        log = (home / "postgres" / "server.log").read_text()
    assert "duplicate key" in log
    assert "CANARY" not in log


def test_a_long_home_puts_the_socket_elsewhere(place: Path) -> None:
    home = place / ("long" * 20) / ("longer" * 10)
    with server(home).lease() as address:
        assert len(str(address.socket_dir)) < 80
        assert stat.S_IMODE(address.socket_dir.stat().st_mode) == 0o700
        with psycopg.connect(
            host=str(address.socket_dir),
            port=address.port,
            user=address.user,
            password=address.password,
            dbname="postgres",
        ) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        squatted = address.socket_dir
    assert not squatted.exists()
    # Somebody else may have made a directory of that name meanwhile, for us to put a socket in.
    squatted.mkdir()
    squatted.chmod(0o777)
    try:
        with server(home).lease() as address:
            assert address.socket_dir != squatted
            assert list(squatted.iterdir()) == []
    finally:
        squatted.rmdir()
    assert not address.socket_dir.exists()


def test_a_home_with_quotes_and_spaces(place: Path) -> None:
    with server(place / 'it\'s, a "home"').lease() as address:
        assert query(address, "SELECT 1") == [(1,)]


def test_another_port_when_the_last_one_is_taken(home: Path) -> None:
    with server(home).lease() as before:
        pass
    with socket.create_server(("127.0.0.1", before.port)), server(home).lease() as after:
        assert after.port != before.port
        assert query(after, "SELECT 1") == [(1,)]


def test_another_port_when_it_is_taken_at_the_last_moment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(home).lease() as before:
        pass
    monkeypatch.setattr(server_module, "_is_free", lambda _port: True)
    with socket.create_server(("127.0.0.1", before.port)), server(home).lease() as after:
        assert after.port != before.port


def test_a_broken_configuration_says_why(home: Path) -> None:
    with server(home).lease():
        pass
    with (data(home) / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with (
        pytest.raises(
            EmbeddedServerError, match=r"did not start: .*no_such_setting|configuration file"
        ) as caught,
        _lease(home),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert not server(home).is_running()


def test_a_lost_password_is_not_replaced(home: Path) -> None:
    with server(home).lease():
        pass
    (home / "postgres" / "password").unlink()
    with pytest.raises(EmbeddedServerError, match="password is missing"), _lease(home):
        pass


def test_a_file_in_the_way_is_one_line(place: Path) -> None:
    (place / "home").write_text("")
    with pytest.raises(EmbeddedServerError, match="File exists: "), _lease(place / "home"):
        pass


def test_url_quotes_what_it_must() -> None:
    address = Address(port=5432, user="a b", password="p@/:", socket_dir=Path("/run"))
    assert address.url("x/y") == "postgresql://a%20b:p%40%2F%3A@127.0.0.1:5432/x%2Fy"


def _lease(home: Path) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(server(home).lease())
    return stack


def _listeners(port: int) -> set[str]:
    found = set()
    for name in ("tcp", "tcp6"):
        table = Path("/proc/net") / name
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            _, local, _, status, *_ = line.split()
            address, _, number = local.partition(":")
            if int(number, 16) == port and status == "0A":
                words = struct.unpack(f">{len(address) // 8}I", bytes.fromhex(address))
                packed = struct.pack(f"={len(words)}I", *words)
                found.add(str(ipaddress.ip_address(packed)))
    return found
