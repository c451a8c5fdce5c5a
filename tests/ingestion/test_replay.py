"""The ledger once more from raw: the same, with what users said, and nothing asked of anybody."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ingestion.replay import replay
from ingestion.run import Run
from postgres import migrate
from postgres.common.models import Transaction
from postgres.common.operations import quarantine
from postgres.core import make_engine, make_sessions
from postgres.gocardless.models import Transaction as RawTransaction
from tests.conftest import World
from tests.ingestion.bank import Bank, make_bank, row
from tests.ingestion.pipeline import sync
from tests.ingestion.test_identity import tag, tags_of


@pytest.fixture
def bank(sessions: sessionmaker[Session]) -> Bank:
    """A bank that did most of what banks do."""
    bank = make_bank(sessions)
    twin = row("-3.50", "COFFEE")
    bank.answer(twin, twin, row(internalTransactionId="a"), pending=[row("-8.00", "TAXI")])
    bank.answer(
        twin,
        twin,
        row(internalTransactionId="b", bookingDate="2026-03-11"),
        row("-8.00", "TAXI LONDON", internalTransactionId="c", bookingDate="2026-03-12"),
        row("-99.00", internalTransactionId="b"),
        {"transactionAmount": {"amount": "1,50", "currency": "GBP"}, "bookingDate": "2026-03-12"},
    )
    return bank


def dump(sessions: sessionmaker[Session], *, without: tuple[str, ...] = ()) -> list[Any]:
    query = sa.text("select to_jsonb(t) - cast(:without as text[]), t.xmin::text from"
                    " common.transactions as t order by id")  # fmt: skip
    with sessions() as session:
        rows = session.execute(query, {"without": list(without)}).all()
    return [tuple(each) for each in rows] if not without else [each[0] for each in rows]


def test_a_replay_of_a_ledger_that_is_right_writes_nothing(bank: Bank, run: Run) -> None:
    name = next(each.id for each in bank.rows() if each.amount == -8)
    tag_id = tag(bank, name)
    before = dump(bank.sessions)

    outcome = replay(run, account_id=bank.account.account_id)

    assert dump(bank.sessions) == before
    assert (outcome.counts.written, outcome.unfinished) == (0, ())
    assert tags_of(bank, name) == [(tag_id, "-8.00")]


def test_a_ledger_that_was_lost_comes_back_from_raw_alone(bank: Bank, run: Run) -> None:
    made_new = ("created_at", "updated_at")
    before = dump(bank.sessions, without=made_new)
    with bank.sessions.begin() as session:
        session.execute(sa.delete(Transaction))
        session.execute(
            sa.update(RawTransaction).values(ledger_id=None, identified_by=None, doubt=None)
        )

    replay(run)

    assert dump(bank.sessions, without=made_new) == before
    assert len(before) == 5


def test_a_replay_of_everything_keeps_the_ledger_of_banks_and_broker(world: World) -> None:
    sync(world.run("run-1"))
    before = dump(world.sessions)
    world.sandbox.clear_requests()

    outcome = replay(world.run("replay-1"))

    assert dump(world.sessions) == before
    assert len(outcome.accounts) == 6
    assert world.sandbox.requests() == []


def test_rules_that_part_what_was_one_keep_what_was_said_of_it(bank: Bank, run: Run) -> None:
    """Before, a release took two rows for one."""
    coffee = [each for each in bank.rows() if each.amount == sa.literal(-3.5).value]
    stays, other = sorted(coffee, key=lambda each: each.id)
    tag_id = tag(bank, stays.id)
    with bank.sessions.begin() as session:
        session.execute(
            sa.update(RawTransaction)
            .where(RawTransaction.ledger_id == other.id)
            .values(ledger_id=stays.id)
        )
        session.execute(sa.delete(Transaction).where(Transaction.id == other.id))

    replay(run)

    assert len([each for each in bank.rows() if each.counterparty_name == "COFFEE"]) == 2
    assert tags_of(bank, stays.id) == [(tag_id, "-3.50")]


def test_rules_that_join_what_was_two_keep_what_was_said_of_either(bank: Bank, run: Run) -> None:
    """Before, a release took a booked row for another payment than the pending one."""
    taxi = next(each for each in bank.rows() if each.amount == -8)
    stranger = uuid.uuid4()
    with bank.sessions.begin() as session:
        session.execute(
            sa.text(
                "insert into common.transactions (id, user_id, account_id, source_key, status,"
                " amount, currency, booking_date, kind, raw_table, raw_id, first_seen_at)"
                " select cast(:stranger as uuid), user_id, account_id, cast(:stranger as text),"
                " status, amount, currency,"
                " booking_date, kind, raw_table, raw_id, first_seen_at"
                " from common.transactions where id = :taxi"
            ),
            {"stranger": str(stranger), "taxi": taxi.id},
        )
        session.execute(
            sa.update(RawTransaction)
            .where(RawTransaction.ledger_id == taxi.id, ~RawTransaction.is_pending)
            .values(ledger_id=stranger)
        )
    tag_id = tag(bank, stranger)

    replay(run)

    left = [each for each in bank.rows() if each.amount == -8]
    assert [(each.id, each.user_note) for each in left] == [(taxi.id, "with Bob")]
    assert tags_of(bank, taxi.id) == [(tag_id, "-8.00")]


def test_a_row_that_can_be_read_now_leaves_the_quarantine(bank: Bank, run: Run) -> None:
    with bank.sessions.begin() as session:
        session.execute(
            sa.text(
                "update gocardless.transactions set payload = jsonb_set(payload,"
                " '{transactionAmount,amount}', '\"-1.50\"') where refusal is not null"
            )
        )
        reasons = quarantine.list_quarantine(session, bank.account.user_id).items
    assert len(reasons) == 2

    replay(run)

    with bank.sessions() as session:
        assert len(quarantine.list_quarantine(session, bank.account.user_id).items) == 1
    assert "-1.50" in {str(each.amount) for each in bank.rows()}


def test_the_database_of_an_earlier_release_goes_on_without_a_second_row(
    empty_database_url: str,
) -> None:
    engine = make_engine(empty_database_url)
    migrate.upgrade(engine, "0002")
    earlier = Path(__file__).with_name("database_0002.sql").read_text(encoding="utf-8")
    with engine.begin() as connection:
        connection.exec_driver_sql(earlier.replace("%", "%%"))
    migrate.upgrade(engine)
    sessions = make_sessions(engine)
    with sessions() as session:
        before = {each.id: each for each in session.scalars(sa.select(Transaction))}
        bank = Bank.of_only_account(sessions)

    bank.answer(
        row("-3.50", "COFFEE"),
        row("-3.50", "COFFEE"),
        row("-20.00", internalTransactionId="renumbered"),
        row("-8.00", "TAXI LONDON", internalTransactionId="c", bookingDate="2026-03-12"),
    )

    after = {each.id: each for each in bank.rows()}
    assert after.keys() == before.keys()
    assert {(str(each.amount), each.status.value) for each in after.values()} == {
        ("-3.50", "booked"),
        ("-20.00", "booked"),
        ("-8.00", "booked"),
    }
    assert {each.user_note for each in after.values()} == {None, "kept"}
    engine.dispose()
