"""A small ledger for tests of operations: a user with an account and a few rows."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from postgres.auth.models import User
from postgres.common.enums import (
    AccountCategory,
    AccountType,
    ConnectionStatus,
    Provider,
    TransactionKind,
    TransactionStatus,
)
from postgres.common.models import (
    Account,
    AccountLink,
    Connection,
    Institution,
    Merchant,
    Transaction,
)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ledger:
    user: User
    institution: Institution
    connection: Connection
    account: Account


def make_ledger(session: Session) -> Ledger:
    number = next(_numbers)
    user = User(name=f"user {number}", password_hash="not a hash")
    institution = Institution(
        provider=Provider.GOCARDLESS, provider_institution_id=f"BANK_{number}", name="Bank"
    )
    session.add_all([user, institution])
    session.flush()
    connection = Connection(
        user_id=user.id,
        institution_id=institution.id,
        provider=Provider.GOCARDLESS,
        provider_connection_id=str(uuid.uuid4()),
        status=ConnectionStatus.ACTIVE,
    )
    account = Account(
        user_id=user.id,
        institution_id=institution.id,
        account_number=f"GB{number:020}",
        currency="GBP",
        account_type=AccountType.BANK,
        category=AccountCategory.BANK_ACCOUNT,
        name="Current",
    )
    session.add_all([connection, account])
    session.flush()
    session.add(
        AccountLink(
            user_id=user.id,
            account_id=account.id,
            connection_id=connection.id,
            provider=Provider.GOCARDLESS,
            provider_account_id=str(uuid.uuid4()),
        )
    )
    session.flush()
    return Ledger(user, institution, connection, account)


def make_merchant(session: Session, ledger: Ledger, name: str) -> Merchant:
    merchant = Merchant(user_id=ledger.user.id, name=name)
    session.add(merchant)
    session.flush()
    return merchant


def book(
    session: Session,
    ledger: Ledger,
    day: dt.date,
    amount: str,
    *,
    status: TransactionStatus = TransactionStatus.BOOKED,
    balance_after: str | None = None,
    merchant: Merchant | None = None,
    seen: dt.date = dt.date(2026, 3, 15),
) -> Transaction:
    row = Transaction(
        user_id=ledger.user.id,
        account_id=ledger.account.id,
        source_key=f"booked:{next(_numbers)}",
        status=status,
        amount=Decimal(amount),
        currency="GBP",
        booking_date=day,
        balance_after=Decimal(balance_after) if balance_after else None,
        merchant_id=merchant.id if merchant else None,
        kind=TransactionKind.PAYMENT,
        raw_table="gocardless.transactions",
        raw_id=uuid.uuid4(),
        first_seen_at=dt.datetime.combine(seen, dt.time(), dt.UTC),
    )
    session.add(row)
    session.flush()
    return row
