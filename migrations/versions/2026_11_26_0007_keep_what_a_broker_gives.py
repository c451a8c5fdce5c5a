"""Keep what a broker gives, and how far each of its histories was read.

Revision: 0007, after 0006.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OWNED = ("history_reads", "pending_orders", "pies", "exports", "export_rows")

GRANT = """
do $$
begin
    if exists (select from pg_roles where rolname = 'farthing_app') then
        grant select, insert, update, delete on
            trading212.history_reads, trading212.pending_orders, trading212.pies,
            trading212.exports, trading212.export_rows
        to farthing_app;
        grant select on trading212.exchanges to farthing_app;
    end if;
end
$$
"""


def owned() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
    ]


def raw_row() -> list[sa.Column[Any]]:
    return [
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
    ]


def keys(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["api_key_id", "user_id"],
            ["trading212.api_keys.id", "trading212.api_keys.user_id"],
            name=op.f(f"fk_{table}__api_key_id_user_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f(f"fk_{table}__user_id__users"),
            ondelete="CASCADE",
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "exchanges",
        sa.Column(
            "exchange_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="Trading 212's own",
        ),
        sa.Column("name", sa.Text(), nullable=True),
        *raw_row(),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_exchanges")),
        schema="trading212",
    )
    op.create_table(
        "export_rows",
        *owned(),
        sa.Column(
            "identity_key", sa.Text(), nullable=False, comment="the id, else content and occurrence"
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "refusal", sa.Text(), nullable=True, comment="why it cannot be placed in the ledger"
        ),
        *raw_row(),
        *keys("export_rows"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_rows")),
        sa.UniqueConstraint(
            "api_key_id", "identity_key", name=op.f("uq_export_rows__api_key_id_identity_key")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_export_rows__api_key_id_changed_at"),
        "export_rows",
        ["api_key_id", "changed_at"],
        unique=False,
        schema="trading212",
    )
    op.create_index(
        op.f("ix_export_rows__user_id"),
        "export_rows",
        ["user_id"],
        unique=False,
        schema="trading212",
    )
    op.create_table(
        "exports",
        *owned(),
        sa.Column("report_id", sa.BigInteger(), nullable=False, comment="Trading 212's own"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="as delivered: Queued, Processing, Finished, ...",
        ),
        sa.Column("time_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "landed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when its rows were stored; null: they are not",
        ),
        *raw_row(),
        *keys("exports"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sa.UniqueConstraint(
            "api_key_id", "report_id", name=op.f("uq_exports__api_key_id_report_id")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_exports__user_id"), "exports", ["user_id"], unique=False, schema="trading212"
    )
    op.create_table(
        "history_reads",
        *owned(),
        sa.Column(
            "history",
            sa.Enum(
                "orders",
                "dividends",
                "cash_transactions",
                name="broker_history",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "ways",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="queries that lead to the next page, the best first",
        ),
        sa.Column(
            "through",
            sa.Date(),
            nullable=False,
            comment="the watermark once it is complete: everything newer than its place is read",
        ),
        sa.Column("back_to", sa.Date(), nullable=True, comment="null: to the beginning"),
        sa.Column("pages", sa.Integer(), nullable=False, comment="read so far"),
        sa.Column(
            "occurrences",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="how often it met the content of items that have no id",
        ),
        sa.Column(
            "is_gapped",
            sa.Boolean(),
            nullable=False,
            comment="pages were seen not to follow one another: complete, it is read anew",
        ),
        sa.Column(
            "refusals",
            sa.Integer(),
            nullable=False,
            comment="syncs in which every way to some page was refused as wrong",
        ),
        *keys("history_reads"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_reads")),
        sa.UniqueConstraint(
            "api_key_id", "history", name=op.f("uq_history_reads__api_key_id_history")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_history_reads__user_id"),
        "history_reads",
        ["user_id"],
        unique=False,
        schema="trading212",
    )
    op.create_table(
        "pending_orders",
        *owned(),
        sa.Column(
            "identity_key", sa.Text(), nullable=False, comment="the order's id, else its content"
        ),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column(
            "gone_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was first listed no more: filled or cancelled; null: it waits",
        ),
        *raw_row(),
        *keys("pending_orders"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_orders")),
        sa.UniqueConstraint(
            "api_key_id", "identity_key", name=op.f("uq_pending_orders__api_key_id_identity_key")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_pending_orders__user_id"),
        "pending_orders",
        ["user_id"],
        unique=False,
        schema="trading212",
    )
    op.create_table(
        "pies",
        *owned(),
        sa.Column("pie_id", sa.BigInteger(), nullable=False, comment="Trading 212's own"),
        sa.Column(
            "name", sa.Text(), nullable=True, comment="null: its own answer is still to be read"
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the answer for the pie itself, whole; its slices are in it",
        ),
        sa.Column("detail_read_on", sa.Date(), nullable=True, comment="read at most once a day"),
        sa.Column(
            "gone_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was first listed no more; null: it is there",
        ),
        *raw_row(),
        *keys("pies"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pies")),
        sa.UniqueConstraint("api_key_id", "pie_id", name=op.f("uq_pies__api_key_id_pie_id")),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_pies__user_id"), "pies", ["user_id"], unique=False, schema="trading212"
    )
    for table in OWNED:
        op.execute(f"alter table trading212.{table} enable row level security")
        op.execute(f"alter table trading212.{table} force row level security")
        op.execute(
            f"create policy rows_of_one_user on trading212.{table} using ("
            "user_id = (select auth.session_user_id()) or (select auth.sees_everybody()))"
        )
    op.execute(GRANT)
    op.add_column(
        "provider_limits",
        sa.Column(
            "period",
            sa.Interval(),
            nullable=True,
            comment="that the limit is of, as headers said; null: as documented",
        ),
        schema="auth",
    )
    op.alter_column(
        "provider_limits",
        "name",
        existing_type=sa.TEXT(),
        comment="which limit; trading212: account/path, as told by headers",
        existing_comment="as providers.gocardless.limits calls it",
        existing_nullable=False,
        schema="auth",
    )
    op.add_column(
        "api_keys",
        sa.Column(
            "is_demo",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="of a practice account, which has a host of its own",
        ),
        schema="trading212",
    )
    op.add_column(
        "api_keys",
        sa.Column(
            "reads_exports",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="whether reports are asked for, which Trading 212 tells the user of each time",
        ),
        schema="trading212",
    )
    op.add_column(
        "positions",
        sa.Column("identity_key", sa.Text(), comment="the ticker, else content and occurrence"),
        schema="trading212",
    )
    op.execute("update trading212.positions set identity_key = ticker")
    op.alter_column("positions", "identity_key", nullable=False, schema="trading212")
    op.add_column(
        "positions",
        sa.Column(
            "refusal", sa.Text(), nullable=True, comment="why it cannot be held to an instrument"
        ),
        schema="trading212",
    )
    op.alter_column(
        "positions",
        "ticker",
        existing_type=sa.TEXT(),
        nullable=True,
        comment="null: it is refused",
        schema="trading212",
    )
    op.alter_column(
        "positions",
        "quantity",
        existing_type=sa.NUMERIC(),
        nullable=True,
        comment="0: closed since earlier that day; null: it is refused",
        existing_comment="0: closed since earlier that day",
        schema="trading212",
    )
    op.drop_constraint(
        op.f("uq_positions__api_key_id_as_of_ticker"),
        "positions",
        schema="trading212",
        type_="unique",
    )
    op.create_unique_constraint(
        op.f("uq_positions__api_key_id_as_of_identity_key"),
        "positions",
        ["api_key_id", "as_of", "identity_key"],
        schema="trading212",
    )
    op.create_check_constraint(
        op.f("ck_positions__whole_or_refused"),
        "positions",
        "refusal is not null or (ticker is not null and quantity is not null)",
        schema="trading212",
    )


def downgrade() -> None:
    op.execute(
        "delete from common.quarantine"
        " where raw_table in ('trading212.positions', 'trading212.export_rows')"
    )
    op.execute("delete from trading212.positions where refusal is not null")
    op.execute("delete from auth.provider_limits where provider = 'trading212'")
    op.drop_constraint(
        op.f("ck_positions__whole_or_refused"), "positions", schema="trading212", type_="check"
    )
    op.drop_constraint(
        op.f("uq_positions__api_key_id_as_of_identity_key"),
        "positions",
        schema="trading212",
        type_="unique",
    )
    op.create_unique_constraint(
        op.f("uq_positions__api_key_id_as_of_ticker"),
        "positions",
        ["api_key_id", "as_of", "ticker"],
        schema="trading212",
        postgresql_nulls_not_distinct=False,
    )
    op.alter_column(
        "positions",
        "quantity",
        existing_type=sa.NUMERIC(),
        nullable=False,
        comment="0: closed since earlier that day",
        existing_comment="0: closed since earlier that day; null: it is refused",
        schema="trading212",
    )
    op.alter_column(
        "positions",
        "ticker",
        existing_type=sa.TEXT(),
        nullable=False,
        comment=None,
        existing_comment="null: it is refused",
        schema="trading212",
    )
    op.drop_column("positions", "refusal", schema="trading212")
    op.drop_column("positions", "identity_key", schema="trading212")
    op.drop_column("api_keys", "reads_exports", schema="trading212")
    op.drop_column("api_keys", "is_demo", schema="trading212")
    op.alter_column(
        "provider_limits",
        "name",
        existing_type=sa.TEXT(),
        comment="as providers.gocardless.limits calls it",
        existing_comment="which limit; trading212: account/path, as told by headers",
        existing_nullable=False,
        schema="auth",
    )
    op.drop_column("provider_limits", "period", schema="auth")
    op.drop_index(op.f("ix_pies__user_id"), table_name="pies", schema="trading212")
    op.drop_table("pies", schema="trading212")
    op.drop_index(
        op.f("ix_pending_orders__user_id"), table_name="pending_orders", schema="trading212"
    )
    op.drop_table("pending_orders", schema="trading212")
    op.drop_index(
        op.f("ix_history_reads__user_id"), table_name="history_reads", schema="trading212"
    )
    op.drop_table("history_reads", schema="trading212")
    op.drop_index(op.f("ix_exports__user_id"), table_name="exports", schema="trading212")
    op.drop_table("exports", schema="trading212")
    op.drop_index(op.f("ix_export_rows__user_id"), table_name="export_rows", schema="trading212")
    op.drop_index(
        op.f("ix_export_rows__api_key_id_changed_at"), table_name="export_rows", schema="trading212"
    )
    op.drop_table("export_rows", schema="trading212")
    op.drop_table("exchanges", schema="trading212")
