"""Accounts of the ledger, and what is in them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import TransactionStatus
from postgres.common.models import Account, AccountLink, Institution, Transaction
from postgres.errors import NotFoundError


def account_label(name: str, number: str) -> str:
    """Return what a person knows an account by: its name and the end of its number."""
    return f"{name} …{number[-4:]}"


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """An account with the sums of its rows.

    :param booked_sum: signed, over booked rows in the account's currency.
    :param pending_sum: signed, over pending rows; in no balance.
    """

    account: Account
    institution: Institution
    booked: int
    booked_sum: Decimal
    pending: int
    pending_sum: Decimal
    first_booking_date: dt.date | None
    last_booking_date: dt.date | None


def list_account_totals(
    session: Session, *, user_id: uuid.UUID | None = None
) -> Sequence[AccountTotals]:
    """Return accounts with their totals, by institution and name.

    :param user_id: of one user; None returns all users'.
    """
    booked = Transaction.status == TransactionStatus.BOOKED
    pending = Transaction.status == TransactionStatus.PENDING
    own_currency = Transaction.currency == Account.currency
    zero = sa.literal(Decimal(0))
    query = (
        sa.select(
            Account,
            Institution,
            sa.func.count().filter(booked),
            sa.func.coalesce(sa.func.sum(Transaction.amount).filter(booked, own_currency), zero),
            sa.func.count().filter(pending),
            sa.func.coalesce(sa.func.sum(Transaction.amount).filter(pending, own_currency), zero),
            sa.func.min(Transaction.booking_date).filter(booked),
            sa.func.max(Transaction.booking_date).filter(booked),
        )
        .join(Institution, Institution.id == Account.institution_id)
        .outerjoin(Transaction, Transaction.account_id == Account.id)
        .group_by(Account.id, Institution.id)
        .order_by(Institution.name, Account.name, Account.currency, Account.id)
    )
    if user_id is not None:
        query = query.where(Account.user_id == user_id)
    return [AccountTotals(*row) for row in session.execute(query)]


def rename_account(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID, name: str | None
) -> None:
    """Give an account the user's own name; no sync touches it.

    :param name: None goes back to the provider's.
    :raises NotFoundError: if the user has no such account.
    """
    renamed = session.execute(
        sa.update(Account)
        .where(Account.id == account_id, Account.user_id == user_id)
        .values(display_name=name)
        .returning(Account.id)
    )
    if not renamed.all():
        message = f"there is no account {account_id}"
        raise NotFoundError(message)


def erase_accounts(session: Session, connection_id: uuid.UUID) -> int:
    """Delete the accounts that only this connection reads, with all that hangs on them.

    :returns: how many.
    """
    other = sa.orm.aliased(AccountLink)
    deleted = session.execute(
        sa.delete(Account)
        .where(
            sa.exists().where(
                AccountLink.account_id == Account.id, AccountLink.connection_id == connection_id
            ),
            ~sa.exists().where(
                other.account_id == Account.id, other.connection_id != connection_id
            ),
        )
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    )
    return len(deleted.all())
