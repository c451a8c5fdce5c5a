"""A ledger with a broker and no bank, for what a switch of the broker's makes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from farthing.settings import Settings
from ingestion import ledger, trading212
from ingestion.run import AccountOutcome, StepOutcome, Window
from ingestion.trading212.keys import add_trading212_key
from postgres.auth.operations import users
from sandbox.broker_quirks import BROKER
from sandbox.server import Sandbox, running
from tests.conftest import NOW, World

PULLED = {
    "orders": trading212.pull_orders,
    "dividends": trading212.pull_dividends,
    "cash_transactions": trading212.pull_cash_transactions,
}
"""The histories, by their tables."""


class BrokerWorld(World):
    """One user with one key."""

    def quirks(self, *numbers: str) -> None:
        self.sandbox.quirks(BROKER, *numbers)

    def pull(self, history: str, run_id: str = "run", since: str | None = None) -> AccountOutcome:
        """Read one history; what came of it."""
        first = clock.parse_instant(since).date() if since else clock.today()
        step: StepOutcome = PULLED[history](self.run(run_id), Window(first, clock.today()))
        (outcome,) = step.accounts
        return outcome

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        with self.sessions() as session:
            return session.execute(sa.text(query), values).all()

    def one(self, query: str, **values: Any) -> Any:
        ((value,),) = self.rows(query, **values)
        return value

    def execute(self, statement: str) -> None:
        with self.sessions.begin() as session:
            session.execute(sa.text(statement))

    def forget(self) -> None:
        """Begin anew: nothing was ever read."""
        self.sandbox.clear_faults()
        self.sandbox.clear_requests()
        self.execute(
            "truncate trading212.orders, trading212.dividends, trading212.cash_transactions,"
            " trading212.history_reads, trading212.positions, common.deferrals"
        )
        self.execute(
            "update trading212.api_keys set orders_through = null, dividends_through = null,"
            " cash_transactions_through = null, projected_through = null"
        )
        self.execute("delete from auth.provider_limits where provider = 'trading212'")

    def true_keys(self, history: str) -> list[str]:
        """Identity keys of what truly happened, sorted."""
        cash = self.sandbox.truth()["broker_accounts"][0]["cash"]
        if history == "orders":
            return sorted(str(row["fill_id"]) for row in cash if "fill_id" in row)
        is_dividend = history == "dividends"
        return sorted(
            f"id:{row['reference']}"
            for row in cash
            if "reference" in row and (row["kind"] == "DIVIDEND") == is_dividend
        )

    def landed_keys(self, history: str) -> list[str]:
        """Identity keys of what was stored, sorted; of fills the part that is the fill's."""
        if history == "orders":
            found = self.rows(
                "select payload #>> '{fill,id}' from trading212.orders where payload ? 'fill'"
            )
        else:
            found = self.rows(f"select identity_key from trading212.{history}")  # noqa: S608
        return sorted(key for (key,) in found)

    def watermark(self, history: str) -> str | None:
        through: str | None = self.one(
            f"select {history}_through::text from trading212.api_keys"  # noqa: S608
        )
        return through


@pytest.fixture
def sandbox(frozen: str) -> Iterator[Sandbox]:
    # Long enough for histories of several pages.
    with running(seed=7, now=frozen, start=dt.date(2025, 1, 1)) as sandbox:
        yield sandbox


@pytest.fixture
def broker(
    sandbox: Sandbox,
    database_url: str,
    sessions: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> BrokerWorld:
    return broker_world(sandbox, database_url, sessions, tmp_path, monkeypatch)


def broker_world(
    sandbox: Sandbox,
    database_url: str,
    sessions: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    **options: Any,
) -> BrokerWorld:
    for variable, value in {
        "FARTHING_HOME": str(tmp_path),
        "FARTHING_DATABASE_URL": database_url,
        "TRADING212_BASE_URL": sandbox.trading212_url,
        "TRADING212_DEMO_BASE_URL": sandbox.trading212_demo_url,
    }.items():
        monkeypatch.setenv(variable, value)
    with sessions.begin() as session:
        user_id = users.create_user(session, "ann", "correct horse").id
    world = BrokerWorld(sandbox, Settings.load(), sessions, user_id)
    key, secret = SecretStr(sandbox.trading212_key), SecretStr(sandbox.trading212_secret)
    add_trading212_key(world.run(), user_id, key, secret, **options)
    ledger.project_accounts(world.run())
    sandbox.clear_requests()
    return world


__all__ = ["NOW", "PULLED", "BrokerWorld", "broker_world"]
