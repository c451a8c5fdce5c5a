"""What users say of their ledger, no sync unsays."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account, Merchant, Transaction
from postgres.common.operations import (
    accounts,
    merchants,
    tag_rules,
    tags,
    transaction_splits,
    transactions,
)
from postgres.gocardless.models import BankAccount
from tests.conftest import World
from tests.ingestion.pipeline import sync


def test_names_merchants_tags_and_notes_outlive_every_sync(world: World) -> None:
    sync(world.run())
    with world.sessions.begin() as session:
        kept, gone, *_ = session.scalars(
            sa.select(Merchant)
            .join(Transaction, Transaction.merchant_id == Merchant.id)
            .group_by(Merchant.id)
            .having(sa.func.count() > 1)
            .order_by(Merchant.name)
        )
        row, other = session.scalars(
            sa.select(Transaction)
            .where(Transaction.merchant_id == kept.id)
            .order_by(Transaction.id)
            .limit(2)
        )
        account_id, row_id, other_id, kept_id = row.account_id, row.id, other.id, kept.id
        merged = set(
            session.scalars(
                sa.select(Transaction.id).where(Transaction.merchant_id.in_([kept.id, gone.id]))
            )
        )
        accounts.rename_account(session, world.user_id, account_id, "Ours")
        merchants.rename_merchant(session, world.user_id, kept.id, "The corner shop")
        merchants.merge_merchants(session, world.user_id, gone.id, kept.id)
        mine, theirs = (tags.create_tag(session, world.user_id, name) for name in ("Mine", "Rule"))
        transaction_splits.set_tag(session, world.user_id, row.id, mine.id)
        transactions.set_note(session, world.user_id, row.id, "for the party")
        tag_rules.create_rule(
            session,
            world.user_id,
            name="Corner shop",
            tag_id=theirs.id,
            conditions={"merchant": {"is": "The corner shop"}},
        )
        tag_rules.apply_rules(session, world.user_id)
        transaction_splits.clear_splits(session, world.user_id, other.id)
        mine_id, gone_name = mine.id, gone.name

    def said(session: Session) -> dict[str, Any]:
        parts = transaction_splits.splits_of(session, world.user_id, [row_id, other_id])
        return {
            "account": session.get_one(Account, account_id).display_name,
            "merchant": session.get_one(Merchant, kept_id).display_name,
            "payments": set(
                session.scalars(sa.select(Transaction.id).where(Transaction.merchant_id == kept_id))
            ),
            "note": session.get_one(Transaction, row_id).user_note,
            "tags": [(part.transaction_id, part.tag_id) for part in parts],
        }

    for number in range(2, 4):
        with world.sessions.begin() as session:
            # As an upgrade has it done: every row is brought in anew from what the bank said.
            session.execute(sa.update(BankAccount).values(projected_through=None))
        sync(world.run(f"run-{number}"))
        with world.sessions.begin() as session:
            tag_rules.apply_rules(session, world.user_id)

        with world.sessions() as session:
            assert said(session) == {
                "account": "Ours",
                "merchant": "The corner shop",
                "payments": merged,
                "note": "for the party",
                "tags": [(row_id, mine_id)],
            }
            names = session.scalars(sa.select(Merchant.name)).all()
            assert gone_name not in names
