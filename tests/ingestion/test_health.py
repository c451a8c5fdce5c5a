"""A bank that fails is left alone before GoCardless suspends the account, and nobody else is."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from farthing import clock
from ingestion import connect, gocardless
from ingestion.gocardless import planner
from ingestion.run import Status, Window
from postgres.gocardless.models import BankAccount, Requisition
from sandbox import faults
from sandbox.faults import Fault
from tests.conftest import World
from tests.ingestion.pipeline import sync

NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


def only_account(world: World) -> BankAccount:
    # At a bank whose consents last without being confirmed.
    query = sa.select(BankAccount).where(BankAccount.name == "Household Bills")
    with world.sessions() as session:
        return session.scalars(query).one()


def fail(world: World, fault: Fault, account: BankAccount) -> None:
    path = f"/accounts/{account.provider_account_id}/transactions/"
    world.sandbox.inject(Fault(path=path, status=fault.status, json=fault.json))


def asked(world: World, account: BankAccount, resource: str = "transactions") -> int:
    return sum(
        request["path"].endswith(f"/accounts/{account.provider_account_id}/{resource}/")
        for request in world.sandbox.requests()
    )


def today() -> Window:
    return Window(clock.today(), clock.today())


def go_to(world: World, monkeypatch: pytest.MonkeyPatch, day: int) -> None:
    now = NOW + dt.timedelta(days=day)
    monkeypatch.setenv("FARTHING_NOW", now.isoformat())
    world.sandbox.set_now(now.isoformat())


def test_after_three_errors_in_a_row_an_account_rests_longer_each_time_and_is_never_suspended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(world.run("run-0"))
    account = only_account(world)
    path = f"/accounts/{account.provider_account_id}/(balances|transactions)"
    body = faults.unknown_request_error().json
    world.sandbox.inject(Fault(path=path, status=500, json=body, times=1000))
    days = []
    # Each day on which it may be asked again, the one before and the one after.
    for day in (1, 2, 3, 4, 5, 6, 8, 9, 10, 16, 17, 18, 32, 33, 34, 100, 139):
        world.sandbox.clear_requests()
        go_to(world, monkeypatch, day)
        read = gocardless.pull_transactions(world.run(f"run-{day}"), today())
        gocardless.pull_balances(world.run(f"run-{day}"))
        days += [day] * (asked(world, account) + asked(world, account, "balances"))
        assert len(read.accounts) == 5
        # After 90 days the other bank wants its consent confirmed, and its three are not read.
        read_others = 4 if day < 90 else 1
        completed = [each for each in read.accounts if each.status is Status.COMPLETED]
        assert len(completed) == read_others

    # A pull of each day asks for transactions, then balances; after the third it rests for a day.
    assert days == [1, 1, 2, 3, 5, 9, 17, 33]
    assert only_account(world).failures == planner.GIVEN_UP
    (given_up,) = (each for each in read.unfinished if each.key == str(account.provider_account_id))
    assert given_up.status is Status.FAILED
    assert "farthing connections renew" in str(given_up.reason)
    gocardless.pull_requisitions(world.run("run-end"))
    with world.sessions() as session:
        assert set(session.scalars(sa.select(Requisition.status))) == {"LN"}


def test_a_renewed_consent_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sync(world.run("run-0"))
    account = only_account(world)
    fail(world, faults.access_expired(), account)
    sync(world.run("run-1"))
    world.sandbox.clear_requests()
    refused = sync(world.run("run-2"))["gocardless.transactions"]
    assert asked(world, account) == 0
    (one,) = refused.unfinished
    assert one.connection_id is not None

    consent = connect.renew_consent(
        world.run(), world.user_id, one.connection_id, redirect="http://127.0.0.1/"
    )
    world.sandbox.approve(consent.link)
    go_to(world, monkeypatch, 1)
    again = sync(world.run("run-3"))

    assert again["gocardless.transactions"].unfinished == ()
    assert only_account(world).failures == 0


def test_an_answer_makes_up_for_errors_before(world: World) -> None:
    sync(world.run("run-0"))
    account = only_account(world)
    for number in range(1, 3):
        fail(world, faults.unknown_request_error(), account)
        gocardless.pull_transactions(world.run(f"run-{number}"), today())
    assert only_account(world).failures == 2

    gocardless.pull_transactions(world.run("run-3"), today())

    assert only_account(world).failures == 0
