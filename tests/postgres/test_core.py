"""The one bulk write path: exact, quiet about what is stored already, and safe beside others."""

from __future__ import annotations

import datetime as dt
import socket
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from threading import Barrier, Thread
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from postgres.core import (
    Base,
    DatabaseUnavailableError,
    HasId,
    WriteCounts,
    check_connection,
    checked,
    lock,
    make_engine,
    select_text,
    table_of,
    upsert,
    upsert_from_select,
)

WRITERS = 8
KEY = ("shelf", "slot")
MARCH = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 3, 16, 9, tzinfo=dt.UTC)
AWKWARD = [
    "tab\tnew line\ncarriage\rreturn",
    "back\\slash \\N \\n \\. \\t",
    "\\N",
    "\\.",
    "",
    " ",
    "quote ' double \" semicolon ; dollar $$ percent % %s :name {}",
    "NULL",
    "{a,b}",
    "naïve 東京 🍞 \u2028",
]


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Scratch(Base):
    """Keeps the tests' table out of the product's metadata."""

    __abstract__ = True
    metadata = sa.MetaData()


class Item(HasId, Scratch):
    __tablename__ = "items"
    __table_args__ = (
        sa.UniqueConstraint("shelf", "slot", postgresql_nulls_not_distinct=True),
        {"schema": "public"},
    )

    shelf: Mapped[str]
    slot: Mapped[int | None]
    label: Mapped[str | None]
    amount: Mapped[Decimal | None]
    payload: Mapped[dict[str, Any] | None] = mapped_column(pg.JSONB(none_as_null=True))
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    colour: Mapped[Colour | None] = mapped_column(checked(Colour))
    digest: Mapped[bytes | None]
    owner: Mapped[uuid.UUID | None]
    is_open: Mapped[bool | None]
    day: Mapped[dt.date | None]
    first_seen_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now())


ITEMS = table_of(Item)


@pytest.fixture(autouse=True)
def items(engine: sa.Engine) -> None:
    Scratch.metadata.create_all(engine)


def rows_of(session: Session) -> dict[tuple[str, int | None], Item]:
    session.expire_all()
    return {(item.shelf, item.slot): item for item in session.scalars(sa.select(Item))}


def versions(session: Session) -> set[tuple[str, str, str]]:
    """Where each row version lies, who wrote it and who locked it: any write or lock shows."""
    found = session.execute(sa.text("select ctid::text, xmin::text, xmax::text from public.items"))
    return {(ctid, xmin, xmax) for ctid, xmin, xmax in found}


def write(
    sessions: sessionmaker[Session], rows: Sequence[dict[str, Any]], **options: Any
) -> WriteCounts:
    with sessions.begin() as session:
        return upsert(session, Item, rows, key=KEY, **options)


def item(shelf: str, slot: int | None, label: str | None = "x", **columns: Any) -> dict[str, Any]:
    return {"shelf": shelf, "slot": slot, "label": label, **columns}


