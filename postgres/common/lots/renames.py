"""What a security is called today: a history keeps the old name, and nothing tells of the change.

A security that was renamed is left in the history without a sale, and another one is held, or was
sold, that was never bought. Both lack the same number of shares.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

_NAMES = 4
"""So many old names of one security are looked for, among so many candidates."""
_CANDIDATES = 30


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

    They belong together if the old ones have just the shares too many that the new one lacks, and
    were last traded before the new one first was. Where several fit, the fewest do it, then the
    same ISIN; if that is not plain either, nothing is decided.
    """
    old = {name: one for name, one in traded.items() if one.surplus > 0}
    new = {name: one for name, one in traded.items() if one.surplus < 0}
    chosen = {
        after: before
        for after, one in new.items()
        if (before := _only(_explanations(one, old), one, old)) is not None
    }
    claims = Counter(name for names in chosen.values() for name in names)
    return {
        name: after
        for after, names in chosen.items()
        if all(claims[each] == 1 for each in names)
        or (
            all(_same_isin(old[each], new[after]) for each in names)
            and not any(
                other != after and _same_isin(old[each], new[other])
                for each in names
                for other in chosen
                if each in chosen[other]
            )
        )
        for name in names
    }


def _explanations(new: Traded, old: Mapping[Hashable, Traded]) -> list[tuple[Hashable, ...]]:
    """Return the fewest old names that together have what a new one lacks, in every such way."""
    fitting = [name for name, one in old.items() if one.surplus <= -new.surplus]
    fitting = [name for name in fitting if _is_before(old[name], new)][:_CANDIDATES]
    for size in range(1, _NAMES + 1):
        found = [
            names
            for names in combinations(fitting, size)
            if sum((old[name].surplus for name in names), Decimal(0)) == -new.surplus
        ]
        if found:
            return found
    return []


def _only(
    explanations: list[tuple[Hashable, ...]], new: Traded, old: Mapping[Hashable, Traded]
) -> tuple[Hashable, ...] | None:
    if len(explanations) == 1:
        return explanations[0]
    same = [names for names in explanations if all(_same_isin(old[name], new) for name in names)]
    return same[0] if len(same) == 1 else None


def _is_before(old: Traded, new: Traded) -> bool:
    return old.last is None or new.first is None or old.last < new.first


def _same_isin(old: Traded, new: Traded) -> bool:
    return old.isin is not None and old.isin == new.isin
