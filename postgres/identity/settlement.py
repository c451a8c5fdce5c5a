"""Which booked transaction a pending one became.

A bank shows a payment as pending, drops it, and books it: under other ids, on a later day, in other
words, and at times for another amount. A pending row and a booked one are the same payment if

1. they share an id and the direction of the money;
2. or the money is the same, the booked day is near, and the words are alike;
3. or the words are the same but for a few, the booked day is near, and the amount differs as a tip
   or an exchange rate makes it differ.

A pair counts if neither has a rival of its kind. A number that two texts share and no other has,
such as the approval of a card payment, tells which is which; rivals that only differ in their days
are paired in the order of these. What is left open is for a person to see: then the booked row is a
transaction of its own and the pending one is void, so that no money is lost or counted twice.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz.fuzz import token_sort_ratio

from postgres.common.enums import IdentityBasis
from postgres.identity.versions import ALIKE, Known, likeness

SOONEST_DAYS, LATEST_DAYS = -3, 14
"""From how long before to how long after a pending day a payment may be booked."""
VERY_ALIKE = 0.85
"""How much of two whole texts must agree, of 1, for the amounts to differ."""
MOST_CHANGE = Decimal("0.2")
"""How much of the pending amount the booked one may differ by: a generous tip."""

_CODE = re.compile(r"\d{5,}")


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending transaction that may have been booked.

    :param born: number of the answer that first showed it.
    :param seen_on: the day of that answer.
    :param is_gone: the bank shows it no more; while it does, only a shared id says it is booked.
    """

    known: Known
    born: int
    seen_on: dt.date
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Booked:
    """A booked transaction that stands for no pending one yet.

    :param born: number of the answer that first showed it.
    """

    known: Known
    born: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A booked transaction that is a pending one's end."""

    pending: uuid.UUID
    booked: uuid.UUID
    basis: IdentityBasis


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of some pending transactions.

    :param doubtful: pending transactions, each with the booked ones that it may have become.
    """

    settled: Sequence[Settled]
    doubtful: dict[uuid.UUID, tuple[uuid.UUID, ...]]


Test = Callable[[Pending, Booked], bool]


def settle(
    pending: Iterable[Pending], booked: Iterable[Booked], is_a_habit: Test = lambda *_: False
) -> Settlement:
    """Pair pending transactions with the booked ones that they became.

    :param is_a_habit: tells whether there are other payments of the kind around a pair's days: then
        another amount is another payment.
    """
    waiting = {each.known.name: each for each in sorted(pending, key=_pending_order)}
    open_ = {each.known.name: each for each in sorted(booked, key=_booked_order)}
    settled: list[Settled] = []
    doubtful: dict[uuid.UUID, tuple[uuid.UUID, ...]] = {}
    codes = _codes_of_one_pair(waiting.values(), open_.values())
    tests: tuple[tuple[Test, IdentityBasis], ...] = (
        (_shares_id, IdentityBasis.SETTLED_ID),
        (
            lambda one, other: (
                _has_same_money(one, other) and not codes.isdisjoint(_codes(one) & _codes(other))
            ),
            IdentityBasis.SETTLED_CONTENT,
        ),
        (_has_same_money, IdentityBasis.SETTLED_CONTENT),
        (
            lambda one, other: _has_near_money(one, other) and not is_a_habit(one, other),
            IdentityBasis.SETTLED_AMOUNT,
        ),
    )
    for test, basis in tests:
        edges = {
            name: [key for key, other in open_.items() if test(each, other)]
            for name, each in waiting.items()
        }
        for names, candidates in _components(edges):
            group = [waiting[name] for name in names]
            rivals = [open_[name] for name in candidates]
            if _are_interchangeable(group, rivals):
                for mine, theirs in zip(group, rivals, strict=False):
                    settled.append(Settled(mine.known.name, theirs.known.name, basis))
                    del waiting[mine.known.name], open_[theirs.known.name]
                    doubtful.pop(mine.known.name, None)
            else:
                doubtful |= {name: tuple(edges[name]) for name in names if name in waiting}
    return Settlement(settled, {n: c for n, c in doubtful.items() if n in waiting})


def _shares_id(pending: Pending, booked: Booked) -> bool:
    one, other = pending.known.version, booked.known.version
    return bool(one.ids & other.ids) and one.amount * other.amount >= 0


def _codes(row: Pending | Booked) -> set[str]:
    return set(_CODE.findall(row.known.version.text))


def _codes_of_one_pair(pending: Iterable[Pending], booked: Iterable[Booked]) -> set[str]:
    """Return the numbers that stand in one pending text and in one booked one."""
    sides = [Counter(code for row in rows for code in _codes(row)) for rows in (pending, booked)]
    return {code for code, times in sides[0].items() if times == sides[1][code] == 1}


def _has_same_money(pending: Pending, booked: Booked) -> bool:
    one, other = pending.known.version, booked.known.version
    if one.money != other.money or not _may_follow(pending, booked):
        return False
    agreed = likeness(one.text, other.text)
    return agreed is None or agreed >= ALIKE


def _has_near_money(pending: Pending, booked: Booked) -> bool:
    one, other = pending.known.version, booked.known.version
    return (
        one.currency == other.currency
        and one.amount * other.amount > 0
        and 0 < abs(one.amount - other.amount) <= MOST_CHANGE * abs(one.amount)
        and _may_follow(pending, booked)
        and token_sort_ratio(one.text, other.text) >= 100 * VERY_ALIKE
    )


def _may_follow(pending: Pending, booked: Booked) -> bool:
    """Tell whether the booked one came when the pending one had been there, and in time."""
    # A bank may date a pending row in the future; then the day it was first seen is the nearer one.
    since = (*pending.known.version.days, pending.seen_on)
    return (
        pending.is_gone
        and booked.born > pending.born
        and any(
            SOONEST_DAYS <= (day - start).days <= LATEST_DAYS
            for day in booked.known.version.days
            for start in since
        )
    )


def _components(
    edges: dict[uuid.UUID, list[uuid.UUID]],
) -> list[tuple[list[uuid.UUID], list[uuid.UUID]]]:
    """Return the sets of pending and booked transactions that compete with one another."""
    bearers: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for name, others in edges.items():
        for other in others:
            bearers[other].append(name)
    seen: set[uuid.UUID] = set()
    found = []
    for start, others in edges.items():
        if start in seen or not others:
            continue
        names, candidates, todo = [], dict[uuid.UUID, None](), [start]
        seen.add(start)
        while todo:
            name = todo.pop()
            names.append(name)
            for other in edges[name]:
                candidates[other] = None
                fresh = [each for each in bearers[other] if each not in seen]
                seen.update(fresh)
                todo += fresh
        order = list(edges)
        found.append((sorted(names, key=order.index), list(candidates)))
    return found


def _are_interchangeable(pending: Sequence[Pending], booked: Sequence[Booked]) -> bool:
    """Tell whether it is plain which is which: one of each, or as many that say the same."""
    if len(pending) == len(booked) == 1:
        return True
    kinds = {(each.known.version.money, each.known.version.text) for each in pending}
    ends = {(each.known.version.money, each.known.version.text) for each in booked}
    return len(pending) == len(booked) and len(kinds) == len(ends) == 1


def _pending_order(pending: Pending) -> tuple[str, ...]:
    version = pending.known.version
    return (
        str(version.booking_date or pending.seen_on),
        str(version.amount),
        version.text,
        str(pending.known.name),
    )


def _booked_order(booked: Booked) -> tuple[str, ...]:
    version = booked.known.version
    return str(version.booking_date), str(version.amount), version.text, str(booked.known.name)
