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
SQL = ("sessions", "states", "audit", "budgets", "rates")

# Tables that came with this revision and whose updated_at moves by trigger.
TOUCHED = (
    "common.budget_limits",
    "common.budgets",
    "common.fx_rates",
    "common.tag_rules",
    "common.tags",
    "common.transaction_splits",
    "common.transfers",
)

# Tables whose rows are one user's; the user's own row is one more.
OWNED = (
    "common.account_links",
    "common.accounts",
    "common.audit_log",
    "common.balance_snapshots",
    "common.budget_limits",
    "common.budget_tags",
    "common.budgets",
    "common.connections",
    "common.holdings",
    "common.jobs",
    "common.merchants",
    "common.notifications",
    "common.quarantine",
    "common.recurring_pattern_transactions",
    "common.recurring_patterns",
    "common.tag_removals",
    "common.tag_rules",
    "common.tags",
    "common.transaction_splits",
    "common.transactions",
    "common.transfers",
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
    "common.fx_rates",
    "common.institutions",
    "common.instruments",
    "gocardless.institutions",
    "trading212.instruments",
)

# Tables whose changes are kept, the columns of their key, and the only columns that count if not all.
AUDITED = {
    "common.accounts": ("id", ("display_name", "status")),
    "common.budget_limits": ("budget_id,effective_from", ()),
    "common.budget_tags": ("budget_id,tag_id", ()),
    "common.budgets": ("id", ()),
    "common.recurring_pattern_transactions": ("transaction_id", ()),
    "common.recurring_patterns": ("id", ()),
    "common.tag_removals": ("transaction_id,tag_id", ()),
    "common.tag_rules": ("id", ()),
    "common.tags": ("id", ()),
    "common.transaction_splits": ("id", ()),
    "common.transactions": ("id", ("user_note",)),
    "common.transfers": ("id", ()),
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
        ("recurring_detected", "consent_expiry", "sync_failed"),
    ),
    ("common", "jobs", "job_type", "job_type", ("sync", "analytics")),
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
    op.create_unique_constraint(
        op.f("uq_agreements__id_user_id"), "agreements", ["id", "user_id"], schema="gocardless"
    )
    op.create_unique_constraint(
        op.f("uq_bank_accounts__id_user_id"),
        "bank_accounts",
        ["id", "user_id"],
        schema="gocardless",
    )
    op.create_unique_constraint(
        op.f("uq_requisitions__id_user_id"), "requisitions", ["id", "user_id"], schema="gocardless"
    )
    op.create_unique_constraint(
        op.f("uq_api_keys__id_user_id"), "api_keys", ["id", "user_id"], schema="trading212"
    )
    op.create_table(
        "fx_rates",
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217; not EUR"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "rate", sa.Numeric(), nullable=False, comment="units of the currency for one euro"
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="ecb"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$' and currency <> 'EUR'", name=op.f("ck_fx_rates__currency")
        ),
        sa.CheckConstraint("rate > 0", name=op.f("ck_fx_rates__rate")),
        sa.PrimaryKeyConstraint("currency", "day", name=op.f("pk_fx_rates")),
        schema="common",
    )
    op.create_index(op.f("ix_fx_rates__day"), "fx_rates", ["day"], unique=False, schema="common")
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
    op.create_table(
        "budgets",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="unique for its user whatever the case"
        ),
        sa.Column(
            "period",
            sa.Enum(
                "weekly",
                "monthly",
                "quarterly",
                "annual",
                name="budget_period",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="ISO 4217; what is spent in others is converted",
        ),
        sa.Column(
            "starts_on",
            sa.Date(),
            nullable=False,
            comment="first day of the first period; the others repeat from it: months from the 25th, weeks from a Wednesday, years from 6 April",
        ),
        sa.Column(
            "is_overall",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="covers all spending, whatever its tag",
        ),
        sa.Column(
            "rollover",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="what a period leaves, or spends too much, carries over to the next",
        ),
        sa.Column(
            "warning_pct",
            sa.Numeric(),
            server_default="80",
            nullable=False,
            comment="per cent of what is available at which the user is warned",
        ),
        sa.Column(
            "is_enabled",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="false: in no overview, and nobody is told of it",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_budgets__currency_is_iso")),
        sa.CheckConstraint("name ~ '\\S'", name=op.f("ck_budgets__has_name")),
        sa.CheckConstraint(
            "warning_pct > 0 and warning_pct <= 100", name=op.f("ck_budgets__warning_pct_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_budgets__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
        sa.UniqueConstraint(
            "id", "user_id", "currency", name=op.f("uq_budgets__id_user_id_currency")
        ),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_budgets__id_user_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_budgets__user_id"), "budgets", ["user_id"], unique=False, schema="common"
    )
    op.create_index(
        "uq_budgets__user_id_lower_name",
        "budgets",
        ["user_id", sa.literal_column("lower(name)")],
        unique=True,
        schema="common",
    )
    op.create_table(
        "tags",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="unique for its user whatever the case"
        ),
        sa.Column("colour", sa.Text(), nullable=True, comment="#rrggbb"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["auth.users.id"], name=op.f("fk_tags__user_id__users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_tags__id_user_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(op.f("ix_tags__user_id"), "tags", ["user_id"], unique=False, schema="common")
    op.create_index(
        "uq_tags__user_id_lower_name",
        "tags",
        ["user_id", sa.literal_column("lower(name)")],
        unique=True,
        schema="common",
    )
    op.create_table(
        "budget_limits",
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False, comment="a period; not negative"),
        sa.Column("currency", sa.Text(), nullable=False, comment="the budget's"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "amount >= 0 and amount < 'infinity'", name=op.f("ck_budget_limits__amount_is_money")
        ),
        sa.ForeignKeyConstraint(
            ["budget_id", "user_id", "currency"],
            ["common.budgets.id", "common.budgets.user_id", "common.budgets.currency"],
            name=op.f("fk_budget_limits__budget_id_user_id_currency__budgets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_budget_limits__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("budget_id", "effective_from", name=op.f("pk_budget_limits")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_budget_limits__user_id"),
        "budget_limits",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "budget_tags",
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["budget_id", "user_id"],
            ["common.budgets.id", "common.budgets.user_id"],
            name=op.f("fk_budget_tags__budget_id_user_id__budgets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tag_id", "user_id"],
            ["common.tags.id", "common.tags.user_id"],
            name=op.f("fk_budget_tags__tag_id_user_id__tags"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_budget_tags__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("budget_id", "tag_id", name=op.f("pk_budget_tags")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_budget_tags__tag_id"), "budget_tags", ["tag_id"], unique=False, schema="common"
    )
    op.create_index(
        op.f("ix_budget_tags__user_id"), "budget_tags", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "tag_rules",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, comment="the lowest is asked first"),
        sa.Column(
            "conditions",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="tree of all, any and not over tests of a transaction; an empty one matches nothing",
        ),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["tag_id", "user_id"],
            ["common.tags.id", "common.tags.user_id"],
            name=op.f("fk_tag_rules__tag_id_user_id__tags"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_tag_rules__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_rules")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_tag_rules__id_user_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_tag_rules__tag_id"), "tag_rules", ["tag_id"], unique=False, schema="common"
    )
    op.create_index(
        op.f("ix_tag_rules__user_id"), "tag_rules", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "tag_removals",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["tag_id", "user_id"],
            ["common.tags.id", "common.tags.user_id"],
            name=op.f("fk_tag_removals__tag_id_user_id__tags"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_tag_removals__transaction_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_tag_removals__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transaction_id", "tag_id", name=op.f("pk_tag_removals")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_tag_removals__tag_id"), "tag_removals", ["tag_id"], unique=False, schema="common"
    )
    op.create_index(
        op.f("ix_tag_removals__user_id"), "tag_removals", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "transaction_splits",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=True, comment="null: not tagged"),
        sa.Column("amount", sa.Numeric(), nullable=False, comment="signed like the transaction"),
        sa.Column("currency", sa.Text(), nullable=False, comment="the transaction's"),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "source",
            sa.Enum(
                "user",
                "rule",
                name="split_source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rule_id", sa.Uuid(), nullable=True, comment="the rule that made it"),
        sa.Column(
            "needs_review",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="rescaled, because a sync changed the amount",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["rule_id", "user_id"],
            ["common.tag_rules.id", "common.tag_rules.user_id"],
            name=op.f("fk_transaction_splits__rule_id_user_id__tag_rules"),
            ondelete="SET NULL (rule_id)",
        ),
        sa.ForeignKeyConstraint(
            ["tag_id", "user_id"],
            ["common.tags.id", "common.tags.user_id"],
            name=op.f("fk_transaction_splits__tag_id_user_id__tags"),
            ondelete="SET NULL (tag_id)",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_transaction_splits__transaction_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_transaction_splits__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transaction_splits")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_transaction_splits__id_user_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_transaction_splits__rule_id"),
        "transaction_splits",
        ["rule_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transaction_splits__tag_id"),
        "transaction_splits",
        ["tag_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transaction_splits__transaction_id"),
        "transaction_splits",
        ["transaction_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transaction_splits__user_id"),
        "transaction_splits",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("outgoing_id", sa.Uuid(), nullable=False, comment="the negative leg"),
        sa.Column("incoming_id", sa.Uuid(), nullable=False, comment="the positive leg"),
        sa.Column(
            "status",
            sa.Enum(
                "suggested",
                "linked",
                "confirmed",
                "rejected",
                name="transfer_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("confidence", sa.Numeric(), nullable=False, comment="0 to 1"),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="why they belong together, for a person"
        ),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the user confirmed or rejected it; no run moves it then",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["incoming_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_transfers__incoming_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["outgoing_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_transfers__outgoing_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_transfers__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint(
            "outgoing_id", "incoming_id", name=op.f("uq_transfers__outgoing_id_incoming_id")
        ),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_transfers__incoming_id"),
        "transfers",
        ["incoming_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transfers__user_id"), "transfers", ["user_id"], unique=False, schema="common"
    )
    op.create_index(
        "uq_transfers__incoming_id_counted",
        "transfers",
        ["incoming_id"],
        unique=True,
        schema="common",
        postgresql_where=sa.text("status in ('linked', 'confirmed')"),
    )
    op.create_index(
        "uq_transfers__outgoing_id_counted",
        "transfers",
        ["outgoing_id"],
        unique=True,
        schema="common",
        postgresql_where=sa.text("status in ('linked', 'confirmed')"),
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
    op.drop_constraint(
        op.f("fk_balances__bank_account_id__bank_accounts"),
        "balances",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_balances__bank_account_id_user_id__bank_accounts"),
        "balances",
        "bank_accounts",
        ["bank_account_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_bank_accounts__requisition_id__requisitions"),
        "bank_accounts",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_bank_accounts__requisition_id_user_id__requisitions"),
        "bank_accounts",
        "requisitions",
        ["requisition_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_rate_limits__bank_account_id__bank_accounts"),
        "rate_limits",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_rate_limits__bank_account_id_user_id__bank_accounts"),
        "rate_limits",
        "bank_accounts",
        ["bank_account_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_requisitions__agreement_id__agreements"),
        "requisitions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.drop_constraint(
        op.f("fk_requisitions__replaces_id__requisitions"),
        "requisitions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_requisitions__agreement_id_user_id__agreements"),
        "requisitions",
        "agreements",
        ["agreement_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="SET NULL (agreement_id)",
    )
    op.create_foreign_key(
        op.f("fk_requisitions__replaces_id_user_id__requisitions"),
        "requisitions",
        "requisitions",
        ["replaces_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="SET NULL (replaces_id)",
    )
    op.drop_constraint(
        op.f("fk_transactions__bank_account_id__bank_accounts"),
        "transactions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_transactions__bank_account_id_user_id__bank_accounts"),
        "transactions",
        "bank_accounts",
        ["bank_account_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_account_summaries__api_key_id__api_keys"),
        "account_summaries",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_account_summaries__api_key_id_user_id__api_keys"),
        "account_summaries",
        "api_keys",
        ["api_key_id", "user_id"],
        ["id", "user_id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_cash_transactions__api_key_id__api_keys"),
        "cash_transactions",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_cash_transactions__api_key_id_user_id__api_keys"),
        "cash_transactions",
        "api_keys",
        ["api_key_id", "user_id"],
        ["id", "user_id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_dividends__api_key_id__api_keys"),
        "dividends",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_dividends__api_key_id_user_id__api_keys"),
        "dividends",
        "api_keys",
        ["api_key_id", "user_id"],
        ["id", "user_id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_orders__api_key_id__api_keys"), "orders", schema="trading212", type_="foreignkey"
    )
    op.create_foreign_key(
        op.f("fk_orders__api_key_id_user_id__api_keys"),
        "orders",
        "api_keys",
        ["api_key_id", "user_id"],
        ["id", "user_id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_positions__api_key_id__api_keys"),
        "positions",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_positions__api_key_id_user_id__api_keys"),
        "positions",
        "api_keys",
        ["api_key_id", "user_id"],
        ["id", "user_id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
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
    op.drop_constraint(
        op.f("fk_positions__api_key_id_user_id__api_keys"),
        "positions",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_positions__api_key_id__api_keys"),
        "positions",
        "api_keys",
        ["api_key_id"],
        ["id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_orders__api_key_id_user_id__api_keys"),
        "orders",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_orders__api_key_id__api_keys"),
        "orders",
        "api_keys",
        ["api_key_id"],
        ["id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_dividends__api_key_id_user_id__api_keys"),
        "dividends",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_dividends__api_key_id__api_keys"),
        "dividends",
        "api_keys",
        ["api_key_id"],
        ["id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_cash_transactions__api_key_id_user_id__api_keys"),
        "cash_transactions",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_cash_transactions__api_key_id__api_keys"),
        "cash_transactions",
        "api_keys",
        ["api_key_id"],
        ["id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_account_summaries__api_key_id_user_id__api_keys"),
        "account_summaries",
        schema="trading212",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_account_summaries__api_key_id__api_keys"),
        "account_summaries",
        "api_keys",
        ["api_key_id"],
        ["id"],
        source_schema="trading212",
        referent_schema="trading212",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_transactions__bank_account_id_user_id__bank_accounts"),
        "transactions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_transactions__bank_account_id__bank_accounts"),
        "transactions",
        "bank_accounts",
        ["bank_account_id"],
        ["id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_requisitions__replaces_id_user_id__requisitions"),
        "requisitions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.drop_constraint(
        op.f("fk_requisitions__agreement_id_user_id__agreements"),
        "requisitions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_requisitions__replaces_id__requisitions"),
        "requisitions",
        "requisitions",
        ["replaces_id"],
        ["id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        op.f("fk_requisitions__agreement_id__agreements"),
        "requisitions",
        "agreements",
        ["agreement_id"],
        ["id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="SET NULL",
    )
    op.drop_constraint(
        op.f("fk_rate_limits__bank_account_id_user_id__bank_accounts"),
        "rate_limits",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_rate_limits__bank_account_id__bank_accounts"),
        "rate_limits",
        "bank_accounts",
        ["bank_account_id"],
        ["id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_bank_accounts__requisition_id_user_id__requisitions"),
        "bank_accounts",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_bank_accounts__requisition_id__requisitions"),
        "bank_accounts",
        "requisitions",
        ["requisition_id"],
        ["id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_constraint(
        op.f("fk_balances__bank_account_id_user_id__bank_accounts"),
        "balances",
        schema="gocardless",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_balances__bank_account_id__bank_accounts"),
        "balances",
        "bank_accounts",
        ["bank_account_id"],
        ["id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="CASCADE",
    )
    op.drop_column("transactions", "was_booked", schema="common")
    op.drop_index(
        "uq_transfers__outgoing_id_counted",
        table_name="transfers",
        schema="common",
        postgresql_where=sa.text("status in ('linked', 'confirmed')"),
    )
    op.drop_index(
        "uq_transfers__incoming_id_counted",
        table_name="transfers",
        schema="common",
        postgresql_where=sa.text("status in ('linked', 'confirmed')"),
    )
    op.drop_index(op.f("ix_transfers__user_id"), table_name="transfers", schema="common")
    op.drop_index(op.f("ix_transfers__incoming_id"), table_name="transfers", schema="common")
    op.drop_table("transfers", schema="common")
    op.drop_index(
        op.f("ix_transaction_splits__user_id"), table_name="transaction_splits", schema="common"
    )
    op.drop_index(
        op.f("ix_transaction_splits__transaction_id"),
        table_name="transaction_splits",
        schema="common",
    )
    op.drop_index(
        op.f("ix_transaction_splits__tag_id"), table_name="transaction_splits", schema="common"
    )
    op.drop_index(
        op.f("ix_transaction_splits__rule_id"), table_name="transaction_splits", schema="common"
    )
    op.drop_table("transaction_splits", schema="common")
    op.drop_index(op.f("ix_tag_removals__user_id"), table_name="tag_removals", schema="common")
    op.drop_index(op.f("ix_tag_removals__tag_id"), table_name="tag_removals", schema="common")
    op.drop_table("tag_removals", schema="common")
    op.drop_index(op.f("ix_tag_rules__user_id"), table_name="tag_rules", schema="common")
    op.drop_index(op.f("ix_tag_rules__tag_id"), table_name="tag_rules", schema="common")
    op.drop_table("tag_rules", schema="common")
    op.drop_index(op.f("ix_budget_tags__user_id"), table_name="budget_tags", schema="common")
    op.drop_index(op.f("ix_budget_tags__tag_id"), table_name="budget_tags", schema="common")
    op.drop_table("budget_tags", schema="common")
    op.drop_index(op.f("ix_budget_limits__user_id"), table_name="budget_limits", schema="common")
    op.drop_table("budget_limits", schema="common")
    op.drop_index("uq_tags__user_id_lower_name", table_name="tags", schema="common")
    op.drop_index(op.f("ix_tags__user_id"), table_name="tags", schema="common")
    op.drop_table("tags", schema="common")
    op.drop_index("uq_budgets__user_id_lower_name", table_name="budgets", schema="common")
    op.drop_index(op.f("ix_budgets__user_id"), table_name="budgets", schema="common")
    op.drop_table("budgets", schema="common")
    op.drop_index(
        op.f("ix_audit_log__user_id_table_name_row_key"), table_name="audit_log", schema="common"
    )
    op.drop_index(op.f("ix_audit_log__user_id_change_set"), table_name="audit_log", schema="common")
    op.drop_index(op.f("ix_audit_log__user_id"), table_name="audit_log", schema="common")
    op.drop_table("audit_log", schema="common")
    op.drop_index(op.f("ix_fx_rates__day"), table_name="fx_rates", schema="common")
    op.drop_table("fx_rates", schema="common")
    op.drop_constraint(
        op.f("uq_api_keys__id_user_id"), "api_keys", schema="trading212", type_="unique"
    )
    op.drop_constraint(
        op.f("uq_requisitions__id_user_id"), "requisitions", schema="gocardless", type_="unique"
    )
    op.drop_constraint(
        op.f("uq_bank_accounts__id_user_id"), "bank_accounts", schema="gocardless", type_="unique"
    )
    op.drop_constraint(
        op.f("uq_agreements__id_user_id"), "agreements", schema="gocardless", type_="unique"
    )
