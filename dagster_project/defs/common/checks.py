"""Whether the ledger adds up, and whether everything is in it."""

import dagster as dg

from dagster_project.defs.common.assets import balance_snapshots, transactions
from dagster_project.lib.resources import Ledger
from dagster_project.lib.results import table
from ingestion import ledger as projections
from postgres.common.operations import quarantine

_COLUMNS = ("account", "currency", "reported", "computed", "drift", "reported at")


@dg.asset_check(asset=balance_snapshots, additional_deps=[transactions])
def balances_reconcile(ledger: Ledger) -> dg.AssetCheckResult:
    """Compare opening balance plus booked rows with the booked balance that the bank reports."""
    with ledger.run() as run:
        accounts = projections.reconcile(run)
    drifted = [account for account in accounts if account.drift]
    rows = [
        (
            f"{account.institution}, {account.name}",
            account.currency,
            account.reported,
            account.computed,
            account.drift,
            account.observed_at,
        )
        for account in drifted
    ]
    return dg.AssetCheckResult(
        passed=not drifted,
        description=f"{len(drifted)} of {len(accounts)} accounts drift",
        metadata={
            "accounts": len(accounts),
            "drifted": len(drifted),
            "unknown": sum(account.drift is None for account in accounts),
            **({"drifts": table(_COLUMNS, rows)} if rows else {}),
        },
    )


@dg.asset_check(asset=transactions)
def quarantine_is_empty(ledger: Ledger) -> dg.AssetCheckResult:
    """Look for rows that a provider delivered and the ledger has no place for."""
    with ledger.run() as run, run.sessions.begin() as session:
        rows = quarantine.count_quarantine(session)
    return dg.AssetCheckResult(
        passed=rows == 0,
        description=f"{rows} rows are set aside" if rows else "nothing is set aside",
        metadata={"rows": rows},
    )
