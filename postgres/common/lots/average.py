"""Quantity and average cost after every fill, as the broker counts them: without fees."""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from postgres.common.lots.history import Fill, Reorganisation, Step

_PLACES = Decimal("1E-10")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a security stands after a fill.

    :param security: what the fill's shares are called today.
    :param cost: of what is held; positive.
    :param profit: of a sale; None: it was none, or its cost is unknown.
    """

    security: Hashable
    quantity: Decimal
    cost: Decimal
    profit: Decimal | None = None


@dataclass(slots=True)
class _Pool:
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    def buy(self, fill: Fill) -> None:
        # Shares that were sold before they were there cost nothing when they come.
        missing = max(-self.quantity, Decimal(0))
        new = max(fill.quantity - missing, Decimal(0))
        self.quantity += fill.quantity
        self.cost += (-fill.amount * new / fill.quantity).quantize(_PLACES)

    def sell(self, fill: Fill) -> Decimal | None:
        sold = -fill.quantity
        if sold > self.quantity:
            self.quantity -= sold
            self.cost = Decimal(0)
            return None
        part = self.cost if sold == self.quantity else self.cost * sold / self.quantity
        part = part.quantize(_PLACES)
        self.quantity -= sold
        self.cost -= part
        return fill.amount - part


def follow(history: Iterable[Step]) -> dict[uuid.UUID, Standing]:
    """Return how the security of every fill stands after it.

    The cost goes through a reorganisation unchanged, also through the moment without any share.
    """
    pools: dict[Hashable, _Pool] = {}
    after: dict[uuid.UUID, Standing] = {}
    for step in history:
        if isinstance(step, Reorganisation):
            source = pools.setdefault(step.source, _Pool())
            target = pools.setdefault(step.target, _Pool())
            source.quantity -= step.removed
            target.quantity += step.added
            if source is not target:
                target.cost, source.cost = target.cost + source.cost, Decimal(0)
            for fill in step.fills:
                pool = pools[fill.security]
                after[fill.id] = Standing(fill.security, pool.quantity, pool.cost)
            continue
        pool = pools.setdefault(step.security, _Pool())
        profit = pool.sell(step) if step.quantity < 0 else None
        if step.quantity > 0:
            pool.buy(step)
        after[step.id] = Standing(step.security, pool.quantity, pool.cost, profit)
    return after
