"""How long the analysis of recurring payments takes, in full and after a few accounts changed.

Usage: python -m benchmarks.recurring_speed [--rows 100000 300000 1000000] [--explain]

Users have 2,000 payments each, of the made-up households of :mod:`benchmarks.recurring_worlds`,
over and over. What counts is the time from the first model's start to the last one's end; dbt's own
start is not in it. With --explain the plan of the slowest model of the largest case is printed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
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
    select id from common.accounts order by md5(id::text) limit %s
)
update common.transactions
set amount = amount * 1.01
from changed
where transactions.account_id = changed.id and transactions.booking_date > %s
"""


def main() -> None:
    """Time each case and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.recurring_speed")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--explain", action="store_true")
    options = parser.parse_args()
    households = make_rows(40, seed=5)
    print("     rows  users   full   per n log n   nothing changed   1 % changed, of full")
    first = 0.0
    for rows in sorted(options.rows):
        with (
            recurring_ledger.scratch_database() as url,
            tempfile.TemporaryDirectory(prefix="farthing-dbt-") as work,
        ):
            users = rows // PER_USER
            recurring_ledger.load(url, statements(households, users))
            full, slowest = timed(url, Path(work))
            first = first or full / (rows * math.log(rows))
            nothing, _ = timed(url, Path(work))
            with psycopg.connect(url) as connection:
                connection.execute(_CHANGE, (max(1, users // 100), _LAST - dt.timedelta(days=30)))
            changed, _ = timed(url, Path(work))
            print(
                f"{rows:9} {users:6} {full:6.1f} {full / (rows * math.log(rows)) / first:13.2f}"
                f" {nothing:17.1f} {changed:13.1f} {(changed - nothing) / full:8.1%}"
            )
            print("          " + ", ".join(f"{name} {took:.1f}" for name, took in slowest))
            if options.explain and rows == max(options.rows):
                explain(url, Path(work), slowest[0][0])


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
    """Print how the database goes about a model."""
    compiled = next((work / "target" / "run").rglob(f"{model}.sql")).read_text()
    select = compiled[compiled.index("as\n") + 3 :] if "as\n" in compiled else compiled
    with psycopg.connect(url) as connection:
        rows: Any = connection.execute(
            sql.SQL("explain (analyze, costs off, timing off, summary on) ")
            + sql.SQL(select.strip().rstrip(";").strip().strip("()"))
        )
        for (line,) in rows:
            print(line)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
