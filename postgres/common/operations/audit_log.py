"""What was changed, and the way back.

The log is written by triggers in the transaction of the change, so it has all that was committed
and nothing else. Name what acts with :func:`postgres.sessions.name_actor`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.common.models import AuditEntry
from postgres.core import Base
from postgres.errors import ChangedSinceError, NotFoundError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.sessions import name_actor

# Moves with every change, and so tells nothing of one.
_MOVING = {"updated_at"}


def get_entry(session: Session, user_id: uuid.UUID, entry_id: int) -> AuditEntry | None:
    """Return one change of a user's rows."""
    return session.scalars(
        sa.select(AuditEntry).where(AuditEntry.id == entry_id, AuditEntry.user_id == user_id)
    ).one_or_none()


def list_entries(
    session: Session,
    user_id: uuid.UUID,
    *,
    table_name: str | None = None,
    row_key: dict[str, Any] | None = None,
    change_set: int | None = None,
    since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[AuditEntry]:
    """Return a page of the changes of a user's rows, the newest first.

    :param table_name: ``schema.table``.
    :param row_key: primary key of one row, by column: ``{"id": "..."}``.
    :param change_set: what was changed together in one transaction.
    :param since: by the database's clock.
    """
    query = sa.select(AuditEntry).where(AuditEntry.user_id == user_id)
    if table_name is not None:
        query = query.where(AuditEntry.table_name == table_name)
    if row_key is not None:
        query = query.where(AuditEntry.row_key == row_key)
    if change_set is not None:
        query = query.where(AuditEntry.change_set == change_set)
    if since is not None:
        query = query.where(AuditEntry.occurred_at >= since)
    return fetch_page(
        session, query, order=[Key(AuditEntry.id, is_descending=True)], after=after, limit=limit
    )


def undo(session: Session, user_id: uuid.UUID, entry_id: int) -> None:
    """Bring a row back to what it was before one change, which is a change of its own in the log.

    A decision that a state machine has no way back from, such as a dismissal, is taken back too.

    :raises NotFoundError: if no row of the user was changed by that entry.
    :raises ChangedSinceError: if the row was changed again since, or does not fit what is there
        now: undo the later change first, or by :func:`undo_change_set` what was changed with it.
    """
    entry = get_entry(session, user_id, entry_id)
    if entry is None:
        message = f"there is no change {entry_id}"
        raise NotFoundError(message)
    _restore(session, [entry])


def undo_change_set(session: Session, user_id: uuid.UUID, change_set: int) -> int:
    """Take back all that one transaction changed of a user's rows, or nothing.

    :returns: how many rows are as they were.
    :raises NotFoundError: if it changed none.
    :raises ChangedSinceError: if one of them was changed again since, or does not fit what is there
        now.
    """
    entries = session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.user_id == user_id, AuditEntry.change_set == change_set)
        .order_by(AuditEntry.id)
    ).all()
    if not entries:
        message = f"there is no change set {change_set}"
        raise NotFoundError(message)
    return _restore(session, entries)


@dataclass(frozen=True, slots=True)
class _Change:
    """What some changes of one row come to.

    :param entry: the first of them, which has what was there before.
    :param after: what was there after the last.
    """

    entry: AuditEntry
    table: sa.Table
    after: dict[str, Any] | None

    @property
    def before(self) -> dict[str, Any] | None:
        return self.entry.before


def _restore(session: Session, entries: Sequence[AuditEntry]) -> int:
    """:param entries: in the order in which they were written."""
    changes = _net(entries)
    actor = session.scalar(sa.text("select current_setting('farthing.actor', true)"))
    try:
        with session.begin_nested():
            _write_back(session, changes)
            # What is checked at the end of the transaction is refused here, in words.
            session.execute(sa.text("set constraints all immediate"))
    except sa.exc.IntegrityError as error:
        tables = ", ".join(sorted({change.table.fullname for change in changes}))
        message = f"what was in {tables} does not fit what is there now"
        raise ChangedSinceError(message) from error
    session.execute(sa.text("set constraints all deferred"))
    name_actor(session, actor or "")
    session.execute(sa.text("select set_config('farthing.undoes', '', true)"))
    session.expire_all()  # rows that the session holds were changed below it
    return len(changes)


