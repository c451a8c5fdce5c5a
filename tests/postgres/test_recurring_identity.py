"""A pattern keeps its id from run to run, whatever detection calls it by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from postgres.common.enums import RecurringStatus, TransactionStatus
from postgres.common.models import Transaction
from postgres.common.recurrence import due_day
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.recurring import (
    ACTIVE,
    CANCELLED,
    MONTHLY,
    PENDING,
    date,
    decide,
    every,
    found,
    links_of,
    only,
    record,
    rolled_back,
    series,
)


@pytest.fixture
def session(server_url: str, template: str) -> Iterator[Session]:
    yield from rolled_back(server_url, template)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def rows(session: Session, ledger: Ledger) -> list[Transaction]:
    """Eight payments, of which the last six were found and accepted."""
    rows = series(session, ledger, "2025-07-01", 8)
    record(session, [found(ledger, "2")], [(row, "2") for row in rows[2:]])
    decide(session, only(session, ledger), ACTIVE)
    return rows


def test_it_stays_when_history_turns_up_before_it_and_goes_again(
    session: Session, ledger: Ledger, rows: list[Transaction]
) -> None:
    kept = only(session, ledger).id
    for first in (0, 3, 1, 2, 0):
        record(session, [found(ledger, str(first))], [(row, str(first)) for row in rows[first:]])
        assert [each.id for each in every(session, ledger)] == [kept]
    assert only(session, ledger).status is ACTIVE


def test_it_stays_when_the_first_rows_are_void_and_come_as_others(
    session: Session, ledger: Ledger, rows: list[Transaction]
) -> None:
    kept = only(session, ledger).id
    for row in rows[:5]:
        row.status = TransactionStatus.VOID
    again = series(session, ledger, "2025-07-01", 5)
    now = [*again, *rows[5:]]

    record(session, [found(ledger, "again")], [(row, "again") for row in now])

    assert only(session, ledger).id == kept
    assert {row.id for row in now} <= set(links_of(session, only(session, ledger)))


def test_of_two_that_become_one_the_decided_one_stays(
    session: Session, ledger: Ledger, rows: list[Transaction]
) -> None:
    kept = only(session, ledger).id
    before = series(session, ledger, "2025-01-01", 6)
    both = [found(ledger, "before"), found(ledger, "2")]
    old = [(row, "before") for row in before]
    record(session, both, [*old, *((row, "2") for row in rows[2:])])
    assert len(every(session, ledger)) == 2

    everything = [(row, "before") for row in (*before, *rows)]
    record(session, [found(ledger, "before")], everything)

    assert (only(session, ledger).id, only(session, ledger).status) == (kept, ACTIVE)
    assert len(links_of(session, only(session, ledger))) == 14


def test_of_two_that_were_accepted_and_become_one_the_older_stays_and_none_loses_its_payments(
    session: Session, ledger: Ledger, rows: list[Transaction]
) -> None:
    older = only(session, ledger)
    later = series(session, ledger, "2026-03-15", 6)
    new = found(ledger, "later", detected_next_date=date("2026-09-15"))
    known = [(row, "2") for row in rows[2:]]
    record(session, [found(ledger, "2"), new], [*known, *((r, "later") for r in later)])
    (second,) = (each for each in every(session, ledger) if each.id != older.id)
    second.created_at += dt.timedelta(days=1)
    decide(session, second, ACTIVE)

    everything = [(row, "0") for row in (*rows, *later)]
    record(session, [found(ledger, "0")], everything)

    session.refresh(older)
    assert older.detection_key == "2"
    assert set(links_of(session, older)) == {row.id for row in rows}
    assert set(links_of(session, second)) == {row.id for row in later}


def test_of_one_that_falls_in_two_beside_each_other_the_known_part_stays(
    session: Session, ledger: Ledger
) -> None:
    first = series(session, ledger, "2025-09-01", 6)
    second = series(session, ledger, "2025-09-08", 6)
    whole = [(row, "one") for row in (*first, *second)]
    record(session, [found(ledger, "one")], whole)
    kept = decide(session, only(session, ledger), ACTIVE).id
    two = [found(ledger, "one"), found(ledger, "two", detected_next_date=date("2026-03-08"))]
    links = [*((row, "one") for row in first), *((row, "two") for row in second)]

    for _ in range(2):
        record(session, two, links)
        shown = {each.detection_key: each for each in every(session, ledger)}
        assert {key: each.status for key, each in shown.items()} == {
            "one": ACTIVE,
            "two": PENDING,
        }
        assert shown["one"].id == kept
        assert set(links_of(session, shown["one"])) == {row.id for row in first}


def test_of_one_that_falls_in_two_under_new_keys_the_larger_part_stays(
    session: Session, ledger: Ledger
) -> None:
    first = series(session, ledger, "2025-09-01", 4)
    second = series(session, ledger, "2025-09-08", 6)
    record(session, [found(ledger, "x")], [(row, "x") for row in (*first, *second)])
    kept = decide(session, only(session, ledger), ACTIVE).id

    record(
        session,
        [found(ledger, "a"), found(ledger, "b")],
        [*((row, "a") for row in first), *((row, "b") for row in second)],
    )

    shown = {each.id: each for each in every(session, ledger)}
    assert len(shown) == 2
    assert set(links_of(session, shown[kept])) == {row.id for row in second}


@pytest.mark.parametrize("status", [ACTIVE, CANCELLED])
def test_it_goes_on_under_a_name_that_nothing_is_left_of(
    session: Session, ledger: Ledger, rows: list[Transaction], status: RecurringStatus
) -> None:
    if status is CANCELLED:
        decide(session, only(session, ledger), status)
    kept = only(session, ledger).id
    renamed = series(session, ledger, "2026-03-01", 3)
    finding = found(
        ledger,
        "renamed",
        detected_name="qx holdings",
        detected_last_date=date("2026-05-01"),
        detected_next_date=date("2026-06-01"),
    )
    old = found(ledger, "2", detected_is_ended=True, detected_next_date=None)
    links = [*((r, "2") for r in rows[2:]), *((r, "renamed") for r in renamed)]

    record(session, [old, finding], links)

    assert (only(session, ledger).id, only(session, ledger).status) == (kept, status)


@pytest.mark.parametrize(
    ("first", "amount"), [("2026-06-01", "-9.99"), ("2026-03-01", "-9.49"), ("2026-03-10", "-9.99")]
)
def test_it_does_not_go_on_under_another_name_at_another_time_or_price(
    session: Session, ledger: Ledger, rows: list[Transaction], first: str, amount: str
) -> None:
    others = series(session, ledger, first, 3, amount)
    last = others[-1].booking_date
    assert last is not None
    finding = found(
        ledger,
        "other",
        detected_name="qx holdings",
        detected_amount=Decimal(amount),
        detected_last_date=last,
        detected_next_date=due_day(MONTHLY, last, 1),
    )
    old = found(ledger, "2", detected_is_ended=True, detected_next_date=None)
    links = [*((r, "2") for r in rows[2:]), *((r, "other") for r in others)]

    record(session, [old, finding], links)

    assert len(every(session, ledger)) == 2


def test_it_is_the_same_whatever_the_order_of_the_findings(
    session: Session, ledger: Ledger
) -> None:
    """What a run gives does not depend on how its rows come out of the marts."""
    told = []
    for turned in (False, True):
        with session.begin_nested() as attempt:
            first = series(session, ledger, "2025-09-01", 6)
            second = series(session, ledger, "2025-09-08", 6)
            whole = [(row, "one") for row in (*first, *second)]
            record(session, [found(ledger, "one")], whole)
            decide(session, only(session, ledger), CANCELLED)
            findings = [found(ledger, "a"), found(ledger, "b", detected_amount=Decimal(-12))]
            links = [*((r, "a") for r in first), *((r, "b") for r in second)]
            if turned:
                findings.reverse()
                links.reverse()
            record(session, findings, links)
            pattern = only(session, ledger)
            told.append((pattern.status, pattern.amount, len(links_of(session, pattern))))
            attempt.rollback()
    assert told[0] == told[1]
