"""A session that acts for one user has that user's rows and no others, whatever it runs."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres import migrate
from postgres.core import make_engine, make_sessions
from postgres.models import metadata
from postgres.sessions import APPLICATION_ROLE, act_for, user_session
from tests.postgres.household import KEPT_BY_TRIGGERS, Household, make_household

OWNED = sorted(name for name, table in metadata.tables.items() if "user_id" in table.c)
SHARED = sorted(set(metadata.tables) - set(OWNED) - {"auth.users"})
WRITABLE = sorted(set(OWNED) - KEPT_BY_TRIGGERS)
OPERATORS_OWN = {name for name in SHARED if name.startswith(("auth.", "telegram."))}

POLICIES = """
    select c.oid::regclass::text
    from pg_class as c
    join pg_policy as p on p.polrelid = c.oid
    where c.relrowsecurity and c.relforcerowsecurity and p.polcmd = '*' and p.polpermissive
"""

TRIGGER_FUNCTIONS = """
    select p.oid::regproc::text || '()'
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('auth', 'common', 'telegram') and p.prorettype = 'trigger'::regtype
"""
# What may run with other rights than the session's: by its own word, or in a trigger.
MISLED = """
    select p.oid::regprocedure::text
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    join pg_language as l on l.oid = p.prolang
    where
        n.nspname in ('auth', 'common', 'telegram')
        and (p.prosecdef or l.lanname = 'plpgsql')
        and not 'search_path=pg_catalog, pg_temp' = any (coalesce(p.proconfig, '{}'))
"""


@pytest.fixture
def ann(session: Session) -> Household:
    return make_household(session)


@pytest.fixture
def bob(session: Session) -> Household:
    return make_household(session)


def owners(session: Session, table: str) -> set[uuid.UUID]:
    return set(session.scalars(sa.text(f"select user_id from {table}")))  # noqa: S608


def test_every_table_with_an_owner_has_the_policy_and_holds_its_owner_to_it(
    session: Session,
) -> None:
    assert set(session.scalars(sa.text(POLICIES))) == {*OWNED, "auth.users"}
    assert len(OWNED) > 25


class TestApplication:
    @pytest.mark.usefixtures("bob")
    def test_sees_its_users_rows_alone(
        self, sessions: sessionmaker[Session], ann: Household
    ) -> None:
        with user_session(sessions, ann.user_id) as session:
            for table in WRITABLE:
                assert owners(session, table) == {ann.user_id}, table
            assert session.scalars(sa.text("select id from auth.users")).all() == [ann.user_id]

    def test_cannot_write_or_delete_rows_of_others(
        self, sessions: sessionmaker[Session], ann: Household, bob: Household
    ) -> None:
        with user_session(sessions, ann.user_id) as session:
            for table in WRITABLE:
                statements = (
                    f"update {table} set user_id = user_id where user_id = :bob",  # noqa: S608
                    f"delete from {table} where user_id = :bob",  # noqa: S608
                )
                for statement in statements:
                    result: Any = session.execute(sa.text(statement), {"bob": bob.user_id})
                    assert result.rowcount == 0, statement

    def test_cannot_make_or_give_away_a_row_for_others(
        self, sessions: sessionmaker[Session], ann: Household, bob: Household
    ) -> None:
        with user_session(sessions, ann.user_id) as session:
            for table in WRITABLE:
                give = f"update {table} set user_id = :bob where user_id = :ann"  # noqa: S608
                columns = metadata.tables[table].columns
                names = ", ".join(
                    c.name for c in columns if c.name != "user_id" and c.computed is None
                )
                forge = (
                    f"insert into {table} ({names}, user_id)"  # noqa: S608
                    f" overriding system value select {names}, :bob from {table}"
                    " where user_id = :ann"
                )
                for statement in (give, forge):
                    with (
                        pytest.raises(sa.exc.DBAPIError, match="row-level security"),
                        session.begin_nested(),
                    ):
                        session.execute(
                            sa.text(statement), {"bob": bob.user_id, "ann": ann.user_id}
                        )

    @pytest.mark.usefixtures("ann")
    def test_without_a_user_there_is_nothing(self, sessions: sessionmaker[Session]) -> None:
        with sessions.begin() as session:
            session.execute(sa.text(f"set local role {APPLICATION_ROLE}"))
            for table in OWNED:
                assert owners(session, table) == set(), table

    def test_reads_what_is_the_same_for_all_and_does_not_write_it(
        self, sessions: sessionmaker[Session], ann: Household
    ) -> None:
        for table in SHARED:
            with sessions.begin() as session:
                act_for(session, ann.user_id)
                if table in OPERATORS_OWN:
                    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                        session.execute(sa.text(f"select 1 from {table}"))  # noqa: S608
                    session.rollback()
                    continue
                session.execute(sa.text(f"select 1 from {table}"))  # noqa: S608
                with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                    session.execute(sa.text(f"delete from {table}"))  # noqa: S608
                session.rollback()

    def test_is_over_with_the_transaction(
        self, sessions: sessionmaker[Session], ann: Household, bob: Household
    ) -> None:
        with user_session(sessions, ann.user_id):
            pass
        with sessions.begin() as session:
            assert owners(session, "common.accounts") == {ann.user_id, bob.user_id}

    def test_cannot_touch_the_audit_log(
        self, sessions: sessionmaker[Session], ann: Household
    ) -> None:
        for statement in (
            "update common.audit_log set actor = 'nobody'",
            "delete from common.audit_log",
            "truncate common.audit_log",
            "insert into common.audit_log (user_id, table_name, row_key, action)"
            " values (auth.session_user_id(), 'common.tags', '{}', 'insert')",
        ):
            with (
                pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
                user_session(sessions, ann.user_id) as session,
            ):
                session.execute(sa.text(statement))


# A name is looked for in the session's temporary schema first, if the path does not say otherwise.
# So code of ours that says text would get this one, whose check tells whose rights it runs with.
TRAPS = """
    create function pg_temp.has_no_other_rights() returns boolean language plpgsql as $$
    begin
        if current_user <> 'farthing_app' then
            raise exception 'code of the session runs with the rights of %', current_user;
        end if;
        return true;
    end
    $$;
    create domain pg_temp.text as pg_catalog.text check (pg_temp.has_no_other_rights());
    create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.has_no_other_rights());
    create domain pg_temp.date as pg_catalog.date check (pg_temp.has_no_other_rights());
    create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.has_no_other_rights());
