"""Which row is which: nothing is lost, nothing is taken twice, whatever a bank does to its ids."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Hashable, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postgres.identity.answers import Evidence, Identified, identify

amounts = st.sampled_from([Decimal("-12.50"), Decimal("-12.5"), Decimal("3.00"), Decimal(3)])
contents = st.tuples(
    st.sampled_from([None, dt.date(2026, 3, 14), dt.date(2026, 3, 15)]),
    amounts,
    st.sampled_from(["GBP", "EUR"]),
    st.sampled_from([None, "Bakery", "Rent"]),
)
# Few ids and few contents, so that equal ones meet.
anonymous = st.builds(Evidence, st.none(), contents)
known = st.builds(Evidence, st.sampled_from(["A1", "B2", "C3"]), contents)
answers = st.lists(anonymous | known, max_size=12)


def of_one_content_each(rows: Sequence[Evidence]) -> list[Evidence]:
    """The rows without those that would be a conflict."""
    content: dict[str, str] = {}
    return [
        row
        for row in rows
        if row.provider_id is None
        or content.setdefault(row.provider_id, row.fingerprint) == row.fingerprint
    ]


def kept(verdicts: Sequence[Identified]) -> list[str]:
    return [verdict.key for verdict in verdicts if not verdict.is_repeat]


def told_apart(rows: Sequence[Evidence]) -> int:
    """How many rows there are: those without an id all count, the others once for each content."""
    named = {(row.provider_id, row.fingerprint) for row in rows if row.provider_id is not None}
    return len(named) + sum(row.provider_id is None for row in rows)


@given(answers)
def test_keys_are_unique_and_no_row_is_lost(rows: list[Evidence]) -> None:
    verdicts = identify(rows)

    assert len(verdicts) == len(rows)
    assert len(set(kept(verdicts))) == len(kept(verdicts)) == told_apart(rows)
    for verdict in verdicts:
        assert verdict.key in kept(verdicts)


@given(answers, st.randoms(use_true_random=False))
def test_order_of_an_answer_does_not_matter(rows: list[Evidence], chance: random.Random) -> None:
    shuffled = chance.sample(rows, len(rows))

    def keys(of: Sequence[Evidence]) -> Counter[tuple[str, bool]]:
        return Counter((verdict.key, verdict.conflict is None) for verdict in identify(of))

    assert keys(rows) == keys(shuffled)


@given(answers)
def test_same_answer_again_gets_the_same_keys(rows: list[Evidence]) -> None:
    again = [Evidence(row.provider_id, tuple(row.content)) for row in rows]

    assert identify(rows) == identify(again)


@given(answers, answers)
def test_other_rows_do_not_change_the_key_of_a_row(
    rows: list[Evidence], others: list[Evidence]
) -> None:
    rows = of_one_content_each(rows)
    strangers = [
        Evidence(row.provider_id and f"other-{row.provider_id}", ("other", *row.content))
        for row in others
    ]

    assert identify([*strangers, *rows])[len(strangers) :] == identify(rows)


@given(st.lists(anonymous, max_size=8), anonymous)
def test_one_more_twin_takes_no_key_of_the_others(rows: list[Evidence], late: Evidence) -> None:
    before = kept(identify(rows))
    after = kept(identify([late, *rows]))

    assert set(before) < set(after)
    assert len(after) == len(before) + 1


@given(contents, st.integers(min_value=1, max_value=6))
def test_twins_without_an_id_stay_as_many(content: tuple[Hashable, ...], count: int) -> None:
    verdicts = identify([Evidence(None, content)] * count)

    assert len({verdict.key for verdict in verdicts}) == count
    assert not any(verdict.is_repeat or verdict.conflict for verdict in verdicts)


@given(st.text(min_size=1), st.text(min_size=1), contents)
def test_twins_with_ids_of_their_own_stay_two(
    one: str, other: str, content: tuple[Hashable, ...]
) -> None:
    verdicts = identify([Evidence(one, content), Evidence(other, content)])

    assert len(kept(verdicts)) == len({one, other})
    assert not any(verdict.conflict for verdict in verdicts)


def test_the_same_row_twice_is_one() -> None:
    row = Evidence("A1", ("2026-03-14", Decimal(-5)))

    verdicts = identify([row, row, row])

    assert [verdict.is_repeat for verdict in verdicts] == [False, True, True]
    assert {verdict.key for verdict in verdicts} == {"id:A1"}


@pytest.mark.parametrize("swap", [False, True])
def test_id_on_two_different_rows_is_a_conflict_and_both_are_kept(swap: bool) -> None:
    payment = Evidence("9998", (dt.date(2026, 3, 14), Decimal("-20.00"), "Payment"))
    fee = Evidence("9998", (dt.date(2026, 3, 14), Decimal("-0.35"), "Fee"))

    verdicts = identify([fee, payment] if swap else [payment, fee])

    assert len(set(kept(verdicts))) == 2
    assert sorted(verdict.conflict is None for verdict in verdicts) == [False, True]


def test_repeat_of_a_row_in_conflict_is_still_a_repeat() -> None:
    rows = [Evidence("9998", (amount,)) for amount in (1, 2, 3, 1, 2, 3)]

    verdicts = identify(rows)

    assert [verdict.is_repeat for verdict in verdicts] == [False] * 3 + [True] * 3
    assert [v.key for v in verdicts[:3]] == [v.key for v in verdicts[3:]]
    assert sum(verdict.conflict is not None for verdict in verdicts[:3]) == 2


@pytest.mark.parametrize(
    "spellings",
    [
        ["-12.5", "-12.50", "-12.500", "-1.25E+1"],
        ["100", "1E+2", "100.00"],
        ["0", "0.00", "-0", "-0.00", "0E+3"],
    ],
)
def test_one_amount_in_any_spelling_is_one_key(spellings: list[str]) -> None:
    fingerprints = {Evidence(None, (Decimal(text), "GBP")).fingerprint for text in spellings}

    assert len(fingerprints) == 1


finite = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)


@given(finite, finite)
def test_amounts_share_a_key_exactly_when_they_are_equal(one: Decimal, other: Decimal) -> None:
    in_full = Decimal(f"{one:f}")
    for right in (other, in_full, Decimal(f"{in_full:f}0") if "." in f"{one:f}" else in_full):
        same = Evidence(None, (one,)).fingerprint == Evidence(None, (right,)).fingerprint
        assert same == (one == right)


def test_amounts_that_differ_in_their_last_digit_differ() -> None:
    one = Evidence(None, (Decimal("1234567890123456789012345678.91"),))
    other = Evidence(None, (Decimal("1234567890123456789012345678.92"),))

    assert one.fingerprint != other.fingerprint


@given(contents, contents)
def test_content_is_told_apart_by_every_part(
    one: tuple[Hashable, ...], other: tuple[Hashable, ...]
) -> None:
    same = Evidence(None, one).fingerprint == Evidence(None, other).fingerprint

    assert same == (one == other)


def test_nothing_is_not_an_empty_text() -> None:
    assert Evidence(None, (None,)).fingerprint != Evidence(None, ("",)).fingerprint
    assert Evidence(None, ("a", None)).fingerprint != Evidence(None, (None, "a")).fingerprint


@given(st.lists(st.text(st.characters()) | st.none() | st.decimals() | st.dates(), max_size=4))
def test_no_content_raises(content: list[Hashable]) -> None:
    identify([Evidence("id", tuple(content)), Evidence(None, tuple(content))])
