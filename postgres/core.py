"""Engine, sessions, the declarative base and the one bulk write path.

Everything here is free of any entity. Operations take a ``Session`` first, flush when they need an
id and never commit: the caller owns the transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import NullPool

from farthing import clock
from farthing.errors import FarthingError
from postgres import payload
from postgres.errors import NotFoundError, OperationError, RetryableError

SCHEMAS = ("auth", "common", "gocardless", "telegram", "trading212")

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s__%(column_0_N_name)s__%(referred_table_name)s",
    "uq": "uq_%(table_name)s__%(column_0_N_name)s",
    "ix": "ix_%(table_name)s__%(column_0_N_name)s",
    "ck": "ck_%(table_name)s__%(constraint_name)s",
}


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Before anything that was ever stored."""


class Unset(Enum):
    """Tells an argument that was not given from one that is None."""

    UNSET = "unset"


UNSET = Unset.UNSET


class DatabaseUnavailableError(FarthingError):
    """The database does not answer or refuses the credentials."""


class Base(DeclarativeBase):
    """Root of every table; owns constraint names and the map from Python to PostgreSQL types.

    ``Decimal`` maps to NUMERIC without a scale: a fixed one would round silently.
    """

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {
        dt.datetime: sa.DateTime(timezone=True),
        Decimal: sa.Numeric(),
        str: sa.Text(),
        dict[str, Any]: pg.JSONB(),
        list[str]: pg.ARRAY(sa.Text()),
        list[int]: pg.ARRAY(sa.Integer()),
    }


class HasId:
    """A surrogate key that the database makes, so that bulk SQL needs no round trip for it."""

    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, server_default=sa.text("gen_random_uuid()"), sort_order=-10
    )


class HasTimes:
    """When the row was written and when it last changed, by the database's clock.

    ``updated_at`` moves by trigger and only when something changed; see the first migration.
    """

    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), sort_order=90)
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), sort_order=91)


class RawRow:
    """What every row of a provider table keeps.

    ``changed_*`` moves only when the content does, so that a repeated answer writes nothing.
    """

    payload: Mapped[dict[str, Any]] = mapped_column(
        sort_order=80, comment="the provider's own object, whole"
    )
    content_hash: Mapped[bytes] = mapped_column(
        sort_order=81, comment="SHA-256 of the payload as canonical JSON"
    )
    first_seen_at: Mapped[dt.datetime] = mapped_column(sort_order=82)
    first_seen_run_id: Mapped[str] = mapped_column(sort_order=83)
    changed_at: Mapped[dt.datetime] = mapped_column(
        sort_order=84, comment="when its content or its place in the answers last changed"
    )
    changed_run_id: Mapped[str] = mapped_column(sort_order=85)


def checked(enum: type[StrEnum], *, rule: str | None = None) -> sa.Enum:
    """Return the column type of an enum: text with a CHECK made from its values.

    :param rule: name of the CHECK where a table has two columns of one enum.
    """
    return sa.Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=rule or _snake(enum.__name__),
        values_callable=lambda members: [member.value for member in members],
    )


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def make_engine(url: str, *, pooled: bool = True) -> sa.Engine:
    """Return an engine on psycopg 3.

    :param url: ``postgresql://user:password@host:port/database``.
    :param pooled: False opens a connection per use, for short-lived commands and forked processes.
    """
    pool: dict[str, Any] = (
        {"pool_size": 8, "max_overflow": 8} if pooled else {"poolclass": NullPool}
    )
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"),
        pool_pre_ping=pooled,
        hide_parameters=True,
        json_serializer=payload.dumps,
        json_deserializer=payload.loads,
        connect_args={
            "application_name": "farthing",
            "connect_timeout": 10,
            # A killed client then frees its locks at once, even while a query of its is running.
            "options": "-c timezone=UTC -c client_connection_check_interval=1000",
        },
        **pool,
    )
    sa.event.listen(engine, "handle_error", _name_what_others_caused)
    return engine


