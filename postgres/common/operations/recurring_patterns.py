"""Recurring patterns: what detection proposes, and what the user makes of it.

What detection says and what the user says are different columns; the user's wins. Decisions are
kept: an accepted pattern stays accepted, a cancelled one is never proposed again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.auth.models import User
from postgres.common.enums import (
    RecurringDirection,
    RecurringFrequency,
    RecurringSource,
    RecurringStatus,
)
from postgres.common.models import RecurringPattern
from postgres.common.operations.recurring_pattern_transactions import match_patterns
from postgres.common.recurrence import CADENCES
from postgres.common.states import PATTERN, check_transition
from postgres.core import UNSET, Unset, refusing
from postgres.errors import NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_REFUSALS = {
    "fk_recurring_patterns__account_id_user_id__accounts": NotFoundError(
        "there is no such account"
    ),
    "fk_recurring_patterns__merchant_id_user_id__merchants": NotFoundError(
        "there is no such merchant"
    ),
    "ck_recurring_patterns__active_has_account": OperationError(
        "its account was deleted: cancel it, and make one for another account"
    ),
    "ck_recurring_patterns__merchant_contains_is_text": OperationError(
        "an empty text would match every merchant"
    ),
    "ck_recurring_patterns__user_name_is_text": OperationError("a name is not empty"),
    "ck_recurring_patterns__user_amount_has_direction": OperationError(
        "an expense has a negative amount, and an income a positive one"
    ),
    "ck_recurring_patterns__amount_tolerance_pct_in_range": OperationError(
        "a tolerance is from 0 to 100 per cent"
    ),
}


def create_pattern(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID,
    direction: RecurringDirection,
    currency: str,
    frequency: RecurringFrequency,
    at: dt.datetime,
    name: str | None = None,
    amount: Decimal | None = None,
    next_date: dt.date | None = None,
    merchant_id: uuid.UUID | None = None,
    merchant_contains: str | None = None,
    amount_tolerance_pct: Decimal = Decimal(10),
) -> RecurringPattern:
    """Create a pattern by hand. It is active at once, and past payments of its kind are linked.

    :param currency: ISO 4217; of the amount and of the payments.
    :param at: when the user says so. What was due before is not missed.
    :param amount: expected, signed; None: any of the direction belongs to it.
    :param next_date: a day that it is due on; the others are counted from it, and none is due
        before. Irregular ones need none.
    :param merchant_id: whose payments belong to it, unless ``merchant_contains`` is given.
    :param merchant_contains: text in what the bank wrote or in the merchant's name, whatever the
        case.
    :param amount_tolerance_pct: per cent of the amount that a payment may differ by.
    :raises NotFoundError: if the user has no such account or merchant.
    :raises OperationError: if nothing says which payments or days are meant, or a value is out of
        range.
    """
    if merchant_id is None and merchant_contains is None:
        message = "a pattern needs a merchant, or a text that its payments contain"
        raise OperationError(message)
    if next_date is None and frequency in CADENCES:
        message = "a pattern needs a day that it is due on, unless it is irregular"
        raise OperationError(message)
    pattern = RecurringPattern(
        user_id=user_id,
        account_id=account_id,
        merchant_id=merchant_id,
        source=RecurringSource.MANUAL,
        status=RecurringStatus.ACTIVE,
        direction=direction,
        currency=currency,
        user_name=name,
        user_frequency=frequency,
        user_amount=amount,
        user_next_date=next_date,
        merchant_contains=merchant_contains,
        amount_tolerance_pct=amount_tolerance_pct,
        known_amount=amount,
        decided_at=at,
    )
    with refusing(session, _REFUSALS):
        session.add(pattern)
        session.flush()
    _match(session, pattern)
    _count_on(session, pattern, at)
    session.flush()
    return pattern


def get_pattern(
    session: Session, user_id: uuid.UUID, pattern_id: uuid.UUID
) -> RecurringPattern | None:
    """Return one of a user's patterns."""
    return session.scalars(_one(user_id, pattern_id)).one_or_none()


