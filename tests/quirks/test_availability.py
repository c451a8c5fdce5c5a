"""What a bank lets itself be asked: how far back, how often, and when at all."""

from __future__ import annotations

import datetime as dt

import pytest

from farthing import clock
from ingestion.run import Status, StepOutcome
from tests.quirks.case import PLAIN_BANK, Case, recent

HYPE = "HYPE_HYEEIT22"
LHV = "LHV_LHVBEE22"
N26 = "N26_NTSBDEB1"
STARLING = "STARLING_SRLGGB3L"


def statuses(steps: dict[str, StepOutcome]) -> set[Status]:
    return {account.status for account in steps["gocardless.transactions"].accounts}


def calls(case: Case) -> list[str]:
    """Return the queries of the calls for transactions, and forget them."""
    asked = [r for r in case.sandbox.requests() if "transactions" in r["path"]]
    case.sandbox.clear_requests()
    return [str(call["query"]) for call in asked]


@pytest.mark.parametrize("bank", [LHV, STARLING])
def test_history_that_is_told_once_is_kept_and_not_asked_for_again(case: Case, bank: str) -> None:
    """C3"""
    case.at(bank, "C3")
    assert len(case.rows()) == len(case.truth()) > 500
    calls(case)
    case.pull(days=8)
    (query,) = calls(case)
    assert query == f"date_from={clock.today() - dt.timedelta(days=90)}"
    assert case.told() == case.true_rows()
    assert case.reported().drift == 0
    assert list(case.bank_account().gaps) == []


def test_a_bank_that_goes_back_less_far_than_it_says(case: Case) -> None:
    """C4"""
    case.at(PLAIN_BANK, "C4")
    oldest = clock.today() - dt.timedelta(days=60)
    assert min(row.booking_date for row in case.rows() if row.booking_date) >= oldest
    case.pull(days=2)
    case.pull(days=8)
    true = [row for _, row in case.truth() if row["booking_date"] >= str(oldest)]
    assert len(case.rows()) == len(true)
    assert case.reported().drift == 0


def test_transactions_need_neither_details_nor_balances(case: Case) -> None:
    """C6"""
    case.connect(PLAIN_BANK, "C6")
    steps = case.pull()
    assert statuses(steps) == {Status.COMPLETED}
    assert steps["gocardless.balances"].received == 0
    assert {(row.booking_date, row.amount) for row in case.rows()} == {
        (day, amount) for _, day, amount, _ in case.true_rows()
    }
    case.sandbox.quirks(PLAIN_BANK)
    case.pull(days=8)
    assert case.told() == case.true_rows()
    assert case.reported().drift == 0


def test_weeks_without_balances_keep_no_transaction_away(case: Case) -> None:
    """C7"""
    case.at(PLAIN_BANK, "C7")
    known = case.reported().reported
    for _ in range(2):
        steps = case.pull(days=12)
        assert {a.status for a in steps["gocardless.balances"].accounts} == {Status.FAILED}
        assert statuses(steps) == {Status.COMPLETED}
        assert case.told() == case.true_rows()
        assert case.reported().reported == known
    case.pull(days=1)
    assert case.reported().drift == 0
    assert len(case.bank_account().gaps) == 0


def test_a_bank_that_wants_no_more_calls_gets_none_today(case: Case) -> None:
    """C8"""
    case.at(PLAIN_BANK, "C8")
    assert statuses(case.pull()) == {Status.DEFERRED}
    calls(case)
    steps = case.pull()
    assert statuses(steps) == {Status.DEFERRED}
    assert calls(case) == []
    assert all(a.resumes_at for a in steps["gocardless.transactions"].accounts)
    assert case.told() == case.true_rows()


def test_rows_that_appear_weeks_late_are_found(case: Case) -> None:
    """C10"""
    case.at(HYPE, "C10")
    missing = len(case.truth()) - len(case.rows())
    assert missing > 3
    for _ in range(4):
        case.pull(days=8)
    today = clock.today()
    old = dt.timedelta(days=22)
    true = [r for _, r in case.truth() if r["booking_date"] < str(today - old)]
    told = [r for r in case.rows() if r.booking_date and r.booking_date < today - old]
    assert sorted(r["amount"] for r in true) == sorted(str(r.amount) for r in told)


def test_a_short_wait_defers_and_says_until_when(case: Case) -> None:
    """C12"""
    case.connect(PLAIN_BANK, "C12")
    steps = case.pull()
    assert statuses(steps) == {Status.DEFERRED}
    for account in steps["gocardless.transactions"].accounts:
        assert account.resumes_at is not None
        assert 200 < (account.resumes_at - clock.now()).total_seconds() <= 240
    case.pass_limits()
    case.pull(days=1)
    assert recent(case.told()) == recent(case.true_rows())


@pytest.mark.parametrize("bank", [N26, LHV])
def test_a_period_that_is_refused_is_made_shorter(case: Case, bank: str) -> None:
    """C13"""
    case.at(bank, "C13")
    oldest = clock.today() - dt.timedelta(days=60)
    first = calls(case)
    assert len(first) == 3
    assert first[-1] == f"date_from={oldest}"
    true = [row for _, row in case.truth() if row["booking_date"] >= str(oldest)]
    assert len(case.rows()) == len(true)
    assert case.bank_account().transactions_through == clock.today()
    case.pull(days=2)
    assert len(calls(case)) == 1
    assert case.reported().drift == 0
