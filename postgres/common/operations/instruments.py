"""Instruments: the securities that are held or were traded.

They are the same for every user, and the projections alone write them.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import Provider
from postgres.common.models import Instrument
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


def get_instrument(session: Session, instrument_id: uuid.UUID) -> Instrument | None:
    """Return an instrument by id."""
    return session.get(Instrument, instrument_id)


def list_instruments(
    session: Session,
    *,
    provider: Provider | None = None,
    isin: str | None = None,
    currency: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Instrument]:
    """Return instruments by name.

    :param currency: ISO 4217, in which it is traded.
    :param text: somewhere in the name or in the provider's own id, whatever the case.
    :param after: from the page before.
    """
    query = sa.select(Instrument)
    if provider is not None:
        query = query.where(Instrument.provider == provider)
    if isin is not None:
        query = query.where(Instrument.isin == isin)
    if currency is not None:
        query = query.where(Instrument.currency == currency)
    if text is not None:
        places = (Instrument.name, Instrument.provider_instrument_id)
        query = query.where(sa.or_(*(place.icontains(text, autoescape=True) for place in places)))
    order = (Key(Instrument.name), Key(Instrument.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)
