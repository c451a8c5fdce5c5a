"""Connections: a user's permission to read an institution.

The projections make them of consents and keys, which are what a user begins, renews and ends.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import ConnectionStatus, Provider
from postgres.common.models import Connection, Institution
from postgres.errors import NotFoundError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


@dataclass(frozen=True, slots=True)
class ConsentLeft:
    """How long a consent can still be read with."""

    connection: Connection
    institution: Institution
    now: dt.datetime

    @property
    def days(self) -> int:
        """Days until it ends, a day that has begun counted whole; 0: it has ended."""
        ends_at = self.connection.consent_expires_at
        if self.connection.status is ConnectionStatus.EXPIRED or ends_at is None:
            return 0
        return max(0, math.ceil((ends_at - self.now) / dt.timedelta(days=1)))

    @property
    def needs(self) -> str:
        """What the user has to do before: confirm or renew it."""
        return "confirm" if self.connection.is_reconfirmable else "renew"


def list_connections(
    session: Session,
    user_id: uuid.UUID,
    *,
    provider: Provider | None = None,
    status: ConnectionStatus | None = None,
    institution_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Connection]:
    """Return a page of a user's connections, the oldest first.

    :param after: from the page before.
    """
    query = sa.select(Connection).where(Connection.user_id == user_id)
    if provider is not None:
        query = query.where(Connection.provider == provider)
    if status is not None:
        query = query.where(Connection.status == status)
    if institution_id is not None:
        query = query.where(Connection.institution_id == institution_id)
    order = [Key(Connection.created_at), Key(Connection.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_with_institutions(
    session: Session, *, user_id: uuid.UUID | None = None, provider: Provider | None = None
) -> Sequence[tuple[Connection, Institution]]:
    """Return all connections with their institutions, the oldest first.

    :param user_id: of one user; None returns all users', for a sync.
    """
    query = (
        sa.select(Connection, Institution)
        .join(Institution, Institution.id == Connection.institution_id)
        .order_by(Connection.created_at, Connection.id)
    )
    if user_id is not None:
        query = query.where(Connection.user_id == user_id)
    if provider is not None:
        query = query.where(Connection.provider == provider)
    return [(connection, institution) for connection, institution in session.execute(query)]


def get_connection(
    session: Session, user_id: uuid.UUID, connection_id: uuid.UUID
) -> tuple[Connection, Institution] | None:
    """Return one of a user's connections with its institution."""
    found = session.execute(
        sa.select(Connection, Institution)
        .join(Institution, Institution.id == Connection.institution_id)
        .where(Connection.id == connection_id, Connection.user_id == user_id)
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def find_connection(
    session: Session, user_id: uuid.UUID, provider: Provider, provider_connection_id: str
) -> Connection | None:
    """Return the connection of one of a user's requisitions or keys."""
    return session.scalars(
        sa.select(Connection).where(
            Connection.user_id == user_id,
            Connection.provider == provider,
            Connection.provider_connection_id == provider_connection_id,
        )
    ).one_or_none()


def list_consents(session: Session, *, now: dt.datetime) -> Sequence[ConsentLeft]:
    """Return the consents of all users that end some day, the next to end first."""
    rows = session.execute(
        sa.select(Connection, Institution)
        .join(Institution, Institution.id == Connection.institution_id)
        .where(Connection.consent_expires_at.is_not(None))
        .order_by(Connection.consent_expires_at, Connection.id)
    )
    return [ConsentLeft(connection, institution, now) for connection, institution in rows]


def set_status(
    session: Session,
    user_id: uuid.UUID,
    connection_id: uuid.UUID,
    status: ConnectionStatus,
    reason: str | None,
) -> None:
    """Say how a connection stands; a repeat writes nothing.

    :param reason: one line for a person, None when all is well.
    """
    session.execute(
        sa.update(Connection)
        .where(
            Connection.id == connection_id,
            Connection.user_id == user_id,
            sa.or_(
                Connection.status != status,
                Connection.status_reason.is_distinct_from(reason),
            ),
        )
        .values(status=status, status_reason=reason)
    )


def delete_connection(session: Session, user_id: uuid.UUID, connection_id: uuid.UUID) -> None:
    """Forget a connection. Its accounts and their history stay.

    :raises NotFoundError: if the user has no such connection.
    """
    deleted = session.execute(
        sa.delete(Connection)
        .where(Connection.id == connection_id, Connection.user_id == user_id)
        .returning(Connection.id)
    )
    if not deleted.all():
        message = f"there is no connection {connection_id}"
        raise NotFoundError(message)
