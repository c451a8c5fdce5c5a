"""Follow a consent through its confirmations and renewals, and an account through its ids.

Revision: 0005, after 0004.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TOLD = (
    "recurring_detected",
    "price_change",
    "missed_payment",
    "consent_expiry",
    "sync_complete",
    "sync_failed",
    "export_complete",
    "budget_warning",
    "budget_exceeded",
    "goal_reached",
    "milestone_reached",
    "low_balance",
)

GRANT = """
do $$
begin
    if exists (select from pg_roles where rolname = 'farthing_app') then
        grant select, insert, update, delete on gocardless.reconfirmations to farthing_app;
    end if;
end
$$
"""


def run_file(name: str) -> None:
    statements = Path(__file__).with_name(name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def allow_notifications(types: tuple[str, ...]) -> None:
    name = op.f("ck_notifications__notification_type")
    op.drop_constraint(name, "notifications", schema="common")
    op.create_check_constraint(
        name, "notifications", sa.column("type").in_(types), schema="common"
    )


def upgrade() -> None:
    op.create_table(
        "reconfirmations",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=False, comment="where the user confirms"),
        sa.Column("url_valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url_valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "confirmed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the last account was confirmed; null: none was yet",
        ),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the provider's own object, whole",
        ),
        sa.Column(
            "content_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the payload as canonical JSON",
        ),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seen_run_id", sa.Text(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when its content or its place in the answers last changed",
        ),
        sa.Column("changed_run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id", "user_id"],
            ["gocardless.agreements.id", "gocardless.agreements.user_id"],
            name=op.f("fk_reconfirmations__agreement_id_user_id__agreements"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_reconfirmations__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconfirmations")),
        sa.UniqueConstraint(
            "agreement_id",
            "requested_at",
            name=op.f("uq_reconfirmations__agreement_id_requested_at"),
        ),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_reconfirmations__user_id"), "reconfirmations", ["user_id"], schema="gocardless"
    )
    op.execute("alter table gocardless.reconfirmations enable row level security")
    op.execute("alter table gocardless.reconfirmations force row level security")
    op.execute(
        "create policy rows_of_one_user on gocardless.reconfirmations using ("
        "user_id = (select auth.session_user_id()) or (select auth.sees_everybody()))"
    )
    op.execute(GRANT)
    op.add_column(
        "agreements",
        sa.Column(
            "has_reconfirmation",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the user has to confirm it every 90 days",
        ),
        schema="gocardless",
    )
    op.add_column(
        "requisitions",
        sa.Column(
            "connection_id",
            sa.Uuid(),
            comment="the connection of the ledger that it opens or renews; null: not decided yet",
        ),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_requisitions__connection_id"),
        "requisitions",
        ["connection_id"],
        schema="gocardless",
    )
    op.add_column(
        "requisitions",
        sa.Column(
            "linked_at",
            sa.DateTime(timezone=True),
            comment="when it was first seen linked; from then on it reads in place of what it"
            " renews",
        ),
        schema="gocardless",
    )
    op.add_column(
        "bank_accounts",
        sa.Column(
            "account_id",
            sa.Uuid(),
            comment="the account of the ledger that it is; null: not decided yet, or the user is"
            " asked",
        ),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_bank_accounts__account_id"), "bank_accounts", ["account_id"], schema="gocardless"
    )
    op.add_column(
        "connections",
        sa.Column(
            "is_reconfirmable",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="true: confirming the consent once more keeps it alive; false: it takes a new"
            " one",
        ),
        schema="common",
    )
    op.alter_column(
        "connections",
        "consent_expires_at",
        comment="computed: when reading ends unless the user acts; null: it does not end",
        existing_comment="computed from acceptance and validity; null: does not expire",
        schema="common",
    )
    allow_notifications((*TOLD, "account_unclear"))
    run_file("0005_consents.sql")


def downgrade() -> None:
    op.execute("delete from common.notifications where type = 'account_unclear'")
    allow_notifications(TOLD)
    op.alter_column(
        "connections",
        "consent_expires_at",
        comment="computed from acceptance and validity; null: does not expire",
        existing_comment="computed: when reading ends unless the user acts; null: it does not end",
        schema="common",
    )
    op.drop_column("connections", "is_reconfirmable", schema="common")
    op.drop_index(
        op.f("ix_bank_accounts__account_id"), table_name="bank_accounts", schema="gocardless"
    )
    op.drop_column("bank_accounts", "account_id", schema="gocardless")
    op.drop_column("requisitions", "linked_at", schema="gocardless")
    op.drop_index(
        op.f("ix_requisitions__connection_id"), table_name="requisitions", schema="gocardless"
    )
    op.drop_column("requisitions", "connection_id", schema="gocardless")
    op.drop_column("agreements", "has_reconfirmation", schema="gocardless")
    op.drop_table("reconfirmations", schema="gocardless")
