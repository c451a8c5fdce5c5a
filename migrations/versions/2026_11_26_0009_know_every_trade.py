"""Know every trade of a broker's accounts, and which shares each sale was of.

Revision: 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
KINDS = ("trade", "split", "distribution", "rights", "exchange", "transfer", "other")
METHODS = ("fifo", "section_104")
RULES = ("fifo", "same_day", "thirty_days", "pool", "unknown")

GRANT = """
do $$
begin
    if exists (select from pg_roles where rolname = 'farthing_app') then
        grant select, insert, update, delete on {table} to farthing_app;
    end if;
end
$$
"""

# Ids were random before. Rows that have one keep it, also if they are made from raw once more.
KEEP_IDS = """
insert into trading212.former_ids (user_id, api_key_id, source_key, transaction_id)
select t.user_id, k.id, t.source_key, t.id
from common.transactions as t
inner join common.account_links as l on l.account_id = t.account_id and l.provider = 'trading212'
inner join trading212.api_keys as k
    on k.user_id = l.user_id and k.provider_account_id::text = l.provider_account_id
where t.raw_table like 'trading212.%'
on conflict do nothing
"""


def enumerated(column: str, rule: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_(values), name=op.f(rule))


def close(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(
        f"create policy rows_of_one_user on {table} using ("
        "user_id = (select auth.session_user_id()) or (select auth.sees_everybody()))"
    )
    op.execute(GRANT.format(table=table))


def upgrade() -> None:
    op.create_table(
        "trades",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source_key",
            sa.Text(),
            nullable=False,
            comment="identity within the account, made by the provider's projection",
        ),
        sa.Column("instrument_id", sa.Uuid(), nullable=False, comment="as the history names it"),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("traded_at", INSTANT, nullable=False),
        sa.Column(
            "trade_date",
            sa.Date(),
            nullable=False,
            comment="the day it was where the user lives",
        ),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="shares; negative: sold"),
        sa.Column(
            "price",
            sa.Numeric(),
            nullable=True,
            comment="per share, price_currency's major unit; as delivered where that is unknown",
        ),
        sa.Column("price_currency", sa.Text(), nullable=True, comment="ISO 4217; null: unknown"),
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="account currency, without fees; paid negative, received positive",
        ),
        sa.Column(
            "fees",
            sa.Numeric(),
            nullable=False,
            comment="account currency, taxes too; negative",
        ),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="the account's; of amount, fees and results",
        ),
        sa.Column(
            "reported_profit",
            sa.Numeric(),
            nullable=True,
            comment="of a sale, before fees, as the broker says",
        ),
        sa.Column(
            "security_id",
            sa.Uuid(),
            nullable=True,
            comment="the instrument as it is called today; null until the account was worked out",
        ),
        sa.Column("quantity_after", sa.Numeric(), nullable=True, comment="shares held after it"),
        sa.Column(
            "cost_after",
            sa.Numeric(),
            nullable=True,
            comment="what those cost at average, without fees; account currency, positive",
        ),
        sa.Column(
            "paid_after",
            sa.Numeric(),
            nullable=True,
            comment="the same in price_currency; null: a price is unknown",
        ),
        sa.Column(
            "profit",
            sa.Numeric(),
            nullable=True,
            comment=(
                "of a sale, before fees, by average cost; null: a purchase, or the cost is unknown"
            ),
        ),
        sa.Column(
            "price_profit",
            sa.Numeric(),
            nullable=True,
            comment="the same in price_currency",
        ),
        sa.Column("raw_table", sa.Text(), nullable=False, comment="schema.table of the raw row"),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        enumerated("kind", "ck_trades__trade_kind", KINDS),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["common.accounts.id", "common.accounts.user_id"],
            name=op.f("fk_trades__account_id_user_id__accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["common.instruments.id"],
            name=op.f("fk_trades__instrument_id__instruments"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["security_id"],
            ["common.instruments.id"],
            name=op.f("fk_trades__security_id__instruments"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_trades__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trades")),
        sa.UniqueConstraint(
            "account_id", "source_key", name=op.f("uq_trades__account_id_source_key")
        ),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_trades__id_user_id")),
        schema="common",
    )
    for columns in (["instrument_id"], ["security_id"], ["user_id", "trade_date"]):
        name = "_".join(columns)
        op.create_index(op.f(f"ix_trades__{name}"), "trades", columns, schema="common")
    op.execute(
        "create trigger touch_updated_at before update on common.trades"
        " for each row execute function common.touch_updated_at()"
    )
    op.create_table(
        "disposals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("trade_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="which part of the sale, from 1"),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("acquired_on", sa.Date(), nullable=True, comment="null: of a pool, or unknown"),
        sa.Column(
            "quantity",
            sa.Numeric(),
            nullable=False,
            comment="shares sold, in those of that day; positive",
        ),
        sa.Column(
            "proceeds",
            sa.Numeric(),
            nullable=False,
            comment="account currency, before fees; positive",
        ),
        sa.Column(
            "fees",
            sa.Numeric(),
            nullable=False,
            comment="account currency, of the sale; negative",
        ),
        sa.Column(
            "cost",
            sa.Numeric(),
            nullable=True,
            comment=("account currency, what the shares cost with fees; negative; null: unknown"),
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        enumerated("method", "ck_disposals__lot_method", METHODS),
        enumerated("rule", "ck_disposals__match_rule", RULES),
        sa.ForeignKeyConstraint(
            ["trade_id", "user_id"],
            ["common.trades.id", "common.trades.user_id"],
            name=op.f("fk_disposals__trade_id_user_id__trades"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_disposals__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposals")),
        sa.UniqueConstraint(
            "trade_id", "method", "place", name=op.f("uq_disposals__trade_id_method_place")
        ),
        schema="common",
    )
    op.create_index(op.f("ix_disposals__user_id"), "disposals", ["user_id"], schema="common")
    op.create_table(
        "former_ids",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source_key",
            sa.Text(),
            nullable=False,
            comment="as in common.transactions, within the account",
        ),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["api_key_id", "user_id"],
            ["trading212.api_keys.id", "trading212.api_keys.user_id"],
            name=op.f("fk_former_ids__api_key_id_user_id__api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["auth.users.id"],
            name=op.f("fk_former_ids__user_id__users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_ids")),
        sa.UniqueConstraint(
            "api_key_id", "source_key", name=op.f("uq_former_ids__api_key_id_source_key")
        ),
        schema="trading212",
    )
    op.create_index(op.f("ix_former_ids__user_id"), "former_ids", ["user_id"], schema="trading212")
    for table in ("common.trades", "common.disposals", "trading212.former_ids"):
        close(table)
    op.execute(KEEP_IDS)


def downgrade() -> None:
    op.drop_table("former_ids", schema="trading212")
    op.drop_table("disposals", schema="common")
    op.drop_table("trades", schema="common")
