"""Rows of reports, which have what no history has, such as what was paid by card.

Landing a row creates or updates it; it goes with its key.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import Stamp
from postgres.raw import get_row, list_raw, on_days
from postgres.trading212.histories import land_items
from postgres.trading212.models import ExportRow


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
) -> WriteCounts:
    """Store rows of reports; ones that are stored already are not written.

    :param rows: payload and the columns read from it, with ``identity_key``; no key twice.
    """
    return land_items(session, user_id, ExportRow, api_key_id=api_key_id, rows=rows, stamp=stamp)


def get_export_row(
    session: Session, user_id: uuid.UUID, export_row_id: uuid.UUID
) -> ExportRow | None:
    """Return one of a user's rows of reports."""
    return get_row(session, user_id, ExportRow, export_row_id)


def list_export_rows(
    session: Session,
    user_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None = None,
    is_refused: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ExportRow]:
    """Return a page of a user's rows of reports, those that changed last first.

    :param is_refused: whether they cannot be placed in the ledger.
    :param since: the first day, in UTC, on which one occurred.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(ExportRow.occurred_at, since, until)
    if is_refused is not None:
        where.append(ExportRow.refusal.is_not(None) == is_refused)
    return list_raw(
        session,
        user_id,
        ExportRow,
        matching={ExportRow.api_key_id: api_key_id},
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
