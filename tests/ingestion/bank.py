"""An account in the ledger, and a bank whose answers are landed as they are given here."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ingestion.gocardless.answers import Row, read_answer
from postgres.common.enums import Provider
from postgres.common.models import AccountLink, Connection, Transaction
from postgres.core import WriteCounts
from postgres.gocardless.models import BankAccount, Requisition
from postgres.gocardless.operations import transactions
from postgres.gocardless.projections import (
    LinkedAccount,
    linked_accounts,
    project_transactions,
)
from postgres.payload import Stamp
from tests.postgres.ledger import make_ledger

TODAY = dt.date(2026, 3, 15)
_numbers = itertools.count(1)


@dataclass
class Bank:
    """One account at a bank."""

    sessions: sessionmaker[Session]
    account: LinkedAccount

    @classmethod
    def of_only_account(cls, sessions: sessionmaker[Session]) -> Bank:
        """Return the bank of the only account that the ledger knows."""
        with sessions() as session:
            (account,) = linked_accounts(session)
        return cls(sessions, account)

    def answer(
        self,
        *booked: dict[str, Any],
        pending: Sequence[dict[str, Any]] = (),
        today: dt.date = TODAY,
        since: dt.date = TODAY - dt.timedelta(days=90),
        until: dt.date | None = None,
        is_projected: bool = True,
    ) -> WriteCounts:
        """Land what the bank answers, and bring it into the ledger, now or with a later answer."""
        _, rows = read_answer({"booked": list(booked), "pending": list(pending)})
        return self.land(rows, today=today, since=since, until=until, is_projected=is_projected)

    def land(
        self,
        rows: Sequence[Row],
        *,
        today: dt.date = TODAY,
        since: dt.date = TODAY - dt.timedelta(days=90),
        until: dt.date | None = None,
        is_projected: bool = True,
    ) -> WriteCounts:
        """Land rows of an answer as they were read."""
        with self.sessions.begin() as session:
            changed_at = session.execute(sa.text("select clock_timestamp()")).scalar_one()
            seen_at = dt.datetime.combine(today, dt.time(9), dt.UTC)
            counts = transactions.land(
                session,
                self.account.user_id,
                self.account.bank_account_id,
                rows,
                Stamp(f"run-{next(_numbers)}", seen_at, changed_at),
                first_day=since,
                last_day=until,
            )
        if not is_projected:
            return counts
        with self.sessions.begin() as session:
            return counts + project_transactions(session, self.account)

    def rows(self) -> list[Transaction]:
        """Return the ledger's rows of the account, in the order of their days."""
        with self.sessions() as session:
            return list(
                session.scalars(
                    sa.select(Transaction)
                    .where(Transaction.account_id == self.account.account_id)
                    .order_by(Transaction.sort_date, Transaction.amount, Transaction.id)
                )
            )

    def shown(self) -> list[tuple[str, str]]:
        """Return status and amount of each row."""
        return [(row.status.value, str(row.amount)) for row in self.rows()]

    def only(self) -> Transaction:
        """Return the one row that there is."""
        (row,) = self.rows()
        return row

    def reconnect(self) -> Bank:
        """Return the bank under another consent, which calls the account by another id."""
        with self.sessions.begin() as session:
            return Bank(self.sessions, _feed(session, self.account))


def make_bank(sessions: sessionmaker[Session]) -> Bank:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        account = LinkedAccount(
            user_id=ledger.user.id,
            connection_id=ledger.connection.id,
            account_id=ledger.account.id,
            bank_account_id=uuid.uuid4(),
            name="Current",
            account_number="1",
            read_through=TODAY,
            is_open=False,
            institution_id="BANK",
        )
        return Bank(sessions, _feed(session, account))


def _feed(session: Session, account: LinkedAccount) -> LinkedAccount:
    number = next(_numbers)
    at = dt.datetime.combine(TODAY, dt.time(9), dt.UTC)
    stamp = Stamp("run-0", at, at)
    requisition = Requisition(
        id=uuid.uuid4(),
        user_id=account.user_id,
        institution_id="BANK",
        connection_id=account.connection_id,
        reference=f"r{number}",
        status="LN",
        linked_at=at,
        link="http://127.0.0.1/",
        **stamp.on({}),
    )
    raw = BankAccount(
        user_id=account.user_id,
        requisition_id=requisition.id,
        provider_account_id=uuid.uuid4(),
        account_id=account.account_id,
        account_number="1",
        currency="GBP",
        name="Current",
        is_card=False,
        **stamp.on({}),
    )
    session.add(requisition)
    session.execute(
        sa.update(Connection)
        .where(Connection.id == account.connection_id)
        .values(provider_connection_id=str(requisition.id))
    )
    session.flush()
    session.add(raw)
    session.flush()
    session.add(
        AccountLink(
            user_id=account.user_id,
            account_id=account.account_id,
            connection_id=account.connection_id,
            provider=Provider.GOCARDLESS,
            provider_account_id=str(raw.provider_account_id),
        )
    )
    return LinkedAccount(
        account.user_id,
        account.connection_id,
        account.account_id,
        raw.id,
        account.name,
        account.account_number,
        read_through=TODAY,
        is_open=False,
        institution_id="BANK",
    )


def row(amount: str = "-20.00", text: str = "PRET A MANGER", **fields: Any) -> dict[str, Any]:
    """Return a row as the API gives it."""
    return {
        "transactionAmount": {"amount": amount, "currency": "GBP"},
        "bookingDate": "2026-03-10",
        "creditorName": text,
        **fields,
    }