def _write_back(session: Session, changes: Sequence[_Change]) -> None:
    for change in changes:
        _check_unchanged(session, change)
    # What others refer to comes back first and goes last.
    for change in changes:
        if change.after is None and change.before is not None:
            _insert_again(session, change)
    for change in changes:
        if change.after is not None and change.before is not None:
            _change_back(session, change)
    for change in reversed(changes):
        if change.before is None and change.after is not None:
            _as_undoing(session, change)
            session.execute(sa.delete(change.table).where(_is_row(change)))


def _net(entries: Sequence[AuditEntry]) -> list[_Change]:
    net: dict[tuple[str, frozenset[tuple[str, Any]]], _Change] = {}
    for entry in entries:
        row = (entry.table_name, frozenset(entry.row_key.items()))
        first = net[row].entry if row in net else entry
        net[row] = _Change(first, Base.metadata.tables[entry.table_name], entry.after)
    place = {table: number for number, table in enumerate(Base.metadata.sorted_tables)}
    return sorted(net.values(), key=lambda change: place[change.table])


def _as_undoing(session: Session, change: _Change) -> None:
    name_actor(session, f"undo:{change.entry.id}")
    session.execute(
        sa.text("select set_config('farthing.undoes', :entry, true)"),
        {"entry": str(change.entry.id)},
    )


def _insert_again(session: Session, change: _Change) -> None:
    _as_undoing(session, change)
    values = change.before or {}
    names = [name for name in _written(change.table) if name in values]
    former = _record(change.table, names, values)
    session.execute(change.table.insert().from_select(names, sa.select(*former.c)))


def _change_back(session: Session, change: _Change) -> None:
    _as_undoing(session, change)
    values = change.before or {}
    fixed = _MOVING | set(change.entry.row_key)
    names = [name for name in _written(change.table) if name in values and name not in fixed]
    former = _record(change.table, names, values)
    session.execute(
        sa.update(change.table)
        .where(_is_row(change))
        .values({name: sa.select(former.c[name]).scalar_subquery() for name in names})
    )


def _written(table: sa.Table) -> list[str]:
    return [column.name for column in table.columns if column.computed is None]


def _check_unchanged(session: Session, change: _Change) -> None:
    found: dict[str, Any] | None = session.scalar(
        sa.select(sa.func.to_jsonb(change.table.table_valued(), type_=pg.JSONB))
        .select_from(change.table)
        .where(_is_row(change))
        .with_for_update(of=change.table)
    )
    if (found is None) == (change.after is None):
        current, expected = found or {}, change.after or {}
        if all(current.get(name) == expected[name] for name in expected.keys() - _MOVING):
            return
    entry = change.entry
    message = f"the row of {entry.table_name} was changed again since change {entry.id}"
    raise ChangedSinceError(message)


def _is_row(change: _Change) -> sa.ColumnElement[bool]:
    table, row_key = change.table, change.entry.row_key
    key = _record(table, list(row_key), row_key)
    same = [table.c[name] == sa.select(key.c[name]).scalar_subquery() for name in row_key]
    return sa.and_(table.c.user_id == change.entry.user_id, *same)


def _record(table: sa.Table, names: list[str], values: dict[str, Any]) -> sa.TableValuedAlias:
    """Return one row with the values as the table's types read them."""
    columns = [sa.column(name, table.c[name].type) for name in names]
    return (
        sa.func.jsonb_to_record(sa.literal(values, pg.JSONB))
        .table_valued(*columns, name="former")
        .render_derived(with_types=True)
    )
