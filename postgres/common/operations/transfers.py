"""Transfers between a user's own accounts: what is found, and what the user says of it.

A linked pair needed no question, a suggested one is a question, and what the user confirmed or
rejected stays as it is, whatever a sync brings.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import TransactionStatus, TransferStatus
from postgres.common.matching.resolve import resolve, take_turn
from postgres.common.models import Transaction, Transfer, TransferQueue
from postgres.common.states import TRANSFER, check_transition
from postgres.core import WriteCounts
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

COUNTED = (TransferStatus.LINKED, TransferStatus.CONFIRMED)
"""What makes its legs a transfer, and no spending and no income."""


def match_transfers(session: Session, user_id: uuid.UUID) -> WriteCounts:
    """Look for transfers among the transactions of a user that changed since the last time.

    Certain pairs are linked and doubtful ones suggested; a pair whose legs no longer fit is
    dissolved. The user's own decisions are left alone. Only changed transactions and those that
    compete with them are read, and a second call writes nothing.

    :returns: pairs that are new, read differently, and are as they were.
    """
    take_turn(session, user_id)
    queue = sa.delete(TransferQueue).where(TransferQueue.user_id == user_id)
    changed = set(session.scalars(queue.returning(TransferQueue.transaction_id)))
    counts, waiting = resolve(session, user_id, changed)
    if again := waiting & changed:
        rows = [{"user_id": user_id, "transaction_id": leg} for leg in sorted(again)]
        session.execute(sa.insert(TransferQueue), rows)
    return counts


def list_users_to_match(session: Session) -> Sequence[uuid.UUID]:
    """Return the users who have transactions that no matching has looked at."""
    return session.scalars(
        sa.select(TransferQueue.user_id).distinct().order_by(TransferQueue.user_id)
    ).all()


def create_transfer(
    session: Session,
    user_id: uuid.UUID,
    outgoing_id: uuid.UUID,
    incoming_id: uuid.UUID,
    *,
    at: dt.datetime,
) -> Transfer:
    """Link two booked transactions by hand, whatever was found or rejected before.

    :param outgoing_id: the negative one.
    :param incoming_id: the positive one, on another account.
    :param at: when the user decided.
    :raises NotFoundError: if the user has no such transaction.
    :raises OperationError: if the two cannot be the legs of a transfer.
    :raises AlreadyExistsError: if one of them is in a confirmed transfer.
    """
    take_turn(session, user_id)
    _check_legs(_leg(session, user_id, outgoing_id), _leg(session, user_id, incoming_id))
    transfer = session.scalars(
        sa.select(Transfer).where(
            Transfer.user_id == user_id,
            Transfer.outgoing_id == outgoing_id,
            Transfer.incoming_id == incoming_id,
        )
    ).one_or_none()
    if transfer is None:
        transfer = Transfer(
            user_id=user_id,
            outgoing_id=outgoing_id,
            incoming_id=incoming_id,
            confidence=Decimal(1),
            reason="linked by hand",
        )
    elif transfer.status is TransferStatus.CONFIRMED:
        message = "the two transactions are a confirmed transfer"
        raise AlreadyExistsError(message)
    return _decide(session, transfer, TransferStatus.CONFIRMED, at)


def get_transfer(session: Session, user_id: uuid.UUID, transfer_id: uuid.UUID) -> Transfer | None:
    """Return one of a user's transfers."""
    return session.scalars(_one(user_id, transfer_id)).one_or_none()


def get_transfer_of(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID
) -> Transfer | None:
    """Return the transfer that a transaction is a leg of: the linked or confirmed one."""
    return session.scalars(
        sa.select(Transfer).where(
            Transfer.user_id == user_id,
            Transfer.status.in_(COUNTED),
            sa.or_(Transfer.outgoing_id == transaction_id, Transfer.incoming_id == transaction_id),
        )
    ).one_or_none()


