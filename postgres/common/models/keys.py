"""What the tables of the ledger have in common."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

SCHEMA = "common"


def same_owner(column: str, target: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    """Return a reference that the database only accepts within one user's rows.

    :param target: a table of this schema with a unique key on ``id, user_id``.
    :param ondelete: ``CASCADE``, ``RESTRICT``, ``NO ACTION``, or ``SET NULL`` of the column alone:
        the owner stays.
    """
    return sa.ForeignKeyConstraint(
        [column, "user_id"],
        [f"{SCHEMA}.{target}.id", f"{SCHEMA}.{target}.user_id"],
        ondelete=f"SET NULL ({column})" if ondelete == "SET NULL" else ondelete,
    )


def audited(*columns: str) -> dict[str, Any]:
    """Return the last item of ``__table_args__`` for a table whose changes are kept.

    :param columns: in a table that a sync writes, those that the user decides on: only their
        updates are kept. None: every change of every column.
    """
    return {"schema": SCHEMA, "info": {"audited": columns}}
