"""Days that are missing, wrong, moved or oddly written."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.quirks.case import PLAIN_BANK, SAFE, Case, recent

ABN_AMRO = "ABNAMRO_ABNANL2A"
DANSKE = "DANSKEBANK_DABNO22"
FORTUNEO = "FORTUNEO_FTNOFRP1XXX"
ING_POLAND = "ING_PL_INGBPLPW"
ISYBANK = "ISYBANK_ITBBITMM"
LHV = "LHV_LHVBEE22"
NORWEGIAN = "NORWEGIAN_NO_NORWNOK1"
SWEDBANK = "SWEDBANK_HABALV22"


@pytest.mark.parametrize("bank", [ABN_AMRO, FORTUNEO, PLAIN_BANK])
def test_a_datetime_is_a_day(case: Case, bank: str) -> None:
    """D1"""
    case.at(bank, "D1")
    days = {row["internal_transaction_id"]: row for _, row in case.truth()}
    assert case.set_aside() == []
    told = {raw.internal_transaction_id for raw in case.raw()}
    assert {i for i, row in days.items() if row["value_date"] >= str(SAFE)} <= told
    for raw in case.raw():
        if true := days.get(raw.internal_transaction_id or ""):
            shown = "value_date" if "valueDateTime" in raw.payload else "booking_date"
            assert str(raw.booking_date) == true[shown]


@pytest.mark.parametrize("bank", [NORWEGIAN, DANSKE, PLAIN_BANK])
def test_the_first_of_next_month_is_no_booking_day(case: Case, bank: str) -> None:
    """D2"""
    case.at(bank, "D2")
    case.pull(days=2)
    assert recent(case.told()) == recent(case.true_rows())
    assert {row.value_date.day for row in case.rows() if row.value_date} == {1}
    assert {row.sort_date for row in case.rows()} == {row.booking_date for row in case.rows()}


def test_a_statement_day_to_come_loses_no_purchase(case: Case) -> None:
    """D3"""
    case.at(PLAIN_BANK, "D3")
    for days in (1, 3, 10):
        names = case.ids()
        case.pull(days=days)
        assert names <= case.ids()
    since = dt.date(2026, 2, 1)
    bought = [row for _, row in case.truth() if row["value_date"] >= str(since)]
    told = [row for row in case.rows() if row.value_date and row.value_date >= since]
    assert sorted((row["value_date"], row["amount"]) for row in bought) == sorted(
        (str(row.value_date), str(row.amount)) for row in told
    )
    rides = [row.booking_date for row in told if row.counterparty_name == "ARRIVA BUS"]
    assert {day and day.day for day in rides} == {24}
    assert case.reported().drift == 0


@pytest.mark.parametrize("bank", [ISYBANK, ING_POLAND])
def test_the_better_day_counts(case: Case, bank: str) -> None:
    """D4"""
    case.at(bank, "D4")
    case.pull(days=2)
    assert case.told() == case.true_rows()


@pytest.mark.parametrize("bank", [LHV, SWEDBANK])
def test_the_day_of_a_purchase_is_read_from_its_text(case: Case, bank: str) -> None:
    """D5"""
    case.at(bank, "D5")
    made = {
        row["internal_transaction_id"]: row["made_at"][:10]
        for _, row in case.truth()
        if row["kind"] in ("card", "refund")
    }
    internal = {row.id: row.internal_transaction_id for row in case.raw()}
    read = {
        internal[row.raw_id]: str(details.purchased_on)
        for row, details in case.details()
        if row.raw_id and details.purchased_on
    }
    assert read == made
    assert case.told() == case.true_rows()


@pytest.mark.parametrize("more", [(), ("bare",), ("bare", "I5")])
def test_a_day_that_shifts_makes_no_second_payment(case: Case, more: tuple[str, ...]) -> None:
    """D6"""
    case.at(PLAIN_BANK, "D6", *more)
    names = case.ids()
    for _ in range(2):
        case.pull()
        assert case.ids() == names
        assert case.reported().drift == 0
    case.pull(days=1)
    assert len(case.rows()) == len(case.truth())


def test_a_row_without_a_day_waits_and_is_not_dated_today(case: Case) -> None:
    """D7"""
    case.at(PLAIN_BANK, "D7")
    aside = case.set_aside()
    assert set(aside) == {"no booking date and no value date"}
    assert len(case.rows()) + len(aside) == len(case.truth())
    assert case.told() <= case.true_rows()
    case.pull(days=7)
    assert case.set_aside() == []
    assert case.told() == case.true_rows()


def test_the_order_of_rows_says_nothing(case: Case) -> None:
    """D8"""
    case.at(PLAIN_BANK, "D8", "bare")
    before = [(row.id, row.updated_at) for row in case.rows()]
    steps = case.pull()
    assert steps["gocardless.transactions"].received > 0
    assert sum(step.counts.written for step in steps.values()) == 0
    assert [(row.id, row.updated_at) for row in case.rows()] == before
    assert case.told() == case.true_rows()


def test_dates_are_read_in_all_their_shapes(case: Case) -> None:
    """D9"""
    case.at(PLAIN_BANK, "D9")
    assert case.set_aside() == []
    assert len(case.rows()) == len(case.truth())
    true = {row["internal_transaction_id"]: row for _, row in case.truth()}
    for raw in case.raw():
        if not raw.is_pending:
            assert str(raw.booking_date) == true[raw.internal_transaction_id or ""]["booking_date"]


def test_the_booking_date_counts_before_any_datetime(case: Case) -> None:
    """D10"""
    case.at(PLAIN_BANK, "D10")
    case.pull(days=2)
    assert recent(case.told()) == recent(case.true_rows())


@pytest.mark.parametrize("bank", [LHV, SWEDBANK])
def test_an_impossible_day_in_the_text_is_none(case: Case, bank: str) -> None:
    """D11"""
    case.at(bank, "D11")
    case.pull(days=2)
    assert case.set_aside() == []
    assert case.told() == case.true_rows()
    assert {details.purchased_on for _, details in case.details()} == {None}
