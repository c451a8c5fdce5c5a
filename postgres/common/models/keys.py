"""What the tables of the ledger have in common."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from postgres import ownership

SCHEMA = "common"


def same_owner(column: str, target: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    """Return a reference to a table of this schema, see :func:`postgres.ownership.same_owner`."""
    return ownership.same_owner(column, f"{SCHEMA}.{target}", ondelete=ondelete)


def audited(*columns: str) -> dict[str, Any]:
    """Return the last item of ``__table_args__`` for a table whose changes are kept.

    :param columns: in a table that a sync writes, those that the user decides on: only their
        updates are kept. None: every change of every column.
    """
    return {"schema": SCHEMA, "info": {"audited": columns}}
