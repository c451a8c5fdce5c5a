"""Which booked transaction a pending one became, and when nobody can say."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postgres.common.enums import IdentityBasis
from postgres.identity.settlement import Booked, Pending, Settled, settle
from postgres.identity.versions import Known, Version

DAY = dt.date(2026, 3, 10)
_numbers = itertools.count(1)


def known(amount: str = "-20.00", text: str = "pret a manger", **values: Any) -> Known:
    given_values = {"booking_date": DAY, "currency": "GBP", **values}
    version = Version(uuid.UUID(int=next(_numbers)), Decimal(amount), text=text, **given_values)
    return Known(version.row_id, version)


def pending(*args: str, is_gone: bool = True, born: int = 1, **values: Any) -> Pending:
    return Pending(known(*args, **values), born, DAY, is_gone=is_gone)


def booked(*args: str, born: int = 2, **values: Any) -> Booked:
    return Booked(known(*args, **values), born)


def ends(*waiting: Pending, into: list[Booked], **options: Any) -> list[Settled]:
    return list(settle(waiting, into, **options).settled)


@pytest.mark.parametrize(
    ("values", "basis"),
    [
        ({}, IdentityBasis.SETTLED_CONTENT),
        ({"booking_date": DAY + dt.timedelta(days=5)}, IdentityBasis.SETTLED_CONTENT),
        ({"text": "card payment to pret a manger 10mar26"}, IdentityBasis.SETTLED_CONTENT),
        ({"text": ""}, IdentityBasis.SETTLED_CONTENT),
        ({"amount": "-22.50"}, IdentityBasis.SETTLED_AMOUNT),
    ],
    ids=str,
)
def test_a_payment_is_booked_on_a_later_day_in_other_words_or_with_a_tip(
    values: dict[str, Any], basis: IdentityBasis
) -> None:
    waiting, end = pending(), booked(**values)

    assert ends(waiting, into=[end]) == [Settled(waiting.known.name, end.known.name, basis)]


@pytest.mark.parametrize(
    "values",
    [
        {"amount": "-43.12"},
        {"amount": "20.00"},
        {"currency": "EUR"},
        {"text": "shell station"},
        {"booking_date": DAY + dt.timedelta(days=15)},
        {"booking_date": DAY - dt.timedelta(days=4)},
        {"born": 1},
        {"amount": "-22.50", "text": "pret a manger and more that is not alike at all"},
    ],
    ids=str,
)
def test_what_may_be_another_payment_is_left_alone(values: dict[str, Any]) -> None:
    assert ends(pending(), into=[booked(**values)]) == []


def test_what_the_bank_still_shows_is_not_booked_unless_an_id_says_so() -> None:
    shared = frozenset({"ref-1"})
    waiting = pending(is_gone=False, other_ids=shared)
    end = booked("-31.00", "other words", trusted_id="x", other_ids=shared, born=1)

    assert ends(pending(is_gone=False), into=[booked()]) == []
    assert ends(waiting, into=[end]) == [
        Settled(waiting.known.name, end.known.name, IdentityBasis.SETTLED_ID)
    ]


def test_an_id_does_not_turn_a_payment_into_a_refund() -> None:
    shared = frozenset({"ref-1"})

    assert ends(pending(other_ids=shared), into=[booked("20.00", other_ids=shared)]) == []


def test_a_pending_row_of_the_future_is_judged_by_the_day_it_was_seen() -> None:
    waiting = pending(booking_date=DAY + dt.timedelta(days=25))

    assert len(ends(waiting, into=[booked()])) == 1


def test_two_that_say_the_same_are_paired_in_the_order_of_their_days() -> None:
    first = pending(booking_date=DAY - dt.timedelta(days=1))
    second = pending()
    late = booked(booking_date=DAY + dt.timedelta(days=2))
    soon = booked(booking_date=DAY + dt.timedelta(days=1))

    found = {each.pending: each.booked for each in ends(second, first, into=[late, soon])}

    assert found == {
        first.known.name: soon.known.name,
        second.known.name: late.known.name,
    }


def test_what_may_be_either_is_left_for_a_person() -> None:
    waiting = [pending(), pending(text="pret a manger airport")]
    end = booked()

    settlement = settle(waiting, [end])

    assert settlement.settled == []
    assert settlement.doubtful == {each.known.name: (end.known.name,) for each in waiting}


def test_a_habit_is_not_settled_for_another_amount() -> None:
    end = booked("-22.50")

    assert ends(pending(), into=[end], is_a_habit=lambda *_: True) == []
    assert len(ends(pending(), into=[booked()], is_a_habit=lambda *_: True)) == 1


rows = st.tuples(
    st.sampled_from(["-20.00", "-22.00", "-3.50", "20.00"]),
    st.sampled_from(["pret a manger", "pret", "shell station", ""]),
    st.integers(-5, 20),
    st.sampled_from([frozenset(), frozenset({"r1"}), frozenset({"r2"})]),
)


@given(st.lists(rows, max_size=8), st.lists(rows, max_size=8), st.randoms())
def test_each_is_settled_once_or_doubtful_or_neither_in_any_order(
    first: list[Any], second: list[Any], random: Any
) -> None:
    def values(row: Any) -> dict[str, Any]:
        amount, text, offset, ids = row
        day = DAY + dt.timedelta(days=offset)
        return {"amount": amount, "text": text, "booking_date": day, "other_ids": ids}

    waiting = [pending(**values(row)) for row in first]
    into = [booked(**values(row)) for row in second]

    found = settle(waiting, into)
    again = settle(random.sample(waiting, len(waiting)), random.sample(into, len(into)))

    assert {(e.pending, e.booked) for e in found.settled} == {
        (e.pending, e.booked) for e in again.settled
    }
    mine = [each.pending for each in found.settled]
    theirs = [each.booked for each in found.settled]
    assert len(mine) == len(set(mine))
    assert len(theirs) == len(set(theirs))
    assert not set(mine) & set(found.doubtful)
    everything: list[Pending | Booked] = [*waiting, *into]
    amounts = {each.known.name: each.known.version.amount for each in everything}
    assert all(amounts[e.pending] * amounts[e.booked] > 0 for e in found.settled)


def test_a_number_that_only_two_texts_share_tells_rivals_apart() -> None:
    waiting = [pending(text=f"card 677123 10.03.26 ({code}) pret") for code in ("111222", "333444")]
    into = [booked(text=f"card 677123 10.03.2026 ({code}) pret") for code in ("333444", "111222")]

    pairs = {each.pending: each.booked for each in ends(*waiting, into=into)}

    assert pairs == {
        waiting[0].known.name: into[1].known.name,
        waiting[1].known.name: into[0].known.name,
    }


def test_a_number_that_every_text_has_tells_nothing_apart() -> None:
    waiting = [pending(text=f"card 677123 pret {word}") for word in ("north", "south")]
    into = [booked(text=f"card 677123 pret {word}") for word in ("east", "west")]

    assert ends(*waiting, into=into) == []


def test_a_number_does_not_make_other_money_the_same() -> None:
    waiting, end = pending("-20.00", text="pret (111222)"), booked("-90.00", text="pret (111222)")

    assert ends(waiting, into=[end]) == []
