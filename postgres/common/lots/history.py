"""A history of fills as steps: trades, and reorganisations, which turn shares into others."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from postgres.common.enums import TradeKind

_AT_ONCE = dt.timedelta(minutes=1)
"""Both sides of a split or an exchange are booked within this time."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One change of what is held.

    :param security: what it counts to; fills of one security are alike.
    :param day: the day it was for the owner, which rules about days go by.
    :param quantity: shares; negative: sold.
    :param amount: money without fees; paid negative, received positive.
    :param fees: negative.
    :param price: of a share, in the currency that the security is quoted in; None: unknown.
    :param is_valued: False: what the money is in the currency that is asked for is unknown;
        ``amount`` and ``fees`` then only say whether there was any.
    """

    id: uuid.UUID
    security: Hashable
    at: dt.datetime
    day: dt.date
    quantity: Decimal
    amount: Decimal
    fees: Decimal = Decimal(0)
    kind: TradeKind = TradeKind.TRADE
    price: Decimal | None = None
    is_valued: bool = True


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """Shares that became others, with what they cost and since when they were held.

    :param source: what they were.
    :param target: what they are; the same security in a split or with bonus shares.
    :param removed: shares taken away, positive.
    :param added: shares given, positive.
    """

    fills: tuple[Fill, ...]
    source: Hashable
    target: Hashable
    removed: Decimal
    added: Decimal


Step = Fill | Reorganisation


def steps(fills: Iterable[Fill], renamed: Mapping[Hashable, Hashable] | None = None) -> list[Step]:
    """Return the history, oldest first, with fills that belong together as one step.

    A sale and a purchase without a trade, at one time and of one security, are a split; of two
    securities, where all of the one is given up, an exchange. Shares that are given for nothing on
    top of those held are spread over them, as the law sees bonus shares. What fits none of this is
    taken as bought or sold for the money that is written there, which may be none.

    :param renamed: what a security is called today.
    """
    today = renamed or {}
    ordered = sorted(fills, key=lambda fill: (fill.at, fill.quantity < 0, str(fill.id)))
    held: dict[Hashable, Decimal] = defaultdict(Decimal)
    found: list[Step] = []
    waiting: list[Fill] = []

    def settle() -> None:
        for kind, group in groupby(
            sorted(waiting, key=lambda fill: fill.kind), key=lambda fill: fill.kind
        ):
            for step in _reorganise(list(group), held, kind):
                found.append(step)
                _count(step, held)
        waiting.clear()

    for fill in ordered:
        security = today.get(fill.security, fill.security)
        named = replace(fill, security=security)
        if waiting and named.at - waiting[0].at > _AT_ONCE:
            settle()
        if named.kind is TradeKind.TRADE:
            settle()
            found.append(named)
            _count(named, held)
        else:
            waiting.append(named)
    settle()
    return found


def _count(step: Step, held: dict[Hashable, Decimal]) -> None:
    if isinstance(step, Fill):
        held[step.security] += step.quantity
    else:
        held[step.source] -= step.removed
        held[step.target] += step.added


def _reorganise(fills: list[Fill], held: Mapping[Hashable, Decimal], kind: TradeKind) -> list[Step]:
    """Return the steps that events of one kind and time are."""
    if kind in (TradeKind.TRANSFER, TradeKind.OTHER):
        return list(fills)
    by_security: dict[Hashable, list[Fill]] = defaultdict(list)
    for fill in fills:
        by_security[fill.security].append(fill)
    found: list[Step] = []
    given_up: list[list[Fill]] = []
    received: list[list[Fill]] = []
    for security, of_one in by_security.items():
        removed = -sum((f.quantity for f in of_one if f.quantity < 0), Decimal(0))
        added = sum((f.quantity for f in of_one if f.quantity > 0), Decimal(0))
        is_free = not any(f.amount for f in of_one)
        if removed and added:
            known = held.get(security, Decimal(0)) >= removed
            found += [_whole(of_one, security, security)] if known else of_one
        elif removed:
            given_up.append(of_one)
        elif is_free and held.get(security, Decimal(0)) > 0:
            found.append(_whole(of_one, security, security))
        else:
            received.append(of_one)
    if len(given_up) == len(received) == 1:
        (old,), (new,) = given_up, received
        step = _whole(old + new, old[0].security, new[0].security)
        if step.removed == held.get(step.source, Decimal(0)):
            return [*found, step]
    return [*found, *(fill for each in (*given_up, *received) for fill in each)]


def _whole(fills: list[Fill], source: Hashable, target: Hashable) -> Reorganisation:
    removed = -sum((fill.quantity for fill in fills if fill.quantity < 0), Decimal(0))
    added = sum((fill.quantity for fill in fills if fill.quantity > 0), Decimal(0))
    return Reorganisation(tuple(fills), source, target, removed, added)
