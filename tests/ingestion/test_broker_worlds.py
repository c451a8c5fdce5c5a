"""What a broker tells of an account, and what the ledger makes of it: some of the made-up worlds.

`make broker-worlds` reads hundreds. A seed that fails is printed, and belongs into ``REGRESSIONS``
once it is understood.
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from benchmarks import broker_worlds
from ingestion import proofs
from ingestion.replay import replay
from postgres.common.models import Disposal, Holding, Trade, Transaction
from postgres.core import table_of
from postgres.trading212.proofs import check_prices, list_unknown_rows
from tests.conftest import World
from tests.ingestion.pipeline import sync

REGRESSIONS = (5, 36, 74)
"""Renamed more than once and traded under each name, or renamed and sold before the last sync."""


@pytest.fixture
def home(
    sessions: sessionmaker[Session], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> sessionmaker[Session]:
    for name in ("FARTHING_NOW", "TRADING212_BASE_URL", "ECB_BASE_URL", "FARTHING_DATABASE_URL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path))
    return sessions


def test_worlds_are_read_as_they_truly_are(home: sessionmaker[Session]) -> None:
    wrong = {
        seed: found
        for seed in (*REGRESSIONS, *range(100, 103))
        if (found := broker_worlds.read_world(home, seed)[0])
    }
    assert not wrong


TABLES = (Transaction, Trade, Disposal, Holding)


def dump(sessions: sessionmaker[Session]) -> dict[str, list[Any]]:
    """Every row of the tables, without the times at which it was written."""
    found: dict[str, list[Any]] = {}
    with sessions() as session:
        for model in TABLES:
            columns = [
                column
                for column in table_of(model).c
                if column.name not in ("created_at", "updated_at")
            ]
            rows = session.execute(sa.select(*columns).order_by(model.id))
            found[model.__tablename__] = [tuple(row) for row in rows]
    return found


def test_the_brokers_ledger_comes_back_from_raw_bit_for_bit(world: World) -> None:
    sync(world.run("run-1"))
    before = dump(world.sessions)
    assert all(before.values())
    with world.sessions.begin() as session:
        assert proofs.replay_accounts(session) == []
        assert check_prices(session) == list_unknown_rows(session) == []
        # The bank's rows stay: what is known of them has a test of its own.
        session.execute(
            sa.text("delete from common.transactions where raw_table like 'trading212.%'")
        )
        session.execute(sa.text("delete from common.trades"))
        session.execute(sa.text("delete from common.holdings"))

    replay(world.run("replay-1"))
    assert dump(world.sessions) == before
    assert replay(world.run("replay-2")).counts.written == 0

    # What was there before ids followed from raw rows keeps its own.
    with world.sessions.begin() as session:
        session.execute(
            sa.text(
                "insert into trading212.former_ids"
                " (user_id, api_key_id, source_key, transaction_id)"
                " select t.user_id, k.id, t.source_key, gen_random_uuid()"
                " from common.transactions as t cross join trading212.api_keys as k"
                " where t.kind = 'dividend'"
            )
        )
        session.execute(sa.text("delete from common.transactions where kind = 'dividend'"))
    replay(world.run("replay-3"))
    with world.sessions.begin() as session:
        kept, all_of_them = session.execute(
            sa.text(
                "select count(*) filter (where f.transaction_id = t.id), count(*)"
                " from common.transactions as t"
                " left join trading212.former_ids as f on f.source_key = t.source_key"
                " where t.kind = 'dividend'"
            )
        ).one()
    assert kept == all_of_them > 0

    _names_the_first_item_that_disagrees(world)


def _names_the_first_item_that_disagrees(world: World) -> None:
    """Each proof is seen to fail where the ledger is made to differ."""

    def first(change: str, ask: Any = proofs.replay_accounts) -> str:
        with world.sessions() as session:
            session.execute(sa.text(change))
            found = ask(session)
            session.rollback()
        return found[0].describe() if found else ""

    assert "shares, " in first("delete from common.trades where quantity < 0 and kind = 'trade'")
    assert "cash, sum of all movements" in first(
        "delete from common.transactions where id ="
        " (select id from common.transactions where kind = 'dividend' limit 1)"
    )
    assert "profit of a sale" in first(
        "update common.trades set reported_profit = reported_profit + 5 where quantity < 0"
    )
    assert "cost, " in first("update common.holdings set cost = cost * 1.1 where cost > 10")
    hundredfold = "update common.trades set price = price * 100 where price_currency = 'GBP'"
    assert "trade, " in first(hundredfold, check_prices)
    hundredth = "update common.holdings set price = price / 100 where quantity > 0"
    assert "holding, " in first(hundredth, check_prices)
    unheard_of = (
        "update common.transactions set kind = 'other' where kind = 'interest'"
        " and raw_table = 'trading212.cash_transactions'"
    )
    assert "unknown type" in first(unheard_of, list_unknown_rows)
