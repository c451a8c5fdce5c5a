"""What it costs that splits always make up their transaction, beside the same writes without it.

Usage: python -m benchmarks.splits [--rows 100000] [--rounds 3]

Each case is preceded by the same statement with its trigger switched off, and given in multiples of
that time, commit included. The median over the rounds counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import sqlalchemy as sa

from postgres import migrate
from postgres.core import make_engine
from postgres.embedded import EmbeddedServer

LEDGER = """
    with person as (
        insert into auth.users (name, password_hash) values ('bench', '') returning id
    ),
    bank as (
        insert into common.institutions (provider, provider_institution_id, name)
        values ('manual', 'BENCH', 'Bench') returning id
    ),
    account as (
        insert into common.accounts
            (user_id, institution_id, account_number, currency, account_type, category, name)
        select person.id, bank.id, 'GB00', 'GBP', 'bank', 'bank_account', 'Bench'
        from person, bank
        returning id, user_id
    )
    insert into common.transactions
        (user_id, account_id, source_key, status, amount, currency, booking_date, kind,
         raw_table, raw_id, first_seen_at)
    select
        user_id, id, 'bench:' || n, 'booked', -10 - n / 100.0, 'GBP', date '2026-01-01' + n % 700,
        'payment', 'bench', gen_random_uuid(), now()
    from account cross join generate_series(1, :rows) as n
"""
CLEAR = "truncate common.transaction_splits"
SPLIT = """
    insert into common.transaction_splits (user_id, transaction_id, amount, currency, source)
    select user_id, id, amount, currency, 'user' from common.transactions
"""
DESCRIBE = "update common.transactions set description = :mark"
CASES = {
    "insert splits": (SPLIT, "common.transaction_splits", "splits_are_balanced"),
    "update no amount": (DESCRIBE, "common.transactions", "rescale_splits"),
}


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[float]] = {case: [] for case in CASES}
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home)).lease() as address,
    ):
        engine = make_engine(address.url("postgres"), pooled=False)
        migrate.upgrade(engine)
        run(engine, LEDGER, rows=options.rows)
        run(engine, "analyze common.transactions")
        for _ in range(options.rounds):
            for case, (statement, table, trigger) in CASES.items():
                run(engine, f"alter table {table} disable trigger {trigger}")
                bare = timed(engine, statement)
                run(engine, f"alter table {table} enable trigger {trigger}")
                found[case].append(timed(engine, statement) / bare)
        engine.dispose()
    print(f"{options.rows} rows, {options.rounds} rounds; without the trigger is 1.00")
    for case, ratios in found.items():
        print(f"{case:18} {statistics.median(ratios):5.2f}")


def run(engine: sa.Engine, statement: str, **values: object) -> None:
    """Execute a statement in a transaction of its own."""
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def timed(engine: sa.Engine, statement: str) -> float:
    """Return the seconds that a statement takes, on no splits if it makes them."""
    if statement is SPLIT:
        run(engine, CLEAR)
    values = {"mark": str(uuid.uuid4())} if ":mark" in statement else {}
    started = time.perf_counter()
    run(engine, statement, **values)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
