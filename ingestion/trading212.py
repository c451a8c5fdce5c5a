"""Pull Trading 212 and land it raw, account by account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from farthing import clock
from ingestion.accounts import for_each
from ingestion.run import AccountOutcome, Run, StepOutcome, Window
from postgres.common.enums import ConnectionStatus, Provider
from postgres.common.models import Connection
from postgres.common.operations import connections, jobs
from postgres.core import WriteCounts, lock
from postgres.identity.answers import Evidence, identify
from postgres.payload import content_hash, storable
from postgres.trading212.models import ApiKey
from postgres.trading212.operations import (
    account_summaries,
    api_keys,
    cash_transactions,
    dividends,
    instruments,
    orders,
    positions,
)
from providers.http import Answer
from providers.trading212.client import Trading212Client
from providers.trading212.holdings import read_position
from providers.trading212.rows import ItemFacts, read_cash_transaction, read_dividend, read_order

OVERLAP_DAYS = 14
"""Days that every pull reads again; dividends do not come strictly in order."""


@dataclass(frozen=True, slots=True)
class _Account:
    user_id: UUID
    connection_id: UUID | None
    label: str
    api_key: ApiKey

    @property
    def key(self) -> str:
        """Nothing: a key is of one account, which is the connection itself."""
        return ""


@dataclass(frozen=True, slots=True)
class _History:
    """How one of the three histories is pulled."""

    table: str
    land: Callable[..., WriteCounts]
    watermark: str
    pages: Callable[[Trading212Client], Iterator[Answer]]
    read: Callable[[Any], ItemFacts]


_ORDERS = _History(
    "trading212.orders", orders.land, "orders_through", lambda c: c.order_history(), read_order
)
_DIVIDENDS = _History(
    "trading212.dividends",
    dividends.land,
    "dividends_through",
    lambda c: c.dividend_history(),
    read_dividend,
)
_CASH_TRANSACTIONS = _History(
    "trading212.cash_transactions",
    cash_transactions.land,
    "cash_transactions_through",
    lambda c: c.transaction_history(),
    read_cash_transaction,
)


def pull_account_summary(run: Run) -> StepOutcome:
    """Read what every account is worth; a key that answers is marked as working."""

    def pull(account: _Account) -> AccountOutcome:
        with _client(run, account) as client:
            payload, _ = storable(client.account_summary().payload)
        with run.sessions.begin() as session:
            stamp = _lock(session, account, run)
            counts = account_summaries.land(
                session, account.user_id, account.api_key.id, payload, stamp
            )
            if account.connection_id is not None:
                connections.set_status(
                    session, account.user_id, account.connection_id, ConnectionStatus.ACTIVE, None
                )
        return AccountOutcome(account.connection_id, account.label, received=1, counts=counts)

    return for_each(run, "trading212.account_summaries", _accounts(run), pull)


def pull_positions(run: Run) -> StepOutcome:
    """Read every account's open positions as those of today."""

    def pull(account: _Account) -> AccountOutcome:
        with _client(run, account) as client:
            payload, _ = storable(client.positions().payload)
        rows = {}
        for position in payload:
            facts = read_position(position)
            if facts.ticker is not None and facts.quantity is not None:
                rows[facts.ticker] = (facts.ticker, facts.quantity, position)
        with run.sessions.begin() as session:
            counts = positions.land(
                session,
                account.user_id,
                api_key_id=account.api_key.id,
                as_of=clock.today(),
                rows=list(rows.values()),
                stamp=_lock(session, account, run),
            )
        return AccountOutcome(
            account.connection_id,
            account.label,
            received=len(payload),
            counts=counts,
            quarantined=len(payload) - len(rows),
        )

    return for_each(run, "trading212.positions", _accounts(run), pull)


def pull_instruments(run: Run) -> StepOutcome:
    """Read the list of instruments once a day: it is the same for every key, and 5 MB."""
    accounts = _accounts(run)
    if not accounts or _instruments_are_fresh(run):
        return StepOutcome("trading212.instruments", (), 0.0)

    def pull(account: _Account) -> AccountOutcome:
        with _client(run, account) as client:
            payload, _ = storable(client.instruments().payload)
        with run.sessions.begin() as session:
            stamp = lock(session, "trading212.instruments", run_id=run.run_id)
            counts = instruments.land(session, payload, stamp)
        return AccountOutcome(
            account.connection_id, account.label, received=len(payload), counts=counts
        )

    return for_each(run, "trading212.instruments", accounts[:1], pull)


def pull_orders(run: Run, window: Window) -> StepOutcome:
    """Read every account's order history, an item a fill, back to the start of the window."""
    return _pull_history(run, _ORDERS, window)


