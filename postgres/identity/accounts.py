"""Decide which account of the ledger each account is that a consent opened.

A provider's id is good for one consent only: after the next, a bank may call the same account by
another one. What lasts is its number with the currency, at one institution of one user. Where there
is no number, or several accounts of one consent share it, nothing tells which is which, and the
user is asked. Pure: what is decided follows from the feeds alone.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feed:
    """One account as one consent shows it.

    :param consent: what opened it; None for an account of the ledger that no consent is known of.
    :param place: the owner, the institution and the currency: accounts of another are others.
    :param number: the bank's; None if it gives none.
    :param is_described: the bank has told what it knows of it. Before, a number may still come.
    :param account_id: which account of the ledger it is, once that is decided.
    """

    id: uuid.UUID
    consent: Hashable
    place: Hashable
    number: str | None
    is_described: bool
    account_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Placement:
    """What was decided.

    :param decided: account of the ledger by feed; one that is new has a new id.
    :param asked: accounts that a feed may be, by feed; the user says which, or that it is new.
    """

    decided: Mapping[uuid.UUID, uuid.UUID]
    asked: Mapping[uuid.UUID, Sequence[uuid.UUID]]


def place(feeds: Sequence[Feed]) -> Placement:
    """Decide for every feed whose account is not known; of those alike, in the order given.

    :param feeds: all of the places concerned, also those of consents that have ended.
    """
    by_place: dict[Hashable, list[Feed]] = defaultdict(list)
    for feed in feeds:
        by_place[feed.place].append(feed)
    decided: dict[uuid.UUID, uuid.UUID] = {}
    asked: dict[uuid.UUID, Sequence[uuid.UUID]] = {}
    for neighbours in by_place.values():
        known = {feed.id: feed.account_id for feed in neighbours if feed.account_id}
        # What a number says first: it may leave the others less to be.
        ordered = sorted(neighbours, key=lambda each: each.number is None)
        # What is decided of one may make another certain that was looked at before.
        was_known = -1
        while len(known) > was_known:
            was_known = len(known)
            for feed in ordered:
                if feed.id in known:
                    continue
                asked[feed.id] = rivals = _rivals(feed, neighbours, known)
                certain = [each for each in rivals if _is_certain(feed, each, neighbours, known)]
                if not rivals or len(certain) == 1:
                    del asked[feed.id]
                    known[feed.id] = decided[feed.id] = certain[0] if certain else uuid.uuid4()
    return Placement(decided, asked)


def _rivals(
    feed: Feed, neighbours: Sequence[Feed], known: Mapping[uuid.UUID, uuid.UUID]
) -> Sequence[uuid.UUID]:
    """Return the accounts that a feed may be: its own consent shows each account once."""
    taken = {
        known[other.id]
        for other in neighbours
        if other.consent == feed.consent and other.id in known
    }
    return list(
        dict.fromkeys(
            known[other.id]
            for other in neighbours
            if other.id in known and known[other.id] not in taken and _may_be_same(feed, other)
        )
    )


def _may_be_same(feed: Feed, other: Feed) -> bool:
    if feed.number is None and not feed.is_described:
        return True
    return feed.number == other.number or (other.number is None and not other.is_described)


def _is_certain(
    feed: Feed,
    account_id: uuid.UUID,
    neighbours: Sequence[Feed],
    known: Mapping[uuid.UUID, uuid.UUID],
) -> bool:
    """Tell whether a feed's number says that it is this account and no other."""
    same = [other for other in neighbours if known.get(other.id) == account_id]
    bearers = [other for other in same if other.number == feed.number]
    return (
        feed.number is not None
        and bool(bearers)
        and not any(_shares_number(each, neighbours) for each in (feed, *bearers))
    )


def _shares_number(feed: Feed, neighbours: Sequence[Feed]) -> bool:
    return any(
        other.id != feed.id and other.consent == feed.consent and other.number == feed.number
        for other in neighbours
    )
