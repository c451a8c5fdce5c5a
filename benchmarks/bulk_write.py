"""The one bulk write path beside the fastest thing PostgreSQL can do, a bare COPY of the same rows.

Usage: python -m benchmarks.bulk_write [--rows 50000] [--rounds 3]

Each case is preceded by a COPY of the same rows, and given as its share of that COPY's speed: 0.50
is half as fast. The median over the rounds counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import tempfile
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from postgres import migrate
from postgres.auth.models import User
from postgres.core import (
    WriteCounts,
    copy_to_temporary,
    make_engine,
    make_sessions,
    table_of,
    upsert,
)
from postgres.embedded import EmbeddedServer
from postgres.gocardless.models import BankAccount, Requisition, Transaction
from postgres.payload import FIRST_SEEN, Stamp

Row = tuple[dict[str, Any], dict[str, Any]]

SEED = 7
AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = make_rows(options.rows)
    changed = [
        ({**payload, "changed": True}, facts) if number % 100 == 0 else (payload, facts)
        for number, (payload, facts) in enumerate(rows)
    ]
    shares: dict[str, list[float]] = {"all new": [], "all unchanged": [], "1 % changed": []}
    counted: dict[str, WriteCounts] = {}
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home)).lease() as address,
    ):
        engine = make_engine(address.url("postgres"), pooled=False)
        migrate.upgrade(engine)
        sessions = make_sessions(engine)
        for _ in range(options.rounds):
            with sessions.begin() as session:
                account = make_account(session)
            for case, given in zip(shares, (rows, rows, changed), strict=True):
                with sessions.begin() as session:
                    started = time.perf_counter()
                    copy_only(session, given)
                    limit = time.perf_counter() - started
                with sessions.begin() as session:
                    started = time.perf_counter()
                    counted[case] = write(session, account, given)
                    shares[case].append(limit / (time.perf_counter() - started))
        engine.dispose()
    print(f"{options.rows} rows, {options.rounds} rounds, seed {SEED}; COPY alone is 1.00")
    for case, found in shares.items():
        print(f"{case:14} {statistics.median(found):5.2f}   {counted[case]}")


def make_rows(count: int) -> list[Row]:
    """Return rows as they come from a bank, payload and facts."""
    random_ = random.Random(SEED)
    rows: list[Row] = []
    for number in range(count):
        day = dt.date(2024, 3, 15) + dt.timedelta(days=number % 730)
        amount = Decimal(random_.randint(-20_000, 5_000)) / 100
        payload = {
            "internalTransactionId": f"{number:032x}",
            "transactionId": f"2026-{number}",
            "bookingDate": str(day),
            "valueDate": str(day),
            "transactionAmount": {"amount": str(amount), "currency": "GBP"},
            "creditorName": f"Shop {random_.randint(1, 400)}",
            "remittanceInformationUnstructured": f"CARD PAYMENT TO SHOP {number} ON {day:%d %b}",
            "bankTransactionCode": "PMNT-CCRD-POSD",
        }
        facts = {
            "is_pending": False,
            "identity_key": f"id:{number:032x}",
            "shown": [Range(1, None)],
            "internal_transaction_id": payload["internalTransactionId"],
            "transaction_id": payload["transactionId"],
            "entry_reference": None,
            "amount": amount,
            "currency": "GBP",
            "booking_date": day,
            "value_date": day,
            "booked_at": None,
            "description": payload["remittanceInformationUnstructured"],
            "counterparty_name": payload["creditorName"],
            "counterparty_account": None,
            "balance_after": None,
            "refusal": None,
        }
        rows.append((payload, facts))
    return rows


def make_account(session: Session) -> BankAccount:
    """Return an account of a new user."""
    raw: dict[str, Any] = Stamp("bench", AT, AT).on({})
    user = User(name=str(uuid.uuid4()), password_hash="")
    session.add(user)
    session.flush()
    requisition = Requisition(
        id=uuid.uuid4(),
        user_id=user.id,
        institution_id="BANK",
        reference="r",
        status="LN",
        link="",
        **raw,
    )
    session.add(requisition)
    session.flush()
    account = BankAccount(
        user_id=user.id,
        requisition_id=requisition.id,
        provider_account_id=uuid.uuid4(),
        account_number="GB00",
        name="Bench",
        is_card=False,
        **raw,
    )
    session.add(account)
    session.flush()
    return account


def write(session: Session, account: BankAccount, rows: list[Row]) -> WriteCounts:
    """Write the rows by the one bulk write path."""
    stamp = Stamp("bench", AT, AT)
    owner = {"user_id": account.user_id, "bank_account_id": account.id}
    return upsert(
        session,
        Transaction,
        [{**owner, **facts, **stamp.on(payload)} for payload, facts in rows],
        key=("bank_account_id", "is_pending", "identity_key"),
        compare=("content_hash",),
        insert_only=FIRST_SEEN,
    )


def copy_only(session: Session, rows: list[Row]) -> None:
    """Copy the same columns into a table without index or constraint."""
    stamp = Stamp("bench", AT, AT)
    staging = copy_to_temporary(
        session, table_of(Transaction), [{**facts, **stamp.on(payload)} for payload, facts in rows]
    )
    session.execute(sa.schema.DropTable(staging))


if __name__ == "__main__":
    main()
