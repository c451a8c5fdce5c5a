"""Dagster over a real ledger. The manifest is made here as set-up makes it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.lib import manifest

# Of Dagster's and dagster-dbt's own code; nothing of ours does any of it.
IGNORED = (
    "ignore:The `__fields__` attribute is deprecated",
    "ignore:sqlglotrs is deprecated:DeprecationWarning",
    "ignore:AssetExecutionContext.op is deprecated:DeprecationWarning",
)

manifest.build()
with warnings.catch_warnings():
    for rule in IGNORED:
        warnings.filterwarnings("ignore", rule.split(":")[1])
    from dagster_project.definitions import defs as _defs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for rule in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(rule))


@pytest.fixture(scope="session")
def defs() -> dg.Definitions:
    return _defs


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster without a database: fifty times faster, and enough for what assets do."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
