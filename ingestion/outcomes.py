"""How a whole run came out: neither green nor red where some accounts were left."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy.orm import Session

from ingestion.run import Status
from postgres.common.operations import jobs

_CONSENTS = "gocardless.requisitions"
WORST_FIRST = (Status.FAILED, Status.DEFERRED, Status.COMPLETED)


class RunOutcome(StrEnum):
    """What became of the accounts of a run."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


def of_statuses(statuses: Iterable[Status]) -> RunOutcome:
    """Return what accounts come to that came out so; what is deferred alone is no failure."""
    found = set(statuses)
    if found <= {Status.COMPLETED}:
        return RunOutcome.COMPLETE
    return RunOutcome.FAILED if found == {Status.FAILED} else RunOutcome.PARTIAL


def of_run(session: Session, run_id: str) -> RunOutcome | None:
    """Return how a run came out by its jobs; None if it was about no connection.

    An account comes out as in the worst of its steps.
    """
    worst: dict[tuple[uuid.UUID | None, str], Status] = {}
    found = jobs.jobs_of_run(session, run_id)
    for job in found:
        for step, done in job.outcome.items():
            for entry in done["accounts"]:
                status = Status(entry["status"])
                # A consent that could be read says nothing of the accounts that it opened.
                if step == _CONSENTS and status is Status.COMPLETED:
                    continue
                place = job.connection_id, entry["account"]
                worst[place] = min(worst.get(place, status), status, key=WORST_FIRST.index)
    return of_statuses(worst.values()) if found else None
