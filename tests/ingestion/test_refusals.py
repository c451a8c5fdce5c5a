"""Each documented refusal: its class, what the sync makes of it, and who is left in peace."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from farthing import clock
from farthing.settings import PROJECT_ROOT
from ingestion import gocardless
from ingestion.run import AccountOutcome, Status, StepOutcome, Window
from postgres.common.enums import ConnectionStatus
from postgres.common.models import Connection
from postgres.gocardless.models import BankAccount, RateLimit
from providers.gocardless.errors import Refusal
from providers.gocardless.policies import POLICIES, Policy, Reach, Verdict
from sandbox import faults
from sandbox.faults import Fault
from sandbox.server import Sandbox, running
from tests.conftest import World
from tests.ingestion.pipeline import sync

ACCOUNT = "00000000-0000-4000-8000-00000000000a"
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)

# One for each row of the table of errors, and for each state of an account.
ROWS: dict[str, tuple[Fault, Refusal]] = {
    "400 invalid account id": (faults.invalid_account_id(), Refusal.REQUEST_REFUSED),
    "400 incorrect date range": (faults.incorrect_date_range(), Refusal.REQUEST_REFUSED),
    "401 invalid token": (faults.invalid_token(), Refusal.ACCESS_STALE),
    "401 agreement expired": (faults.eua_expired(ACCOUNT), Refusal.CONSENT_EXPIRED),
    "400 agreement expired": (faults.eua_expired(ACCOUNT, status=400), Refusal.CONSENT_EXPIRED),
    "401 AccessExpiredError": (faults.access_expired(), Refusal.ACCESS_EXPIRED),
    "401 AccountInactiveError": (faults.account_inactive(), Refusal.ACCOUNT_INACTIVE),
    "403 address": (faults.address_denied(), Refusal.ADDRESS_REFUSED),
    "403 scope": (faults.scope_not_granted("transactions"), Refusal.SCOPE_NOT_GRANTED),
    "403 no agreement": (faults.no_agreement(), Refusal.NO_CONSENT),
    "403 AccountAccessForbidden": (faults.access_forbidden(), Refusal.ACCESS_FORBIDDEN),
    "403 AccountResourceUnavailable": (
        faults.resource_unavailable("transactions"),
        Refusal.RESOURCE_UNAVAILABLE,
    ),
    "404 account": (faults.account_not_found(ACCOUNT), Refusal.ACCOUNT_UNKNOWN),
    "404 not found": (faults.not_found(), Refusal.NOT_FOUND),
    "409 suspended": (faults.account_suspended(), Refusal.ACCOUNT_SUSPENDED),
    "409 SUSPENDED": (faults.account_state(ACCOUNT, "SUSPENDED"), Refusal.ACCOUNT_SUSPENDED),
    "409 EXPIRED": (faults.account_state(ACCOUNT, "EXPIRED"), Refusal.CONSENT_EXPIRED),
    "409 PROCESSING": (faults.account_state(ACCOUNT, "PROCESSING"), Refusal.ACCOUNT_NOT_READY),
    "409 DISCOVERED": (faults.account_state(ACCOUNT, "DISCOVERED"), Refusal.ACCOUNT_NOT_READY),
    "409 ERROR": (faults.account_state(ACCOUNT, "ERROR"), Refusal.ACCOUNT_IN_ERROR),
    "429 a day": (
        faults.rate_limit(seconds=7200, limit="4/day", headers=False),
        Refusal.ACCOUNT_LIMIT,
    ),
    "429 RateLimitError": (faults.bank_rate_limit(), Refusal.BANK_LIMIT),
    "429 RateLimitError, no headers": (faults.bank_rate_limit(reset=None), Refusal.BANK_LIMIT),
    "500 UnknownRequestError": (faults.unknown_request_error(), Refusal.BANK_ERROR),
    "503 ServiceError": (faults.service_unavailable(), Refusal.BANK_DOWN),
    "503 ConnectionError": (faults.connection_error(), Refusal.BANK_UNREACHABLE),
    "502": (faults.undocumented(502), Refusal.SERVER_ERROR),
    "504": (faults.undocumented(504), Refusal.SERVER_ERROR),
}


@pytest.fixture
def sandbox(frozen: str) -> Iterator[Sandbox]:
    """One that allows any number of calls a day: they are counted here."""
    with running(seed=7, now=frozen, daily_limit=1000) as sandbox:
        yield sandbox


def pull(world: World, run_id: str) -> StepOutcome:
    today = Window(clock.today(), clock.today())
    return gocardless.pull_transactions(world.run(run_id), today)


def account_ids(world: World) -> list[str]:
    with world.sessions() as session:
        found = session.scalars(sa.select(BankAccount.provider_account_id))
        return sorted(str(each) for each in found)


def asked(world: World, account: str) -> int:
    path = f"/api/v2/accounts/{account}/transactions/"
    return sum(request["path"] == path for request in world.sandbox.requests())


def forget(world: World) -> None:
    """Let every account be as it was before anything was refused or counted."""
    world.sandbox.clear_faults()
    world.sandbox.clear_requests()
    with world.sessions.begin() as session:
        session.execute(sa.delete(RateLimit))
        session.execute(sa.update(BankAccount).values(failures=0, failing=None, failed_at=None))
        session.execute(sa.update(Connection).values(status="active", status_reason=None))


def of(step: StepOutcome, account: str) -> AccountOutcome:
    (outcome,) = (each for each in step.accounts if each.key == account)
    return outcome


def test_each_refusal_is_followed_by_what_its_policy_says(world: World) -> None:
    sync(world.run("run-0"))
    victim, *siblings = account_ids(world)
    path = f"/accounts/{victim}/transactions"
    for row, (fault, refusal) in ROWS.items():
        forget(world)
        policy = POLICIES[refusal]
        # A token that is refused twice; all others are refused once.
        times = 2 if refusal is Refusal.ACCESS_STALE else 1
        world.sandbox.inject(replace(fault, path=path, times=times))

        first = pull(world, f"first {row}")
        calls = asked(world, victim)
        second = pull(world, f"second {row}")

        refused = of(first, victim)
        left_out = policy.verdict is Verdict.LEFT_OUT
        expected = Status.DEFERRED if policy.verdict is Verdict.DEFERRED else Status.FAILED
        assert refused.status is expected, row
        assert calls == times, row
        assert [of(first, each).status for each in siblings] == [Status.COMPLETED] * 4, row
        rests = policy.rest != dt.timedelta() or policy.until_told
        assert asked(world, victim) - calls == (0 if rests else 1), row
        is_over = not rests or policy.is_final
        assert (of(second, victim).status is Status.COMPLETED) is is_over, row
        if rests and not left_out and not policy.is_final:
            assert of(second, victim).status is expected, row
        with world.sessions() as session:
            known = session.scalars(
                sa.select(RateLimit.refusal)
                .join(BankAccount, BankAccount.id == RateLimit.bank_account_id)
                .where(
                    BankAccount.provider_account_id == victim, RateLimit.resource == "transactions"
                )
            ).one()
            failures = session.scalars(
                sa.select(BankAccount.failures).where(BankAccount.provider_account_id == victim)
            ).one()
            expired = session.scalars(
                sa.select(sa.func.count())
                .select_from(Connection)
                .where(Connection.status == ConnectionStatus.EXPIRED)
            ).one()
        assert known == (refusal.value if rests else None), row
        # The second pull was answered where it was made, which ends the row.
        assert failures == int(policy.counts and rests), row
        # Access may be lost to one account alone.
        is_over = refusal in {Refusal.CONSENT_EXPIRED, Refusal.NO_CONSENT}
        assert expired == int(is_over), row


def test_what_is_deferred_says_when_it_can_run(world: World) -> None:
    sync(world.run("run-0"))
    victim = account_ids(world)[0]
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    for fault, resumes_at in (
        (faults.bank_rate_limit(reset=3600), now + dt.timedelta(hours=1)),
        (faults.bank_rate_limit(reset=-5), now),
        (faults.bank_rate_limit(reset=None), midnight),
        (
            faults.rate_limit(seconds=7200, limit="4/day", headers=False),
            now + dt.timedelta(hours=2),
        ),
        (faults.service_unavailable(), now + dt.timedelta(hours=2)),
        (faults.account_state(ACCOUNT, "PROCESSING"), now + dt.timedelta(hours=1)),
    ):
        forget(world)
        world.sandbox.inject(replace(fault, path=f"/accounts/{victim}/transactions"))

        outcome = of(pull(world, "run-1"), victim)

        assert outcome.status is Status.DEFERRED
        assert outcome.resumes_at == resumes_at

    # Without headers nobody but us counts.
    forget(world)
    body: dict[str, Any] = {"transactions": {"booked": [], "pending": []}}
    world.sandbox.inject(Fault(path=f"/accounts/{victim}/", status=200, json=body, times=9))
    outcomes = [of(pull(world, f"run-{number}"), victim) for number in range(6)]
    assert [each.status.value for each in outcomes] == ["completed"] * 4 + ["deferred"] * 2
    assert outcomes[-1].resumes_at == midnight
    assert asked(world, victim) == 4


def test_what_a_bank_does_not_have_is_left_out_and_the_rest_is_read(world: World) -> None:
    sync(world.run("run-0"))
    forget(world)
    world.sandbox.inject(faults.resource_unavailable("balances", times=5))

    first = gocardless.pull_balances(world.run("run-1"))
    history = pull(world, "run-1")
    world.sandbox.clear_requests()
    second = gocardless.pull_balances(world.run("run-2"))

    assert {each.status for each in first.accounts} == {Status.COMPLETED}
    assert all("does not offer" in str(each.reason) for each in first.accounts)
    assert history.unfinished == ()
    assert all("does not offer" in str(each.reason) for each in second.accounts)
    assert world.sandbox.requests() == []


def test_whoever_fails_touches_no_other(world: World) -> None:
    sync(world.run("run-0"))
    everybody = account_ids(world)
    chance = random.Random(18)  # noqa: S311
    for failing in range(1, len(everybody)):
        forget(world)
        victims = chance.sample(everybody, failing)
        for victim in victims:
            fault = chance.choice([fault for fault, _ in ROWS.values()])
            path = f"/accounts/{victim}/transactions"
            world.sandbox.inject(replace(fault, path=path, times=2))
        with world.sessions.begin() as session:
            session.execute(sa.update(BankAccount).values(transactions_through=None))

        step = pull(world, f"run-{failing}")

        unfinished = {each.key for each in step.unfinished}
        assert unfinished == set(victims)
        with world.sessions() as session:
            read = session.scalars(
                sa.select(BankAccount.provider_account_id).where(
                    BankAccount.transactions_through == clock.today()
                )
            )
            assert {str(each) for each in read} == set(everybody) - unfinished


def test_every_refusal_has_a_policy_and_a_way_to_be_made() -> None:
    made = {refusal for _, refusal in ROWS.values()}
    elsewhere = {
        # Of the client's own calls, or of none that is documented.
        Refusal.SECRETS_REFUSED,
        Refusal.NOT_AUTHORISED,
        Refusal.DENIED,
        Refusal.PAYMENT_REQUIRED,
        Refusal.GENERAL_LIMIT,
        Refusal.PERIOD_REFUSED,
        Refusal.UNEXPECTED,
    }
    assert set(POLICIES) == set(Refusal)
    assert made | elsewhere == set(Refusal)
    assert {policy.reach for policy in POLICIES.values()} == set(Reach)


def test_the_table_of_the_documentation_is_that_of_the_code() -> None:
    text = (PROJECT_ROOT / "docs/operating.md").read_text(encoding="utf-8")
    # The broker's refusals have some of the same names, and a table of their own.
    _, _, after = text.partition("(`providers/gocardless/policies.py`)")
    table, _, _ = after.strip(":\n ").partition("\n\n")
    lines = table.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    told = {row[0].strip("`"): row[2:] for row in rows if row[0].strip("`") in set(Refusal)}
    reaches = {Reach.RESOURCE: "kind of data", Reach.ACCOUNT: "account", Reach.COMPANY: "company"}
    rests = {DAY * 7: "7 days", HOUR: "1 hour", 2 * HOUR: "2 hours", 6 * HOUR: "6 hours"}

    def described(policy: Policy) -> list[str]:
        if policy.until_told:
            rest = f"{reaches[policy.reach]}, until it is told"
        elif policy.rest is None:
            rest = f"{reaches[policy.reach]}, until a new consent"
        elif policy.rest:
            rest = f"{reaches[policy.reach]}, {rests[policy.rest]}"
        else:
            rest = "next sync"
        verdict = policy.verdict.value.replace("_", " ")
        outcome = f"{verdict} once, then left out" if policy.is_final else verdict
        return [outcome, rest, "yes" if policy.counts else ""]

    assert told == {refusal.value: described(policy) for refusal, policy in POLICIES.items()}
