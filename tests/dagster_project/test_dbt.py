from __future__ import annotations

import os
import threading
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from dagster_project.lib import dbt, manifest
from dagster_project.lib.environment import exported
from postgres.core import make_engine

PROFILE = """
tiny:
  target: t
  outputs:
    t: {type: postgres, host: h, port: 1, user: u, password: p, dbname: d, schema: s, threads: 1}
"""
PROJECT = """
name: tiny
version: "1.0"
profile: tiny
flags: {send_anonymous_usage_stats: false, version_check: false}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILE)
    (tmp_path / "models" / "one.sql").write_text("select 1 as id")
    return tmp_path


@pytest.mark.slow
def test_the_manifest_is_made_once_and_again_when_a_source_changes(project: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="is missing; run make install"):
        manifest.manifest_path(project)

    assert manifest.build(project)
    assert not manifest.build(project)
    first = manifest.current_digest(project)
    assert '"model.tiny.one"' in manifest.manifest_path(project).read_text()

    (project / "models" / "one.sql").write_text("select 2 as id")
    with pytest.raises(manifest.ManifestError, match="is out of date"):
        manifest.current_digest(project)
    assert manifest.build(project)
    assert manifest.current_digest(project) != first

    (project / "models" / "one.sql").write_text("{{ nonsense(")
    with pytest.raises(manifest.ManifestError, match="does not parse"):
        manifest.build(project)
    with pytest.raises(manifest.ManifestError, match="is out of date"):
        manifest.current_digest(project)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ann:p%40ss@db.example:6543/ledger", ("db.example", "6543", "ann", "p@ss")),
        ("postgresql://db.example/ledger", ("db.example", "5432", "", "")),
    ],
)
def test_a_url_becomes_what_the_profile_reads(url: str, expected: tuple[str, ...]) -> None:
    variables = dbt.connection_variables(url)

    names = ("HOST", "PORT", "USER", "PASSWORD")
    assert tuple(variables[f"FARTHING_DBT_{name}"] for name in names) == expected
    assert variables["FARTHING_DBT_DBNAME"] == "ledger"
    assert variables["FARTHING_DBT_SSLMODE"] == "prefer"
    asked = dbt.connection_variables(f"{url}?sslmode=verify-full")
    assert asked["FARTHING_DBT_SSLMODE"] == "verify-full"


def test_a_source_is_the_asset_that_writes_it() -> None:
    source = {
        "resource_type": "source",
        "source_name": "trading212",
        "name": "account_summaries",
        "config": {},
    }

    translator = dbt.LedgerTranslator()
    assert translator.get_asset_key(source) == dg.AssetKey(["trading212", "account_summary"])


def test_builds_take_turns_and_a_lost_connection_gives_its_turn_back(database_url: str) -> None:
    first, second = (make_engine(database_url, pooled=False) for _ in range(2))
    entered, order = threading.Event(), []

    def build() -> None:
        with dbt.one_at_a_time(second):
            order.append("second")
        entered.set()

    waiting = threading.Thread(target=build)
    with dbt.one_at_a_time(first):
        waiting.start()
        with first.connect() as connection:
            while not connection.scalar(
                sa.text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            ):
                assert not entered.is_set()
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]

    with first.connect() as connection:
        assert not connection.scalar(
            sa.text("select count(*) from pg_locks where locktype = 'advisory'")
        )


def test_variables_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARTHING_TEST_A", "before")
    with exported({"FARTHING_TEST_A": "x", "FARTHING_TEST_B": "y"}):
        assert (os.environ["FARTHING_TEST_A"], os.environ["FARTHING_TEST_B"]) == ("x", "y")
    assert os.environ["FARTHING_TEST_A"] == "before"
    assert "FARTHING_TEST_B" not in os.environ
