"""Marks on the way of a user's net worth."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.common.models.keys import audited
from postgres.core import Base, HasId, HasTimes


class FinancialMilestone(HasId, HasTimes, Base):
    """A net worth to reach. Once reached it stays so, whatever happens to the money."""

    __tablename__ = "financial_milestones"
    __table_args__ = (
        sa.Index(None, "user_id", "target_amount"),
        sa.CheckConstraint("name ~ '\\S'", name="has_name"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso"),
        # NaN and infinity are larger than any amount.
        sa.CheckConstraint(
            "target_amount < 'infinity' and target_amount > '-infinity'", name="target_is_money"
        ),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"))
    name: Mapped[str]
    target_amount: Mapped[Decimal] = mapped_column(comment="net worth; 0: out of debt")
    currency: Mapped[str] = mapped_column(comment="ISO 4217; net worth is converted to it")
    target_date: Mapped[dt.date | None]
    starts_on: Mapped[dt.date] = mapped_column(comment="what net worth was before does not count")
    reached_on: Mapped[dt.date | None] = mapped_column(
        comment="first day from the start on which net worth was there; never taken back"
    )
