"""Know the rows of a bank's answers as versions of transactions.

Revision: 0003, after 0002.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BASES = (
    "new",
    "trusted_id",
    "content",
    "shared_id",
    "likeness",
    "settled_id",
    "settled_content",
    "settled_amount",
)

GRANT = """
do $$
begin
    if exists (select from pg_roles where rolname = 'farthing_app') then
        grant select, insert, update, delete on gocardless.answers to farthing_app;
    end if;
end
$$
"""


def run_file(name: str) -> None:
    statements = Path(__file__).with_name(name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="in their order",
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True, comment="null: whatever the bank had"),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_account_id", "user_id"],
            ["gocardless.bank_accounts.id", "gocardless.bank_accounts.user_id"],
            name=op.f("fk_answers__bank_account_id_user_id__bank_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_answers__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_answers__bank_account_id"), "answers", ["bank_account_id"], schema="gocardless"
    )
    op.create_index(op.f("ix_answers__user_id"), "answers", ["user_id"], schema="gocardless")
    op.execute("alter table gocardless.answers enable row level security")
    op.execute("alter table gocardless.answers force row level security")
    op.execute(
        "create policy rows_of_one_user on gocardless.answers using ("
        "user_id = (select auth.session_user_id()) or (select auth.sees_everybody()))"
    )
    op.execute(GRANT)

    op.add_column(
        "bank_accounts",
        sa.Column(
            "scanned_on",
            sa.Date(),
            comment="when all days that the bank gives were last read at once",
        ),
        schema="gocardless",
    )
    op.add_column(
        "bank_accounts",
        sa.Column(
            "gaps",
            postgresql.DATEMULTIRANGE(),
            server_default="{}",
            nullable=False,
            comment="days that nothing was read of: they passed before the bank could be asked",
        ),
        schema="gocardless",
    )
    op.add_column(
        "bank_accounts",
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="errors in a row that move the account towards its suspension",
        ),
        schema="gocardless",
    )
    op.add_column(
        "bank_accounts",
        sa.Column(
            "failing",
            sa.Text(),
            comment="what the last of them was about: balances or transactions",
        ),
        schema="gocardless",
    )
    op.add_column(
        "bank_accounts",
        sa.Column(
            "failed_at",
            sa.DateTime(timezone=True),
            comment="when the last of them came, by the real clock",
        ),
        schema="gocardless",
    )
    op.add_column(
        "bank_accounts",
        sa.Column(
            "identified_through",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="last answer whose rows are known as transactions; 0: decide on all again",
        ),
        schema="gocardless",
    )
    for column in (
        sa.Column(
            "shown",
            postgresql.INT8MULTIRANGE(),
            comment="the answers that it stood in; open: it stands in the last one",
        ),
        sa.Column(
            "ledger_id",
            sa.Uuid(),
            comment="the transaction that it is a version of; null: not decided yet, or doubtful",
        ),
        sa.Column("identified_by", sa.String(length=32)),
        sa.Column(
            "doubt",
            sa.Text(),
            comment="what of its identity a person has to decide; null: nothing",
        ),
    ):
        op.add_column("transactions", column, schema="gocardless")
    run_file("0003_versions.sql")
    op.alter_column("transactions", "shown", nullable=False, schema="gocardless")
    op.alter_column(
        "transactions",
        "identity_key",
        comment="digest of the content and, among equal rows of an answer, the place",
        existing_comment="see postgres.identity",
        schema="gocardless",
    )
    op.create_check_constraint(
        op.f("ck_transactions__identity_basis"),
        "transactions",
        sa.column("identified_by").in_(BASES),
        schema="gocardless",
    )
    op.create_check_constraint(
        op.f("ck_transactions__refused_is_no_version"),
        "transactions",
        "refusal is null or ledger_id is null",
        schema="gocardless",
    )
    op.create_check_constraint(
        op.f("ck_transactions__shown_or_withdrawn"),
        "transactions",
        "(withdrawn_at is null) = upper_inf(shown)",
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_transactions__bank_account_id_internal_transaction_id"),
        "transactions",
        ["bank_account_id", "internal_transaction_id"],
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_transactions__ledger_id"), "transactions", ["ledger_id"], schema="gocardless"
    )


def downgrade() -> None:
    op.alter_column(
        "transactions",
        "identity_key",
        comment="see postgres.identity",
        existing_comment="digest of the content and, among equal rows of an answer, the place",
        schema="gocardless",
    )
    run_file("0003_versions.down.sql")
    op.drop_index(
        op.f("ix_transactions__ledger_id"), table_name="transactions", schema="gocardless"
    )
    op.drop_index(
        op.f("ix_transactions__bank_account_id_internal_transaction_id"),
        table_name="transactions",
        schema="gocardless",
    )
    for check in ("shown_or_withdrawn", "refused_is_no_version", "identity_basis"):
        op.drop_constraint(op.f(f"ck_transactions__{check}"), "transactions", schema="gocardless")
    for column in ("doubt", "identified_by", "ledger_id", "shown"):
        op.drop_column("transactions", column, schema="gocardless")
    for column in ("identified_through", "failed_at", "failing", "failures", "gaps", "scanned_on"):
        op.drop_column("bank_accounts", column, schema="gocardless")
    op.drop_table("answers", schema="gocardless")
