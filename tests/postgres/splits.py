"""What tests of splits share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.enums import SplitSource
from postgres.common.models import Transaction, TransactionSplit
from postgres.common.operations import transaction_splits

on_one_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80
)

money = st.one_of(
    st.integers(-100_000_00, 100_000_00).map(lambda pence: Decimal(pence).scaleb(-2)),
    st.integers(-5, 5).map(Decimal),
    st.integers(-100_000, 100_000).map(lambda units: Decimal(units).scaleb(-4)),
    st.integers(-(10**20), 10**20).map(lambda units: Decimal(units).scaleb(-18)),
)
"""Amounts of many sizes, some finer than any currency."""


def add(
    session: Session, row: Transaction, *amounts: str, currency: str = "GBP", **values: Any
) -> list[TransactionSplit]:
    """Write splits as any code could, one statement each."""
    splits = []
    for amount in amounts:
        split = TransactionSplit(
            user_id=row.user_id,
            transaction_id=row.id,
            amount=Decimal(amount),
            currency=currency,
            **{"source": SplitSource.USER, **values},
        )
        session.add(split)
        session.flush()
        splits.append(split)
    return splits


def amounts_of(session: Session, row: Transaction) -> list[Decimal]:
    found = transaction_splits.splits_of(session, row.user_id, [row.id])
    return [split.amount for split in found]


def execute(session: Session, statement: str, **values: Any) -> None:
    named = {name: value for name, value in values.items() if f":{name}" in statement}
    session.execute(sa.text(statement), named)


def versions(session: Session) -> list[Any]:
    """Every split with what changes when it is written."""
    return list(session.execute(sa.text("select id, xmin from common.transaction_splits")))
