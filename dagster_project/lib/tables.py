"""Assets of tables: everything the catalogue shows is derived from the ORM model.

Adding a column to a model updates its asset; nothing is typed twice. What a step does is not
described here: that is one call in the body of the asset.
"""

from __future__ import annotations

import datetime as dt
import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from dagster_project.lib.failures import RETRIES
from dagster_project.lib.partitions import days
from dagster_project.lib.results import outcome_check
from postgres.core import Base, table_of
from postgres.models import metadata

OWNER = "team:farthing"

# A sync runs every six hours: two missed in a row are late, four are an outage.
FRESHNESS = dg.FreshnessPolicy.time_window(
    warn_window=dt.timedelta(hours=13), fail_window=dt.timedelta(hours=26)
)

# SQLAlchemy leaves the constructors of dialects untyped.
_POSTGRESQL: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

Deps = Iterable[dg.AssetsDefinition | dg.AssetKey]


def table_asset(
    model: type[Base],
    *,
    name: str | None = None,
    kinds: Iterable[str] = (),
    deps: Deps = (),
    domain: str = "cash",
    history: bool = False,
    freshness: dg.FreshnessPolicy | None = FRESHNESS,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Make a function the asset of a table; it reports what it did to every account.

    :param name: where the asset is not called as its table.
    :param kinds: besides ``python`` and ``postgres``, such as the provider.
    :param domain: what the rows are about, for filters in the catalogue.
    :param history: partitioned by day; a run of many days is one call and not one per day.
    """
    table = table_of(model)
    key = dg.AssetKey([str(table.schema), name or table.name])
    partitions: dict[str, Any] = (
        {"partitions_def": days(), "backfill_policy": dg.BackfillPolicy.single_run()}
        if history
        else {}
    )

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        with warnings.catch_warnings():
            # Documented and used for years, yet still called beta.
            warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
            asset: dg.AssetsDefinition = dg.asset(
                key=key,
                deps=list(deps),
                check_specs=[outcome_check(key)],
                freshness_policy=freshness,
                retry_policy=RETRIES,
                kinds={"python", "postgres", *kinds},
                **partitions,
                **catalogue_fields(model, domain=domain),
            )(function)
        return asset

    return decorate


# Tables that an asset fills along with its own. People and commands fill the others.
_FILLED_BY = {
    dg.AssetKey(["common", "institutions"]): dg.AssetKey(["common", "connections"]),
    dg.AssetKey(["common", "account_links"]): dg.AssetKey(["common", "accounts"]),
    dg.AssetKey(["common", "disposals"]): dg.AssetKey(["common", "trades"]),
    dg.AssetKey(["common", "instruments"]): dg.AssetKey(["common", "trades"]),
    dg.AssetKey(["common", "merchants"]): dg.AssetKey(["common", "transactions"]),
}


def with_external_tables(defs: dg.Definitions) -> dg.Definitions:
    """Add the tables that are read and have no asset of their own."""
    graph = defs.resolve_asset_graph()
    read = graph.get_all_asset_keys() - graph.materializable_asset_keys
    external = [
        dg.AssetSpec(
            key,
            deps=[_FILLED_BY[key]] if key in _FILLED_BY else [],
            kinds={"postgres"},
            **catalogue_fields(model, domain="reference"),
        )
        for key, model in _models().items()
        if key in read
    ]
    return dg.Definitions.merge(defs, dg.Definitions(assets=external))


def _models() -> dict[dg.AssetKey, type[Base]]:
    models = {table_of(mapper.class_): mapper.class_ for mapper in Base.registry.mappers}
    return {
        dg.AssetKey([str(table.schema), table.name]): models[table]
        for table in metadata.tables.values()
    }


def catalogue_fields(model: type[Base], *, domain: str) -> dict[str, Any]:
    """Return group, owner, tags, description and table metadata of a model."""
    table = table_of(model)
    return {
        "group_name": table.schema,
        "owners": [OWNER],
        "tags": {"domain": domain},
        "description": inspect.cleandoc(model.__doc__ or ""),
        "metadata": {
            "dagster/table_name": f"{table.schema}.{table.name}",
            "dagster/column_schema": column_schema(table),
        },
    }


def column_schema(table: sa.Table) -> dg.TableSchema:
    """Return the columns as the database has them, with their comments."""
    keys = ", ".join(column.name for column in table.primary_key)
    unique = [
        f"unique ({', '.join(column.name for column in constraint.columns)})"
        for constraint in table.constraints
        if isinstance(constraint, sa.UniqueConstraint)
    ]
    return dg.TableSchema(
        columns=[_column(column) for column in table.columns],
        constraints=dg.TableConstraints(other=[f"primary key ({keys})", *sorted(unique)]),
    )


def _column(column: sa.Column[Any]) -> dg.TableColumn:
    return dg.TableColumn(
        column.name,
        type=column.type.compile(_POSTGRESQL).lower(),
        description=column.comment,
        constraints=dg.TableColumnConstraints(
            nullable=bool(column.nullable),
            unique=bool(column.unique),
            other=sorted(f"references {key.target_fullname}" for key in column.foreign_keys),
        ),
    )
