"""What the database itself guarantees, read from its catalogue and tried on real rows."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common import enums
from postgres.common.enums import (
    TransactionStatus,
)
from postgres.common.models import (
    Transaction,
)
from postgres.common.states import MACHINES
from postgres.core import SCHEMAS
from postgres.models import metadata
from tests.postgres.household import Household, make_household
from tests.postgres.ledger import Ledger, book, make_ledger

DAY = dt.date(2026, 3, 14)
NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Column:
    schema: str
    table: str
    name: str
    type: str
    is_required: bool

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class ForeignKey:
    name: str
    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    columns: list[Column]
    foreign_keys: list[ForeignKey]
    indexes: dict[str, list[tuple[str, ...]]]
    checks: dict[str, str]
    touched: set[str]

    def tables_with(self, column: str) -> set[str]:
        return {c.place for c in self.columns if c.name == column}


COLUMNS = """
    select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(:schemas) and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
"""
FOREIGN_KEYS = """
    select
        f.conname,
        f.conrelid::regclass::text,
        (select array_agg(a.attname::text order by k.place)
         from unnest(f.conkey) with ordinality as k (number, place)
         join pg_attribute as a on a.attrelid = f.conrelid and a.attnum = k.number),
        f.confrelid::regclass::text,
        (select array_agg(a.attname::text order by k.place)
         from unnest(f.confkey) with ordinality as k (number, place)
         join pg_attribute as a on a.attrelid = f.confrelid and a.attnum = k.number)
    from pg_constraint as f
    join pg_namespace as n on n.oid = f.connamespace
    where n.nspname = any(:schemas) and f.contype = 'f'
"""
INDEXES = """
    select
        i.indrelid::regclass::text,
        (select array_agg(a.attname::text order by k.place)
         from unnest(i.indkey::int2[]) with ordinality as k (number, place)
         join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number)
    from pg_index as i
    join pg_class as c on c.oid = i.indrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(:schemas) and i.indpred is null
"""
CHECKS = """
    select c.conrelid::regclass || '.' || c.conname, pg_get_constraintdef(c.oid)
    from pg_constraint as c
    join pg_namespace as n on n.oid = c.connamespace
    where n.nspname = any(:schemas) and c.contype = 'c'
"""
# 19: for each row (1), before (2), update (16); and of whatever column.
TOUCHED = """
    select tgrelid::regclass::text
    from pg_trigger
    where
        tgfoid = 'common.touch_updated_at'::regproc
        and tgenabled = 'O'
        and tgtype = 19
        and cardinality(tgattr::int2[]) = 0
"""


GUARDED = """
    select tgrelid::regclass::text, encode(tgargs, 'escape')
    from pg_trigger
    where tgfoid = 'common.guard_transition'::regproc and tgenabled = 'O'
