"""Accounts: what a user may do with those that a connection reads, and with their own."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from postgres import raw
from postgres.common.enums import (
    AccountCategory,
    AccountStatus,
    AccountType,
    RecurringDirection,
    RecurringSource,
    RecurringStatus,
)
from postgres.common.models import Account, AccountLink, RecurringPattern, Transaction
from postgres.common.operations import account_links, accounts, connections
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.gocardless import models as gocardless
from postgres.models import metadata
from tests.postgres.household import Household, make_household
from tests.postgres.ledger import Ledger, book, make_ledger

DAY = dt.date(2026, 3, 14)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


class TestOwnAccounts:
    def test_cash_in_the_drawer(self, session: Session, ledger: Ledger) -> None:
        made = accounts.create_account(
            session, ledger.user.id, name="Drawer", currency="EUR", opening_balance=Decimal("12.50")
        )

        assert accounts.get_account(session, ledger.user.id, made.id) is made
        assert (made.status, made.opening_balance) == (AccountStatus.ACTIVE, Decimal("12.50"))
        assert accounts.close_account(session, ledger.user.id, made.id).status == "closed"
        made_id = made.id
        accounts.delete_account(session, ledger.user.id, made_id)
        assert accounts.get_account(session, ledger.user.id, made_id) is None

    def test_one_number_in_one_currency_is_one_account(
        self, session: Session, ledger: Ledger
    ) -> None:
        def make(currency: str) -> Account:
            return accounts.create_account(
                session, ledger.user.id, name="A", currency=currency, account_number="1"
            )

        make("GBP")
        make("EUR")
        with pytest.raises(AlreadyExistsError, match="account 1 in GBP"):
            make("GBP")
        for wrong in ("gbp", "GBX1", "£"):
            with pytest.raises(OperationError, match="ISO 4217"):
                make(wrong)
        with pytest.raises(OperationError, match="needs a name"):
            accounts.create_account(session, ledger.user.id, name=" ", currency="GBP")

    def test_what_a_connection_reads_says_itself_how_it_stands(
        self, session: Session, ledger: Ledger
    ) -> None:
        for refused in (accounts.close_account, accounts.delete_account):
            with pytest.raises(OperationError, match="a connection reads Current"):
                refused(session, ledger.user.id, ledger.account.id)

        connections.delete_connection(session, ledger.user.id, ledger.connection.id)
        accounts.delete_account(session, ledger.user.id, ledger.account.id)
        assert session.scalar(sa.select(sa.func.count()).select_from(Transaction)) == 0

    def test_deleting_one_pauses_what_was_about_it_and_widens_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        own = accounts.create_account(session, ledger.user.id, name="Drawer", currency="GBP")
        pattern = RecurringPattern(
            user_id=ledger.user.id,
            account_id=own.id,
            source=RecurringSource.MANUAL,
            direction=RecurringDirection.EXPENSE,
            currency="GBP",
            status=RecurringStatus.ACTIVE,
            merchant_contains="rent",
        )
        session.add(pattern)
        session.flush()

        accounts.delete_account(session, ledger.user.id, own.id)

        session.refresh(pattern)
        assert (pattern.account_id, pattern.status) == (None, RecurringStatus.PAUSED)

    def test_renaming_is_the_users(self, session: Session, ledger: Ledger) -> None:
        user_id, account_id = ledger.user.id, ledger.account.id
        assert accounts.rename_account(session, user_id, account_id, "Joint").display_name
        with pytest.raises(OperationError, match="needs a name"):
            accounts.rename_account(session, user_id, account_id, " ")
        assert accounts.rename_account(session, user_id, account_id, None).display_name is None

    def test_filters_and_pages(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        for name, currency in (("B", "EUR"), ("C", "GBP"), ("D", "GBP")):
            accounts.create_account(
                session, user_id, name=name, currency=currency, category=AccountCategory.CREDIT_CARD
            )

        def names(**filters: object) -> list[str]:
            page = accounts.list_accounts(session, user_id, **filters)  # type: ignore[arg-type]
            return [account.name for account in page.items]

        assert names() == ["B", "C", "Current", "D"]
        assert names(currency="GBP", category=AccountCategory.CREDIT_CARD) == ["C", "D"]
        assert names(institution_id=ledger.institution.id) == ["Current"]
        assert names(account_type=AccountType.TRADING) == []
        assert names(status=AccountStatus.CLOSED) == []
        first = accounts.list_accounts(session, user_id, limit=3)
        assert [a.name for a in first.items] == ["B", "C", "Current"]
        assert names(after=first.after) == ["D"]

    def test_of_another_user_is_none(self, session: Session, ledger: Ledger) -> None:
        stranger = make_ledger(session).user.id

        assert accounts.get_account(session, stranger, ledger.account.id) is None
        assert connections.get_connection(session, stranger, ledger.connection.id) is None
        for refused in (accounts.close_account, accounts.delete_account):
            with pytest.raises(NotFoundError):
                refused(session, stranger, ledger.account.id)


class TestLinks:
    def test_of_an_account_and_through_a_connection(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        (link,) = account_links.list_links(session, user_id).items

        assert isinstance(link, AccountLink)
        assert account_links.get_link(session, user_id, link.id) is link
        assert account_links.get_link(session, make_ledger(session).user.id, link.id) is None

        def of_account(id_: uuid.UUID) -> object:
            return account_links.list_links(session, user_id, account_id=id_).items

        def through(id_: uuid.UUID) -> object:
            return account_links.list_links(session, user_id, connection_id=id_).items

        assert of_account(ledger.account.id) == through(ledger.connection.id) == [link]
        assert of_account(uuid.uuid4()) == through(uuid.uuid4()) == []


class TestRaw:
    @pytest.fixture
    def ann(self, session: Session) -> Household:
        return make_household(session)

    def test_every_row_of_the_ledger_leads_back(self, session: Session, ledger: Ledger) -> None:
        row = book(session, ledger, DAY, "-5")
        assert raw.get_raw(session, ledger.user.id, row.raw_table, row.raw_id) is None

    def test_each_raw_table_of_a_user_is_read_alike(self, session: Session, ann: Household) -> None:
        tables = [
            name
            for name, table in metadata.tables.items()
            if "payload" in table.c and "user_id" in table.c
        ]
        assert len(tables) >= 9
        for name in tables:
            row_id = ann.rows[name]["id"]
            found = raw.get_raw(session, ann.user_id, name, row_id)
            assert found is not None, name
            assert found.payload == {}
            assert raw.get_raw(session, uuid.uuid4(), name, row_id) is None

    def test_what_is_no_raw_table_is_refused(self, session: Session, ann: Household) -> None:
        for name in ("common.accounts", "gocardless.institutions", "nothing"):
            with pytest.raises(OperationError, match=name):
                raw.get_raw(session, ann.user_id, name, uuid.uuid4())

    def test_pages_by_what_changed_last(self, session: Session, ann: Household) -> None:
        account_id = ann.rows["gocardless.bank_accounts"]["id"]
        newer = [
            gocardless.Transaction(
                user_id=ann.user_id,
                bank_account_id=account_id,
                is_pending=False,
                identity_key=f"k{number}",
                shown=[Range(1, None)],
                refusal="no amount",
                payload={"number": number},
                content_hash=b"",
                first_seen_at=dt.datetime(2027, 1, number, tzinfo=dt.UTC),
                first_seen_run_id="r",
                changed_at=dt.datetime(2027, 1, number, tzinfo=dt.UTC),
                changed_run_id="r",
            )
            for number in (1, 2, 3)
        ]
        session.add_all(newer)
        session.flush()
        model = gocardless.Transaction
        matching = {model.bank_account_id: account_id}

        first = raw.list_raw(session, ann.user_id, model, matching=matching, limit=2)
        rest = raw.list_raw(
            session, ann.user_id, model, matching=matching, limit=2, after=first.after
        )
        assert [row.payload.get("number") for row in (*first.items, *rest.items)] == [3, 2, 1, None]
        recent = raw.list_raw(session, ann.user_id, model, changed_since=newer[1].changed_at)
        assert [row.payload["number"] for row in recent.items] == [3, 2]
        other = {model.bank_account_id: uuid.uuid4()}
        assert raw.list_raw(session, ann.user_id, model, matching=other).items == []
