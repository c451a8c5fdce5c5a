"""How much the user wants to spend at most, on what, and how long that lasts."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import BudgetPeriod
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Budget(HasId, HasTimes, Base):
    """A limit on spending that starts anew every period.

    It covers its tags, or everything where ``is_overall`` says so. Without tags it covers nothing.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        # What BudgetLimit refers to: a limit is in the currency of its budget.
        sa.UniqueConstraint("id", "user_id", "currency"),
        sa.UniqueConstraint("id", "user_id"),
        sa.Index("uq_budgets__user_id_lower_name", "user_id", sa.text("lower(name)"), unique=True),
        sa.CheckConstraint("name ~ '\\S'", name="has_name"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso"),
        sa.CheckConstraint("warning_pct > 0 and warning_pct <= 100", name="warning_pct_in_range"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str] = mapped_column(comment="unique for its user whatever the case")
    period: Mapped[BudgetPeriod] = mapped_column(checked(BudgetPeriod))
    currency: Mapped[str] = mapped_column(comment="ISO 4217; what is spent in others is converted")
    starts_on: Mapped[dt.date] = mapped_column(
        comment="first day of the first period; the others repeat from it: months from the 25th, "
        "weeks from a Wednesday, years from 6 April"
    )
    is_overall: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="covers all spending, whatever its tag"
    )
    rollover: Mapped[bool] = mapped_column(
        server_default=sa.false(),
        comment="what a period leaves, or spends too much, carries over to the next",
    )
    warning_pct: Mapped[Decimal] = mapped_column(
        server_default="80", comment="per cent of what is available at which the user is warned"
    )
    is_enabled: Mapped[bool] = mapped_column(
        server_default=sa.true(), comment="false: in no overview, and nobody is told of it"
    )


class BudgetTag(Base):
    """A tag whose spending counts against a budget."""

    __tablename__ = "budget_tags"
    __table_args__ = (
        same_owner("budget_id", "budgets", ondelete="CASCADE"),
        same_owner("tag_id", "tags", ondelete="CASCADE"),
        sa.Index(None, "tag_id"),
        audited(),
    )

    budget_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tag_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())


class BudgetLimit(HasTimes, Base):
    """What a budget allows from the period on that holds a day, until the next limit."""

    __tablename__ = "budget_limits"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["budget_id", "user_id", "currency"],
            [f"{SCHEMA}.budgets.{column}" for column in ("id", "user_id", "currency")],
            ondelete="CASCADE",
        ),
        # NaN and infinity are larger than any amount.
        sa.CheckConstraint("amount >= 0 and amount < 'infinity'", name="amount_is_money"),
        audited(),
    )

    budget_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    effective_from: Mapped[dt.date] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    amount: Mapped[Decimal] = mapped_column(comment="a period; not negative")
    currency: Mapped[str] = mapped_column(comment="the budget's")
