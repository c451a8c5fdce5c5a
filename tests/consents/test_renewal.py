"""A consent is renewed while it reads, and nothing is lost, read twice or asked in vain."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from farthing import clock
from ingestion import connect
from ingestion.gocardless import open_client
from postgres.common.enums import ConnectionStatus
from postgres.gocardless.models import BankAccount, Requisition
from tests.consents.household import BANK, Household, unfinished


def assert_true(household: Household) -> None:
    """The ledger is what happened, in one account each."""
    names = household.names()
    assert {names[account]: rows for account, rows in household.rows().items()} == {
        name: rows for name, rows in household.true_rows().items() if rows
    }
    assert household.drifts() == {0}


@pytest.mark.parametrize("new_ids", [False, True], ids=["same ids", "new ids"])
def test_old_consent_reads_until_the_new_one_is_given_and_never_after(
    household: Household, new_ids: bool
) -> None:
    """C1: a new consent may bring new account ids, or the ones of before."""
    household.sandbox.consents(BANK, new_ids=new_ids)
    household.connect()
    household.sync()
    before, accounts = household.rows(), {account.id for account in household.accounts()}
    connection = household.connection()
    old_ids = {path.split("/")[4] for path in household.data_calls()}

    household.pass_time(days=3)
    consent = household.renew(give=False)
    assert unfinished(household.sync()) == []
    assert household.connection().provider_connection_id == connection.provider_connection_id
    assert_true(household)

    household.sandbox.approve(consent.link)
    household.pass_time(days=2)
    household.sandbox.clear_requests()
    assert unfinished(household.sync()) == []

    renewed = household.connection()
    assert renewed.id == connection.id
    assert renewed.provider_connection_id == str(consent.requisition_id)
    assert {account.id for account in household.accounts()} == accounts
    assert all(before[account] <= household.rows()[account] for account in before)
    assert_true(household)
    read = {path.split("/")[4] for path in household.data_calls()}
    assert len(read) == len(old_ids)
    assert (read & old_ids == set()) is new_ids

    household.pass_time(days=1)
    household.sandbox.clear_requests()
    assert unfinished(household.sync()) == []
    assert {path.split("/")[4] for path in household.data_calls()} == read
    assert_true(household)


@pytest.mark.parametrize("outcome", ["refuse", "InstitutionTechnicalError", "deleted"])
def test_renewal_that_comes_to_nothing_changes_nothing(household: Household, outcome: str) -> None:
    household.connect()
    household.sync()
    before = household.connection()
    consent = household.renew(give=False)
    if outcome == "deleted":
        with open_client(household.run()) as client:
            client.delete_requisition(str(consent.requisition_id))
    else:
        household.sandbox.approve(consent.link, outcome)

    household.pass_time(days=1)
    assert unfinished(household.sync()) == []
    household.sandbox.clear_requests()
    assert unfinished(household.sync()) == []

    after = household.connection()
    assert (after.id, after.status, after.status_reason) == (before.id, "active", None)
    assert after.provider_connection_id == before.provider_connection_id
    assert_true(household)
    if outcome != "InstitutionTechnicalError":  # an error may pass; a refusal is for good
        asked = [r["path"] for r in household.sandbox.requests()]
        assert not any(str(consent.requisition_id) in path for path in asked)
    assert household.renew().requisition_id != consent.requisition_id


def test_renewal_that_waits_is_not_asked_for_again(household: Household) -> None:
    household.connect()

    first, second = household.renew(give=False), household.renew(give=False)

    assert first == second


def test_expired_consent_costs_no_call_and_a_late_renewal_leaves_no_gap(
    household: Household,
) -> None:
    household.sandbox.consents(BANK, new_ids=True)
    household.connect()
    household.sync()
    household.pass_time(days=181)
    household.sandbox.clear_requests()

    steps = household.sync()

    assert household.data_calls() == []
    assert {each.reason.split(";")[0] for each in unfinished(steps) if each.reason} == {
        "consent ended on 2026-09-11"
    }
    assert household.connection().status is ConnectionStatus.EXPIRED

    household.renew()
    household.sync()
    # The first consent's own end is what the renewed connection is not held to.
    household.pass_time(days=1)
    assert unfinished(household.sync()) == []
    assert household.connection().status is ConnectionStatus.ACTIVE
    assert household.connections() == 1
    # 90 days is what this bank tells: the days before them are named on the new accounts.
    with household.sessions() as session:
        found = session.scalars(
            sa.select(BankAccount).where(
                BankAccount.user_id == household.user_id, ~sa.func.isempty(BankAccount.gaps)
            )
        ).all()
    assert {(gap.lower, gap.upper) for each in found for gap in each.gaps} == {
        (dt.date(2026, 3, 16), clock.today() - dt.timedelta(days=91))
    }


def test_an_expired_renewal_does_not_bring_the_consent_before_it_back(
    household: Household,
) -> None:
    household.connect()
    household.sync()
    household.renew()
    household.sync()
    household.pass_time(days=200)
    household.sandbox.set_requisition(household.connection().provider_connection_id, status="EX")

    household.sync()

    assert household.connections() == 1
    assert household.connection().status is ConnectionStatus.EXPIRED


def test_removed_connection_takes_its_consents_with_it_and_history_goes_on_under_the_next(
    household: Household,
) -> None:
    household.sandbox.consents(BANK, new_ids=True)
    household.connect()
    household.sync()
    household.renew()
    household.sync()
    accounts = {account.id for account in household.accounts()}

    connect.remove_connection(
        household.run(), household.user_id, household.connection().id, erase=False
    )
    household.sync()
    assert household.connections() == 0
    household.connect()
    assert unfinished(household.sync()) == []

    assert {account.id for account in household.accounts()} == accounts
    assert_true(household)


def test_erased_connection_leaves_no_raw_row_of_any_of_its_consents(household: Household) -> None:
    household.sandbox.consents(BANK, new_ids=True)
    household.connect()
    household.sync()
    household.renew()
    household.sync()

    connect.remove_connection(
        household.run(), household.user_id, household.connection().id, erase=True
    )
    household.sync()

    with household.sessions() as session:
        for model in (BankAccount, Requisition):
            found = sa.select(sa.func.count()).select_from(model)
            owned = found.where(model.user_id == household.user_id)
            assert session.scalars(owned).one() == 0
    assert household.accounts() == []
    assert household.connections() == 0
