"""Users and their consents at banks of the sandbox, over days."""

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
from ingestion.connect import PendingConsent
from ingestion.run import AccountOutcome, Run, StepOutcome
from postgres.auth.models import ProviderLimit
from postgres.common.enums import TransactionStatus
from postgres.common.models import Account, Connection, Institution, Transaction
from postgres.common.operations import balances, notifications
from postgres.gocardless.placement import Question, list_questions
from sandbox.server import Sandbox

BANK = "MONZO_MONZGB2L"
"""A bank with few payments on two accounts, of which the platform knows nothing."""
CONFIRMED = "NORTHGATE_NRGTGB21"
"""One whose consents last 730 days and have to be confirmed every 90."""
DATA = ("balances", "details", "transactions")

_runs = itertools.count(1)


@dataclass
class Household:
    """What a user does, and what comes of it."""

    sandbox: Sandbox
    sessions: sessionmaker[Session]
    settings: Settings
    monkeypatch: pytest.MonkeyPatch
    user_id: UUID

    def run(self) -> Run:
        secrets = SecretBox.from_settings(self.settings)
        return Run(f"run-{next(_runs)}", self.sessions, self.settings, secrets)

    def pass_time(self, *, days: int = 0, hours: int = 0) -> None:
        self.sandbox.advance(days=days, hours=hours)
        self.monkeypatch.setenv("FARTHING_NOW", self.sandbox.now().isoformat())

    def ask(self, institution: str = BANK, **options: Any) -> PendingConsent:
        return connect.begin_consent(
            self.run(), options.pop("user_id", self.user_id), institution,
            redirect="http://127.0.0.1/", **options,
        )  # fmt: skip

    def connect(self, institution: str = BANK, **options: Any) -> PendingConsent:
        """Ask for a consent and give it."""
        consent = self.ask(institution, **options)
        self.sandbox.approve(consent.link)
        assert connect.is_linked(self.run(), consent.user_id, consent.requisition_id)
        return consent

    def renew(self, connection_id: UUID | None = None, *, give: bool = True) -> PendingConsent:
        """Ask for what a connection needs to go on, and give it."""
        connection_id = connection_id or self.connection().id
        consent = connect.renew_consent(
            self.run(), self.user_id, connection_id, redirect="http://127.0.0.1/"
        )
        if give:
            self.sandbox.approve(consent.link)
        return consent

    def sync(self) -> dict[str, StepOutcome]:
        # The limits of a minute are of the real clock, by which all of this takes no time.
        with self.sessions.begin() as session:
            session.execute(sa.delete(ProviderLimit))
        run = self.run()
        steps = [
            gocardless.pull_requisitions(run),
            gocardless.pull_bank_accounts(run),
            gocardless.pull_balances(run),
            gocardless.pull_transactions(run, planning.sync_window(run)),
            ledger.project_connections(run),
            ledger.project_accounts(run),
            ledger.project_balance_snapshots(run),
            ledger.project_transactions(run),
        ]
        return {step.table: step for step in steps}

    # What came of it

    def connection(self, institution: str | None = None) -> Connection:
        with self.sessions() as session:
            query = sa.select(Connection).where(Connection.user_id == self.user_id)
            if institution is not None:
                query = query.join(Institution).where(
                    Institution.provider_institution_id == institution
                )
            return session.scalars(query).one()

    def connections(self) -> int:
        with self.sessions() as session:
            query = sa.select(sa.func.count()).select_from(Connection)
            return session.scalars(query.where(Connection.user_id == self.user_id)).one()

    def accounts(self) -> Sequence[Account]:
        with self.sessions() as session:
            return session.scalars(
                sa.select(Account)
                .where(Account.user_id == self.user_id)
                .order_by(Account.name, Account.currency)
            ).all()

    def questions(self) -> Sequence[Question]:
        with self.sessions() as session:
            return list_questions(session, user_id=self.user_id)

    def rows(self, user_id: UUID | None = None) -> dict[UUID, Counter[tuple[dt.date, Decimal]]]:
        """Return what is booked, by account."""
        found: dict[UUID, Counter[tuple[dt.date, Decimal]]] = {}
        with self.sessions() as session:
            for row in session.scalars(
                sa.select(Transaction).where(
                    Transaction.user_id == (user_id or self.user_id),
                    Transaction.status == TransactionStatus.BOOKED,
                )
            ):
                assert row.booking_date is not None
                found.setdefault(row.account_id, Counter())[row.booking_date, row.amount] += 1
        return found

    def true_rows(self, institution: str = BANK) -> dict[str, Counter[tuple[dt.date, Decimal]]]:
        """Return what really is, by the names of accounts."""
        return {
            each["name"]: Counter(
                (dt.date.fromisoformat(row["booking_date"]), Decimal(row["amount"]))
                for row in each["booked"]
                if dt.date.fromisoformat(row["booking_date"])
                >= dt.date(2026, 3, 15) - dt.timedelta(days=90)
            )
            for each in self.sandbox.truth()["bank_accounts"]
            if each["institution_id"] == institution
        }

    def names(self) -> dict[UUID, str]:
        return {account.id: account.name for account in self.accounts()}

    def drifts(self) -> set[Decimal | None]:
        with self.sessions() as session:
            return {row.drift for row in balances.reconcile(session, user_id=self.user_id)}

    def data_calls(self) -> list[str]:
        """Return the paths of calls for data since the record of calls was cleared."""
        return [
            request["path"]
            for request in self.sandbox.requests()
            if request["path"].rstrip("/").rpartition("/")[2] in DATA
        ]

    def warn(self) -> int:
        with self.sessions.begin() as session:
            return notifications.warn_of_consent_expiry(session, now=clock.now()).inserted

    def told(self) -> list[str]:
        with self.sessions() as session:
            found = notifications.list_notifications(session, self.user_id, limit=100).items
        return [each.message for each in found]


def unfinished(steps: dict[str, StepOutcome]) -> list[AccountOutcome]:
    return [each for step in steps.values() for each in step.unfinished]
