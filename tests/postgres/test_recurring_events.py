"""What a user hears of patterns, beside prices and missed payments: ends, and what came twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import NotificationType, RecurringFrequency, TransactionStatus
from postgres.common.models import Merchant, Notification, RecurringPattern
from postgres.common.operations import recurring_events
from postgres.common.operations import recurring_pattern_transactions as payments
from postgres.common.operations import recurring_patterns as patterns
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant
from tests.postgres.recurring import (
    ACTIVE,
    AT,
    CANCELLED,
    EXPENSE,
    MONTHLY,
    PAUSED,
    date,
    decide,
    found,
    only,
    record,
    rolled_back,
    series,
)

ENDED, TWICE = NotificationType.RECURRING_ENDED, NotificationType.DUPLICATE_CHARGE
NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def session(server_url: str, template: str) -> Iterator[Session]:
    yield from rolled_back(server_url, template)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def netflix(session: Session, ledger: Ledger) -> Merchant:
    return make_merchant(session, ledger, "netflix")


@pytest.fixture
def pattern(session: Session, ledger: Ledger, netflix: Merchant) -> RecurringPattern:
    """Six payments on the first of the month up to March, found and not decided on."""
    rows = series(session, ledger, "2025-10-01", 6, merchant=netflix)
    record(session, [found(ledger, "k", merchant_id=netflix.id)], [(row, "k") for row in rows])
    return only(session, ledger)


def told(session: Session, ledger: Ledger, type_: NotificationType) -> list[str]:
    return list(
        session.scalars(
            sa.select(Notification.message)
            .where(Notification.user_id == ledger.user.id, Notification.type == type_)
            .order_by(Notification.message)
        )
    )


def test_the_end_of_what_was_accepted_is_said_once_after_each_last_payment(
    session: Session, ledger: Ledger, netflix: Merchant, pattern: RecurringPattern
) -> None:
    ended = found(
        ledger, "k", merchant_id=netflix.id, detected_is_ended=True, detected_next_date=None
    )
    decide(session, pattern, ACTIVE)
    assert recurring_events.announce_ended(session).inserted == 0

    record(session, [ended])
    assert recurring_events.announce_ended(session).inserted == 1
    assert recurring_events.announce_ended(session).written == 0
    assert told(session, ledger, ENDED) == [
        "netflix seems to have ended: nothing has come since 2026-03-01."
    ]

    back = book(session, ledger, date("2026-07-01"), "-9.99", merchant=netflix)
    record(session, [{**ended, "detected_last_date": date("2026-07-01")}], [(back, "k")])
    assert recurring_events.announce_ended(session).inserted == 1


def test_the_end_of_a_proposal_or_of_what_was_cancelled_is_not_said(
    session: Session, ledger: Ledger, pattern: RecurringPattern
) -> None:
    decide(session, pattern, CANCELLED)
    record(session, [found(ledger, "k", detected_is_ended=True, detected_next_date=None)])
    assert recurring_events.announce_ended(session).inserted == 0


def test_months_in_which_it_rests_do_not_end_it(
    session: Session, ledger: Ledger, netflix: Merchant, pattern: RecurringPattern
) -> None:
    resting = found(ledger, "k", merchant_id=netflix.id, detected_rest_months=[4, 5])
    record(session, [resting])
    decide(session, pattern, ACTIVE)
    for day, count in (("2026-06-07", 0), ("2026-07-07", 0), ("2026-08-07", 1)):
        pattern.settled_through = date(day)
        session.flush()
        assert recurring_events.announce_ended(session).inserted == count, day


def test_what_detection_does_not_know_ends_with_three_due_days_without_a_payment(
    session: Session, ledger: Ledger, netflix: Merchant
) -> None:
    made = patterns.create_pattern(
        session,
        ledger.user.id,
        account_id=ledger.account.id,
        direction=EXPENSE,
        currency="GBP",
        frequency=MONTHLY,
        at=AT,
        name="Films",
        amount=Decimal("-9.99"),
        next_date=date("2026-03-20"),
        merchant_id=netflix.id,
    )
    paid = book(session, ledger, date("2026-03-20"), "-9.99", merchant=netflix)
    payments.link_transaction(session, ledger.user.id, made.id, paid.id)
    for day, count in (("2026-04-26", 0), ("2026-05-26", 0), ("2026-06-26", 1), ("2026-07-26", 0)):
        made.settled_through = date(day)
        session.flush()
        assert recurring_events.announce_ended(session).inserted == count, day

    # After a pause the days that were not waited for do not count.
    paused = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    decide(session, made, PAUSED, at=paused)
    decide(session, made, ACTIVE, at=paused)
    book(session, ledger, date("2026-12-20"), "-9.99", merchant=netflix)
    assert recurring_events.announce_ended(session).inserted == 0


@pytest.mark.usefixtures("pattern")
@pytest.mark.parametrize(
    ("payment", "twice"),
    [
        ("2026-03-01 -9.99", True),
        ("2026-03-07 -9.99", True),
        ("2026-03-08 -9.99", False),
        ("2026-03-02 -9.98", False),
        ("2026-02-27 -9.99", False),
    ],
)
def test_the_same_charge_again_within_days_may_be_a_duplicate(
    session: Session,
    ledger: Ledger,
    netflix: Merchant,
    payment: str,
    *,
    twice: bool,
) -> None:
    day, amount = payment.split()
    book(session, ledger, date(day), amount, merchant=netflix)

    assert recurring_events.announce_duplicates(session, now=NOW).inserted == twice
    assert recurring_events.announce_duplicates(session, now=NOW).written == 0
    if twice:
        assert told(session, ledger, TWICE) == [
            f"netflix may have been charged twice: 9.99 GBP on 2026-03-01 and on {day}."
        ]


def test_what_is_no_duplicate_is_not_told(
    session: Session, ledger: Ledger, netflix: Merchant, pattern: RecurringPattern
) -> None:
    def said(now: dt.datetime = NOW) -> int:
        return recurring_events.announce_duplicates(session, now=now).inserted

    again = book(session, ledger, date("2026-03-02"), "-9.99", merchant=netflix)
    # Old by the time that it is looked at, as the history of a first import is.
    assert said(NOW + dt.timedelta(days=60)) == 0
    # It is not booked.
    again.status = TransactionStatus.VOID
    session.flush()
    assert said() == 0
    again.status = TransactionStatus.BOOKED
    # The money came back.
    back = book(session, ledger, date("2026-03-05"), "9.99", merchant=netflix)
    assert said() == 0
    back.status = TransactionStatus.VOID
    session.flush()
    # The user wants to hear nothing of it.
    decide(session, pattern, CANCELLED)
    assert said() == 0


def test_a_weekly_payment_is_no_duplicate_of_the_one_before(
    session: Session, ledger: Ledger, netflix: Merchant
) -> None:
    rows = series(
        session, ledger, "2026-02-01", 5, frequency=RecurringFrequency.WEEKLY, merchant=netflix
    )
    finding = found(ledger, "w", merchant_id=netflix.id, detected_frequency="weekly")
    record(session, [finding], [(row, "w") for row in rows])
    book(session, ledger, date("2026-03-08"), "-9.99", merchant=netflix)

    assert recurring_events.announce_duplicates(session, now=NOW).inserted == 0


def test_a_small_rise_of_a_fixed_price_is_told_and_one_within_a_varying_bill_is_not(
    session: Session, ledger: Ledger, netflix: Merchant, pattern: RecurringPattern
) -> None:
    decide(session, pattern, ACTIVE)
    dearer = book(session, ledger, date("2026-04-01"), "-10.49", merchant=netflix)
    payments.match_patterns(session)
    finding = found(
        ledger,
        "k",
        merchant_id=netflix.id,
        detected_amount=Decimal("-10.49"),
        detected_amount_low=Decimal("-10.60"),
        detected_amount_high=Decimal("-9.90"),
        detected_last_date=date("2026-04-01"),
        detected_next_date=date("2026-05-01"),
    )
    assert dearer.booking_date is not None
    record(session, [finding])
    assert recurring_events.announce_price_changes(session).inserted == 0

    fixed = {
        **finding,
        "detected_amount_low": Decimal("-10.49"),
        "detected_amount_high": Decimal("-10.49"),
        "detected_price_changed_on": date("2026-04-01"),
    }
    record(session, [fixed], [(dearer, "k")])
    assert recurring_events.announce_price_changes(session).inserted == 1
    assert told(session, ledger, NotificationType.PRICE_CHANGE) == [
        "netflix was -10.49 GBP on 2026-04-01 instead of -9.99."
    ]
    session.expire_all()
    assert recurring_events.announce_price_changes(session).written == 0
