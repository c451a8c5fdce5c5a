"""What providers answered, as an application reads it: by key, filtered, in pages, one's own."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from postgres.core import Base, WriteCounts
from postgres.gocardless import models as gocardless
from postgres.gocardless.operations import (
    agreements,
    balances,
    bank_accounts,
    rate_limits,
    requisitions,
    transactions,
)
from postgres.gocardless.operations import institutions as banks
from postgres.paging import Page
from postgres.payload import Stamp
from postgres.trading212 import models as trading212
from postgres.trading212.operations import (
    account_summaries,
    api_keys,
    cash_transactions,
    dividends,
    export_rows,
    exports,
    orders,
    pending_orders,
    pies,
    positions,
)
from postgres.trading212.operations import instruments as securities
from tests.postgres.household import Household, make_household

YEAR = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
"""After the rows of a household."""


def at(number: int, hour: int = 0) -> dt.datetime:
    return YEAR + dt.timedelta(days=number - 1, hours=hour)


def day(number: int) -> dt.date:
    return at(number).date()


def stamp(number: int) -> Stamp:
    return Stamp(run_id="r", seen_at=at(number, 23), changed_at=at(number))


def put(session: Session, model: type[Base], user_id: uuid.UUID, number: int, **values: Any) -> Any:
    """Land a row on a day of the year."""
    row = model(user_id=user_id, **values, **stamp(number).on({"number": number}))
    session.add(row)
    session.flush()
    return row


@dataclass(frozen=True)
class Home:
    """A user with two parents for every raw row, and a stranger."""

    ann: Household
    stranger: Household
    consents: tuple[uuid.UUID, uuid.UUID]
    accounts: tuple[uuid.UUID, uuid.UUID]
    keys: tuple[uuid.UUID, uuid.UUID]


@pytest.fixture
def home(session: Session) -> Home:
    ann, stranger = make_household(session), make_household(session)
    user_id = ann.user_id
    consent, account, key = (
        ann.rows[f"{table}"]["id"]
        for table in ("gocardless.requisitions", "gocardless.bank_accounts", "trading212.api_keys")
    )
    other_consent = uuid.uuid4()
    put(session, gocardless.Requisition, user_id, -9, id=other_consent, **a_requisition(-9))
    account_values = a_bank_account(-9) | {"requisition_id": other_consent}
    other_account = put(session, gocardless.BankAccount, user_id, -9, **account_values)
    other_key = trading212.ApiKey(
        user_id=user_id, provider_account_id=1_000_000, currency="EUR", removed_at=YEAR
    )
    session.add(other_key)
    session.flush()
    return Home(
        ann, stranger, (consent, other_consent), (account, other_account.id), (key, other_key.id)
    )


def a_requisition(number: int) -> dict[str, Any]:
    return {"institution_id": f"BANK_{number}", "reference": "r", "status": "CR", "link": "l"}


def a_bank_account(number: int) -> dict[str, Any]:
    return {
        "provider_account_id": uuid.uuid4(),
        "account_number": str(number),
        "name": "n",
        "status": "READY",
        "currency": "GBP",
        "is_card": False,
    }


def numbers(fetch: Callable[..., Page[Any]], session: Session, user_id: uuid.UUID, **filters: Any):  # type: ignore[no-untyped-def]
    """The numbers of all rows that a list has, page by page; those before the year are left out."""
    found: list[int] = []
    after = None
    while True:
        page = fetch(session, user_id, after=after, limit=2, **filters)
        found += [row.payload.get("number", 0) for row in page.items]
        after = page.after
        if after is None:
            return [number for number in found if number > 0]


class Table:
    """One raw table: what its rows 1, 2 and 3 are and what a list of them is asked.

    The rows changed on the first, second and third of the year.
    """

    def __init__(
        self,
        model: type[Base],
        get: Callable[..., Any],
        fetch: Callable[..., Page[Any]],
        values: Callable[[Home, int], dict[str, Any]],
        asked: Callable[[Home], list[tuple[dict[str, Any], list[int]]]],
    ) -> None:
        self.model, self.get, self.fetch, self.values, self.asked = model, get, fetch, values, asked


def last(number: int, then: Any, otherwise: Any = None) -> Any:
    """The value of the third row, and that of the others."""
    return then if number == 3 else otherwise


# Rows 1 and 2 are of the first parent, row 3 is of the second.
DAYS: list[tuple[dict[str, Any], list[int]]] = [
    ({"since": day(2)}, [3, 2]),
    ({"until": day(2)}, [2, 1]),
    ({"since": day(2), "until": day(2)}, [2]),
]


def by_key(home: Home, number: int) -> dict[str, Any]:
    return {"api_key_id": home.keys[number == 3], "identity_key": f"k{number}"} | {
        # The last instant of the day.
        "occurred_at": at(number + 1) - dt.timedelta(microseconds=1),
        "refusal": last(number, "no amount"),
    }


def asked_of_a_history(home: Home) -> list[tuple[dict[str, Any], list[int]]]:
    return [
        *DAYS,
        ({"api_key_id": home.keys[1]}, [3]),
        ({"api_key_id": home.keys[0]}, [2, 1]),
        ({"is_refused": True}, [3]),
        ({"is_refused": False}, [2, 1]),
    ]


TABLES = [
    Table(
        gocardless.Agreement,
        agreements.get_agreement,
        agreements.list_agreements,
        lambda _, n: {
            "id": uuid.uuid4(),
            "institution_id": f"BANK_{n}",
            "max_historical_days": 90,
            "access_valid_for_days": 90,
        },
        lambda _: [({"institution_id": "BANK_2"}, [2])],
    ),
    Table(
        gocardless.Requisition,
        requisitions.get_requisition,
        requisitions.list_requisitions,
        lambda _, n: {
            **a_requisition(n),
            "id": uuid.uuid4(),
            "status": last(n, "LN", "CR"),
            "removed_at": last(n, YEAR),
        },
        lambda _: [
            ({"institution_id": "BANK_2"}, [2]),
            ({"status": "LN"}, [3]),
            ({"is_removed": True}, [3]),
            ({"is_removed": False}, [2, 1]),
        ],
    ),
    Table(
        gocardless.BankAccount,
        bank_accounts.get_bank_account,
        bank_accounts.list_bank_accounts,
        lambda home, n: {
            **a_bank_account(n),
            "requisition_id": home.consents[n == 3],
            "status": last(n, "SUSPENDED", "READY"),
            "currency": last(n, "EUR", "GBP"),
            "is_card": n == 3,
        },
        lambda home: [
            ({"requisition_id": home.consents[1]}, [3]),
            ({"status": "SUSPENDED"}, [3]),
            ({"currency": "GBP"}, [2, 1]),
            ({"is_card": True}, [3]),
            ({"is_card": False}, [2, 1]),
        ],
    ),
    Table(
        gocardless.Balance,
        balances.get_balance,
        balances.list_balances,
        lambda home, n: {
            "bank_account_id": home.accounts[n == 3],
            "balance_type": last(n, "expected", "interimBooked"),
            "currency": last(n, "EUR", "GBP"),
            "reference_date": day(n),
        },
        lambda home: [
            *DAYS,
            ({"bank_account_id": home.accounts[1]}, [3]),
            ({"balance_type": "expected"}, [3]),
            ({"currency": "GBP"}, [2, 1]),
        ],
    ),
    Table(
        gocardless.Transaction,
        transactions.get_transaction,
        transactions.list_transactions,
        lambda home, n: {
            "bank_account_id": home.accounts[n == 3],
            "is_pending": n == 3,
            "identity_key": f"k{n}",
            "booking_date": day(n),
            "amount": 1,
            "currency": "GBP",
            "refusal": last(n, "a fault"),
            "shown": last(n, [Range(1, 2)], [Range(1, None)]),
            "withdrawn_at": last(n, YEAR),
        },
        lambda home: [
            *DAYS,
            ({"bank_account_id": home.accounts[1]}, [3]),
            ({"is_pending": True}, [3]),
            ({"is_pending": False}, [2, 1]),
            ({"is_refused": True}, [3]),
            ({"is_refused": False}, [2, 1]),
            ({"is_shown": False}, [3]),
            ({"is_shown": True}, [2, 1]),
        ],
    ),
    Table(
        trading212.AccountSummary,
        account_summaries.get_account_summary,
        account_summaries.list_account_summaries,
        lambda home, n: {"api_key_id": home.keys[n == 3]},
        lambda home: [*DAYS, ({"api_key_id": home.keys[1]}, [3])],
    ),
    Table(
        trading212.Position,
        positions.get_position,
        positions.list_positions,
        lambda home, n: {
            "api_key_id": home.keys[n == 3],
            "as_of": day(n),
            "identity_key": f"T{n}",
            "ticker": f"T{n}",
            "quantity": 1,
        },
        lambda home: [*DAYS, ({"api_key_id": home.keys[1]}, [3]), ({"ticker": "T2"}, [2])],
    ),
    Table(
        trading212.Order,
        orders.get_order,
        orders.list_orders,
        lambda home, n: {**by_key(home, n), "ticker": f"T{n}"},
        lambda home: [*asked_of_a_history(home), ({"ticker": "T2"}, [2])],
    ),
    Table(
        trading212.Dividend,
        dividends.get_dividend,
        dividends.list_dividends,
        lambda home, n: {**by_key(home, n), "ticker": f"T{n}"},
        lambda home: [*asked_of_a_history(home), ({"ticker": "T2"}, [2])],
    ),
    Table(
        trading212.CashTransaction,
        cash_transactions.get_cash_transaction,
        cash_transactions.list_cash_transactions,
        by_key,
        asked_of_a_history,
    ),
    Table(
        trading212.ExportRow,
        export_rows.get_export_row,
        export_rows.list_export_rows,
        by_key,
        asked_of_a_history,
    ),
    Table(
        trading212.PendingOrder,
        pending_orders.get_pending_order,
        pending_orders.list_pending_orders,
        lambda home, n: {
            "api_key_id": home.keys[n == 3],
            "identity_key": f"k{n}",
            "ticker": f"T{n}",
            "gone_at": last(n, YEAR),
        },
        lambda home: [
            *DAYS,
            ({"api_key_id": home.keys[1]}, [3]),
            ({"ticker": "T2"}, [2]),
            ({"is_gone": True}, [3]),
            ({"is_gone": False}, [2, 1]),
        ],
    ),
    Table(
        trading212.Pie,
        pies.get_pie,
        pies.list_pies,
        lambda home, n: {
            "api_key_id": home.keys[n == 3],
            "pie_id": 1000 + n,
            "gone_at": last(n, YEAR),
        },
        lambda home: [
            *DAYS,
            ({"api_key_id": home.keys[1]}, [3]),
            ({"is_gone": True}, [3]),
            ({"is_gone": False}, [2, 1]),
        ],
    ),
    Table(
        trading212.Export,
        exports.get_export,
        exports.list_exports,
        lambda home, n: {
            "api_key_id": home.keys[n == 3],
            "report_id": 1000 + n,
            "status": f"S{n}",
            "time_from": YEAR,
            "time_to": YEAR,
            "requested_at": at(n + 1) - dt.timedelta(microseconds=1),
        },
        lambda home: [
            *DAYS,
            ({"api_key_id": home.keys[1]}, [3]),
            ({"status": "S2"}, [2]),
        ],
    ),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.model.__tablename__)
def test_rows_are_got_and_listed(session: Session, home: Home, table: Table) -> None:
    ann, stranger = home.ann.user_id, home.stranger.user_id
    rows = [put(session, table.model, ann, n, **table.values(home, n)) for n in (2, 1, 3)]

    assert numbers(table.fetch, session, ann) == [3, 2, 1]
    assert numbers(table.fetch, session, ann, changed_since=at(2)) == [3, 2]
    for filters, expected in table.asked(home):
        found = numbers(table.fetch, session, ann, **filters)
        assert found == expected, filters
    for row in rows:
        assert table.get(session, ann, row.id) is row
        assert table.get(session, stranger, row.id) is None
    assert numbers(table.fetch, session, stranger) == []
    assert len(table.fetch(session, stranger).items) == 1


def test_keys_are_listed_the_oldest_first(session: Session, home: Home) -> None:
    def found(user_id: uuid.UUID = home.ann.user_id, **filters: Any) -> list[uuid.UUID]:
        first = api_keys.list_api_keys(session, user_id, limit=1, **filters)
        more = first.after and api_keys.list_api_keys(
            session, user_id, limit=1, after=first.after, **filters
        )
        return [row.id for page in (first, more) if page for row in page.items]

    assert found() == list(home.keys)
    assert found(is_removed=False) == [home.keys[0]]
    assert found(is_removed=True) == found(currency="EUR") == [home.keys[1]]
    assert found(home.stranger.user_id) == [home.stranger.rows["trading212.api_keys"]["id"]]


def test_limits_are_listed_the_newest_word_first(session: Session, home: Home) -> None:
    user_id = home.ann.user_id
    for number, resource in enumerate(("balances", "details", "transactions"), start=1):
        of: dict[str, Any] = {"bank_account_id": home.accounts[number == 3], "resource": resource}
        rate_limits.hold(session, user_id, at=at(0), **of)
        rate_limits.note_headers(
            session, user_id, at=at(number), calls_limit=4, calls_remaining=1, resets_at=None, **of
        )

    def found(owner: uuid.UUID = user_id, **filters: Any) -> list[str]:
        page = rate_limits.list_rate_limits(session, owner, **filters)
        return [row.resource for row in page.items if row.observed_at >= YEAR]

    assert found() == ["transactions", "details", "balances"]
    assert found(resource="details") == ["details"]
    assert found(bank_account_id=home.accounts[1]) == ["transactions"]
    assert found(home.stranger.user_id) == []
    first = rate_limits.list_rate_limits(session, user_id, limit=2)
    assert found(after=first.after) == ["balances"]
    limit = first.items[0]
    assert rate_limits.get_rate_limit(session, user_id, limit.id) is limit
    assert rate_limits.get_rate_limit(session, home.stranger.user_id, limit.id) is None


def test_a_bank_account_is_found_by_the_banks_id(session: Session, home: Home) -> None:
    row = session.get_one(gocardless.BankAccount, home.accounts[1])
    find = bank_accounts.find_bank_account

    assert find(session, home.ann.user_id, row.provider_account_id) is row
    assert find(session, home.stranger.user_id, row.provider_account_id) is None


def test_a_sync_sees_the_requisitions_of_all_that_were_not_removed(
    session: Session, home: Home
) -> None:
    requisitions.assign_connections(session)
    ended = requisitions.get_requisition(session, home.ann.user_id, home.consents[0])
    assert ended is not None
    assert ended.connection_id is not None
    requisitions.remove(session, home.ann.user_id, ended.connection_id, at=YEAR)

    found = requisitions.list_all_requisitions(session)

    theirs = home.stranger.rows["gocardless.requisitions"]["id"]
    assert [row.id for row in found] == [theirs, home.consents[1]]


def test_banks_are_found_by_name_and_country(session: Session) -> None:
    payloads = [
        {"id": "B_2", "name": "Bank", "countries": ["DE"]},
        {"id": "B_1", "name": "Bank", "countries": ["GB", "IE"]},
        {"id": "A_1", "name": "100% Another", "countries": []},
    ]
    banks.land(session, payloads, stamp(1))

    def found(**filters: Any) -> list[str]:
        return [row.id for row in banks.list_institutions(session, **filters).items]

    assert found() == ["A_1", "B_1", "B_2"]
    assert found(country="IE") == ["B_1"]
    assert found(text="bank") == ["B_1", "B_2"]
    assert found(text="%") == ["A_1"]
    first = banks.list_institutions(session, limit=2)
    assert found(after=first.after) == ["B_2"]
    one = banks.get_institution(session, "B_1")
    assert one is not None
    assert one.name == "Bank"
    assert banks.get_institution(session, "C") is None


def test_securities_are_found_by_what_they_are_called(session: Session) -> None:
    payloads = [
        {"ticker": "B_EQ", "name": "Tesco", "isin": "GB1", "currencyCode": "GBX"},
        {"ticker": "C_EQ", "name": "Tesla", "isin": "US1", "currencyCode": "USD"},
        {"ticker": "A_EQ", "name": "Apple", "isin": "US2", "currencyCode": "USD"},
    ]
    securities.land(session, payloads, stamp(1))

    def found(**filters: Any) -> list[str]:
        return [row.ticker[0] for row in securities.list_instruments(session, **filters).items]

    assert found() == found(text="_eq") == ["A", "B", "C"]
    assert found(isin="US1") == ["C"]
    assert found(currency_code="USD") == ["A", "C"]
    assert found(text="TES") == ["B", "C"]
    first = securities.list_instruments(session, limit=2)
    assert found(after=first.after) == ["C"]
    one = securities.get_instrument(session, "B_EQ")
    assert one is not None
    assert one.isin == "GB1"
    assert securities.get_instrument(session, "B") is None


class TestWhatIsAnothers:
    """A write that names a row of another user's writes nothing."""

    def test_a_watermark_stays(self, session: Session, home: Home) -> None:
        account = session.get_one(gocardless.BankAccount, home.accounts[0])

        def read(user_id: uuid.UUID, through: dt.date | None) -> dt.date | None:
            bank_accounts.note_read(
                session,
                user_id,
                account.id,
                first_told=day(1),
                last=day(1),
                scanned_on=None,
                gap=None,
                through=through,
            )
            session.refresh(account)
            return account.transactions_through

        assert read(home.stranger.user_id, day(2)) is None
        own = [read(home.ann.user_id, through) for through in (None, day(2), day(1), None)]
        assert own == [None, day(2), day(2), day(2)]

    def test_positions_stay_open(self, session: Session, home: Home) -> None:
        row = put(
            session,
            trading212.Position,
            home.ann.user_id,
            1,
            api_key_id=home.keys[1],
            as_of=day(1),
            identity_key="T1",
            ticker="T1",
            quantity=1,
        )

        def land(user_id: uuid.UUID) -> WriteCounts:
            return positions.land(
                session, user_id, api_key_id=home.keys[1], as_of=day(1), rows=[], stamp=stamp(2)
            )

        assert land(home.stranger.user_id) == WriteCounts()
        assert land(home.ann.user_id) == WriteCounts(updated=1)
        session.refresh(row)
        assert row.quantity == 0
