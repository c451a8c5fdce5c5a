"""Bring the transfers of some transactions up to date, and of all that compete with them.

What comes out depends on the ledger and on the user's decisions alone: not on what arrived first,
nor on how often it is done.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import AccountCategory, AccountType, TransactionKind, TransferStatus
from postgres.common.matching.assignment import Decision, assign
from postgres.common.matching.evidence import SUGGEST, Weighed, weigh
from postgres.common.matching.legs import (
    Account,
    Leg,
    Pair,
    labels,
    names,
    normalise_number,
    words,
)
from postgres.common.models import Account as LedgerAccount
from postgres.common.models import Institution, Transaction, Transfer
from postgres.core import WriteCounts, read_sql, upsert

_PAIRS = sa.text(read_sql(__file__, "pairs.sql")).columns(
    outgoing_id=sa.Uuid,
    incoming_id=sa.Uuid,
    lag=sa.Integer,
    is_exchange=sa.Boolean,
    kept=sa.Numeric,
)
_LEGS = sa.text(read_sql(__file__, "legs.sql"))

OPEN = (TransferStatus.SUGGESTED, TransferStatus.LINKED)
"""What a run may move."""


@dataclass(slots=True)
class _Scope:
    """What was found around some transactions.

    :param legs: all that were looked at: nothing outside competes with any of them.
    :param waiting: legs that may be part of an exchange whose rate is not known yet.
    """

    weighed: dict[tuple[uuid.UUID, uuid.UUID], Weighed] = field(default_factory=dict)
    legs: set[uuid.UUID] = field(default_factory=set)
    waiting: set[uuid.UUID] = field(default_factory=set)


def resolve(
    session: Session, user_id: uuid.UUID, transaction_ids: Iterable[uuid.UUID]
) -> tuple[WriteCounts, set[uuid.UUID]]:
    """Link, ask and dissolve what the transactions call for.

    The caller holds the user's turn, see :func:`take_turn`.

    :returns: what was written, and the legs that wait for a rate.
    """
    scope = _explore(session, user_id, set(transaction_ids))
    decisions = assign(scope.weighed.values())
    return _write(session, user_id, scope.legs, decisions), scope.waiting


def take_turn(session: Session, user_id: uuid.UUID) -> None:
    """Wait until nobody else changes the user's transfers; it lasts until the transaction ends."""
    session.execute(
        sa.select(
            sa.func.pg_advisory_xact_lock(
                sa.func.hashtextextended(f"common.transfers:{user_id}", 0)
            )
        )
    )


def _explore(session: Session, user_id: uuid.UUID, frontier: set[uuid.UUID]) -> _Scope:
    """Go from leg to leg over the pairs that compete, until no new one is found."""
    accounts = _accounts(session, user_id)
    scope = _Scope()
    while frontier:
        scope.legs |= frontier
        pairs = _pairs(session, user_id, frontier, scope)
        found = [w for pair in pairs if (w := weigh(pair, accounts)) and w.points >= SUGGEST]
        scope.weighed |= {(w.pair.outgoing.id, w.pair.incoming.id): w for w in found}
        reached = {leg.id for w in found for leg in (w.pair.outgoing, w.pair.incoming)}
        frontier = (reached | _partners(session, user_id, frontier)) - scope.legs
    return scope


def _accounts(session: Session, user_id: uuid.UUID) -> dict[uuid.UUID, Account]:
    rows = session.execute(
        sa.select(LedgerAccount, Institution.name)
        .join(Institution, Institution.id == LedgerAccount.institution_id)
        .where(LedgerAccount.user_id == user_id)
    )
    return {
        account.id: Account(
            account.id,
            frozenset(filter(None, map(normalise_number, _numbers(account)))),
            labels([institution, account.name, account.display_name]),
            account.category is AccountCategory.CREDIT_CARD,
        )
        for account, institution in rows
    }


def _numbers(account: LedgerAccount) -> list[str | None]:
    # A broker's own number is in nobody's payment: that is made to the broker's bank.
    is_bank = account.account_type is AccountType.BANK
    return [account.iban, account.account_number if is_bank else None]


