"""What jobs have in common."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from dagster_project.lib import tags


def ledger_job(
    name: str,
    selection: dg.AssetSelection,
    *,
    description: str,
    run_tags: Mapping[str, str] | None = None,
) -> dg.UnresolvedAssetJobDefinition:
    """Define a job over assets and their checks.

    One process runs all its steps: they wait for the network and the database, and starting a
    process for each would take longer than most of them do.
    """
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        run_tags={**tags.EXCLUSIVE, **(run_tags or {})},
        executor_def=dg.in_process_executor,
    )


def provider_job(provider: str) -> dg.UnresolvedAssetJobDefinition:
    """Define ``sync_<provider>``: its raw tables, and the ledger's that they feed directly."""
    raw = dg.AssetSelection.groups(provider)
    fed = raw.downstream(depth=1) & dg.AssetSelection.groups("common")
    return ledger_job(
        f"sync_{provider}", raw | fed, description=f"From {provider} into the ledger, no marts."
    )
