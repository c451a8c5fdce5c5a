"""Decide which raw rows are versions of which transaction; see :mod:`postgres.identity`.

All that is decided is kept on the raw rows, so the ledger can be made from them again.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.core import any_of
from postgres.gocardless.models import LAST_DAY, Answer, BankAccount, Transaction
from postgres.identity import history
from postgres.identity.history import Resolution
from postgres.identity.threads import Answer as Asked
from postgres.identity.threads import Delivered, Span
from postgres.identity.versions import Version, plain

PROVIDER = "gocardless"
CONTEXT = dt.timedelta(days=45)
"""How far from a new row the rows lie that it could be a version of, or that say what is usual."""

# What banks write where they have no id.
_PLACEHOLDER = re.compile(
    r"not ?provided|not ?available|non ?ref|none|null|n/?a|unknown|0+|9+|-+", re.I
)


@dataclass(frozen=True, slots=True)
class Identified:
    """What was decided of an account's rows.

    :param names: transactions whose versions changed, and such as have none any more.
    :param merged: of those, the ones that turned out to be others, by name.
    """

    names: Collection[uuid.UUID]
    merged: dict[uuid.UUID, uuid.UUID]


def feeds_of(
    session: Session, user_id: uuid.UUID, account_id: uuid.UUID
) -> dict[BankAccount, dt.datetime | None]:
    """Return the raw accounts that a ledger account is or was read through, locked.

    :returns: with each, when a row of it last changed.
    """
    newest = (
        sa.select(sa.func.max(Transaction.changed_at))
        .where(Transaction.bank_account_id == BankAccount.id)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(BankAccount, newest)
        .where(BankAccount.user_id == user_id, BankAccount.account_id == account_id)
        .order_by(BankAccount.id)
        .with_for_update(key_share=True, of=BankAccount)
        .execution_options(populate_existing=True)
    )
    return dict(rows.tuples().all())


def forget_progress(feed: BankAccount) -> None:
    """Let all rows of a raw account be decided on and brought into the ledger anew."""
    feed.identified_through = 0
    feed.projected_through = None


def identify(session: Session, feeds: Sequence[BankAccount]) -> Identified:
    """Decide on the rows of one ledger account that answers brought since the last time.

    :param feeds: the raw accounts that it is or was read through, locked. One whose
        ``identified_through`` is 0 has all its rows decided on anew.
    """
    since = {feed.id: feed.identified_through for feed in feeds}
    is_anew = not any(since.values())
    rows = _all(session, feeds) if is_anew else _changed(session, feeds)
    if not rows:
        return Identified((), {})
    changed = {row.id for row in rows}
    if not is_anew:
        rows = _with_context(session, feeds, rows)
    answers = {
        answer.id: Asked(answer.first_day, answer.last_day, answer.seen_at.date())
        for answer in session.scalars(
            sa.select(Answer).where(Answer.bank_account_id.in_(list(since)))
        )
    }
    resolution = history.resolve(map(_delivered, rows), answers, since=since)
    names = {row.id: _name(row, resolution) for row in rows}
    _keep(session, rows, names, resolution)
    for feed in feeds:
        feed.identified_through = max(_last_answer(feed.id, rows), feed.identified_through)
    session.flush()
    living = set(names.values())
    merged = {
        row.ledger_id: name
        for row in rows
        if (name := names[row.id]) and row.ledger_id and row.ledger_id not in living
    }
    touched = {names[row_id] for row_id in {*resolution.verdicts, *changed}} | {
        row.ledger_id for row in rows if row.ledger_id != names[row.id]
    }
    return Identified({name for name in touched if name is not None}, merged)


def _name(row: sa.Row[Any], resolution: Resolution) -> uuid.UUID | None:
    verdict = resolution.verdicts.get(row.id)
    name: uuid.UUID | None = verdict.name if verdict else row.ledger_id
    return name


def _last_answer(feed_id: uuid.UUID, rows: Iterable[sa.Row[Any]]) -> int:
    return max(
        (
            number
            for row in rows
            if row.bank_account_id == feed_id
            for span in row.shown
            for number in (span.lower, span.upper)
            if number is not None
        ),
        default=0,
    )


_COLUMNS = (
    Transaction.id,
    Transaction.bank_account_id,
    Transaction.is_pending,
    Transaction.shown,
    Transaction.ledger_id,
    Transaction.internal_transaction_id,
    Transaction.transaction_id,
    Transaction.entry_reference,
    Transaction.amount,
    Transaction.currency,
    Transaction.booking_date,
    Transaction.value_date,
    Transaction.booked_at,
    Transaction.description,
    Transaction.counterparty_name,
    Transaction.first_seen_at,
    Transaction.identified_by,
    Transaction.doubt,
)


def _of(feeds: Sequence[BankAccount]) -> sa.ColumnElement[bool]:
    return sa.and_(
        Transaction.bank_account_id.in_([feed.id for feed in feeds]), Transaction.refusal.is_(None)
    )


def _all(session: Session, feeds: Sequence[BankAccount]) -> list[sa.Row[Any]]:
    return list(session.execute(sa.select(*_COLUMNS).where(_of(feeds))))


def _changed(session: Session, feeds: Sequence[BankAccount]) -> list[sa.Row[Any]]:
    is_changed = [
        sa.and_(
            Transaction.bank_account_id == feed.id,
            sa.true()
            if feed.projected_through is None
            else Transaction.changed_at > feed.projected_through,
        )
        for feed in feeds
    ]
    return list(session.execute(sa.select(*_COLUMNS).where(_of(feeds), sa.or_(*is_changed))))


def _with_context(
    session: Session, feeds: Sequence[BankAccount], rows: Sequence[sa.Row[Any]]
) -> list[sa.Row[Any]]:
    """Add what the rows could be versions of, whole transactions each."""
    days = [
        day
        for row in rows
        for day in (row.booking_date, row.value_date, row.first_seen_at.date())
        if day
    ]
    ids = {row.internal_transaction_id for row in rows} - {None}
    first, last = min(days) - CONTEXT, max(days) + CONTEXT
    first_day = sa.func.least(Transaction.booking_date, Transaction.value_date)
    # Apart, since each has its index: what an answer costs goes with its days, not with the years.
    found = session.execute(
        sa.union(
            *(
                sa.select(Transaction.id, Transaction.ledger_id).where(_of(feeds), is_near)
                for is_near in (
                    sa.and_(first <= LAST_DAY, first_day <= last),
                    sa.and_(
                        LAST_DAY.is_(None),
                        sa.cast(Transaction.first_seen_at, sa.Date).between(first, last),
                    ),
                    Transaction.internal_transaction_id
                    == sa.any_(sa.literal(list(ids), pg.ARRAY(sa.Text()))),
                    Transaction.id == any_of([row.id for row in rows]),
                )
            )
        )
    ).all()
    names = {row.ledger_id for row in found} - {None}
    whole = sa.select(*_COLUMNS).where(
        _of(feeds),
        sa.or_(
            Transaction.id == any_of({row.id for row in found}),
            Transaction.ledger_id == any_of(names),
        ),
    )
    return list(session.execute(whole))


def _delivered(row: sa.Row[Any]) -> Delivered:
    usual = {_credible(row.transaction_id), _credible(row.entry_reference)}
    internal = _credible(row.internal_transaction_id)
    if row.is_pending:
        usual.add(internal)
    return Delivered(
        Version(
            row.id,
            row.amount,
            row.currency,
            row.booking_date,
            row.value_date,
            row.booked_at,
            plain(row.counterparty_name, row.description),
            trusted_id=None if row.is_pending else internal,
            other_ids=frozenset(each for each in usual if each),
        ),
        row.is_pending,
        row.bank_account_id,
        tuple(Span(span.lower, span.upper) for span in row.shown),
        row.first_seen_at.date(),
        row.ledger_id,
    )


def _credible(provider_id: str | None) -> str | None:
    return None if provider_id is None or _PLACEHOLDER.fullmatch(provider_id) else provider_id


def _keep(
    session: Session,
    rows: Sequence[sa.Row[Any]],
    names: Mapping[uuid.UUID, uuid.UUID | None],
    resolution: Resolution,
) -> None:
    """Write what was decided differently from before."""
    booked = {names[row.id] for row in rows if not row.is_pending}
    values = []
    for row in rows:
        verdict, name = resolution.verdicts.get(row.id), names[row.id]
        basis = verdict.basis if verdict and name else row.identified_by if name else None
        doubt = verdict.conflict if verdict else row.doubt
        if row.is_pending and name in resolution.doubts:
            doubt = "it may have become one of several booked rows"
        elif row.is_pending and name in booked:
            doubt = None
        if (name, basis, doubt) != (row.ledger_id, row.identified_by, row.doubt):
            values.append((row.id, name, basis, doubt))
    if not values:
        return
    decided = (
        sa.func.unnest(
            sa.literal([each[0] for each in values], pg.ARRAY(sa.Uuid())),
            sa.literal([each[1] for each in values], pg.ARRAY(sa.Uuid())),
            sa.literal([each[2] for each in values], pg.ARRAY(sa.Text())),
            sa.literal([each[3] for each in values], pg.ARRAY(sa.Text())),
        )
        .table_valued("id", "ledger_id", "identified_by", "doubt")
        .render_derived()
    )
    session.execute(
        sa.update(Transaction)
        .where(Transaction.id == decided.c.id)
        .values(
            ledger_id=decided.c.ledger_id,
            identified_by=decided.c.identified_by,
            doubt=decided.c.doubt,
        )
        .execution_options(synchronize_session=False)
    )
