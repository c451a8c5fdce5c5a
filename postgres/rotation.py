"""Rotation of encryption keys: every sealed value anew with the newest key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import DecryptionError, SecretBox
from postgres.encrypted import Encrypted, EncryptedText
from postgres.models import metadata

BATCH = 500
_NIL = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class RotatedBatch:
    """What one committed batch did in one column.

    :param place: the column, as ``schema.table.column``.
    :param renewed: values that were sealed anew.
    :param current: values that were sealed with the newest key already.
    :param unreadable: ids of rows whose value no key opens, or that stands in another's place.
    """

    place: str
    renewed: int
    current: int
    unreadable: tuple[uuid.UUID, ...]


def encrypted_columns() -> list[sa.Column[Any]]:
    """Return every encrypted column of every table."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, EncryptedText)
    ]


def rotate(
    sessions: sessionmaker[Session], box: SecretBox, *, batch: int = BATCH
) -> Iterator[RotatedBatch]:
    """Seal every value anew that is not sealed with the newest key; a batch is one transaction.

    It can be killed anywhere and run again: what is done is not done twice. Rows that others write
    meanwhile are waited for. What does not open is left as it is, and does not stop the rest.

    :param batch: rows a transaction.
    :returns: what was done, after each batch and at least once for a column.
    """
    for column in encrypted_columns():
        after: uuid.UUID | None = _NIL
        while after is not None:
            with sessions.begin() as session:
                done, after = _rotate_batch(session, box, column, after, batch)
            yield done


def _rotate_batch(
    session: Session, box: SecretBox, column: sa.Column[Any], after: uuid.UUID, limit: int
) -> tuple[RotatedBatch, uuid.UUID | None]:
    table, kind = column.table, cast("EncryptedText", column.type)
    rows = session.execute(
        sa.select(table.c.id, table.c.user_id, column)
        .where(column.is_not(None), table.c.id > after)
        .order_by(table.c.id)
        .limit(limit)
        # Rows that refer to these can be inserted meanwhile.
        .with_for_update(key_share=True)
    ).all()
    renewed: list[dict[str, uuid.UUID | Encrypted]] = []
    unreadable: list[uuid.UUID] = []
    for row_id, user_id, value in rows:
        try:
            fresh = kind.renew(box, row_id, user_id, value)
        except DecryptionError:
            unreadable.append(row_id)
            continue
        if fresh is not None:
            renewed.append({"row_id": row_id, "fresh": fresh})
    if renewed:
        session.connection().execute(
            sa.update(table)
            .where(table.c.id == sa.bindparam("row_id"))
            .values({column: sa.bindparam("fresh", type_=kind)}),
            renewed,
        )
    current = len(rows) - len(renewed) - len(unreadable)
    last = rows[-1].id if len(rows) == limit else None
    return RotatedBatch(kind.place, len(renewed), current, tuple(unreadable)), last
