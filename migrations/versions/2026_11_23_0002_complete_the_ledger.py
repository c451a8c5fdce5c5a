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
SQL = (
    "sessions",
    "states",
    "audit",
    "auth",
    "budgets",
    "goals",
    "manual_accounts",
    "merchants",
    "notifications",
    "patterns",
    "planned",
    "rates",
    "splits",
    "telegram",
    "transfers",
    "worth",
)

# Tables that came with this revision and whose updated_at moves by trigger.
TOUCHED = (
    "common.budget_limits",
    "common.budgets",
    "common.financial_milestones",
    "common.fx_rates",
    "common.goals",
    "common.manual_asset_values",
    "common.manual_assets",
    "common.merchant_aliases",
    "common.notification_channels",
    "common.notification_deliveries",
    "common.planned_transactions",
    "common.tag_rules",
    "common.tags",
    "common.transaction_splits",
    "common.transfers",
    "telegram.polling_cursors",
)

# Tables that got generated columns, which are not there yet when updated_at is decided on.
GENERATED = {
    "common.recurring_patterns": ("name", "frequency", "amount", "anchor_date", "last_date"),
    "common.transactions": ("sort_date",),
}

# Tables whose rows are one user's; the user's own row is one more.
OWNED = (
    "auth.known_sources",
    "auth.refresh_tokens",
    "common.account_links",
    "common.accounts",
    "common.audit_log",
    "common.balance_snapshots",
    "common.budget_limits",
    "common.budget_tags",
    "common.budgets",
    "common.connections",
    "common.financial_milestones",
    "common.goal_contributions",
    "common.goals",
    "common.holdings",
    "common.jobs",
    "common.loan_instalments",
    "common.manual_asset_values",
    "common.manual_assets",
    "common.merchant_aliases",
    "common.merchants",
    "common.notification_channels",
    "common.notification_deliveries",
    "common.notifications",
    "common.planned_matches",
    "common.planned_transactions",
    "common.quarantine",
    "common.recurring_aliases",
    "common.recurring_pattern_transactions",
    "common.recurring_patterns",
    "common.recurring_removals",
    "common.tag_removals",
    "common.tag_rule_progress",
    "common.tag_rules",
    "common.tags",
    "common.transaction_splits",
    "common.transactions",
    "common.transfer_queue",
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
    "auth.users": ("id", ("name", "time_zone", "base_currency")),
    "common.accounts": ("id", ("display_name", "status", "low_balance")),
    "common.budget_limits": ("budget_id,effective_from", ()),
    "common.budget_tags": ("budget_id,tag_id", ()),
    "common.budgets": ("id", ()),
    "common.financial_milestones": ("id", ()),
    "common.goal_contributions": ("id", ()),
    "common.goals": ("id", ()),
    "common.manual_asset_values": ("asset_id,valued_on", ()),
    "common.manual_assets": ("id", ()),
    "common.merchant_aliases": ("id", ()),
    "common.merchants": ("id", ("display_name",)),
    "common.notification_channels": ("id", ("name", "types", "is_enabled")),
    "common.planned_matches": ("planned_id,due_on", ()),
    "common.planned_transactions": ("id", ()),
    "common.quarantine": ("id", ("retry_requested_at", "dropped_at")),
    "common.recurring_pattern_transactions": ("transaction_id", ()),
    "common.recurring_patterns": ("id", ()),
    "common.recurring_removals": ("pattern_id,transaction_id", ()),
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
    "common.goals": (
        "active>cancelled",
        "active>completed",
        "active>paused",
        "paused>active",
        "paused>cancelled",
        "completed>active",
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
    "common.notification_deliveries": ("pending>failed", "pending>sent", "failed>pending"),
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
    "common.transfers": (
        "suggested>confirmed",
        "suggested>linked",
        "suggested>rejected",
        "linked>confirmed",
        "linked>rejected",
        "linked>suggested",
        "confirmed>rejected",
        "rejected>confirmed",
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
    (
        "common",
        "recurring_pattern_transactions",
        "source",
        "recurring_source",
        ("detected", "matched", "manual"),
    ),
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
    (
        "common",
        "recurring_pattern_transactions",
        "source",
        "recurring_source",
        ("detected", "manual"),
    ),
)

# A foreign key cascades with the rights of the tables' owner, so a trigger may run with them whoever
# the session is. There, a session's own temporary domain called text must not be found before text
# itself: its check would run with those rights. And EXECUTE on a trigger's function is good for one
# thing, to hang it on a table of one's own and so write what it writes.
PINNED = """
do $$
declare
    routine record;
begin
    for routine in
        select p.oid::regprocedure as name, p.prorettype = 'trigger'::regtype as is_of_trigger
        from pg_proc as p
        inner join pg_namespace as n on n.oid = p.pronamespace
        inner join pg_language as l on l.oid = p.prolang
        where n.nspname in ('auth', 'common', 'telegram') and l.lanname = 'plpgsql'
    loop
        execute format('alter function %s set search_path = pg_catalog, pg_temp', routine.name);
        if routine.is_of_trigger then
            execute format('revoke execute on function %s from public', routine.name);
        end if;
    end loop;
end
$$
"""

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


def touch(table: str, generated: tuple[str, ...] = ()) -> None:
    arguments = ", ".join(f"'{column}'" for column in generated)
    op.execute(
        f"create trigger touch_updated_at before update on {table}"
        f" for each row execute function common.touch_updated_at({arguments})"
    )


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
    if columns:
        # Which rows a sync inserts is told by the raw rows.
        owner = "id" if table == "auth.users" else "user_id"
        arguments = ", ".join(f"'{argument}'" for argument in (owner, key, *columns))
        changed = " or ".join(f"old.{name} is distinct from new.{name}" for name in columns)
        op.execute(
            f"create trigger audit_update after update on {table} for each row"
            f" when ({changed}) execute function common.audit_decision({arguments})"
        )
        return
    for event, rows in {
        "insert": "new table as new_rows",
        "update": "old table as old_rows new table as new_rows",
        "delete": "old table as old_rows",
    }.items():
        op.execute(
            f"create trigger audit_{event} after {event} on {table} referencing {rows}"
            f" for each statement execute function common.audit_changes('{key}')"
        )


def allow(members: tuple[tuple[str, str, str, str, tuple[str, ...]], ...]) -> None:
    for schema, table, column, check, values in members:
        op.drop_constraint(op.f(f"ck_{table}__{check}"), table, schema=schema, type_="check")
        op.create_check_constraint(
            op.f(f"ck_{table}__{check}"), table, sa.column(column).in_(values), schema=schema
        )


def upgrade() -> None:
    op.create_unique_constraint(
        op.f("uq_notifications__id_user_id"), "notifications", ["id", "user_id"], schema="common"
    )
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
        "login_throttles",
        sa.Column(
            "name_bucket",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="16 bits of SHA-256 of the name: too few to tell a password typed in its place",
        ),
        sa.Column(
            "source_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256; empty: all sources that the user is not known from",
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            nullable=False,
            comment="each is counted before the password is looked at",
        ),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_login_throttles__failures_not_negative")),
        sa.CheckConstraint(
            "name_bucket between 0 and 65535",
            name=op.f("ck_login_throttles__name_bucket_is_16_bits"),
        ),
        sa.CheckConstraint(
            "octet_length(source_hash) in (0, 32)",
            name=op.f("ck_login_throttles__source_hash_is_sha256"),
        ),
        sa.PrimaryKeyConstraint("name_bucket", "source_hash", name=op.f("pk_login_throttles")),
        schema="auth",
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
        "polling_cursors",
        sa.Column(
            "bot_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="the bot's user id: what stands before the colon of its token",
        ),
        sa.Column(
            "last_update_id",
            sa.BigInteger(),
            nullable=True,
            comment="null: no update has been handled yet",
        ),
        sa.Column("advanced_at", sa.DateTime(timezone=True), nullable=True),
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
            "(last_update_id is null) = (advanced_at is null)",
            name=op.f("ck_polling_cursors__advanced_with_an_update"),
        ),
        sa.PrimaryKeyConstraint("bot_id", name=op.f("pk_polling_cursors")),
        schema="telegram",
    )
    op.create_table(
        "known_sources",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("source_hash", sa.LargeBinary(), nullable=False, comment="SHA-256"),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(source_hash) = 32", name=op.f("ck_known_sources__source_hash_is_sha256")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_known_sources__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "source_hash", name=op.f("pk_known_sources")),
        schema="auth",
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column(
            "parent_id",
            sa.Uuid(),
            nullable=True,
            comment="what it was given for; null: the first, or the parent was purged",
        ),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the token"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "used_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was given up for the next",
        ),
        sa.Column(
            "successor_seed",
            sa.LargeBinary(),
            nullable=True,
            comment="makes the next token out of this one, until that is used",
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "expires_at > issued_at", name=op.f("ck_refresh_tokens__expires_after_issue")
        ),
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f("ck_refresh_tokens__token_hash_is_sha256")
        ),
        sa.CheckConstraint(
            "successor_seed is null or used_at is not null and revoked_at is null",
            name=op.f("ck_refresh_tokens__seed_is_of_a_used_one"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_id", "family_id", "user_id"],
            [
                "auth.refresh_tokens.id",
                "auth.refresh_tokens.family_id",
                "auth.refresh_tokens.user_id",
            ],
            name=op.f("fk_refresh_tokens__parent_id_family_id_user_id__refresh_tokens"),
            ondelete="SET NULL (parent_id)",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_refresh_tokens__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint(
            "id", "family_id", "user_id", name=op.f("uq_refresh_tokens__id_family_id_user_id")
        ),
        sa.UniqueConstraint("parent_id", name=op.f("uq_refresh_tokens__parent_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens__token_hash")),
        schema="auth",
    )
    op.create_index(
        op.f("ix_refresh_tokens__expires_at"),
        "refresh_tokens",
        ["expires_at"],
        unique=False,
        schema="auth",
    )
    op.create_index(
        op.f("ix_refresh_tokens__family_id"),
        "refresh_tokens",
        ["family_id"],
        unique=False,
        schema="auth",
    )
    op.create_index(
        op.f("ix_refresh_tokens__user_id"),
        "refresh_tokens",
        ["user_id"],
        unique=False,
        schema="auth",
    )
    op.create_index(
        "uq_refresh_tokens__live",
        "refresh_tokens",
        ["family_id"],
        unique=True,
        schema="auth",
        postgresql_where=sa.text("used_at is null and revoked_at is null"),
    )
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
        "financial_milestones",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "target_amount", sa.Numeric(), nullable=False, comment="net worth; 0: out of debt"
        ),
        sa.Column(
            "currency", sa.Text(), nullable=False, comment="ISO 4217; net worth is converted to it"
        ),
        sa.Column("target_date", sa.Date(), nullable=True),
        sa.Column(
            "starts_on",
            sa.Date(),
            nullable=False,
            comment="what net worth was before does not count",
        ),
        sa.Column(
            "reached_on",
            sa.Date(),
            nullable=True,
            comment="first day from the start on which net worth was there; never taken back",
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
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$'", name=op.f("ck_financial_milestones__currency_is_iso")
        ),
        sa.CheckConstraint("name ~ '\\S'", name=op.f("ck_financial_milestones__has_name")),
        sa.CheckConstraint(
            "target_amount < 'infinity' and target_amount > '-infinity'",
            name=op.f("ck_financial_milestones__target_is_money"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_financial_milestones__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financial_milestones")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_financial_milestones__user_id_target_amount"),
        "financial_milestones",
        ["user_id", "target_amount"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "manual_assets",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "asset_type",
            sa.Enum(
                "student_loan",
                "mortgage",
                "vehicle",
                "property",
                "savings_account",
                "pension",
                "investments",
                "crypto",
                "other_asset",
                "other_liability",
                name="manual_asset_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_liability", sa.Boolean(), nullable=False, comment="follows from the type"),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        sa.Column(
            "closed_on",
            sa.Date(),
            nullable=True,
            comment="sold or paid off: from this day on it is worth nothing",
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
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$'", name=op.f("ck_manual_assets__currency_is_iso")
        ),
        sa.CheckConstraint(
            "is_liability = (asset_type in ('mortgage', 'other_liability', 'student_loan'))",
            name=op.f("ck_manual_assets__liability_by_type"),
        ),
        sa.CheckConstraint("name ~ '\\S'", name=op.f("ck_manual_assets__has_name")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_manual_assets__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manual_assets")),
        sa.UniqueConstraint(
            "id",
            "user_id",
            "currency",
            "is_liability",
            name=op.f("uq_manual_assets__id_user_id_currency_is_liability"),
        ),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_manual_assets__id_user_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_manual_assets__user_id"),
        "manual_assets",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "notification_channels",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="unique for its user whatever the case"
        ),
        sa.Column(
            "address",
            sa.LargeBinary(),
            nullable=False,
            comment="URL of Apprise, with the credentials in it",
        ),
        sa.Column(
            "types",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="types of notifications that are sent here; null: all",
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
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_notification_channels__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_channels")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_notification_channels__id_user_id")),
        schema="common",
        info={"audited": ("name", "types", "is_enabled")},
    )
    op.create_index(
        op.f("ix_notification_channels__user_id"),
        "notification_channels",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        "uq_notification_channels__user_id_lower_name",
        "notification_channels",
        ["user_id", sa.literal_column("lower(name)")],
        unique=True,
        schema="common",
    )
    op.create_table(
        "tag_rule_progress",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "applied_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="they saw every row whose updated_at is before this instant",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_tag_rule_progress__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_tag_rule_progress")),
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
        sa.CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name=op.f("ck_tags__colour_is_hex")),
        sa.CheckConstraint("name ~ '\\S'", name=op.f("ck_tags__has_name")),
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
        "goals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "tracking_mode",
            sa.Enum(
                "manual",
                "balance",
                "delta",
                "target_balance",
                name="goal_tracking_mode",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "paused",
                "completed",
                "cancelled",
                name="goal_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="active",
            nullable=False,
        ),
        sa.Column(
            "account_id",
            sa.Uuid(),
            nullable=True,
            comment="what is measured; null: manual, or the account was deleted",
        ),
        sa.Column(
            "target_amount",
            sa.Numeric(),
            nullable=False,
            comment="delta: how much more; target_balance: the balance itself, 0 for a debt paid off",
        ),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="ISO 4217; the account's balance is converted",
        ),
        sa.Column("target_date", sa.Date(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=False, comment="first day whose money counts"),
        sa.Column(
            "start_amount",
            sa.Numeric(),
            nullable=True,
            comment="balance that progress starts from, as the user says; null: as the ledger does",
        ),
        sa.Column(
            "completed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null: it is not completed",
        ),
        sa.Column(
            "times_completed",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="tells the news of one completion from that of the next",
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
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_goals__currency_is_iso")),
        sa.CheckConstraint("name ~ '\\S'", name=op.f("ck_goals__has_name")),
        sa.CheckConstraint(
            "start_amount is null or tracking_mode in ('delta', 'target_balance') and start_amount < 'infinity' and start_amount > '-infinity'",
            name=op.f("ck_goals__start_is_money"),
        ),
        sa.CheckConstraint(
            "target_amount < 'infinity' and target_amount > '-infinity' and (target_amount > 0 or tracking_mode = 'target_balance')",
            name=op.f("ck_goals__target_is_money"),
        ),
        sa.CheckConstraint(
            "tracking_mode <> 'manual' or account_id is null",
            name=op.f("ck_goals__manual_has_no_account"),
        ),
        sa.CheckConstraint(
            "tracking_mode <> 'target_balance' or start_amount <> target_amount",
            name=op.f("ck_goals__target_is_not_its_start"),
        ),
        sa.CheckConstraint(
            "tracking_mode = 'manual' or account_id is not null or status <> 'active'",
            name=op.f("ck_goals__active_has_its_account"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_goals__account_id_user_id__accounts"),
            ondelete="SET NULL (account_id)",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_goals__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goals")),
        sa.UniqueConstraint(
            "id", "user_id", "currency", name=op.f("uq_goals__id_user_id_currency")
        ),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_goals__account_id"), "goals", ["account_id"], unique=False, schema="common"
    )
    op.create_index(op.f("ix_goals__user_id"), "goals", ["user_id"], unique=False, schema="common")
    op.create_table(
        "loan_instalments",
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "interest",
            sa.Numeric(),
            nullable=False,
            comment="part of the payment; money out: negative",
        ),
        sa.Column(
            "principal",
            sa.Numeric(),
            nullable=False,
            comment="part of the payment; money out: negative",
        ),
        sa.Column(
            "balance", sa.Numeric(), nullable=False, comment="what is owed after it; negative or 0"
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="the asset's"),
        sa.ForeignKeyConstraint(
            ["asset_id", "user_id"],
            ["common.manual_assets.id", "common.manual_assets.user_id"],
            name=op.f("fk_loan_instalments__asset_id_user_id__manual_assets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_loan_instalments__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("asset_id", "due_on", name=op.f("pk_loan_instalments")),
        schema="common",
    )
    op.create_index(
        op.f("ix_loan_instalments__user_id"),
        "loan_instalments",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "manual_asset_values",
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column(
            "valued_on",
            sa.Date(),
            nullable=False,
            comment="the value holds at the end of this day, until the next one",
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False, comment="liabilities negative"),
        sa.Column("currency", sa.Text(), nullable=False, comment="the asset's"),
        sa.Column("is_liability", sa.Boolean(), nullable=False, comment="the asset's"),
        sa.Column(
            "annual_rate",
            sa.Numeric(),
            nullable=True,
            comment="of a loan, as a share: 0.045 is 4.5 per cent a year; null: not paid off by plan",
        ),
        sa.Column(
            "monthly_payment",
            sa.Numeric(),
            nullable=True,
            comment="money out: negative; null: what pays the loan off in its months",
        ),
        sa.Column(
            "months", sa.Integer(), nullable=True, comment="payments from the first one to the last"
        ),
        sa.Column("first_payment_on", sa.Date(), nullable=True),
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
            "case when is_liability then amount <= 0 and amount > '-infinity' else amount >= 0 and amount < 'infinity' end",
            name=op.f("ck_manual_asset_values__sign_by_type"),
        ),
        sa.CheckConstraint(
            "monthly_payment < 0 and monthly_payment > '-infinity'",
            name=op.f("ck_manual_asset_values__payment_goes_out"),
        ),
        sa.CheckConstraint(
            "annual_rate >= 0 and annual_rate < 1",
            name=op.f("ck_manual_asset_values__annual_rate_is_a_share"),
        ),
        sa.CheckConstraint(
            "months between 1 and 1200", name=op.f("ck_manual_asset_values__months_in_range")
        ),
        sa.CheckConstraint(
            "num_nonnulls(monthly_payment, months) = num_nonnulls(annual_rate) and num_nonnulls(first_payment_on) = num_nonnulls(annual_rate) and (annual_rate is null or is_liability)",
            name=op.f("ck_manual_asset_values__terms_are_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["asset_id", "user_id", "currency", "is_liability"],
            [
                "common.manual_assets.id",
                "common.manual_assets.user_id",
                "common.manual_assets.currency",
                "common.manual_assets.is_liability",
            ],
            name="fk_manual_asset_values__its_asset__manual_assets",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_manual_asset_values__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("asset_id", "valued_on", name=op.f("pk_manual_asset_values")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_manual_asset_values__user_id"),
        "manual_asset_values",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "merchant_aliases",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="as common.normalise_merchant gives it"
        ),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
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
            ["merchant_id", "user_id"],
            ["common.merchants.id", "common.merchants.user_id"],
            name=op.f("fk_merchant_aliases__merchant_id_user_id__merchants"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_merchant_aliases__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant_aliases")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_merchant_aliases__user_id_name")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_merchant_aliases__merchant_id"),
        "merchant_aliases",
        ["merchant_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_merchant_aliases__user_id"),
        "merchant_aliases",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "notification_deliveries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "sent",
                "failed",
                name="delivery_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column(
            "attempts", sa.Integer(), server_default="0", nullable=False, comment="that failed"
        ),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null: at once; by the real clock",
        ),
        sa.Column(
            "last_error", sa.Text(), nullable=True, comment="one line, without anything secret"
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
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
            "sent_at is null or status = 'sent'",
            name=op.f("ck_notification_deliveries__only_sent_has_time"),
        ),
        sa.ForeignKeyConstraint(
            ["channel_id", "user_id"],
            ["common.notification_channels.id", "common.notification_channels.user_id"],
            name=op.f("fk_notification_deliveries__channel_id_user_id__notification_channels"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["notification_id", "user_id"],
            ["common.notifications.id", "common.notifications.user_id"],
            name=op.f("fk_notification_deliveries__notification_id_user_id__notifications"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_notification_deliveries__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_deliveries")),
        sa.UniqueConstraint(
            "notification_id",
            "channel_id",
            name=op.f("uq_notification_deliveries__notification_id_channel_id"),
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_notification_deliveries__channel_id"),
        "notification_deliveries",
        ["channel_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        "ix_notification_deliveries__pending",
        "notification_deliveries",
        [sa.literal_column("next_attempt_at nulls first"), "created_at", "id"],
        unique=False,
        schema="common",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        op.f("ix_notification_deliveries__user_id"),
        "notification_deliveries",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "planned_transactions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "account_id",
            sa.Uuid(),
            nullable=True,
            comment="null: it was deleted; the plan is archived and matches nothing",
        ),
        sa.Column("tag_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="signed: money in positive, out negative",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        sa.Column("starts_on", sa.Date(), nullable=False, comment="no day before it is due"),
        sa.Column(
            "rrule",
            sa.Text(),
            nullable=True,
            comment="rule of RFC 5545 without DTSTART, which is starts_on; null: once, on starts_on",
        ),
        sa.Column("ends_on", sa.Date(), nullable=True, comment="no day after it is due"),
        sa.Column(
            "amount_tolerance_pct",
            sa.Numeric(),
            server_default="10",
            nullable=False,
            comment="per cent of the amount that a transaction may differ by",
        ),
        sa.Column(
            "is_active",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="false: archived",
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
        sa.CheckConstraint(
            "amount <> 0 and abs(amount) < 'infinity'",
            name=op.f("ck_planned_transactions__amount_is_money"),
        ),
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$'", name=op.f("ck_planned_transactions__currency_is_iso")
        ),
        sa.CheckConstraint(
            "description ~ '\\S'", name=op.f("ck_planned_transactions__has_description")
        ),
        sa.CheckConstraint(
            "starts_on >= '2000-01-01'", name=op.f("ck_planned_transactions__starts_lately")
        ),
        sa.CheckConstraint(
            "amount_tolerance_pct between 0 and 100",
            name=op.f("ck_planned_transactions__amount_tolerance_pct_in_range"),
        ),
        sa.CheckConstraint(
            "ends_on >= starts_on", name=op.f("ck_planned_transactions__ends_after_start")
        ),
        sa.CheckConstraint(
            "not is_active or account_id is not null",
            name=op.f("ck_planned_transactions__active_has_account"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_planned_transactions__account_id_user_id__accounts"),
            ondelete="SET NULL (account_id)",
        ),
        sa.ForeignKeyConstraint(
            ["tag_id", "user_id"],
            ["common.tags.id", "common.tags.user_id"],
            name=op.f("fk_planned_transactions__tag_id_user_id__tags"),
            ondelete="SET NULL (tag_id)",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_planned_transactions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_transactions")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_planned_transactions__id_user_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_planned_transactions__account_id"),
        "planned_transactions",
        ["account_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_planned_transactions__tag_id"),
        "planned_transactions",
        ["tag_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_planned_transactions__user_id"),
        "planned_transactions",
        ["user_id"],
        unique=False,
        schema="common",
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
        sa.CheckConstraint("name ~ '\\S'", name=op.f("ck_tag_rules__has_name")),
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
        sa.UniqueConstraint(
            "user_id",
            "priority",
            deferrable=True,
            initially="IMMEDIATE",
            name=op.f("uq_tag_rules__user_id_priority"),
        ),
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
        "goal_contributions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="put aside: positive; taken back: negative",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="the goal's"),
        sa.Column("contributed_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "transaction_id",
            sa.Uuid(),
            nullable=True,
            comment="the movement behind it; it counts once a goal",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "amount <> 0 and amount < 'infinity' and amount > '-infinity'",
            name=op.f("ck_goal_contributions__amount_is_money"),
        ),
        sa.ForeignKeyConstraint(
            ["goal_id", "user_id", "currency"],
            ["common.goals.id", "common.goals.user_id", "common.goals.currency"],
            name=op.f("fk_goal_contributions__goal_id_user_id_currency__goals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_goal_contributions__transaction_id_user_id__transactions"),
            ondelete="SET NULL (transaction_id)",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_goal_contributions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goal_contributions")),
        sa.UniqueConstraint(
            "goal_id", "transaction_id", name=op.f("uq_goal_contributions__goal_id_transaction_id")
        ),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_goal_contributions__goal_id_contributed_on"),
        "goal_contributions",
        ["goal_id", "contributed_on"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_goal_contributions__transaction_id"),
        "goal_contributions",
        ["transaction_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_goal_contributions__user_id"),
        "goal_contributions",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "planned_matches",
        sa.Column("planned_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "transaction_id",
            sa.Uuid(),
            nullable=True,
            comment="what paid it, and nothing else; null: the user skipped the day",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["planned_id", "user_id"],
            ["common.planned_transactions.id", "common.planned_transactions.user_id"],
            name=op.f("fk_planned_matches__planned_id_user_id__planned_transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_planned_matches__transaction_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_planned_matches__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("planned_id", "due_on", name=op.f("pk_planned_matches")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_planned_matches__transaction_id")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_planned_matches__user_id"),
        "planned_matches",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "recurring_aliases",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("detection_key", sa.Text(), nullable=False),
        sa.Column("pattern_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["pattern_id", "user_id"],
            ["common.recurring_patterns.id", "common.recurring_patterns.user_id"],
            name=op.f("fk_recurring_aliases__pattern_id_user_id__recurring_patterns"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_recurring_aliases__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "detection_key", name=op.f("pk_recurring_aliases")),
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_aliases__pattern_id"),
        "recurring_aliases",
        ["pattern_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "recurring_removals",
        sa.Column("pattern_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["pattern_id", "user_id"],
            ["common.recurring_patterns.id", "common.recurring_patterns.user_id"],
            name=op.f("fk_recurring_removals__pattern_id_user_id__recurring_patterns"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_recurring_removals__transaction_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_recurring_removals__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pattern_id", "transaction_id", name=op.f("pk_recurring_removals")),
        schema="common",
        info={"audited": ()},
    )
    op.create_index(
        op.f("ix_recurring_removals__transaction_id"),
        "recurring_removals",
        ["transaction_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_removals__user_id"),
        "recurring_removals",
        ["user_id"],
        unique=False,
        schema="common",
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
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="signed; may go against the transaction, as cashback within a purchase does",
        ),
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
        "transfer_queue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_transfer_queue__transaction_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_transfer_queue__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_queue")),
        schema="common",
    )
    op.create_index(
        op.f("ix_transfer_queue__transaction_id"),
        "transfer_queue",
        ["transaction_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transfer_queue__user_id"),
        "transfer_queue",
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
        sa.CheckConstraint(
            "(status in ('confirmed', 'rejected')) = (decided_at is not null)",
            name=op.f("ck_transfers__decided"),
        ),
        sa.CheckConstraint("confidence between 0 and 1", name=op.f("ck_transfers__confidence")),
        sa.CheckConstraint("outgoing_id <> incoming_id", name=op.f("ck_transfers__two_legs")),
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
    op.drop_constraint(op.f("uq_users__name"), "users", schema="auth", type_="unique")
    op.create_index(
        "uq_users__lower_name",
        "users",
        [sa.literal_column("lower(name)")],
        unique=True,
        schema="auth",
    )
    op.create_check_constraint(
        op.f("ck_users__base_currency_is_iso"),
        "users",
        "base_currency ~ '^[A-Z]{3}$'",
        schema="auth",
    )
    op.add_column(
        "accounts",
        sa.Column(
            "low_balance",
            sa.Numeric(),
            nullable=True,
            comment="the user is told when the balance falls below; account currency; null: never",
        ),
        schema="common",
    )
    op.add_column(
        "accounts",
        sa.Column(
            "low_since",
            sa.Date(),
            nullable=True,
            comment="day on which the user was told; null: it is not below",
        ),
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_accounts__low_balance_is_money"),
        "accounts",
        "low_balance < 'infinity' and low_balance > '-infinity'",
        schema="common",
    )
    op.alter_column(
        "jobs",
        "run_id",
        existing_type=sa.TEXT(),
        comment="Dagster's run id; of a job that waits for its run, one of its own",
        existing_comment="Dagster's run id",
        existing_nullable=False,
        schema="common",
    )
    op.alter_column(
        "jobs",
        "started_at",
        existing_type=postgresql.TIMESTAMP(timezone=True),
        comment="of a job that waits, when it was asked for",
        existing_nullable=False,
        schema="common",
    )
    op.drop_index(op.f("ix_jobs__user_id"), table_name="jobs", schema="common")
    op.create_index(
        op.f("ix_jobs__user_id_started_at_id"),
        "jobs",
        ["user_id", "started_at", "id"],
        unique=False,
        schema="common",
    )
    op.drop_constraint(
        op.f("ck_jobs__owned_like_its_connection"), "jobs", schema="common", type_="check"
    )
    op.create_check_constraint(
        op.f("ck_jobs__connected_by_type"),
        "jobs",
        "(job_type = 'sync') = (connection_id is not null)",
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_jobs__owned_by_type"),
        "jobs",
        "(job_type = 'analytics') = (user_id is null)",
        schema="common",
    )
    op.add_column(
        "merchants",
        sa.Column("display_name", sa.Text(), nullable=True, comment="as the user named it; wins"),
        schema="common",
    )
    op.add_column(
        "notifications",
        sa.Column(
            "removed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="not shown any more; only what keeps it from being said again is left",
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_notifications__created_at"),
        "notifications",
        ["created_at"],
        unique=False,
        schema="common",
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_index(
        op.f("ix_notifications__user_id_created_at_id"),
        "notifications",
        ["user_id", "created_at", "id"],
        unique=False,
        schema="common",
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_check_constraint(
        op.f("ck_notifications__removed_says_nothing"),
        "notifications",
        "removed_at is null or message = ''",
        schema="common",
    )
    op.add_column(
        "quarantine",
        sa.Column(
            "retry_requested_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the user wants the raw row to be read again; gone once it was",
        ),
        schema="common",
    )
    op.add_column(
        "quarantine",
        sa.Column(
            "dropped_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the user can do without it; it comes back with another reason only",
        ),
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_quarantine__one_decision"),
        "quarantine",
        "retry_requested_at is null or dropped_at is null",
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "account_fingerprint",
            sa.Text(),
            nullable=True,
            comment="tells whether an account is the deleted one again; written when it is deleted",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "detected_anchor_date",
            sa.Date(),
            server_default=sa.FetchedValue(),
            nullable=True,
            comment="a due day that tells the day of the month: the 31st stays it through February",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "name",
            sa.Text(),
            sa.Computed("coalesce(user_name, detected_name)", persisted=True),
            nullable=True,
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "frequency",
            sa.Enum(
                "weekly",
                "fortnightly",
                "four_weekly",
                "monthly",
                "bimonthly",
                "quarterly",
                "semiannual",
                "annual",
                "irregular",
                name="frequency",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            sa.Computed("coalesce(user_frequency, detected_frequency)", persisted=True),
            nullable=True,
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "amount",
            sa.Numeric(),
            sa.Computed("coalesce(user_amount, detected_amount)", persisted=True),
            nullable=True,
            comment="expected, signed",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "known_amount",
            sa.Numeric(),
            nullable=True,
            comment="what the user last knew it to cost: accepted, said or been told of; signed",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "anchor_date",
            sa.Date(),
            sa.Computed("coalesce(user_next_date, detected_anchor_date)", persisted=True),
            nullable=True,
            comment="the due day that all others are counted from",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "linked_last_date",
            sa.Date(),
            server_default=sa.FetchedValue(),
            nullable=True,
            comment="booking date of the newest booked payment that is linked",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "last_date",
            sa.Date(),
            sa.Computed("coalesce(linked_last_date, detected_last_date)", persisted=True),
            nullable=True,
            comment="when it was last paid",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "settled_through",
            sa.Date(),
            server_default=sa.FetchedValue(),
            nullable=True,
            comment="due days up to here are paid, were missed and said so, or were before its time",
        ),
        schema="common",
    )
    op.add_column(
        "recurring_patterns",
        sa.Column(
            "next_date",
            sa.Date(),
            server_default=sa.FetchedValue(),
            nullable=True,
            comment="first due day after settled_through; null: nothing is expected",
        ),
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "account_id",
        existing_type=sa.UUID(),
        nullable=True,
        comment="null: it was deleted; the pattern matches nothing and cannot be active",
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "detection_key",
        existing_type=sa.TEXT(),
        comment="what detection knew it by first; for others see RecurringAlias",
        existing_comment="what detection knows it by from run to run",
        existing_nullable=True,
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "user_next_date",
        existing_type=sa.DATE(),
        comment="a due day; later ones are counted from it, earlier ones are not due",
        existing_nullable=True,
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "merchant_contains",
        existing_type=sa.TEXT(),
        comment="matched without regard to case; null: merchant_id is matched",
        existing_comment="matched without regard to case",
        existing_nullable=True,
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "amount_tolerance_pct",
        existing_type=sa.NUMERIC(),
        comment="per cent of the amount that a payment may differ by",
        existing_nullable=False,
        existing_server_default=sa.text("'10'::numeric"),
        schema="common",
    )
    op.drop_constraint(
        op.f("fk_recurring_patterns__account_id_user_id__accounts"),
        "recurring_patterns",
        schema="common",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_recurring_patterns__account_id_user_id__accounts"),
        "recurring_patterns",
        "accounts",
        ["account_id", "user_id"],
        ["id", "user_id"],
        source_schema="common",
        referent_schema="common",
        ondelete="SET NULL (account_id)",
    )
    op.drop_constraint(
        op.f("ck_recurring_patterns__detected_has_key"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__active_has_account"),
        "recurring_patterns",
        "status <> 'active' or account_id is not null",
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__amount_tolerance_pct_in_range"),
        "recurring_patterns",
        "amount_tolerance_pct between 0 and 100",
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__detected_is_keyed"),
        "recurring_patterns",
        "source <> 'detected' or detection_key is not null",
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__merchant_contains_is_text"),
        "recurring_patterns",
        "merchant_contains ~ '\\S'",
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__user_amount_has_direction"),
        "recurring_patterns",
        "user_amount <> 0 and (user_amount < 0) = (direction = 'expense') and abs(user_amount) < 'infinity'",
        schema="common",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__user_name_is_text"),
        "recurring_patterns",
        "user_name ~ '\\S'",
        schema="common",
    )
    op.add_column(
        "transactions",
        sa.Column(
            "sort_date",
            sa.Date(),
            sa.Computed(
                "coalesce(booking_date, value_date, (first_seen_at at time zone 'UTC'::text)::date)",
                persisted=True,
            ),
            nullable=False,
            comment="the best day known, that lists go by: booked, else value, else first seen (UTC)",
        ),
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
    op.create_index(
        op.f("ix_transactions__account_id_sort_date_id"),
        "transactions",
        ["account_id", "sort_date", "id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transactions__user_id_sort_date_id"),
        "transactions",
        ["user_id", "sort_date", "id"],
        unique=False,
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
        op.f("fk_requisitions__replaces_id_user_id__requisitions"),
        "requisitions",
        "requisitions",
        ["replaces_id", "user_id"],
        ["id", "user_id"],
        source_schema="gocardless",
        referent_schema="gocardless",
        ondelete="SET NULL (replaces_id)",
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
    op.execute(PINNED)
    for table in TOUCHED:
        touch(table)
    for table, columns in GENERATED.items():
        op.execute(f"drop trigger touch_updated_at on {table}")
        touch(table, columns)
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
    for table in GENERATED:
        op.execute(f"drop trigger touch_updated_at on {table}")
        touch(table)
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
        op.f("fk_requisitions__agreement_id_user_id__agreements"),
        "requisitions",
        schema="gocardless",
        type_="foreignkey",
    )
    op.drop_constraint(
        op.f("fk_requisitions__replaces_id_user_id__requisitions"),
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
    op.drop_index(
        op.f("ix_transactions__user_id_sort_date_id"), table_name="transactions", schema="common"
    )
    op.drop_index(
        op.f("ix_transactions__account_id_sort_date_id"), table_name="transactions", schema="common"
    )
    op.drop_column("transactions", "was_booked", schema="common")
    op.drop_column("transactions", "sort_date", schema="common")
    op.drop_constraint(
        op.f("ck_recurring_patterns__user_name_is_text"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.drop_constraint(
        op.f("ck_recurring_patterns__user_amount_has_direction"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.drop_constraint(
        op.f("ck_recurring_patterns__merchant_contains_is_text"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.drop_constraint(
        op.f("ck_recurring_patterns__detected_is_keyed"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.drop_constraint(
        op.f("ck_recurring_patterns__amount_tolerance_pct_in_range"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.drop_constraint(
        op.f("ck_recurring_patterns__active_has_account"),
        "recurring_patterns",
        schema="common",
        type_="check",
    )
    op.create_check_constraint(
        op.f("ck_recurring_patterns__detected_has_key"),
        "recurring_patterns",
        "(source::text = 'detected'::text) = (detection_key IS NOT NULL)",
        schema="common",
    )
    op.drop_constraint(
        op.f("fk_recurring_patterns__account_id_user_id__accounts"),
        "recurring_patterns",
        schema="common",
        type_="foreignkey",
    )
    op.create_foreign_key(
        op.f("fk_recurring_patterns__account_id_user_id__accounts"),
        "recurring_patterns",
        "accounts",
        ["account_id", "user_id"],
        ["id", "user_id"],
        source_schema="common",
        referent_schema="common",
        ondelete="CASCADE",
    )
    op.alter_column(
        "recurring_patterns",
        "amount_tolerance_pct",
        existing_type=sa.NUMERIC(),
        comment=None,
        existing_comment="per cent of the amount that a payment may differ by",
        existing_nullable=False,
        existing_server_default=sa.text("'10'::numeric"),
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "merchant_contains",
        existing_type=sa.TEXT(),
        comment="matched without regard to case",
        existing_comment="matched without regard to case; null: merchant_id is matched",
        existing_nullable=True,
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "user_next_date",
        existing_type=sa.DATE(),
        comment=None,
        existing_comment="a due day; later ones are counted from it, earlier ones are not due",
        existing_nullable=True,
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "detection_key",
        existing_type=sa.TEXT(),
        comment="what detection knows it by from run to run",
        existing_comment="what detection knew it by first; for others see RecurringAlias",
        existing_nullable=True,
        schema="common",
    )
    op.alter_column(
        "recurring_patterns",
        "account_id",
        existing_type=sa.UUID(),
        nullable=False,
        comment=None,
        existing_comment="null: it was deleted; the pattern matches nothing and cannot be active",
        schema="common",
    )
    op.drop_column("recurring_patterns", "next_date", schema="common")
    op.drop_column("recurring_patterns", "settled_through", schema="common")
    op.drop_column("recurring_patterns", "last_date", schema="common")
    op.drop_column("recurring_patterns", "linked_last_date", schema="common")
    op.drop_column("recurring_patterns", "anchor_date", schema="common")
    op.drop_column("recurring_patterns", "known_amount", schema="common")
    op.drop_column("recurring_patterns", "amount", schema="common")
    op.drop_column("recurring_patterns", "frequency", schema="common")
    op.drop_column("recurring_patterns", "name", schema="common")
    op.drop_column("recurring_patterns", "detected_anchor_date", schema="common")
    op.drop_column("recurring_patterns", "account_fingerprint", schema="common")
    op.drop_constraint(
        op.f("ck_quarantine__one_decision"), "quarantine", schema="common", type_="check"
    )
    op.drop_column("quarantine", "dropped_at", schema="common")
    op.drop_column("quarantine", "retry_requested_at", schema="common")
    op.drop_constraint(
        op.f("ck_notifications__removed_says_nothing"),
        "notifications",
        schema="common",
        type_="check",
    )
    op.drop_index(
        op.f("ix_notifications__user_id_created_at_id"),
        table_name="notifications",
        schema="common",
        postgresql_where=sa.text("removed_at is null"),
    )
    op.drop_index(
        op.f("ix_notifications__created_at"),
        table_name="notifications",
        schema="common",
        postgresql_where=sa.text("removed_at is null"),
    )
    op.drop_column("notifications", "removed_at", schema="common")
    op.drop_column("merchants", "display_name", schema="common")
    op.drop_constraint(op.f("ck_jobs__owned_by_type"), "jobs", schema="common", type_="check")
    op.drop_constraint(op.f("ck_jobs__connected_by_type"), "jobs", schema="common", type_="check")
    op.create_check_constraint(
        op.f("ck_jobs__owned_like_its_connection"),
        "jobs",
        "(user_id IS NULL) = (connection_id IS NULL)",
        schema="common",
    )
    op.drop_index(op.f("ix_jobs__user_id_started_at_id"), table_name="jobs", schema="common")
    op.create_index(op.f("ix_jobs__user_id"), "jobs", ["user_id"], unique=False, schema="common")
    op.alter_column(
        "jobs",
        "started_at",
        existing_type=postgresql.TIMESTAMP(timezone=True),
        comment=None,
        existing_comment="of a job that waits, when it was asked for",
        existing_nullable=False,
        schema="common",
    )
    op.alter_column(
        "jobs",
        "run_id",
        existing_type=sa.TEXT(),
        comment="Dagster's run id",
        existing_comment="Dagster's run id; of a job that waits for its run, one of its own",
        existing_nullable=False,
        schema="common",
    )
    op.drop_constraint(
        op.f("ck_accounts__low_balance_is_money"), "accounts", schema="common", type_="check"
    )
    op.drop_column("accounts", "low_since", schema="common")
    op.drop_column("accounts", "low_balance", schema="common")
    op.drop_constraint(
        op.f("ck_users__base_currency_is_iso"), "users", schema="auth", type_="check"
    )
    op.drop_index("uq_users__lower_name", table_name="users", schema="auth")
    op.create_unique_constraint(
        op.f("uq_users__name"),
        "users",
        ["name"],
        schema="auth",
        postgresql_nulls_not_distinct=False,
    )
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
    op.drop_index(op.f("ix_transfer_queue__user_id"), table_name="transfer_queue", schema="common")
    op.drop_index(
        op.f("ix_transfer_queue__transaction_id"), table_name="transfer_queue", schema="common"
    )
    op.drop_table("transfer_queue", schema="common")
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
    op.drop_index(
        op.f("ix_recurring_removals__user_id"), table_name="recurring_removals", schema="common"
    )
    op.drop_index(
        op.f("ix_recurring_removals__transaction_id"),
        table_name="recurring_removals",
        schema="common",
    )
    op.drop_table("recurring_removals", schema="common")
    op.drop_index(
        op.f("ix_recurring_aliases__pattern_id"), table_name="recurring_aliases", schema="common"
    )
    op.drop_table("recurring_aliases", schema="common")
    op.drop_index(
        op.f("ix_planned_matches__user_id"), table_name="planned_matches", schema="common"
    )
    op.drop_table("planned_matches", schema="common")
    op.drop_index(
        op.f("ix_goal_contributions__user_id"), table_name="goal_contributions", schema="common"
    )
    op.drop_index(
        op.f("ix_goal_contributions__transaction_id"),
        table_name="goal_contributions",
        schema="common",
    )
    op.drop_index(
        op.f("ix_goal_contributions__goal_id_contributed_on"),
        table_name="goal_contributions",
        schema="common",
    )
    op.drop_table("goal_contributions", schema="common")
    op.drop_index(op.f("ix_tag_rules__user_id"), table_name="tag_rules", schema="common")
    op.drop_index(op.f("ix_tag_rules__tag_id"), table_name="tag_rules", schema="common")
    op.drop_table("tag_rules", schema="common")
    op.drop_index(
        op.f("ix_planned_transactions__user_id"), table_name="planned_transactions", schema="common"
    )
    op.drop_index(
        op.f("ix_planned_transactions__tag_id"), table_name="planned_transactions", schema="common"
    )
    op.drop_index(
        op.f("ix_planned_transactions__account_id"),
        table_name="planned_transactions",
        schema="common",
    )
    op.drop_table("planned_transactions", schema="common")
    op.drop_index(
        op.f("ix_notification_deliveries__user_id"),
        table_name="notification_deliveries",
        schema="common",
    )
    op.drop_index(
        "ix_notification_deliveries__pending",
        table_name="notification_deliveries",
        schema="common",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index(
        op.f("ix_notification_deliveries__channel_id"),
        table_name="notification_deliveries",
        schema="common",
    )
    op.drop_table("notification_deliveries", schema="common")
    op.drop_index(
        op.f("ix_merchant_aliases__user_id"), table_name="merchant_aliases", schema="common"
    )
    op.drop_index(
        op.f("ix_merchant_aliases__merchant_id"), table_name="merchant_aliases", schema="common"
    )
    op.drop_table("merchant_aliases", schema="common")
    op.drop_index(
        op.f("ix_manual_asset_values__user_id"), table_name="manual_asset_values", schema="common"
    )
    op.drop_table("manual_asset_values", schema="common")
    op.drop_index(
        op.f("ix_loan_instalments__user_id"), table_name="loan_instalments", schema="common"
    )
    op.drop_table("loan_instalments", schema="common")
    op.drop_index(op.f("ix_goals__user_id"), table_name="goals", schema="common")
    op.drop_index(op.f("ix_goals__account_id"), table_name="goals", schema="common")
    op.drop_table("goals", schema="common")
    op.drop_index(op.f("ix_budget_tags__user_id"), table_name="budget_tags", schema="common")
    op.drop_index(op.f("ix_budget_tags__tag_id"), table_name="budget_tags", schema="common")
    op.drop_table("budget_tags", schema="common")
    op.drop_index(op.f("ix_budget_limits__user_id"), table_name="budget_limits", schema="common")
    op.drop_table("budget_limits", schema="common")
    op.drop_index("uq_tags__user_id_lower_name", table_name="tags", schema="common")
    op.drop_index(op.f("ix_tags__user_id"), table_name="tags", schema="common")
    op.drop_table("tags", schema="common")
    op.drop_table("tag_rule_progress", schema="common")
    op.drop_index(
        "uq_notification_channels__user_id_lower_name",
        table_name="notification_channels",
        schema="common",
    )
    op.drop_index(
        op.f("ix_notification_channels__user_id"),
        table_name="notification_channels",
        schema="common",
    )
    op.drop_table("notification_channels", schema="common")
    op.drop_index(op.f("ix_manual_assets__user_id"), table_name="manual_assets", schema="common")
    op.drop_table("manual_assets", schema="common")
    op.drop_index(
        op.f("ix_financial_milestones__user_id_target_amount"),
        table_name="financial_milestones",
        schema="common",
    )
    op.drop_table("financial_milestones", schema="common")
    op.drop_index("uq_budgets__user_id_lower_name", table_name="budgets", schema="common")
    op.drop_index(op.f("ix_budgets__user_id"), table_name="budgets", schema="common")
    op.drop_table("budgets", schema="common")
    op.drop_index(
        op.f("ix_audit_log__user_id_table_name_row_key"), table_name="audit_log", schema="common"
    )
    op.drop_index(op.f("ix_audit_log__user_id_change_set"), table_name="audit_log", schema="common")
    op.drop_index(op.f("ix_audit_log__user_id"), table_name="audit_log", schema="common")
    op.drop_table("audit_log", schema="common")
    op.drop_index(
        "uq_refresh_tokens__live",
        table_name="refresh_tokens",
        schema="auth",
        postgresql_where=sa.text("used_at is null and revoked_at is null"),
    )
    op.drop_index(op.f("ix_refresh_tokens__user_id"), table_name="refresh_tokens", schema="auth")
    op.drop_index(op.f("ix_refresh_tokens__family_id"), table_name="refresh_tokens", schema="auth")
    op.drop_index(op.f("ix_refresh_tokens__expires_at"), table_name="refresh_tokens", schema="auth")
    op.drop_table("refresh_tokens", schema="auth")
    op.drop_table("known_sources", schema="auth")
    op.drop_table("polling_cursors", schema="telegram")
    op.drop_index(op.f("ix_fx_rates__day"), table_name="fx_rates", schema="common")
    op.drop_table("fx_rates", schema="common")
    op.drop_table("login_throttles", schema="auth")
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
    op.drop_constraint(
        op.f("uq_notifications__id_user_id"), "notifications", schema="common", type_="unique"
    )
