"""Trades of the ledger, as the rules about lots take them."""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal

from postgres.common.lots.history import Fill
from postgres.common.models import Trade


def lots_fill(
    trade: Trade, security: Hashable, *, money: tuple[Decimal | None, Decimal | None] | None = None
) -> Fill:
    """Return a trade as the rules about lots take it.

    :param security: what it counts to.
    :param money: amount and fees in another currency than the account's; None in it: no rate.
    """
    amount, fees = (trade.amount, trade.fees) if money is None else money
    is_valued = amount is not None and fees is not None
    return Fill(
        trade.id,
        security,
        trade.traded_at,
        trade.trade_date,
        trade.quantity,
        trade.amount if amount is None else amount,
        trade.fees if fees is None else fees,
        trade.kind,
        trade.price,
        is_valued,
    )
