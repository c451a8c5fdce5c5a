"""The raw tables of GoCardless, as its API delivers them."""

import dagster as dg

from dagster_project.lib.partitions import window_of
from dagster_project.lib.resources import Ledger
from dagster_project.lib.results import Materialized, materialized
from dagster_project.lib.tables import table_asset
from ingestion import gocardless
from postgres.gocardless import models

_KINDS = {"gocardless"}


@table_asset(models.Requisition, kinds=_KINDS)
def requisitions(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask what became of every consent."""
    with ledger.run() as run:
        return materialized(context, gocardless.pull_requisitions(run))


@table_asset(models.BankAccount, kinds=_KINDS, deps=[requisitions])
def bank_accounts(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for metadata and details of every account."""
    with ledger.run() as run:
        return materialized(context, gocardless.pull_bank_accounts(run))


@table_asset(models.Transaction, kinds=_KINDS, deps=[bank_accounts], history=True)
def transactions(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the transactions of every account in the days of this run."""
    with ledger.run() as run:
        return materialized(context, gocardless.pull_transactions(run, window_of(context)))


# After the transactions: where calls are few, those are worth more.
@table_asset(models.Balance, kinds=_KINDS, deps=[transactions])
def balances(context: dg.AssetExecutionContext, ledger: Ledger) -> Materialized:
    """Ask for the balances of every account."""
    with ledger.run() as run:
        return materialized(context, gocardless.pull_balances(run))


FEEDS = {
    "connections": [requisitions],
    "accounts": [bank_accounts],
    "balance_snapshots": [balances],
    # What an account opened with follows from what the bank says it holds.
    "transactions": [transactions, balances],
}
