"""Connections: listed and found, and written by nobody but their owner."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import ConnectionStatus, Provider
from postgres.common.models import Account, AccountLink, Connection
from postgres.common.operations import accounts, balances, connections
from tests.postgres.ledger import Ledger, book, make_ledger
from tests.postgres.worth import at, report

DAY = dt.date(2026, 3, 14)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def stranger(session: Session) -> Ledger:
    return make_ledger(session)


def connect(session: Session, ledger: Ledger, number: int, **values: Any) -> Connection:
    connection = Connection(
        user_id=ledger.user.id,
        provider_connection_id=str(uuid.uuid4()),
        created_at=at(number),
        **{
            "institution_id": ledger.institution.id,
            "provider": Provider.TRADING212,
            "status": ConnectionStatus.ACTIVE,
            **values,
        },
    )
    session.add(connection)
    session.flush()
    return connection


def test_come_in_pages_the_oldest_first_and_filtered(
    session: Session, ledger: Ledger, stranger: Ledger
) -> None:
    session.delete(ledger.connection)
    last, first, middle = (
        connect(session, ledger, 3, status=ConnectionStatus.EXPIRED),
        connect(session, ledger, 1, provider=Provider.GOCARDLESS),
        connect(session, ledger, 2, institution_id=stranger.institution.id),
    )

    def found(user_id: uuid.UUID = ledger.user.id, **filters: Any) -> list[Connection]:
        return list(connections.list_connections(session, user_id, **filters).items)

    assert found() == [first, middle, last]
    assert found(provider=Provider.TRADING212) == [middle, last]
    assert found(status=ConnectionStatus.ACTIVE) == [first, middle]
    assert found(institution_id=stranger.institution.id) == [middle]
    assert found(stranger.user.id) == [stranger.connection]
    page = connections.list_connections(session, ledger.user.id, limit=2)
    assert list(page.items) == [first, middle]
    assert found(after=page.after) == [last]


def test_are_listed_with_their_institutions_of_one_user_or_of_all(
    session: Session, ledger: Ledger, stranger: Ledger
) -> None:
    broker = connect(session, ledger, 1)

    def found(**filters: Any) -> list[tuple[Connection, Any]]:
        return list(connections.list_with_institutions(session, **filters))

    own = [(broker, ledger.institution), (ledger.connection, ledger.institution)]
    assert found(user_id=ledger.user.id) == own
    assert found(user_id=ledger.user.id, provider=Provider.TRADING212) == own[:1]
    assert len(found()) == 3
    assert (stranger.connection, stranger.institution) in found()


def test_one_is_found_by_the_providers_id(
    session: Session, ledger: Ledger, stranger: Ledger
) -> None:
    provider_id = ledger.connection.provider_connection_id

    def find(user_id: uuid.UUID, provider: Provider, key: str = provider_id) -> Connection | None:
        return connections.find_connection(session, user_id, provider, key)

    assert find(ledger.user.id, Provider.GOCARDLESS) is ledger.connection
    assert find(ledger.user.id, Provider.TRADING212) is None
    assert find(ledger.user.id, Provider.GOCARDLESS, "another") is None
    assert find(stranger.user.id, Provider.GOCARDLESS) is None


def test_how_one_stands_is_not_for_another_user_to_say(
    session: Session, ledger: Ledger, stranger: Ledger
) -> None:
    def say(user_id: uuid.UUID) -> ConnectionStatus:
        connections.set_status(
            session, user_id, ledger.connection.id, ConnectionStatus.ERROR, "refused"
        )
        session.refresh(ledger.connection)
        return ledger.connection.status

    assert say(stranger.user.id) is ConnectionStatus.ACTIVE
    assert say(ledger.user.id) is ConnectionStatus.ERROR


def test_accounts_are_erased_with_the_connection_of_their_owner_alone(
    session: Session, ledger: Ledger, stranger: Ledger
) -> None:
    def erase(user_id: uuid.UUID) -> int:
        return len(accounts.erase_accounts(session, user_id, ledger.connection.id))

    assert erase(stranger.user.id) == 0
    assert erase(ledger.user.id) == 1
    left = session.scalars(sa.select(Account.id)).all()
    assert left == [stranger.account.id]


def test_an_account_that_another_connection_reads_is_kept(session: Session, ledger: Ledger) -> None:
    other = connect(session, ledger, 1)
    session.add(
        AccountLink(
            user_id=ledger.user.id,
            account_id=ledger.account.id,
            connection_id=other.id,
            provider=Provider.GOCARDLESS,
            provider_account_id="another",
        )
    )
    session.flush()

    assert accounts.erase_accounts(session, ledger.user.id, ledger.connection.id) == []


def test_what_an_account_opened_with_is_its_owners(
    session: Session, ledger: Ledger, stranger: Ledger
) -> None:
    book(session, ledger, DAY, "-10")
    report(session, ledger.account, "90", at(15))

    def opening(user_id: uuid.UUID) -> Decimal | None:
        balances.set_opening_balance(session, user_id, ledger.account.id)
        session.refresh(ledger.account)
        return ledger.account.opening_balance

    assert opening(stranger.user.id) is None
    assert opening(ledger.user.id) == 100
