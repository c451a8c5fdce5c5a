"""Institutions: the banks and brokers that connections were made to.

They are the same for every user, and the projections alone write them.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import Provider
from postgres.common.models import Institution
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def get_institution(session: Session, institution_id: uuid.UUID) -> Institution | None:
    """Return an institution by id."""
    return session.get(Institution, institution_id)


def list_institutions(
    session: Session,
    *,
    provider: Provider | None = None,
    country: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Institution]:
    """Return institutions by name.

    :param country: ISO 3166 alpha-2 code of one that it serves.
    :param text: somewhere in the name or the BIC, whatever the case.
    :param after: from the page before.
    """
    query = sa.select(Institution)
    if provider is not None:
        query = query.where(Institution.provider == provider)
    if country is not None:
        query = query.where(Institution.countries.contains([country]))
    if text is not None:
        places = (Institution.name, Institution.bic)
        query = query.where(sa.or_(*(place.icontains(text, autoescape=True) for place in places)))
    order = (Key(Institution.name), Key(Institution.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)
