"""What a security is called today: a history keeps the old name, and nothing tells of the change.

A security that was renamed is left in the history without a sale, and another one is held, or was
sold, that was never bought. The one has just as many shares too many as the other lacks.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise

_NAMES = 5
"""So many names of one security are looked for, among so many candidates."""
_CANDIDATES = 24
_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Traded:
    """What a history says of one security.

    :param surplus: shares that the history leaves less those that are held; 0 is right.
    :param isin: may change with the name.
    """

    surplus: Decimal
    first: dt.datetime | None
    last: dt.datetime | None
    isin: str | None


def find_renames(traded: Mapping[Hashable, Traded]) -> dict[Hashable, Hashable]:
    """Return today's name of each security that was renamed, once or more often.

    Names belong together if each was traded after the last trade of the one before, their shares
    come out right together, and were never fewer than none on the way. The fewest names that do it
    are taken; where one fits into two such groups, the same ISIN decides, or nothing does.
    """
    wrong = sorted(
        (name for name, one in traded.items() if one.surplus),
        key=lambda name: (traded[name].first or _NEVER, str(name)),
    )[:_CANDIDATES]
    today: dict[Hashable, Hashable] = {}
    for size in range(2, _NAMES + 1):
        groups = [group for group in combinations(wrong, size) if _is_chain(group, traded)]
        plain = _plain(groups)
        plain += _plain([group for group in groups if _is_one_isin(group, traded)])
        for group in plain:
            today |= dict.fromkeys(group[:-1], group[-1])
        settled = {name for group in groups for name in group}
        wrong = [name for name in wrong if name not in settled]
    return today


def _is_chain(group: tuple[Hashable, ...], traded: Mapping[Hashable, Traded]) -> bool:
    """Tell whether names in the order of their first trades are one security's."""
    left = Decimal(0)
    for name, following in pairwise(group):
        left += traded[name].surplus
        last, first = traded[name].last, traded[following].first
        if left <= 0 or (last is not None and first is not None and last >= first):
            return False
    return left + traded[group[-1]].surplus == 0


def _plain(groups: Sequence[tuple[Hashable, ...]]) -> list[tuple[Hashable, ...]]:
    """Return the groups whose names are in no other one."""
    claims = Counter(name for group in groups for name in group)
    return [group for group in groups if all(claims[name] == 1 for name in group)]


def _is_one_isin(group: tuple[Hashable, ...], traded: Mapping[Hashable, Traded]) -> bool:
    isins = {traded[name].isin for name in group}
    return len(isins) == 1 and None not in isins
