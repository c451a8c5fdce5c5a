"""How well recurring payments are found in a file of transactions, by the models themselves.

Usage: python -m benchmarks.recurring --transactions FILE.csv[.gz] --predictions OUT.csv[.gz]
[--labels LABELS.csv[.gz]] [--by-kind] [--online] [--every DAYS] [--accounts N]

With --online it is run as of many days, from what was booked until each, to see how soon series
are found and whether their next payments come when foretold; the predictions then have ``as_of``
and ``next_date`` as well. The format of the files is in :mod:`benchmarks.recurring_files`, what is
counted in :mod:`benchmarks.recurring_score`. A broken file ends it with one line and exit code 2.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

from benchmarks import recurring_ledger
from benchmarks.recurring_files import (
    FileError,
    read_labels,
    read_transactions,
    write_predictions,
)
from benchmarks.recurring_score import OnlineScore, Score, score, score_online
from farthing.errors import FarthingError


def main() -> int:
    """Predict, write, and score where labels are given; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.recurring", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--transactions", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--by-kind", action="store_true", help="also say what kinds were found")
    parser.add_argument("--online", action="store_true", help="predict as of many days")
    parser.add_argument("--every", type=int, default=7, help="days from one of them to the next")
    parser.add_argument("--accounts", type=int, default=12, help="how many accounts of the file")
    options = parser.parse_args()
    try:
        if options.online:
            run_online(options)
        else:
            run(options)
    except FileError as error:
        print(error, file=sys.stderr)
        return 2
    except FarthingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def run(options: argparse.Namespace) -> None:
    """Do what the options say.

    :raises FileError: if a file cannot be used.
    """
    transactions = read_transactions(options.transactions)
    labels = read_labels(options.labels) if options.labels else None
    with (
        recurring_ledger.scratch_database() as url,
        tempfile.TemporaryDirectory(prefix="farthing-dbt-") as work,
    ):
        recurring_ledger.load(url, transactions)
        as_of = max(row.booking_date for row in transactions)
        recurring_ledger.analyse(url, as_of, work=Path(work))
        predictions = recurring_ledger.predictions(url)
    write_predictions(options.predictions, predictions)
    print(f"{len(transactions)} transactions, {len(predictions)} of them in patterns")
    if labels is not None:
        tell(score(labels, predictions), by_kind=options.by_kind)


def run_online(options: argparse.Namespace) -> None:
    """Do the same as of many days.

    :raises FileError: if a file cannot be used.
    """
    transactions = read_transactions(options.transactions)
    labels = read_labels(options.labels) if options.labels else None
    accounts = sorted({row.account_id for row in transactions})
    # Spread over the file: what stands together in it may be alike.
    chosen = set(accounts[:: max(1, len(accounts) // options.accounts)][: options.accounts])
    transactions = [row for row in transactions if row.account_id in chosen]
    first = min(row.booking_date for row in transactions)
    last = max(row.booking_date for row in transactions)
    step = dt.timedelta(days=options.every)
    days = [first + number * step for number in range(1, (last - first) // step + 1)]
    with (
        recurring_ledger.scratch_database() as url,
        tempfile.TemporaryDirectory(prefix="farthing-dbt-") as work,
    ):
        found = recurring_ledger.predictions_online(url, transactions, days, work=Path(work))
    write_predictions(options.predictions, found, online=True)
    print(f"{len(transactions)} transactions of {len(chosen)} accounts, as of {len(days)} days")
    if labels is not None:
        tell_online(score_online(labels, transactions, found))


def tell_online(result: OnlineScore) -> None:
    """Print how soon series were found and how good their next dates are."""
    for count, share in result.found_by.items():
        print(f"found by payment {count:2}  {share:.4f}")
    print(
        f"next date     within 2 days {result.next_within:.4f}, exact {result.next_exact:.4f},"
        f" of {result.foretold}"
    )


def tell(result: Score, *, by_kind: bool) -> None:
    """Print a score."""
    for name, ratio in (("series", result.series), ("transactions", result.transactions)):
        print(
            f"{name:13} F1 {ratio.f1:.4f}  precision {ratio.precision:.4f}"
            f"  recall {ratio.recall:.4f}"
        )
    print(f"frequency     right {result.frequency:.4f} of the series found")
    print(f"patterns      {result.patterns}")
    if by_kind:
        for groups in (result.frequencies, result.kinds):
            for group, (found, total) in groups.items():
                print(f"  {group:20} {found:5} of {total:5}")


if __name__ == "__main__":
    sys.exit(main())
