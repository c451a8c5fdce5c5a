"""What the marts found, written back into the ledger through its operations."""

import dagster as dg

from dagster_project.defs.common.assets import connections, transaction_splits
from dagster_project.lib.resources import Ledger
from dagster_project.lib.results import Materialized, materialized
from dagster_project.lib.tables import table_asset
from ingestion import deliver, write_back
from postgres.common import models


# Neither is late when nothing changed: then the marts are not built, and there is nothing to write.
@table_asset(
    models.RecurringPattern,
    deps=[
        dg.AssetKey(["marts", "fct_recurring_patterns"]),
        dg.AssetKey(["marts", "fct_recurring_occurrences"]),
    ],
    freshness=None,
)
def recurring_patterns(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Offer what was detected; what the user decided stays."""
    with ledger.run() as run:
        return materialized(context, write_back.record_recurring_patterns(run))


# Budgets go by tags.
@table_asset(
    models.Notification,
    deps=[recurring_patterns, connections, transaction_splits],
    freshness=None,
)
def notifications(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Tell each user once about what is new."""
    with ledger.run() as run:
        return materialized(context, write_back.notify(run))


# Channels fail without failing the run: what did not reach one is tried again later.
@table_asset(models.NotificationDelivery, deps=[notifications], freshness=None)
def notification_deliveries(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Send what is due to the channels that users have made; none is there by itself."""
    with ledger.run() as run:
        return materialized(context, deliver.deliver_due(run))
