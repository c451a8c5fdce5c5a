"""Which of the pairs that compete for the same legs hold. The order they come in tells nothing."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from postgres.common.enums import TransferStatus
from postgres.common.matching.evidence import LINK, MARGIN, SUGGEST, Weighed
from postgres.common.matching.legs import Leg

ByLeg = Mapping[uuid.UUID, Sequence[Weighed]]

MOST_SUGGESTIONS = 3
"""Questions that one leg may raise."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a pair.

    :param status: linked or suggested.
    :param confidence: 0 to 1; what competitors there are is counted in.
    """

    outgoing_id: uuid.UUID
    incoming_id: uuid.UUID
    status: TransferStatus
    confidence: Decimal
    reason: str


def assign(weighed: Iterable[Weighed]) -> list[Decision]:
    """Settle which pairs are linked and which are asked about; each leg is linked once at most.

    A pair is linked if it is ahead of all others of both its legs. Between the same two accounts
    equal transfers are as good as each other: as many as went out came in, so they are linked in
    the order of their days. Any other tie is left to the user.
    """
    left = sorted((each for each in weighed if each.points >= SUGGEST), key=_order)
    decisions = []
    while won := list(_winners(left)) or list(_twins(left)):
        decisions += [_decide(each, TransferStatus.LINKED, among=1) for each in won]
        taken = {leg for each in won for leg in _legs(each)}
        left = [each for each in left if taken.isdisjoint(_legs(each))]
    rivals = Counter(leg for each in left for leg in _legs(each))
    asked: Counter[uuid.UUID] = Counter()
    for each in left:
        if all(asked[leg] < MOST_SUGGESTIONS for leg in _legs(each)):
            asked.update(_legs(each))
            among = max(rivals[leg] for leg in _legs(each))
            decisions.append(_decide(each, TransferStatus.SUGGESTED, among=among))
    return decisions


def _winners(left: Sequence[Weighed]) -> Iterator[Weighed]:
    """Yield the pairs that are ahead of every other of both their legs; no two share a leg."""
    by_leg = _by_leg(left)
    return (each for each in left if _leads(each, _rivals(each, by_leg)))


def _twins(left: Sequence[Weighed]) -> Iterator[Weighed]:
    """Yield pairs of equal transfers between two accounts, where no leg may belong elsewhere."""
    by_leg = _by_leg(left)
    good = [
        each
        for each in left
        if _leads(each, (r for r in _rivals(each, by_leg) if r.pair.accounts != each.pair.accounts))
    ]
    for group in _connected(good):
        pairs = {_legs(each): each for each in group}
        outgoing = {each.pair.outgoing for each in group}
        incoming = {each.pair.incoming for each in group}
        wanted = {_legs(c) for leg in outgoing | incoming for c in _contenders(leg, by_leg)}
        many = min(len(outgoing), len(incoming))
        sides = [_in_time(_ahead(side, by_leg, many)) for side in (outgoing, incoming)]
        matched = [(o.id, i.id) for o, i in zip(*sides, strict=False)]
        if len(matched) == many and pairs.keys() >= wanted.union(matched):
            yield from (pairs[legs] for legs in matched)


def _leads(each: Weighed, rivals: Iterable[Weighed]) -> bool:
    return each.points >= LINK and all(each.points >= r.points + MARGIN for r in rivals)


def _rivals(each: Weighed, by_leg: ByLeg) -> Iterator[Weighed]:
    return (r for leg in _legs(each) for r in by_leg[leg] if r is not each)


def _contenders(leg: Leg, by_leg: ByLeg) -> Iterator[Weighed]:
    """Yield the best pair of a leg and those that it does not lead."""
    pairs = by_leg[leg.id]
    return (each for each in pairs if each.points > pairs[0].points - MARGIN)


def _ahead(side: set[Leg], by_leg: ByLeg, many: int) -> list[Leg]:
    """Return so many legs that are ahead of the others of their side; none if it is a tie."""
    best = sorted(side, key=lambda leg: -by_leg[leg.id][0].points)
    if len(best) == many:
        return best
    gap = by_leg[best[many - 1].id][0].points - by_leg[best[many].id][0].points
    return best[:many] if gap >= MARGIN else []


def _by_leg(left: Sequence[Weighed]) -> ByLeg:
    """Return the pairs of each leg, the best first as they come."""
    by_leg: dict[uuid.UUID, list[Weighed]] = defaultdict(list)
    for each in left:
        for leg in _legs(each):
            by_leg[leg].append(each)
    return by_leg


def _connected(pairs: Sequence[Weighed]) -> list[list[Weighed]]:
    """Return the pairs in groups that share no leg with one another."""
    groups: dict[uuid.UUID, list[Weighed]] = {}
    for each in pairs:
        touched = {id(g): g for leg in _legs(each) if (g := groups.get(leg))}
        merged = [pair for group in touched.values() for pair in group] + [each]
        for pair in merged:
            groups.update(dict.fromkeys(_legs(pair), merged))
    return list({id(group): group for group in groups.values()}.values())


def _in_time(legs: Sequence[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda leg: (leg.day, leg.id))


def _legs(weighed: Weighed) -> tuple[uuid.UUID, uuid.UUID]:
    return weighed.pair.outgoing.id, weighed.pair.incoming.id


def _order(weighed: Weighed) -> tuple[object, ...]:
    return -weighed.points, abs(weighed.pair.lag), weighed.pair.outgoing.day, *_legs(weighed)


def _decide(weighed: Weighed, status: TransferStatus, *, among: int) -> Decision:
    outgoing_id, incoming_id = _legs(weighed)
    confidence = round(weighed.confidence / among, 2)
    return Decision(outgoing_id, incoming_id, status, confidence, weighed.reason)
