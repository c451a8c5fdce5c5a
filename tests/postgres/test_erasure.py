"""A user who is erased is gone from every table, and nobody else's row is so much as rewritten."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Job
from postgres.core import SCHEMAS
from postgres.erasure import erase_user
from postgres.errors import NotFoundError
from tests.postgres.household import make_household

TABLES = """
    select format('%I.%I', schemaname, tablename) from pg_tables
    where schemaname = any(:schemas) order by 1
"""


def versions(session: Session, table: str) -> set[str]:
    """Every row to the byte, with the version that PostgreSQL gives it."""
    rows = sa.text(f"select t.xmin || ' ' || t.ctid || t::text from {table} t")  # noqa: S608
    return set(session.scalars(rows))


def test_everything_of_one_and_nothing_of_others(session: Session) -> None:
    bob = make_household(session)
    tables = list(session.scalars(sa.text(TABLES), {"schemas": list(SCHEMAS)}))
    before = {table: versions(session, table) for table in tables}
    ann = make_household(session)

    erase_user(session, ann.user_id)
    session.commit()

    for table in tables:
        after = versions(session, table)
        assert not any(str(ann.user_id) in row for row in after), table
        assert before[table] <= after, table
    assert len(tables) > 40
    assert bob.user_id


def test_the_marts_forget_too(session: Session) -> None:
    ann, bob = make_household(session), make_household(session)
    for statement in (
        "create schema marts",
        "create schema intermediate",
        "create table marts.facts (user_id uuid, amount numeric)",
        "create table intermediate.working (transaction_id uuid)",
        "create view marts.shown as select * from marts.facts",
    ):
        session.execute(sa.text(statement))
    for user in (ann, bob):
        session.execute(sa.text("insert into marts.facts values (:u, 1)"), {"u": user.user_id})
    session.execute(sa.text("insert into intermediate.working values (gen_random_uuid())"))
    session.commit()

    erase_user(session, ann.user_id)
    session.commit()

    assert session.scalars(sa.text("select user_id from marts.facts")).all() == [bob.user_id]
    assert session.scalar(sa.text("select count(*) from intermediate.working")) == 0


def test_says_which_runs_and_names_other_stores_may_have(session: Session) -> None:
    ann = make_household(session)
    bob = make_household(session)
    account = ann.rows["common.accounts"]

    traces = erase_user(session, ann.user_id)

    assert traces.run_ids == [ann.rows["common.jobs"]["run_id"]]
    assert {account["account_number"], str(account["id"])} <= set(traces.names)
    assert str(ann.rows["common.connections"]["id"]) in traces.names
    assert session.scalars(sa.select(Job.user_id)).all() == [bob.user_id]


def test_nobody_is_no_user(session: Session) -> None:
    with pytest.raises(NotFoundError):
        erase_user(session, uuid.uuid4())