@contextmanager
def counted(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile, COPY among them."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


class TestUpsert:
    def test_tells_inserted_updated_and_unchanged(self, sessions: sessionmaker[Session]) -> None:
        first = write(sessions, [item("a", 1), item("a", 2), item("b", 1)])
        second = write(sessions, [item("a", 1), item("a", 2, "y"), item("c", 1)])

        assert first == WriteCounts(inserted=3)
        assert second == WriteCounts(inserted=1, updated=1, unchanged=1)
        assert second.written == 2
        assert first + second == WriteCounts(4, 1, 1)
        with sessions() as session:
            assert {key: row.label for key, row in rows_of(session).items()} == {
                ("a", 1): "x",
                ("a", 2): "y",
                ("b", 1): "x",
                ("c", 1): "x",
            }

    def test_repeat_writes_no_row_version_and_takes_no_row_lock(
        self, engine: sa.Engine, sessions: sessionmaker[Session]
    ) -> None:
        rows = [
            item(
                "a",
                slot,
                None if slot % 2 else "x",
                amount=Decimal("1.50"),
                payload={"b": Decimal("0.10"), "a": [1, None]},
                tags=["t"],
                colour=Colour.RED,
                digest=b"\x00\xff",
                first_seen_at=MARCH,
            )
            for slot in range(50)
        ]
        write(sessions, rows)
        with sessions() as session:
            before = versions(session)

        counts = write(sessions, rows)

        assert counts == WriteCounts(unchanged=50)
        with sessions() as session:
            assert versions(session) == before
        engine.dispose()  # a backend hands in its counters at the latest when it ends
        with engine.connect() as connection:
            written = connection.execute(
                sa.text(
                    "select n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables"
                    " where relname = 'items'"
                )
            ).one()
        assert tuple(written) == (50, 0, 0)

    def test_amount_equal_as_number_is_unchanged(self, sessions: sessionmaker[Session]) -> None:
        write(sessions, [item("a", 1, amount=Decimal("1.5"))])

        assert write(sessions, [item("a", 1, amount=Decimal("1.50"))]).unchanged == 1

    def test_null_in_the_key_is_one_value(self, sessions: sessionmaker[Session]) -> None:
        write(sessions, [item("a", None), item("a", 1)])

        assert write(sessions, [item("a", None), item("a", 1)]) == WriteCounts(unchanged=2)
        assert write(sessions, [item("a", None, "y")]) == WriteCounts(updated=1)
        with sessions() as session:
            assert {key: row.label for key, row in rows_of(session).items()} == {
                ("a", None): "y",
                ("a", 1): "x",
            }

    def test_value_becomes_null_and_back(self, sessions: sessionmaker[Session]) -> None:
        for label in ("x", None, "x"):
            write(sessions, [item("a", 1, label)])
            with sessions() as session:
                assert rows_of(session)["a", 1].label == label

    def test_insert_only_columns_are_set_once(self, sessions: sessionmaker[Session]) -> None:
        options: dict[str, Any] = {"insert_only": ("first_seen_at",)}
        write(sessions, [item("a", 1, first_seen_at=MARCH)], **options)

        same = write(sessions, [item("a", 1, first_seen_at=LATER)], **options)
        changed = write(sessions, [item("a", 1, "y", first_seen_at=LATER)], **options)

        assert (same, changed) == (WriteCounts(unchanged=1), WriteCounts(updated=1))
        with sessions() as session:
            row = rows_of(session)["a", 1]
            assert (row.label, row.first_seen_at) == ("y", MARCH)

    def test_only_compared_columns_make_a_change(self, sessions: sessionmaker[Session]) -> None:
        write(sessions, [item("a", 1, amount=Decimal(1), day=MARCH.date())])
        moved = {"amount": Decimal(1), "day": LATER.date()}

        same = write(sessions, [item("a", 1, "y", **moved)], compare=("amount",))
        changed = write(
            sessions, [item("a", 1, "y", **moved | {"amount": Decimal(2)})], compare=("amount",)
        )

        assert (same, changed) == (WriteCounts(unchanged=1), WriteCounts(updated=1))
        with sessions() as session:
            row = rows_of(session)["a", 1]
            # A change brings along what does not count as one.
            assert (row.label, row.amount, row.day) == ("y", Decimal(2), LATER.date())

    def test_row_of_key_columns_only(self, sessions: sessionmaker[Session]) -> None:
        rows = [{"shelf": "a", "slot": 1}]

        assert write(sessions, rows) == WriteCounts(inserted=1)
        assert write(sessions, rows) == WriteCounts(unchanged=1)

    def test_columns_that_are_not_given_keep_their_value(
        self, sessions: sessionmaker[Session]
    ) -> None:
        write(sessions, [item("a", 1, amount=Decimal(5), tags=["kept"])])
        write(sessions, [item("a", 1, "y"), item("a", 2, "y")])

        with sessions() as session:
            rows = rows_of(session)
        assert (rows["a", 1].amount, rows["a", 1].tags) == (Decimal(5), ["kept"])
        assert (rows["a", 2].amount, rows["a", 2].tags) == (None, [])

    def test_nothing_to_write_asks_the_database_nothing(
        self, engine: sa.Engine, sessions: sessionmaker[Session]
    ) -> None:
        with counted(engine) as sent, sessions.begin() as session:
            assert upsert(session, Item, [], key=KEY) == WriteCounts()
        assert sent == []

    @pytest.mark.parametrize("text", AWKWARD)
    def test_text_arrives_as_it_is(self, sessions: sessionmaker[Session], text: str) -> None:
        row = item(text, 1, text, payload={text: [text]}, tags=[text, "other"])
        write(sessions, [row])

        with sessions() as session:
            stored = rows_of(session)[text, 1]
            assert stored.label == text
            assert stored.payload == {text: [text]}
            assert stored.tags == [text, "other"]
        assert write(sessions, [row]) == WriteCounts(unchanged=1)

    def test_every_type_arrives_exactly(self, sessions: sessionmaker[Session]) -> None:
        owner = uuid.uuid4()
        row = item(
            "a",
            1,
            amount=Decimal("-12345678901234567890.000000000000000001"),
            payload={"n": Decimal("0.1000000000000000000001"), "null": None, "t": True},
            tags=[],
            colour=Colour.GREEN,
            digest=bytes(range(256)),
            owner=owner,
            is_open=False,
            day=dt.date(2024, 2, 29),
            first_seen_at=dt.datetime(2026, 3, 15, 9, 0, 0, 123456, tzinfo=dt.UTC),
        )
        write(sessions, [row, row | {"slot": 2, "payload": None, "owner": None, "colour": None}])

        with sessions() as session:
            stored = rows_of(session)
            assert {name: getattr(stored["a", 1], name) for name in row} == row
            nulls = session.scalar(
                sa.text("select payload is null and colour is null from items where slot = 2")
            )
        assert nulls is True

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        max_examples=40,
    )
    @given(
        labels=st.dictionaries(
            st.integers(0, 9),
            st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        ),
        offered=st.dictionaries(
            st.integers(0, 9),
            st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        ),
    )
    def test_counts_and_rows_are_those_of_a_dictionary(
        self,
        sessions: sessionmaker[Session],
        labels: dict[int, str | None],
        offered: dict[int, str | None],
    ) -> None:
        with sessions.begin() as session:
            session.execute(sa.delete(Item))
            rows = [item("a", slot, label) for slot, label in labels.items()]
            upsert(session, Item, rows, key=KEY)

        counts = write(sessions, [item("a", slot, label) for slot, label in offered.items()])

        same = sum(labels.get(slot, ...) == label for slot, label in offered.items())
        new = len(offered.keys() - labels.keys())
        assert counts == WriteCounts(new, len(offered) - new - same, same)
        with sessions() as session:
            stored = {row.slot: row.label for row in rows_of(session).values()}
        assert stored == labels | offered

    def test_calls_in_one_transaction_see_each_other(self, sessions: sessionmaker[Session]) -> None:
        with sessions.begin() as session:
            counts = [
                upsert(session, Item, [item("a", 1, label)], key=KEY) for label in ("x", "x", "y")
            ]

        assert counts == [
            WriteCounts(inserted=1),
            WriteCounts(unchanged=1),
            WriteCounts(updated=1),
        ]

    def test_what_is_rolled_back_was_never_there(self, sessions: sessionmaker[Session]) -> None:
        with sessions() as session:
            upsert(session, Item, [item("a", 1)], key=KEY)
            session.rollback()
            assert rows_of(session) == {}
            assert upsert(session, Item, [item("a", 1)], key=KEY) == WriteCounts(inserted=1)

    def test_one_bad_row_refuses_them_all(self, sessions: sessionmaker[Session]) -> None:
        rows = [item("a", 1), {**item("a", 2), "shelf": None}]

        with pytest.raises(sa.exc.IntegrityError):
            write(sessions, rows)

        with sessions() as session:
            assert rows_of(session) == {}

    def test_statements_are_as_many_for_a_thousand_rows_as_for_one(
        self, engine: sa.Engine, sessions: sessionmaker[Session]
    ) -> None:
        sent: dict[int, list[str]] = {}
        for count in (1, 1000):
            with counted(engine) as sent[count]:
                write(sessions, [item("a", slot) for slot in range(count)])

        assert len(sent[1000]) == len(sent[1]) <= 4

    def test_fifty_thousand_rows(self, sessions: sessionmaker[Session]) -> None:
        rows = [item(f"shelf {slot}", slot) for slot in range(50_000)]

        assert write(sessions, rows) == WriteCounts(inserted=50_000)
        assert write(sessions, rows) == WriteCounts(unchanged=50_000)


