"""What users hear of their syncs: that one went otherwise than the one before it."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import JobStatus, NotificationType
from postgres.common.models import Notification
from postgres.common.operations import jobs, sync_events
from tests.postgres.ledger import Ledger, make_ledger

AT = dt.datetime(2026, 3, 15, 1, 17, tzinfo=dt.UTC)
SIX_HOURS = dt.timedelta(hours=6)

READ, FAILED = NotificationType.SYNC_COMPLETE, NotificationType.SYNC_FAILED
FIRST = (READ, "Bank was read for the first time.")
LOST = (FAILED, "Bank could not be read: no answer.")
AGAIN = (READ, "Bank is read again.")

OUTCOMES = {
    "+": (JobStatus.COMPLETED, ["completed"]),
    "-": (JobStatus.FAILED, ["failed"]),
    "~": (JobStatus.PARTIAL, ["completed", "failed"]),
    ".": (JobStatus.FAILED, ["deferred"]),
}


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def sync(session: Session, ledger: Ledger, outcome: str, *, at: dt.datetime) -> None:
    status, accounts = OUTCOMES[outcome]
    record = jobs.StepRecord(
        ledger.connection.id,
        "gocardless.transactions",
        status,
        [
            {"account": "Current", "status": each}
            | ({} if each == "completed" else {"reason": "no answer"})
            for each in accounts
        ],
    )
    jobs.record_steps(session, f"run at {at}", [record], at=at)


def told(session: Session, ledger: Ledger) -> list[tuple[NotificationType, str]]:
    rows = session.execute(
        sa.select(Notification.type, Notification.message)
        .where(Notification.user_id == ledger.user.id)
        .order_by(Notification.created_at)
    )
    return [(type_, message) for type_, message in rows]


@pytest.mark.parametrize(
    ("outcomes", "news"),
    [
        ("+", [FIRST]),
        ("++++", [FIRST]),
        ("-", [LOST]),
        ("----", [LOST]),
        ("~", [LOST]),
        ("....", []),
        ("+--", [FIRST, LOST]),
        ("+-~-+", [FIRST, LOST, AGAIN]),
        ("+-.-.+", [FIRST, LOST, AGAIN]),
        ("+.+", [FIRST]),
        ("-+-+", [LOST, AGAIN, LOST, AGAIN]),
    ],
)
def test_only_what_went_otherwise_than_before_is_told_and_once(
    session: Session, ledger: Ledger, outcomes: str, news: list[tuple[NotificationType, str]]
) -> None:
    for number, outcome in enumerate(outcomes):
        at = AT + number * SIX_HOURS
        sync(session, ledger, outcome, at=at)
        sync_events.announce_syncs(session, now=at)
        session.commit()  # what is said later is written later
        assert sync_events.announce_syncs(session, now=at).written == 0

    assert told(session, ledger) == news


def test_what_nobody_told_of_for_days_is_no_news(session: Session, ledger: Ledger) -> None:
    sync(session, ledger, "-", at=AT)
    sync(session, ledger, "+", at=AT + SIX_HOURS)

    sync_events.announce_syncs(session, now=AT + dt.timedelta(days=2))

    assert told(session, ledger) == [AGAIN]


def test_every_user_hears_of_their_own_connections(session: Session, ledger: Ledger) -> None:
    other = make_ledger(session)
    sync(session, ledger, "+", at=AT)
    sync(session, other, "-", at=AT)

    sync_events.announce_syncs(session, now=AT)

    assert (told(session, ledger), told(session, other)) == ([FIRST], [LOST])
