"""The ledger's tables, projected from the raw ones. Which provider a row came from is a column."""

from importlib import import_module

import dagster as dg

from dagster_project.lib.resources import Ledger
from dagster_project.lib.results import Materialized, materialized
from dagster_project.lib.tables import table_asset
from ingestion import ledger as projections
from ingestion import rates, rules
from ingestion import transfers as matching
from postgres.common import models
from postgres.common.enums import Provider


def _raw(table: str) -> list[dg.AssetsDefinition]:
    """Return the raw tables that feed one of the ledger's, as each provider's stage names them."""
    stages = [
        import_module(f"dagster_project.defs.{provider.value}.assets")
        for provider in Provider
        if provider is not Provider.MANUAL
    ]
    return [asset for stage in stages for asset in stage.FEEDS.get(table, [])]


@table_asset(models.Connection, deps=_raw("connections"))
def connections(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Project every permission to read."""
    with ledger.run() as run:
        return materialized(context, projections.project_connections(run))


@table_asset(models.Account, deps=[connections, *_raw("accounts")])
def accounts(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Project every account, whichever connection it was seen through."""
    with ledger.run() as run:
        return materialized(context, projections.project_accounts(run))


@table_asset(models.BalanceSnapshot, deps=[accounts, *_raw("balance_snapshots")])
def balance_snapshots(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Project what the banks report."""
    with ledger.run() as run:
        return materialized(context, projections.project_balance_snapshots(run))


@table_asset(models.Transaction, deps=[accounts, *_raw("transactions")], history=True)
def transactions(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Project what changed since last time, of whatever days it is."""
    with ledger.run() as run:
        return materialized(context, projections.project_transactions(run))


@table_asset(models.Holding, domain="investments", deps=[accounts, *_raw("holdings")])
def holdings(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Project the positions of the day."""
    with ledger.run() as run:
        return materialized(context, projections.project_holdings(run))


@table_asset(models.FxRate, domain="reference", kinds={"ecb"}, deps=[transactions])
def fx_rates(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Bring in the reference rates of the days that the ledger knows."""
    with ledger.run() as run:
        return materialized(context, rates.pull_fx_rates(run))


@table_asset(
    models.Trade,
    domain="investments",
    deps=[accounts, holdings, fx_rates, *_raw("trades")],
)
def trades(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Project every fill, and work out what was held and which shares were sold."""
    with ledger.run() as run:
        return materialized(context, projections.project_trades(run))


@table_asset(models.Transfer, deps=[transactions, fx_rates])
def transfers(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Find the transfers between own accounts among what changed."""
    with ledger.run() as run:
        return materialized(context, matching.match_transfers(run))


@table_asset(models.TransactionSplit, deps=[transactions])
def transaction_splits(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Let the users' rules tag what changed; what users split by hand stays."""
    with ledger.run() as run:
        return materialized(context, rules.apply_tag_rules(run))
