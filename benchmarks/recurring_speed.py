"""How long the analysis of recurring payments takes, in full and after a few accounts changed.

Usage: python -m benchmarks.recurring_speed [--rows 100000 300000 1000000] [--rounds 3] [--explain]

Users have 2,000 payments each, of the made-up households of :mod:`benchmarks.recurring_worlds`,
over and over; each size has a scratch database of its own. What counts is the time from the first
model's start to the last one's end; dbt's own start is not in it. An increment is the median of a
few rounds, each with other accounts changed, one in a hundred; all that it does counts.

How cost grows is said twice: as the exponent of the rows since the size before, and as the cost per
n log n against that of the smallest size. With --explain the plan of the slowest model of the
largest size is printed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks import recurring_ledger
from benchmarks.recurring_files import Transaction
from benchmarks.recurring_worlds import DAYS, FIRST, Row, make_rows

MODELS = "+int_recurring_analysed"
PER_USER = 2_000
_LAST = FIRST + dt.timedelta(days=DAYS)
_CHANGE = """
with changed as (
    select id from common.accounts order by md5(id::text || %s) limit %s
)
update common.transactions
set amount = amount * 1.01
from changed
where transactions.account_id = changed.id and transactions.booking_date > %s
"""


def main() -> None:
    """Time each size and print a line of it."""
    parser = argparse.ArgumentParser(prog="benchmarks.recurring_speed")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--explain", action="store_true")
    options = parser.parse_args()
    households = make_rows(40, seed=5)
    print("    rows  users    full  exponent  per n log n  nothing  1 % changed  of full  load")
    measured: list[tuple[int, float]] = []
    for size in sorted(options.rows):
        users = size // PER_USER
        with (
            recurring_ledger.scratch_database() as url,
            tempfile.TemporaryDirectory(prefix="farthing-dbt-") as made,
        ):
            work = Path(made)
            recurring_ledger.load(url, statements(households, users))
            rows = _count(url)
            full, slowest = timed(url, work)
            if options.explain and size == max(options.rows):
                explain(url, work, slowest[0][0])
            nothing = statistics.median(timed(url, work)[0] for _ in range(options.rounds))
            changed = statistics.median(_increments(url, work, users, options.rounds))
        measured.append((rows, full))
        print(
            f"{rows:8} {users:6} {full:7.1f} {_exponent(measured):>9}"
            f" {_per_n_log_n(*measured[-1]) / _per_n_log_n(*measured[0]):12.2f} {nothing:8.1f}"
            f" {changed:12.1f} {changed / full:8.1%} {os.getloadavg()[0]:5.1f}"
        )
        print("         " + ", ".join(f"{name} {took:.1f}" for name, took in slowest), flush=True)


def statements(households: Sequence[Row], users: int) -> Iterator[Transaction]:
    """Yield the payments of so many users, in the order of users."""
    by_household: dict[str, list[Row]] = {}
    for row in households:
        by_household.setdefault(row.account_id, []).append(row)
    made = list(by_household.values())
    for user in range(users):
        for row in made[user % len(made)][:PER_USER]:
            yield Transaction(
                account_id=f"U{user}",
                transaction_id=f"U{user}-{row.transaction_id}",
                booking_date=row.booking_date,
                amount=row.amount,  # type: ignore[arg-type]
                currency=row.currency,
                counterparty=row.counterparty or None,
                description=row.description,
                status=row.status,
            )


def timed(url: str, work: Path) -> tuple[float, list[tuple[str, float]]]:
    """Return the seconds that the models take, and the five that take most of them."""
    results = list(recurring_ledger.analyse(url, _LAST, select=MODELS, work=work))
    spans = [
        (timing.started_at, timing.completed_at)
        for one in results
        for timing in one.timing
        if timing.name == "execute"
    ]
    took: list[tuple[str, float]] = sorted(
        ((one.node.name, one.execution_time) for one in results), key=lambda one: -one[1]
    )
    whole = max(end for _, end in spans) - min(start for start, _ in spans)
    return whole.total_seconds(), took[:5]


def explain(url: str, work: Path, model: str) -> None:
    """Print how the database goes about a model, while what it reads is of all accounts."""
    compiled = next((work / "target" / "compiled").rglob(f"{model}.sql")).read_text()
    with psycopg.connect(url) as connection:
        connection.execute("set work_mem = '96MB'")
        rows: Any = connection.execute(
            sql.SQL("explain (analyze, costs off, timing off, summary on) ") + sql.SQL(compiled)
        )
        for (line,) in rows:
            print(line)


def _increments(url: str, work: Path, users: int, rounds: int) -> Iterator[float]:
    for number in range(rounds):
        with psycopg.connect(url) as connection:
            since = _LAST - dt.timedelta(days=30)
            connection.execute(_CHANGE, (str(number), max(1, users // 100), since))
        yield timed(url, work)[0]


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from common.transactions").fetchone()
    return int(row[0]) if row else 0


def _per_n_log_n(rows: int, seconds: float) -> float:
    return seconds / (rows * math.log(rows))


def _exponent(measured: Sequence[tuple[int, float]]) -> str:
    """Return by which power of the rows the seconds grew since the size before."""
    if len(measured) < 2:
        return ""
    (rows_before, before), (rows, seconds) = measured[-2:]
    return f"{math.log(seconds / before) / math.log(rows / rows_before):.2f}"


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
