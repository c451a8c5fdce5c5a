"""Goals: an amount to reach, and how far it is.

What progress is says ``common.goal_progress`` in the database, for every way of tracking and for
every reader. In the goal's currency, and signed like the ledger:

==============  ====================  ====================================  =============
tracking mode   start                 amount                                target
==============  ====================  ====================================  =============
manual          0                     sum of the contributions              to put aside
balance         0                     balance of the account                to have there
delta           0                     balance less balance at the start     to gain there
target_balance  balance at the start  balance of the account                to arrive at
==============  ====================  ====================================  =============

Progress is (amount - start) / (target - start), so a debt that is paid down to 0 counts like money
that is saved up. An account's balance is what ``common.account_balances`` says: of a bank account
the booked one, of a broker's account all that it is worth. What is not known, such as the balance
of a new account or a rate, leaves progress unknown: None, and never 0 or 1.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import LateralFromClause

from postgres.auth.models import User
from postgres.common.enums import GoalStatus, GoalTrackingMode, NotificationType
from postgres.common.models import Goal
from postgres.common.operations.notifications import notify_all
from postgres.common.states import GOAL, check_transition
from postgres.core import UNSET, Unset, WriteCounts, refusing
from postgres.errors import NotFoundError, OperationError, TransitionError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

REOPENS_BELOW = Decimal("0.95")
"""Progress at which a completed goal that follows an account opens again.

A balance goes up and down with every salary, fee and rate; a completed goal bears that much. A
manual goal opens as soon as anything is missing: somebody took it back.
"""

_REFUSALS = {
    "ck_goals__has_name": OperationError("a goal needs a name"),
    "ck_goals__currency_is_iso": OperationError("a currency is three capital letters"),
    "ck_goals__target_is_money": OperationError(
        "a target is an amount above 0; only a balance to arrive at may be 0 or less"
    ),
    "ck_goals__start_is_money": OperationError(
        "a start is an amount, of a goal that tracks a delta or a target balance"
    ),
    "ck_goals__target_is_not_its_start": OperationError("a goal cannot start at its target"),
    "ck_goals__manual_has_no_account": OperationError("a manual goal follows no account"),
    "ck_goals__active_has_its_account": OperationError(
        "a goal that follows an account needs one to be active"
    ),
    "fk_goals__account_id_user_id__accounts": NotFoundError("there is no such account"),
}


@dataclass(frozen=True, slots=True)
class GoalProgress:
    """Where a goal stands at the end of a day. Amounts are in its currency, signed.

    :param start_amount: what progress counts from; None if it is not known.
    :param amount: what counts towards the target; None if it is not known.
    :param progress: 1 is the target; below 0 and above 1 as it is; None if it is not known.
    """

    goal: Goal
    start_amount: Decimal | None
    amount: Decimal | None
    progress: Decimal | None

    @property
    def pct(self) -> Decimal | None:
        """Progress to show: per cent from 0 to 100."""
        if self.progress is None:
            return None
        return 100 * min(max(self.progress, Decimal(0)), Decimal(1))

    @property
    def remaining(self) -> Decimal | None:
        """What is missing to the target; negative where the balance must go down or is beyond."""
        return None if self.amount is None else self.goal.target_amount - self.amount


def create_goal(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    tracking_mode: GoalTrackingMode,
    target_amount: Decimal,
    currency: str,
    start_date: dt.date,
    account_id: uuid.UUID | None = None,
    start_amount: Decimal | None = None,
    target_date: dt.date | None = None,
) -> Goal:
    """Create an active goal.

    :param target_amount: signed; see the table above.
    :param currency: ISO 4217; of all amounts here. A balance in another one is converted.
    :param start_date: first day whose money counts for a delta and for a target balance.
    :param account_id: what is measured; None for a manual goal.
    :param start_amount: balance to count from, where the ledger does not know it or not right.
    :raises NotFoundError: if the user has no such account.
    :raises OperationError: if the account does not fit the mode, or a value is out of range.
    """
    goal = Goal(
        user_id=user_id,
        name=name,
        tracking_mode=tracking_mode,
        account_id=account_id,
        target_amount=target_amount,
        currency=currency,
        target_date=target_date,
        start_date=start_date,
        start_amount=start_amount,
    )
    with refusing(session, _REFUSALS):
        session.add(goal)
    return goal


def get_goal(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID) -> Goal | None:
    """Return one of a user's goals."""
    return session.scalars(_one(user_id, goal_id)).one_or_none()


