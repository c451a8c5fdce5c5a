"""Contributions to manual goals: a ledger of what was put aside and what was taken back.

Its sum is the goal's amount. An entry is never changed: what was wrong is deleted, which the audit
log keeps, and entered anew. Whoever wants a goal to complete at once asks
:func:`postgres.common.operations.goals.evaluate_goals` in the same transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import GoalStatus, GoalTrackingMode, TransactionStatus
from postgres.common.models import Goal, GoalContribution, Transaction
from postgres.core import refusing
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_REFUSALS = {
    "ck_goal_contributions__amount_is_money": OperationError(
        "a contribution is an amount other than 0"
    ),
    "uq_goal_contributions__goal_id_transaction_id": AlreadyExistsError(
        "that transaction contributes to the goal already"
    ),
}


def create_contribution(
    session: Session,
    user_id: uuid.UUID,
    goal_id: uuid.UUID,
    amount: Decimal,
    *,
    contributed_on: dt.date,
    note: str | None = None,
    transaction_id: uuid.UUID | None = None,
) -> GoalContribution:
    """Put money aside for a manual goal, or take it back.

    :param amount: in the goal's currency; put aside positive, taken back negative.
    :param contributed_on: counts from the end of this day.
    :param transaction_id: the booked movement behind it; one contributes once a goal.
    :raises NotFoundError: if the user has no such goal or transaction.
    :raises AlreadyExistsError: if the transaction contributes to the goal already.
    :raises OperationError: if the goal follows an account or is cancelled, the transaction is not
        booked, or the amount is 0.
    """
    goal = session.scalars(
        sa.select(Goal)
        .where(Goal.id == goal_id, Goal.user_id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if goal is None:
        message = f"there is no goal {goal_id}"
        raise NotFoundError(message)
    if goal.tracking_mode is not GoalTrackingMode.MANUAL:
        message = "the goal follows an account; only a manual one takes contributions"
        raise OperationError(message)
    if goal.status is GoalStatus.CANCELLED:
        message = "the goal is cancelled; it takes no more contributions"
        raise OperationError(message)
    if transaction_id is not None:
        _check_booked(session, user_id, transaction_id)
    contribution = GoalContribution(
        user_id=user_id,
        goal_id=goal_id,
        amount=amount,
        currency=goal.currency,
        contributed_on=contributed_on,
        note=note,
        transaction_id=transaction_id,
    )
    with refusing(session, _REFUSALS):
        session.add(contribution)
    return contribution


def get_contribution(
    session: Session, user_id: uuid.UUID, contribution_id: uuid.UUID
) -> GoalContribution | None:
    """Return one of a user's contributions."""
    return session.scalars(
        sa.select(GoalContribution).where(
            GoalContribution.id == contribution_id, GoalContribution.user_id == user_id
        )
    ).one_or_none()


def list_contributions(
    session: Session,
    user_id: uuid.UUID,
    *,
    goal_id: uuid.UUID | None = None,
    transaction_id: uuid.UUID | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[GoalContribution]:
    """Return a user's contributions, the newest day first.

    :param since: the first day.
    :param until: the last day, included.
    :param after: from the page before.
    """
    query = sa.select(GoalContribution).where(GoalContribution.user_id == user_id)
    if goal_id is not None:
        query = query.where(GoalContribution.goal_id == goal_id)
    if transaction_id is not None:
        query = query.where(GoalContribution.transaction_id == transaction_id)
    if since is not None:
        query = query.where(GoalContribution.contributed_on >= since)
    if until is not None:
        query = query.where(GoalContribution.contributed_on <= until)
    order = (
        Key(GoalContribution.contributed_on, is_descending=True),
        Key(GoalContribution.id, is_descending=True),
    )
    return fetch_page(session, query, order=order, after=after, limit=limit)


def delete_contribution(session: Session, user_id: uuid.UUID, contribution_id: uuid.UUID) -> None:
    """Take an entry out of the ledger; the audit log keeps it.

    :raises NotFoundError: if the user has no such contribution.
    """
    deleted = session.execute(
        sa.delete(GoalContribution)
        .where(GoalContribution.id == contribution_id, GoalContribution.user_id == user_id)
        .returning(GoalContribution.id)
    )
    if not deleted.all():
        message = f"there is no contribution {contribution_id}"
        raise NotFoundError(message)


def _check_booked(session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID) -> None:
    status = session.scalar(
        sa.select(Transaction.status).where(
            Transaction.id == transaction_id, Transaction.user_id == user_id
        )
    )
    if status is None:
        message = f"there is no transaction {transaction_id}"
        raise NotFoundError(message)
    if status is not TransactionStatus.BOOKED:
        message = f"the transaction is {status.value}; only a booked one contributes"
        raise OperationError(message)
