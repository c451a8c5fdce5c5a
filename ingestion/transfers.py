"""Find the transfers between the accounts of each user whose transactions changed."""

from __future__ import annotations

import time
from uuid import UUID

from farthing.errors import FarthingError
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations import transfers

_TABLE = "common.transfers"


def match_transfers(run: Run) -> StepOutcome:
    """Link what is a transfer and ask about what may be one, each user in a transaction."""
    started = time.monotonic()
    with run.sessions.begin() as session:
        users = transfers.list_users_to_match(session)
    outcomes = tuple(_match(run, user_id) for user_id in users)
    return StepOutcome(_TABLE, outcomes, time.monotonic() - started)


def _match(run: Run, user_id: UUID) -> AccountOutcome:
    started = time.monotonic()
    label = f"user {user_id}"
    try:
        with run.sessions.begin() as session:
            counts = transfers.match_transfers(session, user_id)
    except FarthingError as error:
        return AccountOutcome(None, label, Status.FAILED, str(error))
    return AccountOutcome(None, label, counts=counts, seconds=time.monotonic() - started)
