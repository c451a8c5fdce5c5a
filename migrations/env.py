"""Alembic's entry: migrates the connection it is handed, or the configured database."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from farthing.errors import ConfigurationError
from farthing.settings import Settings
from postgres.core import SCHEMAS, make_engine
from postgres.encrypted import EncryptedText
from postgres.models import metadata


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave dbt's schemas and anything else in the database alone."""
    return kind != "schema" or name in SCHEMAS


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write a type of our own as what the database knows: a migration imports none of our code."""
    if kind == "type" and isinstance(item, EncryptedText):
        return "sa.LargeBinary()"
    return False


def run(connection: sa.Connection) -> None:
    """Run the migrations in one transaction on a connection."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_schemas=True,
        include_name=include_name,
        compare_server_default=True,
        version_table_schema="public",
        render_item=render_item,
        # Without the second one a CHECK that was dropped goes unnoticed.
        autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
    )
    with context.begin_transaction():
        context.run_migrations()


def configured_engine() -> sa.Engine:
    """Return an engine on ``FARTHING_DATABASE_URL``, for Alembic's own command line."""
    url = Settings.load().database_url
    if url is None:
        message = "FARTHING_DATABASE_URL: set it, for instance from `farthing db url`"
        raise ConfigurationError(message)
    return make_engine(url, pooled=False)


handed: sa.Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    with configured_engine().connect() as own:
        run(own)
        own.commit()
