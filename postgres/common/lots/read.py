"""Trades of the ledger, as the rules about lots take them."""

from __future__ import annotations

from collections.abc import Hashable

from postgres.common.lots.history import Fill
from postgres.common.models import Trade


def lots_fill(trade: Trade, security: Hashable) -> Fill:
    """Return a trade as the rules about lots take it.

    :param security: what it counts to.
    """
    return Fill(
        trade.id,
        security,
        trade.traded_at,
        trade.trade_date,
        trade.quantity,
        trade.amount,
        trade.fees,
        trade.kind,
        trade.price,
    )
