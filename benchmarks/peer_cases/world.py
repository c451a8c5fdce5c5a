"""A scratch ledger for one case: a database of its own and the real pipeline to fill it."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

import psycopg
import sqlalchemy as sa
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.peer_cases.cases import Case
from benchmarks.peer_cases.provider import Script, serving
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import connect, gocardless, ledger, planning, trading212
from ingestion.gocardless import targets
from ingestion.pacing import SharedPace
from ingestion.run import AccountOutcome, Run, Status
from ingestion.trading212.keys import add_trading212_key
from postgres import migrate
from postgres.auth.operations import users
from postgres.common.models import Account, Quarantine, Transaction
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from providers.pacing import Limit


class _NoPace(SharedPace):
    """Leaves the general limits alone: a refusal is told of, and is over by the next call."""

    def take(self, limit: Limit) -> None:
        """Send at once."""

    def told(
        self,
        limit: Limit,
        calls: int | None,
        remaining: int | None,
        seconds: float,
        *,
        period: dt.timedelta | None = None,
    ) -> None:
        """Keep nothing."""

    def waits_for(self, seconds: float) -> bool:
        """Wait for nothing."""
        return seconds <= 0


@dataclass
class World:
    """One user's ledger over one scripted provider.

    :param outcomes: what every step so far did for every account, with the step's table.
    """

    script: Script
    sessions: sessionmaker[Session]
    settings: Settings
    user_id: uuid.UUID
    day: dt.date
    outcomes: list[tuple[str, AccountOutcome]] = field(default_factory=list)
    minutes: Iterator[int] = field(default_factory=itertools.count)

    def run(self) -> Run:
        """Return a run a minute after the one before."""
        os.environ["FARTHING_NOW"] = f"{self.day}T09:{next(self.minutes) % 60:02}:00Z"
        box = SecretBox.from_settings(self.settings)
        return Run(str(uuid.uuid4()), self.sessions, self.settings, box)

    def link_bank(self, institution_id: str) -> None:
        """Give consent."""
        consent = connect.begin_consent(
            self.run(), self.user_id, institution_id, redirect="http://127.0.0.1/"
        )
        connect.is_linked(self.run(), self.user_id, consent.requisition_id)

    def link_broker(self) -> None:
        """Add a key."""
        add_trading212_key(self.run(), self.user_id, SecretStr("key"), SecretStr("secret"))
        # What a case counts are the calls of a sync; this one tried what the key may.
        self.script.requests.clear()

    def sync_bank(self) -> None:
        """Pull and project everything of a bank."""
        run = self.run()
        window = planning.sync_window(run)
        self._record(
            gocardless.pull_requisitions(run),
            gocardless.pull_bank_accounts(run),
            gocardless.pull_balances(run),
            gocardless.pull_transactions(run, window),
            ledger.project_connections(run),
            ledger.project_accounts(run),
            ledger.project_balance_snapshots(run),
            ledger.project_transactions(run),
        )

    def sync_broker(self) -> None:
        """Pull and project everything of a broker."""
        run = self.run()
        window = planning.sync_window(run)
        self._record(
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
            ledger.project_trades(run),
        )

    def failures(self) -> list[tuple[str, str]]:
        """Return table and reason of every step that did not complete for an account."""
        return [
            (table, outcome.reason or "")
            for table, outcome in self.outcomes
            if outcome.status is not Status.COMPLETED
        ]

    def crashed(self) -> bool:
        """Tell whether a step failed for a reason that nobody foresaw."""
        surprises = ("unexpected error", "the database refused")
        return any(reason.startswith(surprises) for _, reason in self.failures())

    def rows(self) -> Sequence[Transaction]:
        """Return the live rows of the ledger, the newest day first."""
        query = (
            sa.select(Transaction)
            .where(Transaction.status != "void")
            .order_by(Transaction.sort_date.desc(), Transaction.id)
        )
        return self.all(query)

    def set_aside(self) -> Sequence[Quarantine]:
        """Return what is in quarantine."""
        return self.all(sa.select(Quarantine))

    def account(self) -> Account | None:
        """Return the one account."""
        return next(iter(self.all(sa.select(Account))), None)

    def all(self, query: sa.Select[tuple[Any]]) -> Sequence[Any]:
        """Return the objects that a query finds."""
        with self.sessions() as session:
            return session.scalars(query).all()

    def _record(self, *steps: Any) -> None:
        self.outcomes += [(step.table, outcome) for step in steps for outcome in step.accounts]


class Worlds:
    """Makes worlds on one server, each in a fresh copy of a migrated database."""

    def __init__(self, server_url: str, home: Path) -> None:
        self._server_url = server_url
        self._home = home
        self._numbers = itertools.count(1)
        self._template = f"peer_cases_{os.getpid()}"

    def __enter__(self) -> Self:
        self._create(self._template, "template1")
        engine = make_engine(self._on(self._template), pooled=False)
        migrate.upgrade(engine)
        with make_sessions(engine).begin() as session:
            self._user_id = users.create_user(session, "case", "correct horse").id
        engine.dispose()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._execute("drop database {} with (force)", self._template)

    @contextmanager
    def of(self, case: Case) -> Iterator[World]:
        """Yield a world in which it is the day of the case, and drop it afterwards."""
        name = f"{self._template}_{next(self._numbers)}"
        self._create(name, self._template)
        script = Script()
        engine = make_engine(self._on(name))
        try:
            with (
                serving(script) as address,
                _environment(self._variables(address, name, case)),
                mock.patch.object(targets, "SharedPace", _NoPace),
            ):
                sessions = make_sessions(engine)
                yield World(script, sessions, Settings.load(), self._user_id, case.as_of)
        finally:
            engine.dispose()
            self._execute("drop database {} with (force)", name)

    def _variables(self, address: str, name: str, case: Case) -> dict[str, str]:
        return {
            "FARTHING_HOME": str(self._home),
            "FARTHING_DATABASE_URL": self._on(name),
            "FARTHING_NOW": f"{case.as_of}T09:00:00Z",
            # Another base for each case: the client keeps tokens by it.
            "GOCARDLESS_BASE_URL": f"{address}/api/v2",
            "GOCARDLESS_SECRET_ID": "id",
            "GOCARDLESS_SECRET_KEY": "key",
            "TRADING212_BASE_URL": f"{address}/api/v0",
        }

    def _create(self, name: str, template: str) -> None:
        self._execute("create database {} template {} strategy file_copy", name, template)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _on(self, name: str) -> str:
        return (
            sa.make_url(self._server_url).set(database=name).render_as_string(hide_password=False)
        )


@contextmanager
def worlds() -> Iterator[Worlds]:
    """Yield worlds on an embedded server that goes with them."""
    with (
        tempfile.TemporaryDirectory(prefix="peer-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as address,
        Worlds(address.url("postgres"), Path(home)) as made,
    ):
        yield made


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
