"""What tests of recurring patterns say over and over: findings of a run, payments of a series."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import (
    RecurringDirection,
    RecurringFrequency,
    RecurringStatus,
    TransactionStatus,
)
from postgres.common.models import (
    Merchant,
    RecurringPattern,
    RecurringPatternTransaction,
    Transaction,
)
from postgres.common.operations import recurring_patterns as patterns
from postgres.common.operations.recurring_detection import DETECTED, record_detected
from postgres.common.recurrence import due_day
from postgres.core import WriteCounts, make_engine, table_of
from tests.postgres.ledger import Ledger, book

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
PENDING, ACTIVE, PAUSED, CANCELLED = RecurringStatus
MONTHLY = RecurringFrequency.MONTHLY
EXPENSE, INCOME = RecurringDirection

_FINDING = (
    "user_id",
    "account_id",
    "merchant_id",
    "detection_key",
    "direction",
    "currency",
    *DETECTED,
)


def rolled_back(server_url: str, template: str) -> Iterator[Session]:
    """Yield a session on the template itself, whose work is undone: no database a test."""
    url = sa.make_url(server_url).set(database=template).render_as_string(hide_password=False)
    engine = make_engine(url, pooled=False)
    with engine.connect() as connection, connection.begin() as transaction:
        with Session(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as session:
            yield session
        transaction.rollback()
    engine.dispose()


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def found(ledger: Ledger, key: str, **values: Any) -> dict[str, Any]:
    """One finding of a run: 9.99 a month, last paid on 1 March 2026."""
    return {
        "user_id": ledger.user.id,
        "account_id": ledger.account.id,
        "merchant_id": None,
        "detection_key": key,
        "direction": "expense",
        "currency": "GBP",
        "detected_name": "netflix",
        "detected_frequency": "monthly",
        "detected_amount": Decimal("-9.99"),
        "detected_amount_low": Decimal("-9.99"),
        "detected_amount_high": Decimal("-9.99"),
        "detected_schedule": "monthly on the 1st",
        "detected_next_date": date("2026-04-01"),
        "detected_nominal_date": None,
        "detected_rest_months": None,
        "detected_last_date": date("2026-03-01"),
        "detected_confidence": Decimal("0.9"),
        "detected_reasons": "It comes.",
        "detected_state": "confirmed",
        "detected_price_changed_on": None,
        "detected_is_ended": False,
        **values,
    }


def record(
    session: Session,
    findings: Sequence[dict[str, Any]],
    links: Iterable[tuple[Transaction, str]] = (),
) -> WriteCounts:
    """Run the write-back over literal findings, as the marts would give them."""
    marts = sa.MetaData()
    columns = table_of(RecurringPattern).c
    patterns_found = sa.Table(
        "marts_patterns",
        marts,
        *(sa.Column(name, columns[name].type) for name in _FINDING),
        prefixes=["temporary"],
    )
    occurrences = sa.Table(
        "marts_occurrences",
        marts,
        sa.Column("transaction_id", sa.Uuid),
        sa.Column("user_id", sa.Uuid),
        sa.Column("detection_key", sa.Text),
        prefixes=["temporary"],
    )
    marts.create_all(session.connection())
    if findings:
        session.execute(sa.insert(patterns_found), findings)
    for row, key in links:
        session.execute(sa.insert(occurrences).values((row.id, row.user_id, key)))
    counts = record_detected(session, sa.select(patterns_found), sa.select(occurrences))
    marts.drop_all(session.connection())
    session.expire_all()
    return counts


def series(
    session: Session,
    ledger: Ledger,
    first: str,
    count: int,
    amount: str = "-9.99",
    *,
    frequency: RecurringFrequency = MONTHLY,
    merchant: Merchant | None = None,
    status: TransactionStatus = TransactionStatus.BOOKED,
) -> list[Transaction]:
    """Payments on their due days."""
    return [
        book(
            session,
            ledger,
            due_day(frequency, date(first), n),
            amount,
            merchant=merchant,
            status=status,
        )
        for n in range(count)
    ]


def every(session: Session, ledger: Ledger) -> Sequence[RecurringPattern]:
    return patterns.list_patterns(session, ledger.user.id).items


def only(session: Session, ledger: Ledger) -> RecurringPattern:
    (pattern,) = every(session, ledger)
    return pattern


def decide(
    session: Session, pattern: RecurringPattern, status: RecurringStatus, *, at: dt.datetime = AT
) -> RecurringPattern:
    return patterns.change_status(session, pattern.user_id, pattern.id, status, at=at)


def links_of(session: Session, pattern: RecurringPattern) -> dict[uuid.UUID, str]:
    """Who linked each transaction of a pattern."""
    link = RecurringPatternTransaction
    rows = session.execute(
        sa.select(link.transaction_id, link.source).where(link.pattern_id == pattern.id)
    )
    return {transaction_id: source.value for transaction_id, source in rows}
