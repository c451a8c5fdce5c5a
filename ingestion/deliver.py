"""Deliver what waits in the outbox, each in a transaction of its own, at least once."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from uuid import UUID

from farthing.errors import FarthingError
from farthing.secrets import SecretBox
from ingestion import channels
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations import notification_channels, notification_deliveries
from postgres.common.operations.notification_deliveries import Claimed
from postgres.core import WriteCounts

TABLE = "common.notification_deliveries"


@dataclass(slots=True)
class _Tally:
    """What became of one channel's deliveries."""

    sent: int = 0
    error: str | None = None
    resumes_at: dt.datetime | None = None
    seconds: float = 0.0


def deliver_due(run: Run) -> StepOutcome:
    """Send everything that is due, the channels of all users one after the other.

    A channel that fails is left alone for the rest of the run and stops no other. Any number of
    these may run at once: what one of them has claimed the others pass by.
    """
    started = time.monotonic()
    tallies: dict[UUID, _Tally] = {}
    while _deliver_one(run, tallies):
        pass
    outcomes = tuple(_outcome(channel_id, tally) for channel_id, tally in tallies.items())
    return StepOutcome(TABLE, outcomes, time.monotonic() - started)


def is_any_due(run: Run) -> bool:
    """Tell whether anything waits to be delivered; one look at an index."""
    with run.sessions() as session:
        return notification_deliveries.is_any_due(session, at=_now())


def _deliver_one(run: Run, tallies: dict[UUID, _Tally]) -> bool:
    started = time.monotonic()
    failed = [channel_id for channel_id, tally in tallies.items() if tally.error is not None]
    with run.sessions.begin() as session:
        claimed = notification_deliveries.claim_delivery(session, at=_now(), skipping=failed)
        if claimed is None:
            return False
        tally = tallies.setdefault(claimed.channel.id, _Tally())
        error = _send(claimed, run.secrets)
        if error is None:
            notification_deliveries.mark_sent(session, claimed.delivery, at=_now())
            tally.sent += 1
        else:
            notification_deliveries.mark_failed(session, claimed.delivery, error, at=_now())
            tally.error, tally.resumes_at = error, claimed.delivery.next_attempt_at
    tally.seconds += time.monotonic() - started
    return True


def _send(claimed: Claimed, secrets: SecretBox) -> str | None:
    try:
        address = notification_channels.address_of(claimed.channel, secrets)
        channels.send(address, claimed.notification.message, key=str(claimed.delivery.id))
    except FarthingError as error:
        return str(error)
    return None


def _outcome(channel_id: UUID, tally: _Tally) -> AccountOutcome:
    status = Status.COMPLETED
    if tally.error is not None:
        status = Status.FAILED if tally.resumes_at is None else Status.DEFERRED
    return AccountOutcome(
        None,
        # Not what the user calls it: reports of runs outlive a user who is erased.
        f"channel {channel_id.hex[:8]}",
        status=status,
        reason=tally.error,
        resumes_at=tally.resumes_at,
        counts=WriteCounts(updated=tally.sent),
        seconds=tally.seconds,
    )


def _now() -> dt.datetime:
    # A channel that failed is waited for, whatever day it is for the ledger: the real clock.
    return dt.datetime.now(dt.UTC)  # real clock
