"""What is known of each bank holds for a payload of its shape, and the page about them agrees."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from providers.gocardless import banks
from providers.gocardless.banks import DEFAULT, REGISTRY, BankProfile
from providers.gocardless.details import read_details
from providers.gocardless.rows import TransactionFacts, read_transaction

FIXTURES = sorted((Path(__file__).parent / "fixtures" / "banks").glob("*.json"))
ROOT = Path(__file__).parent.parent.parent
TODAY = dt.date(2026, 3, 15)

Fixture = dict[str, Any]


@pytest.fixture(params=FIXTURES, ids=lambda path: path.stem)
def known(request: pytest.FixtureRequest) -> Fixture:
    fixture: Fixture = json.loads(request.param.read_text(encoding="utf-8"))
    return fixture


def read(row: dict[str, Any], profile: BankProfile) -> TransactionFacts:
    return read_transaction(
        row["payload"], is_pending=row["is_pending"], profile=profile, seen_on=TODAY
    )


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return str(value) if isinstance(value, dt.date | Decimal) else value


def test_rows_of_the_bank_are_read(known: Fixture) -> None:
    profile = banks.profile(known["institution_id"])

    for row in known["rows"]:
        facts, details = read(row, profile), read_details(row["payload"], profile=profile)
        for name, expected in row["facts"].items():
            owner, _, fact = name.rpartition(".")
            assert plain(getattr(details if owner else facts, fact)) == expected, name


def test_what_the_bank_needs_is_not_what_any_bank_gets(known: Fixture) -> None:
    profile = banks.profile(known["institution_id"])

    for row in known["rows"]:
        if row["needs_profile"]:
            assert read(row, profile) != read(row, DEFAULT)


def test_what_is_known_of_the_bank_beyond_its_rows(known: Fixture) -> None:
    profile = banks.profile(known["institution_id"])

    for name, expected in known["profile"].items():
        assert plain(getattr(profile, name)) == expected, name
    if "stand_in_balances" in known:
        assert plain(profile.stand_in_balances) == known["stand_in_balances"]


def test_every_bank_has_a_fixture_of_its_own() -> None:
    covered = [
        banks.profile(json.loads(path.read_text(encoding="utf-8"))["institution_id"]).name
        for path in FIXTURES
    ]

    assert sorted(covered) == sorted(profile.name for profile in REGISTRY)


def test_there_are_as_many_as_were_promised() -> None:
    assert len(REGISTRY) >= 35


@pytest.mark.parametrize("institution_id", [None, "", "BANK_OF_NOWHERE"])
def test_a_bank_that_nobody_knows_is_read_by_default(institution_id: str | None) -> None:
    assert banks.profile(institution_id) is DEFAULT
    assert DEFAULT.trusted_ids == ("internalTransactionId",)
    assert DEFAULT.volatile_fields == ()


def test_a_bank_counts_before_the_family_that_it_is_of() -> None:
    assert banks.profile("SSK_DUSSELDORF_DUSSDEDDXXX").name == "Stadtsparkasse Düsseldorf"
    assert banks.profile("SSK_ANYWHERE_ABCDDE21").name == "Savings banks"
    assert banks.profile("norwegian_se_norwnok1").name == "Norwegian"


def test_no_institution_is_known_twice() -> None:
    exact = [i for profile in REGISTRY for i in profile.institutions if "*" not in i]

    assert len(exact) == len(set(exact))


def test_sources_and_fields_are_named() -> None:
    for profile in REGISTRY:
        assert profile.sources, profile.name
        assert profile.note, profile.name
        for pattern in profile.payee_patterns:
            assert "payee" in pattern.groupindex, profile.name


def test_the_page_says_what_the_registry_says() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "bank_page.py", "--check"], check=True)
