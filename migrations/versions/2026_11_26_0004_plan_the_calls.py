"""Plan the calls that banks and GoCardless allow.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
INSTANTS = postgresql.ARRAY(INSTANT)

GRANT = """
do $$
begin
    if exists (select from pg_roles where rolname = 'farthing_app') then
        grant select, insert, update, delete on common.deferrals to farthing_app;
    end if;
end
$$
"""


def upgrade() -> None:
    op.create_table(
        "provider_tokens",
        sa.Column(
            "secrets_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the provider's address and the secrets",
        ),
        sa.Column(
            "sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="the tokens, encrypted; what does not open is asked for anew",
        ),
        sa.Column("kept_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "octet_length(secrets_hash) = 32",
            name=op.f("ck_provider_tokens__secrets_hash_is_sha256"),
        ),
        sa.PrimaryKeyConstraint("secrets_hash", name=op.f("pk_provider_tokens")),
        schema="auth",
    )
    op.create_table(
        "provider_limits",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="as providers.gocardless.limits calls it"
        ),
        sa.Column(
            "called_at",
            INSTANTS,
            server_default="{}",
            nullable=False,
            comment="the calls of the running period, by the database's clock, as is closed_until",
        ),
        sa.Column(
            "closed_until",
            INSTANT,
            nullable=True,
            comment="the provider said that no call is possible before",
        ),
        sa.Column("calls_limit", sa.Integer(), nullable=True),
        sa.Column("calls_remaining", sa.Integer(), nullable=True),
        sa.Column("resets_at", INSTANT, nullable=True, comment="by the ledger's clock"),
        sa.Column(
            "observed_at", INSTANT, nullable=True, comment="when headers last said so; null: never"
        ),
        sa.PrimaryKeyConstraint("provider", "name", name=op.f("pk_provider_limits")),
        schema="auth",
    )
    op.create_table(
        "deferrals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False, comment="schema.table that it writes"),
        sa.Column(
            "account",
            sa.Text(),
            nullable=False,
            comment="the provider's id of the account; empty: the connection itself",
        ),
        sa.Column("resumes_at", INSTANT, nullable=False, comment="by the ledger's clock"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False, comment="the run that left it"),
        sa.ForeignKeyConstraint(
            ["connection_id", "user_id"],
            ["common.connections.id", "common.connections.user_id"],
            name=op.f("fk_deferrals__connection_id_user_id__connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_deferrals__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deferrals")),
        sa.UniqueConstraint(
            "connection_id",
            "step",
            "account",
            name=op.f("uq_deferrals__connection_id_step_account"),
        ),
        schema="common",
    )
    op.create_index(op.f("ix_deferrals__resumes_at"), "deferrals", ["resumes_at"], schema="common")
    op.create_index(op.f("ix_deferrals__user_id"), "deferrals", ["user_id"], schema="common")
    op.execute("alter table common.deferrals enable row level security")
    op.execute("alter table common.deferrals force row level security")
    op.execute(
        "create policy rows_of_one_user on common.deferrals using ("
        "user_id = (select auth.session_user_id()) or (select auth.sees_everybody()))"
    )
    op.execute(GRANT)

    for column in (
        sa.Column(
            "called_at",
            INSTANTS,
            server_default="{}",
            nullable=False,
            comment="the calls of the last two days, also those that failed",
        ),
        sa.Column("read_at", INSTANT, comment="when it was last answered"),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment=(
                "errors in a row, of this kind of data, that move the account towards suspension"
            ),
        ),
        sa.Column("failed_at", INSTANT, comment="when the last of them came"),
        sa.Column(
            "refusal",
            sa.Text(),
            comment=(
                "why it is not asked, as providers.gocardless.errors.Refusal; null: it may be"
            ),
        ),
        sa.Column("refusal_reason", sa.Text()),
        sa.Column("refused_until", INSTANT, comment="until when; null: until a new consent"),
    ):
        op.add_column("rate_limits", column, schema="gocardless")
    for table, column, after, before in COMMENTS:
        op.alter_column(
            table, column, comment=after, existing_comment=before, schema="gocardless"
        )


def downgrade() -> None:
    for table, column, after, before in COMMENTS:
        op.alter_column(
            table, column, comment=before, existing_comment=after, schema="gocardless"
        )
    for column in (
        "refused_until",
        "refusal_reason",
        "refusal",
        "failed_at",
        "failures",
        "read_at",
        "called_at",
    ):
        op.drop_column("rate_limits", column, schema="gocardless")
    op.drop_table("deferrals", schema="common")
    op.drop_table("provider_limits", schema="auth")
    op.drop_table("provider_tokens", schema="auth")


COMMENTS = (
    ("rate_limits", "resets_at", None, "by the real clock"),
    (
        "rate_limits",
        "observed_at",
        "when headers last said so; before they ever did, when it was first asked for",
        None,
    ),
    (
        "bank_accounts",
        "failing",
        "what the last of them was about: balances, details or transactions",
        "what the last of them was about: balances or transactions",
    ),
    (
        "bank_accounts",
        "failed_at",
        "when the last of them came",
        "when the last of them came, by the real clock",
    ),
)
