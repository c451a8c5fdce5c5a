"""Rows of transactions answers, landed whole; they go with their consent."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, any_of, copy_to_temporary, table_of, upsert
from postgres.gocardless.models import LAST_DAY, Answer, Transaction
from postgres.identity.versions import NEAR_DAYS
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw, on_days

_BATCH = 1000
_KEYS = pg.ARRAY(sa.Text())
_MARGIN = dt.timedelta(days=NEAR_DAYS)


def land(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    stamp: Stamp,
    *,
    first_day: dt.date,
    last_day: dt.date | None,
) -> WriteCounts:
    """Store what an answer changed: rows that are new, are back, or are not shown any more.

    An answer that says the same as those before it writes nothing.

    :param rows: payload and the columns read from it, with ``is_pending`` and ``identity_key``;
        no key twice.
    :param last_day: None: the answer reaches to today, and its pending rows are all there are.
    """
    keys = {(bool(f["is_pending"]), str(f["identity_key"])): (p, f) for p, f in rows}
    days = [f["booking_date"] for _, f in rows if not f["is_pending"] and f["booking_date"]]
    # What lies before the first row may be there and not told: banks cut off at some day.
    first_told = max(first_day, min(days) - _MARGIN) if days else None
    is_of_account = sa.and_(
        Transaction.user_id == user_id, Transaction.bank_account_id == bank_account_id
    )
    stored = _stored(
        session, is_of_account, [key for _, key in keys], _is_expected(first_told, last_day)
    )
    new = [pair for key, pair in keys.items() if key not in stored]
    back = [row.id for key, row in stored.items() if key in keys and not row.is_shown]
    # A booked row that had no day waits for a person; now the bank gives it one.
    dated = {
        _named(f["internal_transaction_id"], f["transaction_id"], f["amount"])
        for _, f in rows
        if f["booking_date"]
    } - {None}
    gone = [
        row.id
        for key, row in stored.items()
        if key not in keys
        and row.is_shown
        and (row.is_pending or row.has_day or _name(row) in dated)
    ]
    unchanged = len(keys) - len(new) - len(back)
    if not (new or back or gone):
        return WriteCounts(unchanged=unchanged)
    answer = Answer(
        user_id=user_id,
        bank_account_id=bank_account_id,
        first_day=first_day,
        last_day=last_day,
        seen_at=stamp.seen_at,
        run_id=stamp.run_id,
    )
    session.add(answer)
    session.flush()
    from_now_on = [Range(answer.id, None)]
    owner = {"user_id": user_id, "bank_account_id": bank_account_id, "shown": from_now_on}
    counts = upsert(
        session,
        Transaction,
        [{**owner, **facts, **stamp.on(payload)} for payload, facts in new],
        key=("bank_account_id", "is_pending", "identity_key"),
        compare=("content_hash",),
        insert_only=(*FIRST_SEEN, "shown"),
    )
    _move(session, back, Transaction.shown.op("+")(_multirange(from_now_on)), None, stamp)
    until_now = [Range(None, answer.id)]
    until = Transaction.shown.op("*")(_multirange(until_now))
    _move(session, gone, until, stamp.seen_at, stamp)
    return counts + WriteCounts(updated=len(back) + len(gone), unchanged=unchanged)


def _stored(
    session: Session,
    is_of_account: sa.ColumnElement[bool],
    keys: Collection[str],
    is_expected: sa.ColumnElement[bool],
) -> dict[tuple[bool, str], sa.Row[Any]]:
    """Return the rows of some keys, those shown and expected to be, and those shown without a day.

    Of the last there is no telling which answers would show them.
    """
    is_shown = sa.func.upper_inf(Transaction.shown)
    columns = (
        Transaction.id,
        Transaction.is_pending,
        Transaction.identity_key,
        Transaction.internal_transaction_id,
        Transaction.transaction_id,
        Transaction.amount,
        is_shown.label("is_shown"),
        LAST_DAY.is_not(None).label("has_day"),
    )
    # Apart, since each has its index: what an answer costs goes with its days, not with the years.
    known = sa.select(*columns).where(
        is_of_account,
        Transaction.is_pending.in_((True, False)),
        Transaction.identity_key == sa.any_(sa.literal(list(keys), _KEYS)),
    )
    expected = sa.select(*columns).where(is_of_account, is_shown, is_expected)
    undated = sa.select(*columns).where(
        is_of_account, is_shown, ~Transaction.is_pending, LAST_DAY.is_(None)
    )
    rows = session.execute(sa.union(known, expected, undated))
    return {(row.is_pending, row.identity_key): row for row in rows}


def _is_expected(first_told: dt.date | None, last_day: dt.date | None) -> sa.ColumnElement[bool]:
    """Tell whether an answer would show a row if the bank still had it.

    A bank shows what it has under either of its days [GoCardless help 11529689817628].
    """
    is_now = sa.true() if last_day is None else sa.false()
    if first_told is None:
        return sa.and_(Transaction.is_pending, is_now)
    until = dt.date.max if last_day is None else last_day
    is_told = sa.and_(
        ~Transaction.is_pending,
        first_told <= LAST_DAY,
        sa.or_(
            Transaction.booking_date.between(first_told, until),
            Transaction.value_date.between(first_told, until),
        ),
    )
    return sa.or_(sa.and_(Transaction.is_pending, is_now), is_told)


def _name(row: sa.Row[Any]) -> object:
    return _named(row.internal_transaction_id, row.transaction_id, row.amount)


def _named(internal_id: str | None, bank_id: str | None, amount: Any) -> object:
    """Return what tells a row from others where its content has changed; None if nothing does."""
    return internal_id or (bank_id and amount is not None and (bank_id, amount)) or None


def _move(
    session: Session,
    row_ids: Collection[uuid.UUID],
    shown: sa.ColumnElement[Any],
    withdrawn_at: dt.datetime | None,
    stamp: Stamp,
) -> None:
    if row_ids:
        session.execute(
            sa.update(Transaction)
            .where(Transaction.id == any_of(row_ids))
            .values(
                shown=shown,
                withdrawn_at=withdrawn_at,
                changed_at=stamp.changed_at,
                changed_run_id=stamp.run_id,
            )
            .execution_options(synchronize_session=False)
        )


def _multirange(ranges: list[Range[int]]) -> sa.ColumnElement[Any]:
    return sa.literal(ranges, pg.INT8MULTIRANGE())


def iterate_rows(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    columns: Sequence[sa.orm.InstrumentedAttribute[Any]],
) -> Iterator[sa.Row[Any]]:
    """Yield some columns of the rows of a raw account, without holding all of them in memory."""
    query = sa.select(*columns).where(
        Transaction.user_id == user_id, Transaction.bank_account_id == bank_account_id
    )
    yield from session.execute(query, execution_options={"yield_per": _BATCH})


def rewrite_facts(session: Session, user_id: uuid.UUID, facts: Sequence[Mapping[str, Any]]) -> None:
    """Replace what was read from some payloads. One that is refused now is no version any more.

    :param facts: ``id`` and the columns that are read from a payload, all of them.
    """
    if not facts:
        return
    table = table_of(Transaction)
    staging = copy_to_temporary(session, table, facts)
    session.execute(
        sa.update(table)
        .where(table.c.id == staging.c.id, table.c.user_id == user_id)
        .values(
            {name: staging.c[name] for name in facts[0] if name != "id"}
            | {"ledger_id": sa.case((staging.c.refusal.is_(None), table.c.ledger_id))}
        )
    )
    staging.drop(session.connection())


def get_transaction(
    session: Session, user_id: uuid.UUID, transaction_id: uuid.UUID
) -> Transaction | None:
    """Return one of a user's rows."""
    return get_row(session, user_id, Transaction, transaction_id)


def list_transactions(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID | None = None,
    is_pending: bool | None = None,
    is_refused: bool | None = None,
    is_shown: bool | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Transaction]:
    """Return a page of a user's rows, those that changed last first.

    :param is_pending: which list of the answer they stood in.
    :param is_refused: whether they cannot be placed in the ledger.
    :param is_shown: whether the last answer that covers them has them.
    :param since: the first booking date; a row without one is on no day.
    :param until: the last one, included.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    where = on_days(Transaction.booking_date, since, until)
    if is_refused is not None:
        where.append(Transaction.refusal.is_not(None) == is_refused)
    if is_shown is not None:
        where.append(sa.func.upper_inf(Transaction.shown) == is_shown)
    matching = {Transaction.bank_account_id: bank_account_id, Transaction.is_pending: is_pending}
    return list_raw(
        session,
        user_id,
        Transaction,
        matching=matching,
        where=where,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )
