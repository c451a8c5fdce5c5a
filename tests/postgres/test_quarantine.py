"""Quarantine: what is set aside, read again, dropped, and what the next sync makes of it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.models import Quarantine
from postgres.common.operations import quarantine
from postgres.errors import NotFoundError
from postgres.gocardless.models import Transaction as RawTransaction
from postgres.sessions import user_session
from tests.postgres.household import Household, make_household
from tests.postgres.ledger import Ledger, make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def household(session: Session) -> Household:
    """A user with a raw row that has no amount, and nothing in quarantine."""
    household = make_household(session)
    session.execute(sa.delete(Quarantine))
    return household


def set_aside(session: Session, household: Household, refusal: str | None = None) -> None:
    """What a projection does with the raw row: of another refusal, if one is given."""
    raw_id = household.rows["gocardless.transactions"]["id"]
    if refusal is not None:
        session.execute(
            sa.update(RawTransaction)
            .where(RawTransaction.id == raw_id)
            .values(refusal=refusal or None, amount=1, currency="GBP", booking_date=AT.date())
        )
    quarantine.set_aside(
        session,
        household.user_id,
        RawTransaction,
        RawTransaction.id == raw_id,
        account_id=household.rows["common.accounts"]["id"],
    )
    session.expire_all()


def waiting(session: Session, household: Household) -> Sequence[Quarantine]:
    return quarantine.list_quarantine(session, household.user_id).items


def version(session: Session) -> list[str]:
    return list(session.scalars(sa.text("select xmin::text from common.quarantine")))


def add(session: Session, ledger: Ledger, *, table: str = "a.b", age: int = 0) -> Quarantine:
    row = Quarantine(
        user_id=ledger.user.id,
        account_id=ledger.account.id,
        raw_table=table,
        raw_id=uuid.uuid4(),
        reason="no amount",
        created_at=AT - dt.timedelta(hours=age),
    )
    session.add(row)
    session.flush()
    return row


class TestSync:
    def test_of_another_user_sets_nothing_aside(self, session: Session, ledger: Ledger) -> None:
        theirs = make_household(session)
        raw_id = theirs.rows["gocardless.transactions"]["id"]
        session.execute(sa.delete(Quarantine))

        def set_aside_for(user_id: uuid.UUID) -> int:
            quarantine.set_aside(
                session,
                user_id,
                RawTransaction,
                RawTransaction.id == raw_id,
                account_id=theirs.rows["common.accounts"]["id"],
            )
            return quarantine.count_quarantine(session)

        assert set_aside_for(ledger.user.id) == 0
        assert set_aside_for(theirs.user_id) == 1
        session.execute(
            sa.update(RawTransaction)
            .where(RawTransaction.id == raw_id)
            .values(refusal=None, amount=1, currency="GBP", booking_date=AT.date())
        )
        assert set_aside_for(ledger.user.id) == 1
        assert set_aside_for(theirs.user_id) == 0

    def test_again_writes_nothing(self, session: Session, household: Household) -> None:
        set_aside(session, household)
        session.commit()
        (row,) = waiting(session, household)
        assert (row.reason, row.raw_table) == ("no amount", "gocardless.transactions")
        before = version(session)

        set_aside(session, household)
        session.commit()

        assert version(session) == before

    def test_does_not_bring_up_again_what_was_dropped(
        self, session: Session, household: Household
    ) -> None:
        set_aside(session, household)
        (row,) = waiting(session, household)
        quarantine.drop(session, household.user_id, row.id, at=AT)

        set_aside(session, household)

        assert waiting(session, household) == []
        assert quarantine.count_quarantine(session) == 0
        assert row.dropped_at == AT

    def test_brings_up_what_was_dropped_for_another_reason(
        self, session: Session, household: Household
    ) -> None:
        set_aside(session, household)
        (row,) = waiting(session, household)
        quarantine.drop(session, household.user_id, row.id, at=AT)

        set_aside(session, household, "no currency")

        assert waiting(session, household) == [row]
        assert (row.reason, row.dropped_at) == ("no currency", None)

    def test_does_what_was_asked_for_a_row_and_takes_the_mark_off(
        self, session: Session, household: Household
    ) -> None:
        set_aside(session, household)
        (row,) = waiting(session, household)
        quarantine.retry(session, household.user_id, row.id, at=AT)

        set_aside(session, household)
        assert (row.retry_requested_at, row.reason) == (None, "no amount")

        quarantine.retry(session, household.user_id, row.id, at=AT)
        set_aside(session, household, "")
        assert quarantine.count_quarantine(session, household.user_id) == 0
        assert session.scalars(sa.select(Quarantine)).all() == []

    def test_leaves_the_mark_on_rows_that_it_did_not_look_at(
        self, session: Session, household: Household, ledger: Ledger
    ) -> None:
        row = add(session, ledger)
        quarantine.retry(session, ledger.user.id, row.id, at=AT)

        set_aside(session, household)

        assert row.retry_requested_at == AT


def test_the_last_decision_counts(session: Session, ledger: Ledger) -> None:
    row = add(session, ledger)
    user_id = ledger.user.id

    def marks() -> tuple[bool, bool]:
        session.refresh(row)
        return row.retry_requested_at is not None, row.dropped_at is not None

    quarantine.retry(session, user_id, row.id, at=AT)
    assert marks() == (True, False)
    quarantine.drop(session, user_id, row.id, at=AT)
    assert marks() == (False, True)
    quarantine.retry(session, user_id, row.id, at=AT)
    assert marks() == (True, False)
    kept = session.scalars(
        sa.text("select action from common.audit_log where table_name = 'common.quarantine'")
    ).all()
    assert kept == ["update"] * 3


def test_lists_are_newest_first_filtered_and_in_pages(session: Session, ledger: Ledger) -> None:
    other = make_ledger(session)
    old, middle, new = (add(session, ledger, age=age) for age in (3, 2, 1))
    elsewhere = add(session, ledger, table="c.d", age=4)
    unplaced = add(session, ledger, age=5)
    unplaced.account_id = None
    dropped = add(session, ledger)
    add(session, other)
    quarantine.drop(session, ledger.user.id, dropped.id, at=AT)
    quarantine.retry(session, ledger.user.id, middle.id, at=AT)

    def found(**filters: Any) -> Sequence[Quarantine]:
        return quarantine.list_quarantine(session, ledger.user.id, **filters).items

    assert found() == [new, middle, old, elsewhere, unplaced]
    assert found(account_id=ledger.account.id) == [new, middle, old, elsewhere]
    assert found(raw_table="c.d") == [elsewhere]
    assert found(is_retry_requested=True) == [middle]
    assert found(is_retry_requested=False) == [new, old, elsewhere, unplaced]
    assert found(is_dropped=True) == [dropped]
    assert quarantine.count_quarantine(session, ledger.user.id) == 5
    assert quarantine.count_quarantine(session) == 6
    page = quarantine.list_quarantine(session, ledger.user.id, limit=3)
    rest = quarantine.list_quarantine(session, ledger.user.id, limit=3, after=page.after)
    assert (page.items, rest.items) == ([new, middle, old], [elsewhere, unplaced])
    assert rest.after is None


def test_a_row_is_only_its_owners(session: Session, ledger: Ledger) -> None:
    row = add(session, ledger)
    stranger = make_ledger(session).user.id

    assert quarantine.get_quarantined(session, stranger, row.id) is None
    assert quarantine.list_quarantine(session, stranger).items == []
    with pytest.raises(NotFoundError):
        quarantine.retry(session, stranger, row.id, at=AT)
    with pytest.raises(NotFoundError):
        quarantine.drop(session, stranger, row.id, at=AT)
    assert quarantine.get_quarantined(session, ledger.user.id, row.id) is row
    assert (row.retry_requested_at, row.dropped_at) == (None, None)


def test_works_in_a_session_of_one_user(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        mine, theirs = make_ledger(session), make_ledger(session)
        row, other = add(session, mine), add(session, theirs)
    with user_session(sessions, mine.user.id) as session:
        quarantine.drop(session, mine.user.id, row.id, at=AT)
        assert quarantine.count_quarantine(session) == 0
        assert quarantine.get_quarantined(session, theirs.user.id, other.id) is None
