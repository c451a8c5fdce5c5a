"""Which account each consent's accounts are: certain by number, asked in doubt, never twice."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from postgres.identity.accounts import Feed, place

A, B = uuid.uuid4(), uuid.uuid4()


def feed(
    consent: str,
    number: str | None,
    account: uuid.UUID | None = None,
    *,
    place: str = "bank, GBP",
    is_described: bool = True,
) -> Feed:
    return Feed(uuid.uuid4(), consent, place, number, is_described, account)


def of(new: Feed, *known: Feed) -> uuid.UUID | Sequence[uuid.UUID]:
    """What is decided of a feed, or asked."""
    placement = place([*known, new])
    if new.id in placement.asked:
        return list(placement.asked[new.id])
    return placement.decided[new.id]


def test_number_decides() -> None:
    assert of(feed("new", "1"), feed("old", "1", A), feed("old", "2", B)) == A
    assert of(feed("new", "3"), feed("old", "1", A), feed("old", "2", B)) not in (A, B)


def test_another_place_is_another_account() -> None:
    assert of(feed("new", "1", place="bank, EUR"), feed("old", "1", A)) != A


def test_no_number_is_asked_about_unless_there_is_nothing_it_could_be() -> None:
    assert of(feed("new", None), feed("old", None, A)) == [A]
    assert of(feed("new", None), feed("old", None, A), feed("old", None, B)) == [A, B]
    assert isinstance(of(feed("new", None), feed("old", "1", A)), uuid.UUID)
    # Its own consent shows that one as another account.
    assert of(feed("new", None), feed("old", None, A), feed("new", None, A)) != [A]


def test_what_is_not_described_yet_may_be_any() -> None:
    assert of(feed("new", None, is_described=False), feed("old", "1", A)) == [A]
    assert of(feed("new", "1"), feed("old", None, A, is_described=False)) == [A]
    assert of(feed("new", "1"), feed("old", None, A, is_described=False), feed("x", "1", B)) == B


def test_number_that_is_shared_decides_nothing() -> None:
    pockets = [feed("old", "1", A), feed("old", "1", B)]
    assert of(feed("new", "1"), *pockets) == [A, B]
    assert of(feed("new", "1"), feed("old", "1", A), feed("new", "1", B)) == [A]


def test_one_account_of_two_new_consents_is_one() -> None:
    first, second = feed("one", "1"), feed("other", "1")
    decided = place([first, second]).decided
    assert decided[first.id] == decided[second.id]


feeds = st.lists(
    st.builds(
        feed,
        st.sampled_from("xyz"),
        st.sampled_from([None, "1", "2"]),
        st.sampled_from([None, A, B]),
        is_described=st.booleans(),
    ),
    max_size=8,
)


@given(feeds)
def test_no_consent_shows_an_account_twice_and_all_is_decided_or_asked(known: list[Feed]) -> None:
    placement = place(known)

    open_ones = {each.id for each in known if each.account_id is None}
    assert set(placement.decided) | set(placement.asked) == open_ones
    assert not set(placement.decided) & set(placement.asked)
    for consent in "xyz":
        shown = [
            placement.decided[each.id]
            for each in known
            if each.consent == consent and each.id in placement.decided
        ]
        before = {each.account_id for each in known if each.consent == consent}
        assert len(shown) == len(set(shown))
        assert not set(shown) & before
    for each, candidates in placement.asked.items():
        assert candidates, each


def test_what_is_decided_of_one_may_make_another_certain() -> None:
    first, second = feed("x", "1"), feed("y", "1")
    placement = place([first, feed("y", None, A, is_described=False), second])

    assert placement.decided[first.id] == placement.decided[second.id] != A


@given(feeds)
def test_what_was_decided_stays(known: list[Feed]) -> None:
    placement = place(known)
    kept = [
        Feed(
            each.id,
            each.consent,
            each.place,
            each.number,
            each.is_described,
            placement.decided.get(each.id, each.account_id),
        )
        for each in known
    ]

    assert place(kept).decided == {}
