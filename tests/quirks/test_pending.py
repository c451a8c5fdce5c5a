"""What is pending: replaced by each answer, never mixed with what is booked."""

from __future__ import annotations

import pytest

from farthing import clock
from postgres.common.enums import TransactionStatus
from tests.quirks.case import PLAIN_BANK, Case

DUSSELDORF = "SSK_DUSSELDORF_DUSSDEDDXXX"
ERSTE = "ERSTE_BANK_GIBAATWW"
GREECE = "NBG_ETHNGRAAXXX"
ING_ROMANIA = "ING_INGBROBU"
NATIONWIDE = "NATIONWIDE_NAIAGB21"
NORWEGIAN = "NORWEGIAN_NO_NORWNOK1"
SWEDBANK = "SWEDBANK_HABALV22"


def settle(case: Case) -> None:
    """Pull until what waits is booked: under its own name, once."""
    waiting = {row.id for row in case.pending()}
    assert len(waiting) == len(case.truth(pending=True)) > 0
    case.pull(days=1)
    case.pull(days=3)
    assert waiting <= case.ids()
    assert case.told() == case.true_rows()
    assert case.rows(TransactionStatus.VOID) == []


@pytest.mark.parametrize("more", [(), ("bare",)])
def test_a_row_shown_as_pending_and_booked_at_once_is_one(
    case: Case, more: tuple[str, ...]
) -> None:
    """P1"""
    case.at(PLAIN_BANK, "P1", *more)
    settle(case)


def test_a_pending_row_that_is_never_booked_is_void_and_counts_nowhere(case: Case) -> None:
    """P2"""
    case.at(DUSSELDORF, "P2")
    phantom = next(row for row in case.pending() if str(row.amount) == "-33.33")
    assert phantom.counterparty_name is None
    case.pull(days=1)
    case.pull(days=3)
    assert [row.id for row in case.rows(TransactionStatus.VOID)] == [phantom.id]
    assert case.told() == case.true_rows()
    assert case.reported().drift == 0


def test_a_pending_row_has_the_day_that_its_text_tells(case: Case) -> None:
    """P3"""
    case.at(NORWEGIAN, "P3")
    assert {str(row.booking_date) for row in case.pending()} == {"2026-03-13"}
    settle(case)


def test_a_pending_row_without_any_day_is_kept(case: Case) -> None:
    """P3, at a bank of which nothing is known."""
    case.at(PLAIN_BANK, "P3")
    assert {row.booking_date for row in case.pending()} == {None}
    settle(case)


@pytest.mark.parametrize("bank", [NATIONWIDE, ERSTE, PLAIN_BANK])
def test_the_last_possible_day_is_not_the_day(case: Case, bank: str) -> None:
    """P4"""
    case.at(bank, "P4")
    if bank != PLAIN_BANK:
        assert {row.booking_date for row in case.pending()} == {None}
        assert {row.sort_date for row in case.pending()} <= {clock.today()}
    settle(case)


def test_a_pending_purchase_takes_money_away(case: Case) -> None:
    """P5"""
    case.at(GREECE, "P5")
    assert all(row.amount < 0 for row in case.pending())
    settle(case)


def test_the_shop_of_a_pending_row_is_read_from_its_text(case: Case) -> None:
    """P6"""
    case.at(SWEDBANK, "P6")
    true = {row["counterparty"] for _, row in case.truth(pending=True)}
    assert {row.counterparty_name for row in case.pending()} == true
    settle(case)


@pytest.mark.parametrize("bank", [SWEDBANK, GREECE, ING_ROMANIA, PLAIN_BANK])
def test_a_text_that_is_written_otherwise_once_booked_is_the_same_payment(
    case: Case, bank: str
) -> None:
    """P7"""
    case.at(bank, "P7", "bare")
    settle(case)
    assert case.payees() == case.true_payees()