"""
OTHER_VALUES = {
    sa.Text: "{0} || '!'",
    sa.Enum: "{0} || '!'",
    sa.Numeric: "{0} + 1",
    sa.Date: "{0} + 1",
    sa.Boolean: "not {0}",
}


def changes(table: str) -> Iterator[str]:
    """Every change to a table that a trigger may look at, with or without success."""
    for column in metadata.tables[table].columns:
        other = OTHER_VALUES.get(type(column.type))
        if other is not None and column.computed is None:
            yield f"update {table} set {column.name} = {other.format(column.name)}"  # noqa: S608
    yield f"delete from {table}"  # noqa: S608


class TestAttacker:
    """Somebody who has the application's role, and statements of their own."""

    def test_gets_nothing_of_theirs_run_with_the_rights_of_the_owner(
        self, engine: sa.Engine, ann: Household
    ) -> None:
        # A connection that has compiled none of the functions yet.
        engine.dispose()
        tried = 0
        with user_session(make_sessions(engine), ann.user_id) as session:
            session.execute(sa.text(TRAPS))
            for table in [*WRITABLE, "auth.users"]:
                for change in changes(table):
                    with contextlib.suppress(sa.exc.IntegrityError):
                        attempt = session.begin_nested()
                        session.execute(sa.text(change))
                        session.execute(sa.text("set constraints all immediate"))
                        tried += 1
                    attempt.rollback()
        assert tried > len(WRITABLE)

    def test_does_not_hang_our_triggers_on_a_table_of_their_own(
        self, sessions: sessionmaker[Session], ann: Household
    ) -> None:
        with user_session(sessions, ann.user_id) as session:
            session.execute(sa.text("create temporary table forged (id uuid, user_id uuid)"))
            for function in session.scalars(sa.text(TRIGGER_FUNCTIONS)).all():
                with (
                    pytest.raises(
                        sa.exc.ProgrammingError, match=r"permission denied for (function|schema)"
                    ),
                    session.begin_nested(),
                ):
                    session.execute(
                        sa.text(
                            "create trigger forge after update on forged for each row"
                            f" execute function {function}"
                        )
                    )

    def test_finds_every_function_that_could_be_misled_pinned(self, session: Session) -> None:
        assert session.scalars(sa.text(MISLED)).all() == []


class TestOwnerOfTheTables:
    """On most servers the platform is no superuser, but it owns the tables."""

    @pytest.fixture
    def owned(self, server_url: str, empty_database_url: str) -> Iterator[sessionmaker[Session]]:
        role = f"owner_{uuid.uuid4().hex}"
        database = sa.make_url(empty_database_url).database
        admin = make_engine(server_url, pooled=False).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as connection:
            connection.exec_driver_sql(f"create role {role} login password 'x' createrole")
            connection.exec_driver_sql(f"alter database {database} owner to {role}")
            # On a server where another owner made it, the platform has to be granted it.
            connection.exec_driver_sql(
                "do $$ begin create role farthing_app nologin;"
                " exception when duplicate_object then null; end $$"
            )
            connection.exec_driver_sql(f"grant {APPLICATION_ROLE} to {role}")
        url = sa.make_url(empty_database_url).set(username=role, password="x")
        engine = make_engine(url.render_as_string(hide_password=False), pooled=False)
        migrate.upgrade(engine)
        yield make_sessions(engine)
        engine.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"drop database {database} with (force)")
            connection.exec_driver_sql(f"drop role {role}")
        admin.dispose()

    def test_sees_everybody_until_it_acts_for_one(self, owned: sessionmaker[Session]) -> None:
        with owned() as session:
            ann, bob = make_household(session), make_household(session)
        both = {ann.user_id, bob.user_id}

        with owned.begin() as session:
            for table in WRITABLE:
                assert owners(session, table) == both, table
            # Even without the application's role, the user is the limit.
            session.execute(
                sa.text("select set_config('farthing.user_id', :user, true)"),
                {"user": str(bob.user_id)},
            )
            for table in WRITABLE:
                assert owners(session, table) == {bob.user_id}, table
        with user_session(owned, ann.user_id) as session:
            assert owners(session, "common.accounts") == {ann.user_id}
