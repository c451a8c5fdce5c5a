"""Which programs are run, and other versions of them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from postgres.embedded import EmbeddedServerError, binaries
from tests.embedded.support import Holder, data, query, server

_DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(params=["wheel", "debian-15"])
def bin_dir(request: pytest.FixtureRequest) -> Path | None:
    if request.param == "wheel":
        return None
    if not (_DEBIAN / "initdb").exists():
        pytest.skip("Debian's postgresql-15 is not installed")
    return _DEBIAN


def test_smoke(home: Path, bin_dir: Path | None) -> None:
    embedded = server(home, bin_dir)
    with embedded.lease() as first:
        query(first, "CREATE TABLE kept AS SELECT 1 AS a")
    with embedded.lease(), Holder(home, bin_dir=bin_dir) as holder:
        with psycopg.connect(holder.answer()) as connection:
            assert connection.execute("SELECT a FROM kept").fetchone() == (1,)
        holder.leave()
        assert embedded.is_running()
    assert not embedded.is_running()


def test_data_of_another_major_version_is_refused_and_kept(home: Path) -> None:
    with server(home).lease():
        pass
    version = data(home) / "PG_VERSION"
    ours = version.read_text().strip()
    version.write_text("14\n")
    before = sorted(path.name for path in data(home).iterdir())
    with pytest.raises(EmbeddedServerError) as caught, server(home).lease():
        pass
    message = str(caught.value)
    assert f"made by PostgreSQL 14 and these programs are PostgreSQL {ours}" in message
    assert "farthing db backup" in message
    assert "\n" not in message
    assert sorted(path.name for path in data(home).iterdir()) == before


def test_what_is_not_a_data_directory_is_refused_and_kept(home: Path) -> None:
    data(home).mkdir(parents=True)
    (home / "postgres" / "password").write_text("secret")
    (data(home) / "precious").write_text("1")
    with (
        pytest.raises(EmbeddedServerError, match="not a PostgreSQL data directory"),
        server(home).lease(),
    ):
        pass
    assert (data(home) / "precious").read_text() == "1"


def test_discovery_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(path: Path) -> Path:
        path.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (path / name).touch(mode=0o755)
        return path

    monkeypatch.setattr(binaries, "_DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert binaries.discover().parent.name == "pginstall"

    monkeypatch.setattr(binaries, "_from_wheel", lambda: tmp_path / "for-another-platform")
    with pytest.raises(EmbeddedServerError, match="no PostgreSQL programs for this platform"):
        binaries.discover()
    path = install(tmp_path / "path")
    assert binaries.discover() == path
    install(tmp_path / "debian" / "9" / "bin")
    newest = install(tmp_path / "debian" / "17" / "bin")
    (tmp_path / "debian" / "18" / "bin").mkdir(parents=True)  # the client's programs alone
    assert binaries.discover() == newest


def test_an_explicit_directory_without_programs_is_refused(home: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(EmbeddedServerError, match="does not hold the PostgreSQL programs"),
        server(home, tmp_path).lease(),
    ):
        pass
