"""Payloads as stored: exact to the last digit, whatever the provider writes into them."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
import simplejson
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql as pg

from postgres.payload import content_hash, dumps, loads, storable

DIRTY = "a\x00b\ud800c"
CLEAN = "a\ufffdb?c"

numbers = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30
) | st.integers(min_value=-(10**30), max_value=10**30)
texts = st.text(st.characters(), max_size=10)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def stored(engine: sa.Engine, value: Any) -> Any:
    """What comes back from a JSONB column."""
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.cast(sa.literal(value, pg.JSONB()), pg.JSONB())))


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        return {key: shuffled(item, chance) for key, item in chance.sample(items, len(items))}
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    return value


# A database a test, not an example: the function's engine serves them all.
on_one_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


@on_one_database
@given(value=json_values)
def test_database_gives_back_what_was_stored(engine: sa.Engine, value: Any) -> None:
    clean, _ = storable(value)

    assert stored(engine, clean) == clean


@on_one_database
@given(value=anything)
def test_database_takes_whatever_a_provider_sends(engine: sa.Engine, value: Any) -> None:
    clean, _ = storable(value)

    assert content_hash(stored(engine, {"payload": clean})) is not None
    assert len(content_hash(clean)) == 32


@pytest.mark.parametrize(
    "number",
    ["0.1", "-12.50", "0.10000000000000000000000000000000000001", "1E+2", "123456789012345678.90"],
)
def test_numbers_keep_their_last_digit(engine: sa.Engine, number: str) -> None:
    value = stored(engine, {"amount": Decimal(number)})["amount"]

    assert value == Decimal(number)
    assert not isinstance(value, float)


@pytest.mark.parametrize(
    "number", ["1E+999999", "-1E+999999", "1E-999999", "1E+1000", "NaN", "Infinity"]
)
def test_endless_number_is_kept_as_its_text(engine: sa.Engine, number: str) -> None:
    clean, was_dirty = storable({"amount": Decimal(number)})

    assert was_dirty
    assert stored(engine, clean) == {"amount": number}


def test_endless_integer_is_kept_as_its_text(engine: sa.Engine) -> None:
    clean, was_dirty = storable([10**5000])

    assert was_dirty
    assert stored(engine, clean) == ["1" + "0" * 5000]


def test_fractions_never_become_floats() -> None:
    assert loads('{"a": 0.1, "b": 1e2}') == {"a": Decimal("0.1"), "b": Decimal("1e2")}
    assert dumps({"a": Decimal("0.10")}) == '{"a": 0.10}'


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (DIRTY, CLEAN),
        ([DIRTY], [CLEAN]),
        ({"key": {"inner": [1, {"deep": DIRTY}]}}, {"key": {"inner": [1, {"deep": CLEAN}]}}),
        ({"outer": [{DIRTY: "value"}]}, {"outer": [{CLEAN: "value"}]}),
    ],
)
def test_what_postgresql_refuses_is_replaced_wherever_it_stands(
    engine: sa.Engine, value: Any, clean: Any
) -> None:
    replaced, was_dirty = storable(value)

    assert was_dirty
    assert "\x00" not in dumps(replaced)
    assert stored(engine, replaced) == replaced
    assert storable(replaced) == (replaced, False)
    assert str(replaced).replace("\ufffd", "?") == str(clean).replace("\ufffd", "?")


@given(json_values)
def test_what_can_be_stored_is_left_alone(value: Any) -> None:
    clean, was_dirty = storable(value)

    if not was_dirty:
        assert clean == value
    assert storable(clean) == (clean, False)


@given(json_values, st.randoms(use_true_random=False))
def test_hash_does_not_depend_on_the_order_of_keys(value: Any, chance: random.Random) -> None:
    assert content_hash(shuffled(value, chance)) == content_hash(value)


@given(json_values)
def test_hash_does_not_depend_on_white_space(value: Any) -> None:
    clean, _ = storable(value)
    spaced = simplejson.dumps(clean, use_decimal=True, indent=3, separators=(" ,\t", " : "))

    assert content_hash(loads(spaced)) == content_hash(loads(dumps(clean)))


@given(json_values, json_values)
def test_hash_is_the_same_only_for_the_same_content(one: Any, other: Any) -> None:
    if content_hash(one) == content_hash(other):
        assert one == other


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "-12.51", "currency": "GBP", "lines": ["a", "b"]},
        {"amount": "-12.50", "currency": "EUR", "lines": ["a", "b"]},
        {"amount": "-12.50", "currency": "GBP", "lines": ["b", "a"]},
        {"amount": "-12.50", "currency": "GBP", "lines": ["ab"]},
        {"amount": "-12.50", "currency": "GBP"},
        {"amount": "-12.50", "currency": "GBP", "lines": ["a", "b"], "note": None},
        {"amount": Decimal("-12.50"), "currency": "GBP", "lines": ["a", "b"]},
    ],
)
def test_any_change_changes_the_hash(changed: dict[str, Any]) -> None:
    payload = {"amount": "-12.50", "currency": "GBP", "lines": ["a", "b"]}

    assert content_hash(changed) != content_hash(payload)


@pytest.mark.parametrize("depth", [100, 20_000])
def test_what_is_nested_too_deeply_is_kept_as_its_text(engine: sa.Engine, depth: int) -> None:
    value: Any = {"a": [1, "b"], "c": DIRTY}
    for _ in range(depth):
        value = [value]

    clean, was_dirty = storable({"deep": value, "flat": [1]})

    assert was_dirty
    back = stored(engine, clean)
    assert back["flat"] == [1]
    levels, deep = 0, back["deep"]
    while isinstance(deep, list):
        (deep,) = deep
        levels += 1
    left = depth - levels
    assert deep == "[" * left + r'{"a": [1, "b"], "c": "a\u0000b?c"}' + "]" * left