"""


@pytest.fixture
def catalogue(session: Session) -> Catalogue:
    def read(query: str) -> sa.CursorResult[Any]:
        return session.connection().execute(sa.text(query), {"schemas": list(SCHEMAS)})

    indexes: dict[str, list[tuple[str, ...]]] = {}
    for table, names in read(INDEXES):
        indexes.setdefault(table, []).append(tuple(names or ()))
    return Catalogue(
        [Column(*row) for row in read(COLUMNS)],
        [
            ForeignKey(name, table, tuple(own), target, tuple(theirs))
            for name, table, own, target, theirs in read(FOREIGN_KEYS)
        ],
        indexes,
        {row[0]: row[1] for row in read(CHECKS)},
        set(session.scalars(sa.text(TOUCHED))),
    )


class TestCatalogue:
    def test_every_model_is_a_table_and_every_table_a_model(self, catalogue: Catalogue) -> None:
        assert {column.place for column in catalogue.columns} == {
            table.fullname for table in metadata.sorted_tables
        }

    def test_every_check_of_the_models_is_there_and_no_other(
        self, catalogue: Catalogue, engine: sa.Engine
    ) -> None:
        preparer = engine.dialect.identifier_preparer
        wanted = {
            f"{table.fullname}.{preparer.format_constraint(constraint)}"
            for table in metadata.sorted_tables
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint)
        }

        assert set(catalogue.checks) == wanted

    def test_enum_columns_take_exactly_the_values_of_their_enum(self, catalogue: Catalogue) -> None:
        allowed: dict[tuple[str, str], list[set[str]]] = {}
        for name, definition in catalogue.checks.items():
            # An enum of one value is compared with that.
            found = re.match(r"CHECK \(\(\(?(\w+)\)?::text = (?:ANY|'\w+'::text\)\)$)", definition)
            if found:
                table = name.rpartition(".")[0]
                values = set(re.findall(r"'([^']*)'::", definition))
                allowed.setdefault((table, found.group(1)), []).append(values)
        enum_columns = {
            (table.fullname, column.name): {str(value) for value in column.type.enums}
            for table in metadata.sorted_tables
            for column in table.columns
            if isinstance(column.type, sa.Enum)
        }

        assert allowed == {place: [values] for place, values in enum_columns.items()}
        assert len(enum_columns) > 10

    def test_no_amount_is_a_float_or_rounded_to_a_scale(self, catalogue: Catalogue) -> None:
        inexact = ("real", "double precision", "money", "numeric(")

        assert [c for c in catalogue.columns if c.type.startswith(inexact)] == []

    def test_every_amount_stands_beside_its_currency(self, catalogue: Catalogue) -> None:
        # Shares, per cents and rates are no money.
        pure = ("confidence", "_pct", "rate", "quantity")
        with_amount = {
            c.place
            for c in catalogue.columns
            if c.type == "numeric" and c.schema == "common" and not c.name.endswith(pure)
        }
        with_currency = {
            c.place
            for c in catalogue.columns
            if c.name == "currency" and c.type == "text" and c.is_required
        }

        assert with_amount - with_currency == set()
        assert {"common.transactions", "common.holdings", "common.accounts"} <= with_amount

    def test_every_instant_knows_its_offset(self, catalogue: Catalogue) -> None:
        assert [c for c in catalogue.columns if "without time zone" in c.type] == []

    def test_every_foreign_key_has_an_index(self, catalogue: Catalogue) -> None:
        # Else the deletion of an account reads whole tables. The leading columns must be of the
        # key, and say more than whose the row is where the key does.
        bare = []
        for key in catalogue.foreign_keys:
            telling = set(key.columns) - {"user_id"} or {"user_id"}
            leading = [index[: len(key.columns)] for index in catalogue.indexes[key.table]]
            if not any(set(i[:1]) <= telling or set(i) == set(key.columns) for i in leading if i):
                bare.append(key)

        assert bare == []

    def test_every_updated_at_moves_by_trigger(self, catalogue: Catalogue) -> None:
        assert catalogue.touched == catalogue.tables_with("updated_at")
        assert len(catalogue.touched) > 10

    def test_every_table_with_an_owner_goes_with_its_user(self, catalogue: Catalogue) -> None:
        owned = {key.table for key in catalogue.foreign_keys if key.target == "auth.users"}

        assert owned == catalogue.tables_with("user_id")

    def test_every_reference_between_owned_rows_names_the_owner_too(
        self, catalogue: Catalogue
    ) -> None:
        owned = catalogue.tables_with("user_id")
        loose = [
            key
            for key in catalogue.foreign_keys
            if key.table in owned
            and key.target in owned
            and ("user_id", "user_id") not in zip(key.columns, key.target_columns, strict=True)
        ]

        assert loose == []


@pytest.fixture
def ann(session: Session) -> Household:
    return make_household(session)


@pytest.fixture
def bob(session: Session) -> Household:
    return make_household(session)


class TestOwners:
    def test_no_row_of_one_user_can_refer_to_a_row_of_another(
        self, session: Session, catalogue: Catalogue, ann: Household, bob: Household
    ) -> None:
        owned = catalogue.tables_with("user_id")
        between = [key for key in catalogue.foreign_keys if {key.table, key.target} <= owned]
        for key in between:
            reference, identity = next(
                pair
                for pair in zip(key.columns, key.target_columns, strict=True)
                if pair[0] != "user_id"
            )
            statement = sa.text(
                f"update {key.table} set {reference} = :theirs where user_id = :mine"  # noqa: S608
            )
            values = {"theirs": bob.rows[key.target][identity], "mine": ann.user_id}

            # His own row in that table would be in the way of a key, where the reference is one.
            session.execute(
                sa.text(f"delete from {key.table} where user_id = :bob"),  # noqa: S608
                {"bob": bob.user_id},
            )
            with pytest.raises(sa.exc.IntegrityError) as caught:
                session.execute(statement, values)

            assert constraint_of(caught.value) == key.name
            session.rollback()

        assert len(between) > 30

    def test_no_row_that_others_refer_to_changes_its_owner(
        self, session: Session, catalogue: Catalogue, ann: Household, bob: Household
    ) -> None:
        owned = catalogue.tables_with("user_id")
        targets = {
            key.target
            for key in catalogue.foreign_keys
            if key.target in owned and key.table != key.target
        }
        assert len(targets) > 10
        for table in targets:
            statement = sa.text(
                f"update {table} set user_id = :theirs where user_id = :mine"  # noqa: S608
            )

            try:
                session.execute(statement, {"theirs": bob.user_id, "mine": ann.user_id})
            except sa.exc.IntegrityError:
                session.rollback()
            else:
                pytest.fail(f"a row of {table} changed its owner")

    def test_user_goes_with_everything_and_nobody_elses(
        self, session: Session, catalogue: Catalogue, ann: Household, bob: Household
    ) -> None:
        owned = sorted(catalogue.tables_with("user_id"))
        before = {table: rows_of(session, table, bob.user_id) for table in owned}

        session.execute(sa.text("delete from auth.users where id = :id"), {"id": ann.user_id})
        session.commit()

        for table in owned:
            assert rows_of(session, table, ann.user_id) == [], table
            assert rows_of(session, table, bob.user_id) == before[table], table
        assert all(before.values())


def rows_of(session: Session, table: str, user_id: uuid.UUID) -> list[Any]:
    """A user's rows to the byte, with the version that PostgreSQL gives them."""
    return list(
        session.scalars(
            sa.text(
                f"select t.xmin::text || t::text from {table} as t"  # noqa: S608
                " where user_id = :user order by 1"
            ),
            {"user": user_id},
        )
    )