class TestManyWriters:
    def test_overlapping_keys_in_any_order_end_as_one_row_each(
        self, sessions: sessionmaker[Session]
    ) -> None:
        # Rows are written in the order of their keys, so that writers queue and never deadlock.
        slots = list(range(400))
        start = Barrier(WRITERS)

        def work(writer: int) -> WriteCounts:
            turned = slots[writer * 50 :] + slots[: writer * 50]
            order = turned[::-1] if writer % 2 else turned
            total = WriteCounts()
            start.wait()
            for round_ in range(3):
                label = f"{writer}:{round_}"
                total += write(sessions, [item("a", slot, label) for slot in order])
            return total

        with ThreadPoolExecutor(WRITERS) as pool:
            counts = sum(pool.map(work, range(WRITERS)), WriteCounts())

        assert counts == WriteCounts(inserted=400, updated=400 * (3 * WRITERS - 1))
        with sessions() as session:
            rows = rows_of(session)
        assert len(rows) == 400
        # Each call is one transaction: whoever was last wrote every row.
        assert len({row.label for row in rows.values()}) == 1

    def test_same_rows_at_once_are_inserted_once(self, sessions: sessionmaker[Session]) -> None:
        start = Barrier(WRITERS)

        def work(_: int) -> WriteCounts:
            start.wait()
            return write(sessions, [item("a", slot) for slot in range(200)])

        with ThreadPoolExecutor(WRITERS) as pool:
            counts = sum(pool.map(work, range(WRITERS)), WriteCounts())

        assert counts.inserted == 200
        assert counts.updated + counts.unchanged == 200 * (WRITERS - 1)


