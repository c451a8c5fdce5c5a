"""dbt under Dagster: how its nodes are called in the catalogue, and how a build is run.

What the models are belongs in ``dbt_project``; that they are fresh before Dagster looks at them, in
:mod:`dagster_project.lib.manifest`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster_dbt import DagsterDbtTranslator, DbtCliResource
from packaging.version import Version

from dagster_project.lib import tags
from dagster_project.lib.environment import exported
from dagster_project.lib.manifest import DBT_PROJECT, dbt_executable
from dagster_project.lib.tables import OWNER
from farthing.settings import Settings

# Where an asset is not called as its table.
_RENAMED = {("trading212", "account_summaries"): ("trading212", "account_summary")}

# Any number would do; it must only be the same in every process that builds.
_LOCK = 7_244_818


class LedgerTranslator(DagsterDbtTranslator):
    """Models and sources are called ``schema/table``, as the assets are; groups are the schemas."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return the key: schema and name."""
        key = super().get_asset_key(dbt_resource_props)
        schema, table = key.path[0], key.path[-1]
        return dg.AssetKey(_RENAMED.get((schema, table), key.path))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the schema, whatever dbt groups are used for."""
        return self.get_asset_key(dbt_resource_props).path[0]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:  # noqa: ARG002
        """Return the one owner of everything."""
        return [OWNER]

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Return the domain; dbt's own tags repeat the layer, which the group says."""
        return {"domain": "analytics"}

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the description without the SQL."""
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: Any,
    ) -> dg.AssetCheckSpec | None:
        """Describe a test; it holds nothing up in Dagster, since dbt itself stops behind it."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(blocking=False)


class Dbt(DbtCliResource):
    """dbt as a subprocess, which is started once per build and asks nobody for its version.

    The original runs ``dbt --version`` first, which asks the package index for newer ones, and sets
    up an adapter in this process, which nothing here uses.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:  # noqa: ARG002
        return None


def build(context: dg.AssetExecutionContext, url: str) -> Iterator[Any]:
    """Build the selected models and run their tests, and yield what became of each.

    Unit tests are left out: they are about the code and not about the data.

    :param url: the ledger's database.
    :raises dagster.Failure: if a model or a test failed; it names them.
    """
    dbt = Dbt(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=dbt_executable(),
        global_config_flags=["--no-use-colors"],
    )
    # One place and not one per build: nothing piles up, and dbt finds its last parse again.
    target = Settings.load().home / "dbt"
    target.mkdir(mode=0o700, parents=True, exist_ok=True)  # its log may quote rows
    with exported(connection_variables(url)):
        invocation = dbt.cli(
            ["build", "--exclude-resource-type", "unit_test"],
            context=context,
            target_path=target,
            raise_on_error=False,
        )
        # In a process of somebody else's, what dbt prints is in its log alone.
        foreign = tags.PROCESS in context.run.tags
        yield from _unprinted(invocation.stream()) if foreign else invocation.stream()
    if invocation.process.returncode != 0:
        raise dg.Failure(_complaint(invocation, target), allow_retries=False)


@contextmanager
def one_at_a_time(engine: sa.Engine) -> Iterator[None]:
    """Wait until no other process builds on this database.

    The lock is the database's own and not a slot of Dagster's: one that a killed process held is
    free at once, and it holds between instances as well.
    """
    options = engine.execution_options(isolation_level="AUTOCOMMIT")
    with options.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))


def connection_variables(url: str) -> dict[str, str]:
    """Return what ``dbt_project/profiles.yml`` reads, from a database URL."""
    parsed = sa.make_url(url)
    sslmode = parsed.query.get("sslmode", "prefer")
    return {
        "FARTHING_DBT_HOST": parsed.host or "",
        "FARTHING_DBT_PORT": str(parsed.port or 5432),
        "FARTHING_DBT_USER": parsed.username or "",
        "FARTHING_DBT_PASSWORD": parsed.password or "",
        "FARTHING_DBT_DBNAME": parsed.database or "",
        "FARTHING_DBT_SSLMODE": sslmode if isinstance(sslmode, str) else sslmode[-1],
    }


def _unprinted(events: Iterable[Any]) -> Iterator[Any]:
    """Pass events on, and what their source prints meanwhile to nobody."""
    source = iter(events)
    nobody = io.StringIO()
    while True:
        with redirect_stdout(nobody):
            event = next(source, None)
        if event is None:
            return
        yield event


def _complaint(invocation: Any, target: Path) -> str:
    try:
        results = invocation.get_artifact("run_results.json")["results"]
    except (OSError, KeyError):
        results = []
    # Their messages may quote rows; the names do not.
    failed = [
        result["unique_id"].split(".")[2]
        for result in results
        if result["status"] in {"error", "fail"}
    ]
    what = ", ".join(failed) if failed else f"exit code {invocation.process.returncode}"
    return f"dbt build failed: {what}; the whole story is in {target / 'dbt.log'}"
