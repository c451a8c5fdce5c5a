"""Where a user is told, beside the application itself: Telegram, mail, ntfy and others.

A user without a channel is sent nothing. A channel is sent what comes after it was made.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session

from farthing.secrets import SecretBox
from postgres.common.enums import DeliveryStatus, NotificationType
from postgres.common.models import NotificationChannel, NotificationDelivery
from postgres.core import UNSET, Unset, refusing
from postgres.encrypted import reveal, seal
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_OLDEST_FIRST = (Key(NotificationChannel.created_at), Key(NotificationChannel.id))


def create_channel(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    address: SecretStr,
    box: SecretBox,
    types: Collection[NotificationType] | None = None,
) -> NotificationChannel:
    """Send a user's notifications to a channel from now on.

    :param name: what the user calls it; unique for them whatever the case.
    :param address: URL of Apprise; ``ingestion.channels.check_address`` tells whether it is one.
    :param types: what to send; None: everything.
    :raises AlreadyExistsError: if the user has a channel of that name.
    """
    row = NotificationChannel(id=uuid.uuid4(), user_id=user_id, name=name, types=_values(types))
    seal(box, row, NotificationChannel.address, address)
    with refusing(session, _name_taken(name)):
        session.add(row)
    return row


def get_channel(
    session: Session, user_id: uuid.UUID, channel_id: uuid.UUID
) -> NotificationChannel | None:
    """Return one of a user's channels."""
    return session.scalars(_one(user_id, channel_id)).one_or_none()


def list_channels(
    session: Session,
    user_id: uuid.UUID,
    *,
    is_enabled: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[NotificationChannel]:
    """Return a user's channels, the oldest first.

    :param is_enabled: only those that are sent to, or are not; None: all.
    """
    query = sa.select(NotificationChannel).where(NotificationChannel.user_id == user_id)
    if is_enabled is not None:
        query = query.where(NotificationChannel.is_enabled == is_enabled)
    return fetch_page(session, query, order=_OLDEST_FIRST, after=after, limit=limit)


def address_of(channel: NotificationChannel, box: SecretBox) -> SecretStr:
    """Return a channel's address in clear, for a sender.

    :raises DecryptionError: if it does not decrypt or was moved from another row.
    """
    return reveal(box, channel, NotificationChannel.address)


def update_channel(
    session: Session,
    user_id: uuid.UUID,
    channel_id: uuid.UUID,
    *,
    name: str | Unset = UNSET,
    types: Collection[NotificationType] | Unset | None = UNSET,
    is_enabled: bool | Unset = UNSET,
) -> NotificationChannel:
    """Change a channel. What waits to be sent to one that is disabled is not sent any more.

    :param types: what to send; None: everything.
    :raises NotFoundError: if the user has no such channel.
    :raises AlreadyExistsError: if another channel of the user has the name.
    """
    row = _locked(session, user_id, channel_id)
    with refusing(session, _name_taken(name)):
        if not isinstance(name, Unset):
            row.name = name
        if not isinstance(types, Unset):
            row.types = _values(types)
        if not isinstance(is_enabled, Unset):
            row.is_enabled = is_enabled
    if is_enabled is False:
        session.execute(
            sa.delete(NotificationDelivery).where(
                NotificationDelivery.channel_id == channel_id,
                NotificationDelivery.user_id == user_id,
                NotificationDelivery.status == DeliveryStatus.PENDING,
            )
        )
    return row


def change_address(
    session: Session,
    user_id: uuid.UUID,
    channel_id: uuid.UUID,
    address: SecretStr,
    *,
    box: SecretBox,
) -> NotificationChannel:
    """Send to another address from now on, what waits included.

    :param address: as for :func:`create_channel`.
    :raises NotFoundError: if the user has no such channel.
    """
    row = _locked(session, user_id, channel_id)
    seal(box, row, NotificationChannel.address, address)
    session.flush()
    return row


def delete_channel(session: Session, user_id: uuid.UUID, channel_id: uuid.UUID) -> None:
    """Delete a channel, with what waits to be sent there and the record of what was sent.

    :raises NotFoundError: if the user has no such channel.
    """
    session.delete(_locked(session, user_id, channel_id))
    session.flush()


def _values(types: Collection[NotificationType] | None) -> list[str] | None:
    return None if types is None else sorted(each.value for each in set(types))


def _name_taken(name: str | Unset) -> dict[str, OperationError]:
    message = f"there is a channel {name!r} already"
    return {"uq_notification_channels__user_id_lower_name": AlreadyExistsError(message)}


def _one(user_id: uuid.UUID, channel_id: uuid.UUID) -> sa.Select[tuple[NotificationChannel]]:
    return sa.select(NotificationChannel).where(
        NotificationChannel.id == channel_id, NotificationChannel.user_id == user_id
    )


def _locked(session: Session, user_id: uuid.UUID, channel_id: uuid.UUID) -> NotificationChannel:
    row = session.scalars(
        _one(user_id, channel_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        message = f"there is no channel {channel_id}"
        raise NotFoundError(message)
    return row
