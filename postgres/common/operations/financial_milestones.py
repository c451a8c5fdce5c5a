"""Financial milestones: marks on the way of a user's net worth.

A milestone is reached on the first day from its start on which net worth, see
:mod:`postgres.common.operations.net_worth`, is at its target or above. A day on which something has
no exchange rate reaches nothing: what is missing may be a debt. Once reached it stays so, on the
day that was told: net worth may fall again, and values that are stated later for earlier days may
change what it was. A value that is back-dated before that may let it be reached on a day past.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import NotificationType
from postgres.common.models import FinancialMilestone
from postgres.common.operations.notifications import notify_all
from postgres.core import UNSET, Unset, WriteCounts, read_sql, refusing
from postgres.errors import NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_REFUSALS = {
    "ck_financial_milestones__has_name": OperationError("a milestone needs a name"),
    "ck_financial_milestones__currency_is_iso": OperationError(
        "a currency is three capital letters"
    ),
    "ck_financial_milestones__target_is_money": OperationError("a target is an amount"),
}


def create_milestone(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    target_amount: Decimal,
    currency: str,
    starts_on: dt.date,
    target_date: dt.date | None = None,
) -> FinancialMilestone:
    """Set a milestone.

    :param target_amount: the net worth to reach; negative or 0 on the way out of debt.
    :param currency: ISO 4217, such as the user's base currency; net worth is converted to it.
    :param starts_on: first day that counts.
    :raises OperationError: if the name is blank or a value out of range.
    """
    milestone = FinancialMilestone(
        user_id=user_id,
        name=name,
        target_amount=target_amount,
        currency=currency,
        starts_on=starts_on,
        target_date=target_date,
    )
    with refusing(session, _REFUSALS):
        session.add(milestone)
    return milestone


def get_milestone(
    session: Session, user_id: uuid.UUID, milestone_id: uuid.UUID
) -> FinancialMilestone | None:
    """Return one of a user's milestones."""
    return session.scalars(_one(user_id, milestone_id)).one_or_none()


def list_milestones(
    session: Session,
    user_id: uuid.UUID,
    *,
    is_reached: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[FinancialMilestone]:
    """Return a user's milestones, the lowest target first.

    :param after: from the page before.
    """
    query = sa.select(FinancialMilestone).where(FinancialMilestone.user_id == user_id)
    if is_reached is not None:
        query = query.where(FinancialMilestone.reached_on.is_not(None) == is_reached)
    order = (Key(FinancialMilestone.target_amount), Key(FinancialMilestone.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def update_milestone(
    session: Session,
    user_id: uuid.UUID,
    milestone_id: uuid.UUID,
    *,
    name: str | None = None,
    target_amount: Decimal | None = None,
    target_date: dt.date | Unset | None = UNSET,
) -> FinancialMilestone:
    """Change what is given of a milestone. Another target is to be reached anew.

    :raises NotFoundError: if the user has no such milestone.
    :raises OperationError: if the name is blank or the target out of range.
    """
    milestone = _lock(session, user_id, milestone_id)
    with refusing(session, _REFUSALS):
        if name is not None:
            milestone.name = name
        if target_amount is not None and target_amount != milestone.target_amount:
            milestone.target_amount = target_amount
            milestone.reached_on = None
        if not isinstance(target_date, Unset):
            milestone.target_date = target_date
    return milestone


def delete_milestone(session: Session, user_id: uuid.UUID, milestone_id: uuid.UUID) -> None:
    """Delete a milestone.

    :raises NotFoundError: if the user has no such milestone.
    """
    session.delete(_lock(session, user_id, milestone_id))
    session.flush()


def evaluate_milestones(
    session: Session, *, now: dt.datetime, user_id: uuid.UUID | None = None
) -> WriteCounts:
    """Mark the milestones that are reached, and tell their users once.

    :param now: days up to the user's own of this instant count.
    :param user_id: of one user; None: of all.
    :returns: notifications as inserted, milestones as updated.
    """
    due = (
        sa.text(read_sql(__file__, "due_milestones.sql"))
        .bindparams(sa.bindparam("user_id", user_id, sa.Uuid), sa.bindparam("now", now))
        .columns(sa.column("id", sa.Uuid), sa.column("reached_on", sa.Date))
        .cte("due")
    )
    reached = session.scalars(
        sa.update(FinancialMilestone)
        .where(FinancialMilestone.id == due.c.id)
        .values(reached_on=due.c.reached_on)
        .returning(FinancialMilestone.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    return _announce(session, reached) + WriteCounts(updated=len(reached))


def _announce(session: Session, reached: Sequence[uuid.UUID]) -> WriteCounts:
    milestone = FinancialMilestone
    news = sa.select(
        milestone.user_id,
        sa.literal(NotificationType.MILESTONE_REACHED.value).label("type"),
        sa.func.concat(milestone.id, ":", milestone.target_amount).label("dedup_key"),
        sa.func.concat(
            "The milestone ",
            milestone.name,
            " is reached: your net worth was ",
            milestone.target_amount,
            " ",
            milestone.currency,
            " or more on ",
            milestone.reached_on,
            ".",
        ).label("message"),
    ).where(milestone.id.in_(reached))
    return notify_all(session, news)


def _one(user_id: uuid.UUID, milestone_id: uuid.UUID) -> sa.Select[tuple[FinancialMilestone]]:
    return sa.select(FinancialMilestone).where(
        FinancialMilestone.id == milestone_id, FinancialMilestone.user_id == user_id
    )


def _lock(session: Session, user_id: uuid.UUID, milestone_id: uuid.UUID) -> FinancialMilestone:
    locked = _one(user_id, milestone_id).with_for_update()
    milestone = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
    if milestone is None:
        message = f"there is no milestone {milestone_id}"
        raise NotFoundError(message)
    return milestone
