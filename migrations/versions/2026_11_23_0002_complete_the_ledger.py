"""Complete the ledger: every entity, its owner's lock on it, its states, its audit.

Revision: 0002, after 0001.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Functions and the triggers of single tables, in this order; each has its way back beside it.
SQL = ("sessions", "states", "audit")

# Tables that came with this revision and whose updated_at moves by trigger.
TOUCHED = ()

# Tables whose rows are one user's; the user's own row is one more.
OWNED = (
    "common.account_links",
    "common.accounts",
    "common.audit_log",
    "common.balance_snapshots",
    "common.connections",
    "common.holdings",
    "common.jobs",
    "common.merchants",
    "common.notifications",
    "common.quarantine",
    "common.recurring_pattern_transactions",
    "common.recurring_patterns",
    "common.transactions",
    "gocardless.agreements",
    "gocardless.balances",
    "gocardless.bank_accounts",
    "gocardless.rate_limits",
    "gocardless.requisitions",
    "gocardless.transactions",
    "trading212.account_summaries",
    "trading212.api_keys",
    "trading212.cash_transactions",
    "trading212.dividends",
    "trading212.orders",
    "trading212.positions",
)

# Tables that are the same for everybody: an application reads them.
SHARED = (
    "common.institutions",
    "common.instruments",
    "gocardless.institutions",
    "trading212.instruments",
)

# Tables whose changes are kept, the columns of their key, and the only columns that count if not all.
AUDITED = {
    "common.accounts": ("id", ("display_name", "status")),
    "common.recurring_pattern_transactions": ("transaction_id", ()),
    "common.recurring_patterns": ("id", ()),
    "common.transactions": ("id", ("user_note",)),
}

# The ways of each state machine.
TRANSITIONS = {
    "common.connections": (
        "pending>active",
        "pending>error",
        "pending>expired",
        "active>error",
        "active>expired",
        "expired>active",
        "expired>error",
        "error>active",
        "error>expired",
    ),
    "common.jobs": (
        "pending>failed",
        "pending>running",
        "running>completed",
        "running>failed",
        "running>partial",
        "completed>partial",
        "completed>running",
        "partial>running",
        "failed>partial",
        "failed>running",
    ),
    "common.recurring_patterns": (
        "pending>active",
        "pending>cancelled",
        "active>cancelled",
        "active>paused",
        "paused>active",
        "paused>cancelled",
    ),
    "common.transactions": (
        "pending>booked",
        "pending>void",
        "booked>void",
        "void>booked",
        "void>pending",
    ),
}

# Enums that have more members than before: table, column, CHECK, members.
GREW = (
    (
        "common",
        "notifications",
        "type",
        "notification_type",
        (
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
        ),
    ),
    ("common", "jobs", "job_type", "job_type", ("sync", "analytics", "export")),
)
SHRANK = (
    (
        "common",
        "notifications",
        "type",
        "notification_type",
        ("consent_expiry", "recurring_detected", "sync_failed"),
    ),
    ("common", "jobs", "job_type", "job_type", ("analytics", "sync")),
)

# NOLOGIN: operators grant it to the role that their application connects as.
APPLICATION_ROLE = """
do $$
begin
    begin
        create role farthing_app nologin;
    exception
        when duplicate_object or unique_violation then null;
        when insufficient_privilege then
            raise notice 'role farthing_app was not created; ask the owner of the server for it';
    end;
    begin
        -- Who made a role may not act as it before it is granted, from PostgreSQL 16 on.
        execute format('grant farthing_app to %I', current_user);
    exception
        when others then null;
    end;
end
$$
"""

# Without the role there is nobody to grant to; `farthing db upgrade` says how to make up for it.
GRANTS = """
do $$
declare
    relation text;
begin
    if not exists (select from pg_roles where rolname = 'farthing_app') then
        return;
    end if;
    grant usage on schema auth, common, gocardless, trading212 to farthing_app;
    foreach relation in array {owned} loop
        execute format('grant select, insert, update, delete on %s to farthing_app', relation);
    end loop;
    foreach relation in array {shared} loop
        execute format('grant select on %s to farthing_app', relation);
    end loop;
    grant select, update, delete on auth.users to farthing_app;
    revoke insert, update, delete on common.audit_log from farthing_app;
end
$$
"""

REVOKES = """
do $$
begin
    if exists (select from pg_roles where rolname = 'farthing_app') then
        revoke all on all tables in schema auth, common, gocardless, trading212 from farthing_app;
        revoke all on schema auth, common, gocardless, trading212 from farthing_app;
    end if;
