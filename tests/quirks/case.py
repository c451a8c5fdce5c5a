"""One user with one consent at a bank of the sandbox, pulled over days and held to the truth."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import connect, gocardless, ledger, planning
from ingestion.run import Run, StepOutcome
from postgres.auth.models import ProviderLimit
from postgres.common.enums import TransactionStatus
from postgres.common.models import Account, Transaction
from postgres.common.operations import balances, quarantine
from postgres.common.operations.balances import Reconciliation
from postgres.gocardless.models import BankAccount
from postgres.gocardless.models import Transaction as RawTransaction
from providers.gocardless.banks import profile
from providers.gocardless.details import TransactionDetails, read_details
from sandbox.server import Sandbox

PLAIN_BANK = "BARCLAYS_BUKBGB22"
"""A bank of which the platform knows nothing."""
TWO_ACCOUNTS = "MONZO_MONZGB2L"
"""Another, where a consent opens two accounts."""

SAFE = dt.date(2026, 1, 20)
Row = dict[str, Any]
Told = tuple[str, dt.date | None, Decimal, str]
"""Account, day, amount, currency."""
_runs = itertools.count(1)


def recent(rows: Counter[Told]) -> Counter[Told]:
    """Leave out days at the edge of the bank's reach, where a quirk moves rows in or out."""
    return Counter({row: n for row, n in rows.items() if row[1] and row[1] >= SAFE})


@dataclass
class Case:
    """One user's consent at one bank."""

    sandbox: Sandbox
    sessions: sessionmaker[Session]
    settings: Settings
    monkeypatch: pytest.MonkeyPatch
    user_id: UUID
    institution_id: str = PLAIN_BANK

    # What is done

    def at(self, institution_id: str, *quirks: str) -> Case:
        """Connect a bank that has these quirks, and pull once."""
        self.connect(institution_id, *quirks)
        self.pull()
        return self

    def connect(self, institution_id: str, *quirks: str) -> None:
        """Connect a bank that has these quirks."""
        self.institution_id = institution_id
        self.sandbox.quirks(institution_id, *quirks)
        consent = connect.begin_consent(
            self.run(), self.user_id, institution_id, redirect="http://127.0.0.1/"
        )
        self.sandbox.approve(consent.link)
        gocardless.pull_requisitions(self.run())
        gocardless.pull_bank_accounts(self.run())

    def pull(self, *, days: int = 0) -> dict[str, StepOutcome]:
        """Read what the bank tells some days later, and bring it into the ledger."""
        if days:
            self.sandbox.advance(days=days)
            later = clock.now() + dt.timedelta(days=days)
            self.monkeypatch.setenv("FARTHING_NOW", later.isoformat())
        run = self.run()
        steps = [
            gocardless.pull_balances(run),
            gocardless.pull_transactions(run, planning.sync_window(run)),
            ledger.project_connections(run),
            ledger.project_accounts(run),
            ledger.project_balance_snapshots(run),
            ledger.project_transactions(run),
        ]
        return {step.table: step for step in steps}

    def run(self) -> Run:
        secrets = SecretBox.from_settings(self.settings)
        return Run(f"run-{next(_runs)}", self.sessions, self.settings, secrets)

    def pass_limits(self) -> None:
        """Let the real minutes pass for which all calls together are limited."""
        with self.sessions.begin() as session:
            session.execute(sa.delete(ProviderLimit))

    # What came of it

    def rows(self, status: TransactionStatus = TransactionStatus.BOOKED) -> Sequence[Transaction]:
        """Return the ledger's rows."""
        with self.sessions() as session:
            return session.scalars(
                sa.select(Transaction)
                .where(Transaction.status == status)
                .order_by(Transaction.sort_date, Transaction.amount, Transaction.id)
            ).all()

    def pending(self) -> Sequence[Transaction]:
        return self.rows(TransactionStatus.PENDING)

    def everything(self) -> list[tuple[str, ...]]:
        """Return what a user sees of every row, whatever its state."""
        return sorted(
            (
                str(row.id),
                row.status.value,
                str(row.booking_date),
                str(row.amount),
                str(row.description),
                str(row.counterparty_name),
            )
            for status in TransactionStatus
            for row in self.rows(status)
        )

    def ids(self) -> set[UUID]:
        """Return the names of what is booked."""
        return {row.id for row in self.rows()}

    def told(self) -> Counter[Told]:
        """Return what is booked, by account, day, amount and currency."""
        with self.sessions() as session:
            names = {
                row.id: row.name.removesuffix(" (2)") for row in session.scalars(sa.select(Account))
            }
        return Counter(
            (names[row.account_id], row.booking_date, row.amount, row.currency)
            for row in self.rows()
        )

    def raw(self) -> Sequence[RawTransaction]:
        """Return the raw rows."""
        with self.sessions() as session:
            return session.scalars(sa.select(RawTransaction)).all()

    def details(self) -> list[tuple[Transaction, TransactionDetails]]:
        """Return what is booked with what else the bank says of it."""
        payloads = {row.id: row.payload for row in self.raw()}
        known = profile(self.institution_id)
        return [
            (row, read_details(payloads[row.raw_id], profile=known))
            for row in self.rows()
            if row.raw_id is not None
        ]

    def reported(self) -> Reconciliation:
        """Return how the first account compares with its balance."""
        with self.sessions() as session:
            return balances.reconcile(session)[0]

    def account(self) -> Account:
        with self.sessions() as session:
            return session.scalars(sa.select(Account).order_by(Account.name)).first()  # type: ignore[return-value]

    def bank_account(self) -> BankAccount:
        with self.sessions() as session:
            return session.scalars(sa.select(BankAccount).order_by(BankAccount.name)).first()  # type: ignore[return-value]

    def set_aside(self) -> list[str]:
        """Return why rows wait in quarantine."""
        with self.sessions() as session:
            return [row.reason for row in quarantine.list_quarantine(session, self.user_id).items]

    # What is true

    def truth(self, *, pending: bool = False) -> list[tuple[Row, Row]]:
        """Return account and row of everything that truly happened within the bank's reach."""
        oldest = str(clock.today() - dt.timedelta(days=self.reach()))
        return [
            (account, row)
            for account in self.sandbox.truth_at(self.institution_id)
            for row in account["pending" if pending else "booked"]
            if row["booking_date"] >= oldest
        ]

    def reach(self) -> int:
        """Return how many days of history there are."""
        with self.sessions() as session:
            days = session.scalar(sa.text("select max_historical_days from gocardless.agreements"))
        return int(days or 0) + (clock.today() - dt.date(2026, 3, 15)).days

    def true_rows(self, day: str = "booking_date") -> Counter[Told]:
        """Return what truly is booked, as :meth:`told` does.

        :param day: which of the true days the bank tells.
        """
        return Counter(
            (
                account["name"],
                dt.date.fromisoformat(row[day]),
                Decimal(row["amount"]),
                account["currency"],
            )
            for account, row in self.truth()
        )

    def true_payees(self) -> Counter[tuple[Decimal, str]]:
        """Return amount and other side of what truly is booked by card."""
        return Counter(
            (Decimal(row["amount"]), row["counterparty"])
            for _, row in self.truth()
            if row["kind"] in ("card", "refund")
        )

    def payees(self) -> Counter[tuple[Decimal, str | None]]:
        """Return amount and other side of what is booked by card, as the ledger has it."""
        by_card = {amount for amount, _ in self.true_payees()}
        return Counter(
            (row.amount, row.counterparty_name) for row in self.rows() if row.amount in by_card
        )
