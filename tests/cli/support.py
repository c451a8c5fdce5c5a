"""Run the command, here or as a process of its own."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from cli.main import main
from postgres.common.models import Account, Transaction
from postgres.common.operations import balances

FARTHING = str(Path(sys.executable).parent / "farthing")
HISTORY_DAYS = 730
"""As far as both banks of the sandbox go back."""

Row = tuple[str, Decimal, str]

PREFIXES = ("FARTHING_", "GOCARDLESS_", "TRADING212_", "DAGSTER_")


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


def farthing(*arguments: str) -> Result:
    """Run a command in this process, without a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    return Result(code, out.getvalue(), err.getvalue())


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a process in which nothing of ours is set but this."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(PREFIXES)}
    return {**kept, **variables}


def process(*arguments: str, **variables: str) -> Result:
    """Run the installed command."""
    done = subprocess.run(
        [FARTHING, *arguments],
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def booked_rows(sessions: sessionmaker[Session]) -> dict[tuple[str, str], Counter[Row]]:
    """Return the booked rows of the ledger's bank accounts, by number and currency."""
    query = (
        sa.select(Account, Transaction)
        .join(Transaction, Transaction.account_id == Account.id)
        .where(Transaction.status == "booked", Account.account_type == "bank")
    )
    rows: dict[tuple[str, str], Counter[Row]] = {}
    with sessions() as session:
        for account, row in session.execute(query):
            key = (account.account_number, account.currency)
            found = (str(row.booking_date), row.amount, row.currency)
            rows.setdefault(key, Counter())[found] += 1
    return rows


def true_rows(truth: Any, institutions: Sequence[str]) -> dict[tuple[str, str], Counter[Row]]:
    """Return what really happened on the accounts of some banks, as far back as they tell."""
    today = dt.datetime.fromisoformat(truth["now"]).date()
    first = str(today - dt.timedelta(days=HISTORY_DAYS))
    return {
        (account["iban"] or account["masked_pan"], account["currency"]): Counter(
            (row["booking_date"], Decimal(row["amount"]), row["currency"])
            for row in account["booked"]
            if row["booking_date"] >= first
        )
        for account in truth["bank_accounts"]
        if account["institution_id"] in institutions
    }


def broker_cash(sessions: sessionmaker[Session]) -> list[Decimal]:
    """Return what each fill, dividend or movement did to the broker's cash, fees included."""
    query = (
        sa.select(sa.func.sum(Transaction.amount))
        .join(Account, Account.id == Transaction.account_id)
        .where(Account.account_type == "investment")
        .group_by(Transaction.raw_id)
    )
    with sessions() as session:
        return sorted(session.scalars(query))


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What the ledger said when it was looked at.

    :param drifts: what reported balances are more than the sums of their rows.
    """

    booked: dict[tuple[str, str], Counter[Row]]
    broker_cash: list[Decimal]
    drifts: set[Decimal | None]

    @classmethod
    def of(cls, sessions: sessionmaker[Session]) -> LedgerState:
        """Look at a ledger."""
        with sessions() as session:
            drifts = {each.drift for each in balances.reconcile(session)}
        return cls(booked_rows(sessions), broker_cash(sessions), drifts)


def assert_true(ledger: LedgerState, truth: Any, institutions: Sequence[str]) -> None:
    """Compare a ledger with what really happened, to the row and cent."""
    assert ledger.booked == true_rows(truth, institutions)
    (broker,) = truth["broker_accounts"]
    # A split is a fill and moves no cash.
    moved = [amount for row in broker["cash"] if (amount := Decimal(row["amount"]))]
    assert ledger.broker_cash == sorted(moved)
    assert ledger.drifts == {Decimal(0)}