def list_transfers(
    session: Session,
    user_id: uuid.UUID,
    *,
    statuses: Sequence[TransferStatus] | None = None,
    account_id: uuid.UUID | None = None,
    transaction_id: uuid.UUID | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Transfer]:
    """Return a user's transfers, the last one first.

    :param statuses: only these.
    :param account_id: from or to this account.
    :param transaction_id: with this leg.
    :param since: the money left on this day or later.
    :param until: the money left on this day or earlier.
    """
    query = sa.select(Transfer).where(Transfer.user_id == user_id)
    if statuses is not None:
        query = query.where(Transfer.status.in_(statuses))
    if account_id is not None:
        of_account = sa.select(Transaction.id).where(Transaction.account_id == account_id)
        query = query.where(
            sa.or_(Transfer.outgoing_id.in_(of_account), Transfer.incoming_id.in_(of_account))
        )
    if transaction_id is not None:
        query = query.where(
            sa.or_(Transfer.outgoing_id == transaction_id, Transfer.incoming_id == transaction_id)
        )
    if since is not None:
        query = query.where(Transfer.sent_on >= since)
    if until is not None:
        query = query.where(Transfer.sent_on <= until)
    order = (Key(Transfer.sent_on, is_descending=True), Key(Transfer.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def confirm_transfer(
    session: Session, user_id: uuid.UUID, transfer_id: uuid.UUID, *, at: dt.datetime
) -> Transfer:
    """Take the user's word that a pair is one transfer; what competed with it is dissolved.

    :param at: when the user decided.
    :raises NotFoundError: if the user has no such transfer.
    :raises AlreadyExistsError: if one of its legs is in another confirmed transfer.
    :raises TransitionError: if it is confirmed already.
    """
    transfer = _take(session, user_id, transfer_id)
    check_transition(TRANSFER, transfer.status, TransferStatus.CONFIRMED, what="the transfer")
    return _decide(session, transfer, TransferStatus.CONFIRMED, at)


def reject_transfer(
    session: Session, user_id: uuid.UUID, transfer_id: uuid.UUID, *, at: dt.datetime
) -> Transfer:
    """Take the user's word that a pair is no transfer: it never comes back, its legs are free.

    :param at: when the user decided.
    :raises NotFoundError: if the user has no such transfer.
    :raises TransitionError: if it is rejected already.
    """
    transfer = _take(session, user_id, transfer_id)
    check_transition(TRANSFER, transfer.status, TransferStatus.REJECTED, what="the transfer")
    return _decide(session, transfer, TransferStatus.REJECTED, at)


def delete_transfer(session: Session, user_id: uuid.UUID, transfer_id: uuid.UUID) -> None:
    """Forget a pair and what the user said of it; its legs are looked at as if they were new.

    :raises NotFoundError: if the user has no such transfer.
    """
    transfer = _take(session, user_id, transfer_id)
    session.delete(transfer)
    session.flush()
    resolve(session, user_id, {transfer.outgoing_id, transfer.incoming_id})


def _take(session: Session, user_id: uuid.UUID, transfer_id: uuid.UUID) -> Transfer:
    """Return a transfer as it stands once it is our turn to change it."""
    take_turn(session, user_id)
    transfer = session.scalars(
        _one(user_id, transfer_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if transfer is None:
        message = f"there is no transfer {transfer_id}"
        raise NotFoundError(message)
    return transfer


def _one(user_id: uuid.UUID, transfer_id: uuid.UUID) -> sa.Select[tuple[Transfer]]:
    return sa.select(Transfer).where(Transfer.id == transfer_id, Transfer.user_id == user_id)


def _leg(session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID) -> Transaction:
    """Return a transaction that cannot be deleted until we are done."""
    leg = session.scalars(
        sa.select(Transaction)
        .where(Transaction.id == transaction_id, Transaction.user_id == user_id)
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if leg is None:
        message = f"there is no transaction {transaction_id}"
        raise NotFoundError(message)
    return leg


def _check_legs(outgoing: Transaction, incoming: Transaction) -> None:
    if not outgoing.amount < 0 < incoming.amount:
        message = "a transfer goes from a negative amount to a positive one"
    elif outgoing.account_id == incoming.account_id:
        message = "a transfer goes from one account to another"
    elif {outgoing.status, incoming.status} != {TransactionStatus.BOOKED}:
        message = "only booked transactions are linked"
    else:
        return
    raise OperationError(message)


def _decide(
    session: Session, transfer: Transfer, status: TransferStatus, at: dt.datetime
) -> Transfer:
    """Write a decision down, then look again at what it leaves of the legs and their competitors.

    :raises AlreadyExistsError: if it would be the second confirmed one of a leg.
    """
    legs = {transfer.outgoing_id, transfer.incoming_id}
    if status is TransferStatus.CONFIRMED:
        for rival in _rivals(session, transfer):
            if rival.status is TransferStatus.CONFIRMED:
                message = "one of the transactions is in another confirmed transfer"
                raise AlreadyExistsError(message)
            legs |= {rival.outgoing_id, rival.incoming_id}
            session.delete(rival)
        session.flush()
    transfer.status, transfer.decided_at = status, at
    session.add(transfer)
    session.flush()
    resolve(session, transfer.user_id, legs)
    session.refresh(transfer)
    return transfer


def _rivals(session: Session, transfer: Transfer) -> Sequence[Transfer]:
    """Return the others that share a leg with a transfer, but for what the user rejected."""
    legs = [transfer.outgoing_id, transfer.incoming_id]
    return session.scalars(
        sa.select(Transfer)
        .where(
            Transfer.user_id == transfer.user_id,
            Transfer.status != TransferStatus.REJECTED,
            Transfer.id.is_distinct_from(transfer.id),
            sa.or_(Transfer.outgoing_id.in_(legs), Transfer.incoming_id.in_(legs)),
        )
        .execution_options(populate_existing=True)
    ).all()
