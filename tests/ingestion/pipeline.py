"""One sync without Dagster: the steps in the order of the graph."""

from __future__ import annotations

from ingestion import gocardless, ledger, planning, trading212
from ingestion.run import Run, StepOutcome, Window


def pull(run: Run, window: Window | None = None) -> list[StepOutcome]:
    window = window or planning.sync_window(run)
    return [
        gocardless.pull_requisitions(run),
        gocardless.pull_bank_accounts(run),
        gocardless.pull_balances(run),
        gocardless.pull_transactions(run, window),
        trading212.pull_account_summary(run),
        trading212.pull_positions(run),
        trading212.pull_instruments(run),
        trading212.pull_exchanges(run),
        trading212.pull_pending_orders(run),
        trading212.pull_pies(run),
        trading212.pull_exports(run),
        trading212.pull_orders(run, window),
        trading212.pull_dividends(run, window),
        trading212.pull_cash_transactions(run, window),
    ]


def project(run: Run) -> list[StepOutcome]:
    return [
        ledger.project_connections(run),
        ledger.project_accounts(run),
        ledger.project_balance_snapshots(run),
        ledger.project_transactions(run),
        ledger.project_holdings(run),
        ledger.project_trades(run),
    ]


def sync(run: Run, window: Window | None = None) -> dict[str, StepOutcome]:
    return {step.table: step for step in [*pull(run, window), *project(run)]}
