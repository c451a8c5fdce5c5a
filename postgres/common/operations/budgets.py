"""Budgets: how much may be spent on what in a period, how much was, and who must be told.

Spending is what ``common.spending`` in the database says: booked money out less the money back,
without void rows, own transfers and trades. Pending rows are given beside it and count in nothing:
a hold may be released, and nobody can take a notification back. What is in another currency is
converted at the rate of its day; what has no rate is left out, and said.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.enums import BudgetPeriod, NotificationType
from postgres.common.models import Budget, BudgetLimit, BudgetTag, Notification, Tag
from postgres.common.operations.notifications import notify_all
from postgres.core import WriteCounts, read_sql, refusing
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

LATE_DAYS = 7
"""How long after its end a period still tells that it was exceeded: banks book late."""

_AMOUNTS = ("limit", "carried", "spent", "refunded", "pending")
_COVERS_ONE_OF_TWO = "a budget covers tags or everything, one of the two"
_PERIODS = sa.text(read_sql(__file__, "budget_periods.sql")).columns(
    *(sa.column(name, sa.Uuid) for name in ("budget_id", "user_id")),
    *(sa.column(name, sa.Date) for name in ("first_day", "last_day")),
    *(sa.column(name, sa.Text) for name in ("name", "currency")),
    *(sa.column(name, sa.Numeric) for name in _AMOUNTS),
    *(sa.column(name, sa.Boolean) for name in ("is_current", "is_exceeded", "is_warning")),
    sa.column("unconverted", pg.JSONB),
)
_REFUSALS = {
    "uq_budgets__user_id_lower_name": AlreadyExistsError("there is a budget of that name already"),
    "ck_budgets__has_name": OperationError("a budget needs a name"),
    "ck_budgets__currency_is_iso": OperationError("a currency is three capital letters"),
    "ck_budgets__warning_pct_in_range": OperationError(
        "a warning is at more than 0 and at most 100 per cent"
    ),
    "ck_budget_limits__amount_is_money": OperationError("a limit is an amount, not negative"),
    "fk_budget_tags__tag_id_user_id__tags": NotFoundError("there is no such tag"),
}


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """How a budget stands in one period. All amounts are in its currency unless said otherwise.

    :param limit: what the period allows; not negative.
    :param carried: with rollover, what all periods before left; negative: they spent too much.
    :param spent: booked money out less refunds; positive: money went out.
    :param refunded: the money back that is in ``spent``; not negative.
    :param pending: the same as ``spent`` of rows that are not booked; in no other amount.
    :param is_warning: not exceeded, and the budget's ``warning_pct`` is reached.
    :param unconverted: by currency, money out less refunds that no rate was found for, booked or
        pending, of this period and of those that ``carried`` comes from. It is in no other amount.
    """

    budget_id: uuid.UUID
    name: str
    currency: str
    first_day: dt.date
    last_day: dt.date
    limit: Decimal
    carried: Decimal
    spent: Decimal
    refunded: Decimal
    pending: Decimal
    is_exceeded: bool
    is_warning: bool
    unconverted: Mapping[str, Decimal]

    @property
    def available(self) -> Decimal:
        """What the period allows with what was carried over."""
        return self.limit + self.carried

    @property
    def remaining(self) -> Decimal:
        """What is left of it; negative: too much was spent."""
        return self.available - self.spent

    @property
    def pct(self) -> Decimal | None:
        """Per cent of what is available that is spent; None: nothing is available."""
        return 100 * self.spent / self.available if self.available > 0 else None


def create_budget(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    period: BudgetPeriod,
    currency: str,
    limit: Decimal,
    starts_on: dt.date,
    tag_ids: Collection[uuid.UUID] = (),
    is_overall: bool = False,
    rollover: bool = False,
    warning_pct: Decimal = Decimal(80),
) -> Budget:
    """Create a budget for some tags, or for all spending.

    :param currency: ISO 4217; of the limit and of all that the budget says.
    :param limit: what a period allows; not negative.
    :param starts_on: first day of the first period, from which the others repeat; see
        :func:`postgres.common.periods.calendar_period` for the calendar's own.
    :param is_overall: covers all spending; then there are no tags.
    :param rollover: what a period leaves, or spends too much, carries over to the next.
    :param warning_pct: per cent of what is available at which to warn; above 0, up to 100.
    :raises AlreadyExistsError: if the user has a budget of that name, whatever the case.
    :raises NotFoundError: if the user has no such tag.
    :raises OperationError: if it covers neither tags nor everything, or a value is out of range.
    """
    if is_overall == bool(tag_ids):
        raise OperationError(_COVERS_ONE_OF_TWO)
    budget = Budget(
        user_id=user_id,
        name=name,
        period=period,
        currency=currency,
        starts_on=starts_on,
        is_overall=is_overall,
        rollover=rollover,
        warning_pct=warning_pct,
    )
    with refusing(session, _REFUSALS):
        session.add(budget)
        session.flush()
        session.add(_limit(budget, limit, starts_on))
        if tag_ids:
            _add_tags(session, budget, tag_ids)
    return budget


def get_budget(session: Session, user_id: uuid.UUID, budget_id: uuid.UUID) -> Budget | None:
    """Return one of a user's budgets."""
    return session.scalars(_one(user_id, budget_id)).one_or_none()


