"""Dagster's home below Farthing's. Imports no Dagster: whoever starts it prepares this first."""

from __future__ import annotations

import os
from pathlib import Path

from farthing.settings import PROJECT_ROOT, Settings
from postgres.database import Database

# Materialisations of many days are stored in batches: one commit for hundreds and not one for each.
_EVENT_BATCH = "500"


def prepare_dagster_home(settings: Settings) -> Path:
    """Make ``FARTHING_HOME/dagster`` with the instance's settings of this version.

    :returns: what ``DAGSTER_HOME`` is to be.
    """
    home = settings.home.absolute() / "dagster"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A reader meets the old file or the new one, never half of it.
    draft = home / f"dagster.yaml.{os.getpid()}"
    draft.write_bytes((PROJECT_ROOT / "dagster.yaml").read_bytes())
    draft.replace(home / "dagster.yaml")
    return home


def dagster_environment(settings: Settings, database: Database) -> dict[str, str]:
    """Return what Dagster's processes, and those that they start, need besides the caller's own."""
    return {
        "FARTHING_HOME": str(settings.home.absolute()),
        "FARTHING_DATABASE_URL": database.url,
        "FARTHING_DAGSTER_URL": database.dagster_url,
        "DAGSTER_HOME": str(prepare_dagster_home(settings)),
        "DAGSTER_EVENT_BATCH_SIZE": _EVENT_BATCH,
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
