"""Transactions as an application lists them, notes on them and writes those of its own."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    AccountCategory,
    AccountType,
    Provider,
    RecurringDirection,
    RecurringSource,
    TransactionKind,
    TransactionStatus,
)
from postgres.common.models import (
    Account,
    AccountLink,
    RecurringPattern,
    RecurringPatternTransaction,
    Transaction,
    TransactionSplit,
)
from postgres.common.operations import tags, transaction_splits, transactions
from postgres.common.operations.transaction_splits import Part
from postgres.common.operations.transactions import TransactionFilter
from postgres.errors import NotFoundError, OperationError, ProviderOwnedError, TransitionError
from postgres.paging import DEFAULT_LIMIT
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant

DAY = dt.date(2026, 3, 14)
AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
PENDING, BOOKED, VOID = TransactionStatus


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def make_account(session: Session, ledger: Ledger, name: str = "Cash") -> Account:
    """An account that no provider keeps."""
    account = Account(
        user_id=ledger.user.id,
        institution_id=ledger.institution.id,
        account_number=name,
        currency="EUR",
        account_type=AccountType.BANK,
        category=AccountCategory.BANK_ACCOUNT,
        name=name,
    )
    session.add(account)
    session.flush()
    return account


def found(session: Session, ledger: Ledger, **wanted: Any) -> set[uuid.UUID]:
    page = transactions.list_transactions(
        session, ledger.user.id, filters=TransactionFilter(**wanted)
    )
    return {row.id for row in page.items}


class TestFilters:
    def test_what_is_not_given_does_not_matter(self, session: Session, ledger: Ledger) -> None:
        rows = {book(session, ledger, DAY, "-5", status=status).id for status in TransactionStatus}
        book(session, make_ledger(session), DAY, "-5")

        assert found(session, ledger) == rows

    def test_account_status_and_kind(self, session: Session, ledger: Ledger) -> None:
        here, there = book(session, ledger, DAY, "-5"), book(session, ledger, DAY, "-5")
        there.account_id = make_account(session, ledger).id
        there.status, there.kind = VOID, TransactionKind.FEE

        assert found(session, ledger, account_ids=[here.account_id]) == {here.id}
        both = [here.account_id, there.account_id]
        assert found(session, ledger, account_ids=both) == {here.id, there.id}
        assert found(session, ledger, account_ids=[]) == set()
        assert found(session, ledger, statuses=[BOOKED, PENDING]) == {here.id}
        assert found(session, ledger, kinds={TransactionKind.FEE}) == {there.id}

    def test_another_users_account_holds_nothing(self, session: Session, ledger: Ledger) -> None:
        other = make_ledger(session)
        book(session, other, DAY, "-5")

        assert found(session, ledger, account_ids=[other.account.id]) == set()

    def test_days_are_those_that_the_list_goes_by(self, session: Session, ledger: Ledger) -> None:
        booked = book(session, ledger, dt.date(2026, 3, 10), "-5")
        booked.value_date = dt.date(2026, 1, 1)
        value, seen = (book(session, ledger, DAY, "-5", status=PENDING) for _ in range(2))
        for row in (value, seen):
            row.booking_date = None
        value.value_date = dt.date(2026, 3, 12)
        seen.first_seen_at = dt.datetime(2026, 3, 15, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
        session.commit()

        def days(first: int, last: int) -> set[uuid.UUID]:
            since, until = dt.date(2026, 3, first), dt.date(2026, 3, last)
            return found(session, ledger, since=since, until=until)

        assert days(10, 10) == {booked.id}
        assert days(12, 12) == {value.id}
        assert days(14, 14) == {seen.id}
        assert days(11, 14) == {value.id, seen.id}
        assert found(session, ledger, since=dt.date(2026, 3, 15)) == set()

    def test_size_and_direction(self, session: Session, ledger: Ledger) -> None:
        small_out, out, small_in, in_, none = (
            book(session, ledger, DAY, amount).id for amount in ("-5", "-10.00", "5", "10.00", "0")
        )
        ten, five = Decimal(10), Decimal(5)

        assert found(session, ledger, smallest=ten) == {out, in_}
        assert found(session, ledger, largest=five) == {small_out, small_in, none}
        assert found(session, ledger, smallest=five, largest=Decimal("9.99")) == {
            small_out,
            small_in,
        }
        assert found(session, ledger, is_outgoing=True) == {small_out, out}
        assert found(session, ledger, is_outgoing=False) == {small_in, in_}
        assert found(session, ledger, is_outgoing=False, smallest=ten) == {in_}
        assert found(session, ledger, smallest=Decimal(0), largest=Decimal(0)) == {none}

    def test_currency_merchant_and_pattern(self, session: Session, ledger: Ledger) -> None:
        bakery = make_merchant(session, ledger, "bakery")
        plain = book(session, ledger, DAY, "-5")
        bread = book(session, ledger, DAY, "-5", merchant=bakery)
        plain.currency = "EUR"
        pattern = RecurringPattern(
            user_id=ledger.user.id,
            account_id=ledger.account.id,
            source=RecurringSource.MANUAL,
            direction=RecurringDirection.EXPENSE,
            currency="GBP",
        )
        session.add(pattern)
        session.flush()
        session.add(
            RecurringPatternTransaction(
                transaction_id=bread.id,
                pattern_id=pattern.id,
                user_id=ledger.user.id,
                source=RecurringSource.MANUAL,
            )
        )
        session.flush()

        assert found(session, ledger, currency="EUR") == {plain.id}
        assert found(session, ledger, merchant_id=bakery.id) == {bread.id}
        assert found(session, ledger, pattern_id=pattern.id) == {bread.id}
        assert found(session, ledger, pattern_id=uuid.uuid4()) == set()

    def test_tags(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        food, fun = (tags.create_tag(session, user_id, name) for name in ("Food", "Fun"))
        bare, whole, parts, untagged = (book(session, ledger, DAY, "-50").id for _ in range(4))
        transaction_splits.set_tag(session, user_id, whole, food.id)
        mixed = [Part(food.id, Decimal(-20)), Part(fun.id, Decimal(-20)), Part(None)]
        transaction_splits.set_splits(session, user_id, parts, mixed)
        transaction_splits.set_splits(session, user_id, untagged, [Part(None)])

        assert found(session, ledger, tag_id=food.id) == {whole, parts}
        assert found(session, ledger, tag_id=fun.id) == {parts}
        assert found(session, ledger, is_tagged=True) == {whole, parts}
        assert found(session, ledger, is_tagged=False) == {bare, untagged}

    def test_what_waits_for_a_look(self, session: Session, ledger: Ledger) -> None:
        waiting, calm, bare = (book(session, ledger, DAY, "-50") for _ in range(3))
        for row in (waiting, calm):
            parts = [Part(None, Decimal(-20)), Part(None)]
            transaction_splits.set_splits(session, ledger.user.id, row.id, parts)
        session.commit()
        waiting.amount = Decimal(-60)
        session.commit()

        assert found(session, ledger, needs_review=True) == {waiting.id}
        assert found(session, ledger, needs_review=False) == {calm.id, bare.id}

    def test_text_in_any_case_and_as_it_is_written(self, session: Session, ledger: Ledger) -> None:
        described, named, noted, bare = (book(session, ledger, DAY, "-50") for _ in range(4))
        described.description = "CAFÉ 100% de la gare"
        named.counterparty_name = "Ann_Smith"
        noted.user_note = "for the Café"
        session.flush()

        assert found(session, ledger, text="café") == {described.id, noted.id}
        assert found(session, ledger, text="ann_s") == {named.id}
        assert found(session, ledger, text="0% D") == {described.id}
        # Not a pattern.
        assert found(session, ledger, text="ann%h") == set()
        assert found(session, ledger, text="a_f") == set()
        assert bare.id not in found(session, ledger, text="e")

    def test_all_of_them_at_once(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-50")
        everything = {
            "account_ids": [ledger.account.id],
            "statuses": [BOOKED],
            "kinds": [TransactionKind.PAYMENT],
            "since": DAY,
            "until": DAY,
            "smallest": Decimal(50),
            "largest": Decimal(50),
            "is_outgoing": True,
            "currency": "GBP",
            "is_tagged": False,
            "needs_review": False,
        }

        assert found(session, ledger, **everything) == {row.id}
        assert found(session, ledger, **everything, text="x") == set()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(days=st.lists(st.integers(1, 5), max_size=12), limit=st.integers(1, 5))
def test_every_row_once_and_the_newest_first(session: Session, days: list[int], limit: int) -> None:
    ledger = make_ledger(session)
    rows = [book(session, ledger, dt.date(2026, 3, day), "-1") for day in days]
    wanted = sorted(((row.sort_date, row.id) for row in rows), reverse=True)

    seen, after = [], None
    while True:
        page = transactions.list_transactions(session, ledger.user.id, after=after, limit=limit)
        seen += [(row.sort_date, row.id) for row in page.items]
        after = page.after
        if after is None:
            break

    assert seen == wanted
    iterated = transactions.iterate_transactions(session, ledger.user.id)
    assert [(row.sort_date, row.id) for row in iterated] == wanted


class TestPages:
    def test_a_pending_row_moves_to_its_day_once_it_is_booked(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-1", status=PENDING)
        row.booking_date = None
        session.flush()
        session.refresh(row)
        assert row.sort_date == row.first_seen_at.date() != DAY

        row.booking_date, row.status = DAY, BOOKED
        session.flush()
        session.refresh(row)
        assert row.sort_date == DAY

    @pytest.mark.parametrize(
        ("wanted", "index"),
        [
            ("one account", "ix_transactions__account_id_sort_date_id"),
            ("all accounts", "ix_transactions__user_id_sort_date_id"),
        ],
    )
    def test_a_page_reads_its_own_rows_and_sorts_none(
        self, session: Session, engine: sa.Engine, ledger: Ledger, wanted: str, index: str
    ) -> None:
        for account, rows in (
            (ledger.account, 1500),
            (make_account(session, ledger), 9000),
            (make_ledger(session).account, 1500),
        ):
            fill(session, account, rows)
        session.commit()
        # Rows that lie together by chance, account by account, can make either index look better.
        session.execute(sa.text("cluster common.transactions using pk_transactions"))
        session.execute(sa.text("analyze common.transactions"))
        only = TransactionFilter(account_ids=[ledger.account.id])
        filters = only if wanted == "one account" else TransactionFilter()
        first = transactions.list_transactions(session, ledger.user.id, filters=filters)

        with explained(session, engine) as plans:
            transactions.list_transactions(
                session, ledger.user.id, filters=filters, after=first.after
            )

        (plan,) = plans
        nodes = list(walk(plan["Plan"]))
        assert [node["Node Type"] for node in nodes] == ["Limit", "Index Scan"]
        assert (nodes[1]["Index Name"], nodes[1]["Scan Direction"]) == (index, "Backward")
        assert nodes[1]["Actual Rows"] == DEFAULT_LIMIT + 1
        assert nodes[1].get("Rows Removed by Filter", 0) == 0

    def test_all_rows_are_read_a_batch_at_a_time(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        fill(session, ledger.account, 2500)
        session.commit()

        with sessions() as own:
            rows = transactions.iterate_transactions(own, ledger.user.id)
            first = next(rows)
            loaded = len(own.identity_map)
            days = [first.sort_date, *(row.sort_date for row in rows)]

        assert loaded <= 1000
        assert len(days) == 2500
        assert days == sorted(days, reverse=True)

    def test_only_what_is_wanted_is_iterated(self, session: Session, ledger: Ledger) -> None:
        book(session, ledger, DAY, "-1")
        row = book(session, ledger, DAY, "1")
        money_in = TransactionFilter(is_outgoing=False)

        rows = transactions.iterate_transactions(session, ledger.user.id, filters=money_in)

        assert list(rows) == [row]


def fill(session: Session, account: Account, rows: int) -> None:
    session.execute(
        sa.text(
            "insert into common.transactions (user_id, account_id, source_key, status, amount,"
            " currency, booking_date, kind, raw_table, raw_id, first_seen_at)"
            " select :user_id, :account_id, 'many:' || n, 'booked', -n, 'GBP',"
            " date '2020-01-01' + n % 2000, 'payment', 'x', gen_random_uuid(), now()"
            " from generate_series(1, :rows) as n"
        ),
        {"user_id": account.user_id, "account_id": account.id, "rows": rows},
    )


@contextmanager
def explained(session: Session, engine: sa.Engine) -> Iterator[list[dict[str, Any]]]:
    """Collect the plans of the selects of a block, as they run."""
    plans: list[dict[str, Any]] = []

    def explain(
        connection: sa.Connection, cursor: Any, statement: str, parameters: Any, *_: object
    ) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"explain (analyze, format json) {statement}", parameters)
            plans.extend(cursor.fetchone()[0])

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from walk(child)


class TestReading:
    def test_a_transaction_is_only_its_owners(self, session: Session, ledger: Ledger) -> None:
        row, other = book(session, ledger, DAY, "-5"), make_ledger(session).user.id

        assert transactions.get_transaction(session, ledger.user.id, row.id) is row
        assert transactions.get_transaction(session, other, row.id) is None
        for refused in (
            lambda: transactions.set_note(session, other, row.id, "mine"),
            lambda: transactions.update_transaction(session, other, row.id, amount=Decimal(1)),
            lambda: transactions.delete_transaction(session, other, row.id),
        ):
            with pytest.raises(NotFoundError, match=str(row.id)):
                refused()

    def test_a_note_is_the_users(self, session: Session, ledger: Ledger) -> None:
        row, bystander = book(session, ledger, DAY, "-5"), book(session, ledger, DAY, "-5")
        session.commit()
        before = row.updated_at

        noted = transactions.set_note(session, ledger.user.id, row.id, "  for Ann\n")
        session.commit()

        assert noted is row
        assert (row.user_note, bystander.user_note) == ("for Ann", None)
        assert row.updated_at > before
        for nothing in (" ", None):
            transactions.set_note(session, ledger.user.id, row.id, "again")
            assert transactions.set_note(session, ledger.user.id, row.id, nothing).user_note is None

    def test_an_application_reads_and_notes(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-5")
        session.commit()

        with user_session(sessions, ledger.user.id) as own:
            (listed,) = transactions.list_transactions(own, ledger.user.id).items
            transactions.set_note(own, ledger.user.id, row.id, "for Ann")
            account = make_account(own, ledger)
            mine = transactions.create_transaction(
                own, ledger.user.id, account.id, amount=Decimal(-3), booking_date=DAY, at=AT
            )
            transactions.update_transaction(own, ledger.user.id, mine.id, amount=Decimal(-4))

        assert listed.id == row.id
        assert listed.user_note == "for Ann"
        assert (mine.amount, mine.sort_date) == (Decimal(-4), DAY)

    def test_totals_by_currency(self, session: Session, ledger: Ledger) -> None:
        book(session, ledger, dt.date(2026, 3, 1), "-5")
        book(session, ledger, dt.date(2026, 3, 2), "-7.50")
        book(session, ledger, DAY, "20")
        book(session, ledger, dt.date(2026, 3, 20), "-9", status=PENDING)
        book(session, ledger, dt.date(2026, 3, 21), "-9", status=VOID)
        other = book(session, ledger, DAY, "-1", status=PENDING)
        other.currency = "EUR"
        book(session, make_ledger(session), DAY, "-100")

        pounds, euros = transactions.list_currency_totals(session, ledger.user.id)

        assert (pounds.currency, pounds.booked, pounds.pending) == ("GBP", 3, 1)
        assert (pounds.money_in, pounds.money_out) == (Decimal(20), Decimal("-12.50"))
        assert (pounds.first_booking_date, pounds.last_booking_date) == (dt.date(2026, 3, 1), DAY)
        assert (euros.currency, euros.booked, euros.pending) == ("EUR", 0, 1)
        assert (euros.money_in, euros.money_out) == (Decimal(0), Decimal(0))
        assert euros.first_booking_date is None


class TestByHand:
    @pytest.fixture
    def cash(self, session: Session, ledger: Ledger) -> Account:
        return make_account(session, ledger)

    def write(self, session: Session, cash: Account, **values: Any) -> Transaction:
        given: dict[str, Any] = {"amount": Decimal("-3.20"), "booking_date": DAY, "at": AT}
        return transactions.create_transaction(session, cash.user_id, cash.id, **(given | values))

    def test_a_row_of_an_account_that_no_provider_keeps(
        self, session: Session, cash: Account
    ) -> None:
        row = self.write(
            session, cash, description=" bread ", counterparty_name=" bakery ", note=" for Ann "
        )
        session.commit()
        session.expire_all()

        assert (row.amount, row.currency, row.status) == (Decimal("-3.20"), "EUR", BOOKED)
        assert (row.booking_date, row.sort_date, row.first_seen_at) == (DAY, DAY, AT)
        assert (row.description, row.counterparty_name) == ("bread", "bakery")
        assert (row.user_note, row.kind) == ("for Ann", TransactionKind.PAYMENT)
        assert (row.raw_table, row.raw_id) == ("common.transactions", row.id)
        assert row.source_key == f"manual:{row.id}"
        assert (row.user_id, row.account_id) == (cash.user_id, cash.id)

    def test_as_it_is_told(self, session: Session, cash: Account) -> None:
        row = self.write(
            session,
            cash,
            currency="GBP",
            status=PENDING,
            kind=TransactionKind.FEE,
            description=" ",
            note="",
        )

        assert (row.currency, row.status, row.kind) == ("GBP", PENDING, TransactionKind.FEE)
        assert (row.description, row.user_note) == (None, None)

    def test_what_is_given_changes_and_no_more(self, session: Session, cash: Account) -> None:
        row = self.write(session, cash, description="bread", status=PENDING, note="for Ann")
        transaction_splits.set_splits(
            session, cash.user_id, row.id, [Part(None, Decimal(-1)), Part(None)]
        )
        session.commit()
        before = row.updated_at

        def update(**values: Any) -> Transaction:
            return transactions.update_transaction(session, cash.user_id, row.id, **values)

        assert update(amount=Decimal("-6.40")) is row
        assert (row.amount, row.description, row.status) == (Decimal("-6.40"), "bread", PENDING)
        moved = dt.date(2026, 4, 1)
        update(
            booking_date=moved,
            status=BOOKED,
            kind=TransactionKind.FEE,
            description=" ",
            counterparty_name=" bakery ",
        )
        session.commit()

        assert (row.booking_date, row.sort_date, row.status) == (moved, moved, BOOKED)
        assert (row.kind, row.description, row.counterparty_name) == (
            TransactionKind.FEE,
            None,
            "bakery",
        )
        assert (row.user_note, row.amount) == ("for Ann", Decimal("-6.40"))
        assert row.updated_at > before
        splits = transaction_splits.splits_of(session, cash.user_id, [row.id])
        assert [split.amount for split in splits] == [Decimal("-4.40"), Decimal(-2)]
        with pytest.raises(TransitionError, match="cannot become pending"):
            update(status=PENDING)

    def test_it_goes_with_its_splits(self, session: Session, cash: Account) -> None:
        row = self.write(session, cash)
        transaction_splits.set_splits(session, cash.user_id, row.id, [Part(None)])

        transactions.delete_transaction(session, cash.user_id, row.id)
        session.commit()

        assert transactions.get_transaction(session, cash.user_id, row.id) is None
        assert session.scalars(sa.select(TransactionSplit.id)).all() == []

    def test_what_a_provider_keeps_is_refused(self, session: Session, ledger: Ledger) -> None:
        row, user_id = book(session, ledger, DAY, "-5"), ledger.user.id

        for refused in (
            lambda: self.write(session, ledger.account),
            lambda: transactions.update_transaction(session, user_id, row.id, amount=Decimal(1)),
            lambda: transactions.delete_transaction(session, user_id, row.id),
        ):
            with pytest.raises(ProviderOwnedError):
                refused()

        assert row.amount == -5
        assert found(session, ledger) == {row.id}

    def test_a_link_that_is_by_hand_is_no_provider(
        self, session: Session, ledger: Ledger, cash: Account
    ) -> None:
        def link(provider: Provider) -> None:
            session.add(
                AccountLink(
                    user_id=cash.user_id,
                    account_id=cash.id,
                    connection_id=ledger.connection.id,
                    provider=provider,
                    provider_account_id=str(provider),
                )
            )
            session.flush()

        link(Provider.MANUAL)
        row = self.write(session, cash)

        link(Provider.TRADING212)
        with pytest.raises(ProviderOwnedError):
            self.write(session, cash)
        # What the user wrote there before is still theirs, lest it count twice for ever.
        transactions.delete_transaction(session, cash.user_id, row.id)

    def test_an_account_of_nobody_or_of_another_is_not_there(
        self, session: Session, cash: Account
    ) -> None:
        other = make_ledger(session).user.id

        for user_id, account_id in ((other, cash.id), (cash.user_id, uuid.uuid4())):
            with pytest.raises(NotFoundError, match=str(account_id)):
                transactions.create_transaction(
                    session, user_id, account_id, amount=Decimal(1), booking_date=DAY, at=AT
                )

    @pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
    def test_what_is_no_number_is_refused(
        self, session: Session, cash: Account, amount: str
    ) -> None:
        row = self.write(session, cash)

        with pytest.raises(OperationError, match="is a number"):
            self.write(session, cash, amount=Decimal(amount))
        with pytest.raises(OperationError, match="is a number"):
            transactions.update_transaction(session, cash.user_id, row.id, amount=Decimal(amount))
