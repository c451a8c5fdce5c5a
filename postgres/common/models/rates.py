"""What one currency is worth in another."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.common.models.keys import SCHEMA
from postgres.core import Base, HasTimes


class FxRate(HasTimes, Base):
    """A reference rate of one day. What is missing is missing."""

    __tablename__ = "fx_rates"
    __table_args__ = (
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$' and currency <> 'EUR'", name="currency"),
        sa.CheckConstraint("rate > 0", name="rate"),
        sa.Index(None, "day"),
        {"schema": SCHEMA},
    )

    currency: Mapped[str] = mapped_column(primary_key=True, comment="ISO 4217; not EUR")
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(comment="units of the currency for one euro")
    source: Mapped[str] = mapped_column(comment="ecb")