class TestUpsertFromSelect:
    def test_rows_of_a_query(self, sessions: sessionmaker[Session]) -> None:
        write(sessions, [item("a", slot, str(slot)) for slot in range(4)])
        source = sa.select(sa.literal("copy").label("shelf"), ITEMS.c.slot, ITEMS.c.label).where(
            ITEMS.c.shelf == "a"
        )

        counts = []
        for _ in range(2):
            with sessions.begin() as session:
                counts.append(upsert_from_select(session, Item, source, key=KEY))

        assert counts == [WriteCounts(inserted=4), WriteCounts(unchanged=4)]
        with sessions() as session:
            labels = {key: row.label for key, row in rows_of(session).items()}
        assert [labels["copy", slot] for slot in range(4)] == ["0", "1", "2", "3"]

    def test_hand_written_query_binds_its_values(self, sessions: sessionmaker[Session]) -> None:
        awkward = "it's; drop table items --"
        source = select_text(
            "select :shelf as shelf, n as slot, null as label, n / 4.0 as amount"
            " from generate_series(1, cast(:count as int)) as n",
            Item,
            ("shelf", "slot", "label", "amount"),
            shelf=awkward,
            count=3,
        )

        with sessions.begin() as session:
            counts = upsert_from_select(session, Item, source, key=KEY)

        assert counts == WriteCounts(inserted=3)
        with sessions() as session:
            amounts = {key: row.amount for key, row in rows_of(session).items()}
        assert amounts == {
            (awkward, 1): Decimal("0.25"),
            (awkward, 2): Decimal("0.5"),
            (awkward, 3): Decimal("0.75"),
        }

    def test_query_without_rows(self, sessions: sessionmaker[Session]) -> None:
        source = sa.select(ITEMS.c.shelf, ITEMS.c.slot).where(sa.false())

        with sessions.begin() as session:
            assert upsert_from_select(session, Item, source, key=KEY) == WriteCounts()


