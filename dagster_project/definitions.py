"""Where Dagster finds everything: all that is defined below ``defs``, one folder a stage."""

from __future__ import annotations

import warnings

import dagster as dg

from dagster_project.lib.resources import Ledger
from dagster_project.lib.tables import with_external_tables

with warnings.catch_warnings():
    # The loaders of single kinds of definitions are stable; only the one of all kinds is not yet.
    warnings.filterwarnings("ignore", "Function `load_definitions", dg.PreviewWarning)
    defs = with_external_tables(
        dg.load_definitions_from_package_name(
            "dagster_project.defs",
            resources={"ledger": Ledger()},
            executor=dg.in_process_executor,
        )
    )
