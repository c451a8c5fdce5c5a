"""Every known defect and quirk of the broker has a switch, or is always so, and a test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import httpx
import pytest

from sandbox.broker_quirks import BROKER, BROKER_QUIRKS
from sandbox.server import Sandbox

TESTS = Path(__file__).resolve().parent.parent
KNOWN = {"N": 10, "Q": 27}
"""How many there are of each family."""
NUMBERS = {f"{family}{n}" for family, count in KNOWN.items() for n in range(1, count + 1)}
WORDS = {"flaky", "noisy", "legacy", "cards"}


@cache
def numbers_in_docstrings() -> set[str]:
    """Return the numbers that stand in the docstrings of tests, a range for all in it."""
    found: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = ast.get_docstring(node) or ""
                for family, first, last in re.findall(r"\b([NQ])(\d+) to \1(\d+)\b", said):
                    found |= {f"{family}{n}" for n in range(int(first), int(last) + 1)}
                found |= set(re.findall(r"\b[NQ]\d{1,2}\b", said))
    return found


def test_every_number_has_a_switch_or_is_always_so() -> None:
    assert BROKER_QUIRKS.keys() == NUMBERS | WORDS
    for quirk in BROKER_QUIRKS.values():
        changes = (quirk.body, quirk.link, quirk.instant, quirk.skips, quirk.refuses)
        does_something = any(changes) or quirk.number == "cards"
        assert does_something is not quirk.is_always, quirk.number


def test_every_number_has_a_test() -> None:
    assert numbers_in_docstrings() >= NUMBERS


def test_no_switch_changes_the_truth(sandbox: Sandbox) -> None:
    before = sandbox.truth()
    sandbox.quirks(BROKER, *BROKER_QUIRKS)
    assert sandbox.truth() == before
    url = f"{sandbox.url}/sandbox/quirks"
    body = {"institution": BROKER, "quirks": ["N1", "Q4"]}
    assert httpx.put(url, json=body).json()["on"] == {BROKER: ["N1", "Q4"]}
    sandbox.clear_quirks()
    assert httpx.get(url).json()["on"] == {}
    with pytest.raises(ValueError, match="quirks is a list of"):
        sandbox.quirks(BROKER, "N99")
