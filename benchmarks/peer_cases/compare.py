"""Whether what came out is what was expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

MISSING = "not told"
"""Stands for a fact that the harness has no way to read from the product; it never compares."""


@dataclass(frozen=True)
class Difference:
    """One fact that came out otherwise."""

    fact: str
    expected: Any
    got: Any


def differences(expected: dict[str, Any], facts: dict[str, Any]) -> list[Difference]:
    """Return every expected fact that is not met.

    :param facts: what came out, under the name that the fact is based on: the payee for
        ``payee_contains``, a list of possible days for ``date_in``.
    """
    found = []
    for fact, value in expected.items():
        base, rule = _rule(fact)
        got = facts.get(base, facts.get(fact, MISSING))
        if got is MISSING or not rule(value, got):
            found.append(Difference(fact, value, got))
    return found


def same(expected: Any, got: Any) -> bool:
    """Compare two facts: numbers as decimals, texts without case and runs of white space."""
    if isinstance(expected, list) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(
            same(one, other) for one, other in zip(expected, got, strict=True)
        )
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return expected is got
    numbers = _number(expected), _number(got)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return _plain(expected) == _plain(got)


def _contains(expected: Any, got: Any) -> bool:
    wanted = expected if isinstance(expected, list) else [expected]
    return got is not None and all(_plain(one) in _plain(got) for one in wanted)


def _contains_unspaced(expected: Any, got: Any) -> bool:
    wanted = expected if isinstance(expected, list) else [expected]
    text = "".join(_plain(got).split())
    return all("".join(_plain(one).split()) in text for one in wanted)


def _excludes(expected: Any, got: Any) -> bool:
    unwanted = expected if isinstance(expected, list) else [expected]
    return got is None or not any(_plain(one) in _plain(got) for one in unwanted)


def _is_one(expected: Any, got: Any) -> bool:
    return any(same(one, got) for one in expected)


def _not_after(expected: Any, got: Any) -> bool:
    return got is None or str(got) <= str(expected)


def _at_least(expected: Any, got: Any) -> bool:
    return got is not None and Decimal(str(got)) >= Decimal(str(expected))


def _by_day(expected: Any, got: Any) -> bool:
    return [sorted(day) for day in expected] == [sorted(day) for day in got]


def _category(expected: Any, got: Any) -> bool:
    return expected in got


_RULES: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "payee_contains": ("payee", _contains),
    "payee_excludes": ("payee", _excludes),
    "payee_not": ("payee", lambda expected, got: not same(expected, got)),
    "notes_contains": ("notes", _contains),
    "notes_contains_ignoring_spaces": ("notes", _contains_unspaced),
    "notes_or_payee_contains": ("notes_or_payee", _contains),
    "date_in": ("date", _is_one),
    "date_not_after": ("date", _not_after),
    "wait_at_least_s": ("waits_s", _at_least),
    "days_newest_first": ("days_newest_first", _by_day),
    "error_category": ("error_categories", _category),
}


def _rule(fact: str) -> tuple[str, Callable[[Any, Any], bool]]:
    if fact in _RULES:
        return _RULES[fact]
    if fact.endswith("_in"):
        return fact.removesuffix("_in"), _is_one
    if fact.endswith("_min"):
        return fact.removesuffix("_min"), _at_least
    return fact, same


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _plain(value: Any) -> str:
    return " ".join(str(value).split()).casefold()
