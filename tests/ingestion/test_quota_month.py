"""A month of three users and 21 accounts at banks that allow four calls a day, two, or one.

Schedules, people and failures call at once, over HTTP, with the clock of the ledger and that of the
sandbox moved together. What was asked is read from the sandbox's own record.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import connect, gocardless
from ingestion.gocardless import planner, quota, targets
from ingestion.gocardless.planner import Standing
from ingestion.run import AccountOutcome, Run, Status, Window
from postgres.auth.operations import users
from postgres.common.models import Connection, Deferral
from sandbox import faults
from sandbox.accounts import HARBOUR, NORTHGATE, TEST_BANK
from sandbox.faults import Fault
from sandbox.server import Sandbox, running

pytestmark = pytest.mark.slow

DAYS, SEED = 30, 16
START = dt.datetime(2026, 3, 15, 0, 30, tzinfo=dt.UTC)
SCHEDULE = [dt.timedelta(hours=hour, minutes=17) for hour in (1, 7, 13, 19)]
LIMITS = {NORTHGATE: 4, HARBOUR: 2, TEST_BANK: 1}
ONE_DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
DATA = re.compile(r"/accounts/([0-9a-f-]+)/(balances|transactions)/?$")

Place = tuple[str, str]
"""GoCardless's id of an account, and what it is asked for."""


