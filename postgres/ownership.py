"""What the tables of all schemas need to keep one user's rows among themselves."""

from __future__ import annotations

import sqlalchemy as sa


def same_owner(column: str, target: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    """Return a reference that the database only accepts within one user's rows.

    :param target: ``schema.table`` with a unique key on ``id, user_id``.
    :param ondelete: ``CASCADE``, ``RESTRICT``, ``NO ACTION``, or ``SET NULL`` of the column alone:
        the owner stays.
    """
    return sa.ForeignKeyConstraint(
        [column, "user_id"],
        [f"{target}.id", f"{target}.user_id"],
        ondelete=f"SET NULL ({column})" if ondelete == "SET NULL" else ondelete,
    )
