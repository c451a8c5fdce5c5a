"""The raw tables of Trading 212, as its API delivers them."""

import dagster as dg

from dagster_project.lib.partitions import window_of
from dagster_project.lib.resources import Ledger
from dagster_project.lib.results import Materialized, materialized
from dagster_project.lib.tables import table_asset
from ingestion import trading212
from postgres.trading212 import models

_KINDS = {"trading212"}
_DOMAIN = "investments"


@table_asset(models.AccountSummary, name="account_summary", kinds=_KINDS, domain=_DOMAIN)
def account_summary(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for cash and value of every account."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_account_summary(run))


@table_asset(models.Instrument, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary])
def instruments(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the list of securities."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_instruments(run))


@table_asset(models.Position, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary])
def positions(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the open positions of every account."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_positions(run))


@table_asset(models.Exchange, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary])
def exchanges(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the exchanges and their schedules."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_exchanges(run))


@table_asset(models.PendingOrder, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary])
def pending_orders(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the orders of every account that wait."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_pending_orders(run))


@table_asset(models.Pie, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary])
def pies(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the pies of every account."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_pies(run))


@table_asset(models.Export, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary])
def exports(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Store the reports that have come and ask for the next, where a user wants them."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_exports(run))


@table_asset(models.Order, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary], history=True)
def orders(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the orders of every account in the days of this run."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_orders(run, window_of(context)))


@table_asset(models.Dividend, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary], history=True)
def dividends(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the dividends of every account in the days of this run."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_dividends(run, window_of(context)))


@table_asset(
    models.CashTransaction, kinds=_KINDS, domain=_DOMAIN, deps=[account_summary], history=True
)
def cash_transactions(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the cash movements of every account in the days of this run."""
    with ledger.run() as run:
        return materialized(context, trading212.pull_cash_transactions(run, window_of(context)))


FEEDS = {
    "connections": [account_summary],
    "accounts": [account_summary],
    "balance_snapshots": [account_summary],
    "transactions": [orders, dividends, cash_transactions, exports, instruments],
    "holdings": [positions, instruments],
    "trades": [orders, instruments],
}
