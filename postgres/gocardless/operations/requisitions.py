"""Requisitions: a user's consent at one bank.

Landing one creates or updates it. :func:`remove` ends it and keeps what was read through it,
:func:`erase` deletes both.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Requisition
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw

LINKED, EXPIRED, SUSPENDED = "LN", "EX", "SU"
ENDED = {
    "RJ": "consent was refused, by the user or the bank; renew the connection to ask again",
    "EX": "the consent has ended; renew the connection",
    "SU": "GoCardless suspended it after too many errors; renew the connection",
    "ER": "GoCardless reports an error; renew the connection",
    "ID": "GoCardless reports a state that it does not document; renew the connection",
}
"""States that nothing can be read in, and what to do about them."""
NEVER = ("RJ", "SU", "EX")
"""States that one which was never linked does not leave again."""
RECONFIRMED_EVERY = dt.timedelta(days=90)
"""After how many days a consent that has to be confirmed is not read any more without that."""
RECONFIRMATION_WINDOW = dt.timedelta(days=14)
"""How long before and after that day it can be confirmed [GoCardless help 20808205335452]."""


def land(
    session: Session,
    user_id: uuid.UUID,
    payload: dict[str, Any],
    stamp: Stamp,
    *,
    replaces_id: uuid.UUID | None = None,
) -> WriteCounts:
    """Store a requisition as delivered.

    :param replaces_id: the requisition whose connection this one renews; kept from the first time.
    """
    agreement = payload.get("agreement")
    row = {
        "id": uuid.UUID(payload["id"]),
        "user_id": user_id,
        "institution_id": payload["institution_id"],
        "agreement_id": uuid.UUID(agreement) if agreement else None,
        "reference": payload["reference"],
        "status": payload["status"],
        "link": payload["link"],
        "replaces_id": replaces_id,
        **stamp.on(payload),
    }
    counts = upsert(
        session,
        Requisition,
        [row],
        key=("id",),
        compare=("content_hash",),
        insert_only=(*FIRST_SEEN, "user_id", "replaces_id"),
    )
    if payload["status"] == LINKED:
        session.execute(
            sa.update(Requisition)
            .where(Requisition.id == row["id"], Requisition.linked_at.is_(None))
            .values(linked_at=stamp.seen_at)
            .execution_options(synchronize_session=False)
        )
    return counts


def assign_connections(session: Session) -> None:
    """Say of each consent which connection it is: a renewal goes on as the one that it renews."""
    renewed = sa.orm.aliased(Requisition)
    missing = sa.and_(Requisition.connection_id.is_(None), Requisition.removed_at.is_(None))
    session.execute(
        sa.update(Requisition)
        .where(missing, Requisition.replaces_id.is_(None))
        .values(connection_id=sa.func.gen_random_uuid())
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.update(Requisition)
        .where(missing, Requisition.replaces_id == renewed.id)
        .values(connection_id=renewed.connection_id)
        .execution_options(synchronize_session=False)
    )


def find_by_reference(session: Session, user_id: uuid.UUID, reference: str) -> Requisition | None:
    """Return a user's consent by the reference that comes back with their browser."""
    return session.scalars(
        sa.select(Requisition).where(
            Requisition.user_id == user_id, Requisition.reference == reference
        )
    ).one_or_none()


def find_waiting_renewal(
    session: Session, user_id: uuid.UUID, requisition_id: uuid.UUID
) -> Requisition | None:
    """Return the renewal of a consent that was asked for and waits to be given, the last one."""
    return session.scalars(
        sa.select(Requisition)
        .where(
            Requisition.user_id == user_id,
            Requisition.replaces_id == requisition_id,
            Requisition.linked_at.is_(None),
            Requisition.removed_at.is_(None),
            Requisition.status.not_in(ENDED),
        )
        .order_by(Requisition.changed_at.desc())
        .limit(1)
    ).one_or_none()


def get_requisition(
    session: Session, user_id: uuid.UUID, requisition_id: uuid.UUID
) -> Requisition | None:
    """Return one of a user's requisitions by GoCardless's id, removed or not."""
    return get_row(session, user_id, Requisition, requisition_id)


def list_requisitions(
    session: Session,
    user_id: uuid.UUID,
    *,
    institution_id: str | None = None,
    status: str | None = None,
    is_removed: bool | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Requisition]:
    """Return a page of a user's requisitions, those that changed last first.

    :param institution_id: GoCardless's, such as ``REVOLUT_REVOLT21``.
    :param status: two letters, such as :data:`LINKED`.
    :param is_removed: whether the user ended it here.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {Requisition.institution_id: institution_id, Requisition.status: status}
    return list_raw(
        session,
        user_id,
        Requisition,
        matching=matching,
        where=[] if is_removed is None else [Requisition.removed_at.is_not(None) == is_removed],
        changed_since=changed_since,
        after=after,
        limit=limit,
    )


def list_all_requisitions(session: Session) -> Sequence[Requisition]:
    """Return the consents of all users that may still matter, the oldest first: for a sync.

    Those that the user ended or another has replaced are not among them, nor those that were never
    given and never will be.
    """
    can_be_given = sa.or_(Requisition.linked_at.is_not(None), Requisition.status.not_in(NEVER))
    return session.scalars(
        sa.select(Requisition)
        .where(Requisition.removed_at.is_(None), ~_is_replaced(), can_be_given)
        .order_by(Requisition.first_seen_at, Requisition.id)
    ).all()


def list_of_connection(
    session: Session, user_id: uuid.UUID, connection_id: uuid.UUID
) -> Sequence[Requisition]:
    """Return all consents of one connection: given, waiting, replaced and refused."""
    return session.scalars(
        sa.select(Requisition)
        .where(Requisition.user_id == user_id, Requisition.connection_id == connection_id)
        .order_by(Requisition.first_seen_at, Requisition.id)
    ).all()


def remove(
    session: Session, user_id: uuid.UUID, connection_id: uuid.UUID, *, at: dt.datetime
) -> None:
    """End all consents of a connection on our side; what was read through them stays."""
    session.execute(
        sa.update(Requisition)
        .where(
            Requisition.connection_id == connection_id,
            Requisition.user_id == user_id,
            Requisition.removed_at.is_(None),
        )
        .values(removed_at=at)
    )


def remove_renewal(
    session: Session, user_id: uuid.UUID, requisition_id: uuid.UUID, *, at: dt.datetime
) -> None:
    """Forget a renewal that was never given; the consent that it was to renew is not touched."""
    session.execute(
        sa.update(Requisition)
        .where(
            Requisition.id == requisition_id,
            Requisition.user_id == user_id,
            Requisition.linked_at.is_(None),
        )
        .values(removed_at=at)
    )


def erase(session: Session, user_id: uuid.UUID, connection_id: uuid.UUID) -> None:
    """Delete all consents of a connection and every raw row that was read through them."""
    session.execute(
        sa.delete(Requisition).where(
            Requisition.connection_id == connection_id, Requisition.user_id == user_id
        )
    )


def _is_replaced() -> sa.ColumnElement[bool]:
    """Return what holds of a consent in whose place another reads now."""
    newer = sa.orm.aliased(Requisition)
    return sa.exists().where(newer.replaces_id == Requisition.id, newer.linked_at.is_not(None))