@dataclass
class Month:
    """What the month is lived with, and what was seen of it."""

    sandbox: Sandbox
    sessions: sessionmaker[Session]
    run: Run
    monkeypatch: pytest.MonkeyPatch
    chance: random.Random
    now: dt.datetime = START
    calls: dict[Place, list[tuple[dt.datetime, int | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    limits: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    stalest: dt.timedelta = dt.timedelta()
    predictions: int = 0
    resumed: int = 0
    deferred: dict[Place, dt.datetime] = field(default_factory=dict)

    def go_to(self, now: dt.datetime) -> None:
        self.now = now
        self.monkeypatch.setenv("FARTHING_NOW", now.isoformat())
        self.sandbox.set_now(now.isoformat())

    def sync(self, **options: object) -> None:
        """Read transactions and balances as a run does, and look at what was asked and said."""
        self.sandbox.clear_requests()
        run = replace(self.run, run_id=f"run-{self.now:%d-%H%M%S}", **options)  # type: ignore[arg-type]
        today = Window(clock.today(), clock.today())
        steps = [gocardless.pull_transactions(run, today), gocardless.pull_balances(run)]
        for request in self.sandbox.requests():
            if found := DATA.search(request["path"]):
                account, resource = found.groups()
                self.calls[account, resource].append((self.now, request["status"]))
        for step in steps:
            for outcome in step.accounts:
                self._look_at(outcome, (outcome.key, step.table.partition(".")[2]))

    def _look_at(self, outcome: AccountOutcome, place: Place) -> None:
        was_due = self.deferred.pop(place, None)
        asked = bool(self.calls[place]) and self.calls[place][-1][0] == self.now
        if was_due is not None and asked:
            assert was_due <= self.now <= was_due + MINUTE, place
            self.resumed += 1
        if outcome.status is Status.DEFERRED:
            assert outcome.resumes_at is not None, outcome
            assert outcome.resumes_at > self.now, outcome
            self.deferred[place] = outcome.resumes_at

    def foretell(self) -> None:
        """Compare every next call that ``farthing status`` would name with the truth."""
        with self.sessions() as session:
            found = quota.standings(session, targets.accounts(self.run))
        for account, standing in found:
            place = account.key, standing.resource
            if standing.resource == "details" or place not in self.calls:
                continue
            self._look_how_fresh(place, standing)
            held = planner.held_back(standing, self.now)
            if held is not None and "daily" not in held.reason:
                continue  # left alone by a policy, not by the quota
            said = self.now if held is None else held.resumes_at
            assert said is not None
            assert abs(said - self._possible(place)) <= MINUTE, (place, standing)
            self.predictions += 1

    def _look_how_fresh(self, place: Place, standing: Standing) -> None:
        """See that no day passes without a read, unless its bank was asked and did not answer."""
        if standing.read_at is None:
            assert {status for _, status in self.calls[place]} != {200}, place
            return
        age = self.now - standing.read_at
        tried = any(at > standing.read_at for at, _ in self.calls[place])
        assert age <= ONE_DAY or tried, (place, standing)
        if place[0] not in self.broken:
            self.stalest = max(self.stalest, age)

    def _possible(self, place: Place) -> dt.datetime:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        today = [status for at, status in self.calls[place] if at >= midnight]
        is_spent = len(today) >= self.limits[place[0]] or 429 in today
        return midnight + ONE_DAY if is_spent else self.now

    def due(self) -> dt.datetime:
        """Return when the sensor next finds something to do; it looks once a minute."""
        with self.sessions() as session:
            first = session.scalar(sa.select(sa.func.min(Deferral.resumes_at)))
        return first or dt.datetime.max.replace(tzinfo=dt.UTC)

    def fail_somewhere(self) -> None:
        """Let some bank fail in some way, for this run and this account alone."""
        account = self.chance.choice(sorted(self.limits))
        fault = self.chance.choice(
            (
                faults.unknown_request_error(),
                faults.connection_error(),
                faults.service_unavailable(),
                faults.bank_rate_limit(reset=None),
                faults.account_state(account, "PROCESSING"),
                Fault(status=502, text=""),
            )
        )
        if self.chance.random() < 0.03:
            fault = Fault(action=self.chance.choice(("reset", "truncate")))
        resource = self.chance.choice(("transactions", "balances"))
        path = f"/accounts/{account}/{resource}"
        times = self.chance.choice((1, 1, 2))
        self.sandbox.inject(replace(fault, method="GET", path=path, times=times))


@pytest.fixture
def month(
    database_url: str,
    sessions: sessionmaker[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Month]:
    monkeypatch.setenv("FARTHING_NOW", START.isoformat())
    with running(
        seed=7, now=START.isoformat(), start=START.date() - ONE_DAY, bank_limits=LIMITS
    ) as sandbox:
        for variable, value in {
            "FARTHING_HOME": str(tmp_path),
            "FARTHING_DATABASE_URL": database_url,
            "GOCARDLESS_BASE_URL": sandbox.gocardless_url,
            "GOCARDLESS_SECRET_ID": sandbox.secret_id,
            "GOCARDLESS_SECRET_KEY": sandbox.secret_key,
        }.items():
            monkeypatch.setenv(variable, value)
        settings = Settings.load()
        run = Run("run-0", sessions, settings, SecretBox.from_settings(settings))
        lived = Month(sandbox, sessions, run, monkeypatch, random.Random(SEED))  # noqa: S311
        for holder, name in enumerate(("ann", "bob", "cleo")):
            with sessions.begin() as session:
                user_id = users.create_user(session, name, "correct horse").id
            for bank in LIMITS:
                consent = connect.begin_consent(run, user_id, bank, redirect="http://127.0.0.1/")
                sandbox.approve(consent.link, holder=holder)
                assert connect.is_linked(run, user_id, consent.requisition_id)
        gocardless.pull_requisitions(run)
        gocardless.pull_bank_accounts(run)
        lived.limits = {a.key: LIMITS[a.institution_id] for a in targets.accounts(run)}
        yield lived


def assert_within_quota(month: Month, place: Place) -> None:
    """Whatever was sent counts, also what failed; and the day is any of its bank's."""
    by_day: dict[dt.date, int] = defaultdict(int)
    for at, _ in month.calls[place]:
        by_day[at.date()] += 1
    # Before its first answer nobody knows that a bank allows fewer than four.
    later = [count for day, count in sorted(by_day.items())][1:]
    assert max(by_day.values()) <= planner.MOST_CALLS, place
    assert max(later, default=0) <= month.limits[place[0]], place


def longest_row_of_failures(month: Month, account: str) -> int:
    """Return how many calls in a row failed in a way that leads to suspension."""
    calls = sorted(
        (at, resource != "transactions", number, status)
        for (owner, resource), calls in month.calls.items()
        if owner == account
        for number, (at, status) in enumerate(calls)
    )
    longest = row = 0
    for *_, status in calls:
        row = row + 1 if status == 500 else 0 if status == 200 else row
        longest = max(longest, row)
    return longest


def test_a_month_within_the_quota_with_every_account_fresh(month: Month) -> None:
    assert len(month.limits) == 21
    with month.sessions() as session:
        connections = session.scalars(sa.select(Connection.id).order_by(Connection.id)).all()
    hopeless = sorted(month.limits)[0]
    failing = faults.unknown_request_error(account=hopeless, times=10_000)
    month.broken.add(hopeless)
    month.sandbox.inject(replace(failing, path=f"/accounts/{hopeless}/(balances|transactions)"))
    midnight = START.replace(hour=0, minute=0)
    planned = [midnight + day * ONE_DAY + at for day in range(DAYS) for at in SCHEDULE]
    by_hand = [START + month.chance.random() * DAYS * ONE_DAY for _ in range(DAYS)]
    events = sorted([(at, True) for at in planned] + [(at, False) for at in by_hand])

    while events:
        at, is_planned = events[0]
        if (due := month.due()) <= at:
            month.go_to(max(due, month.now))
            month.sync(deferred_until=month.now, is_planned=True)
        else:
            del events[0]
            month.go_to(at)
            if month.chance.random() < 0.5:
                month.fail_somewhere()
            chosen = None if is_planned else month.chance.choice(connections)
            month.sync(is_planned=is_planned, connection_id=chosen)
        month.foretell()

    for place in month.calls:
        assert_within_quota(month, place)
    rows = {account: longest_row_of_failures(month, account) for account in month.limits}
    assert planner.MOST_FAILURES < rows.pop(hopeless) < planner.GIVEN_UP
    assert max(rows.values()) <= planner.MOST_FAILURES
    assert not any(account.is_suspended for account in targets.accounts(month.run))
    assert month.predictions > 5000
    assert month.resumed > 100
    # So long only where a bank that allows one call a day did not answer that one.
    assert month.stalest < 5 * ONE_DAY
