"""Read what the providers answered, as delivered.

Every row of the ledger names its raw row by ``raw_table`` and ``raw_id``. Raw rows are landed by
the operations of their provider; reading them is the same for all.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
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
    return session.scalars(
        sa.select(model).where(model.id == row_id, model.user_id == user_id)
    ).one_or_none()


def list_raw(
    session: Session,
    user_id: uuid.UUID,
    model: type[Row],
    *,
    matching: Mapping[InstrumentedAttribute[Any], Any] | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Row]:
    """Return a page of a user's raw rows, those that changed last first.

    :param model: such as ``postgres.gocardless.models.Transaction``.
    :param matching: values of columns, such as ``{Transaction.bank_account_id: id}``.
    :param changed_since: by the stamps of landing.
    """
    owned: Any = model
    query = sa.select(model).where(
        owned.user_id == user_id,
        *(column == value for column, value in (matching or {}).items()),
    )
    if changed_since is not None:
        query = query.where(owned.changed_at >= changed_since)
    order = [Key(owned.changed_at, is_descending=True), Key(owned.id, is_descending=True)]
    return fetch_page(session, query, order=order, after=after, limit=limit)
