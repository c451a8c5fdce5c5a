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
    "transactions": [orders, dividends, cash_transactions, instruments],
    "holdings": [positions, instruments],
}
