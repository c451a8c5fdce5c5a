"""The three histories of an account: where each is read, and how its items are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.trading212 import legacy
from providers.trading212.paging import Read
from providers.trading212.rows import read_cash_transaction, read_dividend, read_order


@dataclass(frozen=True, slots=True)
class History:
    """One of the histories.

    :param path: behind the base URL.
    :param formerly: where the API of 2024 has it; None: at the same place.
    :param read: says what an item is.
    :param current: gives an item of 2024 the shape of today; the account's currency goes with it.
    """

    path: str
    formerly: str | None
    read: Read
    current: Callable[[Any, str], Any]


ORDERS = History("/equity/history/orders", None, read_order, legacy.current_order)
DIVIDENDS = History(
    "/equity/history/dividends", "/history/dividends", read_dividend, legacy.with_currency
)
CASH_TRANSACTIONS = History(
    "/equity/history/transactions",
    "/history/transactions",
    read_cash_transaction,
    legacy.with_currency,
)
