"""Towns of made-up banks, read over HTTP at random times and through random faults.

All of a town follows from its seed: the banks, their habits, the days of the pulls, and what goes
wrong at which call for which account.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest import mock

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ingestion import gocardless, ledger, planning
from ingestion.gocardless import targets
from ingestion.replay import replay
from ingestion.run import Run, StepOutcome, Window
from postgres.auth.models import ProviderLimit, User
from postgres.common.enums import TransactionStatus
from postgres.common.operations import quarantine
from postgres.common.operations.balances import reconcile
from postgres.gocardless.models import BankAccount, Requisition
from postgres.identity.threads import Answer
from providers.gocardless.client import GoCardlessClient
from tests.ingestion.bank import Bank, make_bank
from tests.ingestion.bank_server import FAULTS, BankServer, Days
from tests.postgres.bank_world import BANKS, START, BankWorld, Payment, Shown

Entry = tuple[Decimal, dt.date | None, str]

ACCOUNTS = 10
"""How many accounts a town has, each at a bank of its own: a world each."""
END = START + dt.timedelta(days=45)
CLEAN = END + dt.timedelta(days=10)
"""The day of the last sync, when all faults are over."""
REPLAY_EVERY = 3
"""Of how many accounts one is made again from its raw rows."""
OPENING = Decimal("812.40")
PATIENCE_S = 0.3
"""How long a call may take while there are faults."""

# Silence costs all of the patience, so there is less of it.
_FAULTS = [*sorted(FAULTS.keys() - {"silence"}) * 3, "silence"]


class Branch:
    """One account: the bank that it is at, how that writes its rows, and what goes wrong there."""

    def __init__(self, seed: str, bank: Bank) -> None:
        self.bank = bank
        self.today = START
        self.chance = random.Random(seed)  # noqa: S311
        self.habit = self.chance.choice(sorted(BANKS))
        self.world = BankWorld(self.chance.getrandbits(32), BANKS[self.habit])
        self.fault_rate = self.chance.choice((0, 0.1, 0.3, 0.6))
        self.places = self.chance.choice(("2", "1", "234"))
        self.ids = self.chance.choice(("none", "kept", "anew", "placeholder", "of the day"))
        self.dating = self.chance.choice(("day", "timestamp", "instant", "both"))

    @property
    def booked(self) -> list[Payment]:
        """What truly happened by now."""
        return self.world.booked(self.today)

    def tell(self, resource: str, days: Days) -> Any:
        """Return the body of an answer."""
        first, last = days
        if resource == "balances":
            amount = OPENING + sum(payment.amount for payment in self.booked)
            balance = {"amount": f"{amount:.2f}", "currency": "GBP"}
            return {"balances": [{"balanceAmount": balance, "balanceType": "interimBooked"}]}
        shown = self.world.show(self.today, Answer(first or dt.date.min, last))
        listed: dict[str, list[Any]] = {"booked": [], "pending": []}
        for row in shown:
            listed["pending" if row.is_pending else "booked"].append(self.payload(row))
        self.chance.shuffle(listed["booked"])
        return {"transactions": listed}

    def payload(self, row: Shown) -> dict[str, Any]:
        """Return a row as the API gives it, in the bank's own manner."""
        exact = max(-int(row.amount.normalize().as_tuple().exponent), 0)
        amount = f"{row.amount:.{max(int(self.chance.choice(self.places)), exact)}f}"
        bank_id = {
            "none": None,
            "kept": f"T{row.number}",
            "anew": f"T{self.chance.getrandbits(40)}",
            "placeholder": "NOTPROVIDED",
            "of the day": f"D{row.day}",
        }[self.ids]
        days = {
            "day": {"bookingDate": str(row.day)},
            "timestamp": {"bookingDate": f"{row.day}T00:00:00Z"},
            "instant": {
                "bookingDate": str(row.day),
                "bookingDateTime": f"{row.day}T10:15:00.1234567Z",
            },
            "both": {"bookingDate": str(row.day), "valueDate": str(row.day)},
        }[self.dating]
        fields = {
            "transactionAmount": {"amount": amount, "currency": "GBP"},
            "creditorName" if row.amount < 0 else "debtorName": row.text,
            "internalTransactionId": row.internal_id,
            "transactionId": bank_id,
            **days,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def draw(self, _: str) -> str | None:
        """Return what goes wrong at a call, if anything does."""
        if self.chance.random() >= self.fault_rate:
            return None
        return self.chance.choice(_FAULTS)


@dataclass(frozen=True)
class Household:
    """Where towns are read into: a database, the settings of a run, and the server of the banks."""

    sessions: sessionmaker[Session]
    run: Run
    server: BankServer


@dataclass(frozen=True, slots=True)
class Report:
    """How a town came out.

    :param wrong: what differs from the truth, a line each; none if nothing does.
    """

    seed: int
    worlds: int
    rows: int
    faults: Counter[str]
    wrong: tuple[str, ...]


def live_through(household: Household, seed: int) -> Report:
    """Let a town's banks do what banks do, read them, and compare the ledger with the truth."""
    chance = random.Random(seed)  # noqa: S311
    server = household.server
    server.done.clear()
    town = [Branch(f"{seed}:{n}", make_bank(household.sessions)) for n in range(ACCOUNTS)]
    for branch in town:
        _open(household, branch)
    wrong: list[str] = []
    today = START
    with _impatient():
        while today <= END:
            wants_balances = today == START or chance.random() < 0.4
            _read(household, town, today, _backfill(chance, today), balances=wants_balances)
            for branch in town:
                if branch.chance.random() < 0.05:
                    _reconnect(household, branch)
            days = chance.choice((1, 2, 4, 8, 11))
            _pass_limits(household)
            today += dt.timedelta(days=days)
    faults = Counter(server.done)
    server.faults.clear()
    _pass_limits(household)
    for step in _read(household, town, CLEAN):
        wrong += [f"{step.table}: {each.reason}" for each in step.unfinished]
    for number, branch in enumerate(town):
        found = _differences(household, branch, is_replayed=number % REPLAY_EVERY == 0)
        wrong += [f"account {number}: {line}" for line in found]
    rows = sum(len(branch.bank.rows()) for branch in town)
    with household.sessions.begin() as session:
        users = [branch.bank.account.user_id for branch in town]
        session.execute(sa.delete(User).where(User.id.in_(users)))
    return Report(seed, len(town), rows, faults, tuple(wrong))


def _read(
    household: Household,
    town: list[Branch],
    today: dt.date,
    window: Window | None = None,
    *,
    balances: bool = True,
) -> list[StepOutcome]:
    for branch in town:
        branch.today = today
    with mock.patch.dict(os.environ, {"FARTHING_NOW": f"{today}T09:00:00Z"}):
        window = window or planning.sync_window(household.run)
        steps = [gocardless.pull_balances(household.run)] if balances else []
        steps.append(gocardless.pull_transactions(household.run, window))
        if balances:
            steps.append(ledger.project_balance_snapshots(household.run))
        return [*steps, ledger.project_transactions(household.run)]


def _backfill(chance: random.Random, today: dt.date) -> Window | None:
    """Return days that are over, for some pulls; most read what is new."""
    if chance.random() > 0.1:
        return None
    first = START + dt.timedelta(days=chance.randrange(-10, 50))
    last = first + dt.timedelta(days=chance.randrange(1, 30))
    return Window(first, last) if last < today else None


def _differences(household: Household, branch: Branch, *, is_replayed: bool) -> Iterator[str]:
    """Yield in what the ledger is not the truth, and not what it is when it is made anew.

    :param is_replayed: whether the latter is looked at, too.
    """
    account = branch.bank.account
    with household.sessions() as session:
        aside = quarantine.list_quarantine(session, account.user_id).items
        checked = reconcile(session, user_id=account.user_id)
    true: Counter[Entry] = Counter(
        (p.amount, p.row(branch.world.habits)[1], "GBP") for p in branch.booked
    )
    found = Counter(
        (row.amount, row.booking_date, row.currency)
        for row in branch.bank.rows()
        if row.status is TransactionStatus.BOOKED
    )
    manner = f"{branch.habit}, ids {branch.ids}, dates {branch.dating}"
    if found != true:
        yield f"{manner}: lost {dict(true - found)}, too many {dict(found - true)}"
    for each in checked:
        if each.drift:
            yield f"{manner}: the balance is off by {each.drift}"
    for row in aside:
        if "may have become" not in row.reason:
            yield f"{manner}: set aside, {row.reason}"
    if not is_replayed:
        return
    before = _shape(branch)
    replay(household.run, account_id=account.account_id)
    if changed := set(_shape(branch)) ^ set(before):
        yield f"{manner}: another ledger is made of the same rows, {sorted(changed)}"


def _shape(branch: Branch) -> list[tuple[str, ...]]:
    columns = ("id", "status", "amount", "booking_date", "counterparty_name", "updated_at")
    return [tuple(str(getattr(row, name)) for name in columns) for row in branch.bank.rows()]


def _open(household: Household, branch: Branch) -> None:
    """Let the server answer for the account under the id that GoCardless calls it by."""
    with household.sessions() as session:
        raw = session.get_one(BankAccount, branch.bank.account.bank_account_id)
    household.server.tellers[str(raw.provider_account_id)] = branch.tell
    household.server.faults[str(raw.provider_account_id)] = branch.draw


def _reconnect(household: Household, branch: Branch) -> None:
    """Let another consent take the place of an account's, which calls the account by another id."""
    with household.sessions.begin() as session:
        before = session.get_one(BankAccount, branch.bank.account.bank_account_id)
        consent = session.get_one(Requisition, before.requisition_id)
        consent.removed_at = dt.datetime.now(dt.UTC)
    branch.bank = branch.bank.reconnect()
    _open(household, branch)


def _pass_limits(household: Household) -> None:
    """Let the real minutes pass for which all calls together are limited."""
    with household.sessions.begin() as session:
        session.execute(sa.delete(ProviderLimit))


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Let calls be given up soon, and repeated at once."""
    client = functools.partial(GoCardlessClient, deadline_s=PATIENCE_S, backoff_s=0.001)
    with mock.patch.object(targets, "GoCardlessClient", client):
        yield
