"""The true ledger: what happened, independent of consents, limits, paging and what was served."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from sandbox.accounts import ACCOUNTS, Account, at_institution, find_account
from sandbox.broker import ACCOUNT_ID, CURRENCY
from sandbox.clock import UK, iso_micros
from sandbox.core import Core
from sandbox.ledger import Entry
from sandbox.recurring import SERIES

Json = dict[str, Any]


def truth(core: Core) -> Json:
    """Return everything that is true at the sandbox's instant; amounts are decimal strings."""
    now = core.now()
    return {
        "seed": core.state.seed,
        "start": core.state.start.isoformat(),
        "now": iso_micros(now),
        "bank_accounts": [_bank_account(core, account, now) for account in _accounts(core)],
        "broker_accounts": [_broker_account(core, now)],
        "series": _series(core, now),
    }


def truth_at(core: Core, institution_id: str) -> list[Json]:
    """Return what is true of the accounts at one bank; opened or not."""
    now = core.now()
    return [_bank_account(core, account, now) for account in at_institution(institution_id)]


def _accounts(core: Core) -> list[Account]:
    """Return the household's accounts, and those at real banks that some consent has opened."""
    opened = [linked.key for linked in core.state.accounts.values() if linked.key not in ACCOUNTS]
    return [*ACCOUNTS.values(), *map(find_account, opened)]


def _bank_account(core: Core, account: Account, now: dt.datetime) -> Json:
    books = core.world.booked(account.books, now)
    return {
        "key": account.key,
        "institution_id": account.institution_id,
        "account_ids": [account.provider_id(core.state.seed)],
        "iban": account.iban or None,
        "bban": account.iban[4:] or None if account.scan else None,
        "scan": account.scan or None,
        "masked_pan": account.masked_pan or None,
        "currency": account.currency,
        "name": account.name,
        "cash_account_type": account.cash_account_type,
        "opening_balance": str(account.opening),
        "booked": [
            {**_entry(row.entry, account), "balance_after": str(row.balance)} for row in books
        ],
        "pending": [_entry(entry, account) for entry in core.world.pending(account.books, now)],
        "booked_balance": str(books[-1].balance if books else account.opening),
    }


def _entry(entry: Entry, account: Account) -> Json:
    movement = entry.movement
    return {
        "internal_transaction_id": entry.internal_id,
        "booking_date": movement.booking_date.isoformat(),
        "value_date": entry.value_date.isoformat(),
        "booked_at": iso_micros(entry.booked_at),
        "made_at": iso_micros(movement.made_at),
        "amount": str(movement.amount),
        "currency": account.currency,
        "description": entry.description,
        "counterparty": movement.shown,
        "kind": movement.kind.value,
        "merchant": movement.merchant,
        "series": movement.series,
    }


def _broker_account(core: Core, now: dt.datetime) -> Json:
    broker = core.world.broker
    fills = broker.fills_until(now)
    cash: list[tuple[dt.datetime, Json]] = [
        (row.at, _cash(row.type, row.amount, row.at, reference=row.reference))
        for row in broker.cash
        if row.at <= now
    ]
    cash += [
        (row.at, _cash("DIVIDEND", row.amount, row.at, reference=row.reference))
        for row in broker.dividends
        if row.at <= now
    ]
    cash += [
        (fill.at, _cash(order.side, fill.cash, fill.at, order_id=order.id, fill_id=fill.id))
        for order, fill in fills
    ]
    return {
        "id": ACCOUNT_ID,
        "currency": CURRENCY,
        "cash": [row for _, row in sorted(cash, key=lambda pair: pair[0])],
        "cash_total": str(broker.cash_until(now)),
        "positions": [
            {
                "ticker": ticker,
                "quantity": f"{holding.quantity:f}",
                "total_cost": str(holding.cost),
            }
            for ticker, holding in sorted(broker.holdings_at(now).items())
        ],
    }


def _cash(kind: str, amount: Decimal, at: dt.datetime, **identity: str | int) -> Json:
    return {
        "kind": kind,
        "amount": str(amount),
        "currency": CURRENCY,
        "at": iso_micros(at),
        **identity,
    }


def _series(core: Core, now: dt.datetime) -> list[Json]:
    members: dict[str, list[str]] = defaultdict(list)
    for account in ACCOUNTS:
        for row in core.world.booked(account, now):
            if row.entry.movement.series is not None:
                members[row.entry.movement.series].append(row.entry.internal_id)
    today = now.astimezone(UK).date()
    return [
        {
            "series": series.key,
            "merchant": series.merchant,
            "frequency": series.frequency.value,
            "direction": series.direction,
            "account": ACCOUNTS[series.account].provider_id(core.state.seed),
            "transaction_ids": members[series.key],
            "ended": series.has_ended(today, core.state.start),
        }
        for series in SERIES
    ]