class TestStates:
    def test_the_database_holds_the_machines_as_the_code_has_them(self, session: Session) -> None:
        held = {
            table: set(arguments.removesuffix("\\000").split("\\000"))
            for table, arguments in session.execute(sa.text(GUARDED))
        }

        assert held == {
            table: {f"{state}>{target}" for state in machine for target in machine[state]}
            for table, machine in MACHINES.items()
        }

    def test_every_state_has_its_ways(self) -> None:
        for table, machine in MACHINES.items():
            status = metadata.tables[table].c.status.type
            assert isinstance(status, sa.Enum)
            assert {state.value for state in machine} == set(status.enums), table

    @pytest.mark.parametrize("table", sorted(MACHINES))
    def test_the_database_goes_those_ways_and_no_other(
        self, session: Session, ann: Household, table: str
    ) -> None:
        machine = MACHINES[table]
        for current, wanted in itertools.permutations(machine, 2):
            # What a user decided has its instant, by a CHECK of its own.
            decided = (
                ", decided_at = case when cast(:status as varchar) in"
                " ('confirmed', 'rejected') then now() end"
                if table == "common.transfers"
                else ""
            )
            restore = sa.text(
                f"update {table} set status = cast(:status as varchar) {decided}"  # noqa: S608
                " where user_id = :user"
            )
            session.execute(sa.text(f"alter table {table} disable trigger user"))
            session.execute(restore, {"status": current.value, "user": ann.user_id})
            session.execute(sa.text(f"alter table {table} enable trigger user"))
            session.commit()

            move = {"status": wanted.value, "user": ann.user_id}
            if wanted in machine[current]:
                session.execute(restore, move)
            else:
                with pytest.raises(sa.exc.IntegrityError, match="cannot go") as caught:
                    session.execute(restore, move)
                name = table.partition(".")[2]
                assert constraint_of(caught.value) == f"ck_{name}__transition"
                assert f"{current.value} to {wanted.value}" in str(caught.value)
            session.rollback()


