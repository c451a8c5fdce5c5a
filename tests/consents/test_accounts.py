"""The same account goes on under another id, others stay apart, and in doubt the user is asked."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ingestion.placement import answer
from ingestion.replay import replay
from postgres.auth.operations import users
from postgres.common.enums import AccountStatus
from postgres.common.models import Notification
from postgres.errors import NotFoundError, OperationError
from postgres.gocardless.models import BankAccount
from postgres.gocardless.models import Transaction as RawTransaction
from postgres.gocardless.placement import announce_questions
from sandbox import faults
from tests.cli.support import farthing
from tests.consents.household import BANK, Household, unfinished


def test_accounts_without_a_number_wait_for_the_users_word_and_lose_nothing(
    household: Household,
) -> None:
    household.sandbox.consents(BANK, new_ids=True, numbers="none")
    household.connect()
    household.sync()
    accounts = {account.id: account.name for account in household.accounts()}
    assert len(accounts) == 2
    assert household.questions() == []
    before = household.rows()

    household.pass_time(days=4)
    household.renew()
    steps = household.sync()

    # Nothing is guessed, though the names are the same: both may be either.
    asked = household.questions()
    assert [{each.id for each in question.candidates} for question in asked] == [set(accounts)] * 2
    assert household.rows() == before
    assert {each.reason for each in unfinished(steps)} == {
        "which account it is has to be told; `farthing accounts` asks"
    }
    with household.sessions() as session:
        waiting = session.scalars(
            sa.select(sa.func.count())
            .select_from(RawTransaction)
            .where(
                RawTransaction.bank_account_id.in_([each.bank_account.id for each in asked]),
                RawTransaction.ledger_id.is_(None),
            )
        ).one()
    assert waiting > 0
    with household.sessions.begin() as session:
        assert announce_questions(session).inserted == 2
        assert announce_questions(session).inserted == 0

    shown = farthing("accounts")
    assert shown.out.count("--new") == 2
    assert "tell which account it is" in farthing("connections").out
    assert "tell which account it is" in farthing("status").out
    by_name = {name: account for account, name in accounts.items()}
    for question in asked:
        account = by_name[question.bank_account.name]
        done = farthing("accounts", "link", question.bank_account.id.hex[:10], account.hex[:10])
        assert done.code == 0, done.err

    names = household.names()
    assert names == accounts
    truth = household.true_rows()
    assert {names[account]: rows for account, rows in household.rows().items()} == {
        name: rows for name, rows in truth.items() if rows
    }
    assert household.drifts() == {0}
    told = household.rows()
    assert unfinished(household.sync()) == []
    replay(household.run())
    assert household.rows() == told
    assert household.questions() == []


def test_an_account_that_is_none_of_those_is_a_new_one(household: Household) -> None:
    household.sandbox.consents(BANK, new_ids=True, numbers="none")
    household.connect()
    household.sync()
    household.renew()
    household.sync()
    first, second = household.questions()

    assert farthing("accounts", "link", first.bank_account.id.hex[:10], "--new").code == 0
    with pytest.raises(NotFoundError):
        answer(household.run(), household.user_id, first.bank_account.id, None)
    with household.sessions() as session:
        stranger = users.create_user(session, "eve", "correct horse").id
    with pytest.raises(NotFoundError):
        answer(household.run(), stranger, second.bank_account.id, None)
    with pytest.raises(OperationError):
        answer(household.run(), household.user_id, second.bank_account.id, stranger)
    assert farthing("accounts", "link", second.bank_account.id.hex[:10]).code == 2
    assert len(household.accounts()) == 3


@pytest.mark.parametrize("numbers", ["details", "masked"])
def test_a_number_is_found_wherever_the_bank_puts_it(household: Household, numbers: str) -> None:
    """S2: the number stands in the details alone. S3: the IBAN is a masked card number."""
    household.sandbox.consents(BANK, new_ids=True, numbers=numbers)
    household.connect()
    household.sync()
    accounts = {account.id for account in household.accounts()}

    household.renew()
    household.sync()

    assert {account.id for account in household.accounts()} == accounts
    assert household.questions() == []
    if numbers == "masked":  # it is no IBAN, whatever field it stands in
        assert {account.iban for account in household.accounts()} == {None}


def test_a_number_that_comes_late_is_waited_for_and_not_taken_for_another(
    household: Household,
) -> None:
    household.sandbox.consents(BANK, new_ids=True, numbers="details")
    household.connect()
    household.sync()
    accounts = {account.id for account in household.accounts()}
    household.renew()
    household.sandbox.inject(faults.service_unavailable("details", times=8))
    household.sync()
    # Balances told their currency, but not which they are.
    assert len(household.questions()) == 2
    assert {account.id for account in household.accounts()} == accounts

    household.sandbox.clear_faults()
    household.pass_time(days=1)
    household.sync()

    assert household.questions() == []
    assert {account.id for account in household.accounts()} == accounts
    assert household.drifts() == {0}


def test_accounts_of_one_number_stay_apart_by_currency_and_by_consent(
    household: Household,
) -> None:
    """S4: one IBAN in several currencies. S5: twenty pockets in one consent."""
    household.sandbox.consents(BANK, currencies=["EUR", "USD"], pockets=18)
    household.connect()
    assert unfinished(household.sync()) == []

    kept = household.accounts()
    assert len(kept) == len({account.id for account in kept}) == 22
    by_currency = {account.currency for account in kept if account.name == "Small Current"}
    assert by_currency == {"GBP", "EUR", "USD"}
    rows = household.rows()
    current = household.true_rows()["Small Current"]
    pockets = [rows[account.id] for account in kept if account.name.startswith("Space")]
    assert pockets == [current] * 18  # the same rows, and each of them its own
    assert household.drifts() == {0}

    # The ids stay, so that nothing has to be asked.
    household.renew()
    household.sync()
    assert household.rows() == rows
    assert household.questions() == []


def test_pockets_under_new_ids_are_asked_about_and_other_accounts_are_not(
    household: Household,
) -> None:
    household.sandbox.consents(BANK, new_ids=True, pockets=2, currencies=["EUR"])
    household.connect()
    household.sync()
    before = household.rows()
    household.renew()
    household.sync()

    # One number and one currency: the main account and both pockets.
    asked = {question.bank_account.name for question in household.questions()}
    assert asked == {"Small Current", "Space 1", "Space 2"}
    assert {question.bank_account.currency for question in household.questions()} == {"GBP"}
    assert household.rows() == before


def test_joint_account_of_two_users_is_one_for_each(household: Household) -> None:
    with household.sessions.begin() as session:
        other = users.create_user(session, "ben", "correct horse").id
    household.connect()
    household.connect(user_id=other)
    assert unfinished(household.sync()) == []

    mine, theirs = household.rows(), household.rows(other)
    assert set(mine) & set(theirs) == set()
    assert all(rows in theirs.values() for rows in mine.values())
    assert len(mine) == len(theirs) == 2


def test_joint_account_that_one_user_reads_twice_counts_once(household: Household) -> None:
    household.sandbox.consents(BANK, new_ids=True)
    household.connect()
    household.sync()
    rows = household.rows()
    household.connect()  # with the login of the other holder

    assert unfinished(household.sync()) == []

    assert household.connections() == 2
    assert household.rows() == rows
    assert household.drifts() == {0}


def test_closed_account_is_left_alone_and_its_siblings_are_read(household: Household) -> None:
    """C2: a closed account among others."""
    household.connect()
    household.sync()
    closed = next(path.split("/")[4] for path in household.data_calls() if "balances" in path)
    for resource in ("balances", "transactions"):
        household.sandbox.inject(faults.account_inactive(resource, account=closed, times=9))
    household.pass_time(days=1)
    first = household.sync()
    assert any("closed" in str(each.reason) for each in unfinished(first))
    household.sandbox.clear_requests()

    second = household.sync()

    # Nobody can do anything about it: said once, it is no failure from then on.
    assert unfinished(second) == []
    assert not any(closed in path for path in household.data_calls())
    assert household.data_calls() != []
    assert household.connection().status == "active"
    statuses = sorted(account.status.value for account in household.accounts())
    assert statuses == ["active", "closed"]
    assert AccountStatus.CLOSED in {account.status for account in household.accounts()}


def test_account_that_the_bank_does_not_describe_is_read_all_the_same(
    household: Household,
) -> None:
    household.sandbox.inject(faults.resource_unavailable("details", times=99))
    household.connect()

    assert unfinished(household.sync()) == []

    assert {account.currency for account in household.accounts()} == {"GBP"}
    assert household.drifts() == {0}
    assert sum(len(rows) for rows in household.rows().values()) > 0


def test_two_accounts_without_numbers_at_first_are_two(household: Household) -> None:
    household.sandbox.consents(BANK, numbers="none")
    household.connect()
    household.sync()

    with household.sessions() as session:
        numbers = session.scalars(
            sa.select(BankAccount.account_number).where(BankAccount.user_id == household.user_id)
        ).all()
        said = session.scalars(
            sa.select(Notification.type).where(Notification.user_id == household.user_id)
        ).all()
    assert len(set(numbers)) == 2
    assert "account_unclear" not in said
    assert household.drifts() == {0}
