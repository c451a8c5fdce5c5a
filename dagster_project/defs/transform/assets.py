"""The dbt models: views that rename, views that work, and the marts.

They are built in two steps. Some models read tables that are written back from other models: those
are built after that, and Dagster sees no cycle.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.lib import dbt, tags
from dagster_project.lib.manifest import manifest_path
from dagster_project.lib.resources import Ledger
from ingestion import planning
from ingestion.run import Run

_MANIFEST = json.loads(manifest_path().read_text())
_TRANSLATOR = dbt.LedgerTranslator()
_AFTER_WRITE_BACK = dbt.downstream_of(_MANIFEST, "common", ["recurring_patterns", "notifications"])


@dbt_assets(
    name="dbt", manifest=_MANIFEST, dagster_dbt_translator=_TRANSLATOR, exclude=_AFTER_WRITE_BACK
)
def models(context: dg.AssetExecutionContext, ledger: Ledger) -> Iterator[Any]:
    """Build what is made from the ledger."""
    with ledger.run() as run, dbt.one_at_a_time(ledger.engine):
        # Asked when it is our turn: whoever had it before us may have done the work.
        only_when_due = tags.MARTS_WHEN_DUE.items() <= context.run.tags.items()
        if only_when_due and not planning.analytics_due(run):
            context.log.info("Nothing changed since the last build: the marts stay as they are.")
            return
        # A few models picked by hand are no analysis.
        if context.selected_asset_keys == models.keys:
            planning.analytics_started(run)
        with _noted(run, whole=not _AFTER_WRITE_BACK):
            yield from dbt.build(context, ledger.url)


if _AFTER_WRITE_BACK:

    @dbt_assets(
        name="dbt_after_write_back",
        manifest=_MANIFEST,
        dagster_dbt_translator=_TRANSLATOR,
        select=_AFTER_WRITE_BACK,
    )
    def models_after_write_back(context: dg.AssetExecutionContext, ledger: Ledger) -> Iterator[Any]:
        """Build what is also made from what was written back."""
        with ledger.run() as run, dbt.one_at_a_time(ledger.engine):
            whole = context.selected_asset_keys == models_after_write_back.keys
            with _noted(run, whole=whole):
                yield from dbt.build(context, ledger.url)


@contextmanager
def _noted(run: Run, *, whole: bool) -> Iterator[None]:
    """Note how an analysis ended, if this run began one.

    :param whole: this build is its last.
    """
    try:
        yield
    except BaseException:
        planning.analytics_finished(run, ok=False)
        raise
    if whole:
        planning.analytics_finished(run, ok=True)
