"""Create the ledger: raw tables of both providers, the common tables, users and encrypted keys.

Revision: 0001, the first.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMAS = ("auth", "common", "gocardless", "telegram", "trading212")

# Tables whose updated_at moves by trigger.
TOUCHED = (
    "auth.users",
    "common.account_links",
    "common.accounts",
    "common.connections",
    "common.holdings",
    "common.institutions",
    "common.instruments",
    "common.jobs",
    "common.merchants",
    "common.notifications",
    "common.quarantine",
    "common.recurring_patterns",
    "common.transactions",
    "trading212.api_keys",
)

# NOLOGIN: operators grant it to the people who may read the marts.
ANALYST = """
do $$
begin
    create role farthing_analyst nologin;
exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
        raise notice 'role farthing_analyst was not created; ask the owner of the server for it';
end
$$
"""


def upgrade() -> None:
    for schema in SCHEMAS:
        op.execute(f"create schema {schema}")
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "password_hash", sa.Text(), nullable=False, comment="argon2id, with its parameters"
        ),
        sa.Column(
            "time_zone",
            sa.Text(),
            server_default="Europe/London",
            nullable=False,
            comment="IANA name; decides where a day and a period end",
        ),
        sa.Column(
            "base_currency",
            sa.Text(),
            server_default="GBP",
            nullable=False,
            comment="ISO 4217; what totals over several currencies are given in",
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users__name")),
        schema="auth",
    )
    op.create_table(
        "institutions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(
                "gocardless",
                "trading212",
                "manual",
                name="provider",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("provider_institution_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bic", sa.Text(), nullable=True),
        sa.Column(
            "countries",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="ISO 3166 alpha-2 codes",
        ),
        sa.Column("logo_url", sa.Text(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institutions")),
        sa.UniqueConstraint(
            "provider",
            "provider_institution_id",
            name=op.f("uq_institutions__provider_provider_institution_id"),
        ),
        schema="common",
    )
    op.create_table(
        "instruments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(
                "gocardless",
                "trading212",
                "manual",
                name="provider",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "provider_instrument_id", sa.Text(), nullable=False, comment="trading212: ticker"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("isin", sa.Text(), nullable=True),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=True,
            comment="ISO 4217; minor units such as GBX are converted; null: unknown",
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
        sa.UniqueConstraint(
            "provider",
            "provider_instrument_id",
            name=op.f("uq_instruments__provider_provider_instrument_id"),
        ),
        schema="common",
    )
    op.create_table(
        "institutions",
        sa.Column("id", sa.Text(), nullable=False, comment="such as REVOLUT_REVOLT21"),
        sa.Column("name", sa.Text(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institutions")),
        schema="gocardless",
    )
    op.create_table(
        "instruments",
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("isin", sa.Text(), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=True, comment="as delivered; GBX is pence"),
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
        sa.PrimaryKeyConstraint("ticker", name=op.f("pk_instruments")),
        schema="trading212",
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column(
            "account_number",
            sa.Text(),
            nullable=False,
            comment="what identifies it with its currency: IBAN, else the bank's own number, else a masked card number, else the provider's id",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        sa.Column(
            "account_type",
            sa.Enum(
                "bank",
                "investment",
                "trading",
                name="account_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "category",
            sa.Enum(
                "credit_card",
                "debit_card",
                "bank_account",
                "investment_account",
                name="account_category",
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
                "inactive",
                "closed",
                name="account_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="active",
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="as the provider names it"),
        sa.Column("display_name", sa.Text(), nullable=True, comment="as the user named it; wins"),
        sa.Column("iban", sa.Text(), nullable=True),
        sa.Column(
            "opening_balance",
            sa.Numeric(),
            nullable=True,
            comment="booked balance before the first booked row; account currency; null until a booked balance is known",
        ),
        sa.Column(
            "opening_date",
            sa.Date(),
            nullable=True,
            comment="rows booked before this day are not part of the balance check",
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
            ["institution_id"],
            ["common.institutions.id"],
            name=op.f("fk_accounts__institution_id__institutions"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_accounts__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_accounts__id_user_id")),
        sa.UniqueConstraint(
            "user_id",
            "institution_id",
            "account_number",
            "currency",
            name=op.f("uq_accounts__user_id_institution_id_account_number_currency"),
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_accounts__institution_id"),
        "accounts",
        ["institution_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_accounts__user_id"), "accounts", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(
                "gocardless",
                "trading212",
                "manual",
                name="provider",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "provider_connection_id",
            sa.Text(),
            nullable=False,
            comment="gocardless: requisition; trading212: api key",
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "active",
                "expired",
                "error",
                name="connection_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column(
            "status_reason", sa.Text(), nullable=True, comment="one line for a person; never a body"
        ),
        sa.Column(
            "consent_expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="computed from acceptance and validity; null: does not expire",
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
            ["institution_id"],
            ["common.institutions.id"],
            name=op.f("fk_connections__institution_id__institutions"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_connections__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_connections__id_user_id")),
        sa.UniqueConstraint(
            "provider",
            "provider_connection_id",
            name=op.f("uq_connections__provider_provider_connection_id"),
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_connections__institution_id"),
        "connections",
        ["institution_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_connections__user_id"), "connections", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "merchants",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="as common.normalise_merchant gives it"
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
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_merchants__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchants")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_merchants__id_user_id")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_merchants__user_id_name")),
        schema="common",
    )
    op.create_index(
        op.f("ix_merchants__user_id"), "merchants", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "recurring_detected",
                "consent_expiry",
                "sync_failed",
                name="notification_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("dedup_key", sa.Text(), nullable=False, comment="what makes it the same news"),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
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
            name=op.f("fk_notifications__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "user_id", "type", "dedup_key", name=op.f("uq_notifications__user_id_type_dedup_key")
        ),
        schema="common",
    )
    op.create_table(
        "agreements",
        sa.Column("id", sa.Uuid(), nullable=False, comment="GoCardless's id"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Text(), nullable=False),
        sa.Column("max_historical_days", sa.Integer(), nullable=False),
        sa.Column("access_valid_for_days", sa.Integer(), nullable=False),
        sa.Column(
            "accepted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="validity counts from here; null until the user consents",
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
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_agreements__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_agreements__user_id"), "agreements", ["user_id"], unique=False, schema="gocardless"
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "provider_account_id",
            sa.BigInteger(),
            nullable=False,
            comment="the account's id in its summary",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="the account's, ISO 4217"),
        sa.Column("key_ciphertext", sa.LargeBinary(), nullable=True, comment="null: removed"),
        sa.Column(
            "secret_ciphertext",
            sa.LargeBinary(),
            nullable=True,
            comment="null: a key of the older kind that has no secret",
        ),
        sa.Column(
            "removed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the user ended the connection; what was read stays, the key does not",
        ),
        sa.Column(
            "orders_through",
            sa.Date(),
            nullable=True,
            comment="watermark; moves only with the rows' commit",
        ),
        sa.Column("dividends_through", sa.Date(), nullable=True),
        sa.Column("cash_transactions_through", sa.Date(), nullable=True),
        sa.Column(
            "projected_through",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="raw rows changed up to here are in the ledger; null: project all again",
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
            "(removed_at is null) = (key_ciphertext is not null)",
            name=op.f("ck_api_keys__kept_until_removed"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_api_keys__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint(
            "user_id", "provider_account_id", name=op.f("uq_api_keys__user_id_provider_account_id")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_api_keys__user_id"), "api_keys", ["user_id"], unique=False, schema="trading212"
    )
    op.create_table(
        "account_links",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(
                "gocardless",
                "trading212",
                "manual",
                name="provider",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("provider_account_id", sa.Text(), nullable=False),
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
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_account_links__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id", "user_id"],
            ["common.connections.id", "common.connections.user_id"],
            name=op.f("fk_account_links__connection_id_user_id__connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_account_links__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint(
            "connection_id",
            "provider_account_id",
            name=op.f("uq_account_links__connection_id_provider_account_id"),
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_account_links__account_id"),
        "account_links",
        ["account_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_account_links__user_id"),
        "account_links",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "balance_snapshots",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "balance_type",
            sa.Text(),
            nullable=False,
            comment="as the provider calls it; trading212: cash, invested, total",
        ),
        sa.Column("amount", sa.Numeric(), nullable=False, comment="liabilities negative"),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        sa.Column(
            "reference_date", sa.Date(), nullable=True, comment="the day that the bank gives it for"
        ),
        sa.Column(
            "observed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the answer came",
        ),
        sa.Column(
            "is_booked",
            sa.Boolean(),
            nullable=False,
            comment="true: comparable with the sum of booked rows",
        ),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_balance_snapshots__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_balance_snapshots__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_snapshots")),
        sa.UniqueConstraint(
            "raw_id", "balance_type", name=op.f("uq_balance_snapshots__raw_id_balance_type")
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_balance_snapshots__account_id_balance_type"),
        "balance_snapshots",
        ["account_id", "balance_type", sa.literal_column("observed_at desc")],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_balance_snapshots__user_id"),
        "balance_snapshots",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "holdings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("instrument_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="shares"),
        sa.Column(
            "average_price", sa.Numeric(), nullable=True, comment="instrument currency, major unit"
        ),
        sa.Column("price", sa.Numeric(), nullable=True, comment="instrument currency, major unit"),
        sa.Column("cost", sa.Numeric(), nullable=True, comment="account currency"),
        sa.Column("value", sa.Numeric(), nullable=True, comment="account currency"),
        sa.Column(
            "currency", sa.Text(), nullable=False, comment="the account's; of cost and value"
        ),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
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
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_holdings__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["common.instruments.id"],
            name=op.f("fk_holdings__instrument_id__instruments"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_holdings__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holdings")),
        sa.UniqueConstraint(
            "account_id",
            "instrument_id",
            "as_of",
            name=op.f("uq_holdings__account_id_instrument_id_as_of"),
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_holdings__instrument_id"),
        "holdings",
        ["instrument_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_holdings__user_id"), "holdings", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column(
            "job_type",
            sa.Enum(
                "sync",
                "analytics",
                name="job_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "running",
                "completed",
                "partial",
                "failed",
                name="job_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="running",
            nullable=False,
        ),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Dagster's run id"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="by scope, then by account: rows received, written, set aside, and what failed",
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
            "(user_id is null) = (connection_id is null)",
            name=op.f("ck_jobs__owned_like_its_connection"),
        ),
        sa.ForeignKeyConstraint(
            ["connection_id", "user_id"],
            ["common.connections.id", "common.connections.user_id"],
            name=op.f("fk_jobs__connection_id_user_id__connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["auth.users.id"], name=op.f("fk_jobs__user_id__users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint(
            "run_id",
            "job_type",
            "connection_id",
            name=op.f("uq_jobs__run_id_job_type_connection_id"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_jobs__connection_id"),
        "jobs",
        ["connection_id", sa.literal_column("started_at desc")],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_jobs__job_type"),
        "jobs",
        ["job_type", sa.literal_column("started_at desc")],
        unique=False,
        schema="common",
    )
    op.create_index(op.f("ix_jobs__user_id"), "jobs", ["user_id"], unique=False, schema="common")
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("raw_table", sa.Text(), nullable=False, comment="schema.table of the raw row"),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
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
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_quarantine__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_quarantine__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("raw_table", "raw_id", name=op.f("uq_quarantine__raw_table_raw_id")),
        schema="common",
    )
    op.create_index(
        op.f("ix_quarantine__account_id"),
        "quarantine",
        ["account_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_quarantine__user_id"), "quarantine", ["user_id"], unique=False, schema="common"
    )
    op.create_table(
        "recurring_patterns",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column(
            "source",
            sa.Enum(
                "detected",
                "manual",
                name="recurring_source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "active",
                "paused",
                "cancelled",
                name="recurring_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column(
            "detection_key",
            sa.Text(),
            nullable=True,
            comment="what detection knows it by from run to run",
        ),
        sa.Column(
            "direction",
            sa.Enum(
                "expense",
                "income",
                name="recurring_direction",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217; of all amounts here"),
        sa.Column("detected_name", sa.Text(), nullable=True),
        sa.Column(
            "detected_frequency",
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
                name="detected_frequency",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("detected_amount", sa.Numeric(), nullable=True, comment="expected, signed"),
        sa.Column("detected_next_date", sa.Date(), nullable=True),
        sa.Column("detected_last_date", sa.Date(), nullable=True),
        sa.Column("detected_confidence", sa.Numeric(), nullable=True, comment="0 to 1"),
        sa.Column(
            "detected_is_ended",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="it stopped coming",
        ),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column(
            "user_frequency",
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
                name="user_frequency",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("user_amount", sa.Numeric(), nullable=True, comment="expected, signed"),
        sa.Column("user_next_date", sa.Date(), nullable=True),
        sa.Column(
            "merchant_contains", sa.Text(), nullable=True, comment="matched without regard to case"
        ),
        sa.Column("amount_tolerance_pct", sa.Numeric(), server_default="10", nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the user last accepted, paused or cancelled it",
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
            "(source = 'detected') = (detection_key is not null)",
            name=op.f("ck_recurring_patterns__detected_has_key"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_recurring_patterns__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "user_id"],
            ["common.merchants.id", "common.merchants.user_id"],
            name=op.f("fk_recurring_patterns__merchant_id_user_id__merchants"),
            ondelete="NO ACTION",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_recurring_patterns__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_patterns")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_recurring_patterns__id_user_id")),
        sa.UniqueConstraint(
            "user_id", "detection_key", name=op.f("uq_recurring_patterns__user_id_detection_key")
        ),
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_patterns__account_id"),
        "recurring_patterns",
        ["account_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_patterns__merchant_id"),
        "recurring_patterns",
        ["merchant_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_patterns__user_id"),
        "recurring_patterns",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source_key",
            sa.Text(),
            nullable=False,
            comment="identity within the account, made by the provider's projection",
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "booked",
                "void",
                name="transaction_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="signed: money in positive, out negative",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        sa.Column(
            "booking_date",
            sa.Date(),
            nullable=True,
            comment="the bank's own day; only a pending row may lack it",
        ),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column(
            "booked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="instant, where the provider says",
        ),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("counterparty_name", sa.Text(), nullable=True),
        sa.Column("counterparty_account", sa.Text(), nullable=True),
        sa.Column(
            "balance_after",
            sa.Numeric(),
            nullable=True,
            comment="running booked balance that the bank printed on the row; account currency",
        ),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "payment",
                "transfer",
                "trade",
                "dividend",
                "interest",
                "fee",
                "tax",
                "deposit",
                "withdrawal",
                "other",
                name="transaction_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("user_note", sa.Text(), nullable=True, comment="the user's; no sync touches it"),
        sa.Column("raw_table", sa.Text(), nullable=False, comment="schema.table of the raw row"),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
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
            "status <> 'booked' or booking_date is not null",
            name=op.f("ck_transactions__booked_has_date"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_transactions__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "user_id"],
            ["common.merchants.id", "common.merchants.user_id"],
            name=op.f("fk_transactions__merchant_id_user_id__merchants"),
            ondelete="NO ACTION",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_transactions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint(
            "account_id", "source_key", name=op.f("uq_transactions__account_id_source_key")
        ),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_transactions__id_user_id")),
        schema="common",
    )
    op.create_index(
        op.f("ix_transactions__account_id_booking_date"),
        "transactions",
        ["account_id", "booking_date"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transactions__merchant_id"),
        "transactions",
        ["merchant_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transactions__updated_at"),
        "transactions",
        ["updated_at"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_transactions__user_id_booking_date"),
        "transactions",
        ["user_id", "booking_date"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "requisitions",
        sa.Column("id", sa.Uuid(), nullable=False, comment="GoCardless's id"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="two letters; LN is linked"),
        sa.Column("link", sa.Text(), nullable=False, comment="where the user consents"),
        sa.Column(
            "replaces_id",
            sa.Uuid(),
            nullable=True,
            comment="the requisition whose connection this one renews",
        ),
        sa.Column(
            "removed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the user ended the connection; what was read stays",
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
            ["agreement_id"],
            ["gocardless.agreements.id"],
            name=op.f("fk_requisitions__agreement_id__agreements"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"],
            ["gocardless.requisitions.id"],
            name=op.f("fk_requisitions__replaces_id__requisitions"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_requisitions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requisitions")),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_requisitions__agreement_id"),
        "requisitions",
        ["agreement_id"],
        unique=False,
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_requisitions__replaces_id"),
        "requisitions",
        ["replaces_id"],
        unique=False,
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_requisitions__user_id"),
        "requisitions",
        ["user_id"],
        unique=False,
        schema="gocardless",
    )
    op.create_table(
        "account_summaries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
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
            ["api_key_id"],
            ["trading212.api_keys.id"],
            name=op.f("fk_account_summaries__api_key_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_account_summaries__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_summaries")),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_account_summaries__api_key_id_first_seen_at"),
        "account_summaries",
        ["api_key_id", "first_seen_at"],
        unique=False,
        schema="trading212",
    )
    op.create_index(
        op.f("ix_account_summaries__user_id"),
        "account_summaries",
        ["user_id"],
        unique=False,
        schema="trading212",
    )
    op.create_table(
        "cash_transactions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column(
            "identity_key",
            sa.Text(),
            nullable=False,
            comment="the reference, else content and occurrence",
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "refusal", sa.Text(), nullable=True, comment="why it cannot be placed in the ledger"
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
            ["api_key_id"],
            ["trading212.api_keys.id"],
            name=op.f("fk_cash_transactions__api_key_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_cash_transactions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_transactions")),
        sa.UniqueConstraint(
            "api_key_id", "identity_key", name=op.f("uq_cash_transactions__api_key_id_identity_key")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_cash_transactions__api_key_id_changed_at"),
        "cash_transactions",
        ["api_key_id", "changed_at"],
        unique=False,
        schema="trading212",
    )
    op.create_index(
        op.f("ix_cash_transactions__user_id"),
        "cash_transactions",
        ["user_id"],
        unique=False,
        schema="trading212",
    )
    op.create_table(
        "dividends",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column(
            "identity_key",
            sa.Text(),
            nullable=False,
            comment="the reference, else content and occurrence",
        ),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "refusal", sa.Text(), nullable=True, comment="why it cannot be placed in the ledger"
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
            ["api_key_id"],
            ["trading212.api_keys.id"],
            name=op.f("fk_dividends__api_key_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_dividends__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dividends")),
        sa.UniqueConstraint(
            "api_key_id", "identity_key", name=op.f("uq_dividends__api_key_id_identity_key")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_dividends__api_key_id_changed_at"),
        "dividends",
        ["api_key_id", "changed_at"],
        unique=False,
        schema="trading212",
    )
    op.create_index(
        op.f("ix_dividends__user_id"), "dividends", ["user_id"], unique=False, schema="trading212"
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("identity_key", sa.Text(), nullable=False, comment="order id and fill id"),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was filled, else when the order was made",
        ),
        sa.Column(
            "refusal", sa.Text(), nullable=True, comment="why it cannot be placed in the ledger"
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
            ["api_key_id"],
            ["trading212.api_keys.id"],
            name=op.f("fk_orders__api_key_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_orders__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "api_key_id", "identity_key", name=op.f("uq_orders__api_key_id_identity_key")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_orders__api_key_id_changed_at"),
        "orders",
        ["api_key_id", "changed_at"],
        unique=False,
        schema="trading212",
    )
    op.create_index(
        op.f("ix_orders__user_id"), "orders", ["user_id"], unique=False, schema="trading212"
    )
    op.create_table(
        "positions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column(
            "quantity", sa.Numeric(), nullable=False, comment="0: closed since earlier that day"
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
            ["api_key_id"],
            ["trading212.api_keys.id"],
            name=op.f("fk_positions__api_key_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_positions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positions")),
        sa.UniqueConstraint(
            "api_key_id", "as_of", "ticker", name=op.f("uq_positions__api_key_id_as_of_ticker")
        ),
        schema="trading212",
    )
    op.create_index(
        op.f("ix_positions__user_id"), "positions", ["user_id"], unique=False, schema="trading212"
    )
    op.create_table(
        "recurring_pattern_transactions",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("pattern_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "detected",
                "manual",
                name="recurring_source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
            comment="a manual link is never moved by a run",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["pattern_id", "user_id"],
            ["common.recurring_patterns.id", "common.recurring_patterns.user_id"],
            name=op.f("fk_recurring_pattern_transactions__pattern_id_user_id__recurring_patterns"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "user_id"],
            ["common.transactions.id", "common.transactions.user_id"],
            name=op.f("fk_recurring_pattern_transactions__transaction_id_user_id__transactions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_recurring_pattern_transactions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_recurring_pattern_transactions")),
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_pattern_transactions__pattern_id"),
        "recurring_pattern_transactions",
        ["pattern_id"],
        unique=False,
        schema="common",
    )
    op.create_index(
        op.f("ix_recurring_pattern_transactions__user_id"),
        "recurring_pattern_transactions",
        ["user_id"],
        unique=False,
        schema="common",
    )
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("requisition_id", sa.Uuid(), nullable=False),
        sa.Column("provider_account_id", sa.Uuid(), nullable=False, comment="GoCardless's id"),
        sa.Column(
            "status", sa.Text(), nullable=True, comment="as delivered, such as READY or SUSPENDED"
        ),
        sa.Column(
            "account_number",
            sa.Text(),
            nullable=False,
            comment="IBAN, else the bank's own number, else a masked card number, else GoCardless's id",
        ),
        sa.Column("iban", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True, comment="ISO 4217; null: not told"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_card", sa.Boolean(), nullable=False, comment="a credit card account"),
        sa.Column(
            "transactions_through",
            sa.Date(),
            nullable=True,
            comment="watermark: every day up to here has been read; moves only with the rows' commit",
        ),
        sa.Column(
            "projected_through",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="raw rows changed up to here are in the ledger; null: project all again",
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
            ["requisition_id"],
            ["gocardless.requisitions.id"],
            name=op.f("fk_bank_accounts__requisition_id__requisitions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_bank_accounts__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
        sa.UniqueConstraint(
            "user_id",
            "provider_account_id",
            name=op.f("uq_bank_accounts__user_id_provider_account_id"),
        ),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_bank_accounts__requisition_id"),
        "bank_accounts",
        ["requisition_id"],
        unique=False,
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_bank_accounts__user_id"),
        "bank_accounts",
        ["user_id"],
        unique=False,
        schema="gocardless",
    )
    op.create_table(
        "balances",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column("balance_type", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("reference_date", sa.Date(), nullable=True),
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
            ["bank_account_id"],
            ["gocardless.bank_accounts.id"],
            name=op.f("fk_balances__bank_account_id__bank_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_balances__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balances")),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_balances__bank_account_id_first_seen_at"),
        "balances",
        ["bank_account_id", "first_seen_at"],
        unique=False,
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_balances__user_id"), "balances", ["user_id"], unique=False, schema="gocardless"
    )
    op.create_table(
        "rate_limits",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "resource", sa.Text(), nullable=False, comment="balances, details or transactions"
        ),
        sa.Column(
            "scope", sa.Text(), nullable=False, comment="as providers.http.RateLimit calls it"
        ),
        sa.Column("calls_limit", sa.Integer(), nullable=True),
        sa.Column("calls_remaining", sa.Integer(), nullable=True),
        sa.Column(
            "resets_at", sa.DateTime(timezone=True), nullable=True, comment="by the real clock"
        ),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_account_id"],
            ["gocardless.bank_accounts.id"],
            name=op.f("fk_rate_limits__bank_account_id__bank_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_rate_limits__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_limits")),
        sa.UniqueConstraint(
            "bank_account_id",
            "resource",
            "scope",
            name=op.f("uq_rate_limits__bank_account_id_resource_scope"),
        ),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_rate_limits__user_id"),
        "rate_limits",
        ["user_id"],
        unique=False,
        schema="gocardless",
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "is_pending",
            sa.Boolean(),
            nullable=False,
            comment="which list of the answer it stood in",
        ),
        sa.Column("identity_key", sa.Text(), nullable=False, comment="see postgres.identity"),
        sa.Column("internal_transaction_id", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("entry_reference", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("booking_date", sa.Date(), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("counterparty_name", sa.Text(), nullable=True),
        sa.Column("counterparty_account", sa.Text(), nullable=True),
        sa.Column("balance_after", sa.Numeric(), nullable=True),
        sa.Column(
            "refusal", sa.Text(), nullable=True, comment="why it cannot be placed in the ledger"
        ),
        sa.Column(
            "withdrawn_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a later answer that covers it no longer has it",
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
        sa.CheckConstraint(
            "refusal is not null or (amount is not null and currency is not null and (is_pending or booking_date is not null))",
            name=op.f("ck_transactions__read_or_refused"),
        ),
        sa.ForeignKeyConstraint(
            ["bank_account_id"],
            ["gocardless.bank_accounts.id"],
            name=op.f("fk_transactions__bank_account_id__bank_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_transactions__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint(
            "bank_account_id",
            "is_pending",
            "identity_key",
            name=op.f("uq_transactions__bank_account_id_is_pending_identity_key"),
        ),
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_transactions__bank_account_id_changed_at"),
        "transactions",
        ["bank_account_id", "changed_at"],
        unique=False,
        schema="gocardless",
    )
    op.create_index(
        op.f("ix_transactions__user_id"),
        "transactions",
        ["user_id"],
        unique=False,
        schema="gocardless",
    )
    functions = Path(__file__).with_name("0001_functions.sql").read_text()
    op.get_bind().exec_driver_sql(functions.replace("%", "%%"))
    for table in TOUCHED:
        op.execute(
            f"create trigger touch_updated_at before update on {table}"
            " for each row execute function common.touch_updated_at()"
        )
    op.execute(ANALYST)


def downgrade() -> None:
    op.drop_index(op.f("ix_transactions__user_id"), table_name="transactions", schema="gocardless")
    op.drop_index(
        op.f("ix_transactions__bank_account_id_changed_at"),
        table_name="transactions",
        schema="gocardless",
    )
    op.drop_table("transactions", schema="gocardless")
    op.drop_index(op.f("ix_rate_limits__user_id"), table_name="rate_limits", schema="gocardless")
    op.drop_table("rate_limits", schema="gocardless")
    op.drop_index(op.f("ix_balances__user_id"), table_name="balances", schema="gocardless")
    op.drop_index(
        op.f("ix_balances__bank_account_id_first_seen_at"),
        table_name="balances",
        schema="gocardless",
    )
    op.drop_table("balances", schema="gocardless")
    op.drop_index(
        op.f("ix_bank_accounts__user_id"), table_name="bank_accounts", schema="gocardless"
    )
    op.drop_index(
        op.f("ix_bank_accounts__requisition_id"), table_name="bank_accounts", schema="gocardless"
    )
    op.drop_table("bank_accounts", schema="gocardless")
    op.drop_index(
        op.f("ix_recurring_pattern_transactions__user_id"),
        table_name="recurring_pattern_transactions",
        schema="common",
    )
    op.drop_index(
        op.f("ix_recurring_pattern_transactions__pattern_id"),
        table_name="recurring_pattern_transactions",
        schema="common",
    )
    op.drop_table("recurring_pattern_transactions", schema="common")
    op.drop_index(op.f("ix_positions__user_id"), table_name="positions", schema="trading212")
    op.drop_table("positions", schema="trading212")
    op.drop_index(op.f("ix_orders__user_id"), table_name="orders", schema="trading212")
    op.drop_index(
        op.f("ix_orders__api_key_id_changed_at"), table_name="orders", schema="trading212"
    )
    op.drop_table("orders", schema="trading212")
    op.drop_index(op.f("ix_dividends__user_id"), table_name="dividends", schema="trading212")
    op.drop_index(
        op.f("ix_dividends__api_key_id_changed_at"), table_name="dividends", schema="trading212"
    )
    op.drop_table("dividends", schema="trading212")
    op.drop_index(
        op.f("ix_cash_transactions__user_id"), table_name="cash_transactions", schema="trading212"
    )
    op.drop_index(
        op.f("ix_cash_transactions__api_key_id_changed_at"),
        table_name="cash_transactions",
        schema="trading212",
    )
    op.drop_table("cash_transactions", schema="trading212")
    op.drop_index(
        op.f("ix_account_summaries__user_id"), table_name="account_summaries", schema="trading212"
    )
    op.drop_index(
        op.f("ix_account_summaries__api_key_id_first_seen_at"),
        table_name="account_summaries",
        schema="trading212",
    )
    op.drop_table("account_summaries", schema="trading212")
    op.drop_index(op.f("ix_requisitions__user_id"), table_name="requisitions", schema="gocardless")
    op.drop_index(
        op.f("ix_requisitions__replaces_id"), table_name="requisitions", schema="gocardless"
    )
    op.drop_index(
        op.f("ix_requisitions__agreement_id"), table_name="requisitions", schema="gocardless"
    )
    op.drop_table("requisitions", schema="gocardless")
    op.drop_index(
        op.f("ix_transactions__user_id_booking_date"), table_name="transactions", schema="common"
    )
    op.drop_index(op.f("ix_transactions__updated_at"), table_name="transactions", schema="common")
    op.drop_index(op.f("ix_transactions__merchant_id"), table_name="transactions", schema="common")
    op.drop_index(
        op.f("ix_transactions__account_id_booking_date"), table_name="transactions", schema="common"
    )
    op.drop_table("transactions", schema="common")
    op.drop_index(
        op.f("ix_recurring_patterns__user_id"), table_name="recurring_patterns", schema="common"
    )
    op.drop_index(
        op.f("ix_recurring_patterns__merchant_id"), table_name="recurring_patterns", schema="common"
    )
    op.drop_index(
        op.f("ix_recurring_patterns__account_id"), table_name="recurring_patterns", schema="common"
    )
    op.drop_table("recurring_patterns", schema="common")
    op.drop_index(op.f("ix_quarantine__user_id"), table_name="quarantine", schema="common")
    op.drop_index(op.f("ix_quarantine__account_id"), table_name="quarantine", schema="common")
    op.drop_table("quarantine", schema="common")
    op.drop_index(op.f("ix_jobs__user_id"), table_name="jobs", schema="common")
    op.drop_index(op.f("ix_jobs__job_type"), table_name="jobs", schema="common")
    op.drop_index(op.f("ix_jobs__connection_id"), table_name="jobs", schema="common")
    op.drop_table("jobs", schema="common")
    op.drop_index(op.f("ix_holdings__user_id"), table_name="holdings", schema="common")
    op.drop_index(op.f("ix_holdings__instrument_id"), table_name="holdings", schema="common")
    op.drop_table("holdings", schema="common")
    op.drop_index(
        op.f("ix_balance_snapshots__user_id"), table_name="balance_snapshots", schema="common"
    )
    op.drop_index(
        op.f("ix_balance_snapshots__account_id_balance_type"),
        table_name="balance_snapshots",
        schema="common",
    )
    op.drop_table("balance_snapshots", schema="common")
    op.drop_index(op.f("ix_account_links__user_id"), table_name="account_links", schema="common")
    op.drop_index(op.f("ix_account_links__account_id"), table_name="account_links", schema="common")
    op.drop_table("account_links", schema="common")
    op.drop_index(op.f("ix_api_keys__user_id"), table_name="api_keys", schema="trading212")
    op.drop_table("api_keys", schema="trading212")
    op.drop_index(op.f("ix_agreements__user_id"), table_name="agreements", schema="gocardless")
    op.drop_table("agreements", schema="gocardless")
    op.drop_table("notifications", schema="common")
    op.drop_index(op.f("ix_merchants__user_id"), table_name="merchants", schema="common")
    op.drop_table("merchants", schema="common")
    op.drop_index(op.f("ix_connections__user_id"), table_name="connections", schema="common")
    op.drop_index(op.f("ix_connections__institution_id"), table_name="connections", schema="common")
    op.drop_table("connections", schema="common")
    op.drop_index(op.f("ix_accounts__user_id"), table_name="accounts", schema="common")
    op.drop_index(op.f("ix_accounts__institution_id"), table_name="accounts", schema="common")
    op.drop_table("accounts", schema="common")
    op.drop_table("instruments", schema="trading212")
    op.drop_table("institutions", schema="gocardless")
    op.drop_table("instruments", schema="common")
    op.drop_table("institutions", schema="common")
    op.drop_table("users", schema="auth")
    op.execute("drop function common.units_per_major(text)")
    op.execute("drop function common.major_currency(text)")
    op.execute("drop function common.normalise_merchant(text)")
    op.execute("drop function common.guard_transaction_status()")
    op.execute("drop function common.touch_updated_at()")
    for schema in reversed(SCHEMAS):
        op.execute(f"drop schema {schema}")
