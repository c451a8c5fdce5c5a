"""What a user is told, where to, and how far each word of it has got."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import DeliveryStatus, NotificationType
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked
from postgres.encrypted import Encrypted, EncryptedText

_SHOWN = sa.text("removed_at is null")


class Notification(HasId, HasTimes, Base):
    """Something a user should know, said once.

    One that was removed, by the user or by age, keeps its key and nothing else: what it was about
    may still be so, and would be said again.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("user_id", "type", "dedup_key"),
        sa.CheckConstraint("removed_at is null or message = ''", name="removed_says_nothing"),
        sa.Index(None, "user_id", "created_at", "id", postgresql_where=_SHOWN),
        sa.Index(None, "created_at", postgresql_where=_SHOWN),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"))
    type: Mapped[NotificationType] = mapped_column(checked(NotificationType))
    dedup_key: Mapped[str] = mapped_column(comment="what makes it the same news")
    message: Mapped[str]
    read_at: Mapped[dt.datetime | None]
    removed_at: Mapped[dt.datetime | None] = mapped_column(
        comment="not shown any more; only what keeps it from being said again is left"
    )


class NotificationChannel(HasId, HasTimes, Base):
    """Where a user wants to be told. Without one, nothing is sent."""

    __tablename__ = "notification_channels"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.Index(
            "uq_notification_channels__user_id_lower_name",
            "user_id",
            sa.text("lower(name)"),
            unique=True,
        ),
        # Not the address: its ciphertext would outlive a rotation in the log.
        audited("name", "types", "is_enabled"),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str] = mapped_column(comment="unique for its user whatever the case")
    address: Mapped[Encrypted] = mapped_column(
        EncryptedText("common.notification_channels.address"),
        comment="URL of Apprise, with the credentials in it",
    )
    types: Mapped[list[str] | None] = mapped_column(
        comment="types of notifications that are sent here; null: all"
    )
    is_enabled: Mapped[bool] = mapped_column(server_default=sa.true())


class NotificationDelivery(HasId, HasTimes, Base):
    """A notification on its way to a channel: the outbox, filled by a trigger."""

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        same_owner("notification_id", "notifications", ondelete="CASCADE"),
        same_owner("channel_id", "notification_channels", ondelete="CASCADE"),
        sa.UniqueConstraint("notification_id", "channel_id"),
        sa.CheckConstraint("sent_at is null or status = 'sent'", name="only_sent_has_time"),
        sa.Index(None, "channel_id"),
        sa.Index(
            "ix_notification_deliveries__pending",
            sa.text("next_attempt_at nulls first"),
            "created_at",
            "id",
            postgresql_where=sa.text("status = 'pending'"),
        ),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    notification_id: Mapped[uuid.UUID]
    channel_id: Mapped[uuid.UUID]
    status: Mapped[DeliveryStatus] = mapped_column(
        checked(DeliveryStatus), server_default=DeliveryStatus.PENDING.value
    )
    attempts: Mapped[int] = mapped_column(server_default="0", comment="that failed")
    next_attempt_at: Mapped[dt.datetime | None] = mapped_column(
        comment="null: at once; by the real clock"
    )
    last_error: Mapped[str | None] = mapped_column(comment="one line, without anything secret")
    sent_at: Mapped[dt.datetime | None]
