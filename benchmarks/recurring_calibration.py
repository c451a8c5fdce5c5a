"""Fit how sure a recurring series is on series whose truth is known, and say how well that holds.

Usage: python -m benchmarks.recurring_calibration --data TRANSACTIONS.csv LABELS.csv [--data ...]
[--months 0 8 16] [--write]

Each file is read as of its end and as of some months before, since young series are the doubtful
ones. The evidence is that of the models, the truth that of :mod:`benchmarks.recurring_score`. The
table says of the series of each confidence how many are right, by weights that were fitted on other
accounts. With --write the weights fitted on all of them become the seed of the dbt project.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg

from benchmarks import recurring_ledger
from benchmarks.recurring_files import (
    FileError,
    Label,
    Transaction,
    read_labels,
    read_transactions,
)
from benchmarks.recurring_odds import (
    Example,
    calibration_error,
    fit,
    held_out,
    reliability,
)
from benchmarks.recurring_score import judge
from dagster_project.lib.manifest import DBT_PROJECT

SEED = DBT_PROJECT / "seeds" / "recurring_calibration.csv"
_MONTH = dt.timedelta(days=30)


def main() -> int:
    """Fit, tell, and write if that is wanted; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.recurring_calibration")
    parser.add_argument("--data", nargs=2, type=Path, action="append", required=True)
    parser.add_argument("--months", nargs="*", type=int, default=[0, 8, 16])
    parser.add_argument("--write", action="store_true", help="write the seed of the dbt project")
    options = parser.parse_args()
    try:
        examples = [
            example
            for transactions, labels in options.data
            for example in examples_of(
                read_transactions(transactions), read_labels(labels), options.months
            )
        ]
    except FileError as error:
        print(error, file=sys.stderr)
        return 2
    tell(examples)
    if options.write:
        write(fit(examples))
    return 0


def examples_of(
    transactions: Sequence[Transaction], labels: Sequence[Label], months: Sequence[int]
) -> list[Example]:
    """Return what the models find in a file as of several days, and whether it is right.

    :param months: how long before the end of the file each day is.
    """
    end = max(row.booking_date for row in transactions)
    days = [end - number * _MONTH for number in months]
    rows, truth = [], []
    for day in days:
        known = [row for row in transactions if row.booking_date <= day]
        rows += [
            replace(
                row,
                account_id=f"{day} {row.account_id}",
                transaction_id=f"{day} {row.transaction_id}",
            )
            for row in known
        ]
        ids = {row.transaction_id for row in known}
        truth += [
            replace(
                label,
                transaction_id=f"{day} {label.transaction_id}",
                series_id=f"{day} {label.series_id}",
            )
            for label in labels
            if label.transaction_id in ids
        ]
    with (
        recurring_ledger.scratch_database() as url,
        tempfile.TemporaryDirectory(prefix="farthing-dbt-") as work,
    ):
        recurring_ledger.load(url, rows)
        recurring_ledger.analyse(url, end, work=Path(work))
        is_right = judge(truth, recurring_ledger.predictions(url))
        return [
            Example(account.partition(" ")[2], evidence, is_right[key])
            for key, account, evidence in _evidence(url)
            if key in is_right
        ]


def tell(examples: Sequence[Example]) -> None:
    """Print how often series are right by how sure they are said to be."""
    bins = reliability(held_out(examples))
    print("confidence    series   said  right")
    for one in bins:
        print(f"{one.low:.2f} to {one.high:.2f} {one.count:8} {one.said:6.3f} {one.right:6.3f}")
    print(f"mean error {calibration_error(bins):.4f} over {len(examples)} series")


def write(weights: dict[str, float]) -> None:
    """Make the weights those of the dbt project."""
    with SEED.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("term", "weight"))
        writer.writerows((term, f"{weights[term]:.4f}") for term in sorted(weights))


def _evidence(url: str) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield the key, the account and the evidence of each series."""
    evidence: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            select patterns.pattern_key, accounts.account_number, evidence.term, evidence.value
            from intermediate.int_recurring_evidence as evidence
            inner join marts.fct_recurring_patterns as patterns
                on evidence.pattern_key = patterns.pattern_key
            inner join common.accounts on patterns.account_id = accounts.id
            order by patterns.pattern_key, evidence.term
            """
        ).fetchall()
    for key, account, term, value in rows:
        evidence[key, account][term] = value
    for (key, account), terms in evidence.items():
        yield key, account, terms


if __name__ == "__main__":
    sys.exit(main())
