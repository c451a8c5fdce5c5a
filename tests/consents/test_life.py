"""A consent from its first day to its last and on: warned of in time, never asked for in vain."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from farthing import clock
from ingestion import connect
from ingestion.connect import ConnectError
from postgres.common.enums import ConnectionStatus
from postgres.common.models import Notification
from postgres.common.operations import connections
from postgres.gocardless.models import Agreement, BankAccount, Reconfirmation
from sandbox import faults
from tests.consents.household import BANK, CONFIRMED, Household, unfinished

pytestmark = pytest.mark.slow


def warned(household: Household) -> list[int]:
    """At how many days before the end the user was warned, the first warning first."""
    with household.sessions() as session:
        keys = session.scalars(
            sa.select(Notification.dedup_key)
            .where(Notification.user_id == household.user_id, Notification.type == "consent_expiry")
            .order_by(Notification.created_at, Notification.id)
        ).all()
    return [int(key.rpartition(":")[2]) for key in keys]


def gaps(household: Household) -> int:
    with household.sessions() as session:
        owned = BankAccount.user_id == household.user_id
        return session.scalars(
            sa.select(sa.func.count())
            .select_from(BankAccount)
            .where(owned, ~sa.func.isempty(BankAccount.gaps))
        ).one()


def test_every_warning_comes_once_no_call_follows_the_end_and_renewal_leaves_no_gap(
    household: Household,
) -> None:
    household.connect()
    household.sync()
    for _ in range(2):
        household.pass_time(days=82)
        household.sync()
        assert household.warn() == 0

    for _ in range(18):  # every day, to two days after the end
        household.pass_time(days=1)
        household.sandbox.clear_requests()
        household.sync()
        household.warn()
        household.warn()
        with household.sessions() as session:
            (left,) = connections.list_consents(session, now=clock.now())
        is_over = household.connection().status is ConnectionStatus.EXPIRED
        assert (left.days == 0) is is_over
        assert (household.data_calls() == []) is is_over
        refused = [r for r in household.sandbox.requests() if r["status"] >= 400]
        assert not any("/accounts/" in r["path"] for r in refused)

    assert warned(household) == [14, 7, 3, 1, 0]
    assert household.connection().status is ConnectionStatus.EXPIRED
    assert household.connection().status_reason == ("the consent has ended; renew the connection")

    household.renew()
    assert unfinished(household.sync()) == []
    assert (household.warn(), gaps(household)) == (0, 0)
    assert household.drifts() == {0}


def test_consent_to_be_confirmed_is_warned_of_confirmed_and_goes_on(household: Household) -> None:
    household.connect(CONFIRMED)
    with household.sessions() as session:
        terms = session.scalars(
            sa.select(Agreement).where(Agreement.user_id == household.user_id)
        ).one()
    assert (terms.has_reconfirmation, terms.access_valid_for_days) == (True, 730)
    household.sync()
    connection = household.connection()
    assert connection.is_reconfirmable
    assert connection.consent_expires_at is not None
    assert (connection.consent_expires_at - clock.now()).days == 90
    # It is too early to confirm: whoever renews now gets a new consent.
    assert household.renew(give=False).confirms is None

    household.pass_time(days=77)
    household.sync()
    assert household.warn() == 1
    assert "has to be confirmed once more by 2026-06-13" in household.told()[0]
    asked = household.renew(give=False)
    assert asked.confirms == terms.id
    assert not connect.is_given(household.run(), asked)
    assert unfinished(household.sync()) == []

    # Nobody answers: after the mark nothing is asked, and it can still be confirmed.
    household.pass_time(days=14)
    household.sandbox.clear_requests()
    steps = household.sync()
    assert household.data_calls() == []
    assert "had to be confirmed once more by" in str(unfinished(steps)[0].reason)
    assert household.connection().status is ConnectionStatus.EXPIRED
    household.warn()
    assert warned(household) == [14, 0]

    again = household.renew()
    assert again.confirms == terms.id
    assert connect.is_given(household.run(), again)
    household.sandbox.clear_requests()
    assert unfinished(household.sync()) == []
    assert household.data_calls() != []
    confirmed = household.connection()
    assert (confirmed.id, confirmed.status) == (connection.id, ConnectionStatus.ACTIVE)
    assert confirmed.consent_expires_at is not None
    assert (confirmed.consent_expires_at - clock.now()).days == 90
    assert confirmed.provider_connection_id == connection.provider_connection_id
    with household.sessions() as session:
        owned = Reconfirmation.user_id == household.user_id
        stored = session.scalars(sa.select(Reconfirmation.confirmed_at).where(owned)).all()
    assert len([at for at in stored if at]) == 1
    assert gaps(household) == 0
    assert household.drifts() == {0}

    # A sync sees by itself what was confirmed, and the next mark is warned of anew.
    household.pass_time(days=80)
    household.renew()
    household.sync()
    assert (household.connection().consent_expires_at or clock.now()) > clock.now()
    household.pass_time(days=85)
    household.sync()
    assert household.warn() == 1


def test_refused_confirmation_is_said_and_too_late_a_one_becomes_a_renewal(
    household: Household,
) -> None:
    household.connect(CONFIRMED)
    household.sync()
    household.pass_time(days=85)
    asked = household.renew(give=False)
    household.sandbox.approve(asked.link, "refuse")

    with pytest.raises(ConnectError, match="no account was confirmed"):
        connect.is_given(household.run(), asked)

    household.pass_time(days=20)
    assert household.renew(give=False).confirms is None


@pytest.mark.parametrize("may_reconfirm", [True, False])
def test_terms_are_the_best_that_the_bank_and_the_company_get(
    household: Household, may_reconfirm: bool
) -> None:
    household.sandbox.consents(CONFIRMED, may_reconfirm=may_reconfirm)
    household.connect(CONFIRMED)

    with household.sessions() as session:
        terms = session.scalars(
            sa.select(Agreement).where(Agreement.user_id == household.user_id)
        ).one()
    expected = (True, 730) if may_reconfirm else (False, 180)
    assert (terms.has_reconfirmation, terms.access_valid_for_days) == expected
    assert terms.max_historical_days == 730


def test_history_that_takes_a_consent_of_its_own_is_asked_for_first_if_wanted(
    household: Household,
) -> None:
    """C11: a consent to long history, and new account ids after it."""
    bank = "STARLING_SRLGGB3L"
    household.sandbox.consents(bank, separates_history=True, new_ids=True)
    household.connect(bank, all_history=True)
    household.sync()
    days = {day for rows in household.rows().values() for day, _ in rows}
    assert (clock.today() - min(days)).days > 300

    household.renew()
    assert unfinished(household.sync()) == []

    with household.sessions() as session:
        terms = session.execute(
            sa.select(Agreement.max_historical_days, Agreement.access_valid_for_days)
            .where(Agreement.user_id == household.user_id)
            .order_by(Agreement.max_historical_days)
        ).all()
    assert [tuple(each) for each in terms] == [(90, 180), (730, 1)]
    assert min(day for rows in household.rows().values() for day, _ in rows) == min(days)
    assert household.drifts() == {0}
    assert household.connections() == 1


@pytest.mark.parametrize(
    ("rules", "granted"),
    [
        ({"together": ["balances", "details"]}, ("balances", "details", "transactions")),
        ({"mandatory": ["transactions"]}, ("balances", "details", "transactions")),
        ({"scopes": ["transactions", "details"]}, ("details", "transactions")),
    ],
    ids=["together", "mandatory", "unsupported"],
)
def test_scopes_are_those_that_the_bank_has(
    household: Household, rules: dict[str, list[str]], granted: tuple[str, ...]
) -> None:
    household.sandbox.consents(BANK, **rules)
    household.connect()

    assert unfinished(household.sync()) == []

    asked = {path.rstrip("/").rpartition("/")[2] for path in household.data_calls()}
    assert asked == set(granted)


def test_access_taken_back_shows_at_once_and_is_not_asked_for_again(household: Household) -> None:
    """C9: the user takes the consent back at the bank."""
    consent = household.connect()
    household.sync()
    household.sandbox.set_requisition(str(consent.requisition_id), is_revoked=True)
    household.pass_time(hours=6)

    steps = household.sync()

    assert any("taken back" in str(each.reason) for each in unfinished(steps))
    connection = household.connection()
    assert connection.status is ConnectionStatus.EXPIRED
    assert "taken back at the bank" in str(connection.status_reason)
    household.pass_time(hours=6)
    household.sandbox.clear_requests()
    household.sync()
    assert household.data_calls() == []

    household.renew()
    assert unfinished(household.sync()) == []
    assert household.connection().status is ConnectionStatus.ACTIVE
    assert household.drifts() == {0}


def test_access_to_one_account_that_is_taken_back_leaves_its_siblings(
    household: Household,
) -> None:
    household.connect()
    household.sync()
    lost = next(path.split("/")[4] for path in household.data_calls())
    for resource in ("balances", "transactions"):
        household.sandbox.inject(faults.access_expired(resource, account=lost, times=9))
    household.pass_time(days=1)
    household.sync()
    household.sandbox.clear_requests()

    household.sync()

    assert household.connection().status is ConnectionStatus.ACTIVE
    paths = household.data_calls()
    assert paths != []
    assert not any(lost in path for path in paths)


@pytest.mark.parametrize(
    ("status", "stands", "says"),
    [
        ("RJ", ConnectionStatus.ERROR, "consent was refused"),
        ("EX", ConnectionStatus.EXPIRED, "taken back at the bank"),
        ("SU", ConnectionStatus.ERROR, "suspended"),
        ("ER", ConnectionStatus.ERROR, "reports an error"),
        ("ID", ConnectionStatus.ERROR, "does not document"),
        ("UA", ConnectionStatus.ERROR, "asks for consent again"),
    ],
)
def test_each_state_of_a_consent_says_what_to_do(
    household: Household, status: str, stands: ConnectionStatus, says: str
) -> None:
    consent = household.connect()
    household.sandbox.set_requisition(str(consent.requisition_id), status=status)

    household.sync()

    connection = household.connection()
    assert connection.status is stands
    assert says in str(connection.status_reason)
    assert "renew the connection" in str(connection.status_reason)


def refusal(field: str | None, summary: str, status: int = 400) -> dict[str, Any]:
    said: dict[str, Any] = {"summary": summary, "detail": f"{summary} for X"}
    return {**(said if field is None else {field: said}), "status_code": status}


def test_confirmation_that_is_refused_for_any_reason_becomes_a_renewal(
    household: Household,
) -> None:
    household.sandbox.inject(
        faults.Fault(
            method="POST",
            path="/agreements/enduser/$",
            status=400,
            json=refusal("reconfirmation", "Reconfirmation not supported"),
        )
    )
    household.connect(CONFIRMED)
    assert not household.connection().is_reconfirmable  # listed, and not offered after all

    household.renew()
    household.sync()
    assert household.connection().is_reconfirmable
    household.pass_time(days=80)
    for status, body in (
        (400, refusal(None, "Reconfirmation is not enabled.")),
        (400, refusal(None, "End user agreement needs to be accepted.")),
        (400, refusal(None, "Reconfirmation requested after acceptance period.")),
        (400, refusal(None, "No accounts left to reconfirm.")),
        (400, refusal(None, "No accounts linked.")),
        (403, refusal(None, "", 403)),
        (404, refusal(None, "Not found.", 404)),
    ):
        household.sandbox.inject(
            faults.Fault(method="POST", path="/reconfirm/$", status=status, json=body)
        )
        assert household.renew(give=False).confirms is None, body
    assert household.renew(give=False).confirms is not None
