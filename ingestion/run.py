"""What one run works with, and what it reports."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from postgres.core import WriteCounts


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job: the database, the configuration, and the id that raw rows are stamped with.

    :param connection_id: read only this connection; None reads all.
    :param deferred_until: read only what other runs left for this instant or before; None reads
        all.
    :param is_planned: nobody asked for it just now; it spends less of a day's calls.
    """

    run_id: str
    sessions: sessionmaker[Session]
    settings: Settings
    secrets: SecretBox
    connection_id: UUID | None = None
    deferred_until: dt.datetime | None = None
    is_planned: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A range of days, both ends included."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


class Status(StrEnum):
    """How one account came out of one step.

    ``deferred`` goes by itself once ``resumes_at`` has passed; ``failed`` needs a person.
    """

    COMPLETED = "completed"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AccountOutcome:
    """What one step did for one account, or one connection, or for all of them at once.

    :param connection_id: None where the step is not about one connection.
    :param label: what a person calls it; never an account number in clear.
    :param key: what the provider calls it; empty where it is the connection itself.
    :param received: rows in the provider's answer; accepted + quarantined + superseded.
    :param superseded: rows that another row of the same answer stands for.
    :param reason: why it was deferred or failed, or what else a person should know; one line.
    """

    connection_id: UUID | None
    label: str
    status: Status = Status.COMPLETED
    reason: str | None = None
    resumes_at: dt.datetime | None = None
    window: Window | None = None
    received: int = 0
    counts: WriteCounts = field(default_factory=WriteCounts)
    quarantined: int = 0
    superseded: int = 0
    seconds: float = 0.0
    key: str = ""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What one step, an asset of the graph, did for every account.

    :param table: ``schema.table``, as the asset is called.
    """

    table: str
    accounts: tuple[AccountOutcome, ...]
    seconds: float

    @property
    def counts(self) -> WriteCounts:
        """Rows written over all accounts."""
        return sum((account.counts for account in self.accounts), WriteCounts())

    @property
    def received(self) -> int:
        """Rows received over all accounts."""
        return sum(account.received for account in self.accounts)

    @property
    def quarantined(self) -> int:
        """Rows set aside over all accounts."""
        return sum(account.quarantined for account in self.accounts)

    @property
    def unfinished(self) -> tuple[AccountOutcome, ...]:
        """The accounts that were deferred or failed."""
        return tuple(a for a in self.accounts if a.status is not Status.COMPLETED)
