"""The days that history is partitioned by, and the window that a run of some of them stands for."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from dagster_project.lib import tags
from farthing import clock
from farthing.errors import FarthingError
from ingestion import planning
from ingestion.run import Window


class NoDaysError(FarthingError):
    """A run of the history does not say of which days."""


def days() -> dg.DailyPartitionsDefinition:
    """Return every day up to and including the ledger's today.

    UTC, as the ledger's own days are. Dagster ends the set by the machine's clock; where
    ``FARTHING_NOW`` is ahead of it, the set reaches as far as that.
    """
    ahead = (clock.today() - dt.datetime.now(dt.UTC).date()).days
    return dg.DailyPartitionsDefinition(
        start_date=planning.FIRST_DAY.isoformat(), timezone="UTC", end_offset=1 + max(0, ahead)
    )


def range_tags(window: Window) -> dict[str, str]:
    """Return the tags that make one run stand for every day of a window."""
    first = max(window.first, planning.FIRST_DAY)
    return {tags.RANGE_START: first.isoformat(), tags.RANGE_END: window.last.isoformat()}


def window_of(context: dg.AssetExecutionContext) -> Window:
    """Return the days that a run was asked for.

    :raises NoDaysError: if it was launched without any.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        message = "history is read for days: launch this with a partition or a range of them"
        raise NoDaysError(message)
    window = context.partition_time_window
    return Window(window.start.date(), window.end.date() - dt.timedelta(days=1))
