"""Tags that runs carry."""

from __future__ import annotations

# Dagster's own: one run that stands for every day from the one to the other.
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

MARTS_WHEN_DUE = {"farthing/marts": "when_due"}
"""Leave the marts as they are where the ledger did not change since they were built.

A tag and not configuration: that of a job is not applied to a run over a range of days.
"""

CONNECTION = "farthing/connection"
"""The only connection that a run reads."""

DEFERRED = "farthing/deferred"
"""An instant: the run reads only what others left for it or before, and nothing else."""

OUTCOME = "farthing/outcome"
"""How the accounts of a run came out: ``complete``, ``partial``, or ``failed`` if all did."""

PLANNED = ("dagster/schedule_name", "dagster/sensor_name")
"""Dagster's own: a run that nobody asked for just now."""

PROCESS = "farthing/process"
"""Which process a run runs in, where it was not started by Dagster: its host, number and birth."""

# Runs that write to the ledger take turns, see dagster.yaml. They may overlap, each account is one
# transaction, but would then spend the banks' few calls a day twice on the same days.
EXCLUSIVE = {"farthing/exclusive": "ledger"}
