"""Planned transactions: what the user expects to pay or to get, once or by a rule of RFC 5545.

A due day is open until it is matched to a transaction or skipped. Days are bank dates of the user.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.auth.models import User
from postgres.common.enums import TransactionStatus
from postgres.common.models import PlannedMatch, PlannedTransaction, Transaction
from postgres.common.recurrence import LONGEST_RANGE, Rule
from postgres.core import (
    UNSET,
    Unset,
    copy_to_temporary,
    read_sql,
    refusing,
    select_text,
    table_of,
)
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

LEEWAY = dt.timedelta(days=5)
"""How far from its due day a transaction still pays it."""

LOOK_BACK = dt.timedelta(days=60)
"""How long a due day waits for its transaction, and is overdue meanwhile."""

_REFUSALS = {
    "fk_planned_transactions__account_id_user_id__accounts": NotFoundError(
        "there is no such account"
    ),
    "fk_planned_transactions__tag_id_user_id__tags": NotFoundError("there is no such tag"),
    "ck_planned_transactions__active_has_account": OperationError(
        "its account was deleted: give it another one"
    ),
    "ck_planned_transactions__has_description": OperationError("a plan needs a description"),
    "ck_planned_transactions__currency_is_iso": OperationError(
        "a currency is three capital letters"
    ),
    "ck_planned_transactions__amount_is_money": OperationError("a plan needs an amount"),
    "ck_planned_transactions__starts_lately": OperationError("a plan starts in 2000 or later"),
    "ck_planned_transactions__ends_after_start": OperationError("a plan ends after its start"),
    "ck_planned_transactions__amount_tolerance_pct_in_range": OperationError(
        "a tolerance is from 0 to 100 per cent"
    ),
}
_MATCH_REFUSALS = {
    "uq_planned_matches__transaction_id": AlreadyExistsError(
        "the transaction pays another due day"
    ),
    "fk_planned_matches__transaction_id_user_id__transactions": NotFoundError(
        "there is no such transaction"
    ),
}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A due day of a plan.

    :param transaction_id: what paid it; None: nothing yet, or it is skipped.
    """

    due_on: dt.date
    transaction_id: uuid.UUID | None
    is_skipped: bool

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its transaction."""
        return self.transaction_id is None and not self.is_skipped


def create_planned_transaction(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID,
    description: str,
    amount: Decimal,
    currency: str,
    starts_on: dt.date,
    rrule: str | None = None,
    ends_on: dt.date | None = None,
    tag_id: uuid.UUID | None = None,
    amount_tolerance_pct: Decimal = Decimal(10),
) -> PlannedTransaction:
    """Plan a transaction.

    :param amount: signed: money in positive, out negative.
    :param currency: ISO 4217.
    :param starts_on: the day that it is due on, or that the rule is counted from.
    :param rrule: see :class:`postgres.common.recurrence.Rule`; None: once.
    :param ends_on: no later day is due.
    :param amount_tolerance_pct: per cent of the amount that a transaction may differ by.
    :raises NotFoundError: if the user has no such account or tag.
    :raises OperationError: if the rule is not one or gives no day, or a value is out of range.
    """
    planned = PlannedTransaction(
        user_id=user_id,
        account_id=account_id,
        tag_id=tag_id,
        description=description,
        amount=amount,
        currency=currency,
        starts_on=starts_on,
        rrule=rrule,
        ends_on=ends_on,
        amount_tolerance_pct=amount_tolerance_pct,
    )
    with refusing(session, _REFUSALS):
        session.add(planned)
        session.flush()
        _check_days(planned)
    return planned


def get_planned_transaction(
    session: Session, user_id: uuid.UUID, planned_id: uuid.UUID
) -> PlannedTransaction | None:
    """Return one of a user's plans."""
    return session.scalars(_one(user_id, planned_id)).one_or_none()


