"""The dbt models: views that rename, views that work, and the marts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.lib import dbt, manifest, tags
from dagster_project.lib.resources import Ledger
from ingestion import planning
from ingestion.run import Run

_MANIFEST = json.loads(manifest.manifest_path().read_text())


@dbt_assets(name="dbt", manifest=_MANIFEST, dagster_dbt_translator=dbt.LedgerTranslator())
def models(context: dg.AssetExecutionContext, ledger: Ledger) -> Iterator[Any]:
    """Build what is made from the ledger."""
    with ledger.run() as run, dbt.one_at_a_time(ledger.engine):
        version = manifest.current_digest()
        # Asked when it is our turn: whoever had it before us may have done the work.
        only_when_due = tags.MARTS_WHEN_DUE.items() <= context.run.tags.items()
        if only_when_due and not planning.analytics_due(run, version):
            context.log.info("Nothing changed since the last build: the marts stay as they are.")
            return
        # A few models picked by hand are no analysis.
        if context.selected_asset_keys != models.keys:
            yield from dbt.build(context, ledger.url)
            return
        with _noted(run, version):
            yield from dbt.build(context, ledger.url)


@contextmanager
def _noted(run: Run, version: str) -> Iterator[None]:
    """Note that an analysis begins, and how it ends."""
    planning.analytics_started(run, version)
    try:
        yield
    except BaseException:
        planning.analytics_finished(run, ok=False)
        raise
    planning.analytics_finished(run, ok=True)
