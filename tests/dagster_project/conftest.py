"""Dagster over a real ledger. The manifest is made here as set-up makes it."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from dagster_project.lib import manifest

manifest.build()


@pytest.fixture(scope="session")
def defs() -> dg.Definitions:
    from dagster_project.definitions import defs

    return defs


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster without a database: fifty times faster, and enough for what assets do."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
