"""Read made-up accounts at a broker, and compare the ledger with the truth.

Usage: python -m benchmarks.broker_worlds [--worlds 300] [--first SEED]

Every world is a seed: somebody trades in every way for months, and what they hold is split, renamed
and delisted. It is read in several syncs. In the end every share, every penny and every movement
has to be there, and the broker's own figures have to follow from them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import ledger, proofs, rates, trading212
from ingestion.run import Run, Status, StepOutcome, Window
from ingestion.trading212.keys import add_trading212_key
from postgres import migrate
from postgres.auth.operations import users
from postgres.common.enums import MatchRule
from postgres.common.models import Account, Connection, Disposal, Holding, Instrument, Transaction
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from postgres.trading212.proofs import check_prices, list_unknown_rows
from sandbox.server import Sandbox, running

LAST = dt.datetime(2026, 3, 15, 22, tzinfo=dt.UTC)
PENNY = Decimal("0.01")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read worlds one after another, and print what is wrong with which seed.

    :returns: 1 if a world is not as it truly is.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args(arguments)
    started, failed, totals = time.monotonic(), [], [0, 0]
    with database() as sessions:
        for seed in range(options.first, options.first + options.worlds):
            wrong, fills, movements = read_world(sessions, seed)
            totals = [totals[0] + fills, totals[1] + movements]
            if wrong:
                failed.append(seed)
                print(f"seed {seed}: {'; '.join(wrong[:3])}", flush=True)
    print(
        f"{options.worlds - len(failed)} of {options.worlds} worlds are as they truly are:"
        f" {totals[0]:,} fills, {totals[1]:,} movements of cash,"
        f" {time.monotonic() - started:.0f} s"
    )
    if failed:
        print(f"failed seeds: {', '.join(map(str, failed))}")
    return 1 if failed else 0


@contextmanager
def database() -> Iterator[sessionmaker[Session]]:
    """Yield a migrated, empty database for all worlds."""
    with tempfile.TemporaryDirectory(prefix="farthing-") as home:
        os.environ["FARTHING_HOME"] = home
        with EmbeddedServer(Path(home), durable=False).lease() as address:
            engine = make_engine(address.url("postgres"), pooled=False)
            migrate.upgrade(engine)
            os.environ["FARTHING_DATABASE_URL"] = address.url("postgres")
            yield make_sessions(engine)
            engine.dispose()


def read_world(sessions: sessionmaker[Session], seed: int) -> tuple[list[str], int, int]:
    """Read the account of one world in some syncs.

    :returns: what is wrong in the end, and how many fills and movements there were.
    """
    rng = Random(f"broker world {seed}")
    start = LAST.date() - dt.timedelta(days=rng.randint(60, 400))
    syncs = sorted(rng.sample(range(1, (LAST.date() - start).days), rng.randint(1, 3)))
    first = start + dt.timedelta(days=syncs[0])
    with running(seed=seed, now=f"{first}T12:00:00Z", start=start, has_trader=True) as sandbox:
        with sessions.begin() as session:
            user_id = users.create_user(session, f"trader{seed}", "correct horse").id
        for day in [start + dt.timedelta(days=days) for days in syncs]:
            _sync(sessions, sandbox, user_id, f"{day}T12:00:00+00:00", seed)
        wrong = _sync(sessions, sandbox, user_id, LAST.isoformat(), seed)
        (truth,) = sandbox.truth()["broker_accounts"]
    with sessions.begin() as session:
        wrong += list(_differences(session, user_id, truth))
    trades = sum(1 for row in truth["cash"] if "fill_id" in row)
    return wrong, trades, len(truth["cash"])


def _sync(
    sessions: sessionmaker[Session], sandbox: Sandbox, user_id: UUID, now: str, seed: int
) -> list[str]:
    """Read and project one account at an instant; return what failed."""
    sandbox.set_now(now)
    os.environ |= {
        "FARTHING_NOW": now,
        "TRADING212_BASE_URL": sandbox.trading212_url,
        "ECB_BASE_URL": sandbox.ecb_url,
    }
    settings = Settings.load()
    box = SecretBox.from_settings(settings)
    everything = Run(f"{seed}/{now}", sessions, settings, box)
    with sessions.begin() as session:
        of_user = sa.select(Connection.id).where(Connection.user_id == user_id)
        connection_id = session.scalar(of_user)
    if connection_id is None:
        key, secret = SecretStr(sandbox.trading212_key), SecretStr(sandbox.trading212_secret)
        add_trading212_key(everything, user_id, key, secret)
        ledger.project_connections(everything)
        with sessions.begin() as session:
            connection_id = session.scalar(of_user)
    run = Run(f"{seed}/{now}", sessions, settings, box, connection_id)
    today = dt.date.fromisoformat(now[:10])
    window = Window(today - dt.timedelta(days=14), today)
    steps: list[StepOutcome] = [
        trading212.pull_account_summary(run),
        trading212.pull_positions(run),
        trading212.pull_instruments(run),
        trading212.pull_orders(run, window),
        trading212.pull_dividends(run, window),
        trading212.pull_cash_transactions(run, window),
        ledger.project_connections(run),
        ledger.project_accounts(run),
        ledger.project_balance_snapshots(run),
        ledger.project_transactions(run),
        ledger.project_holdings(run),
        rates.pull_fx_rates(run),
        ledger.project_trades(run),
    ]
    return [
        f"{step.table} of {account.label}: {account.reason}"
        for step in steps
        for account in step.accounts
        if account.status is not Status.COMPLETED
    ]


def _differences(session: Session, user_id: UUID, truth: dict[str, Any]) -> Iterator[str]:
    """Yield what the ledger has otherwise than it is."""
    yield from (each.describe() for each in proofs.replay_accounts(session, user_id=user_id))
    yield from (each.describe() for each in check_prices(session, user_id=user_id))
    yield from (each.describe() for each in list_unknown_rows(session, user_id=user_id))
    rows = session.execute(
        sa.select(Transaction.source_key, Transaction.amount, Transaction.kind)
        .join(Account, Account.id == Transaction.account_id)
        .where(Transaction.user_id == user_id)
    ).all()
    cash = sum((row.amount for row in rows), Decimal(0))
    if cash != Decimal(truth["cash_total"]):
        yield f"cash is {cash}, not {truth['cash_total']}"
    moved = sorted(amount for row in truth["cash"] if (amount := Decimal(row["amount"])))
    found: dict[str, Decimal] = {}
    for key, amount, _ in rows:
        # Fees are parts of their fill.
        name = f"fill:{key[4:].rpartition(':')[0]}" if key.startswith("fee:") else key
        found[name] = found.get(name, Decimal(0)) + amount
    if sorted(found.values()) != moved:
        yield f"{len(found)} movements of cash, not the {len(moved)} that there were"
    last = sa.select(sa.func.max(Holding.as_of)).where(Holding.user_id == user_id)
    held = {
        ticker: (quantity, cost)
        for ticker, quantity, cost in session.execute(
            sa.select(Instrument.provider_instrument_id, Holding.quantity, Holding.cost)
            .join(Instrument, Instrument.id == Holding.instrument_id)
            .where(
                Holding.user_id == user_id,
                Holding.quantity != 0,
                Holding.as_of == last.scalar_subquery(),
            )
        )
    }
    true = {
        each["ticker"]: (Decimal(each["quantity"]), Decimal(each["total_cost"]))
        for each in truth["positions"]
    }
    if held != true:
        yield f"held is {held}, not {true}"
    unknown = session.scalar(
        sa.select(sa.func.count())
        .select_from(Disposal)
        .where(Disposal.user_id == user_id, Disposal.rule == MatchRule.UNKNOWN)
    )
    if unknown:
        yield f"{unknown} parts of sales have no purchase"


if __name__ == "__main__":
    sys.exit(main())
