"""Whether any sequence of increments says what a full run says.

Usage: python -m benchmarks.recurring_sequences [--sequences 40] [--seed 1]

Each sequence is a few made-up households in a scratch database, changed at random and analysed
again and again: payments arrive, are edited, become void and are deleted; users, accounts, links
between own accounts and names of merchants come and go; days pass; a run fails in the middle, at
any of its models. Then a full run must say the same, row by row, and no run on the way may have
looked at an account that nobody touched. The changes are in ``recurring_changes.sql``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks import recurring_ledger
from benchmarks.recurring_files import Transaction
from benchmarks.recurring_worlds import DAYS, FIRST, make_rows
from postgres.common.operations import transfers
from postgres.core import make_engine, make_sessions

MODELS = "+int_recurring_analysed"
_MARTS = ("fct_recurring_patterns", "fct_recurring_occurrences")
_FAILS = (
    "int_recurring_scope", "int_recurring_stems", "int_recurring_families", "int_recurring_series",
    "int_recurring_found", "int_recurring_payments", "int_recurring_occurrences",
    "int_recurring_analysed",
)  # fmt: skip
_CHANGES = dict(
    re.findall(
        r"-- name: (\w+)\n(.*?)(?=\n-- name: |\Z)",
        Path(__file__).with_name("recurring_changes.sql").read_text(),
        re.DOTALL,
    )
)


@dataclass
class Sequence:
    """One ledger, what was done to it, and what of it turned out wrong."""

    url: str
    seed: int
    work: Path
    story: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    touched: set[uuid.UUID] = field(default_factory=set)
    analysed: set[uuid.UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Load the households, each of them a user."""
        self.rng = random.Random(self.seed)
        self.day = FIRST + dt.timedelta(days=DAYS)
        households = make_rows(self.rng.randint(3, 6), seed=self.seed)
        recurring_ledger.load(
            self.url,
            [
                Transaction(
                    row.account_id, row.transaction_id, row.booking_date, row.amount,  # type: ignore[arg-type]
                    row.currency, row.counterparty or None, row.description, status=row.status,
                )
                for row in households
                if self.rng.random() < 0.9
            ],
        )  # fmt: skip

    def play(self, steps: int) -> None:
        """Analyse, then change and analyse again so many times, and compare with a full run."""
        self.analyse()
        for _ in range(steps):
            if self.rng.random() < 0.7:
                self.day += dt.timedelta(days=self.rng.randint(1, 45))
            self.change()
            if self.rng.random() < 0.3:
                with self.failing(self.rng.choice(_FAILS)):
                    self.analyse()
                self.change()
            self.analyse()
        self.compare()

    def change(self) -> None:
        """Do a few things to a few users."""
        with psycopg.connect(self.url) as connection:
            users = [one for (one,) in connection.execute("select id from auth.users order by id")]
            for user in self.rng.sample(users, min(len(users), self.rng.randint(1, 3))):
                for name in self.rng.sample(sorted(_CHANGES), self.rng.choice((1, 1, 2, 5))):
                    statement = _CHANGES[name].format(
                        some="user_id = %(user)s"
                        " and abs(hashtext(id::text || %(salt)s)) %% 100 < 4",
                        rarely="abs(hashtext(%(user)s::text || %(salt)s)) %% 100 < 15",
                    )
                    salt = f"s{len(self.story)}"
                    told = connection.execute(
                        statement.encode(), {"user": user, "salt": salt, "day": self.day}
                    )
                    self.story.append(f"{name} {told.rowcount}")
                    if name == "another_version_analysed" and told.rowcount:
                        self.touched.update(users)
                self.touched.add(user)

    @contextmanager
    def failing(self, model: str) -> Iterator[None]:
        """Let a model fail that is filled in here, as when the server stops there."""
        schema = "marts" if model in _MARTS else "intermediate"
        table = sql.Identifier(schema, model)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "create or replace function public.refuse() returns trigger language plpgsql"
                " as $$ begin raise exception 'as if the server stopped'; end $$"
            )
            connection.execute(
                sql.SQL(
                    "create trigger refuse before insert on {} execute function public.refuse()"
                ).format(table)
            )
            self.story.append(f"{model} fails")
            try:
                yield
            except recurring_ledger.AnalysisError as error:
                if "as if the server stopped" not in str(error):
                    raise
            finally:
                connection.execute(sql.SQL("drop trigger if exists refuse on {}").format(table))

    def analyse(self, *, in_full: bool = False) -> None:
        """Match transfers and run the models, as a sync does."""
        engine = make_engine(self.url, pooled=False)
        with make_sessions(engine).begin() as session:
            for user_id in transfers.list_users_to_match(session):
                transfers.match_transfers(session, user_id)
        engine.dispose()
        self.story.append(f"{'full run' if in_full else 'run'} of {self.day}")
        recurring_ledger.analyse(self.url, self.day, select=MODELS, work=self.work, in_full=in_full)
        if in_full:
            return
        with psycopg.connect(self.url) as connection:
            looked_at = {
                user
                for (user,) in connection.execute(
                    "select user_id from intermediate.int_recurring_scope"
                    " inner join common.accounts on account_id = accounts.id where is_changed"
                )
            }
            known = {one for (one,) in connection.execute("select id from auth.users")}
        if self.analysed and (idle := looked_at - self.touched - (known - self.analysed)):
            self.wrong.append(f"run of {self.day}: looked at {len(idle)} users for nothing")
        self.analysed = known
        self.touched = set()

    def compare(self) -> None:
        """Note which rows a full run has otherwise."""
        with psycopg.connect(self.url) as connection:
            for mart in _MARTS:
                connection.execute(
                    sql.SQL("create table public.{0} as select * from marts.{0}").format(
                        sql.Identifier(mart)
                    )
                )
        self.analyse(in_full=True)
        with psycopg.connect(self.url) as connection:
            for mart in _MARTS:
                left, right = (
                    connection.execute(
                        sql.SQL(
                            "select count(*) from"
                            " (select * from {} except all select * from {}) as rows"
                        ).format(sql.Identifier(one, mart), sql.Identifier(other, mart))
                    ).fetchone()
                    for one, other in (("public", "marts"), ("marts", "public"))
                )
                if left != (0,) or right != (0,):
                    self.wrong.append(f"{mart}: {left} only in increments, {right} only in full")
                self.story.append(f"{mart} has {self._count(connection, mart)} rows")

    @staticmethod
    def _count(connection: psycopg.Connection[tuple[int]], mart: str) -> int:
        row = connection.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier("marts", mart))
        ).fetchone()
        return row[0] if row else 0


def main() -> int:
    """Play so many sequences, print those that go wrong, and return 1 if any did."""
    parser = argparse.ArgumentParser(prog="benchmarks.recurring_sequences")
    parser.add_argument("--sequences", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    wrong = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="farthing-dbt-") as work:
        for seed in range(options.seed, options.seed + options.sequences):
            with recurring_ledger.scratch_database() as url:
                sequence = Sequence(url, seed, Path(work))
                sequence.play(options.steps)
            print(f"seed {seed}: {'; '.join(sequence.wrong) or 'the same'}", flush=True)
            if sequence.wrong:
                wrong += 1
                print("  " + "\n  ".join(sequence.story))
    took = time.monotonic() - started
    print(f"{options.sequences} sequences, {wrong} of them wrong, {took:.0f} s")
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main())
