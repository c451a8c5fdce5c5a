"""Banks made up at random, read at random times over random days: nothing lost, nothing twice.

``FARTHING_WORLDS`` says how many; `make reliability` reads ten thousand. A seed that fails is
printed, and belongs into ``REGRESSIONS`` once it is understood.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from ingestion.replay import replay
from ingestion.run import Run
from postgres.identity.history import Answer
from tests.ingestion.bank import Bank, make_bank
from tests.postgres.bank_world import BANKS, START, BankWorld, Shown

WORLDS = int(os.environ.get("FARTHING_WORLDS", "100"))
REGRESSIONS: tuple[int, ...] = ()
ALL = START - dt.timedelta(days=90)
END = START + dt.timedelta(days=60)


def payload(row: Shown) -> dict[str, Any]:
    """Return a row as the API gives it, its amount as banks write one."""
    side = "creditorName" if row.amount < 0 else "debtorName"
    ids = {"internalTransactionId": row.internal_id} if row.internal_id else {}
    return {
        "transactionAmount": {"amount": str(row.amount), "currency": "GBP"},
        "bookingDate": str(row.day),
        side: row.text,
        **ids,
    }


def read(bank: Bank, world: BankWorld, today: dt.date, since: dt.date) -> None:
    shown = world.show(today, Answer(since))
    bank.answer(
        *(payload(row) for row in shown if not row.is_pending),
        pending=[payload(row) for row in shown if row.is_pending],
        today=today,
        since=since,
    )


def live_through(bank: Bank, seed: int) -> BankWorld:
    chance = random.Random(seed)  # noqa: S311
    habits = BANKS[chance.choice(sorted(BANKS))]
    world = BankWorld(seed, habits)
    today = START
    while today <= END:
        is_whole = today == START or chance.random() < 0.15
        read(bank, world, today, ALL if is_whole else today - dt.timedelta(days=14))
        if chance.random() < 0.05:
            bank = bank.reconnect()
        today += dt.timedelta(days=chance.choice((1, 2, 3, 5, 8)))
    read(bank, world, END + dt.timedelta(days=10), ALL)
    return world


def booked(bank: Bank) -> Counter[tuple[Decimal, dt.date | None, str]]:
    return Counter(
        (row.amount, row.booking_date, row.currency)
        for row in bank.rows()
        if row.status.value == "booked"
    )


@pytest.mark.slow
def test_the_ledger_is_what_truly_happened(sessions: sessionmaker[Session], run: Run) -> None:
    for seed in (*REGRESSIONS, *range(WORLDS)):
        bank = make_bank(sessions)

        world = live_through(bank, seed)

        true = Counter((p.amount, p.row(world.habits)[1], "GBP") for p in world.booked(dt.date.max))
        assert booked(bank) == true, f"seed {seed}"
        if seed % 10 == 0:
            before = sorted((str(row.id), row.status.value) for row in bank.rows())
            replay(run, account_id=bank.account.account_id)
            after = sorted((str(row.id), row.status.value) for row in bank.rows())
            assert after == before, f"seed {seed}"
