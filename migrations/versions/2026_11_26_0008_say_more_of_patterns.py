"""Say of a pattern how it comes and why it is taken for one, and tell of its end and of duplicates.

Revision: 0008, after 0007.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATES = ("tentative", "confirmed", "overdue", "ended")

TOLD = (
    "recurring_detected",
    "price_change",
    "missed_payment",
    "consent_expiry",
    "account_unclear",
    "sync_complete",
    "sync_failed",
    "export_complete",
    "budget_warning",
    "budget_exceeded",
    "goal_reached",
    "milestone_reached",
    "low_balance",
)
NEW = ("recurring_ended", "duplicate_charge")


def run_file(name: str) -> None:
    statements = Path(__file__).with_name(name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def allow_notifications(types: tuple[str, ...]) -> None:
    name = op.f("ck_notifications__notification_type")
    op.drop_constraint(name, "notifications", schema="common")
    op.create_check_constraint(name, "notifications", sa.column("type").in_(types), schema="common")


def upgrade() -> None:
    for column in (
        sa.Column(
            "detected_amount_low",
            sa.Numeric(),
            nullable=True,
            comment="the lowest signed amount that the next payment is likely to have",
        ),
        sa.Column(
            "detected_amount_high",
            sa.Numeric(),
            nullable=True,
            comment="the highest signed amount that the next payment is likely to have",
        ),
        sa.Column(
            "detected_schedule",
            sa.Text(),
            nullable=True,
            comment="such as: monthly on the 28th, moved to the next working day",
        ),
        sa.Column(
            "detected_nominal_date",
            sa.Date(),
            nullable=True,
            comment="the same day before it is moved",
        ),
        sa.Column(
            "detected_reasons",
            sa.Text(),
            nullable=True,
            comment="why it is taken for a pattern, in sentences",
        ),
        sa.Column(
            "detected_state",
            sa.Enum(*STATES, name="detected_state", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column(
            "detected_price_changed_on",
            sa.Date(),
            nullable=True,
            comment="booking date of the first payment at the present price",
        ),
    ):
        op.add_column("recurring_patterns", column, schema="common")
    op.alter_column(
        "recurring_patterns",
        "detected_next_date",
        schema="common",
        existing_type=sa.Date(),
        existing_nullable=True,
        comment="moved off a day that is no working day, as the series is",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__detected_state"),
        "recurring_patterns",
        sa.column("detected_state").in_(STATES),
        schema="common",
    )
    allow_notifications((*TOLD, *NEW))
    run_file("0008_patterns.sql")


def downgrade() -> None:
    run_file("0008_patterns.down.sql")
    # Nobody would know what they are about.
    notifications = sa.table("notifications", sa.column("type", sa.Text), schema="common")
    op.execute(sa.delete(notifications).where(notifications.c.type.in_(NEW)))
    allow_notifications(TOLD)
    op.drop_constraint(
        op.f("ck_recurring_patterns__detected_state"), "recurring_patterns", schema="common"
    )
    op.alter_column(
        "recurring_patterns",
        "detected_next_date",
        schema="common",
        existing_type=sa.Date(),
        existing_nullable=True,
        comment=None,
    )
    for name in (
        "detected_price_changed_on",
        "detected_state",
        "detected_reasons",
        "detected_nominal_date",
        "detected_schedule",
        "detected_amount_high",
        "detected_amount_low",
    ):
        op.drop_column("recurring_patterns", name, schema="common")
