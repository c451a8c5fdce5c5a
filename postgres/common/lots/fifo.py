"""First in, first out: a sale is of the shares that were held longest."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Sequence

from postgres.common.enums import MatchRule
from postgres.common.lots.history import Step
from postgres.common.lots.matches import Lot, Match, Sale
from postgres.common.lots.units import deals


def match_fifo(history: Sequence[Step]) -> list[Match]:
    """Match every sale of one account, the oldest first."""
    lots: dict[Hashable, deque[Lot]] = defaultdict(deque)
    found: list[Match] = []
    for deal in deals(history):
        queue = lots[deal.security]
        if deal.units > 0:
            lot = Lot(acquired_on=deal.fill.day)
            lot.add(deal)
            queue.append(lot)
            continue
        sale = Sale(deal)
        while sale.left and queue:
            units, acquired_on = min(sale.left, queue[0].units), queue[0].acquired_on
            found.append(sale.match(units, MatchRule.FIFO, queue[0].take(units), acquired_on))
            if not queue[0].units:
                queue.popleft()
        if sale.left:
            found.append(sale.match(sale.left, MatchRule.UNKNOWN, None))
    return found
