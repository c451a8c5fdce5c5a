"""A history in the shares of its end, so that what was bought and sold can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from postgres.common.lots.history import Fill, Reorganisation, Step

_SHARE = Decimal("1E-10")
_PART = Decimal("1E-8")


@dataclass(frozen=True, slots=True)
class Deal:
    """A trade.

    :param security: as it is called at the end.
    :param units: shares of the end; negative: sold.
    :param per_share: how many of those one share of its day became.
    """

    fill: Fill
    security: Hashable
    units: Fraction
    per_share: Fraction

    def shares(self, units: Fraction) -> Decimal:
        """Return how many shares of the deal's day some units are."""
        shares = units / self.per_share
        return (Decimal(shares.numerator) / Decimal(shares.denominator)).quantize(
            _SHARE, ROUND_HALF_EVEN
        )


def deals(history: Sequence[Step]) -> list[Deal]:
    """Return the trades of a history, oldest first; reorganisations are in their units."""
    held: dict[Hashable, Decimal] = defaultdict(Decimal)
    ratios: list[Fraction] = []
    for step in history:
        if isinstance(step, Fill):
            held[step.security] += step.quantity
            continue
        before = held[step.source]
        stays = before - step.removed if step.source == step.target else Decimal(0)
        whole = before if step.source == step.target else step.removed
        ratios.append(Fraction(stays + step.added) / Fraction(whole))
        held[step.source] -= step.removed
        held[step.target] += step.added
    return _backwards(history, ratios)


def _backwards(history: Sequence[Step], ratios: list[Fraction]) -> list[Deal]:
    becomes: dict[Hashable, tuple[Hashable, Fraction]] = {}
    found = []
    for step in reversed(history):
        if isinstance(step, Reorganisation):
            security, factor = becomes.get(step.target, (step.target, Fraction(1)))
            becomes[step.source] = (security, factor * ratios.pop())
        elif step.quantity:
            security, factor = becomes.get(step.security, (step.security, Fraction(1)))
            found.append(Deal(step, security, Fraction(step.quantity) * factor, factor))
    return found[::-1]


def part_of(money: Decimal, units: Fraction, whole: Fraction) -> Decimal:
    """Return what part of an amount falls to some of its units, to eight places."""
    if units == whole:
        return money
    share = units / whole
    return (money * share.numerator / share.denominator).quantize(_PART)