def list_budgets(
    session: Session,
    user_id: uuid.UUID,
    *,
    period: BudgetPeriod | None = None,
    tag_id: uuid.UUID | None = None,
    is_enabled: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Budget]:
    """Return a user's budgets by name.

    :param tag_id: only those that name this tag; the ones for all spending name none.
    :param after: from the page before.
    """
    query = sa.select(Budget).where(Budget.user_id == user_id)
    if period is not None:
        query = query.where(Budget.period == period)
    if tag_id is not None:
        names_it = sa.exists().where(BudgetTag.budget_id == Budget.id, BudgetTag.tag_id == tag_id)
        query = query.where(names_it)
    if is_enabled is not None:
        query = query.where(Budget.is_enabled == is_enabled)
    order = (Key(Budget.name), Key(Budget.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_tags(session: Session, user_id: uuid.UUID, budget_id: uuid.UUID) -> Sequence[Tag]:
    """Return the tags that a budget covers, by name; one for all spending has none."""
    return session.scalars(
        sa.select(Tag)
        .join(BudgetTag, BudgetTag.tag_id == Tag.id)
        .where(BudgetTag.budget_id == budget_id, BudgetTag.user_id == user_id)
        .order_by(Tag.name, Tag.id)
    ).all()


def list_limits(
    session: Session, user_id: uuid.UUID, budget_id: uuid.UUID
) -> Sequence[BudgetLimit]:
    """Return the limits that a budget had, has and will have, the first one first."""
    return session.scalars(
        sa.select(BudgetLimit)
        .where(BudgetLimit.budget_id == budget_id, BudgetLimit.user_id == user_id)
        .order_by(BudgetLimit.effective_from)
    ).all()


def update_budget(
    session: Session,
    user_id: uuid.UUID,
    budget_id: uuid.UUID,
    *,
    name: str | None = None,
    tag_ids: Collection[uuid.UUID] | None = None,
    rollover: bool | None = None,
    warning_pct: Decimal | None = None,
    is_enabled: bool | None = None,
) -> Budget:
    """Change what is given of a budget. Its period, start and currency stay: they are its history.

    :param tag_ids: what it covers from now on, in past periods too; at least one.
    :raises NotFoundError: if the user has no such budget or tag.
    :raises AlreadyExistsError: if the user has another budget of that name, whatever the case.
    :raises OperationError: if it is given tags and covers everything, or a value is out of range.
    """
    budget = _lock(session, user_id, budget_id)
    changes = {
        "name": name,
        "rollover": rollover,
        "warning_pct": warning_pct,
        "is_enabled": is_enabled,
    }
    with refusing(session, _REFUSALS):
        for column, value in changes.items():
            if value is not None:
                setattr(budget, column, value)
        if tag_ids is not None:
            _replace_tags(session, budget, tag_ids)
        session.flush()
    return budget


def delete_budget(session: Session, user_id: uuid.UUID, budget_id: uuid.UUID) -> None:
    """Delete a budget with its limits. To keep its history, disable it instead.

    :raises NotFoundError: if the user has no such budget.
    """
    session.delete(_lock(session, user_id, budget_id))
    session.flush()


def set_limit(
    session: Session,
    user_id: uuid.UUID,
    budget_id: uuid.UUID,
    amount: Decimal,
    *,
    effective_from: dt.date,
) -> BudgetLimit:
    """Set what a budget allows from the period on that holds a day; those before keep theirs.

    :param amount: a period, in the budget's currency; not negative.
    :param effective_from: replaces the limit that was set from the same day.
    :raises NotFoundError: if the user has no such budget.
    :raises OperationError: if the day is before the budget starts or the amount negative.
    """
    budget = _lock(session, user_id, budget_id)
    if effective_from < budget.starts_on:
        message = f"the budget starts on {budget.starts_on}; no limit holds before"
        raise OperationError(message)
    with refusing(session, _REFUSALS):
        return session.merge(_limit(budget, amount, effective_from))


def status(
    session: Session, user_id: uuid.UUID, budget_id: uuid.UUID, *, on: dt.date
) -> BudgetStatus:
    """Return how a budget stands in the period that holds a day.

    :param on: ``farthing.clock.today(user.time_zone)`` for the current one.
    :raises NotFoundError: if the user has no such budget.
    :raises OperationError: if the budget starts after that day.
    """
    found = _statuses(session, _periods(user_id=user_id, budget_id=budget_id, day=on))
    if not found:
        starts_on = _found(get_budget(session, user_id, budget_id), budget_id).starts_on
        message = f"the budget starts on {starts_on}"
        raise OperationError(message)
    return found[0]


def history(
    session: Session,
    user_id: uuid.UUID,
    budget_id: uuid.UUID,
    *,
    until: dt.date,
    since: dt.date = dt.date.min,
) -> Sequence[BudgetStatus]:
    """Return how a budget stood in its periods, the first one first.

    :param until: a day of the last of them.
    :param since: a day of the first of them; before the budget started: its first period.
    """
    days_before = (until - since).days
    periods = _periods(user_id=user_id, budget_id=budget_id, day=until, days_before=days_before)
    return _statuses(session, periods)


def list_statuses(
    session: Session, user_id: uuid.UUID, *, today: dt.date
) -> Sequence[BudgetStatus]:
    """Return how a user's enabled budgets stand in their current periods, by name.

    :param today: in the user's time zone; budgets that start later are left out.
    """
    return _statuses(session, _periods(user_id=user_id, day=today))


def check_budgets(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of budgets that are nearly used up or exceeded, each once a period.

    The user's time zone says what period it is. One that is exceeded is not warned of as well, and
    what was told once is not told again, whatever becomes of the limit or of refunds. Rows that
    come in late still count for :data:`LATE_DAYS` days after their period; later ones change the
    history and tell nobody.
    """
    period = _periods(now=now, days_before=LATE_DAYS).subquery("period").c
    key = sa.func.concat(period.budget_id, ":", period.first_day)
    was_told_of_excess = sa.exists().where(
        Notification.user_id == period.user_id,
        Notification.type == NotificationType.BUDGET_EXCEEDED,
        Notification.dedup_key == key,
    )
    digits = sa.func.common.minor_digits(period.currency)
    available = sa.func.round(period.limit + period.carried, digits)
    news = sa.select(
        period.user_id,
        sa.case(
            (period.is_exceeded, NotificationType.BUDGET_EXCEEDED.value),
            else_=NotificationType.BUDGET_WARNING.value,
        ).label("type"),
        key.label("dedup_key"),
        sa.func.concat(
            "The budget ",
            period.name,
            sa.case((period.is_exceeded, " is exceeded: "), else_=" is nearly used up: "),
            period.spent,
            " of ",
            available,
            " ",
            period.currency,
            " from ",
            period.first_day,
            " to ",
            period.last_day,
            ".",
            sa.case(
                (
                    period.unconverted != sa.text("'{}'::jsonb"),
                    " Some spending has no exchange rate and is not counted.",
                )
            ),
        ).label("message"),
    ).where(
        sa.or_(
            period.is_exceeded,
            sa.and_(period.is_warning, period.is_current, ~was_told_of_excess),
        )
    )
    return notify_all(session, news)


def _periods(
    *,
    user_id: uuid.UUID | None = None,
    budget_id: uuid.UUID | None = None,
    day: dt.date | None = None,
    now: dt.datetime | None = None,
    days_before: int = 0,
) -> sa.TextualSelect:
    return _PERIODS.bindparams(
        user_id=user_id, budget_id=budget_id, day=day, now=now, days_before=days_before
    )


def _statuses(session: Session, periods: sa.TextualSelect) -> list[BudgetStatus]:
    period = periods.subquery("period").c
    rows = session.execute(
        sa.select(*(period[field.name] for field in fields(BudgetStatus))).order_by(
            period.name, period.budget_id, period.first_day
        )
    )
    return [
        BudgetStatus(
            **{
                **row._mapping,
                "unconverted": {code: Decimal(amount) for code, amount in row.unconverted.items()},
            }
        )
        for row in rows
    ]


def _one(user_id: uuid.UUID, budget_id: uuid.UUID) -> sa.Select[tuple[Budget]]:
    return sa.select(Budget).where(Budget.id == budget_id, Budget.user_id == user_id)


def _lock(session: Session, user_id: uuid.UUID, budget_id: uuid.UUID) -> Budget:
    locked = _one(user_id, budget_id).with_for_update()
    fresh = locked.execution_options(populate_existing=True)
    return _found(session.scalars(fresh).one_or_none(), budget_id)


def _found(budget: Budget | None, budget_id: uuid.UUID) -> Budget:
    if budget is None:
        message = f"there is no budget {budget_id}"
        raise NotFoundError(message)
    return budget


def _limit(budget: Budget, amount: Decimal, effective_from: dt.date) -> BudgetLimit:
    return BudgetLimit(
        budget_id=budget.id,
        effective_from=effective_from,
        user_id=budget.user_id,
        amount=amount,
        currency=budget.currency,
    )


def _replace_tags(session: Session, budget: Budget, tag_ids: Collection[uuid.UUID]) -> None:
    if budget.is_overall or not tag_ids:
        raise OperationError(_COVERS_ONE_OF_TWO)
    session.execute(
        sa.delete(BudgetTag).where(
            BudgetTag.budget_id == budget.id, BudgetTag.tag_id.not_in(tag_ids)
        )
    )
    _add_tags(session, budget, tag_ids)


def _add_tags(session: Session, budget: Budget, tag_ids: Collection[uuid.UUID]) -> None:
    session.execute(
        pg.insert(BudgetTag)
        .values(
            [
                {"budget_id": budget.id, "tag_id": tag_id, "user_id": budget.user_id}
                for tag_id in sorted(tag_ids)
            ]
        )
        .on_conflict_do_nothing()
    )
