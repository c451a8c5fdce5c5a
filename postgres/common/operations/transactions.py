"""Transactions of the ledger.

The projections write what providers say; the user reads them, notes on them, and writes those of
accounts that no provider keeps.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import Provider, TransactionKind, TransactionStatus
from postgres.common.models import (
    Account,
    AccountLink,
    RecurringPatternTransaction,
    Transaction,
    TransactionSplit,
)
from postgres.common.states import TRANSACTION, check_transition
from postgres.core import UNSET, Unset, table_of
from postgres.errors import NotFoundError, OperationError, ProviderOwnedError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_BY_HAND = table_of(Transaction).fullname
"""``raw_table`` of a row that the user wrote: it is its own source."""

_NEWEST_FIRST = (
    Key(Transaction.sort_date, is_descending=True),
    Key(Transaction.id, is_descending=True),
)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """All of a user's rows in one currency; transfers between their own accounts count twice.

    :param money_in: sum of the positive booked rows.
    :param money_out: sum of the negative booked rows, itself negative.
    """

    currency: str
    booked: int
    pending: int
    money_in: Decimal
    money_out: Decimal
    first_booking_date: dt.date | None
    last_booking_date: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which transactions are wanted: those that all that is given here is true of.

    :param since: first day; of a row that is not booked, the best day known (``sort_date``).
    :param until: last day.
    :param smallest: least size of the amount, whichever way the money goes; not negative.
    :param largest: greatest size of the amount.
    :param is_outgoing: True: money out; False: money in.
    :param tag_id: some part of it carries the tag.
    :param is_tagged: True: some part carries a tag; False: none does.
    :param text: somewhere in the description, the counterparty or the note, whatever the case.
    :param needs_review: whether a part was rescaled, which the user has not confirmed yet.
    :param pattern_id: it belongs to the recurring pattern.
    """

    account_ids: Collection[uuid.UUID] | None = None
    statuses: Collection[TransactionStatus] | None = None
    kinds: Collection[TransactionKind] | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    smallest: Decimal | None = None
    largest: Decimal | None = None
    is_outgoing: bool | None = None
    currency: str | None = None
    merchant_id: uuid.UUID | None = None
    tag_id: uuid.UUID | None = None
    is_tagged: bool | None = None
    text: str | None = None
    needs_review: bool | None = None
    pattern_id: uuid.UUID | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return what is given as conditions on :class:`Transaction`."""
        row, size = Transaction, sa.func.abs(Transaction.amount)
        given: list[tuple[Any, Callable[[Any], sa.ColumnElement[bool]]]] = [
            (self.account_ids, row.account_id.in_),
            (self.statuses, row.status.in_),
            (self.kinds, row.kind.in_),
            (self.since, lambda day: row.sort_date >= day),
            (self.until, lambda day: row.sort_date <= day),
            (self.smallest, lambda amount: size >= amount),
            (self.largest, lambda amount: size <= amount),
            (self.is_outgoing, lambda out: row.amount < 0 if out else row.amount > 0),
            (self.currency, lambda code: row.currency == code),
            (self.merchant_id, lambda merchant: row.merchant_id == merchant),
            (self.tag_id, lambda tag: _has_split(TransactionSplit.tag_id == tag)),
            (self.is_tagged, _is(_has_split(TransactionSplit.tag_id.is_not(None)))),
            (self.text, _says),
            (self.needs_review, _is(_has_split(TransactionSplit.needs_review))),
            (self.pattern_id, _is_of_pattern),
        ]
        return [condition(value) for value, condition in given if value is not None]


EVERYTHING = TransactionFilter()


def _has_split(condition: sa.ColumnExpressionArgument[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(TransactionSplit.transaction_id == Transaction.id, condition)


def _is(condition: sa.ColumnElement[bool]) -> Callable[[bool], sa.ColumnElement[bool]]:
    return lambda wanted: condition if wanted else ~condition


def _says(text: str) -> sa.ColumnElement[bool]:
    places = (Transaction.description, Transaction.counterparty_name, Transaction.user_note)
    return sa.or_(*(place.icontains(text, autoescape=True) for place in places))


def _is_of_pattern(pattern_id: uuid.UUID) -> sa.ColumnElement[bool]:
    link = RecurringPatternTransaction
    return sa.exists().where(link.transaction_id == Transaction.id, link.pattern_id == pattern_id)


def get_transaction(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID
) -> Transaction | None:
    """Return one of a user's transactions."""
    return session.scalars(
        sa.select(Transaction).where(
            Transaction.id == transaction_id, Transaction.user_id == user_id
        )
    ).one_or_none()