class TestUpdatedAt:
    @pytest.mark.usefixtures("ann")
    def test_moves_on_a_change_and_only_then(self, session: Session, catalogue: Catalogue) -> None:
        for table in sorted(catalogue.touched):
            before = self.times(session, table)
            assert before, table

            # created_at is in all of them; what is written first is what stands there already.
            session.execute(sa.text(f"update {table} set created_at = created_at"))  # noqa: S608
            session.commit()
            assert self.times(session, table) == before, table

            session.execute(
                sa.text(f"update {table} set created_at = created_at - interval '1 day'")  # noqa: S608
            )
            session.commit()
            after = self.times(session, table)
            assert all(new > old for new, old in zip(after, before, strict=True)), table

    @staticmethod
    def times(session: Session, table: str) -> list[dt.datetime]:
        found = session.scalars(sa.text(f"select updated_at from {table} order by 1"))  # noqa: S608
        times = list(found)
        session.commit()
        return times


class TestBookedStaysBooked:
    @pytest.fixture
    def ledger(self, session: Session) -> Ledger:
        return make_ledger(session)

    @pytest.fixture
    def booked(self, session: Session, ledger: Ledger) -> Transaction:
        row = book(session, ledger, DAY, "-5")
        session.commit()
        return row

    @pytest.mark.parametrize(
        "statement",
        [
            "update common.transactions set status = 'pending' where id = :id",
            "update common.transactions set status = 'pending', booking_date = null where id = :id",
            "insert into common.transactions"
            " (user_id, account_id, source_key, status, amount, currency, kind, raw_table, raw_id,"
            " first_seen_at) select user_id, account_id, source_key, 'pending', amount, currency,"
            " kind, raw_table, raw_id, first_seen_at from common.transactions where id = :id"
            " on conflict (account_id, source_key) do update set status = excluded.status",
        ],
    )
    def test_whatever_writes(self, session: Session, booked: Transaction, statement: str) -> None:
        with pytest.raises(sa.exc.IntegrityError, match="to pending") as caught:
            session.execute(sa.text(statement), {"id": booked.id})

        assert constraint_of(caught.value) in {
            "ck_transactions__transition",
            "ck_transactions__booked_stays_booked",
        }

    def test_not_by_way_of_void_either(self, session: Session, booked: Transaction) -> None:
        booked.status = TransactionStatus.VOID
        session.flush()
        booked.status = TransactionStatus.PENDING
        with pytest.raises(sa.exc.IntegrityError) as caught:
            session.flush()

        assert constraint_of(caught.value) == "ck_transactions__booked_stays_booked"

    def test_a_row_that_vanished_and_came_back_waits_again(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-5", status=TransactionStatus.PENDING)
        for status in (TransactionStatus.VOID, TransactionStatus.PENDING, TransactionStatus.BOOKED):
            row.status = status
            session.flush()

    def test_other_ways_are_open(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-5", status=TransactionStatus.PENDING)
        for status in (TransactionStatus.BOOKED, TransactionStatus.BOOKED, TransactionStatus.VOID):
            row.status = status
            session.flush()

    @pytest.mark.parametrize("status", [TransactionStatus.PENDING, TransactionStatus.VOID])
    def test_only_a_booked_row_needs_its_day(
        self, session: Session, ledger: Ledger, status: TransactionStatus
    ) -> None:
        row = book(session, ledger, DAY, "-5", status=status)
        row.booking_date = None
        session.flush()
        session.commit()

        row.status = TransactionStatus.BOOKED
        with pytest.raises(sa.exc.IntegrityError) as caught:
            session.flush()

        assert constraint_of(caught.value) == "ck_transactions__booked_has_date"

    def test_booked_row_does_not_lose_its_day(self, session: Session, booked: Transaction) -> None:
        booked.booking_date = None

        with pytest.raises(sa.exc.IntegrityError) as caught:
            session.flush()

        assert constraint_of(caught.value) == "ck_transactions__booked_has_date"


plain_names = st.lists(
    st.sampled_from(["blue", "door", "bakery", "tesco", "m&s", "o'neill", "café", "東京"]),
    min_size=1,
    max_size=4,
).map(" ".join)
wordings = st.sampled_from(
    ["", "card payment to ", "contactless payment ", "direct debit ", "pos ", "paypal *", "sq *"]
)
references = st.sampled_from(["", " 3294", " ltd", " ref 881", " 14/03/26", " 14mar", " gb", "  "])
on_one_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100
)


class TestMerchants:
    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            ("TESCO STORES 3294", "tesco stores"),
            ("TESCO .COM", "tesco"),
            (" .com", ".com"),
            ("Card payment to TESCO STORES 3294", "tesco stores"),
            ("CONTACTLESS PAYMENT TESCO STORES", "tesco stores"),
            ("PAYPAL *SPOTIFY", "spotify"),
            ("SumUp  *Blue Door Bakery", "blue door bakery"),
            ("NETFLIX.COM", "netflix"),
            ("AMAZON.CO.UK", "amazon"),
            ("Thames Water Utilities Ltd REF 8812345", "thames water utilities"),
            ("DIRECT DEBIT PAYMENT TO COUNCIL TAX REF 99", "council tax"),
            ("Marks & Spencer PLC 14MAR26", "marks & spencer"),
            ("Sainsbury's", "sainsbury's"),
            ("  ＦＵＬＬ\u00a0ＷＩＤＴＨ  ", "full width"),  # noqa: RUF001 - the point of the case
            ("CAFÉ DE LA GARE", "café de la gare"),
            ("東京カフェ", "東京カフェ"),
            # Nothing is left of these: they keep their own text.
            ("12345678", "12345678"),
            ("REF  99", "ref 99"),
            ("", ""),
        ],
    )
    def test_examples(self, session: Session, statement: str, name: str) -> None:
        assert normalised(session, statement) == name

    def test_one_merchant_under_its_wordings_is_one_name(self, session: Session) -> None:
        wordings = [
            "Blue Door Bakery",
            "BLUE DOOR BAKERY 0042",
            "POS BLUE DOOR BAKERY",
            "Card purchase at Blue Door Bakery Ltd",
            "SQ *BLUE DOOR BAKERY",
            "BLUE DOOR BAKERY 14/03/26",
        ]

        assert {normalised(session, wording) for wording in wordings} == {"blue door bakery"}

    def test_none_is_an_empty_name(self, session: Session) -> None:
        assert normalised(session, None) == ""

    @on_one_database
    @given(name=plain_names, before=wordings, after=references)
    def test_what_a_bank_writes_around_a_name_does_not_change_it(
        self, session: Session, name: str, before: str, after: str
    ) -> None:
        for written in (name, name.upper(), f"{before}{name}", f"{before.upper()}{name}{after}"):
            assert normalised(session, written) == name

    @on_one_database
    @given(statement=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
    def test_any_text_has_a_name(self, session: Session, statement: str) -> None:
        # Not idempotent, and need not be: it reads statements, and a name that starts with what
        # looks like a bank's wording once its reference is gone would lose more the second time.
        assert normalised(session, statement) is not None


class TestUnits:
    @pytest.mark.parametrize(
        ("code", "major", "units"),
        [
            ("GBX", "GBP", 100),
            ("GBp", "GBP", 100),
            ("ILA", "ILS", 100),
            ("ZAC", "ZAR", 100),
            ("GBP", "GBP", 1),
            ("JPY", "JPY", 1),
            ("XYZ", "XYZ", 1),
            (None, None, 1),
        ],
    )
    def test_pence_become_pounds_once(
        self, session: Session, code: str | None, major: str | None, units: int
    ) -> None:
        row = session.execute(
            sa.text(
                "select common.major_currency(:code), common.units_per_major(:code),"
                " common.major_currency(common.major_currency(:code))"
            ),
            {"code": code},
        ).one()

        assert tuple(row) == (major, Decimal(units), major)


def test_every_enum_of_the_ledger_backs_a_column() -> None:
    used = {
        column.type.enum_class
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.Enum)
    }
    defined = {
        member
        for member in vars(enums).values()
        if isinstance(member, type) and member.__module__ == enums.__name__
    }

    assert defined - used == set()


def normalised(session: Session, statement: str | None) -> str | None:
    name: str | None = session.scalar(
        sa.text("select common.normalise_merchant(cast(:statement as text))"),
        {"statement": statement},
    )
    return name


def constraint_of(error: sa.exc.IntegrityError) -> str | None:
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name