class TestUnavailable:
    @pytest.fixture
    def closed_port(self) -> Iterator[int]:
        # Bound and not listening: nobody else can take it, and nobody answers.
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            yield taken.getsockname()[1]

    def test_server_that_is_not_there(self, closed_port: int) -> None:
        engine = make_engine(f"postgresql://ann:hunter2@127.0.0.1:{closed_port}/ledger")

        message = self.message_of(engine)

        assert message.startswith(f"the database at 127.0.0.1:{closed_port}/ledger")

    def test_credentials_and_database_that_are_not_there(self, database_url: str) -> None:
        url = sa.make_url(database_url)
        stranger = url.set(username="stranger", password="hunter2")
        elsewhere = url.set(database="not_there", password=url.password)

        assert "stranger" in self.message_of(self.engine_of(stranger))
        message = self.message_of(self.engine_of(elsewhere))
        assert '"not_there" does not exist' in message
        if url.password:
            assert url.password not in message

    @staticmethod
    def engine_of(url: sa.URL) -> sa.Engine:
        return make_engine(url.render_as_string(hide_password=False), pooled=False)

    @staticmethod
    def message_of(engine: sa.Engine) -> str:
        with pytest.raises(DatabaseUnavailableError) as caught:
            check_connection(engine)
        engine.dispose()
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        assert "hunter2" not in message
        assert caught.value.__cause__ is None
        return message

    def test_failing_statement_shows_no_values(self, engine: sa.Engine) -> None:
        statement = sa.text("select 1 / cast(:zero as int) where :iban <> ''")

        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
            connection.execute(statement, {"zero": 0, "iban": "GB33BUKB"})

        assert "GB33BUKB" not in str(caught.value)


class TestLock:
    def test_second_waits_for_the_first_and_is_stamped_later(
        self, sessions: sessionmaker[Session]
    ) -> None:
        stamps = {}

        def second() -> None:
            with sessions.begin() as session:
                stamps["second"] = lock(session, "account:1", run_id="run-2")

        thread = Thread(target=second)
        with sessions() as watcher:
            with sessions.begin() as session:
                stamps["first"] = lock(session, "account:1", run_id="run-1")
                thread.start()
                while not is_waited_for(watcher):
                    assert "second" not in stamps
                released_at = watcher.scalar(sa.text("select clock_timestamp()"))
                assert released_at is not None
            thread.join()

        assert stamps["first"].run_id == "run-1"
        assert stamps["first"].changed_at < released_at < stamps["second"].changed_at

    def test_other_things_are_not_waited_for(self, sessions: sessionmaker[Session]) -> None:
        with sessions.begin() as one, sessions.begin() as other:
            first = lock(one, "account:1", run_id="run-1")
            second = lock(other, "account:2", run_id="run-1")

        assert first.changed_at < second.changed_at

    def test_lock_goes_with_its_transaction(self, sessions: sessionmaker[Session]) -> None:
        with sessions() as one, sessions() as other:
            lock(one, "account:1", run_id="run-1")
            one.rollback()
            lock(other, "account:1", run_id="run-2")

    def test_seen_by_the_ledgers_clock_and_changed_by_the_databases(
        self, sessions: sessionmaker[Session], frozen: str
    ) -> None:
        with sessions.begin() as session:
            stamp = lock(session, "account:1", run_id="run-1")
            instant = session.scalar(sa.text("select clock_timestamp()"))

        assert stamp.seen_at == dt.datetime.fromisoformat(frozen)
        assert instant is not None
        assert dt.timedelta(0) < instant - stamp.changed_at < dt.timedelta(minutes=5)


def is_waited_for(session: Session) -> bool:
    waiting = sa.text(
        "select true from pg_locks as l join pg_database as d on d.oid = l.database"
        " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
    )
    return session.scalar(waiting) is not None
