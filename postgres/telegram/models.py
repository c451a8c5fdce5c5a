"""How far a bot has read."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.core import Base, HasTimes


class PollingCursor(HasTimes, Base):
    """The last update that a bot has handled. A trigger keeps it from going back."""

    __tablename__ = "polling_cursors"
    __table_args__ = (
        sa.CheckConstraint(
            "(last_update_id is null) = (advanced_at is null)", name="advanced_with_an_update"
        ),
        {"schema": "telegram"},
    )

    bot_id: Mapped[int] = mapped_column(
        sa.BigInteger(),
        primary_key=True,
        autoincrement=False,
        comment="the bot's user id: what stands before the colon of its token",
    )
    last_update_id: Mapped[int | None] = mapped_column(
        sa.BigInteger(), comment="null: no update has been handled yet"
    )
    advanced_at: Mapped[dt.datetime | None]
