"""What can be traded and where: the same for every key, and read once a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from farthing import clock
from ingestion.run import AccountOutcome, Run, StepOutcome
from ingestion.trading212.targets import Account, accounts, for_accounts, open_client
from postgres.common.operations import jobs
from postgres.core import WriteCounts, lock
from postgres.payload import Stamp, storable
from postgres.trading212.operations import exchanges, instruments
from providers.http import Answer
from providers.text import text
from providers.trading212.client import Trading212Client


def pull_instruments(run: Run) -> StepOutcome:
    """Read the list of instruments, some 5 MB."""

    def land(session: Session, payload: list[Any], stamp: Stamp) -> WriteCounts:
        known = [row for row in payload if isinstance(row, dict) and text(row.get("ticker"))]
        return instruments.land(session, known, stamp)

    return _pull(run, "trading212.instruments", lambda client: client.instruments(), land)


def pull_exchanges(run: Run) -> StepOutcome:
    """Read the list of exchanges with their schedules."""

    def land(session: Session, payload: list[Any], stamp: Stamp) -> WriteCounts:
        rows = {
            row["id"]: (row["id"], text(row.get("name")), row)
            for row in payload
            if isinstance(row, dict) and type(row.get("id")) is int
        }
        return exchanges.land(session, list(rows.values()), stamp)

    return _pull(run, "trading212.exchanges", lambda client: client.exchanges(), land)


def _pull(
    run: Run,
    table: str,
    ask: Callable[[Trading212Client], Answer],
    land: Callable[[Session, list[Any], Stamp], WriteCounts],
) -> StepOutcome:
    keys = accounts(run)
    if not keys or _is_fresh(run, table):
        return StepOutcome(table, (), 0.0)

    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            payload, _ = storable(ask(client).payload)
        with run.sessions.begin() as session:
            counts = land(session, payload, lock(session, table, run_id=run.run_id))
        return AccountOutcome(
            account.connection_id, account.label, received=len(payload), counts=counts
        )

    return for_accounts(run, table, pull, keys[:1])


def _is_fresh(run: Run, table: str) -> bool:
    """Tell whether some run has read the list today."""
    midnight = dt.datetime.combine(clock.today(), dt.time.min, dt.UTC)
    with run.sessions.begin() as session:
        return jobs.was_step_done(session, table, since=midnight)
