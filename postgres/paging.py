"""Lists in pages, by the key of the last row and not by counting rows.

A page costs the same wherever it lies, and rows that come or go meanwhile neither repeat nor hide
others.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from postgres import payload
from postgres.errors import OperationError

Row = TypeVar("Row")

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list.

    :param after: what to ask the next page with; None: this is the last one.
    """

    items: Sequence[Row]
    after: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """One column that a list is ordered by. It is never NULL."""

    column: InstrumentedAttribute[Any]
    is_descending: bool = False


def fetch_page(
    session: Session,
    query: sa.Select[tuple[Row]],
    *,
    order: Sequence[Key],
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Row]:
    """Return one page of the rows of a query over a single mapped class.

    :param query: without an order and a limit.
    :param order: columns of the class that together are unique.
    :param after: from the page before; None starts at the beginning.
    :param limit: from 1 to 1000 rows.
    :raises OperationError: if ``after`` is of another list, or the limit out of bounds.
    """
    if not 1 <= limit <= LARGEST_LIMIT:
        message = f"a page has from 1 to {LARGEST_LIMIT} rows, not {limit}"
        raise OperationError(message)
    if after is not None:
        query = query.where(_beyond(order, _decode(after, order)))
    ordered = query.order_by(
        *(key.column.desc() if key.is_descending else key.column.asc() for key in order)
    )
    found = session.scalars(ordered.limit(limit + 1)).all()
    items = found[:limit]
    cursor = _encode(items[-1], order) if len(found) > limit else None
    return Page(items, cursor)


def _beyond(order: Sequence[Key], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    bound = [sa.literal(v, key.column.type) for key, v in zip(order, values, strict=True)]
    if len({key.is_descending for key in order}) == 1:
        # One row comparison, which an index answers.
        left, right = sa.tuple_(*(key.column for key in order)), sa.tuple_(*bound)
        return left < right if order[0].is_descending else left > right
    alternatives = []
    for place, key in enumerate(order):
        same = [order[i].column == bound[i] for i in range(place)]
        further = key.column < bound[place] if key.is_descending else key.column > bound[place]
        alternatives.append(sa.and_(*same, further))
    return sa.or_(*alternatives)


def _encode(row: Any, order: Sequence[Key]) -> str:
    values = [str(getattr(row, key.column.key)) for key in order]
    return base64.urlsafe_b64encode(payload.dumps(values).encode()).decode().rstrip("=")


_PARSERS: dict[type, Any] = {
    uuid.UUID: uuid.UUID,
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
    Decimal: Decimal,
    int: int,
    str: str,
}


def _decode(cursor: str, order: Sequence[Key]) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = payload.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        return [
            _PARSERS[key.column.type.python_type](value)
            for key, value in zip(order, values, strict=True)
        ]
    except (ValueError, TypeError, KeyError, InvalidOperation, binascii.Error) as error:
        message = "the page's cursor is not of this list; start without one"
        raise OperationError(message) from error
