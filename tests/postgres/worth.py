"""What tests of worth put into a ledger: accounts, movements, reports, positions and rates."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import (
    AccountCategory,
    AccountType,
    Provider,
    TransactionKind,
    TransactionStatus,
)
from postgres.common.models import Account, BalanceSnapshot, Holding, Instrument, Transaction
from postgres.common.operations import fx_rates
from tests.postgres.ledger import Ledger

_numbers = itertools.count(1)


def day(number: int, month: int = 3) -> dt.date:
    return dt.date(2026, month, number)


def at(number: int, hour: int = 9, month: int = 3) -> dt.datetime:
    return dt.datetime(2026, month, number, hour, tzinfo=dt.UTC)


def make_account(
    session: Session,
    ledger: Ledger,
    *,
    currency: str = "GBP",
    account_type: AccountType = AccountType.BANK,
    opening: str | None = None,
    opened: dt.date | None = None,
) -> Account:
    account = Account(
        user_id=ledger.user.id,
        institution_id=ledger.institution.id,
        account_number=f"number {next(_numbers)}",
        currency=currency,
        account_type=account_type,
        category=AccountCategory.BANK_ACCOUNT,
        name="Account",
        opening_balance=None if opening is None else Decimal(opening),
        opening_date=opened,
    )
    session.add(account)
    session.flush()
    return account


def move(
    session: Session,
    account: Account,
    booked: dt.date,
    amount: str,
    *,
    kind: TransactionKind = TransactionKind.PAYMENT,
    booked_at: dt.datetime | None = None,
    status: TransactionStatus = TransactionStatus.BOOKED,
    currency: str | None = None,
) -> Transaction:
    row = Transaction(
        user_id=account.user_id,
        account_id=account.id,
        source_key=f"row {next(_numbers)}",
        status=status,
        amount=Decimal(amount),
        currency=currency or account.currency,
        booking_date=booked,
        booked_at=booked_at,
        kind=kind,
        raw_table="gocardless.transactions",
        raw_id=uuid.uuid4(),
        first_seen_at=at(1),
    )
    session.add(row)
    session.flush()
    return row


def report(
    session: Session,
    account: Account,
    amount: str,
    observed_at: dt.datetime,
    *,
    balance_type: str = "interimBooked",
    is_booked: bool = True,
    currency: str | None = None,
) -> BalanceSnapshot:
    row = BalanceSnapshot(
        user_id=account.user_id,
        account_id=account.id,
        balance_type=balance_type,
        amount=Decimal(amount),
        currency=currency or account.currency,
        observed_at=observed_at,
        is_booked=is_booked,
        raw_id=uuid.uuid4(),
    )
    session.add(row)
    session.flush()
    return row


def total(session: Session, account: Account, amount: str, observed_at: dt.datetime) -> None:
    report(session, account, amount, observed_at, balance_type="total", is_booked=False)


def make_instrument(session: Session, name: str | None = None) -> Instrument:
    number = next(_numbers)
    instrument = Instrument(
        provider=Provider.TRADING212,
        provider_instrument_id=f"TICKER_{number}",
        name=name or f"Instrument {number}",
    )
    session.add(instrument)
    session.flush()
    return instrument


def hold(
    session: Session,
    account: Account,
    as_of: dt.date,
    value: str | None,
    *,
    quantity: str = "1",
    instrument: Instrument | None = None,
    currency: str | None = None,
) -> Holding:
    row = Holding(
        user_id=account.user_id,
        account_id=account.id,
        instrument_id=(instrument or make_instrument(session)).id,
        as_of=as_of,
        quantity=Decimal(quantity),
        value=None if value is None else Decimal(value),
        currency=currency or account.currency,
        raw_id=uuid.uuid4(),
    )
    session.add(row)
    session.flush()
    return row


def set_rate(session: Session, currency: str, on: dt.date, rate: str) -> None:
    """:param rate: units for one euro."""
    row = {"currency": currency, "day": on, "rate": Decimal(rate), "source": "ecb"}
    fx_rates.load_rates(session, [row])


def balances(
    session: Session, account: Account, first: dt.date, last: dt.date
) -> dict[dt.date, Decimal]:
    rows = session.execute(
        sa.text("select day, amount from common.account_balances(:account, :first, :last)"),
        {"account": account.id, "first": first, "last": last},
    ).all()
    found = {row.day: row.amount for row in rows}
    assert len(found) == len(rows)
    return found
