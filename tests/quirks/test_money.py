"""Amounts of another sign, currency or spelling, and balances that are not what they are called."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.run import Status
from postgres.common.operations import balance_snapshots
from tests.quirks.case import PLAIN_BANK, Case, recent

AMEX = "AMERICAN_EXPRESS_AESUGB21"
DANSKE = "DANSKEBANK_DABNO22"
ENTERCARD = "ENTERCARD_SWEDNOKK"
GREECE = "NBG_ETHNGRAAXXX"
HSBC = "HSBC_HBUKGB4B"
ING_ROMANIA = "ING_INGBROBU"
ING_POLAND = "ING_PL_INGBPLPW"
NORWEGIAN = "NORWEGIAN_NO_NORWNOK1"
SEB_CARD = "SEB_KORT_AB_NO_SKHSFI21"


def balance(case: Case) -> Decimal:
    """Return what truly is booked."""
    return Decimal(case.sandbox.truth_at(case.institution_id)[0]["booked_balance"])


def types(case: Case) -> dict[str, bool]:
    """Return the types of balance that there are, and whether each is a booked one."""
    with case.sessions() as session:
        newest = balance_snapshots.list_latest_snapshots(session, case.user_id)
    return {row.balance_type: row.is_booked for row in newest}


def test_the_sign_of_a_card_is_turned(case: Case) -> None:
    """M1"""
    case.at(SEB_CARD, "M1", "M3")
    case.pull(days=2)
    assert recent(case.told()) == recent(case.true_rows("value_date"))
    assert all(row.amount <= 0 for row in case.pending())


def test_what_was_billed_counts_and_the_foreign_amount_is_kept(case: Case) -> None:
    """M2"""
    case.at(ENTERCARD, "M2")
    assert recent(case.told()) == recent(case.true_rows("value_date"))
    foreign = [details.foreign for _, details in case.details() if details.foreign]
    assert len(foreign) > 3
    assert {currency for _, currency in foreign} == {"CHF"}


@pytest.mark.parametrize("bank", [HSBC, NORWEGIAN])
def test_the_credit_that_is_left_is_no_balance(case: Case, bank: str) -> None:
    """M3"""
    case.at(bank, "M3")
    case.pull(days=2)
    assert case.reported().reported == balance(case)
    assert case.reported().drift == 0
    assert case.account().opening_balance is not None
    assert types(case)["interimAvailable"] is False


def test_a_balance_in_two_parts_is_not_taken_for_one(case: Case) -> None:
    """M3, at a bank whose running balance is made of two."""
    case.at(SEB_CARD, "M3")
    assert case.reported().reported is None
    assert case.reported().drift is None


def test_a_balance_called_information_is_the_later_of_two(case: Case) -> None:
    """M4"""
    case.at(AMEX, "M4")
    case.pull(days=2)
    assert case.reported().reported == balance(case)
    assert case.reported().drift == 0


def test_no_balance_keeps_no_transaction_away(case: Case) -> None:
    """M5"""
    case.connect(HSBC, "M5")
    forbidden, empty = case.pull(), case.pull(days=8)
    for steps in (forbidden, empty):
        assert steps["gocardless.balances"].received == 0
        assert [a.status for a in steps["gocardless.transactions"].accounts] == [Status.COMPLETED]
    assert case.told() == case.true_rows()
    assert case.reported().reported is None


def test_rows_of_no_amount_are_rows(case: Case) -> None:
    """M6"""
    case.at(PLAIN_BANK, "M6")
    nothing = [row for row in case.rows() if row.amount == 0]
    assert len(nothing) == 3
    assert case.set_aside() == []
    case.pull(days=2)
    assert case.told() == case.true_rows()


def test_an_exchange_is_read_in_all_its_shapes(case: Case) -> None:
    """M7"""
    case.at(PLAIN_BANK, "M7")
    assert case.told() == case.true_rows()
    rates = [
        (details.exchange.rate, details.exchange.instructed_currency)
        for row, details in case.details()
        if row.counterparty_name == "MUSEUM SHOP BERN"
    ]
    assert set(rates) == {(Decimal("1.1500"), "CHF"), (None, "CHF"), (None, None)}


def test_a_balance_after_a_row_of_any_shape_harms_nothing(case: Case) -> None:
    """M8"""
    case.at(PLAIN_BANK, "M8")
    assert case.told() == case.true_rows()
    assert {row.balance_after for row in case.rows()} == {None, Decimal("4711.00")}


@pytest.mark.parametrize("bank", [ING_ROMANIA, GREECE, DANSKE])
def test_the_balance_that_a_bank_has_stands_in_for_the_booked_one(case: Case, bank: str) -> None:
    """M9"""
    case.at(bank, "M9")
    opening = case.account().opening_balance
    case.pull(days=3)
    assert case.reported().reported == balance(case)
    assert case.reported().drift == 0
    assert opening is not None
    assert opening + sum(row.amount for row in case.rows()) == balance(case)


@pytest.mark.parametrize("more", [(), ("bare",)])
def test_amounts_are_numbers_and_not_texts(case: Case, more: tuple[str, ...]) -> None:
    """M10"""
    case.at(PLAIN_BANK, "M10", *more)
    names = case.ids()
    case.pull()
    assert case.ids() == names
    case.pull(days=2)
    assert case.told() == case.true_rows()
    assert case.reported().drift == 0


def test_of_two_balances_of_a_type_the_later_counts(case: Case) -> None:
    """M11"""
    case.at(PLAIN_BANK, "M11")
    assert case.reported().reported == balance(case)
    case.pull(days=2)
    assert case.reported().reported == balance(case)
    assert case.reported().drift == 0


def test_an_unknown_balance_is_not_zero_and_leaves_the_last_one(case: Case) -> None:
    """M12"""
    case.at(PLAIN_BANK, "M12")
    known = balance(case)
    for _ in range(3):
        case.pull(days=1)
        assert case.reported().reported == known


def test_without_a_limit_what_is_owed_is_unknown(case: Case) -> None:
    """M13"""
    case.at(HSBC, "M13")
    for _ in range(2):
        case.pull()
    assert types(case) == {"interimAvailable": False}
    assert case.reported().reported is None
    assert case.account().opening_balance is None
    assert case.told() == case.true_rows()


@pytest.mark.parametrize("bank", [PLAIN_BANK, ING_POLAND])
def test_balances_that_disagree_are_not_mixed(case: Case, bank: str) -> None:
    """M14"""
    case.at(bank, "M14")
    case.pull(days=2)
    assert case.reported().reported == balance(case)
    assert case.reported().drift == 0
