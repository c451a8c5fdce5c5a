"""Pull what an account is worth, holds and has ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from farthing import clock
from ingestion.run import AccountOutcome, Run, StepOutcome
from ingestion.trading212.targets import Account, for_accounts, lock_account, open_client
from postgres.common.enums import ConnectionStatus
from postgres.common.operations import connections
from postgres.identity.answers import Evidence, identify
from postgres.payload import content_hash, storable
from postgres.trading212.operations import account_summaries, pending_orders, pies, positions
from providers.text import text
from providers.trading212.client import Trading212Client
from providers.trading212.holdings import read_pie, read_position

Row = dict[str, Any]


def pull_account_summary(run: Run) -> StepOutcome:
    """Read what every account is worth; a key that answers is marked as working."""

    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            payload, _ = storable(client.account_summary().payload)
        with run.sessions.begin() as session:
            stamp = lock_account(session, account, run)
            counts = account_summaries.land(
                session, account.user_id, account.api_key.id, payload, stamp
            )
            if account.connection_id is not None:
                connections.set_status(
                    session, account.user_id, account.connection_id, ConnectionStatus.ACTIVE, None
                )
        return AccountOutcome(account.connection_id, account.label, received=1, counts=counts)

    return for_accounts(run, "trading212.account_summaries", pull)


def pull_positions(run: Run) -> StepOutcome:
    """Read every account's open positions as those of today."""

    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            payload, _ = storable(client.positions().payload)
        rows = _read_positions(payload)
        with run.sessions.begin() as session:
            counts = positions.land(
                session,
                account.user_id,
                api_key_id=account.api_key.id,
                as_of=clock.today(),
                rows=rows,
                stamp=lock_account(session, account, run),
            )
        return AccountOutcome(
            account.connection_id,
            account.label,
            received=len(payload),
            counts=counts,
            quarantined=sum(1 for _, facts in rows if facts["refusal"]),
            superseded=len(payload) - len(rows),
        )

    return for_accounts(run, "trading212.positions", pull)


def _read_positions(payload: Sequence[Any]) -> list[tuple[Row, Row]]:
    """Return the rows of an answer; of two of one instrument the last stands."""
    unnamed: Counter[str] = Counter()
    rows: dict[str, tuple[Row, Row]] = {}
    for position in payload:
        facts = read_position(position)
        row = position if isinstance(position, dict) else {"position": position}
        is_whole = facts.refusal is None
        key = facts.ticker if is_whole else _content_key(row, unnamed)
        rows[str(key)] = (
            row,
            {
                "identity_key": key,
                "ticker": facts.ticker if is_whole else None,
                "quantity": facts.quantity if is_whole else None,
                "refusal": facts.refusal,
            },
        )
    return list(rows.values())


def pull_pending_orders(run: Run) -> StepOutcome:
    """Read the orders of every account that wait."""

    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            payload, _ = storable(client.pending_orders().payload)
        listed = [row for row in payload if isinstance(row, dict)]
        unnamed: Counter[str] = Counter()
        rows = {}
        for row in listed:
            key = f"id:{row['id']}" if row.get("id") is not None else _content_key(row, unnamed)
            rows[key] = (key, text(row.get("ticker")), row)
        with run.sessions.begin() as session:
            counts = pending_orders.land(
                session,
                account.user_id,
                api_key_id=account.api_key.id,
                rows=list(rows.values()),
                stamp=lock_account(session, account, run),
            )
        return AccountOutcome(
            account.connection_id,
            account.label,
            received=len(payload),
            counts=counts,
            superseded=len(payload) - len(rows),
        )

    return for_accounts(run, "trading212.pending_orders", pull)


def pull_pies(run: Run) -> StepOutcome:
    """Read what every pie is worth, and once a day each one by itself."""

    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            payload, _ = storable(client.pies().payload)
            rows = {
                row["id"]: (row["id"], row)
                for row in payload
                if isinstance(row, dict) and type(row.get("id")) is int
            }
            with run.sessions.begin() as session:
                counts = pies.land(
                    session,
                    account.user_id,
                    api_key_id=account.api_key.id,
                    rows=list(rows.values()),
                    stamp=lock_account(session, account, run),
                )
            _read_details(run, account, client)
        return AccountOutcome(
            account.connection_id,
            account.label,
            received=len(payload),
            counts=counts,
            superseded=len(payload) - len(rows),
        )

    return for_accounts(run, "trading212.pies", pull)


def _read_details(run: Run, account: Account, client: Trading212Client) -> None:
    """Ask for the pies that were not asked for today; each is kept as it comes."""
    today = clock.today()
    with run.sessions.begin() as session:
        unread = pies.list_unread(session, account.user_id, api_key_id=account.api_key.id, on=today)
    for pie in unread:
        detail, _ = storable(client.pie(pie.pie_id).payload)
        facts = read_pie(detail)
        with run.sessions.begin() as session:
            lock_account(session, account, run)
            pies.land_detail(
                session,
                account.user_id,
                pie.id,
                detail=detail,
                name=facts.name,
                opened_at=facts.created_at,
                read_on=today,
            )


def _content_key(row: Row, met: Counter[str]) -> str:
    (verdict,) = identify([Evidence(provider_id=None, content=(content_hash(row),))], met)
    return verdict.key