def pull_dividends(run: Run, window: Window) -> StepOutcome:
    """Read every account's dividends back to the start of the window."""
    return _pull_history(run, _DIVIDENDS, window)


def pull_cash_transactions(run: Run, window: Window) -> StepOutcome:
    """Read every account's deposits, withdrawals, fees and interest back to the window's start."""
    return _pull_history(run, _CASH_TRANSACTIONS, window)


def resume_points(run: Run) -> list[dt.date | None]:
    """Return the day from which each history should be read next; None is from the beginning."""
    return [
        _resume_at(account, history)
        for account in _accounts(run)
        for history in (_ORDERS, _DIVIDENDS, _CASH_TRANSACTIONS)
    ]


def _instruments_are_fresh(run: Run) -> bool:
    """Tell whether some run has read the list today."""
    midnight = dt.datetime.combine(clock.today(), dt.time.min, dt.UTC)
    with run.sessions.begin() as session:
        return jobs.was_step_done(session, "trading212.instruments", since=midnight)


def _pull_history(run: Run, history: _History, asked: Window) -> StepOutcome:
    def pull(account: _Account) -> AccountOutcome:
        resume = _resume_at(account, history)
        first = asked.first if resume is None else min(asked.first, resume)
        is_current = asked.last >= clock.today()
        # No history can be asked for a range: it is read from the newest item on.
        since = None if is_current and resume is None else first
        items = list(_items(account, run, history, since))
        rows = _read_items(items, history.read)
        with run.sessions.begin() as session:
            stamp = _lock(session, account, run)
            counts = history.land(
                session, account.user_id, api_key_id=account.api_key.id, rows=rows, stamp=stamp
            )
            if is_current:
                api_keys.advance_watermark(
                    session, account.user_id, account.api_key.id, history.watermark, asked.last
                )
        return AccountOutcome(
            account.connection_id,
            account.label,
            window=None if since is None else Window(since, asked.last),
            received=len(items),
            counts=counts,
            quarantined=sum(1 for _, facts in rows if facts["refusal"]),
            superseded=len(items) - len(rows),
        )

    return for_each(run, history.table, _accounts(run), pull)


def _items(
    account: _Account, run: Run, history: _History, since: dt.date | None
) -> Iterator[dict[str, Any]]:
    """Yield items, newest first, until a whole page lies before a day."""
    with _client(run, account) as client:
        for page in history.pages(client):
            items = [storable(item)[0] for item in page.payload["items"]]
            yield from items
            days = [fact.occurred_at for item in items if (fact := history.read(item)).occurred_at]
            if since is not None and days and all(day.date() < since for day in days if day):
                return


def _read_items(
    items: list[dict[str, Any]], read: Callable[[Any], ItemFacts]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    facts = [read(item) for item in items]
    verdicts = identify(
        [
            Evidence(
                provider_id=fact.key, content=(content_hash(item),) if fact.key is None else ()
            )
            for item, fact in zip(items, facts, strict=True)
        ]
    )
    rows = []
    for item, fact, verdict in zip(items, facts, verdicts, strict=True):
        if verdict.is_repeat:
            continue  # pages overlap when something happens between them
        columns: dict[str, Any] = {
            "identity_key": verdict.key,
            "occurred_at": fact.occurred_at,
            "refusal": fact.refusal,
        }
        if read is not read_cash_transaction:
            columns["ticker"] = fact.ticker
        rows.append((item, columns))
    return rows


def _accounts(run: Run) -> list[_Account]:
    query = (
        sa.select(ApiKey, Connection.id)
        .outerjoin(
            Connection,
            sa.and_(
                Connection.provider == Provider.TRADING212,
                Connection.provider_connection_id == sa.cast(ApiKey.id, sa.Text),
            ),
        )
        .where(ApiKey.removed_at.is_(None))
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    with run.sessions.begin() as session:
        return [
            _Account(
                key.user_id,
                connection_id,
                f"Trading 212 …{key.provider_account_id % 10_000:04}",
                key,
            )
            for key, connection_id in session.execute(query)
        ]


@contextmanager
def _client(run: Run, account: _Account) -> Iterator[Trading212Client]:
    key, secret = api_keys.credentials(account.api_key, run.secrets)
    with Trading212Client(run.settings.trading212_base_url, key, secret) as client:
        yield client


def _lock(session: Any, account: _Account, run: Run) -> Any:
    return lock(session, f"trading212:{account.api_key.id}", run_id=run.run_id)


def _resume_at(account: _Account, history: _History) -> dt.date | None:
    through: dt.date | None = getattr(account.api_key, history.watermark)
    return through - dt.timedelta(days=OVERLAP_DAYS) if through else None
