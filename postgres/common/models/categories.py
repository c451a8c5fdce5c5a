"""What the user says that money was for."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import SplitSource
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Tag(HasId, HasTimes, Base):
    """A category of the user's own."""

    __tablename__ = "tags"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        sa.Index("uq_tags__user_id_lower_name", "user_id", sa.text("lower(name)"), unique=True),
        sa.CheckConstraint("name ~ '\\S'", name="has_name"),
        sa.CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name="colour_is_hex"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str] = mapped_column(comment="unique for its user whatever the case")
    colour: Mapped[str | None] = mapped_column(comment="#rrggbb")


class TagRule(HasId, HasTimes, Base):
    """Which transactions get a tag by themselves. The first rule that matches wins."""

    __tablename__ = "tag_rules"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        # Deferrable, so that one statement may exchange them.
        sa.UniqueConstraint("user_id", "priority", deferrable=True, initially="IMMEDIATE"),
        sa.CheckConstraint("name ~ '\\S'", name="has_name"),
        same_owner("tag_id", "tags", ondelete="CASCADE"),
        sa.Index(None, "tag_id"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    tag_id: Mapped[uuid.UUID]
    name: Mapped[str]
    priority: Mapped[int] = mapped_column(comment="the lowest is asked first")
    conditions: Mapped[dict[str, Any]] = mapped_column(
        comment="tree of all, any and not over tests of a transaction; an empty one matches nothing"
    )
    is_enabled: Mapped[bool] = mapped_column(server_default=sa.true())


class TagRuleProgress(Base):
    """How far a user's rules have followed the changes of transactions."""

    __tablename__ = "tag_rule_progress"
    __table_args__ = {"schema": SCHEMA}

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("auth.users.id", ondelete="CASCADE"), primary_key=True
    )
    applied_until: Mapped[dt.datetime] = mapped_column(
        comment="they saw every row whose updated_at is before this instant"
    )


class TransactionSplit(HasId, HasTimes, Base):
    """A part of a transaction with its tag.

    The parts of one sum to its amount, exactly, are in its currency, and none is zero unless the
    transaction is: a deferred constraint trigger holds it. A transaction without parts is whole.
    """

    __tablename__ = "transaction_splits"
    __table_args__ = (
        sa.UniqueConstraint("id", "user_id"),
        same_owner("transaction_id", "transactions", ondelete="CASCADE"),
        same_owner("tag_id", "tags", ondelete="SET NULL"),
        same_owner("rule_id", "tag_rules", ondelete="SET NULL"),
        sa.Index(None, "transaction_id"),
        sa.Index(None, "tag_id"),
        sa.Index(None, "rule_id"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    transaction_id: Mapped[uuid.UUID]
    tag_id: Mapped[uuid.UUID | None] = mapped_column(comment="null: not tagged")
    amount: Mapped[Decimal] = mapped_column(
        comment="signed; may go against the transaction, as cashback within a purchase does"
    )
    currency: Mapped[str] = mapped_column(comment="the transaction's")
    note: Mapped[str | None]
    source: Mapped[SplitSource] = mapped_column(checked(SplitSource))
    rule_id: Mapped[uuid.UUID | None] = mapped_column(comment="the rule that made it")
    needs_review: Mapped[bool] = mapped_column(
        server_default=sa.false(), comment="rescaled, because a sync changed the amount"
    )


class TagRemoval(Base):
    """A tag that the user took off a transaction: no rule puts it back."""

    __tablename__ = "tag_removals"
    __table_args__ = (
        same_owner("transaction_id", "transactions", ondelete="CASCADE"),
        same_owner("tag_id", "tags", ondelete="CASCADE"),
        sa.Index(None, "tag_id"),
        audited(),
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tag_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())
