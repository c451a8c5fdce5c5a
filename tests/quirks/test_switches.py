"""Every known quirk has a switch and a test; a switch changes what is told and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import httpx
import pytest

from sandbox.quirks import QUIRKS
from sandbox.server import Sandbox
from tests.conftest import NOW
from tests.quirks.case import PLAIN_BANK, Case

ROOT = Path(__file__).resolve().parent.parent.parent
QUIRK_TESTS, CONSENT_TESTS = ROOT / "tests" / "quirks", ROOT / "tests" / "consents"
KNOWN = {"I": 14, "P": 7, "D": 11, "M": 14, "T": 17, "S": 8, "C": 13}
"""How many there are of each family."""
NUMBERS = {f"{family}{n}" for family, count in KNOWN.items() for n in range(1, count + 1)}

# Of consents and of what an account is: switches of the consent flow, see `Sandbox.consents`.
OF_CONSENTS_AND_ACCOUNTS = {"C1", "C2", "C5", "C9", "C11", "S2", "S3", "S4", "S5"}


@cache
def numbers_in_docstrings() -> set[str]:
    """Return the numbers that stand in the docstrings of tests."""
    found: set[str] = set()
    for file in [*QUIRK_TESTS.glob("test_*.py"), *CONSENT_TESTS.glob("test_*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found |= set(re.findall(r"\b[A-Z]\d{1,2}\b", ast.get_docstring(node) or ""))
    return found


def test_every_numbered_quirk_has_a_switch() -> None:
    assert QUIRKS.keys() >= NUMBERS - OF_CONSENTS_AND_ACCOUNTS


def test_every_quirk_has_a_test() -> None:
    assert numbers_in_docstrings() >= NUMBERS
    assert QUIRKS.keys() - NUMBERS == {
        "bare", "null", "empty", "blank", "unknown", "numbers",
    }  # fmt: skip


def test_no_switch_changes_the_truth(case: Case) -> None:
    bank = case.sandbox
    before = bank.truth_at(PLAIN_BANK)
    for number in QUIRKS:
        bank.quirks(PLAIN_BANK, number)
        assert bank.truth_at(PLAIN_BANK) == before, number


def test_switches_are_put_listed_and_cleared(quirky_bank: Sandbox) -> None:
    url = f"{quirky_bank.url}/sandbox/quirks"
    body = {"institution": PLAIN_BANK, "quirks": ["I5", "D6"]}
    listed = httpx.put(url, json=body).json()
    assert listed["on"] == {PLAIN_BANK: ["I5", "D6"]}
    assert listed["switches"]["I5"] == QUIRKS["I5"].what
    quirky_bank.quirks(PLAIN_BANK)
    assert httpx.get(url).json()["on"] == {}
    quirky_bank.quirks(PLAIN_BANK, "I1")
    quirky_bank.clear_quirks()
    assert httpx.get(url).json()["on"] == {}


@pytest.mark.parametrize(
    "body",
    [
        {"institution": "NO_SUCH_BANK", "quirks": []},
        {"institution": PLAIN_BANK, "quirks": ["I99"]},
        {"institution": PLAIN_BANK, "quirks": "I1"},
        {"quirks": ["I1"]},
        ["I1"],
    ],
)
def test_what_is_no_switch_is_refused(quirky_bank: Sandbox, body: object) -> None:
    answer = httpx.put(f"{quirky_bank.url}/sandbox/quirks", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_bank_without_quirks_is_told_of_as_ever(quirky_bank: Sandbox) -> None:
    quirky_bank.set_now(NOW)
    (account, *_) = quirky_bank.truth_at("NORTHGATE_NRGTGB21")
    everything = quirky_bank.truth()["bank_accounts"]
    assert account in everything


def test_the_page_is_of_this_code() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "sandbox_page.py", "--check"], check=True)