# Serialization failure, deadlock, lock not available.
_RETRYABLE = {"40001", "40P01", "55P03"}
_FOREIGN_KEY_VIOLATION = "23503"


def _name_what_others_caused(context: sa.engine.ExceptionContext) -> OperationError | None:
    """Say in a type of ours what any statement, or a commit, may meet with other writers about."""
    error = context.original_exception
    if not isinstance(error, psycopg.Error):
        return None
    if error.sqlstate in _RETRYABLE:
        return RetryableError("another transaction was in the way; run this one again")
    is_of_user = (error.diag.constraint_name or "").endswith("__user_id__users")
    if error.sqlstate == _FOREIGN_KEY_VIOLATION and is_of_user:
        return NotFoundError("there is no such user, or not any more")
    return None


def make_sessions(engine: sa.Engine) -> sessionmaker[Session]:
    """Return the session factory; open a transaction with ``with sessions.begin() as session``."""
    return sessionmaker(engine, expire_on_commit=False)


def check_connection(engine: sa.Engine) -> None:
    """Make sure that the database answers.

    :raises DatabaseUnavailableError: with one line that names host, port and database, no password.
    """
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("select 1"))
    except sa.exc.OperationalError as error:
        url = engine.url
        # "connection failed: connection to server at ... failed: FATAL:  what matters", and hints.
        reason = str(error.orig).strip().splitlines()[0].rsplit(": ", 1)[-1].strip()
        place = f"{url.host or 'local socket'}:{url.port or 5432}/{url.database}"
        message = f"the database at {place} does not answer: {reason}"
        raise DatabaseUnavailableError(message) from None


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """How many rows one write inserted, updated and left as they were."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: WriteCounts) -> WriteCounts:
        return WriteCounts(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
        )

    @property
    def written(self) -> int:
        """Rows that now read differently."""
        return self.inserted + self.updated


@contextmanager
def refusing(session: Session, refusals: Mapping[str, OperationError]) -> Iterator[None]:
    """Write what the block adds or changes, and say in the operation's words what is refused.

    The session stays usable after a refusal: the block is undone, and nothing but it.

    :param refusals: by name of the constraint; any other violation is raised as it is.
    """
    try:
        with session.begin_nested():
            yield
    except sa.exc.IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        refusal = refusals.get(getattr(diagnosis, "constraint_name", None) or "")
        if refusal is None:
            raise
        raise refusal from error


def upsert(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    compare: Sequence[str] | None = None,
    insert_only: Iterable[str] = (),
) -> WriteCounts:
    """Write rows by natural key: COPY into a temporary table, then one merge.

    The statements are as many for one row as for a million, and a row that is stored already costs
    no row version.

    :param rows: all with the same columns; keys must not repeat within one call.
    :param key: columns of the unique constraint; a NULL in them equals a NULL.
    :param compare: columns that tell whether a stored row changed; by default all the others.
    :param insert_only: columns that are set on insert and never after, such as ``first_seen_at``.
    """
    if not rows:
        return WriteCounts()
    staging = copy_to_temporary(session, table_of(model), rows)
    counts = upsert_from_select(
        session, model, sa.select(*staging.c), key=key, compare=compare, insert_only=insert_only
    )
    staging.drop(session.connection())
    return counts


def upsert_from_select(
    session: Session,
    model: type[Base],
    source: sa.Select[Any] | sa.TextualSelect,
    *,
    key: Sequence[str],
    compare: Sequence[str] | None = None,
    insert_only: Iterable[str] = (),
) -> WriteCounts:
    """Write the rows of a query by natural key without moving them out of the database.

    Rows that are stored already are left out before the insert, not by ``ON CONFLICT ... WHERE``:
    that would still lock each of them.

    Parameters as for :func:`upsert`.
    """
    table = table_of(model)
    offered = source.cte("offered").prefix_with("materialized")
    columns = [column.name for column in source.selected_columns]
    fixed = {*key, *insert_only}
    settable = [name for name in columns if name not in fixed]
    compared = list(compare) if compare is not None else settable
    same_key = [table.c[name].is_not_distinct_from(offered.c[name]) for name in key]
    # A plain equality lets the planner use the unique index where the key has no NULLs.
    same_key = [
        table.c[name] == offered.c[name] if not table.c[name].nullable else condition
        for name, condition in zip(key, same_key, strict=True)
    ]
    same_data = [table.c[name].is_not_distinct_from(offered.c[name]) for name in compared]
    # In the order of the key: writers of the same rows wait for one another, never in a ring.
    fresh = (
        sa.select(*offered.c)
        .where(~sa.exists().where(*same_key, *same_data))
        .order_by(*(offered.c[name] for name in key))
    )
    insert = pg.insert(table).from_select(columns, fresh)
    if settable:
        statement = insert.on_conflict_do_update(
            index_elements=list(key), set_={name: insert.excluded[name] for name in settable}
        )
    else:
        statement = insert.on_conflict_do_nothing(index_elements=list(key))
    written = statement.returning(
        # xmax is 0 only in a row version made by this INSERT, not by its UPDATE arm.
        sa.literal_column("(xmax = 0)", sa.Boolean).label("is_new")
    ).cte("written")
    count_all = sa.select(sa.func.count()).select_from(offered).scalar_subquery()
    inserted, updated, total = session.execute(
        sa.select(
            sa.func.count().filter(written.c.is_new),
            sa.func.count().filter(~written.c.is_new),
            count_all,
        )
    ).one()
    return WriteCounts(inserted, updated, total - inserted - updated)


def read_sql(module_file: str, name: str) -> str:
    """Return a ``.sql`` file from the ``sql`` folder beside a module.

    :param module_file: the caller's ``__file__``.
    """
    return (Path(module_file).parent / "sql" / name).read_text(encoding="utf-8")


def select_text(
    sql: str, model: type[Base], columns: Sequence[str], **parameters: Any
) -> sa.TextualSelect:
    """Return a hand-written query as rows for a model, for :func:`upsert_from_select`.

    :param columns: which of its result columns to take; named and typed as the model's.
    :param parameters: values of its ``:names``, bound, never pasted.
    """
    table = table_of(model)
    return sa.text(sql).bindparams(**parameters).columns(*(table.c[name] for name in columns))


def any_of(ids: Collection[uuid.UUID]) -> sa.ColumnElement[Any]:
    """Return what a column equals that is one of some ids: one parameter for all of them."""
    return sa.any_(sa.literal(list(ids), pg.ARRAY(sa.Uuid())))


def table_of(model: type[Base]) -> sa.Table:
    """Return the table behind a mapped class."""
    return cast("sa.Table", model.__table__)


# In one statement, and the clock is read once the lock is held.
_LOCK = sa.text(
    "with held as materialized (select pg_advisory_xact_lock(hashtextextended(:what, 0)))"
    " select clock_timestamp() from held"
)


def lock(session: Session, what: str, *, run_id: str) -> payload.Stamp:
    """Wait for the right to write one thing until the transaction ends.

    Two runs that write the same account go one after the other, whatever machine they are on.

    :param what: a name such as ``gocardless.bank_accounts:<id>``.
    :returns: the stamp for what is landed under the lock.
    """
    changed_at = session.execute(_LOCK, {"what": what}).scalar_one()
    return payload.Stamp(run_id=run_id, seen_at=clock.now(), changed_at=changed_at)


def copy_to_temporary(
    session: Session, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> sa.Table:
    """Copy rows into a temporary table of a table's column types, until the transaction ends."""
    connection = session.connection()
    names = list(rows[0])
    staging = sa.Table(
        f"incoming_{table.name}",
        sa.MetaData(),
        *(sa.Column(name, table.c[name].type) for name in names),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    staging.create(connection)
    dialect = connection.dialect
    converters = [
        table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names
    ]
    quote = dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {quote(staging.name)} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(
                [
                    convert(row[name]) if convert and row[name] is not None else row[name]
                    for name, convert in zip(names, converters, strict=True)
                ]
            )
    return staging
