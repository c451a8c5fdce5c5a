"""Read a history of many thousand items whose pages fail at random, and compare it with the truth.

Usage: python -m benchmarks.broker_history [ITEMS] [SEED]

The sandbox's broker is given so many orders, dividends and movements of cash, some at the same
instant. Pages fail at random, in every way that pages fail in; after each failure another sync goes
on. In the end every item is stored once, and no page was read twice that had been stored.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from unittest import mock

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import trading212
from ingestion.run import Run, Status, Window
from ingestion.trading212.keys import add_trading212_key
from postgres import migrate
from postgres.auth.operations import users
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from sandbox.broker import Broker
from sandbox.core import Core
from sandbox.faults import Fault, html_page, internal_error, reset, truncate
from sandbox.portfolio import CashMovement
from sandbox.server import HOST, Options, Sandbox, address, http_server, listen

NOW = "2026-03-15T09:00:00Z"
HISTORIES = {
    "orders": trading212.pull_orders,
    "dividends": trading212.pull_dividends,
    "cash_transactions": trading212.pull_cash_transactions,
}
_SHARE_OF_FAULTS = 1 / 12
_MOST_FAULTS = 60
_NAMESPACE = uuid.UUID("7c2c5d4c-2f0a-4b87-9f2d-7f2c5f1b3a92")


def enlarge(broker: Broker, items: int, rng: Random) -> None:
    """Give a broker so many items of each history; about a third share their instant."""
    newest = clock.parse_instant(NOW) - dt.timedelta(days=1)
    order = next(each for each in broker.orders if len(each.fills) == 1)
    fill, dividend = order.fills[0], broker.dividends[0]
    broker.orders.clear()
    broker.dividends.clear()
    broker.cash.clear()
    at = newest
    for number in range(items):
        if rng.random() > 1 / 3:
            at -= dt.timedelta(milliseconds=rng.randrange(1, 4_000_000))
        name = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        one = dataclasses.replace(fill, id=fill.id + number, at=at)
        broker.orders.append(
            dataclasses.replace(
                order, id=order.id + number, created_at=at, closed_at=at, fills=(one,)
            )
        )
        broker.dividends.append(dataclasses.replace(dividend, at=at, reference=name))
        movement = CashMovement("DEPOSIT", Decimal("1.00"), at, str(uuid.uuid5(_NAMESPACE, name)))
        broker.cash.append(movement)
    for rows in (broker.orders, broker.dividends, broker.cash):
        rows.reverse()


def true_keys(broker: Broker) -> dict[str, list[str]]:
    """Return the identity keys of each history, sorted."""
    return {
        "orders": sorted(
            f"id:{order.id}:{fill.id}" for order in broker.orders for fill in order.fills
        ),
        "dividends": sorted(f"id:{row.reference}" for row in broker.dividends),
        "cash_transactions": sorted(f"id:{row.reference}" for row in broker.cash),
    }


def faults_of_a_sync(rng: Random) -> Iterator[Fault]:
    """Let one call in twelve fail, each in a way of its own; most ways end the sync."""
    path = "/history/"
    for _ in range(_MOST_FAULTS):
        through = 0
        while rng.random() > _SHARE_OF_FAULTS:
            through += 1
        if through:
            yield Fault(path=path, times=through)
        yield rng.choice(
            (
                reset(path, 3),
                truncate(path, 3),
                html_page(path, times=3),
                internal_error(path, times=3),
                Fault(path=path, status=404, text="", times=rng.randrange(1, 4)),
                Fault(path=path, status=503, text="<html>busy</html>", times=3),
                Fault(path=path, status=429, text="", headers={"retry-after": "3600"}),
                Fault(path=path, json={"items": None}, status=200, times=3),
            )
        )


@contextmanager
def serving(core: Core) -> Iterator[Sandbox]:
    """Serve a core for as long as the block lasts."""
    server, listener = http_server(core), listen(HOST, 0)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Sandbox(address(listener))
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def read(
    sandbox: Sandbox, sessions: sessionmaker[Session], history: str, rng: Random
) -> tuple[int, int]:
    """Sync until a history is complete; return the syncs and the pages that were answered."""
    settings = Settings.load()
    window = Window(clock.today(), clock.today())
    sandbox.clear_requests()
    syncs = 0
    while True:
        syncs += 1
        sandbox.clear_faults()
        sandbox.inject(*faults_of_a_sync(rng))
        with sessions.begin() as session:
            # The hour of a limit has passed.
            session.execute(sa.text("update auth.provider_limits set closed_until = null"))
        run = Run(f"run-{syncs}", sessions, settings, SecretBox.from_settings(settings))
        (outcome,) = HISTORIES[history](run, window).accounts
        if outcome.status is Status.COMPLETED:
            break
    answered = sum(1 for request in sandbox.requests() if request["status"] == 200)
    return syncs, answered


def compare(sessions: sessionmaker[Session], history: str, true: list[str]) -> str:
    """Return what is lost or repeated; empty if nothing is."""
    with sessions() as session:
        query = sa.text(f"select identity_key from trading212.{history}")  # noqa: S608
        found = sorted(session.scalars(query))
    if found == true:
        return ""
    return (
        f"{len(set(true) - set(found))} lost, {len(found) - len(set(found) & set(true))} too many"
    )


def measure(items: int, seed: int) -> int:
    """Read three histories, print what came of each, and return how many are not whole."""
    rng = Random(seed)
    core = Options(seed=7, now=clock.parse_instant(NOW)).core()
    enlarge(core.world.broker, items, rng)
    true = true_keys(core.world.broker)
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as server,
        serving(core) as sandbox,
        mock.patch.dict(
            os.environ,
            {
                "FARTHING_HOME": home,
                "FARTHING_NOW": NOW,
                "TRADING212_BASE_URL": sandbox.trading212_url,
            },
        ),
    ):
        engine = make_engine(server.url("postgres"))
        migrate.upgrade(engine)
        sessions = make_sessions(engine)
        with sessions.begin() as session:
            user_id = users.create_user(session, "ann", "correct horse").id
        settings = Settings.load()
        run = Run("connect", sessions, settings, SecretBox.from_settings(settings))
        key, secret = SecretStr(sandbox.trading212_key), SecretStr(sandbox.trading212_secret)
        add_trading212_key(run, user_id, key, secret)
        for history in HISTORIES:
            started = time.monotonic()
            syncs, answered = read(sandbox, sessions, history, rng)
            difference = compare(sessions, history, true[history])
            wrong += bool(difference)
            sys.stdout.write(
                f"{history:<18} {items} items, {syncs} syncs, {answered} pages answered,"
                f" {time.monotonic() - started:.0f} s: {difference or 'whole, nothing twice'}\n"
            )
            sys.stdout.flush()
        engine.dispose()
    return wrong


def main() -> int:
    """Run the command; 0 if every history came whole."""
    arguments = [int(text) for text in sys.argv[1:]]
    items, seed = (*arguments, *(20_000, 1)[len(arguments) :])
    sys.stdout.write(f"seed {seed}\n")
    return min(measure(items, seed), 1)


if __name__ == "__main__":
    sys.exit(main())
