"""Read what the providers answered, as delivered.

Every row of the ledger names its raw row by ``raw_table`` and ``raw_id``. Reading raw rows is the
same for all tables, and the operations of each say here what they are asked for. Writing them is
landing: it creates and updates a row to what the provider said last, and nothing else does. They
are deleted with the consent or key that they were read through, which is to ``erase`` it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from postgres.core import Base, RawRow
from postgres.errors import OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

Row = TypeVar("Row", bound=RawRow)


def get_raw(session: Session, user_id: uuid.UUID, table_name: str, row_id: uuid.UUID) -> Any | None:
    """Return the raw row that a row of the ledger was made from.

    :param table_name: ``schema.table``, as in ``raw_table``.
    :raises OperationError: if there is no such raw table with an owner.
    """
    models: dict[str, type[Any]] = {
        str(mapper.local_table): mapper.class_
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, RawRow)
    }
    model = models.get(table_name)
    if model is None or not hasattr(model, "user_id"):
        message = f"{table_name} is no raw table of a user's"
        raise OperationError(message)
    return get_row(session, user_id, model, row_id)


def get_row(
    session: Session, user_id: uuid.UUID, model: type[Row], row_id: uuid.UUID
) -> Row | None:
    """Return one of a user's raw rows.

    :param model: such as ``postgres.gocardless.models.Transaction``.
    """
    owned: Any = model
    return session.scalars(
        sa.select(model).where(owned.id == row_id, owned.user_id == user_id)
    ).one_or_none()


def list_raw(
    session: Session,
    user_id: uuid.UUID,
    model: type[Row],
    *,
    matching: Mapping[InstrumentedAttribute[Any], Any] | None = None,
    where: Sequence[sa.ColumnElement[bool]] = (),
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Row]:
    """Return a page of a user's raw rows, those that changed last first.

    :param model: such as ``postgres.gocardless.models.Transaction``.
    :param matching: values of columns, such as ``{Transaction.bank_account_id: id}``; None: any.
    :param where: what else is asked of a row, such as :func:`on_days`.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    :raises OperationError: if ``after`` is of another list, or the limit out of bounds.
    """
    owned: Any = model
    query = sa.select(model).where(
        owned.user_id == user_id,
        *(column == value for column, value in (matching or {}).items() if value is not None),
        *where,
    )
    if changed_since is not None:
        query = query.where(owned.changed_at >= changed_since)
    order = [Key(owned.changed_at, is_descending=True), Key(owned.id, is_descending=True)]
    return fetch_page(session, query, order=order, after=after, limit=limit)


def on_days(
    column: InstrumentedAttribute[Any], since: dt.date | None, until: dt.date | None
) -> list[sa.ColumnElement[bool]]:
    """Return what is true of rows of some days; once a day is given, a row without one is not.

    :param column: a day, or an instant whose day in UTC counts.
    :param since: the first day; None: from the beginning.
    :param until: the last day, included; None: to the end.
    """
    is_instant = isinstance(column.type, sa.DateTime)
    day = sa.cast(sa.func.timezone("UTC", column), sa.Date) if is_instant else column
    first = [] if since is None else [day >= since]
    return first if until is None else [*first, day <= until]