def list_goals(
    session: Session,
    user_id: uuid.UUID,
    *,
    status: GoalStatus | None = None,
    tracking_mode: GoalTrackingMode | None = None,
    account_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Goal]:
    """Return a user's goals by name.

    :param after: from the page before.
    """
    query = sa.select(Goal).where(Goal.user_id == user_id)
    if status is not None:
        query = query.where(Goal.status == status)
    if tracking_mode is not None:
        query = query.where(Goal.tracking_mode == tracking_mode)
    if account_id is not None:
        query = query.where(Goal.account_id == account_id)
    order = (Key(Goal.name), Key(Goal.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def update_goal(
    session: Session,
    user_id: uuid.UUID,
    goal_id: uuid.UUID,
    *,
    name: str | None = None,
    account_id: uuid.UUID | None = None,
    target_amount: Decimal | None = None,
    target_date: dt.date | Unset | None = UNSET,
    start_date: dt.date | None = None,
    start_amount: Decimal | Unset | None = UNSET,
) -> Goal:
    """Change what is given of a goal. Its mode and its currency stay.

    A completed goal whose target, account or start changes is active again and judged anew.

    :param account_id: another account; the way for a goal whose account was deleted.
    :param start_amount: None: what the ledger says.
    :raises NotFoundError: if the user has no such goal or account.
    :raises OperationError: if the account does not fit the mode, or a value is out of range.
    """
    goal = _lock(session, user_id, goal_id)
    measured = {
        "account_id": account_id or goal.account_id,
        "target_amount": goal.target_amount if target_amount is None else target_amount,
        "start_date": start_date or goal.start_date,
        "start_amount": goal.start_amount if isinstance(start_amount, Unset) else start_amount,
    }
    is_other = any(getattr(goal, column) != value for column, value in measured.items())
    with refusing(session, _REFUSALS):
        for column, value in measured.items():
            setattr(goal, column, value)
        if name is not None:
            goal.name = name
        if not isinstance(target_date, Unset):
            goal.target_date = target_date
        if is_other and goal.status is GoalStatus.COMPLETED:
            goal.status = GoalStatus.ACTIVE
            goal.completed_at = None
    return goal


def pause_goal(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID) -> Goal:
    """Let a goal rest: it is not completed while it is paused.

    :raises NotFoundError: if the user has no such goal.
    :raises TransitionError: if it is not active.
    """
    return _move(session, user_id, goal_id, GoalStatus.PAUSED)


def resume_goal(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID) -> Goal:
    """Take up a paused goal again. A completed one opens by rule, see :func:`evaluate_goals`.

    :raises NotFoundError: if the user has no such goal.
    :raises TransitionError: if it is not paused.
    :raises OperationError: if its account was deleted and no other was named.
    """
    goal = _lock(session, user_id, goal_id)
    if goal.status is GoalStatus.COMPLETED:
        raise TransitionError(goal.status, GoalStatus.ACTIVE, what="the goal")
    return _move(session, user_id, goal_id, GoalStatus.ACTIVE)


def cancel_goal(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID) -> Goal:
    """Give a goal up, for good.

    :raises NotFoundError: if the user has no such goal.
    :raises TransitionError: if it is completed or cancelled.
    """
    return _move(session, user_id, goal_id, GoalStatus.CANCELLED)


def delete_goal(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID) -> None:
    """Delete a goal with its contributions.

    :raises NotFoundError: if the user has no such goal.
    """
    session.delete(_lock(session, user_id, goal_id))
    session.flush()


def get_progress(
    session: Session, user_id: uuid.UUID, goal_id: uuid.UUID, *, on: dt.date
) -> GoalProgress | None:
    """Return where a goal stands at the end of a day.

    :param on: ``farthing.clock.today(user.time_zone)`` for now.
    """
    found = _progress(session, _one(user_id, goal_id), on)
    return found[0] if found else None


def list_progress(
    session: Session, user_id: uuid.UUID, *, on: dt.date, status: GoalStatus | None = None
) -> Sequence[GoalProgress]:
    """Return where a user's goals stand at the end of a day, by name.

    :param on: ``farthing.clock.today(user.time_zone)`` for now.
    """
    query = sa.select(Goal).where(Goal.user_id == user_id).order_by(Goal.name, Goal.id)
    if status is not None:
        query = query.where(Goal.status == status)
    return _progress(session, query, on)


def evaluate_goals(
    session: Session, *, now: dt.datetime, user_id: uuid.UUID | None = None
) -> WriteCounts:
    """Complete the active goals that are reached, and open the completed ones that no longer are.

    The user's own day counts. Users are told of each completion once. Paused and cancelled goals
    stay as they are, and so does what cannot be measured.

    :param user_id: of one user, such as after a contribution; None: of all.
    :returns: notifications as inserted, goals as updated.
    """
    today = sa.func.common.local_day(now, User.time_zone, type_=sa.Date)
    stand = _stand(today)
    reopens_below = sa.case(
        (Goal.tracking_mode == GoalTrackingMode.MANUAL, Decimal(1)), else_=REOPENS_BELOW
    )
    due = (
        sa.select(Goal.id)
        .join(User, User.id == Goal.user_id)
        .join(stand, sa.true())
        .where(
            sa.or_(
                sa.and_(Goal.status == GoalStatus.ACTIVE, stand.c.is_reached),
                sa.and_(Goal.status == GoalStatus.COMPLETED, stand.c.progress < reopens_below),
            )
        )
        .order_by(Goal.id)
        .with_for_update(of=Goal)
    )
    if user_id is not None:
        due = due.where(Goal.user_id == user_id)
    is_reached = Goal.status == GoalStatus.ACTIVE
    moved = session.execute(
        sa.update(Goal)
        .where(Goal.id.in_(sa.select(due.cte("due").c.id)))
        .values(
            status=sa.case((is_reached, GoalStatus.COMPLETED), else_=GoalStatus.ACTIVE),
            completed_at=sa.case((is_reached, now), else_=None),
            times_completed=Goal.times_completed + sa.case((is_reached, 1), else_=0),
        )
        .returning(Goal.id, Goal.status)
        .execution_options(synchronize_session="fetch")
    ).all()
    completed = [goal_id for goal_id, status in moved if status is GoalStatus.COMPLETED]
    return _announce(session, completed) + WriteCounts(updated=len(moved))


def _announce(session: Session, completed: Sequence[uuid.UUID]) -> WriteCounts:
    news = sa.select(
        Goal.user_id,
        sa.literal(NotificationType.GOAL_REACHED.value).label("type"),
        sa.func.concat(Goal.id, ":", Goal.times_completed).label("dedup_key"),
        sa.func.concat(
            "The goal ", Goal.name, " is reached: ", Goal.target_amount, " ", Goal.currency, "."
        ).label("message"),
    ).where(Goal.id.in_(completed))
    return notify_all(session, news)


def _stand(on: dt.date | sa.ColumnElement[dt.date]) -> LateralFromClause:
    amounts = ("start_amount", "amount", "progress")
    return (
        sa.func.common.goal_progress(Goal.id, on)
        .table_valued(
            *(sa.column(name, sa.Numeric) for name in amounts), sa.column("is_reached", sa.Boolean)
        )
        .lateral("stand")
    )


def _progress(
    session: Session, goals: sa.Select[tuple[Goal]], on: dt.date
) -> Sequence[GoalProgress]:
    stand = _stand(on)
    query: sa.Select[Any] = goals.add_columns(
        stand.c.start_amount, stand.c.amount, stand.c.progress
    ).join(stand, sa.true())
    return [GoalProgress(*row) for row in session.execute(query)]


def _move(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID, status: GoalStatus) -> Goal:
    goal = _lock(session, user_id, goal_id)
    check_transition(GOAL, goal.status, status, what="the goal")
    with refusing(session, _REFUSALS):
        goal.status = status
    return goal


def _one(user_id: uuid.UUID, goal_id: uuid.UUID) -> sa.Select[tuple[Goal]]:
    return sa.select(Goal).where(Goal.id == goal_id, Goal.user_id == user_id)


def _lock(session: Session, user_id: uuid.UUID, goal_id: uuid.UUID) -> Goal:
    locked = _one(user_id, goal_id).with_for_update()
    fresh = locked.execution_options(populate_existing=True)
    goal = session.scalars(fresh).one_or_none()
    if goal is None:
        message = f"there is no goal {goal_id}"
        raise NotFoundError(message)
    return goal
