"""Ids that are missing, reused, made anew or shared: every payment is in the ledger once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from ingestion.replay import replay
from postgres.common.enums import TransactionStatus
from tests.quirks.case import PLAIN_BANK, TWO_ACCOUNTS, Case

BELFIUS = "BELFIUS_GKCCBEBB"
CO_OP = "COOPERATIVE_BANK_CPBKGB22"
ING_ROMANIA = "ING_INGBROBU"
NATIONWIDE = "NATIONWIDE_NAIAGB21"
SPAREBANK = "SPAREBANK1_SMN_SPTRNO22"
WISE = "WISE_TRWIGB22"


def since(rows: Counter[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """Leave out the days at the edge of the bank's reach."""
    return {key: n for key, n in rows.items() if key[0] and key[0] > dt.date(2026, 1, 1)}


def follow(case: Case) -> None:
    """Pull some days later, and once more: all is there once, under the names that it had."""
    names = case.ids() | {row.id for row in case.pending()}
    case.pull(days=2)
    case.pull(days=2)
    assert case.told() == case.true_rows()
    assert names <= case.ids()
    assert case.reported().drift == 0


@pytest.mark.parametrize("bank", [PLAIN_BANK, TWO_ACCOUNTS, WISE])
def test_a_bank_as_documented_is_read_as_it_is(case: Case, bank: str) -> None:
    """No quirk: the household of few payments, pending ones among them, twins among them."""
    case.at(bank)
    assert case.told() == case.true_rows()
    assert len(case.pending()) == len(case.truth(pending=True)) == 3
    follow(case)


def test_ids_that_are_blank_or_missing_are_no_ids(case: Case) -> None:
    """I1"""
    case.at(PLAIN_BANK, "I1", "bare")
    assert case.told() == case.true_rows()
    assert {row.transaction_id for row in case.raw()} == {None}
    follow(case)


def test_pending_rows_without_any_id_are_booked_under_their_names(case: Case) -> None:
    """I2"""
    case.at(PLAIN_BANK, "I2")
    assert len(case.pending()) == 3  # two of them are equal
    follow(case)


def test_a_placeholder_is_no_id(case: Case) -> None:
    """I3"""
    case.at(ING_ROMANIA, "I3", "bare")
    assert "NOTPROVIDED" not in {row.transaction_id for row in case.raw()}
    follow(case)


def test_a_malformed_id_gives_way_to_the_real_one(case: Case) -> None:
    """I4"""
    case.at(NATIONWIDE, "I4", "bare")
    assert {row.transaction_id for row in case.raw() if row.is_pending} == {None}
    assert {len(row.transaction_id or "") for row in case.raw() if not row.is_pending} == {40}
    follow(case)


@pytest.mark.parametrize(
    ("bank", "more"), [(PLAIN_BANK, ()), (PLAIN_BANK, ("bare", "D8")), (SPAREBANK, ("bare",))]
)
def test_ids_made_anew_at_each_fetch_make_no_new_rows(
    case: Case, bank: str, more: tuple[str, ...]
) -> None:
    """I5"""
    case.at(bank, "I5", *more)
    follow(case)


def test_what_is_known_to_be_made_anew_is_not_even_stored_again(case: Case) -> None:
    """I5"""
    case.at(SPAREBANK, "I5")
    steps = case.pull()
    assert steps["gocardless.transactions"].received > 0
    assert steps["gocardless.transactions"].counts.written == 0


@pytest.mark.parametrize("bank", [PLAIN_BANK, BELFIUS, CO_OP])
def test_one_id_on_many_rows_merges_none(case: Case, bank: str) -> None:
    """I6"""
    case.at(bank, "I6", "bare")
    assert case.told() == case.true_rows()
    follow(case)


def test_internal_ids_are_an_accounts_own(case: Case) -> None:
    """I7"""
    case.at(TWO_ACCOUNTS, "I7")
    shared = [row.internal_transaction_id for row in case.raw() if not row.is_pending]
    assert len(set(shared)) < len(shared)
    follow(case)


@pytest.mark.parametrize("more", [(), ("D6",)])
def test_a_second_internal_id_is_the_same_payment(case: Case, more: tuple[str, ...]) -> None:
    """I8"""
    case.at(PLAIN_BANK, "I8", *more)
    before = {row.id: row.amount for row in case.rows()}
    case.pull()
    assert {row.id: row.amount for row in case.rows()} == before
    assert {r.transaction_id for r in case.raw()} != {r.internal_transaction_id for r in case.raw()}


@pytest.mark.parametrize("bank", [WISE, PLAIN_BANK])
def test_a_payment_and_its_fee_stay_two(case: Case, bank: str) -> None:
    """I9"""
    case.at(bank, "I9", "bare")
    assert case.told() == case.true_rows()
    assert {row.counterparty_name for row in case.rows()} >= {"PAYMENT FEE", "JOHN CARTER BUILDER"}
    follow(case)


def test_twins_stay_two(case: Case) -> None:
    """I10"""
    case.at(PLAIN_BANK, "I10", "bare")
    twins = [row for row in case.rows() if row.counterparty_name == "ARRIVA BUS"]
    assert len(twins) == len({(row.booking_date, row.booked_at) for row in twins}) > 20
    follow(case)


def test_days_ahead_are_kept_and_not_made_today(case: Case) -> None:
    """I11"""
    case.at(PLAIN_BANK, "I11")
    for _ in range(3):
        before = {row.id: row.booking_date for row in case.rows()}
        case.pull(days=1)
        after = {row.id: row.booking_date for row in case.rows()}
        assert before.items() <= after.items()
        true = Counter(
            (dt.date.fromisoformat(row["booking_date"]) + dt.timedelta(days=ahead), row["amount"])
            for _, row in case.truth()
            for ahead in [5 if row["kind"] in ("card", "refund") else 0]
        )
        told = Counter((row.booking_date, str(row.amount)) for row in case.rows())
        assert since(told) == since(true)


def test_a_row_in_both_lists_is_one(case: Case) -> None:
    """I12"""
    case.at(PLAIN_BANK, "I12")
    assert case.told() == case.true_rows()
    assert len(case.pending()) == len(case.truth(pending=True))
    follow(case)
    assert len(case.rows(TransactionStatus.VOID)) == 0


def test_a_shared_reference_settles_a_pending_row(case: Case) -> None:
    """I13"""
    case.at(PLAIN_BANK, "I13")
    waiting = {row.id for row in case.pending()}
    shops = {row["counterparty"] for _, row in case.truth(pending=True)}
    assert len(waiting) == 3
    follow(case)
    assert {row.counterparty_name for row in case.rows() if row.id in waiting} == shops


def test_equal_rows_under_two_references_are_two_payments(case: Case) -> None:
    """I14"""
    case.at(PLAIN_BANK, "I14", "bare")
    assert case.told() == case.true_rows()
    follow(case)


@pytest.mark.parametrize(
    "quirks", [("I12",), ("I8", "D6"), ("P7", "bare", "I5"), ("D7",)], ids=" ".join
)
def test_a_replay_decides_the_same(case: Case, quirks: tuple[str, ...]) -> None:
    """Of what came over several answers the raw rows alone give the same ledger back."""
    case.at(PLAIN_BANK, *quirks)
    case.pull(days=2)
    case.pull(days=2)
    before = case.everything()

    replay(case.run())

    assert case.everything() == before
