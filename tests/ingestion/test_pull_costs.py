"""What a pull costs goes with what is new in it, not with what is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ingestion import ledger
from ingestion.gocardless import pull_balances, pull_transactions
from ingestion.run import Window
from postgres.gocardless.models import BankAccount
from tests.ingestion.bank import TODAY, make_bank, row
from tests.ingestion.worlds import Household

ROWS = 20_000
FIRST = TODAY - dt.timedelta(days=89)
MOST_STATEMENTS = 10
# What is kept of runs, calls, tokens and consents, as much whatever an account has.
OF_THE_CALL = (
    "common.jobs",
    "common.deferrals",
    "rate_limits",
    "provider_limits",
    "provider_tokens",
    "gocardless.requisitions.id,",
    "reconfirmations",
)


def rows_of_a_busy_account() -> list[dict[str, Any]]:
    return [
        row(
            f"-{n % 977}.{n % 100:02}",
            f"SHOP {n % 311}",
            internalTransactionId=f"i{n}",
            bookingDate=str(FIRST + dt.timedelta(days=n * 90 // ROWS)),
        )
        for n in range(ROWS)
    ]


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """Yield what is sent to the database, but for the records of the run and of its calls."""
    seen: list[str] = []

    def note(*call: Any) -> None:
        statement = " ".join(str(call[2]).split())
        if not any(table in statement for table in OF_THE_CALL):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def row_versions(sessions: sessionmaker[Session]) -> dict[str, tuple[int, ...]]:
    """Return how many rows each table has, and who wrote them; but what every call writes."""
    with sessions() as session:
        tables = session.scalars(
            sa.text(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname in ('auth', 'common', 'gocardless')"
            )
        ).all()
        return {
            table: tuple(
                session.execute(
                    sa.text(f"select count(*), coalesce(sum(xmin::text::bigint), 0) from {table}")  # noqa: S608
                ).one()
            )
            for table in tables
            if not table.endswith(OF_THE_CALL)
        }


@pytest.mark.slow
def test_a_pull_without_news_is_a_few_statements_and_writes_nothing(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_NOW", f"{TODAY}T09:00:00Z")
    bank = make_bank(household.sessions)
    shown = rows_of_a_busy_account()
    with household.sessions() as session:
        raw = session.get_one(BankAccount, bank.account.bank_account_id)
    balance = {"balanceAmount": {"amount": "10", "currency": "GBP"}, "balanceType": "closingBooked"}
    pending = row("-7.00", bookingDate=str(TODAY))
    answers = {
        "balances": {"balances": [balance]},
        "transactions": {"transactions": {"booked": shown, "pending": [pending]}},
    }
    household.server.tellers[str(raw.provider_account_id)] = lambda what, _: answers[what]
    run, window = household.run, Window(FIRST, TODAY)
    pull_balances(run)
    pull_transactions(run, window)
    ledger.project_balance_snapshots(run)
    ledger.project_transactions(run)
    before = row_versions(household.sessions)
    engine: sa.Engine = household.sessions.kw["bind"]

    with statements(engine) as seen:
        pulled = pull_transactions(run, window)
        projected = ledger.project_transactions(run)

    assert pulled.received == ROWS + 1
    assert pulled.counts.unchanged == ROWS + 1
    assert not pulled.unfinished
    assert not projected.unfinished
    assert pulled.counts.written == projected.counts.written == 0
    assert len(seen) <= MOST_STATEMENTS, "\n".join(seen)
    assert row_versions(household.sessions) == before