end
$$
"""


def run_file(name: str) -> None:
    statements = Path(__file__).with_name(name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def array(names: tuple[str, ...]) -> str:
    return "array[" + ", ".join(f"'{name}'" for name in names) + "]"


def guard_rows(table: str, owner: str) -> None:
    """Show and take only rows of the session's user; the platform's own sessions see all."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(
        f"create policy rows_of_one_user on {table} using ("
        f"{owner} = (select auth.session_user_id()) or (select auth.sees_everybody()))"
    )


def release_rows(table: str) -> None:
    op.execute(f"drop policy rows_of_one_user on {table}")
    op.execute(f"alter table {table} no force row level security")
    op.execute(f"alter table {table} disable row level security")


def audit(table: str, key: str, columns: tuple[str, ...]) -> None:
    arguments = ", ".join(f"'{argument}'" for argument in (key, *columns))
    # Which rows a sync inserts is told by the raw rows.
    events = {"update": "old table as old_rows new table as new_rows"}
    if not columns:
        events |= {"insert": "new table as new_rows", "delete": "old table as old_rows"}
    for event, rows in events.items():
        op.execute(
            f"create trigger audit_{event} after {event} on {table} referencing {rows}"
            f" for each statement execute function common.audit_changes({arguments})"
        )


def allow(members: tuple[tuple[str, str, str, str, tuple[str, ...]], ...]) -> None:
    for schema, table, column, check, values in members:
        op.drop_constraint(op.f(f"ck_{table}__{check}"), table, schema=schema, type_="check")
        op.create_check_constraint(
            op.f(f"ck_{table}__{check}"), table, sa.column(column).in_(values), schema=schema
        )


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False, comment="schema.table"),
        sa.Column(
            "row_key",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="primary key of the row, by column",
        ),
        sa.Column(
            "action",
            sa.Enum(
                "insert",
                "update",
                "delete",
                name="audit_action",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "before",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="null: there was none",
        ),
        sa.Column(
            "after",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="null: there is none",
        ),
        sa.Column(
            "actor",
            sa.Text(),
            server_default=sa.text(
                "coalesce(nullif(current_setting('farthing.actor', true), ''), 'system')"
            ),
            nullable=False,
            comment="user, system, or what acted for the user, such as write_back:<run id>",
        ),
        sa.Column(
            "change_set",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
            comment="the database transaction; what was changed together",
        ),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="by the database's clock",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_audit_log__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        schema="common",
    )
    op.create_index(
        op.f("ix_audit_log__user_id"), "audit_log", ["user_id"], unique=False, schema="common"
    )
    op.create_index(
        op.f("ix_audit_log__user_id_change_set"),
        "audit_log",
        ["user_id", "change_set"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_audit_log__user_id_table_name_row_key"),
        "audit_log",
        ["user_id", "table_name", "row_key"],
        unique=False,
        schema="common",
    )
    op.add_column(
        "transactions",
        sa.Column(
            "was_booked",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="it left booked once; it never becomes pending again",
        ),
        schema="common",
    )
    allow(GREW)
    for name in SQL:
        run_file(f"0002_{name}.sql")
    for table in TOUCHED:
        op.execute(
            f"create trigger touch_updated_at before update on {table}"
            " for each row execute function common.touch_updated_at()"
        )
    for table, moves in TRANSITIONS.items():
        arguments = ", ".join(f"'{move}'" for move in moves)
        op.execute(
            f"create trigger guard_transition before update of status on {table} for each row"
            " when (old.status is distinct from new.status)"
            f" execute function common.guard_transition({arguments})"
        )
    for table, (key, columns) in AUDITED.items():
        audit(table, key, columns)
    guard_rows("auth.users", "id")
    for table in OWNED:
        guard_rows(table, "user_id")
    op.execute(APPLICATION_ROLE)
    op.execute(GRANTS.format(owned=array(OWNED), shared=array(SHARED)))


def downgrade() -> None:
    op.execute(REVOKES)
    for table in OWNED:
        release_rows(table)
    release_rows("auth.users")
    for table, (_, columns) in AUDITED.items():
        for event in ("update",) if columns else ("insert", "update", "delete"):
            op.execute(f"drop trigger audit_{event} on {table}")
    for table in TRANSITIONS:
        op.execute(f"drop trigger guard_transition on {table}")
    for table in TOUCHED:
        op.execute(f"drop trigger touch_updated_at on {table}")
    for name in reversed(SQL):
        run_file(f"0002_{name}.down.sql")
    allow(SHRANK)
    op.drop_column("transactions", "was_booked", schema="common")
    op.drop_index(
        op.f("ix_audit_log__user_id_table_name_row_key"), table_name="audit_log", schema="common"
    )
    op.drop_index(op.f("ix_audit_log__user_id_change_set"), table_name="audit_log", schema="common")
    op.drop_index(op.f("ix_audit_log__user_id"), table_name="audit_log", schema="common")
    op.drop_table("audit_log", schema="common")
