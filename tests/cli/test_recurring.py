"""``farthing recurring``: the opt-in workflow."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session, sessionmaker

from cli.recurring import monthly_cost
from postgres.auth.operations import users
from postgres.common.enums import (
    AccountCategory,
    AccountType,
    Provider,
    RecurringDirection,
    RecurringFrequency,
    RecurringSource,
    RecurringState,
    RecurringStatus,
)
from postgres.common.models import Account, Institution, RecurringPattern
from tests.cli.support import farthing

RENT = uuid.UUID("aaaa0000-0000-4000-8000-000000000001")
GYM = uuid.UUID("aaab0000-0000-4000-8000-000000000002")
SALARY = uuid.UUID("bbbb0000-0000-4000-8000-000000000003")


def _pattern(
    identity: uuid.UUID, name: str, frequency: RecurringFrequency, amount: str, due: dt.date
) -> RecurringPattern:
    value = Decimal(amount)
    return RecurringPattern(
        id=identity,
        source=RecurringSource.DETECTED,
        status=RecurringStatus.PENDING,
        detection_key=name,
        direction=RecurringDirection.EXPENSE if value < 0 else RecurringDirection.INCOME,
        currency="GBP",
        detected_name=name,
        detected_frequency=frequency,
        detected_amount=value,
        detected_next_date=due,
        detected_last_date=dt.date(2026, 3, 1),
        detected_confidence=Decimal("0.981"),
        detected_is_ended=False,
        detected_schedule=f"{frequency.value} on its day",
        detected_state=RecurringState.CONFIRMED,
        detected_reasons=f"12 payments of {name}.",
    )


@pytest.fixture
def patterns(ann: str, ledger: sessionmaker[Session]) -> sessionmaker[Session]:
    with ledger.begin() as session:
        user = users.get_user_by_name(session, ann)
        assert user is not None
        bank = Institution(provider=Provider.GOCARDLESS, provider_institution_id="B", name="Bank")
        session.add(bank)
        session.flush()
        account = Account(
            user_id=user.id,
            institution_id=bank.id,
            account_number="GB00BANK12345678",
            currency="GBP",
            account_type=AccountType.BANK,
            category=AccountCategory.BANK_ACCOUNT,
            name="Current",
        )
        session.add(account)
        session.flush()
        for pattern in (
            _pattern(RENT, "rent", RecurringFrequency.MONTHLY, "-950", dt.date(2026, 4, 1)),
            _pattern(GYM, "gym", RecurringFrequency.FOUR_WEEKLY, "-28", dt.date(2026, 3, 20)),
            _pattern(SALARY, "salary", RecurringFrequency.MONTHLY, "2500.5", dt.date(2026, 3, 31)),
        ):
            pattern.user_id, pattern.account_id = user.id, account.id
            session.add(pattern)
    return ledger


def _status(ledger: sessionmaker[Session], identity: uuid.UUID) -> RecurringStatus:
    with ledger() as session:
        return session.get_one(RecurringPattern, identity).status


def test_list_shows_the_next_one_first(patterns: sessionmaker[Session]) -> None:
    result = farthing("recurring", "list")

    assert result.code == 0
    names = [line.split()[1] for line in result.out.splitlines() if "2026-" in line]
    assert names == ["gym", "salary", "rent"]
    (gym,) = (line for line in result.out.splitlines() if " gym " in line)
    assert gym.split() == [
        "aaab0000", "gym", "four", "weekly", "2026-03-20", "-28.00", "-30.44", "GBP", "98%",
        "pending",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
def test_list_fits_the_terminal(
    width: int, patterns: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    lines = farthing("recurring", "list").out.splitlines()

    assert max(map(len, lines)) <= width
    assert sum("pending" in line and "2026-" in line for line in lines) == 3


def test_why_says_how_each_comes_and_what_it_costs(
    patterns: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = (
        "gym: four_weekly on its day. Next on 2026-03-20. -30.44 GBP a month, -365.25 a year."
        " 12 payments of gym."
    )

    assert f"aaab0000 {said}" in farthing("recurring", "list", "--why").out
    accepted = farthing("recurring", "accept", "aaab").out
    assert "gym: four_weekly on its day." in accepted
    assert "12 payments of gym." in accepted


def test_json_holds_decimals_as_strings_and_days_as_iso(patterns: sessionmaker[Session]) -> None:
    listed = {each["name"]: each for each in farthing("recurring", "list", "--json").json}

    assert listed["salary"] == {
        "id": str(SALARY),
        "name": "salary",
        "status": "pending",
        "direction": "income",
        "frequency": "monthly",
        "schedule": "monthly on its day",
        "state": "confirmed",
        "next_date": "2026-03-31",
        "rest_months": None,
        "last_date": "2026-03-01",
        "amount": "2500.5",
        "amount_low": None,
        "amount_high": None,
        "price_changed_on": None,
        "monthly_cost": "2500.50",
        "yearly_cost": "30006.00",
        "currency": "GBP",
        "confidence": "0.981",
        "reasons": "12 payments of salary.",
        "is_ended": False,
        "account_id": listed["rent"]["account_id"],
    }


def test_what_the_user_says_wins(patterns: sessionmaker[Session]) -> None:
    with patterns.begin() as session:
        rent = session.get_one(RecurringPattern, RENT)
        rent.user_name, rent.user_amount = "Landlord", Decimal(-1000)
        rent.user_frequency = RecurringFrequency.QUARTERLY

    (rent_shown,) = (
        each for each in farthing("recurring", "list", "--json").json if each["name"] == "Landlord"
    )

    assert rent_shown["amount"] == "-1000"
    assert rent_shown["monthly_cost"] == "-333.33"


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        (RecurringFrequency.WEEKLY, "-43.48"),
        (RecurringFrequency.MONTHLY, "-10.00"),
        (RecurringFrequency.ANNUAL, "-0.83"),
        (RecurringFrequency.IRREGULAR, None),
    ],
)
def test_monthly_cost_is_an_average_month(
    frequency: RecurringFrequency, expected: str | None
) -> None:
    pattern = RecurringPattern(frequency=frequency, amount=Decimal(-10), detected_is_ended=False)

    assert monthly_cost(pattern) == (Decimal(expected) if expected else None)


def test_decisions_lead_through_the_states(patterns: sessionmaker[Session]) -> None:
    for decision, status in (
        ("accept", RecurringStatus.ACTIVE),
        ("pause", RecurringStatus.PAUSED),
        ("resume", RecurringStatus.ACTIVE),
        ("cancel", RecurringStatus.CANCELLED),
    ):
        result = farthing("recurring", decision, str(RENT))
        assert result.code == 0
        assert "rent" in result.out
        assert _status(patterns, RENT) is status


def test_dismissed_is_cancelled(patterns: sessionmaker[Session]) -> None:
    assert farthing("recurring", "dismiss", "bbbb").code == 0
    assert _status(patterns, SALARY) is RecurringStatus.CANCELLED


@pytest.mark.parametrize("decision", ["pause", "resume"])
def test_decision_without_a_way_is_refused(decision: str, patterns: sessionmaker[Session]) -> None:
    result = farthing("recurring", decision, "bbbb")

    assert result.code == 1
    assert "salary is pending" in result.error
    assert _status(patterns, SALARY) is RecurringStatus.PENDING


def test_accepting_is_no_way_to_resume(patterns: sessionmaker[Session]) -> None:
    farthing("recurring", "accept", "bbbb")
    farthing("recurring", "pause", "bbbb")

    assert farthing("recurring", "accept", "bbbb").code == 1
    assert farthing("recurring", "dismiss", "bbbb").code == 1
    assert _status(patterns, SALARY) is RecurringStatus.PAUSED


def test_several_are_decided_together_or_not_at_all(patterns: sessionmaker[Session]) -> None:
    assert farthing("recurring", "accept", "aaaa", "aaab").code == 0
    assert farthing("recurring", "pause", "aaaa", "bbbb").code == 1
    assert _status(patterns, RENT) is RecurringStatus.ACTIVE


@pytest.mark.parametrize(
    ("prefix", "reason"), [("cccc", "there is no"), ("aaa", "2 recurring patterns start")]
)
def test_id_that_means_none_or_several_is_wrong_use(
    prefix: str, reason: str, patterns: sessionmaker[Session]
) -> None:
    result = farthing("recurring", "accept", prefix)

    assert result.code == 2
    assert reason in result.error


def test_patterns_of_another_user_are_out_of_reach(patterns: sessionmaker[Session]) -> None:
    with patterns.begin() as session:
        users.create_user(session, "bob", "correct horse")

    assert farthing("recurring", "accept", "bbbb", "--user", "bob").code == 2
    assert _status(patterns, SALARY) is RecurringStatus.PENDING
