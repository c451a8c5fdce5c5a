"""Which rows, over many answers, are versions of one transaction."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postgres.common.enums import IdentityBasis
from postgres.identity.versions import Known, Verdict, Version, plain, recognise

DAY = dt.date(2026, 3, 10)
_numbers = itertools.count(1)


def row(amount: str = "-12.00", text: str = "tesco stores", **values: Any) -> Version:
    given_values = {"booking_date": DAY, "currency": "GBP", **values}
    return Version(uuid.UUID(int=next(_numbers)), Decimal(amount), text=text, **given_values)


def known(version: Version) -> Known:
    return Known(uuid.UUID(int=next(_numbers)), version)


def verdict(new: Version, *missing: Known, holders: dict[str, Known] | None = None) -> Verdict:
    return recognise([new], missing, holders or {})[new.row_id]


def test_what_nothing_knows_is_new_and_named_by_its_row() -> None:
    new = row()

    assert verdict(new) == Verdict(new.row_id, IdentityBasis.NEW)


@pytest.mark.parametrize(
    ("values", "basis"),
    [
        ({}, IdentityBasis.CONTENT),
        ({"trusted_id": "b2"}, IdentityBasis.CONTENT),
        ({"text": "tesco stores 3218 london"}, IdentityBasis.LIKENESS),
        ({"booking_date": DAY + dt.timedelta(days=3)}, IdentityBasis.LIKENESS),
        ({"text": "purchase at another name"}, IdentityBasis.LIKENESS),
        ({"amount": "-12.0"}, IdentityBasis.CONTENT),
    ],
    ids=str,
)
def test_a_row_that_the_bank_rewrote_is_the_one_that_is_missing(
    values: dict[str, Any], basis: IdentityBasis
) -> None:
    before = known(row(trusted_id="a1"))

    found = verdict(row(**values), before)

    assert found == Verdict(before.name, basis)


@pytest.mark.parametrize(
    "values",
    [
        {"amount": "-12.01"},
        {"amount": "12.00"},
        {"currency": "EUR"},
        {"booking_date": DAY + dt.timedelta(days=11)},
        {"booking_date": DAY + dt.timedelta(days=3), "text": "netflix"},
    ],
    ids=str,
)
def test_other_money_far_days_and_other_words_are_another_transaction(
    values: dict[str, Any],
) -> None:
    new = row(**values)

    assert verdict(new, known(row())) == Verdict(new.row_id, IdentityBasis.NEW)


def test_a_shared_id_pairs_rows_of_the_same_money_however_they_read() -> None:
    before = known(row(other_ids=frozenset({"ref-77"})))
    later = DAY + dt.timedelta(days=40)
    new = row(text="quite another text", booking_date=later, other_ids=frozenset({"ref-77", "x"}))

    assert verdict(new, before) == Verdict(before.name, IdentityBasis.SHARED_ID)


def test_an_id_that_stands_on_two_rows_is_no_evidence() -> None:
    shared = frozenset({"CARD"})
    before = known(row(text="bakery", other_ids=shared))
    new = [
        row(text="florist", other_ids=shared, booking_date=DAY + dt.timedelta(days=1)),
        row(text="garage", other_ids=shared, booking_date=DAY + dt.timedelta(days=2)),
    ]

    found = recognise(new, [before], {})

    assert {each.basis for each in found.values()} == {IdentityBasis.NEW}


def test_a_trusted_id_is_the_same_row_wherever_it_went() -> None:
    holder = known(row(trusted_id="a1"))
    new = row(text="reworded", booking_date=DAY + dt.timedelta(days=60), trusted_id="a1")

    assert verdict(new, holders={"a1": holder}) == Verdict(holder.name, IdentityBasis.TRUSTED_ID)


@pytest.mark.parametrize("values", [{"amount": "-99.00"}, {"currency": "EUR"}], ids=str)
def test_a_trusted_id_on_other_money_is_a_conflict_and_overwrites_nothing(
    values: dict[str, Any],
) -> None:
    holder = known(row(trusted_id="a1"))

    found = verdict(row(trusted_id="a1", **values), holder, holders={"a1": holder})

    assert found.name is None
    assert found.conflict


def test_of_two_new_rows_with_one_trusted_id_one_has_it() -> None:
    holder = known(row(trusted_id="a1"))
    rows = [row(trusted_id="a1", text="something else"), row(trusted_id="a1")]

    found = recognise(rows, [], {"a1": holder})

    assert found[rows[0].row_id].name is None
    assert found[rows[1].row_id].name == holder.name


def test_genuine_twins_stay_two() -> None:
    before = [known(row(trusted_id="a")), known(row(trusted_id="b"))]
    new = [row(trusted_id="c"), row(trusted_id="d"), row(trusted_id="e")]

    found = recognise(new, before, {})

    names = {each.name for each in found.values()}
    assert len(names) == 3
    assert names >= {each.name for each in before}


def test_the_better_evidence_comes_first() -> None:
    reworded = known(row(text="tesco stores 3218"))
    same = known(row())
    new = row()

    assert verdict(new, reworded, same).name == same.name


def test_the_nearer_of_two_habits_is_it() -> None:
    far = known(row(booking_date=DAY - dt.timedelta(days=3)))
    near = known(row(text="tesco stores 1", booking_date=DAY + dt.timedelta(days=1)))

    assert verdict(row(text="tesco stores"), far, near).name == near.name


amounts = st.sampled_from(["-3.50", "-12.00", "1500"])
words = st.sampled_from(["tesco", "tesco stores", "netflix", "acme salary march"])
offsets = st.integers(0, 12)


@st.composite
def versions(draw: st.DrawFn) -> Version:
    return row(
        draw(amounts),
        draw(words),
        booking_date=DAY + dt.timedelta(days=draw(offsets)),
        trusted_id=draw(st.sampled_from([None, "a", "b", "c"])),
        other_ids=frozenset(draw(st.sets(st.sampled_from(["r1", "r2", "r3"]), max_size=2))),
    )


@given(st.lists(versions(), max_size=12), st.lists(versions(), max_size=12), st.randoms())
def test_every_row_has_a_verdict_and_no_transaction_two_rows(
    new: list[Version], gone: list[Version], random: Any
) -> None:
    missing = [known(each) for each in gone]
    holders = {each.version.trusted_id: each for each in missing if each.version.trusted_id}

    found = recognise(new, missing, holders)
    shuffled: list[Version] = random.sample(new, len(new))
    again = recognise(shuffled, random.sample(missing, len(missing)), holders)

    assert set(found) == {each.row_id for each in new}
    names = [each.name for each in found.values() if each.name is not None]
    assert len(names) == len(set(names))
    assert found == again
    by_name = {each.name: each.version for each in missing}
    for each in new:
        name = found[each.row_id].name
        if name in by_name:
            assert by_name[name].money == each.money


@given(st.lists(versions(), max_size=12))
def test_a_bank_that_renumbers_all_its_rows_makes_no_new_one(rows: list[Version]) -> None:
    missing = [known(replace(each, trusted_id=f"old {n}")) for n, each in enumerate(rows)]
    new = [
        replace(each, row_id=uuid.uuid4(), trusted_id=f"new {n}", other_ids=frozenset())
        for n, each in enumerate(rows)
    ]

    found = recognise(new, missing, {})

    assert sorted(str(each.name) for each in found.values()) == sorted(
        str(each.name) for each in missing
    )


def test_text_is_compared_whatever_its_case_and_white_space() -> None:
    assert plain("  Tesco\u00a0STORES ", None, "Ref  1") == "tesco stores ref 1"
