"""The marts alone; a sync builds them whenever the ledger changed."""

import dagster as dg

from dagster_project.lib.jobs import ledger_job

analytics = ledger_job(
    "analytics",
    dg.AssetSelection.groups("staging", "intermediate", "marts")
    | dg.AssetSelection.assets(
        "common/recurring_patterns", "common/notifications", "common/notification_deliveries"
    ),
    description="Every dbt model, due or not, and what is written back from them.",
)