def _pairs(
    session: Session, user_id: uuid.UUID, frontier: set[uuid.UUID], scope: _Scope
) -> list[Pair]:
    rows = session.execute(_PAIRS, {"user_id": user_id, "legs": list(frontier)}).all()
    scope.waiting |= {leg for row in rows if row.kept is None for leg in row[:2]}
    measured = [row for row in rows if row.kept is not None]
    legs = _legs(session, {leg for row in measured for leg in row[:2]})
    return [
        Pair(legs[row.outgoing_id], legs[row.incoming_id], row.lag, row.kept, row.is_exchange)
        for row in measured
    ]


def _legs(session: Session, ids: set[uuid.UUID]) -> dict[uuid.UUID, Leg]:
    return {
        row.id: Leg(
            id=row.id,
            account_id=row.account_id,
            day=row.booking_date,
            kind=TransactionKind(row.kind),
            number=normalise_number(row.counterparty_account),
            party=names(row.counterparty_name or row.description),
            has_name=row.counterparty_name is not None,
            text=words(row.counterparty_name, row.description),
            is_of_stranger=row.is_of_stranger
            and bool(names(row.counterparty_name or row.description)),
        )
        for row in session.execute(_LEGS, {"legs": list(ids)})
    }


def _partners(session: Session, user_id: uuid.UUID, legs: set[uuid.UUID]) -> set[uuid.UUID]:
    """Return the other legs of what was linked or asked before."""
    return {leg for row in _stored(session, user_id, legs) for leg in (row[1], row[2])}


def _stored(
    session: Session, user_id: uuid.UUID, legs: set[uuid.UUID]
) -> Sequence[sa.Row[tuple[uuid.UUID, uuid.UUID, uuid.UUID]]]:
    either = sa.func.any(sa.bindparam("legs", list(legs), sa.ARRAY(sa.Uuid)))
    return session.execute(
        sa.select(Transfer.id, Transfer.outgoing_id, Transfer.incoming_id).where(
            Transfer.user_id == user_id,
            Transfer.status.in_(OPEN),
            sa.or_(Transfer.outgoing_id == either, Transfer.incoming_id == either),
        )
    ).all()


def _write(
    session: Session, user_id: uuid.UUID, legs: set[uuid.UUID], decisions: Sequence[Decision]
) -> WriteCounts:
    """Make the open transfers of some legs those that were decided."""
    there = _keep(session, {leg for d in decisions for leg in (d.outgoing_id, d.incoming_id)})
    wanted = {
        (d.outgoing_id, d.incoming_id): d
        for d in decisions
        if there.issuperset((d.outgoing_id, d.incoming_id))
    }
    gone = [row[0] for row in _stored(session, user_id, legs) if (row[1], row[2]) not in wanted]
    if gone:
        session.execute(
            sa.delete(Transfer)
            .where(Transfer.id == sa.func.any(sa.bindparam("gone", gone, sa.ARRAY(sa.Uuid))))
            .execution_options(synchronize_session=False)
        )
    counts = WriteCounts()
    # A leg that is linked no more has to be free before another link takes it.
    for status in OPEN:
        rows = [
            {
                "user_id": user_id,
                "outgoing_id": decision.outgoing_id,
                "incoming_id": decision.incoming_id,
                "status": status,
                "confidence": decision.confidence,
                "reason": decision.reason,
            }
            for decision in wanted.values()
            if decision.status is status
        ]
        counts += upsert(session, Transfer, rows, key=("outgoing_id", "incoming_id"))
    if gone or counts.written:
        _forget_loaded(session)
    return counts


def _keep(session: Session, legs: set[uuid.UUID]) -> set[uuid.UUID]:
    """Return the legs that are still there, and let nobody delete them meanwhile."""
    return set(
        session.scalars(
            sa.select(Transaction.id)
            .where(
                Transaction.id == sa.func.any(sa.bindparam("legs", list(legs), sa.ARRAY(sa.Uuid)))
            )
            .order_by(Transaction.id)
            .with_for_update(read=True, key_share=True)
        )
    )


def _forget_loaded(session: Session) -> None:
    """Make the session read again what was written past it."""
    for row in list(session.identity_map.values()):
        if isinstance(row, Transfer):
            session.expire(row)