def list_patterns(
    session: Session,
    user_id: uuid.UUID,
    *,
    status: RecurringStatus | None = None,
    source: RecurringSource | None = None,
    direction: RecurringDirection | None = None,
    account_id: uuid.UUID | None = None,
    due_through: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[RecurringPattern]:
    """Return a user's patterns, the next one due first and what is not expected last.

    :param due_through: only those that are due up to this day, overdue ones too.
    :param after: from the page before.
    """
    wanted = {
        RecurringPattern.status: status,
        RecurringPattern.source: source,
        RecurringPattern.direction: direction,
        RecurringPattern.account_id: account_id,
    }
    query = sa.select(RecurringPattern).where(
        RecurringPattern.user_id == user_id,
        *(column == value for column, value in wanted.items() if value is not None),
    )
    if due_through is not None:
        query = query.where(RecurringPattern.next_date <= due_through)
    order = (Key(RecurringPattern.due_order), Key(RecurringPattern.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def update_pattern(
    session: Session,
    user_id: uuid.UUID,
    pattern_id: uuid.UUID,
    *,
    name: str | Unset | None = UNSET,
    frequency: RecurringFrequency | Unset | None = UNSET,
    amount: Decimal | Unset | None = UNSET,
    next_date: dt.date | Unset | None = UNSET,
    merchant_contains: str | Unset | None = UNSET,
    amount_tolerance_pct: Decimal | Unset = UNSET,
) -> RecurringPattern:
    """Say how a pattern is; what the user says wins over what is detected, in every run.

    None goes back to what is detected, for a text to the merchant. If the pattern is active, past
    payments that it matches now are linked.

    :param amount: expected, signed; what is missing or changes is told against it.
    :param next_date: the day that it is due next; the later ones are counted from it.
    :raises NotFoundError: if the user has no such pattern.
    :raises OperationError: if a value is out of range.
    """
    pattern = _lock(session, user_id, pattern_id)
    said: dict[str, Any] = {
        "user_name": name,
        "user_frequency": frequency,
        "user_amount": amount,
        "user_next_date": next_date,
        "merchant_contains": merchant_contains,
        "amount_tolerance_pct": amount_tolerance_pct,
    }
    with refusing(session, _REFUSALS):
        for column, value in said.items():
            if value is not UNSET:
                setattr(pattern, column, value)
        session.flush()
    if amount is not UNSET:
        pattern.known_amount = pattern.amount
    _match(session, pattern)
    session.flush()
    return pattern


def change_status(
    session: Session,
    user_id: uuid.UUID,
    pattern_id: uuid.UUID,
    status: RecurringStatus,
    *,
    at: dt.datetime,
) -> RecurringPattern:
    """Take a user's decision on a pattern.

    :param status: active accepts or resumes it, paused pauses it, cancelled dismisses or ends it.
        What is cancelled stays it, and is not proposed again.
    :param at: when the user decided. What was due before they counted on it is not missed.
    :raises NotFoundError: if the user has no such pattern.
    :raises TransitionError: if the state machine has no such way.
    :raises OperationError: if it is to be active and its account was deleted.
    """
    pattern = _lock(session, user_id, pattern_id)
    check_transition(PATTERN, pattern.status, status, what="the pattern")
    with refusing(session, _REFUSALS):
        pattern.status = status
        pattern.decided_at = at
        if status is RecurringStatus.ACTIVE:
            _count_on(session, pattern, at)
        session.flush()
    if status is RecurringStatus.ACTIVE:
        _match(session, pattern)
        session.flush()
    return pattern


def delete_pattern(session: Session, user_id: uuid.UUID, pattern_id: uuid.UUID) -> None:
    """Delete a pattern that the user made by mistake.

    What detection knows too is cancelled instead: deleted, it would be proposed again.

    :raises NotFoundError: if the user has no such pattern.
    :raises OperationError: if detection knows it.
    """
    pattern = _lock(session, user_id, pattern_id)
    if pattern.detection_key is not None:
        message = "it would be found and proposed again: cancel it instead"
        raise OperationError(message)
    session.delete(pattern)
    session.flush()


def _one(user_id: uuid.UUID, pattern_id: uuid.UUID) -> sa.Select[tuple[RecurringPattern]]:
    return sa.select(RecurringPattern).where(
        RecurringPattern.id == pattern_id, RecurringPattern.user_id == user_id
    )


def _lock(session: Session, user_id: uuid.UUID, pattern_id: uuid.UUID) -> RecurringPattern:
    query = _one(user_id, pattern_id).with_for_update(key_share=True)
    pattern = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if pattern is None:
        message = f"there is no recurring pattern {pattern_id}"
        raise NotFoundError(message)
    return pattern


def _match(session: Session, pattern: RecurringPattern) -> None:
    """Link past payments. Those from before the day that the user named do not pay for it."""
    session.flush()
    match_patterns(session, pattern_id=pattern.id)
    session.refresh(pattern)
    named = pattern.user_next_date
    if named is not None and (pattern.last_date is None or pattern.last_date < named):
        pattern.settled_through = named - dt.timedelta(days=1)


def _count_on(session: Session, pattern: RecurringPattern, at: dt.datetime) -> None:
    """Expect it from now on: a day that nothing can be paid for any more is not waited for."""
    zone = session.scalars(sa.select(User.time_zone).where(User.id == pattern.user_id)).one()
    cadence = CADENCES.get(pattern.frequency) if pattern.frequency else None
    closed = dt.timedelta(days=1 + (cadence.leeway if cadence else 0))
    past = at.astimezone(ZoneInfo(zone)).date() - closed
    pattern.settled_through = max(past, pattern.settled_through or past)
    if pattern.known_amount is None:
        pattern.known_amount = pattern.amount
