"""A bank that fails is left alone before GoCardless suspends the account, and nobody else is."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from ingestion.run import Status, StepOutcome
from postgres.gocardless.models import BankAccount
from sandbox import faults
from sandbox.faults import Fault
from tests.conftest import World
from tests.ingestion.pipeline import sync


def only_account(world: World) -> BankAccount:
    with world.sessions() as session:
        return session.scalars(sa.select(BankAccount).order_by(BankAccount.id)).all()[0]


def fail(world: World, fault: Fault, account: BankAccount) -> None:
    path = f"/accounts/{account.provider_account_id}/transactions/"
    world.sandbox.inject(Fault(path=path, status=fault.status, json=fault.json))


def asked(world: World, account: BankAccount) -> int:
    return sum(
        request["path"].endswith(f"/accounts/{account.provider_account_id}/transactions/")
        for request in world.sandbox.requests()
    )


def unfinished(outcome: dict[str, StepOutcome]) -> list[Status]:
    return [each.status for each in outcome["gocardless.transactions"].unfinished]


def test_after_three_errors_in_a_row_an_account_rests_and_then_is_asked_once(
    world: World,
) -> None:
    sync(world.run("run-0"))
    account = only_account(world)
    for number in range(1, 4):
        fail(world, faults.unknown_request_error(), account)
        assert Status.FAILED in unfinished(sync(world.run(f"run-{number}")))
    world.sandbox.clear_requests()

    outcome = sync(world.run("run-4"))

    assert asked(world, account) == 0
    (resting,) = (
        each
        for each in outcome["gocardless.transactions"].unfinished
        if "the bank failed 3 times" in str(each.reason)
    )
    assert resting.status is Status.DEFERRED
    assert resting.resumes_at is not None
    assert dt.timedelta(days=6) < resting.resumes_at - dt.datetime.now(dt.UTC)
    assert len(outcome["gocardless.transactions"].accounts) == 5

    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=8)
    with world.sessions.begin() as session:
        session.execute(
            sa.update(BankAccount).where(BankAccount.id == account.id).values(failed_at=long_ago)
        )
    fail(world, faults.unknown_request_error(), account)
    sync(world.run("run-5"))
    sync(world.run("run-6"))
    assert asked(world, account) == 1


def test_an_answer_makes_up_for_errors_before(world: World) -> None:
    sync(world.run("run-0"))
    account = only_account(world)
    for number in range(1, 3):
        fail(world, faults.unknown_request_error(), account)
        sync(world.run(f"run-{number}"))
    assert only_account(world).failures == 2

    sync(world.run("run-3"))

    assert only_account(world).failures == 0


@pytest.mark.parametrize(
    ("fault", "counts"),
    [
        (faults.unknown_request_error(), 1),
        (faults.connection_error(), 1),
        (faults.access_expired(), 1),
        (faults.account_inactive(), 0),
        (faults.bank_rate_limit(), 0),
        (Fault(path=".*", status=503, json={"type": "ServiceError", "status_code": 503}), 0),
    ],
    ids=lambda value: getattr(value, "json", {}).get("type", "") if hasattr(value, "json") else "",
)
def test_only_what_moves_an_account_towards_suspension_counts(
    world: World, fault: Fault, counts: int
) -> None:
    sync(world.run("run-0"))
    account = only_account(world)
    for _ in range(3):
        fail(world, fault, account)

    sync(world.run("run-1"))

    assert min(only_account(world).failures, 1) == counts
