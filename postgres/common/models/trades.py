"""What was bought and sold, and which shares each sale was of."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import LotMethod, MatchRule, TradeKind
from postgres.common.models.keys import SCHEMA, same_owner
from postgres.core import Base, HasId, HasTimes, checked


class Trade(HasId, HasTimes, Base):
    """One fill of an order, or one side of an event that changed what is held."""

    __tablename__ = "trades"
    __table_args__ = (
        same_owner("account_id", "accounts", ondelete="CASCADE"),
        sa.UniqueConstraint("id", "user_id"),
        sa.UniqueConstraint("account_id", "source_key"),
        sa.Index(None, "user_id", "trade_date"),
        sa.Index(None, "instrument_id"),
        sa.Index(None, "security_id"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"))
    account_id: Mapped[uuid.UUID]
    source_key: Mapped[str] = mapped_column(
        comment="identity within the account, made by the provider's projection"
    )
    instrument_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("common.instruments.id", ondelete="RESTRICT"),
        comment="as the history names it",
    )
    kind: Mapped[TradeKind] = mapped_column(checked(TradeKind))
    traded_at: Mapped[dt.datetime]
    trade_date: Mapped[dt.date] = mapped_column(comment="the day it was where the user lives")
    quantity: Mapped[Decimal] = mapped_column(comment="shares; negative: sold")
    price: Mapped[Decimal | None] = mapped_column(
        comment="per share, price_currency's major unit; as delivered where that is unknown"
    )
    price_currency: Mapped[str | None] = mapped_column(comment="ISO 4217; null: unknown")
    amount: Mapped[Decimal] = mapped_column(
        comment="account currency, without fees; paid negative, received positive"
    )
    fees: Mapped[Decimal] = mapped_column(comment="account currency, taxes too; negative")
    currency: Mapped[str] = mapped_column(comment="the account's; of amount, fees and results")
    reported_profit: Mapped[Decimal | None] = mapped_column(
        comment="of a sale, before fees, as the broker says"
    )
    security_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("common.instruments.id", ondelete="RESTRICT"),
        comment="the instrument as it is called today; null until the account was worked out",
    )
    quantity_after: Mapped[Decimal | None] = mapped_column(comment="shares held after it")
    cost_after: Mapped[Decimal | None] = mapped_column(
        comment="what those cost at average, without fees; account currency, positive"
    )
    paid_after: Mapped[Decimal | None] = mapped_column(
        comment="the same in price_currency; null: a price is unknown"
    )
    profit: Mapped[Decimal | None] = mapped_column(
        comment="of a sale, before fees, by average cost; null: a purchase, or the cost is unknown"
    )
    price_profit: Mapped[Decimal | None] = mapped_column(comment="the same in price_currency")
    raw_table: Mapped[str] = mapped_column(comment="schema.table of the raw row")
    raw_id: Mapped[uuid.UUID]
    first_seen_at: Mapped[dt.datetime]


class Disposal(HasId, Base):
    """A part of a sale, and the shares that it was of by one method. Made from all trades anew."""

    __tablename__ = "disposals"
    __table_args__ = (
        same_owner("trade_id", "trades", ondelete="CASCADE"),
        sa.UniqueConstraint("trade_id", "method", "place"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    trade_id: Mapped[uuid.UUID]
    method: Mapped[LotMethod] = mapped_column(checked(LotMethod))
    place: Mapped[int] = mapped_column(comment="which part of the sale, from 1")
    rule: Mapped[MatchRule] = mapped_column(checked(MatchRule))
    acquired_on: Mapped[dt.date | None] = mapped_column(comment="null: of a pool, or unknown")
    quantity: Mapped[Decimal] = mapped_column(comment="shares sold, in those of that day; positive")
    proceeds: Mapped[Decimal | None] = mapped_column(
        comment="before fees; positive; null: no rate is known"
    )
    fees: Mapped[Decimal | None] = mapped_column(
        comment="of the sale; negative; null: no rate is known"
    )
    cost: Mapped[Decimal | None] = mapped_column(
        comment="what the shares cost with fees; negative; null: unknown"
    )
    currency: Mapped[str] = mapped_column(
        comment="ISO 4217; of its amounts: GBP by section 104, else the account's"
    )
