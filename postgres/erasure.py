"""Remove a user and everything that is theirs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.auth.models import User
from postgres.common.models import Account, Connection, Job
from postgres.common.operations.accounts import account_label
from postgres.errors import NotFoundError

ANALYSED_SCHEMAS = ("staging", "intermediate", "marts")
"""Where dbt builds."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What other stores may still say of a user who was erased.

    :param run_ids: of the runs that read or wrote for them.
    :param names: what those runs call their connections and accounts, ids included.
    """

    run_ids: Sequence[str]
    names: Sequence[str]


def erase_user(session: Session, user_id: uuid.UUID) -> Traces:
    """Delete a user with every row of theirs: raw, ledger, planning, audit, and in the marts.

    Rows of other users are not touched, not even rewritten. The working tables between the ledger
    and the marts say nothing that the next analysis does not make again; they are emptied.

    :raises NotFoundError: if there is no such user.
    """
    traces = _traces(session, user_id)
    deleted = session.execute(
        sa.delete(User)
        .where(User.id == user_id)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if not deleted.all():
        message = f"there is no user {user_id}"
        raise NotFoundError(message)
    for table in _analysed(session):
        if "user_id" in table.c:
            session.execute(sa.delete(table).where(table.c.user_id == user_id))
        else:
            session.execute(sa.delete(table))
    session.expire_all()
    return traces


def _traces(session: Session, user_id: uuid.UUID) -> Traces:
    run_ids = session.scalars(sa.select(Job.run_id).where(Job.user_id == user_id).distinct())
    connections = session.scalars(sa.select(Connection.id).where(Connection.user_id == user_id))
    accounts = session.scalars(sa.select(Account).where(Account.user_id == user_id)).all()
    names = {
        *(str(connection_id) for connection_id in connections),
        *(str(account.id) for account in accounts),
        *(account_label(account.name, account.account_number) for account in accounts),
        *(account.account_number for account in accounts),
    }
    return Traces(run_ids.all(), sorted(names))


def _analysed(session: Session) -> list[sa.TableClause]:
    """Return the tables that dbt made, with whether their rows say whose they are."""
    rows = session.execute(
        sa.text(
            "select n.nspname, c.relname, exists ("
            "  select from pg_attribute as a"
            "  where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped)"
            " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname = any(:analysed)"
        ),
        {"analysed": list(ANALYSED_SCHEMAS)},
    )
    return [
        sa.table(name, *([sa.column("user_id", sa.Uuid)] if is_owned else []), schema=schema)
        for schema, name, is_owned in rows
    ]
