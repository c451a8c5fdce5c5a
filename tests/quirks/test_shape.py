"""Answers and fields of another shape than documented: nothing is lost, nothing concluded."""

from __future__ import annotations

import pytest

from ingestion.run import Status
from postgres.common.enums import TransactionStatus
from tests.quirks.case import PLAIN_BANK, Case


def test_accounts_of_any_shape_are_read(case: Case) -> None:
    """S1"""
    case.at(PLAIN_BANK, "S1")
    case.pull(days=2)
    assert case.told() == case.true_rows()
    assert {row.counterparty_account for row in case.rows()} == {None, "GB33BUKB20201555555555"}


def test_a_text_may_be_a_list(case: Case) -> None:
    """S6"""
    case.at(PLAIN_BANK, "S6")
    assert case.told() == case.true_rows()
    true = {row["description"] for _, row in case.truth()}
    assert {row.description for row in case.rows()} == true


def test_an_unexpected_answer_says_nothing(case: Case) -> None:
    """S7"""
    case.at(PLAIN_BANK, "S7")
    names, waiting = case.ids(), {row.id for row in case.pending()}
    read = case.bank_account().transactions_through
    for _ in range(3):
        steps = case.pull(days=1)
        assert [a.status for a in steps["gocardless.transactions"].accounts] == [Status.FAILED]
        assert case.ids() == names
        assert {row.id for row in case.pending()} == waiting
        assert case.bank_account().transactions_through == read
    case.pull(days=1)
    assert case.told() == case.true_rows()
    assert case.rows(TransactionStatus.VOID) == []


def test_half_an_answer_is_none(case: Case) -> None:
    """S8"""
    case.at(PLAIN_BANK, "S8")
    read = case.bank_account().transactions_through
    for _ in range(2):
        steps = case.pull(days=1)
        assert [a.status for a in steps["gocardless.transactions"].accounts] == [Status.FAILED]
        assert case.bank_account().transactions_through == read
    case.pull(days=1)
    assert case.told() == case.true_rows()


@pytest.mark.parametrize("dirt", ["null", "empty", "blank", "unknown", "numbers"])
def test_dirt_changes_nothing(case: Case, dirt: str) -> None:
    """Every absent field is null, empty or a space; there are unknown ones; numbers are numbers."""
    case.at(PLAIN_BANK, dirt)
    case.pull(days=2)
    assert case.set_aside() == []
    assert case.told() == case.true_rows()
    assert case.payees() == case.true_payees()
    assert case.reported().drift == 0


def test_all_dirt_at_once_changes_nothing(case: Case) -> None:
    """I1 I2 D9, and whatever else there is of dirt."""
    case.at(PLAIN_BANK, "numbers", "unknown", "blank", "bare", "I1", "I2", "D9")
    case.pull(days=2)
    assert case.set_aside() == []
    assert len(case.rows()) == len(case.truth())
    assert case.reported().drift == 0
