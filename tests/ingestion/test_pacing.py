"""The general limits are kept by all processes together, and tokens are shared by them."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import gocardless
from ingestion.gocardless import open_client
from ingestion.gocardless.targets import make_pace
from ingestion.pacing import SharedPace
from ingestion.run import Window
from postgres.auth.models import ProviderToken
from postgres.auth.operations import provider_limits
from postgres.core import make_engine, make_sessions
from providers.errors import RateLimited
from providers.gocardless.limits import ACCOUNTS, limit_of
from providers.pacing import Limit
from sandbox import faults
from sandbox.server import Sandbox, running
from tests.conftest import World
from tests.ingestion.pipeline import sync
from tests.ingestion.test_refusals import account_ids

NONE = dt.timedelta()
TWENTY = Limit("accounts", 20, dt.timedelta(minutes=1))


@pytest.fixture
def sandbox(frozen: str) -> Iterator[Sandbox]:
    """One that enforces its limits."""
    with running(seed=7, now=frozen, gocardless_limits=True) as sandbox:
        yield sandbox


def granted(url: str, tries: int) -> int:
    """Try to take calls at once, as one process of several, and count those that were granted."""
    engine = make_engine(url)
    pace = make_pace(make_sessions(engine), longest_wait=NONE)

    def take(_: int) -> bool:
        try:
            pace.take(TWENTY)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        count = sum(pool.map(take, range(tries)))
    engine.dispose()
    return count


def test_processes_together_take_no_more_than_the_limit(database_url: str) -> None:
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        taken = list(pool.map(granted, [database_url] * 3, [30] * 3))

    assert sum(taken) == TWENTY.calls


def test_a_call_waits_for_its_turn_where_that_is_short(sessions: sessionmaker[Session]) -> None:
    short = Limit("accounts", 2, dt.timedelta(seconds=0.3))
    pace = SharedPace(
        sessions,
        provider="gocardless",
        label="GoCardless",
        longest_wait=dt.timedelta(seconds=5),
    )
    started = time.monotonic()
    for _ in range(5):
        pace.take(short)

    assert 0.6 <= time.monotonic() - started < 5
    hasty = make_pace(sessions, longest_wait=NONE)
    with pytest.raises(RateLimited) as caught:
        hasty.take(Limit("accounts", 1, TWENTY.period))
    assert caught.value.resets_at is not None
    assert caught.value.scope == "general"


def test_the_limits_of_the_provider_are_met_by_none_of_two_clients(world: World) -> None:
    sync(world.run("run-0"))
    account = account_ids(world)[0]
    with world.sessions.begin() as session:
        session.execute(sa.text("update auth.provider_limits set called_at = '{}'"))
    world.sandbox.clear_requests()
    refused, allowed = 0, ACCOUNTS.calls or 0
    with open_client(world.run("a")) as one, open_client(world.run("b")) as other:
        for client in (one, other):
            assert client._pace is not None
            client._pace._longest_wait = NONE  # type: ignore[attr-defined]
        for number in range(allowed + 20):
            try:
                (one, other)[number % 2].account(account)
            except RateLimited:
                refused += 1

    statuses = [r["status"] for r in world.sandbox.requests() if "/accounts/" in r["path"]]
    assert set(statuses) == {200}
    assert len(statuses) + refused == allowed + 20
    assert refused >= 20
    with world.sessions() as session:
        (accounts,) = (
            each
            for each in provider_limits.list_provider_limits(session, "gocardless")
            if each.name == "accounts"
        )
    assert accounts.calls_limit == ACCOUNTS.calls
    assert accounts.resets_at is not None


def test_a_general_refusal_is_waited_out_where_it_is_short_and_costs_no_call(world: World) -> None:
    sync(world.run("run-0"))
    for number, headers in enumerate((True, False), start=1):
        world.sandbox.inject(faults.rate_limit("/transactions", seconds=0, headers=headers))
        today = Window(clock.today(), clock.today())
        assert gocardless.pull_transactions(world.run(f"run-{number}"), today).unfinished == ()
    with world.sessions() as session:
        used = session.scalars(
            sa.text(
                "select cardinality(called_at) from gocardless.rate_limits"
                " where scope = 'account' and resource = 'transactions'"
            )
        ).all()
    assert used == [3] * 5

    world.sandbox.inject(faults.rate_limit("/balances", seconds=3000, times=9))
    step = gocardless.pull_balances(world.run("run-3"))

    assert {each.status.value for each in step.accounts} == {"deferred"}
    assert all(each.resumes_at is not None for each in step.accounts)


@pytest.mark.parametrize(
    ("method", "path", "name", "calls", "seconds"),
    [
        ("GET", "/accounts/x/", "accounts", 100, 60),
        ("GET", "/accounts/x/transactions/", "accounts", 100, 60),
        ("GET", "/institutions/", "institutions", 300, 60),
        ("GET", "/requisitions/x/", "consents", 300, 60),
        ("GET", "/agreements/enduser/", "consents", 300, 60),
        ("POST", "/requisitions/", "post", 100, 60),
        ("PUT", "/agreements/enduser/x/accept/", "put", 100, 60),
        ("DELETE", "/requisitions/x/", "delete", 100, 60),
        ("POST", "/token/new/", "token/new", 100, 3600),
        ("POST", "/token/refresh/", "token/refresh", 100, 60),
    ],
)
def test_each_request_counts_against_its_limit(
    method: str, path: str, name: str, calls: int, seconds: int
) -> None:
    assert limit_of(method, path) == Limit(name, calls, dt.timedelta(seconds=seconds))


def tokens_asked_for(world: World) -> list[str]:
    asked = [r["path"] for r in world.sandbox.requests() if "/token/" in r["path"]]
    world.sandbox.clear_requests()
    return [path.removeprefix("/api/v2/token/").rstrip("/") for path in asked]


def test_a_token_is_shared_sealed_and_renewed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = "NORTHGATE_NRGTGB21"

    def ask() -> list[str]:
        with open_client(world.run()) as client:
            client.institution(bank)
        return tokens_asked_for(world)

    assert ask() == []  # connecting asked for it
    with world.sessions() as session:
        (row,) = session.scalars(sa.select(ProviderToken))
    assert b"ey" not in row.sealed[:40]
    assert world.sandbox.secret_id.encode() not in row.sealed

    world.sandbox.inject(faults.invalid_token())
    assert ask() == ["refresh"]
    assert ask() == []

    # A key that is gone takes what it sealed with it, and nothing else.
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    other = Settings.load()
    run = world.run()
    run = type(run)(run.run_id, run.sessions, other, SecretBox.from_settings(other))
    with open_client(run) as client:
        client.institution(bank)
    assert tokens_asked_for(world) == ["new"]


def test_many_who_start_at_once_ask_for_one_token(world: World) -> None:
    with world.sessions.begin() as session:
        session.execute(sa.delete(ProviderToken))

    def ask(_: int) -> None:
        with open_client(world.run()) as client:
            client.institution("NORTHGATE_NRGTGB21")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(6)))

    assert tokens_asked_for(world) == ["new"]
