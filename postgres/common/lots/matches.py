"""What a sale was matched with."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from postgres.common.enums import MatchRule
from postgres.common.lots.units import Deal, part_of


@dataclass(frozen=True, slots=True)
class Match:
    """A part of a sale and the shares that it was of.

    :param quantity: shares of the day of the sale; positive.
    :param proceeds: before fees; positive; None: unknown.
    :param fees: of the sale; negative; None: unknown.
    :param cost: of the shares, with the fees of buying them; negative; None: unknown.
    """

    sale: uuid.UUID
    rule: MatchRule
    acquired_on: dt.date | None
    quantity: Decimal
    proceeds: Decimal | None
    fees: Decimal | None
    cost: Decimal | None

    @property
    def gain(self) -> Decimal | None:
        """What was won; negative: lost; None: unknown."""
        if self.proceeds is None or self.fees is None or self.cost is None:
            return None
        return self.proceeds + self.fees + self.cost


@dataclass(slots=True)
class Lot:
    """Shares and what they cost, from which parts are taken until nothing is left of either.

    :param cost: with fees; positive; of what is valued.
    :param is_valued: False: what some of them cost is unknown, and so what any part did.
    """

    units: Fraction = Fraction(0)
    cost: Decimal = Decimal(0)
    acquired_on: dt.date | None = None
    is_valued: bool = True

    def add(self, deal: Deal) -> None:
        """Put a purchase in."""
        self.units += deal.units
        self.cost -= deal.fill.amount + deal.fill.fees
        self.is_valued = self.is_valued and deal.fill.is_valued

    def join(self, other: Lot) -> None:
        """Put in what is left of another one."""
        self.units += other.units
        self.cost += other.cost
        self.is_valued = self.is_valued and other.is_valued

    def take(self, units: Fraction) -> Decimal | None:
        """Take some units out, and return what they cost; negative, as money that was paid.

        :returns: None if that is unknown. Once nothing is left, nothing of it is.
        """
        cost = part_of(self.cost, units, self.units)
        is_valued = self.is_valued
        self.units -= units
        self.cost -= cost
        self.is_valued = is_valued or not self.units
        return -cost if is_valued else None


@dataclass(slots=True)
class Sale:
    """A sale of which parts are matched until nothing is left.

    :param left: units that are not matched yet.
    """

    deal: Deal
    left: Fraction = field(init=False)
    _proceeds: Decimal = field(init=False)
    _fees: Decimal = field(init=False)
    _shares: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.left = -self.deal.units
        self._proceeds, self._fees = self.deal.fill.amount, self.deal.fill.fees
        self._shares = -self.deal.fill.quantity

    def match(
        self,
        units: Fraction,
        rule: MatchRule,
        cost: Decimal | None,
        acquired_on: dt.date | None = None,
    ) -> Match:
        """Match a part; the last one gets what is left of money and shares."""
        proceeds = part_of(self._proceeds, units, self.left)
        fees = part_of(self._fees, units, self.left)
        shares = self._shares if units == self.left else self.deal.shares(units)
        self.left -= units
        self._proceeds -= proceeds
        self._fees -= fees
        self._shares -= shares
        if not self.deal.fill.is_valued:
            return Match(self.deal.fill.id, rule, acquired_on, shares, None, None, cost)
        return Match(self.deal.fill.id, rule, acquired_on, shares, proceeds, fees, cost)