def list_planned_transactions(
    session: Session,
    user_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    tag_id: uuid.UUID | None = None,
    is_active: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[PlannedTransaction]:
    """Return a user's plans, the one that started first before the others.

    :param after: from the page before.
    """
    wanted: dict[Any, Any] = {
        PlannedTransaction.account_id: account_id,
        PlannedTransaction.tag_id: tag_id,
        PlannedTransaction.is_active: is_active,
    }
    query = sa.select(PlannedTransaction).where(
        PlannedTransaction.user_id == user_id,
        *(column == value for column, value in wanted.items() if value is not None),
    )
    order = (Key(PlannedTransaction.starts_on), Key(PlannedTransaction.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def update_planned_transaction(
    session: Session,
    user_id: uuid.UUID,
    planned_id: uuid.UUID,
    *,
    account_id: uuid.UUID | Unset = UNSET,
    description: str | Unset = UNSET,
    amount: Decimal | Unset = UNSET,
    currency: str | Unset = UNSET,
    starts_on: dt.date | Unset = UNSET,
    rrule: str | Unset | None = UNSET,
    ends_on: dt.date | Unset | None = UNSET,
    tag_id: uuid.UUID | Unset | None = UNSET,
    amount_tolerance_pct: Decimal | Unset = UNSET,
    is_active: bool | Unset = UNSET,
) -> PlannedTransaction:
    """Change what is given of a plan; what was matched or skipped stays.

    :param rrule: None: once, on the day that it starts.
    :param is_active: False archives it: nothing is due, and nothing is matched.
    :raises NotFoundError: if the user has no such plan, account or tag.
    :raises OperationError: if the rule is not one or gives no day, or a value is out of range.
    """
    planned = _lock(session, user_id, planned_id)
    changes = {
        "account_id": account_id,
        "description": description,
        "amount": amount,
        "currency": currency,
        "starts_on": starts_on,
        "rrule": rrule,
        "ends_on": ends_on,
        "tag_id": tag_id,
        "amount_tolerance_pct": amount_tolerance_pct,
        "is_active": is_active,
    }
    with refusing(session, _REFUSALS):
        for column, value in changes.items():
            if value is not UNSET:
                setattr(planned, column, value)
        session.flush()
        _check_days(planned)
    return planned


def delete_planned_transaction(session: Session, user_id: uuid.UUID, planned_id: uuid.UUID) -> None:
    """Delete a plan with what is known of its days. To keep its history, archive it instead.

    :raises NotFoundError: if the user has no such plan.
    """
    session.delete(_lock(session, user_id, planned_id))
    session.flush()


def due_days(planned: PlannedTransaction, first: dt.date, last: dt.date) -> Sequence[dt.date]:
    """Return the days of a range on which a plan is due, matched or not, both ends included.

    :raises OperationError: if the range is longer than ten years.
    """
    last = min(last, planned.ends_on or last)
    if planned.rrule is not None:
        return Rule.parse(planned.rrule).days(planned.starts_on, first, last)
    return [planned.starts_on] if first <= planned.starts_on <= last else []


def list_occurrences(
    session: Session,
    user_id: uuid.UUID,
    planned_id: uuid.UUID,
    *,
    first: dt.date,
    last: dt.date,
) -> Sequence[Occurrence]:
    """Return the due days of a plan in a range, both ends included, and what became of them.

    :raises NotFoundError: if the user has no such plan.
    :raises OperationError: if the range is longer than ten years.
    """
    planned = get_planned_transaction(session, user_id, planned_id)
    if planned is None:
        raise _not_found(planned_id)
    rows = session.execute(
        sa.select(PlannedMatch.due_on, PlannedMatch.transaction_id).where(
            PlannedMatch.planned_id == planned_id
        )
    )
    known = dict(rows.tuples().all())
    return [
        Occurrence(day, known.get(day), is_skipped=day in known and known[day] is None)
        for day in due_days(planned, first, last)
    ]


def match_occurrence(
    session: Session,
    user_id: uuid.UUID,
    planned_id: uuid.UUID,
    due_on: dt.date,
    transaction_id: uuid.UUID,
) -> None:
    """Say by hand which transaction paid a due day, in the place of what was said before.

    :raises NotFoundError: if the user has no such plan or transaction, or the plan no such day.
    :raises AlreadyExistsError: if the transaction pays another due day.
    """
    _settle(session, user_id, planned_id, due_on, transaction_id)


def skip_occurrence(
    session: Session, user_id: uuid.UUID, planned_id: uuid.UUID, due_on: dt.date
) -> None:
    """Let a due day pass; nothing is matched to it.

    :raises NotFoundError: if the user has no such plan, or the plan no such day.
    """
    _settle(session, user_id, planned_id, due_on, None)


def reopen_occurrence(
    session: Session, user_id: uuid.UUID, planned_id: uuid.UUID, due_on: dt.date
) -> None:
    """Forget what became of a due day; the next run may match it again.

    :raises NotFoundError: if nothing became of such a day of the user's.
    """
    forgotten = session.execute(
        sa.delete(PlannedMatch)
        .where(
            PlannedMatch.planned_id == planned_id,
            PlannedMatch.due_on == due_on,
            PlannedMatch.user_id == user_id,
        )
        .returning(PlannedMatch.due_on)
    ).all()
    if not forgotten:
        message = f"nothing became of {due_on} of the plan {planned_id}"
        raise NotFoundError(message)


def match_planned(session: Session, *, now: dt.datetime, user_id: uuid.UUID | None = None) -> int:
    """Match the open due days of active plans to the booked transactions that pay them.

    A transaction is on the plan's account and in its currency, its amount within the tolerance, its
    day at most :data:`LEEWAY` off. The nearest day wins, then the nearest amount. It pays one day
    of one plan. What was matched stays, unless its transaction became void.

    :param now: tells each user's today; due days from :data:`LOOK_BACK` before it are looked at.
    :param user_id: only this user's plans.
    :returns: how many due days were matched.
    """
    _reopen_void(session, user_id)
    rows = [
        {"planned_id": planned.id, "due_on": day}
        for planned, today in _active(session, now, user_id)
        for day in due_days(planned, today - LOOK_BACK, today + LEEWAY)
    ]
    if not rows:
        return 0
    staging = copy_to_temporary(session, table_of(PlannedMatch), rows)
    columns = ("planned_id", "due_on", "user_id", "transaction_id")
    fitting = select_text(
        read_sql(__file__, "planned_matches.sql"), PlannedMatch, columns, leeway=LEEWAY.days
    )
    statement = (
        pg.insert(PlannedMatch)
        .from_select(columns, fitting)
        .on_conflict_do_nothing()
        .returning(PlannedMatch.due_on)
    )
    count = 0
    # Who lost a transaction to a rival may still get another one.
    while matched := len(session.execute(statement).all()):
        count += matched
    staging.drop(session.connection())
    return count


def _active(
    session: Session, now: dt.datetime, user_id: uuid.UUID | None
) -> Sequence[tuple[PlannedTransaction, dt.date]]:
    today = sa.func.common.local_day(now, User.time_zone, type_=sa.Date)
    query = (
        sa.select(PlannedTransaction, today)
        .join(User, User.id == PlannedTransaction.user_id)
        .where(PlannedTransaction.is_active)
    )
    if user_id is not None:
        query = query.where(PlannedTransaction.user_id == user_id)
    return session.execute(query).tuples().all()


def _reopen_void(session: Session, user_id: uuid.UUID | None) -> None:
    statement = sa.delete(PlannedMatch).where(
        PlannedMatch.transaction_id == Transaction.id,
        Transaction.status == TransactionStatus.VOID,
    )
    if user_id is not None:
        statement = statement.where(PlannedMatch.user_id == user_id)
    session.execute(statement.execution_options(synchronize_session=False))


def _settle(
    session: Session,
    user_id: uuid.UUID,
    planned_id: uuid.UUID,
    due_on: dt.date,
    transaction_id: uuid.UUID | None,
) -> None:
    planned = _lock(session, user_id, planned_id)
    if not due_days(planned, due_on, due_on):
        message = f"the plan is not due on {due_on}"
        raise NotFoundError(message)
    insert = pg.insert(PlannedMatch).values(
        planned_id=planned_id, due_on=due_on, user_id=user_id, transaction_id=transaction_id
    )
    with refusing(session, _MATCH_REFUSALS):
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["planned_id", "due_on"],
                set_={"transaction_id": insert.excluded.transaction_id},
            )
        )


def _check_days(planned: PlannedTransaction) -> None:
    """Make sure that a plan is due at all."""
    if not due_days(planned, planned.starts_on, planned.starts_on + LONGEST_RANGE):
        message = "the rule gives no day within ten years"
        raise OperationError(message)


def _one(user_id: uuid.UUID, planned_id: uuid.UUID) -> sa.Select[tuple[PlannedTransaction]]:
    return sa.select(PlannedTransaction).where(
        PlannedTransaction.id == planned_id, PlannedTransaction.user_id == user_id
    )


def _lock(session: Session, user_id: uuid.UUID, planned_id: uuid.UUID) -> PlannedTransaction:
    query = _one(user_id, planned_id).with_for_update(key_share=True)
    planned = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if planned is None:
        raise _not_found(planned_id)
    return planned


def _not_found(planned_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"there is no planned transaction {planned_id}")
