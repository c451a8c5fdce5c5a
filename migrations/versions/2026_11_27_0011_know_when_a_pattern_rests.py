"""Know in which months of the year a pattern is not due.

Revision: 0011, after 0010.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BEFORE = ("name", "frequency", "amount", "anchor_date", "last_date")


def run_file(name: str) -> None:
    statements = Path(__file__).with_name(name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def touch(generated: tuple[str, ...]) -> None:
    op.execute("drop trigger touch_updated_at on common.recurring_patterns")
    follow = ", ".join(f"'{column}'" for column in generated)
    op.execute(
        "create trigger touch_updated_at before update on common.recurring_patterns"
        f" for each row execute function common.touch_updated_at({follow})"
    )


def upgrade() -> None:
    for column in (
        sa.Column(
            "detected_rest_months",
            postgresql.ARRAY(sa.Integer()),
            nullable=True,
            comment="months of the year, 1 to 12, in which it is not due",
        ),
        sa.Column(
            "rest_months",
            postgresql.ARRAY(sa.Integer()),
            sa.Computed(
                "case when coalesce(user_frequency, detected_frequency)::text = 'monthly'::text"
                " then detected_rest_months else null::integer[] end",
                persisted=True,
            ),
            nullable=True,
            comment="the same, as long as it is monthly",
        ),
    ):
        op.add_column("recurring_patterns", column, schema="common")
    op.create_check_constraint(
        op.f("ck_recurring_patterns__detected_rest_months_are_months"),
        "recurring_patterns",
        "cardinality(detected_rest_months) between 1 and 11"
        " and 1 <= all (detected_rest_months) and 12 >= all (detected_rest_months)",
        schema="common",
    )
    touch((*BEFORE, "rest_months"))
    run_file("0011_rests.sql")


def downgrade() -> None:
    run_file("0011_rests.down.sql")
    touch(BEFORE)
    op.drop_constraint(
        op.f("ck_recurring_patterns__detected_rest_months_are_months"),
        "recurring_patterns",
        schema="common",
    )
    for name in ("rest_months", "detected_rest_months"):
        op.drop_column("recurring_patterns", name, schema="common")
