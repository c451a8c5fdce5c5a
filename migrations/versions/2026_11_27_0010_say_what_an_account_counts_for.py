"""Say of an account whether it is sheltered from tax and whether it counts; gains in pounds.

Revision: 0010, after 0009.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WRAPPERS = ("isa",)
BEFORE = ("display_name", "status", "low_balance")
DECIDED = (*BEFORE, "tax_wrapper", "user_is_counted")

COMMENTS = {
    "proceeds": (
        "account currency, before fees; positive",
        "before fees; positive; null: no rate is known",
    ),
    "fees": (
        "account currency, of the sale; negative",
        "of the sale; negative; null: no rate is known",
    ),
    "cost": (
        "account currency, what the shares cost with fees; negative; null: unknown",
        "what the shares cost with fees; negative; null: unknown",
    ),
    "currency": (
        "ISO 4217",
        "ISO 4217; of its amounts: GBP by section 104, else the account's",
    ),
}
UNKNOWN_WITHOUT_RATE = ("proceeds", "fees")

# What moved on a practice account was matched like any other money.
TELL_PRACTICE = """
with practice as (
    update common.accounts as a
    set is_practice = true
    from common.account_links as l, trading212.api_keys as k
    where
        l.account_id = a.id
        and l.provider = 'trading212'
        and k.user_id = l.user_id
        and k.provider_account_id::text = l.provider_account_id
        and k.is_demo
    returning a.id
)

insert into common.transfer_queue (user_id, transaction_id)
select t.user_id, t.id
from common.transactions as t
inner join practice as p on p.id = t.account_id
"""


def run_file(name: str) -> None:
    statements = Path(__file__).with_name(name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def keep_changes(columns: tuple[str, ...], generated: tuple[str, ...] = ()) -> None:
    """Let the triggers of accounts know which columns users decide on, and which follow."""
    op.execute("drop trigger audit_update on common.accounts")
    op.execute("drop trigger touch_updated_at on common.accounts")
    arguments = ", ".join(f"'{argument}'" for argument in ("user_id", "id", *columns))
    changed = " or ".join(f"old.{name} is distinct from new.{name}" for name in columns)
    op.execute(
        "create trigger audit_update after update on common.accounts for each row"
        f" when ({changed}) execute function common.audit_decision({arguments})"
    )
    follow = ", ".join(f"'{column}'" for column in generated)
    op.execute(
        "create trigger touch_updated_at before update on common.accounts"
        f" for each row execute function common.touch_updated_at({follow})"
    )


def say_of_disposals(*, is_new: bool) -> None:
    for name, (before, after) in COMMENTS.items():
        op.alter_column(
            "disposals",
            name,
            schema="common",
            existing_type=sa.Text() if name == "currency" else sa.Numeric(),
            nullable=name == "cost" or (is_new and name in UNKNOWN_WITHOUT_RATE),
            existing_comment=before if is_new else after,
            comment=after if is_new else before,
        )


def upgrade() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column(
            "tax_wrapper",
            sa.Enum(*WRAPPERS, name="tax_wrapper", native_enum=False, length=32),
            nullable=True,
            comment="as the user says; null: none, what it earns is taxed",
        ),
        sa.Column(
            "is_practice",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="its money is none, as the provider says",
        ),
        sa.Column(
            "user_is_counted",
            sa.Boolean(),
            nullable=True,
            comment="as the user says; wins; null: unless it is a practice account",
        ),
        sa.Column(
            "is_counted",
            sa.Boolean(),
            sa.Computed("coalesce(user_is_counted, not is_practice)", persisted=True),
            nullable=False,
            comment="in net worth, returns of all, spending, income, transfers and tax years",
        ),
    )
    for column in columns:
        op.add_column("accounts", column, schema="common")
    op.create_check_constraint(
        op.f("ck_accounts__tax_wrapper"),
        "accounts",
        sa.column("tax_wrapper").in_(WRAPPERS),
        schema="common",
    )
    keep_changes(DECIDED, generated=("is_counted",))
    op.execute(TELL_PRACTICE)
    run_file("0010_counted.sql")
    say_of_disposals(is_new=True)
    # Pools were of one currency and of any account; what is unknown is matched anew.
    op.execute("update common.disposals set cost = null where method = 'section_104'")
    op.add_column(
        "history_reads",
        sa.Column(
            "border",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="[]",
            nullable=False,
            comment="items without an id of the last page",
        ),
        schema="trading212",
    )


def downgrade() -> None:
    op.drop_column("history_reads", "border", schema="trading212")
    # They are made anew from the trades.
    op.execute("delete from common.disposals where proceeds is null or fees is null")
    say_of_disposals(is_new=False)
    run_file("0010_counted.down.sql")
    keep_changes(BEFORE)
    op.drop_constraint(op.f("ck_accounts__tax_wrapper"), "accounts", schema="common")
    for name in ("is_counted", "user_is_counted", "is_practice", "tax_wrapper"):
        op.drop_column("accounts", name, schema="common")
