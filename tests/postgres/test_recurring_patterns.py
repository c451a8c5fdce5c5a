"""What detection proposes never overrides what the user decided."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import RecurringSource, RecurringStatus
from postgres.common.models import RecurringPattern, RecurringPatternTransaction
from postgres.common.operations import recurring_patterns as patterns
from postgres.core import WriteCounts, table_of
from postgres.errors import NotFoundError, TransitionError
from tests.postgres.ledger import Ledger, book, make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
PENDING, ACTIVE, PAUSED, CANCELLED = RecurringStatus


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


FINDING = (
    "user_id",
    "account_id",
    "detection_key",
    "direction",
    "currency",
    *patterns.DETECTED,
)


def found(ledger: Ledger, key: str, **values: Any) -> dict[str, Any]:
    """One finding of a run."""
    return {
        "user_id": ledger.user.id,
        "account_id": ledger.account.id,
        "detection_key": key,
        "direction": "expense",
        "currency": "GBP",
        "detected_name": "netflix",
        "detected_frequency": "monthly",
        "detected_amount": Decimal("-9.99"),
        "detected_next_date": dt.date(2026, 4, 1),
        "detected_last_date": dt.date(2026, 3, 1),
        "detected_confidence": Decimal("0.9"),
        "detected_is_ended": False,
        **values,
    }


def record(
    session: Session,
    findings: list[dict[str, Any]],
    links: list[tuple[uuid.UUID, uuid.UUID, str]] | None = None,
) -> WriteCounts:
    """Run the write-back over literal findings, as the marts would give them."""
    marts = sa.MetaData()
    columns = table_of(RecurringPattern).c
    patterns_found = sa.Table(
        "patterns_found",
        marts,
        *(sa.Column(name, columns[name].type) for name in FINDING),
        prefixes=["temporary"],
    )
    occurrences = sa.Table(
        "occurrences",
        marts,
        sa.Column("transaction_id", sa.Uuid),
        sa.Column("user_id", sa.Uuid),
        sa.Column("detection_key", sa.Text),
        prefixes=["temporary"],
    )
    marts.create_all(session.connection())
    if findings:
        session.execute(sa.insert(patterns_found), findings)
    for link in links or []:
        session.execute(sa.insert(occurrences).values(link))
    counts = patterns.record_detected(session, sa.select(patterns_found), sa.select(occurrences))
    marts.drop_all(session.connection())
    session.expire_all()
    return counts


def only(session: Session, ledger: Ledger) -> RecurringPattern:
    (pattern,) = patterns.list_patterns(session, ledger.user.id)
    return pattern


def test_a_finding_is_proposed_and_a_repeat_changes_nothing(
    session: Session, ledger: Ledger
) -> None:
    assert record(session, [found(ledger, "k")]) == WriteCounts(inserted=1)

    assert record(session, [found(ledger, "k")]) == WriteCounts(unchanged=1)

    pattern = only(session, ledger)
    assert (pattern.status, pattern.source) == (PENDING, RecurringSource.DETECTED)
    assert pattern.amount_tolerance_pct == 10


@pytest.mark.parametrize("status", [ACTIVE, CANCELLED])
def test_a_decision_survives_later_runs_while_the_finding_drifts(
    session: Session, ledger: Ledger, status: RecurringStatus
) -> None:
    record(session, [found(ledger, "k")])
    pattern = only(session, ledger)
    patterns.change_status(session, ledger.user.id, pattern.id, status, at=AT)
    pattern.user_amount = Decimal(-12)
    pattern.user_name = "Films"
    session.flush()

    record(session, [found(ledger, "k", detected_amount=Decimal(-11), detected_name="netflix com")])

    after = only(session, ledger)
    assert after.id == pattern.id
    assert (after.status, after.user_amount, after.user_name) == (status, Decimal(-12), "Films")
    assert (after.detected_amount, after.detected_name) == (Decimal(-11), "netflix com")
    assert after.decided_at == AT


def test_what_is_no_longer_found_is_withdrawn_unless_the_user_decided(
    session: Session, ledger: Ledger
) -> None:
    record(session, [found(ledger, "a"), found(ledger, "b")])
    kept = next(
        p for p in patterns.list_patterns(session, ledger.user.id) if p.detection_key == "a"
    )
    patterns.change_status(session, ledger.user.id, kept.id, ACTIVE, at=AT)

    record(session, [])

    assert [p.detection_key for p in patterns.list_patterns(session, ledger.user.id)] == ["a"]


def test_ended_series_are_not_proposed_but_known_ones_are_told_so(
    session: Session, ledger: Ledger
) -> None:
    record(session, [found(ledger, "k", detected_is_ended=True)])
    assert patterns.list_patterns(session, ledger.user.id) == []

    record(session, [found(ledger, "k")])
    patterns.change_status(session, ledger.user.id, only(session, ledger).id, ACTIVE, at=AT)
    record(session, [found(ledger, "k", detected_is_ended=True)])

    pattern = only(session, ledger)
    assert pattern.status is ACTIVE
    assert pattern.detected_is_ended


def test_transactions_are_linked_and_a_manual_link_is_never_moved(
    session: Session, ledger: Ledger
) -> None:
    rows = [book(session, ledger, dt.date(2026, month, 1), "-9.99") for month in (1, 2, 3)]
    user = ledger.user.id
    record(
        session,
        [found(ledger, "a"), found(ledger, "b")],
        [(rows[0].id, user, "a"), (rows[1].id, user, "a")],
    )
    by_key = {p.detection_key: p for p in patterns.list_patterns(session, user)}
    session.add(
        RecurringPatternTransaction(
            transaction_id=rows[2].id,
            pattern_id=by_key["a"].id,
            user_id=user,
            source=RecurringSource.MANUAL,
        )
    )
    session.flush()

    record(
        session,
        [found(ledger, "a"), found(ledger, "b")],
        [(rows[0].id, user, "a"), (rows[1].id, user, "b"), (rows[2].id, user, "b")],
    )

    links = {
        link.transaction_id: link.pattern_id
        for link in session.scalars(sa.select(RecurringPatternTransaction))
    }
    assert links == {
        rows[0].id: by_key["a"].id,
        rows[1].id: by_key["b"].id,
        rows[2].id: by_key["a"].id,
    }


def test_a_row_of_one_user_never_joins_a_pattern_of_another(
    session: Session, ledger: Ledger
) -> None:
    other = make_ledger(session)
    theirs = book(session, other, dt.date(2026, 3, 1), "-9.99")
    record(session, [found(ledger, "k")])
    session.add(
        RecurringPatternTransaction(
            transaction_id=theirs.id,
            pattern_id=only(session, ledger).id,
            user_id=ledger.user.id,
            source=RecurringSource.MANUAL,
        )
    )

    with pytest.raises(sa.exc.IntegrityError):
        session.flush()


@pytest.mark.parametrize(("start", "end"), list(itertools.product(RecurringStatus, repeat=2)))
def test_the_state_machine_allows_what_it_says_and_nothing_else(
    session: Session, ledger: Ledger, start: RecurringStatus, end: RecurringStatus
) -> None:
    record(session, [found(ledger, "k")])
    pattern = only(session, ledger)
    pattern.status = start
    session.flush()

    if end in patterns.TRANSITIONS[start]:
        changed = patterns.change_status(session, ledger.user.id, pattern.id, end, at=AT)
        assert (changed.status, changed.decided_at) == (end, AT)
    else:
        with pytest.raises(TransitionError, match=f"{start.value}.*{end.value}"):
            patterns.change_status(session, ledger.user.id, pattern.id, end, at=AT)


def test_the_machine_is_the_one_that_was_agreed() -> None:
    assert {
        PENDING: {ACTIVE, CANCELLED},
        ACTIVE: {PAUSED, CANCELLED},
        PAUSED: {ACTIVE, CANCELLED},
        CANCELLED: set(),
    } == patterns.TRANSITIONS


def test_nobody_decides_on_another_users_pattern(session: Session, ledger: Ledger) -> None:
    record(session, [found(ledger, "k")])
    other = make_ledger(session)

    with pytest.raises(NotFoundError):
        patterns.change_status(session, other.user.id, only(session, ledger).id, ACTIVE, at=AT)
    assert patterns.get_pattern(session, other.user.id, only(session, ledger).id) is None
    assert patterns.list_patterns(session, other.user.id) == []
