"""Balances: what they are on a day, and whether that agrees with what the institution said.

opening balance + sum of booked rows = booked balance, per account, to the last digit.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.auth.models import User
from postgres.common.enums import NotificationType, TransactionStatus
from postgres.common.models import Account, Transaction
from postgres.common.operations.notifications import notify_all
from postgres.core import WriteCounts, read_sql, refusing
from postgres.errors import NotFoundError, OperationError

_REFUSALS = {"ck_accounts__low_balance_is_money": OperationError("a low balance is an amount")}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One account's booked balance, as reported and as the ledger makes it.

    :param reported: None if the institution gave no booked balance yet.
    :param computed: opening balance plus the booked rows that it knows; None if there is nothing to
        compare with.
    :param drifts_since: the first day of the last days on which the two differed, also if they
        agree again; None if they always agreed. A balance is as exact as it is read often: of days
        without one, the first on which the ledger moved and the balance cannot have.
    :param agrees_since: the day of the first balance after those days that agreed; None if none
        did.
    """

    account_id: uuid.UUID
    user_id: uuid.UUID
    institution: str
    name: str
    currency: str
    reported: Decimal | None
    computed: Decimal | None
    observed_at: dt.datetime | None
    drifts_since: dt.date | None = None
    agrees_since: dt.date | None = None

    @property
    def drift(self) -> Decimal | None:
        """Reported less computed; zero is right, None is unknown."""
        if self.reported is None or self.computed is None:
            return None
        return self.reported - self.computed


@dataclass(frozen=True, slots=True)
class DailyBalance:
    """What an account was worth at the end of a day.

    :param amount: in the account's currency; what is owed is negative.
    """

    day: dt.date
    amount: Decimal


def list_daily_balances(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID, *, since: dt.date, until: dt.date
) -> Sequence[DailyBalance]:
    """Return what an account was worth at the end of each day, the first one first.

    That is what ``common.account_balances`` in the database says, for goals and for net worth too:
    of a bank account the booked balance, of a broker's account all that is in it.

    :param since: the first day; days before anything was known are left out.
    :param until: the last day, included.
    """
    columns = (sa.column("day", sa.Date), sa.column("amount", sa.Numeric))
    balance = sa.func.common.account_balances(Account.id, since, until)
    daily = balance.table_valued(*columns).lateral("daily")
    rows = session.execute(
        sa.select(daily.c.day, daily.c.amount)
        .select_from(Account)
        .join(daily, sa.true())
        .where(Account.id == account_id, Account.user_id == user_id)
        .order_by(daily.c.day)
    )
    return [DailyBalance(*row) for row in rows]


def set_low_balance(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID, amount: Decimal | None
) -> Account:
    """Say below which balance the user wants to be told.

    :param amount: in the account's currency; negative for an overdraft; None: never.
    :raises NotFoundError: if the user has no such account.
    :raises OperationError: if it is no amount.
    """
    account = session.scalars(
        sa.select(Account)
        .where(Account.id == account_id, Account.user_id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if account is None:
        message = f"there is no account {account_id}"
        raise NotFoundError(message)
    with refusing(session, _REFUSALS):
        account.low_balance = amount
        account.low_since = None
    return account


def warn_of_low_balances(session: Session, *, now: dt.datetime) -> WriteCounts:
    """Tell users of balances that fell below what they set, once until they are above it again.

    :returns: notifications as inserted, accounts as updated.
    """
    today = sa.func.common.local_day(now, User.time_zone, type_=sa.Date)
    balance = sa.func.common.account_balances(Account.id, today, today)
    current = balance.table_valued(sa.column("amount", sa.Numeric)).lateral("current")
    is_below = current.c.amount < Account.low_balance
    crossed = (
        sa.select(Account.id, sa.case((is_below, today)).label("low_since"))
        .join(User, User.id == Account.user_id)
        .join(current, sa.true())
        .where(Account.low_balance.is_not(None), is_below == Account.low_since.is_(None))
        .order_by(Account.id)
        .with_for_update(of=Account)
        .cte("crossed")
    )
    moved = session.execute(
        sa.update(Account)
        .where(Account.id == crossed.c.id)
        .values(low_since=crossed.c.low_since)
        .returning(Account.id, Account.low_since)
        .execution_options(synchronize_session="fetch")
    ).all()
    news = (
        sa.select(
            Account.user_id,
            sa.literal(NotificationType.LOW_BALANCE.value).label("type"),
            sa.func.concat(Account.id, ":", Account.low_since).label("dedup_key"),
            sa.func.concat(
                "The balance of ",
                sa.func.coalesce(Account.display_name, Account.name),
                " is ",
                current.c.amount,
                " ",
                Account.currency,
                ", below ",
                Account.low_balance,
                ".",
            ).label("message"),
        )
        .join(User, User.id == Account.user_id)
        .join(current, sa.true())
        .where(Account.id.in_([account_id for account_id, since in moved if since is not None]))
    )
    return notify_all(session, news) + WriteCounts(updated=len(moved))


def set_opening_balance(
    session: Session,
    user_id: uuid.UUID,
    account_id: uuid.UUID,
    *,
    read_through: dt.date | None = None,
) -> None:
    """Fix an account's opening balance once, from the best evidence there is.

    That is the running balance that the bank prints on the rows of the first day, if it tells which
    row came first; else the first booked balance less all rows. Rows that are found later and are
    booked before that day do not count against it.

    :param read_through: the last day that the account's rows were read of: a later balance knows
        rows that the ledger does not. None: of today.
    """
    is_open = session.scalar(
        sa.select(sa.true()).where(
            Account.id == account_id,
            Account.user_id == user_id,
            Account.opening_balance.is_(None),
        )
    )
    if is_open:
        session.execute(
            sa.text(read_sql(__file__, "opening_balance.sql")),
            {"account_id": account_id, "read_through": read_through or dt.date.max},
        )


def keep_opening_date(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Let the opening balance stay before all rows that it was found with.

    A bank that dates the first of them anew, by an earlier day, moves no money.
    """
    is_of_account = sa.and_(Transaction.account_id == account_id, Transaction.user_id == user_id)
    began = sa.select(sa.func.min(Transaction.first_seen_at)).where(is_of_account)
    first = (
        sa.select(sa.func.min(Transaction.booking_date))
        .where(
            is_of_account,
            Transaction.status == TransactionStatus.BOOKED,
            Transaction.booking_date < Account.opening_date,
            Transaction.first_seen_at == began.scalar_subquery(),
        )
        .correlate(Account)
        .scalar_subquery()
    )
    session.execute(
        sa.update(Account)
        .where(Account.id == account_id, Account.user_id == user_id, Account.opening_date > first)
        .values(opening_date=first)
        .execution_options(synchronize_session=False)
    )


def reconcile(session: Session, *, user_id: uuid.UUID | None = None) -> Sequence[Reconciliation]:
    """Compare the booked balances of every account with the ledger: the newest, and day by day.

    :param user_id: of one user; None compares all users'.
    """
    rows = session.execute(
        sa.text(read_sql(__file__, "reconciliation.sql")).bindparams(
            sa.bindparam("user_id", user_id, sa.Uuid)
        )
    )
    return [Reconciliation(*row) for row in rows]
