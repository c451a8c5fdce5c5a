"""What jobs have in common."""

from __future__ import annotations

from typing import Any

import dagster as dg

# Runs that write to the ledger take turns, see dagster.yaml. They may overlap, each account is one
# transaction, but would then spend the banks' few calls a day twice on the same days.
EXCLUSIVE = {"farthing/exclusive": "ledger"}


def ledger_job(
    name: str, selection: dg.AssetSelection, *, description: str, **options: Any
) -> dg.UnresolvedAssetJobDefinition:
    """Define a job over assets and their checks.

    One process runs all its steps: they wait for the network and the database, and starting a
    process for each would take longer than most of them do.
    """
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        run_tags=EXCLUSIVE,
        executor_def=dg.in_process_executor,
        **options,
    )


def provider_job(provider: str) -> dg.UnresolvedAssetJobDefinition:
    """Define ``sync_<provider>``: its raw tables, and the ledger's that they feed directly."""
    raw = dg.AssetSelection.groups(provider)
    fed = raw.downstream(depth=1) & dg.AssetSelection.groups("common")
    return ledger_job(
        f"sync_{provider}", raw | fed, description=f"From {provider} into the ledger, no marts."
    )
