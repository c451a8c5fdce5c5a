"""What a security is called today: a history keeps the old name, and nothing tells of the change.

A security that was renamed is left in the history without a sale, and another one is held, or was
sold, that was never bought. Both lack the same number of shares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal


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
    """Return the new name of each security that was renamed.

    Two belong together if the one has just the shares too many that the other lacks, and was last
    traded before the other first was. Where several fit, the same ISIN decides; else nothing does.
    """
    old = {name: one for name, one in traded.items() if one.surplus > 0}
    new = {name: one for name, one in traded.items() if one.surplus < 0}
    fitting = {
        before: [after for after, other in new.items() if _fits(one, other)]
        for before, one in old.items()
    }
    chosen: dict[Hashable, Hashable] = {}
    for before, candidates in fitting.items():
        same = [name for name in candidates if _same_isin(old[before], new[name])]
        if len(candidates) == 1:
            chosen[before] = candidates[0]
        elif len(same) == 1:
            chosen[before] = same[0]
    taken = list(chosen.values())
    for before in [name for name, after in chosen.items() if taken.count(after) > 1]:
        if not _same_isin(old[before], new[chosen[before]]):
            del chosen[before]
    taken = list(chosen.values())
    return {before: after for before, after in chosen.items() if taken.count(after) == 1}


def _fits(old: Traded, new: Traded) -> bool:
    is_before = old.last is None or new.first is None or old.last < new.first
    return old.surplus == -new.surplus and is_before


def _same_isin(old: Traded, new: Traded) -> bool:
    return old.isin is not None and old.isin == new.isin
