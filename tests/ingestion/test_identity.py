"""Nothing lost, nothing twice, all that a user said kept: through raw rows and the ledger."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.models import Transaction, TransactionSplit
from postgres.common.operations import quarantine, tags, transaction_splits, transactions
from postgres.gocardless.models import Answer
from postgres.gocardless.models import Transaction as RawTransaction
from tests.ingestion.bank import TODAY, Bank, make_bank, row

ORDERS = 200


@pytest.fixture
def bank(sessions: sessionmaker[Session]) -> Bank:
    return make_bank(sessions)


def tag(bank: Bank, transaction_id: uuid.UUID) -> uuid.UUID:
    with bank.sessions.begin() as session:
        made = tags.create_tag(session, bank.account.user_id, name=f"tag {transaction_id}")
        transaction_splits.set_tag(session, bank.account.user_id, transaction_id, made.id)
        transactions.set_note(session, bank.account.user_id, transaction_id, "with Bob")
        return made.id


def tags_of(bank: Bank, transaction_id: uuid.UUID) -> list[tuple[uuid.UUID | None, str]]:
    with bank.sessions() as session:
        found = session.scalars(
            sa.select(TransactionSplit).where(TransactionSplit.transaction_id == transaction_id)
        )
        return [(each.tag_id, str(each.amount)) for each in found]


def versions(bank: Bank) -> dict[str, int]:
    """Row versions of what a repeat must not write."""
    with bank.sessions() as session:
        return {
            table: session.execute(
                sa.text(f"select coalesce(sum(xmin::text::bigint), 0) from {table}")  # noqa: S608
            ).scalar_one()
            for table in (
                "common.transactions",
                "gocardless.transactions",
                "gocardless.answers",
                "gocardless.bank_accounts",
                "common.quarantine",
                "common.merchants",
            )
        }


def set_aside(bank: Bank) -> list[str]:
    with bank.sessions() as session:
        page = quarantine.list_quarantine(session, bank.account.user_id)
        return [each.reason for each in page.items]


def test_equal_rows_of_different_ids_are_two_payments(bank: Bank) -> None:
    bank.answer(row(internalTransactionId="a"), row(internalTransactionId="b"))

    assert bank.shown() == [("booked", "-20.00"), ("booked", "-20.00")]


def test_equal_rows_without_any_id_are_two_payments_in_every_answer(bank: Bank) -> None:
    for _ in range(3):
        bank.answer(row(), row())

    assert len({each.id for each in bank.rows()}) == 2


def test_the_same_row_twice_under_one_id_is_one(bank: Bank) -> None:
    bank.answer(row(internalTransactionId="a"), row(internalTransactionId="a"))

    assert bank.shown() == [("booked", "-20.00")]


def test_a_pending_payment_keeps_its_name_tag_and_note_when_it_is_booked(bank: Bank) -> None:
    bank.answer(pending=[row(transactionId="P1")])
    pending = bank.only()
    assert pending.status == "pending"
    tag_id = tag(bank, pending.id)

    bank.answer(row(transactionId="B1", internalTransactionId="i1", bookingDate="2026-03-12"))

    booked = bank.only()
    assert (booked.id, booked.status, booked.user_note) == (pending.id, "booked", "with Bob")
    assert tags_of(bank, booked.id) == [(tag_id, "-20.00")]


def test_a_tip_moves_the_amount_and_the_split_with_it(bank: Bank) -> None:
    bank.answer(pending=[row()])
    pending = bank.only()
    tag_id = tag(bank, pending.id)

    bank.answer(row("-22.50", internalTransactionId="i1", bookingDate="2026-03-11"))

    assert bank.only().id == pending.id
    assert tags_of(bank, pending.id) == [(tag_id, "-22.50")]


def test_another_amount_altogether_is_another_row_and_the_pending_one_is_void(bank: Bank) -> None:
    bank.answer(pending=[row()])
    bank.answer(row("-43.12", internalTransactionId="i1"))

    assert sorted(bank.shown()) == [("booked", "-43.12"), ("void", "-20.00")]


def test_what_disappears_is_void_and_comes_back_under_its_name(bank: Bank) -> None:
    bank.answer(pending=[row()])
    name = bank.only().id
    bank.answer(row("-1.00", internalTransactionId="x"))
    assert ("void", "-20.00") in bank.shown()

    bank.answer(row("-1.00", internalTransactionId="x"), pending=[row()])

    assert {each.id: each.status.value for each in bank.rows()}[name] == "pending"


def test_a_row_in_both_lists_of_an_answer_is_one_and_booked(bank: Bank) -> None:
    same = row(transactionId="t1", internalTransactionId="i1", entryReference="r1")
    bank.answer(same, pending=[same])
    assert bank.shown() == [("booked", "-20.00")]

    bank.answer(same, pending=[same])
    assert bank.shown() == [("booked", "-20.00")]


def test_a_payment_that_is_booked_while_it_is_still_shown_as_pending_is_one_in_the_end(
    bank: Bank,
) -> None:
    bank.answer(pending=[row()])
    pending = bank.only()
    tag_id = tag(bank, pending.id)
    booked = row(internalTransactionId="i1", bookingDate="2026-03-11")

    bank.answer(booked, pending=[row()])
    assert sorted(bank.shown()) == [("booked", "-20.00"), ("pending", "-20.00")]
    bank.answer(booked)

    assert (bank.only().id, bank.only().status) == (pending.id, "booked")
    assert tags_of(bank, pending.id) == [(tag_id, "-20.00")]


def test_what_was_said_of_the_booked_row_in_between_stays(bank: Bank) -> None:
    bank.answer(pending=[row()])
    pending = bank.only().id
    booked = row(internalTransactionId="i1", bookingDate="2026-03-11")
    bank.answer(booked, pending=[row()])
    (other,) = (each for each in bank.rows() if each.id != pending)
    tag_id = tag(bank, other.id)

    bank.answer(booked)

    assert (bank.only().id, bank.only().user_note) == (pending, "with Bob")
    assert tags_of(bank, pending) == [(tag_id, "-20.00")]


def test_what_may_be_either_is_shown_to_a_person_and_no_money_is_lost(bank: Bank) -> None:
    bank.answer(pending=[row(), row(text="PRET A MANGER AIRPORT")])
    bank.answer(row(internalTransactionId="i1", bookingDate="2026-03-11"))

    assert sorted(bank.shown()) == [
        ("booked", "-20.00"),
        ("void", "-20.00"),
        ("void", "-20.00"),
    ]
    assert len(set_aside(bank)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"internalTransactionId": "other"},
        {"internalTransactionId": "other", "bookingDate": "2026-03-12"},
        {"internalTransactionId": "other", "creditorName": "PRET A MANGER LONDON GB"},
        {"creditorName": "PRET", "bookingDate": "2026-03-13"},
        {"transactionAmount": {"amount": "-20.0", "currency": "GBP"}},
    ],
    ids=str,
)
def test_a_booked_row_that_the_bank_rewrote_is_the_same_one(
    bank: Bank, change: dict[str, Any]
) -> None:
    bank.answer(row(internalTransactionId="a"), row("-5.00", internalTransactionId="z"))
    name = bank.rows()[0].id
    tag_id = tag(bank, name)

    bank.answer(row(internalTransactionId="a") | change, row("-5.00", internalTransactionId="z"))

    found = {each.id: each for each in bank.rows()}
    assert len(found) == 2
    assert found[name].counterparty_name == change.get("creditorName", "PRET A MANGER")
    assert tags_of(bank, name) == [(tag_id, "-20.00")]


def test_a_reused_id_on_other_money_is_set_aside_and_overwrites_nothing(bank: Bank) -> None:
    bank.answer(row(internalTransactionId="a"))
    before = bank.only()

    bank.answer(row("-99.00", internalTransactionId="a", bookingDate="2026-03-12"))

    after = bank.only()
    assert (after.id, after.amount) == (before.id, before.amount)
    assert len(set_aside(bank)) == 1


def test_another_consent_with_other_ids_makes_no_second_row(bank: Bank) -> None:
    rows = [row(str(-n), internalTransactionId=f"a{n}") for n in range(1, 6)]
    bank.answer(*rows, rows[0] | {"internalTransactionId": "twin"})
    before = {each.id for each in bank.rows()}
    name = bank.rows()[0].id
    tag_id = tag(bank, name)

    again = bank.reconnect()
    renamed = [each | {"internalTransactionId": f"b{n}"} for n, each in enumerate(rows)]
    again.answer(*renamed, renamed[0] | {"internalTransactionId": "twin b"}, row("-77.00"))

    after = {each.id for each in bank.rows()}
    assert before < after
    assert len(after) == len(before) + 1
    assert tags_of(bank, name) == [(tag_id, "-5")]


def test_the_same_answer_writes_nothing_however_often_it_comes(bank: Bank) -> None:
    rows = [row(), row(), row("-3.00", internalTransactionId="c"), {"nothing": "in it"}]
    pending = [row("-8.00")]
    bank.answer(*rows, pending=pending)
    before = versions(bank)

    for _ in range(10):
        counts = bank.answer(*rows, pending=pending)
        assert counts.written == 0

    assert versions(bank) == before


def test_an_answer_without_rows_takes_nothing_away(bank: Bank) -> None:
    bank.answer(row(internalTransactionId="a"))
    bank.answer()
    bank.answer(row(internalTransactionId="b"), row("-1.00", internalTransactionId="c"))

    assert len(bank.rows()) == 2


def test_a_bad_row_is_set_aside_and_its_siblings_are_not(bank: Bank) -> None:
    bank.answer(
        row(internalTransactionId="a"), row(internalTransactionId="b") | {"transactionAmount": {}}
    )

    assert bank.shown() == [("booked", "-20.00")]
    assert set_aside(bank) == ["transactionAmount.amount is missing"]

    bank.answer(row(internalTransactionId="a"), row(internalTransactionId="b"))
    assert len(bank.rows()) == 2
    assert set_aside(bank) == []


def ledgers(sessions: sessionmaker[Session]) -> list[list[tuple[str, ...]]]:
    """The ledger of each account, without what a database makes up."""
    made_up = {"id", "user_id", "account_id", "source_key", "raw_id", "merchant_id"}
    made_up |= {"created_at", "updated_at", "first_seen_at"}
    columns = [c for c in sa.inspect(Transaction).columns if c.key not in made_up]
    found: dict[uuid.UUID, list[tuple[str, ...]]] = {}
    with sessions() as session:
        for account_id, *values in session.execute(sa.select(Transaction.account_id, *columns)):
            found.setdefault(account_id, []).append(tuple(map(str, values)))
    return [sorted(each) for each in found.values()]


def test_overlapping_windows_in_any_order_and_slices_give_one_ledger(
    sessions: sessionmaker[Session],
) -> None:
    chance = random.Random(seed := 20260315)  # noqa: S311
    first = TODAY - dt.timedelta(days=30)
    days = [first + dt.timedelta(days=n) for n in range(31)]
    rows = [
        row(
            chance.choice(["-3.50", "-3.50", "-12.00", "900.00"]),
            chance.choice(["TESCO", "PRET", "ACME SALARY"]),
            bookingDate=str(day),
            **({"internalTransactionId": f"i{n}-{day}"} if chance.random() < 0.5 else {}),
        )
        for day in days
        for n in range(chance.choice((0, 1, 1, 2, 3)))
    ]
    for _ in range(ORDERS):
        bank = make_bank(sessions)
        for start in chance.sample(days, 3):
            end = min(start + dt.timedelta(days=chance.randrange(1, 20)), TODAY)
            shown = [each for each in rows if str(start) <= each["bookingDate"] <= str(end)]
            chance.shuffle(shown)
            until = None if end == TODAY else end
            # Often several answers are decided on at once.
            bank.answer(*shown, since=start, until=until, is_projected=chance.random() < 0.3)
        bank.answer(*chance.sample(rows, len(rows)), since=first)

    found = ledgers(sessions)

    assert len(found) == ORDERS
    assert len(found[0]) == len(rows)
    for number, each in enumerate(found):
        assert each == found[0], f"seed {seed}, order {number}"


def test_every_answer_that_changed_something_is_on_record(bank: Bank) -> None:
    bank.answer(row(internalTransactionId="a"), since=dt.date(2026, 1, 1))
    bank.answer(row(internalTransactionId="a"), since=dt.date(2026, 1, 2))
    bank.answer(row(internalTransactionId="b"), since=dt.date(2026, 3, 1))

    with bank.sessions() as session:
        answers = session.scalars(sa.select(Answer).order_by(Answer.id)).all()
        raw = session.scalars(sa.select(RawTransaction)).all()
    assert [each.first_day for each in answers] == [dt.date(2026, 1, 1), dt.date(2026, 3, 1)]
    assert {each.ledger_id for each in raw} == {bank.only().id}
    assert {each.identified_by for each in raw} == {"new", "content"}
