"""UK share identification for sales since 6 April 2008: TCGA 1992, sections 104 to 106A.

A sale is of shares bought on the same day, then of those bought in the thirty days after it, the
earliest first, then of the pool at its average cost. All of a day's sales are one sale, and all of
its purchases one purchase (section 105). A sale's own day comes before another one's thirty days.
Shares that come otherwise than by a purchase, such as rights taken up, join the pool and match no
sale of their own (section 127). See HMRC's Capital Gains Manual, CG51550 to CG51590.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from postgres.common.enums import MatchRule, TradeKind
from postgres.common.lots.history import Fill, Step
from postgres.common.lots.matches import Lot, Match, Sale
from postgres.common.lots.units import Deal, deals

_WINDOW = dt.timedelta(days=30)
_JOINS_POOL = {TradeKind.DISTRIBUTION, TradeKind.RIGHTS, TradeKind.SPLIT, TradeKind.EXCHANGE}


@dataclass(slots=True)
class _Day:
    """What was bought and sold of one security on a day.

    :param joined: what goes to the pool whatever was sold.
    """

    bought: Lot = field(default_factory=Lot)
    joined: Lot = field(default_factory=Lot)
    sales: list[Sale] = field(default_factory=list)


def match_section_104(history: Sequence[Step]) -> list[Match]:
    """Match every sale of one person's shares held in the same capacity; the oldest first.

    A sale of more than was ever there is matched with nothing, and its cost is unknown.
    """
    securities: dict[Hashable, list[Deal]] = defaultdict(list)
    for deal in deals(history):
        securities[deal.security].append(deal)
    found = [match for each in securities.values() for match in _match(each)]
    order = {step.id: place for place, step in enumerate(history) if isinstance(step, Fill)}
    return sorted(found, key=lambda match: order[match.sale])


def _match(traded: list[Deal]) -> list[Match]:
    days = _by_day(traded)
    found: list[Match] = []
    for day, one in days.items():
        found += _from(one.bought, one.sales, MatchRule.SAME_DAY, day)
    bought_on = [day for day, one in days.items() if one.bought.units]
    for sold_on, one in days.items():
        if _left(one.sales):
            for day in bought_on[
                bisect_right(bought_on, sold_on) : bisect_right(bought_on, sold_on + _WINDOW)
            ]:
                found += _from(days[day].bought, one.sales, MatchRule.THIRTY_DAYS, day)
    pool = Lot()
    for one in days.values():
        for lot in (one.bought, one.joined):
            pool.join(lot)
        found += _from(pool, one.sales, MatchRule.POOL, None)
        found += [sale.match(sale.left, MatchRule.UNKNOWN, None) for sale in one.sales if sale.left]
    return found


def _by_day(traded: list[Deal]) -> dict[dt.date, _Day]:
    days: dict[dt.date, _Day] = {day: _Day() for day in sorted({d.fill.day for d in traded})}
    for deal in traded:
        one = days[deal.fill.day]
        if deal.units < 0:
            one.sales.append(Sale(deal))
        elif deal.fill.kind in _JOINS_POOL:
            one.joined.add(deal)
        else:
            one.bought.add(deal)
    return days


def _left(sales: list[Sale]) -> Fraction:
    return sum((sale.left for sale in sales), Fraction(0))


def _from(lot: Lot, sales: list[Sale], rule: MatchRule, on: dt.date | None) -> list[Match]:
    """Match as much of a day's sales as a lot has, in their order."""
    found = []
    for sale in sales:
        units = min(sale.left, lot.units)
        if units > 0:
            found.append(sale.match(units, rule, lot.take(units), on))
    return found
