"""Accounts of the ledger, and what is in them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import (
    AccountCategory,
    AccountStatus,
    AccountType,
    Provider,
    TaxWrapper,
    TransactionStatus,
)
from postgres.common.models import Account, AccountLink, Institution, Transaction, TransferQueue
from postgres.common.operations import disposals
from postgres.core import refusing
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page


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


def create_account(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    currency: str,
    account_type: AccountType = AccountType.BANK,
    category: AccountCategory = AccountCategory.BANK_ACCOUNT,
    account_number: str | None = None,
    opening_balance: Decimal = Decimal(0),
) -> Account:
    """Create an account that no provider reads; its transactions are entered by hand.

    :param currency: ISO 4217.
    :param account_number: what tells it from others of the currency; made up if there is none.
    :param opening_balance: before the first transaction, liabilities negative.
    :raises OperationError: if the name is blank or the currency no code.
    :raises AlreadyExistsError: if there is one of that number and currency.
    """
    institution_id = session.execute(
        sa.select(Institution.id).where(Institution.provider == Provider.MANUAL)
    ).scalar_one()
    account = Account(
        user_id=user_id,
        institution_id=institution_id,
        account_number=account_number or str(uuid.uuid4()),
        currency=_code(currency),
        account_type=account_type,
        category=category,
        name=_filled(name),
        opening_balance=opening_balance,
    )
    taken = AlreadyExistsError(f"there is an account {account.account_number} in {currency}")
    with refusing(session, {_SAME_ACCOUNT: taken}):
        session.add(account)
    return account


def get_account(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> Account | None:
    """Return one of a user's accounts."""
    return session.scalars(
        sa.select(Account).where(Account.id == account_id, Account.user_id == user_id)
    ).one_or_none()


def list_accounts(
    session: Session,
    user_id: uuid.UUID,
    *,
    status: AccountStatus | None = None,
    account_type: AccountType | None = None,
    category: AccountCategory | None = None,
    institution_id: uuid.UUID | None = None,
    currency: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Account]:
    """Return a page of a user's accounts, by the provider's name of them."""
    wanted = {
        Account.status: status,
        Account.account_type: account_type,
        Account.category: category,
        Account.institution_id: institution_id,
        Account.currency: currency,
    }
    query = sa.select(Account).where(
        Account.user_id == user_id,
        *(column == value for column, value in wanted.items() if value is not None),
    )
    order = [Key(Account.name), Key(Account.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)


def rename_account(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID, name: str | None
) -> Account:
    """Give an account the user's own name; no sync touches it.

    :param name: None goes back to the provider's.
    :raises NotFoundError: if the user has no such account.
    :raises OperationError: if the name is blank.
    """
    account = _locked(session, user_id, account_id)
    account.display_name = None if name is None else _filled(name)
    session.flush()
    return account


def set_tax_wrapper(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID, wrapper: TaxWrapper | None
) -> Account:
    """Say what shelters an account from tax; no sync touches it.

    Which shares were sold follows from it, and is open until they are matched again: see
    :func:`postgres.common.operations.disposals.match_disposals`. The next sync does.

    :param wrapper: None: nothing does.
    :raises NotFoundError: if the user has no such account.
    """
    account = _locked(session, user_id, account_id)
    if account.tax_wrapper != wrapper:
        disposals.reopen_pools(session, user_id)
    account.tax_wrapper = wrapper
    session.flush()
    return account


def set_counted(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID, is_counted: bool | None
) -> Account:
    """Say whether an account counts in net worth, spending, transfers and taxes.

    Its transactions are looked at once more for transfers, and the sales of the user are open until
    they are matched again, as by :func:`set_tax_wrapper`.

    :param is_counted: None: unless it is a practice account.
    :raises NotFoundError: if the user has no such account.
    """
    account = _locked(session, user_id, account_id)
    before = account.is_counted
    account.user_is_counted = is_counted
    session.flush()
    session.refresh(account)
    if account.is_counted != before:
        disposals.reopen_pools(session, user_id)
        moved = sa.select(Transaction.user_id, Transaction.id).where(
            Transaction.account_id == account.id
        )
        session.execute(sa.insert(TransferQueue).from_select(["user_id", "transaction_id"], moved))
    return account


def close_account(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> Account:
    """Say that an account that no provider reads does not move any more; its history stays.

    :raises NotFoundError: if the user has no such account.
    :raises OperationError: if a connection reads it, which says itself how the account stands.
    """
    account = _locked(session, user_id, account_id)
    _check_unread(session, account)
    account.status = AccountStatus.CLOSED
    session.flush()
    return account


def delete_account(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Delete an account with its history. What was about it alone is paused, never widened.

    :raises NotFoundError: if the user has no such account.
    :raises OperationError: if a connection reads it, and would bring it back.
    """
    account = _locked(session, user_id, account_id)
    _check_unread(session, account)
    session.execute(
        sa.delete(Account)
        .where(Account.id == account.id)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


_SAME_ACCOUNT = "uq_accounts__user_id_institution_id_account_number_currency"


def _locked(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> Account:
    account = session.scalars(
        sa.select(Account)
        .where(Account.id == account_id, Account.user_id == user_id)
        .with_for_update()
    ).one_or_none()
    if account is None:
        message = f"there is no account {account_id}"
        raise NotFoundError(message)
    return account


def _check_unread(session: Session, account: Account) -> None:
    is_read = sa.exists().where(AccountLink.account_id == account.id)
    if session.scalar(sa.select(is_read)):
        message = f"a connection reads {account.display_name or account.name}; remove that first"
        raise OperationError(message)


def _filled(name: str) -> str:
    if not name.strip():
        message = "an account needs a name"
        raise OperationError(message)
    return name


def _code(currency: str) -> str:
    if not re.fullmatch("[A-Z]{3}", currency):
        message = f"{currency!r} is no currency; give its ISO 4217 code, such as GBP"
        raise OperationError(message)
    return currency


def erase_accounts(
    session: Session, user_id: uuid.UUID, connection_id: uuid.UUID
) -> Sequence[uuid.UUID]:
    """Delete a user's accounts that only this connection reads, with all that hangs on them.

    :returns: which they were.
    """
    other = sa.orm.aliased(AccountLink)
    deleted = session.execute(
        sa.delete(Account)
        .where(
            Account.user_id == user_id,
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
    return deleted.scalars().all()
