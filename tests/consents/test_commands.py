"""What a person types to connect a bank, and what they are told."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion import connect
from ingestion.connect import ConnectError
from postgres.errors import NotFoundError
from postgres.gocardless.models import Requisition
from sandbox import faults
from sandbox.faults import Fault
from tests.cli.support import Result, farthing
from tests.consents.household import BANK, CONFIRMED, Household

BANKINTER, LHV = "BANKINTER_BKBKESMM", "LHV_LHVBEE22"


def link(result: Result) -> str:
    found = re.search(r"http://\S+/consent/\S+", result.out)
    assert found is not None, result
    return found[0]


def stored(household: Household) -> int:
    with household.sessions() as session:
        return session.scalars(sa.select(sa.func.count()).select_from(Requisition)).one()


def test_institutions_are_found_by_name_id_and_country(household: Household) -> None:
    assert BANK in farthing("institutions", "monzo").out
    assert BANK in farthing("institutions", "MONZO_MONZGB2").out
    (found,) = farthing("institutions", "northgate", "--country", "gb", "--json").json
    assert (found["id"], found["history_days"], found["access_days"]) == (CONFIRMED, 730, 730)
    assert found["is_reconfirmed"] is True
    assert farthing("institutions", "monzo", "--country", "de").out.startswith("There is no such")
    every = farthing("institutions", "--json").json
    assert len(every) > 40
    assert [each["name"].casefold() for each in every] == sorted(
        each["name"].casefold() for each in every
    )
    wrong = farthing("institutions", "--country", "QQ")
    assert wrong.code == 1
    assert "Invalid country choice" in wrong.error


@pytest.mark.parametrize(
    ("institution", "rules", "says"),
    [
        (BANKINTER, {}, "It opens 1 account a consent; connect it again with --another"),
        (LHV, {}, "more than 90 days right after consent only"),
        (
            LHV,
            {"separates_history": True},
            "with --all-history one is asked for first that reaches",
        ),
        (CONFIRMED, {}, "confirmed once more every 90 days"),
    ],
    ids=["one account", "history once", "separate history", "confirmed"],
)
def test_what_is_particular_about_a_bank_is_said_before_consent(
    household: Household, institution: str, rules: dict[str, Any], says: str
) -> None:
    household.sandbox.consents(institution, **rules)

    result = farthing("connect", "gocardless", "--institution", institution)

    assert result.code == 0
    assert says in " ".join(result.out.split())


def test_a_bank_of_one_account_a_consent_is_connected_once_more(household: Household) -> None:
    """C5: a consent opens one account only."""
    command = ("connect", "gocardless", "--institution", BANKINTER)
    household.sandbox.approve(link(farthing(*command)))
    household.sync()

    assert "--another" in farthing(*command).error
    second = farthing(*command, "--another")
    assert second.code == 0
    assert link(farthing(*command)) == link(second)  # it waits, and is not asked for twice
    household.sandbox.approve(link(second))
    household.sync()

    assert household.connections() == 2


def test_browser_that_comes_back_ends_the_wait_at_once(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.connect.POLL_SECONDS", 60.0)
    done: list[Result] = []
    command = threading.Thread(
        target=lambda: done.append(
            farthing("connect", "gocardless", "--institution", BANK, "--wait")
        )
    )
    command.start()
    while not (found := waiting(household)):
        assert command.is_alive()
        time.sleep(0.02)
    address = household.sandbox.approve(str(found), "UserCancelledSession")
    visit = httpx.get(address, trust_env=False)
    command.join(30)

    assert "You can close this page" in visit.text
    assert not command.is_alive()
    assert done[0].code == 1
    assert "you refused it, or left the bank's page" in done[0].error


def waiting(household: Household) -> object:
    with household.sessions() as session:
        return session.scalars(
            sa.select(Requisition.id).where(Requisition.user_id == household.user_id)
        ).one_or_none()


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ("UserCancelledSession", "you refused it"),
        ("refuse", "you refused it"),
        ("UnknownError", "the bank gave no reason"),
        ("SSNVerificationFailed", "social security number"),
        ("InstitutionTechnicalError", "the bank has a technical problem"),
        ("GoCardlessTechnicalError", "GoCardless has a technical problem"),
    ],
)
def test_each_way_back_without_a_consent_says_why(
    household: Household, outcome: str, says: str
) -> None:
    consent = household.ask()
    address = household.sandbox.approve(consent.link, outcome)

    with pytest.raises(ConnectError, match=says):
        connect.take_return(household.run(), household.user_id, address)

    assert household.connection().status == "error"
    # A link that was used leads nowhere, and the next one is another.
    again = household.sandbox.approve(consent.link)
    with pytest.raises(ConnectError, match="has been used before"):
        connect.take_return(household.run(), household.user_id, again)
    assert household.renew().requisition_id != consent.requisition_id
    household.sync()
    assert household.connection().status == "active"


def test_way_back_with_a_consent_is_taken_and_one_of_nobody_is_not(household: Household) -> None:
    consent = household.ask()
    address = household.sandbox.approve(consent.link)

    assert connect.take_return(household.run(), household.user_id, address)
    for made_up in ("", "ref=unknown", "error=%00%00&details=x", "http://x/?ref=" + "9" * 9000):
        with pytest.raises(NotFoundError):
            connect.take_return(household.run(), household.user_id, made_up)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (faults.payment_required(), "the free connections of this month are used up"),
        (
            Fault(
                method="POST",
                path="/agreements/",
                status=400,
                json={
                    "institution_id": {
                        "summary": "Unknown Institution ID X",
                        "detail": "Get Institution IDs from /institutions/",
                    },
                    "status_code": 400,
                },
            ),
            "institution_id: Unknown Institution ID X: Get Institution IDs",
        ),
        (
            Fault(
                method="POST",
                path="/agreements/",
                status=400,
                json={
                    "max_historical_days": [
                        {
                            "summary": "Incorrect max_historical_days",
                            "detail": "max_historical_days must be > 0 and <= 90",
                        }
                    ],
                    "access_valid_for_days": [
                        {"summary": "Incorrect", "detail": "must be > 0 and <= 180"}
                    ],
                    "status_code": 400,
                },
            ),
            "max_historical_days must be > 0 and <= 90; access_valid_for_days",
        ),
        (
            Fault(
                method="POST",
                path="/requisitions/",
                status=400,
                json={
                    "reference": {
                        "summary": "Client reference must be unique",
                        "detail": "Client reference: x already exists",
                    },
                    "status_code": 400,
                },
            ),
            "Client reference must be unique",
        ),
        (
            Fault(
                method="POST",
                path="/requisitions/",
                status=400,
                json={"redirect": ["This field is required."], "status_code": 400},
            ),
            "redirect: This field is required.",
        ),
        (
            Fault(
                method="POST",
                path="/requisitions/",
                status=404,
                json={
                    "agreement": {"summary": "ID x not found", "detail": "Please check"},
                    "status_code": 404,
                },
            ),
            "agreement: ID x not found",
        ),
        (
            Fault(
                method="POST",
                path="/requisitions/",
                status=400,
                json={
                    "account_selection": {
                        "summary": "Account selection not supported",
                        "detail": "Account selection not supported for X",
                    },
                    "status_code": 400,
                },
            ),
            "Account selection not supported for X",
        ),
    ],
    ids=["402", "institution", "days", "reference", "required", "agreement", "selection"],
)
def test_each_refusal_is_one_line_and_stores_nothing(
    household: Household, fault: Fault, says: str
) -> None:
    before = stored(household)
    household.sandbox.inject(fault)

    result = farthing("connect", "gocardless", "--institution", BANK)

    assert result.code in (1, 2)
    assert says in result.error
    assert stored(household) == before


def test_renewal_is_told_to_confirm_or_to_consent_whichever_is_due(household: Household) -> None:
    household.connect(CONFIRMED)
    household.sync()
    identity = household.connection().id.hex[:10]
    household.pass_time(days=80)
    (listed,) = farthing("connections", "--json").json
    assert (listed["consent_days_left"], listed["needs"]) == (10, "confirm")
    assert "10 days left to confirm" in farthing("connections").out

    asked = farthing("connections", "renew", identity)

    assert "asks you to confirm once more here" in asked.out
    household.sandbox.approve(link(asked))
    assert farthing("connections", "renew", identity, "--wait").code == 0
    household.sync()
    (listed,) = farthing("connections", "--json").json
    assert listed["consent_days_left"] == 90