def list_transactions(
    session: Session,
    user_id: uuid.UUID,
    *,
    filters: TransactionFilter = EVERYTHING,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Transaction]:
    """Return a user's transactions, the newest first."""
    query = _query(user_id, filters)
    return fetch_page(session, query, order=_NEWEST_FIRST, after=after, limit=limit)


def iterate_transactions(
    session: Session, user_id: uuid.UUID, *, filters: TransactionFilter = EVERYTHING
) -> Iterator[Transaction]:
    """Yield a user's transactions, the newest first, without holding all of them in memory.

    All are read at one instant. The session must not commit before the last one.
    """
    order = (key.column.desc() for key in _NEWEST_FIRST)
    query = _query(user_id, filters).order_by(*order)
    yield from session.scalars(query, execution_options={"yield_per": _BATCH})


def _query(user_id: uuid.UUID, filters: TransactionFilter) -> sa.Select[tuple[Transaction]]:
    return sa.select(Transaction).where(Transaction.user_id == user_id, *filters.conditions())


def set_note(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID, note: str | None
) -> Transaction:
    """Write the user's own note on a transaction; no sync touches it.

    :param note: None or blank takes it away.
    :raises NotFoundError: if the user has no such transaction.
    """
    row = session.scalars(
        sa.update(Transaction)
        .where(Transaction.id == transaction_id, Transaction.user_id == user_id)
        .values(user_note=_text(note))
        .returning(Transaction)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise _missing(transaction_id)
    return row


def create_transaction(
    session: Session,
    user_id: uuid.UUID,
    account_id: uuid.UUID,
    *,
    amount: Decimal,
    booking_date: dt.date,
    at: dt.datetime,
    currency: str | None = None,
    status: TransactionStatus = TransactionStatus.BOOKED,
    kind: TransactionKind = TransactionKind.PAYMENT,
    description: str | None = None,
    counterparty_name: str | None = None,
    note: str | None = None,
) -> Transaction:
    """Write down a transaction of an account that no provider keeps, such as cash.

    :param amount: signed: money in positive, out negative.
    :param at: when the user did it.
    :param currency: ISO 4217; None: the account's.
    :raises NotFoundError: if the user has no such account.
    :raises ProviderOwnedError: if a provider keeps the account.
    :raises OperationError: if the amount is not a number.
    """
    own_currency = _own_account(session, user_id, account_id)
    row_id = uuid.uuid4()
    row = Transaction(
        id=row_id,
        user_id=user_id,
        account_id=account_id,
        source_key=f"{Provider.MANUAL}:{row_id}",
        status=status,
        amount=_number(amount),
        currency=currency or own_currency,
        booking_date=booking_date,
        kind=kind,
        description=_text(description),
        counterparty_name=_text(counterparty_name),
        user_note=_text(note),
        raw_table=_BY_HAND,
        raw_id=row_id,
        first_seen_at=at,
    )
    session.add(row)
    session.flush()
    return row


def update_transaction(
    session: Session,
    user_id: uuid.UUID,
    transaction_id: uuid.UUID,
    *,
    amount: Decimal | Unset = UNSET,
    booking_date: dt.date | Unset = UNSET,
    status: TransactionStatus | Unset = UNSET,
    kind: TransactionKind | Unset = UNSET,
    description: str | Unset | None = UNSET,
    counterparty_name: str | Unset | None = UNSET,
) -> Transaction:
    """Change a transaction that the user wrote down. Its splits follow a new amount.

    :param amount: signed.
    :raises NotFoundError: if the user has no such transaction.
    :raises ProviderOwnedError: if it comes from a provider.
    :raises TransitionError: if the state machine has no way to the status.
    :raises OperationError: if the amount is not a number.
    """
    row = _own_row(session, user_id, transaction_id)
    if status is not UNSET:
        check_transition(TRANSACTION, row.status, status, what="the transaction")
    given = {
        "amount": _number(amount),
        "booking_date": booking_date,
        "status": status,
        "kind": kind,
        "description": _text(description),
        "counterparty_name": _text(counterparty_name),
    }
    for name, value in given.items():
        if value is not UNSET:
            setattr(row, name, value)
    session.flush()
    # The database keeps some of its columns.
    session.refresh(row)
    return row


def delete_transaction(session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID) -> None:
    """Delete a transaction that the user wrote down, with its splits.

    :raises NotFoundError: if the user has no such transaction.
    :raises ProviderOwnedError: if it comes from a provider.
    """
    session.delete(_own_row(session, user_id, transaction_id))
    session.flush()


def list_currency_totals(session: Session, user_id: uuid.UUID) -> Sequence[CurrencyTotals]:
    """Return a user's totals, the currency with the most rows first."""
    amount = Transaction.amount
    booked = Transaction.status == TransactionStatus.BOOKED
    zero = sa.literal(Decimal(0))
    rows = session.execute(
        sa.select(
            Transaction.currency,
            sa.func.count().filter(booked),
            sa.func.count().filter(Transaction.status == TransactionStatus.PENDING),
            sa.func.coalesce(sa.func.sum(amount).filter(booked, amount > 0), zero),
            sa.func.coalesce(sa.func.sum(amount).filter(booked, amount < 0), zero),
            sa.func.min(Transaction.booking_date).filter(booked),
            sa.func.max(Transaction.booking_date).filter(booked),
        )
        .where(Transaction.user_id == user_id)
        .group_by(Transaction.currency)
        .order_by(sa.func.count().desc(), Transaction.currency)
    )
    return [CurrencyTotals(*row) for row in rows]


def _own_account(session: Session, user_id: uuid.UUID, account_id: uuid.UUID) -> str:
    """Return the currency of an account that no provider keeps."""
    is_read = sa.exists().where(
        AccountLink.account_id == Account.id, AccountLink.provider != Provider.MANUAL
    )
    account = session.execute(
        sa.select(Account.currency, is_read.label("is_read")).where(
            Account.id == account_id, Account.user_id == user_id
        )
    ).one_or_none()
    if account is None:
        message = f"there is no account {account_id}"
        raise NotFoundError(message)
    if account.is_read:
        message = f"account {account_id} is read from a provider; nothing is written there by hand"
        raise ProviderOwnedError(message)
    currency: str = account.currency
    return currency


def _own_row(session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID) -> Transaction:
    """Return a transaction that the user wrote down, locked."""
    row = session.scalars(
        sa.select(Transaction)
        .where(Transaction.id == transaction_id, Transaction.user_id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise _missing(transaction_id)
    if row.raw_table != _BY_HAND:
        message = f"transaction {transaction_id} comes from a provider"
        raise ProviderOwnedError(message)
    return row


def _missing(transaction_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"there is no transaction {transaction_id}")


def _text(text: str | Unset | None) -> str | Unset | None:
    """Return a text without blanks around it; a blank one is None."""
    return text.strip() or None if isinstance(text, str) else text


def _number(amount: Decimal | Unset) -> Decimal | Unset:
    if isinstance(amount, Decimal) and not amount.is_finite():
        message = "an amount is a number"
        raise OperationError(message)
    return amount
