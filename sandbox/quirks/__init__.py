"""What banks do otherwise than documented, each under a switch of its own.

A switch changes how an institution tells of its accounts, never what happened: ``/sandbox/truth``
stays the same. The numbers are those of the tables in which the project collects what is known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sandbox.institutions import INSTITUTIONS
from sandbox.quirks import availability, dates, identity, money, pending, shape, text
from sandbox.quirks.quirk import Quirk, by_number

QUIRKS: dict[str, Quirk] = by_number(
    quirk
    for module in (identity, pending, dates, money, text, shape, availability)
    for quirk in module.QUIRKS
)


@dataclass
class Switches:
    """Which quirks are on at which institution, and how often its accounts were asked since.

    :param on: by institution, in the order in which they apply.
    """

    on: dict[str, tuple[Quirk, ...]] = field(default_factory=dict)
    _calls: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)

    def put(self, institution_id: object, numbers: object) -> None:
        """Turn on these quirks of an institution, and off all others.

        :param numbers: a list of them.
        :raises ValueError: if there is no such institution or quirk.
        """
        if not isinstance(institution_id, str) or institution_id not in INSTITUTIONS:
            message = f"there is no institution {institution_id}"
            raise ValueError(message)
        if not isinstance(numbers, list) or not all(str(n) in QUIRKS for n in numbers):
            message = f"quirks is a list of {', '.join(QUIRKS)}"
            raise ValueError(message)
        self.on[institution_id] = tuple(QUIRKS[number] for number in numbers)
        self._calls[institution_id] = Counter()

    def at(self, institution_id: str) -> tuple[Quirk, ...]:
        """Return the quirks that are on at an institution."""
        return self.on.get(institution_id, ())

    def count(self, institution_id: str, account: str, resource: str) -> int:
        """Count a call, and return which one it is."""
        calls = self._calls.setdefault(institution_id, Counter())
        calls[account, resource] += 1
        return calls[account, resource]
