"""Banks as GoCardless lists them, the same for every user.

Landing one creates or updates it; one that is listed no longer stays, for those who are connected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Institution
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.payload import FIRST_SEEN, Stamp


def land(session: Session, payloads: Sequence[dict[str, Any]], stamp: Stamp) -> WriteCounts:
    """Store institutions as delivered; one that is unchanged is not written."""
    rows = {str(p["id"]): {"id": p["id"], "name": p["name"], **stamp.on(p)} for p in payloads}
    return upsert(
        session,
        Institution,
        list(rows.values()),
        key=("id",),
        compare=("content_hash",),
        insert_only=FIRST_SEEN,
    )


def get_institution(session: Session, institution_id: str) -> Institution | None:
    """Return a bank by GoCardless's id, such as ``REVOLUT_REVOLT21``."""
    return session.get(Institution, institution_id)


def list_institutions(
    session: Session,
    *,
    country: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Institution]:
    """Return a page of banks by name.

    :param country: ISO 3166 alpha-2 code of one that it serves.
    :param text: somewhere in the name, whatever the case.
    :param after: from the page before.
    """
    query = sa.select(Institution)
    if country is not None:
        query = query.where(Institution.payload.contains({"countries": [country]}))
    if text is not None:
        query = query.where(Institution.name.icontains(text, autoescape=True))
    order = [Key(Institution.name), Key(Institution.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)
