"""What the project promises of itself: clean, in step with the tables, closed to analysts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql

from postgres.common import enums
from postgres.models import metadata
from tests.dbt.ledger import PROJECT, Ledger, failures

# dbt's name of a type to PostgreSQL's.
TYPES = {"timestamptz": "timestamp with time zone"}


@pytest.fixture(scope="module")
def empty(new_ledger: Callable[[], Ledger]) -> Ledger:
    """Build a ledger without a row, with every data test and every unit test."""
    ledger = new_ledger()
    result = ledger.dbt("build")
    assert result.success, failures(result)
    return ledger


@pytest.fixture(scope="module")
def manifest(empty: Ledger) -> dict[str, Any]:
    result = empty.dbt("parse", "--warn-error", "--no-partial-parse")
    assert result.success, result.exception
    text = (empty.work / "target" / "manifest.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def test_build_of_an_empty_ledger_passes(empty: Ledger) -> None:
    assert empty.query("select * from marts.fct_recurring_patterns") == []


def test_sources_exist_in_the_orm(manifest: dict[str, Any]) -> None:
    for source in manifest["sources"].values():
        name = f"{source['schema']}.{source['name']}"
        assert name in metadata.tables, name
        assert source["source_name"] == source["schema"]
        missing = set(source["columns"]) - {column.name for column in metadata.tables[name].c}
        assert not missing, (name, missing)


def test_sources_that_are_pulled_have_freshness(manifest: dict[str, Any]) -> None:
    still = {"auth.users", "common.institutions", "common.instruments"}
    for source in manifest["sources"].values():
        freshness = source["config"]["freshness"]
        name = f"{source['schema']}.{source['name']}"
        if name in still:
            continue
        assert freshness["warn_after"] == {"count": 26, "period": "hour"}, name
        assert freshness["error_after"] == {"count": 50, "period": "hour"}, name


def test_freshness_can_be_asked(empty: Ledger) -> None:
    result = empty.dbt("source", "freshness")
    assert result.success, failures(result)


def test_staging_is_the_only_reader_of_sources(models: dict[str, dict[str, Any]]) -> None:
    for name, model in models.items():
        reads = {node.split(".")[0] for node in model["depends_on"]["nodes"]}
        assert ("source" in reads) == name.startswith("stg_"), name
        assert (
            model["schema"]
            == {
                "stg": "staging",
                "int": "intermediate",
                "dim": "marts",
                "fct": "marts",
            }[name.split("_")[0]]
        )


def test_nothing_reads_what_is_fed_back(manifest: dict[str, Any]) -> None:
    fed_back = {"recurring_patterns", "recurring_pattern_transactions", "notifications"}
    assert not fed_back & {source["name"] for source in manifest["sources"].values()}


def test_models_say_what_a_row_is(models: dict[str, dict[str, Any]]) -> None:
    for name, model in models.items():
        assert model["description"].startswith("One row per "), name
        assert model["group"] == "analytics", name
        tested = [column for column in model["columns"].values() if not column["description"]]
        assert not tested, (name, tested)


def test_marts_keep_their_contract(models: dict[str, dict[str, Any]]) -> None:
    for name, model in models.items():
        if model["schema"] != "marts":
            assert model["access"] == "protected", name
            continue
        assert model["access"] == "public", name
        assert model["contract"]["enforced"], name
        assert [one["type"] for one in model["constraints"]] == ["primary_key"], name


def test_only_one_place_reads_the_clock() -> None:
    wall = re.compile(r"\b(now\(\)|current_date|current_timestamp|localtimestamp|clock_timestamp)")
    readers = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("models", "macros", "tests")
        for path in (PROJECT / folder).rglob("*.sql")
        if wall.search(path.read_text())
    }
    assert readers == {"macros/as_of.sql"}


def test_clock_takes_what_the_platform_takes(empty: Ledger) -> None:
    for text, expected in {
        "2026-03-15T09:00:00Z": "2026-03-15 09:00:00+00:00",
        "2026-03-15T09:00:00": "2026-03-15 09:00:00+00:00",
        "2026-03-15T09:00:00+02:00": "2026-03-15 09:00:00+02:00",
        "": "current_timestamp",
    }.items():
        result = empty.dbt("compile", "--inline", "select {{ as_of() }} as instant", now=text)
        outcomes: Any = result.result
        assert expected in outcomes.results[0].node.compiled_code


def test_accepted_values_are_the_enums(manifest: dict[str, Any]) -> None:
    kinds: dict[tuple[str, str], set[str]] = {
        ("dim_accounts", "provider"): set(enums.Provider),
        ("dim_accounts", "account_type"): set(enums.AccountType),
        ("dim_accounts", "category"): set(enums.AccountCategory),
        ("dim_accounts", "status"): set(enums.AccountStatus),
        ("dim_accounts", "tax_wrapper"): set(enums.TaxWrapper),
        ("fct_transactions", "status"): {"pending", "booked"},
        ("fct_transactions", "kind"): set(enums.TransactionKind),
        ("fct_transactions", "direction"): set(enums.RecurringDirection),
        ("fct_transactions", "counts_as"): {"spending", "income"},
        ("dim_instruments", "provider"): set(enums.Provider),
        ("fct_trades", "kind"): set(enums.TradeKind),
        ("fct_trades", "side"): {"buy", "sell"},
        ("fct_recurring_patterns", "direction"): set(enums.RecurringDirection),
        ("fct_recurring_patterns", "frequency"): set(enums.RecurringFrequency),
        ("fct_recurring_patterns", "schedule_kind"): {
            "day_of_month",
            "weekday_of_month",
            "day_of_period",
        },
        ("fct_recurring_patterns", "shift"): {"none", "next", "previous"},
        ("fct_recurring_patterns", "state"): set(enums.RecurringState),
        ("fct_recurring_occurrences", "status"): {"matched", "late", "missed", "upcoming"},
    }
    stated = {
        (node["attached_node"].split(".")[-1], node["column_name"]): set(
            node["test_metadata"]["kwargs"].get("values")
            or node["test_metadata"]["kwargs"]["arguments"]["values"]
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "accepted_values"
    }
    assert stated == {key: {str(value) for value in values} for key, values in kinds.items()}


def test_tables_have_the_types_of_the_contract(empty: Ledger) -> None:
    described = [
        model
        for path in sorted((PROJECT / "models/marts").glob("*.yml"))
        for model in yaml.safe_load(path.read_text()).get("models", [])
    ]
    assert len(described) >= 4
    for model in described:
        expected = {
            column["name"]: TYPES.get(column["data_type"], column["data_type"])
            for column in model["columns"]
        }
        actual = {
            row["column_name"]: row["data_type"]
            for row in empty.query(
                "select attname as column_name, format_type(atttypid, null) as data_type"
                " from pg_attribute where attrelid = %s::regclass and attnum > 0",
                f"marts.{model['name']}",
            )
        }
        assert actual == expected


def test_analysts_read_marts_and_nothing_else(empty: Ledger) -> None:
    with psycopg.connect(empty.url, autocommit=True) as connection:
        connection.execute("set role farthing_analyst")
        marts = connection.execute(
            "select tablename from pg_tables where schemaname = 'marts'"
        ).fetchall()
        assert len(marts) == 10
        for (name,) in marts:
            connection.execute(_select_all("marts", name))
        for closed in (
            "common.transactions",
            "staging.stg_common__transactions",
            "intermediate.int_recurring_series",
            "auth.users",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(_select_all(*closed.split(".")))


def _select_all(schema: str, table: str) -> sql.Composed:
    return sql.SQL("select * from {}").format(sql.Identifier(schema, table))
