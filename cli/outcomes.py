"""What a sync did, account by account, put together from the records of its steps."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from sqlalchemy.orm import Session

from cli.output import BAD, DOUBTFUL, GOOD, minute
from ingestion.outcomes import WORST_FIRST
from ingestion.run import Status
from postgres.common.enums import ConnectionStatus
from postgres.common.models import Job
from postgres.common.operations import connections, jobs

_LEDGER = "common.transactions"
_HISTORIES = (
    "gocardless.transactions",
    "trading212.orders",
    "trading212.dividends",
    "trading212.cash_transactions",
)
_COLOURS = {Status.COMPLETED: GOOD, Status.DEFERRED: DOUBTFUL, Status.FAILED: BAD}


@dataclass(slots=True)
class AccountReport:
    """How one account came out of a run; or a connection, if its accounts are not known.

    :param received: rows in the provider's answers.
    :param new: rows that are new in the ledger.
    :param changed: rows of the ledger that read differently now.
    :param windows: the days that were asked for; a history without any was read from its beginning.
    """

    connection_id: uuid.UUID
    institution: str
    account: str
    status: Status = Status.COMPLETED
    reason: str | None = None
    resumes_at: dt.datetime | None = None
    received: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    windows: list[str] = field(default_factory=list)

    def add(self, step: str, entry: dict[str, Any]) -> None:
        """Count one step in."""
        status = Status(entry["status"])
        if WORST_FIRST.index(status) < WORST_FIRST.index(self.status):
            self.status, self.reason = status, entry.get("reason")
            self.resumes_at = _instant(entry.get("resumes_at"))
        if step in _HISTORIES:
            self.received += entry["received"]
            self.quarantined += entry["quarantined"]
            if "window" in entry:
                self.windows.append(entry["window"])
        elif step == _LEDGER:
            self.new += entry["inserted"]
            self.changed += entry["updated"]

    def described(self) -> Text:
        """Return the status with its reason and, if it goes by itself, when."""
        if self.status is Status.COMPLETED and self.reason:
            return Text(f"waiting: {self.reason}", DOUBTFUL)
        text = Text(self.status.value, _COLOURS[self.status])
        if self.reason:
            text.append(f": {self.reason}", "default")
        if self.resumes_at:
            text.append(f"; again from {minute(self.resumes_at)} UTC", "default")
        return text

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "connection_id": self.connection_id,
            "institution": self.institution,
            "account": self.account,
            "status": self.status,
            "reason": self.reason,
            "resumes_at": self.resumes_at,
            "from": min((window.split(" to ")[0] for window in self.windows), default=None),
            "to": max((window.split(" to ")[1] for window in self.windows), default=None),
            "received": self.received,
            "new": self.new,
            "changed": self.changed,
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    :param wrote: whether any row of the ledger is new or reads differently.
    """

    accounts: Sequence[AccountReport]
    wrote: bool

    @property
    def unfinished(self) -> list[AccountReport]:
        """The accounts that were deferred or failed."""
        return [each for each in self.accounts if each.status is not Status.COMPLETED]


def report(session: Session, run_id: str) -> RunReport:
    """Put together what a run recorded."""
    known = {c.id: (c, i) for c, i in connections.list_with_institutions(session)}
    accounts: list[AccountReport] = []
    wrote = False
    for job in jobs.jobs_of_run(session, run_id):
        if job.connection_id in known:
            connection, institution = known[job.connection_id]
            accounts += _of_connection(job, connection.id, institution.name, connection.status)
        wrote = wrote or any(
            entry["inserted"] or entry["updated"]
            for step, outcome in job.outcome.items()
            if step.startswith("common.")
            for entry in outcome["accounts"]
        )
    accounts.sort(key=lambda each: (each.institution, each.account))
    return RunReport(accounts, wrote)


def _of_connection(
    job: Job, connection_id: uuid.UUID, institution: str, status: ConnectionStatus
) -> Iterable[AccountReport]:
    of_account: dict[str, AccountReport] = {}
    whole = AccountReport(connection_id, institution, "")
    for step, outcome in job.outcome.items():
        for entry in outcome["accounts"]:
            label = entry["account"]
            if label == institution:
                whole.add(step, entry)
                continue
            if label not in of_account:
                of_account[label] = AccountReport(connection_id, institution, label)
            of_account[label].add(step, entry)
    if not of_account and whole.status is Status.COMPLETED:
        if status is ConnectionStatus.PENDING:
            whole.reason = "the consent has not been given yet"
        of_account[""] = whole
    elif whole.status is not Status.COMPLETED:
        of_account[""] = whole
    return of_account.values()


def _instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
