"""Quantity and average cost after every fill, as the broker counts them: without fees."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from postgres.common.enums import TradeKind
from postgres.common.lots.history import Fill, Reorganisation, Step

_PLACES = Decimal("1E-10")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a security stands after a fill.

    :param security: what the fill's shares are called today.
    :param cost: of what is held; positive.
    :param paid: the same in the currency of its prices; None: some price is unknown.
    :param profit: of a sale; None: it was none, or its cost is unknown.
    :param price_profit: the same in the currency of its prices.
    """

    security: Hashable
    quantity: Decimal
    cost: Decimal
    paid: Decimal | None
    profit: Decimal | None = None
    price_profit: Decimal | None = None


@dataclass(slots=True)
class _Pool:
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    paid: Decimal | None = Decimal(0)

    def buy(self, fill: Fill) -> None:
        # Shares that were sold before they were there cost nothing when they come.
        missing = max(-self.quantity, Decimal(0))
        new = max(fill.quantity - missing, Decimal(0))
        self.quantity += fill.quantity
        self.cost += (-fill.amount * new / fill.quantity).quantize(_PLACES)
        price = Decimal(0) if fill.kind is not TradeKind.TRADE and not fill.amount else fill.price
        if self.paid is not None:
            self.paid = None if price is None else self.paid + new * price

    def sell(self, fill: Fill) -> tuple[Decimal | None, Decimal | None]:
        sold = -fill.quantity
        if sold > self.quantity:
            self.quantity -= sold
            self.cost, self.paid = Decimal(0), Decimal(0)
            return None, None
        cost = self._part(self.cost, sold)
        paid = None if self.paid is None else self._part(self.paid, sold)
        self.quantity -= sold
        self.cost -= cost
        if not self.quantity:
            self.paid = Decimal(0)
        elif self.paid is not None and paid is not None:
            self.paid -= paid
        won = None if paid is None or fill.price is None else sold * fill.price - paid
        return fill.amount - cost, won

    def _part(self, whole: Decimal, sold: Decimal) -> Decimal:
        part = whole if sold == self.quantity else whole * sold / self.quantity
        return part.quantize(_PLACES)


def follow(history: Iterable[Step]) -> dict[uuid.UUID, Standing]:
    """Return how the security of every fill stands after it.

    The cost goes through a reorganisation unchanged, also through the moment without any share.
    """
    pools: dict[Hashable, _Pool] = defaultdict(_Pool)
    after: dict[uuid.UUID, Standing] = {}
    for step in history:
        if isinstance(step, Reorganisation):
            source, target = pools[step.source], pools[step.target]
            source.quantity -= step.removed
            target.quantity += step.added
            if source is not target:
                target.cost += source.cost
                # The two may be quoted in different currencies.
                target.paid, source.paid = None, Decimal(0)
                source.cost = Decimal(0)
            for fill in step.fills:
                after[fill.id] = _standing(fill, pools[fill.security])
            continue
        pool = pools[step.security]
        if step.quantity < 0:
            profit, price_profit = pool.sell(step)
            after[step.id] = _standing(step, pool, profit, price_profit)
        elif step.quantity > 0:
            pool.buy(step)
            after[step.id] = _standing(step, pool)
    return after


def _standing(
    fill: Fill, pool: _Pool, profit: Decimal | None = None, price_profit: Decimal | None = None
) -> Standing:
    return Standing(fill.security, pool.quantity, pool.cost, pool.paid, profit, price_profit)
