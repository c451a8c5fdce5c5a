"""Two movements that are one: money that left one of the user's accounts and reached another."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, column_property, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import TransferStatus
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.common.models.transactions import Transaction
from postgres.core import Base, HasId, HasTimes, checked

_COUNTS = sa.text("status in ('linked', 'confirmed')")


class Transfer(HasId, HasTimes, Base):
    """A pair of legs. Only linked and confirmed pairs count; a leg is in one of those at most."""

    __tablename__ = "transfers"
    __table_args__ = (
        same_owner("outgoing_id", "transactions", ondelete="CASCADE"),
        same_owner("incoming_id", "transactions", ondelete="CASCADE"),
        sa.UniqueConstraint("outgoing_id", "incoming_id"),
        sa.CheckConstraint("outgoing_id <> incoming_id", name="two_legs"),
        sa.CheckConstraint("confidence between 0 and 1", name="confidence"),
        sa.CheckConstraint(
            "(status in ('confirmed', 'rejected')) = (decided_at is not null)", name="decided"
        ),
        sa.Index(None, "incoming_id"),
        sa.Index(
            "uq_transfers__outgoing_id_counted",
            "outgoing_id",
            unique=True,
            postgresql_where=_COUNTS,
        ),
        sa.Index(
            "uq_transfers__incoming_id_counted",
            "incoming_id",
            unique=True,
            postgresql_where=_COUNTS,
        ),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    outgoing_id: Mapped[uuid.UUID] = mapped_column(comment="the negative leg")
    incoming_id: Mapped[uuid.UUID] = mapped_column(comment="the positive leg")
    status: Mapped[TransferStatus] = mapped_column(checked(TransferStatus))
    confidence: Mapped[Decimal] = mapped_column(comment="0 to 1")
    reason: Mapped[str] = mapped_column(comment="why they belong together, for a person")
    decided_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when the user confirmed or rejected it; no run moves it then"
    )
    sent_on: Mapped[dt.date] = column_property(
        sa.select(Transaction.sort_date)
        .where(Transaction.id == outgoing_id)
        .correlate_except(Transaction)
        .scalar_subquery()
    )
    """The day of the negative leg."""


class TransferQueue(Base):
    """A change of a transaction that was not looked at for transfers yet; triggers add it.

    A row a change and not a transaction: who adds one waits for nobody, and who takes those that
    are committed sees what they are about.
    """

    __tablename__ = "transfer_queue"
    __table_args__ = (
        same_owner("transaction_id", "transactions", ondelete="CASCADE"),
        sa.Index(None, "transaction_id"),
        {"schema": SCHEMA},
    )

    id: Mapped[int] = mapped_column(sa.BigInteger(), sa.Identity(always=True), primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    transaction_id: Mapped[uuid.UUID]
