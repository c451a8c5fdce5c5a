"""What is due: plans and the recurring patterns that the user counts on, in one list."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import RecurringStatus
from postgres.common.models import PlannedMatch, PlannedTransaction, RecurringPattern
from postgres.common.operations.planned_transactions import LOOK_BACK, due_days
from postgres.common.recurrence import CADENCES, LONGEST_RANGE, due_within
from postgres.errors import OperationError

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A payment that is due.

    :param amount: expected, signed; None: not known.
    :param planned_id: the plan that it is of; None: it is of a pattern.
    """

    due_on: dt.date
    name: str | None
    amount: Decimal | None
    currency: str
    account_id: uuid.UUID
    planned_id: uuid.UUID | None = None
    pattern_id: uuid.UUID | None = None


def list_upcoming(
    session: Session, user_id: uuid.UUID, *, first: dt.date, last: dt.date
) -> Sequence[Upcoming]:
    """Return what is due in a range and still open, both ends included, the earliest first.

    :param first: the user's today, for a forecast.
    :raises OperationError: if the range is longer than ten years.
    """
    if last - first > LONGEST_RANGE:
        message = "a range is ten years at most"
        raise OperationError(message)
    found = [*_planned(session, user_id, first, last), *_recurring(session, user_id, first, last)]
    return sorted(
        found,
        key=lambda each: (each.due_on, each.name or "", str(each.planned_id or each.pattern_id)),
    )


def list_overdue(session: Session, user_id: uuid.UUID, *, today: dt.date) -> Sequence[Upcoming]:
    """Return what was due before today and neither came nor was given up, the earliest first.

    :param today: in the user's time zone.
    """
    return list_upcoming(session, user_id, first=today - LOOK_BACK, last=today - DAY)


def _planned(
    session: Session, user_id: uuid.UUID, first: dt.date, last: dt.date
) -> Iterator[Upcoming]:
    plans = session.scalars(
        sa.select(PlannedTransaction).where(
            PlannedTransaction.user_id == user_id,
            PlannedTransaction.is_active,
            PlannedTransaction.starts_on <= last,
        )
    ).all()
    settled = set(
        session.execute(
            sa.select(PlannedMatch.planned_id, PlannedMatch.due_on).where(
                PlannedMatch.user_id == user_id, PlannedMatch.due_on.between(first, last)
            )
        ).tuples()
    )
    for plan in plans:
        for day in due_days(plan, first, last):
            if plan.account_id is not None and (plan.id, day) not in settled:
                yield Upcoming(
                    day,
                    plan.description,
                    plan.amount,
                    plan.currency,
                    plan.account_id,
                    planned_id=plan.id,
                )


def _recurring(
    session: Session, user_id: uuid.UUID, first: dt.date, last: dt.date
) -> Iterator[Upcoming]:
    patterns = session.scalars(
        sa.select(RecurringPattern).where(
            RecurringPattern.user_id == user_id,
            RecurringPattern.status == RecurringStatus.ACTIVE,
            RecurringPattern.next_date <= last,
        )
    )
    for pattern in patterns:
        for day in _due_days(pattern, first, last):
            if pattern.account_id is not None:
                yield Upcoming(
                    day,
                    pattern.name,
                    pattern.amount,
                    pattern.currency,
                    pattern.account_id,
                    pattern_id=pattern.id,
                )


def _due_days(pattern: RecurringPattern, first: dt.date, last: dt.date) -> Sequence[dt.date]:
    """Return the due days from the next one on; an irregular pattern has that one alone."""
    due_on, anchor, frequency = pattern.next_date, pattern.anchor_date, pattern.frequency
    if due_on is None:
        return []
    if frequency is not None and frequency in CADENCES and anchor is not None:
        rests = pattern.rest_months or ()
        return due_within(frequency, anchor, max(first, due_on), last, rests)
    return [due_on] if first <= due_on <= last else []
