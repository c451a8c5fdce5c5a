"""What the user owns and owes outside any connection."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.auth.models import owner
from postgres.common.enums import ManualAssetType
from postgres.common.models.keys import SCHEMA, audited, same_owner
from postgres.core import Base, HasId, HasTimes, checked

LIABILITIES = frozenset(
    {
        ManualAssetType.STUDENT_LOAN,
        ManualAssetType.MORTGAGE,
        ManualAssetType.OTHER_LIABILITY,
    }
)
"""What is owed: its values are negative."""

_OWED = ", ".join(sorted(f"'{kind.value}'" for kind in LIABILITIES))


class ManualAsset(HasId, HasTimes, Base):
    """Something owned or owed whose worth the user states."""

    __tablename__ = "manual_assets"
    __table_args__ = (
        # What ManualAssetValue refers to: a value has the currency and the sign of its asset.
        sa.UniqueConstraint("id", "user_id", "currency", "is_liability"),
        sa.UniqueConstraint("id", "user_id"),
        sa.CheckConstraint("name ~ '\\S'", name="has_name"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso"),
        sa.CheckConstraint(f"is_liability = (asset_type in ({_OWED}))", name="liability_by_type"),
        audited(),
    )

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str]
    asset_type: Mapped[ManualAssetType] = mapped_column(checked(ManualAssetType))
    is_liability: Mapped[bool] = mapped_column(comment="follows from the type")
    currency: Mapped[str] = mapped_column(comment="ISO 4217")
    closed_on: Mapped[dt.date | None] = mapped_column(
        comment="sold or paid off: from this day on it is worth nothing"
    )


class ManualAssetValue(HasTimes, Base):
    """What an asset is worth from a day on, and how it is paid off from there if it is a loan."""

    __tablename__ = "manual_asset_values"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["asset_id", "user_id", "currency", "is_liability"],
            [
                f"{SCHEMA}.manual_assets.{column}"
                for column in ("id", "user_id", "currency", "is_liability")
            ],
            name="fk_manual_asset_values__its_asset__manual_assets",
            ondelete="CASCADE",
        ),
        # NaN and infinity are larger than any amount.
        sa.CheckConstraint(
            "case when is_liability then amount <= 0 and amount > '-infinity'"
            " else amount >= 0 and amount < 'infinity' end",
            name="sign_by_type",
        ),
        sa.CheckConstraint(
            "num_nonnulls(monthly_payment, months) = num_nonnulls(annual_rate)"
            " and num_nonnulls(first_payment_on) = num_nonnulls(annual_rate)"
            " and (annual_rate is null or is_liability)",
            name="terms_are_whole",
        ),
        sa.CheckConstraint("annual_rate >= 0 and annual_rate < 1", name="annual_rate_is_a_share"),
        sa.CheckConstraint(
            "monthly_payment < 0 and monthly_payment > '-infinity'", name="payment_goes_out"
        ),
        sa.CheckConstraint("months between 1 and 1200", name="months_in_range"),
        audited(),
    )

    asset_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    valued_on: Mapped[dt.date] = mapped_column(
        primary_key=True, comment="the value holds at the end of this day, until the next one"
    )
    user_id: Mapped[uuid.UUID] = owner()
    amount: Mapped[Decimal] = mapped_column(comment="liabilities negative")
    currency: Mapped[str] = mapped_column(comment="the asset's")
    is_liability: Mapped[bool] = mapped_column(comment="the asset's")
    annual_rate: Mapped[Decimal | None] = mapped_column(
        comment="of a loan, as a share: 0.045 is 4.5 per cent a year; null: not paid off by plan"
    )
    monthly_payment: Mapped[Decimal | None] = mapped_column(
        comment="money out: negative; null: what pays the loan off in its months"
    )
    months: Mapped[int | None] = mapped_column(comment="payments from the first one to the last")
    first_payment_on: Mapped[dt.date | None]


class LoanInstalment(Base):
    """A payment that the plan of a loan foresees, with what is owed after it. Derived.

    It follows from the last value before it, see ``postgres.common.amortisation``.
    """

    __tablename__ = "loan_instalments"
    __table_args__ = (
        same_owner("asset_id", "manual_assets", ondelete="CASCADE"),
        {"schema": SCHEMA},
    )

    asset_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    due_on: Mapped[dt.date] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = owner()
    interest: Mapped[Decimal] = mapped_column(comment="part of the payment; money out: negative")
    principal: Mapped[Decimal] = mapped_column(comment="part of the payment; money out: negative")
    balance: Mapped[Decimal] = mapped_column(comment="what is owed after it; negative or 0")
    currency: Mapped[str] = mapped_column(comment="the asset's")
