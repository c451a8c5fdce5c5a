"""A ledger on a real server, and dbt in this process to build its marts."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from dbt.cli.main import dbtRunner, dbtRunnerResult
from psycopg.rows import dict_row
from sqlalchemy.engine import make_url

from postgres.common.operations import transfers
from postgres.core import make_engine, make_sessions

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
NAMESPACE = uuid.UUID("5f0f5c0e-6f0a-4a3c-9d51-7f3f6f3f8a11")

Row = dict[str, Any]


def identity(*parts: object) -> uuid.UUID:
    """Return the same id for the same words, so that two ledgers can be compared."""
    return uuid.uuid5(NAMESPACE, "|".join(map(str, parts)))


@dataclass(frozen=True)
class Payment:
    """A row of a statement."""

    on: dt.date | None
    amount: Decimal
    text: str
    account: str = "current"
    status: str = "booked"
    kind: str = "payment"
    tag: str = ""

    @property
    def key(self) -> str:
        """What the row is known by within its account; the tag comes last."""
        return f"{self.account}|{self.on}|{self.amount}|{self.text}|{self.status}|{self.tag}"


@dataclass
class Ledger:
    """One database with the tables of the platform."""

    url: str
    work: Path
    merchants: set[tuple[str, str]] = field(default_factory=set)

    def query(self, sql: str, *parameters: object) -> list[Row]:
        with psycopg.connect(self.url, row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def change(self, statement: str, **parameters: object) -> None:
        """Run a statement that has named parameters."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode(), parameters)

    def add(self, payments: Iterable[Payment], *, user: str = "ada") -> None:
        """Write payments, and the user and the accounts that they need."""
        seen: Counter[str] = Counter()
        rows = []
        for payment in payments:
            seen[payment.key] += 1
            rows.append((f"{payment.key}|{seen[payment.key]}", payment))
        with psycopg.connect(self.url) as connection:
            self._add_owner(connection, user, {row.account for _, row in rows})
            names = {
                text: connection.execute("select common.normalise_merchant(%s)", (text,)).fetchone()
                for text in {row.text for _, row in rows}
            }
            merchants = {text: name[0] for text, name in names.items() if name}
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into common.merchants (id, user_id, name) values (%s, %s, %s)",
                    [
                        (identity(user, name), identity(user), name)
                        for name in sorted(set(merchants.values()))
                        if (user, name) not in self.merchants
                    ],
                )
                self.merchants |= {(user, name) for name in merchants.values()}
                cursor.executemany(
                    """
                    insert into common.transactions (
                        id, user_id, account_id, source_key, status, amount, currency,
                        booking_date, description, merchant_id, kind, raw_table, raw_id,
                        first_seen_at
                    )
                    values (%s, %s, %s, %s, %s, %s, 'GBP', %s, %s, %s, %s, 'test', %s,
                            '2026-01-01T00:00:00Z')
                    """,
                    [
                        (
                            identity(user, key),
                            identity(user),
                            identity(user, row.account),
                            key,
                            row.status,
                            row.amount,
                            row.on,
                            row.text,
                            identity(user, merchants[row.text]),
                            row.kind,
                            identity("raw", user, key),
                        )
                        for key, row in rows
                    ],
                )

    def _add_owner(
        self, connection: psycopg.Connection[Any], user: str, accounts: set[str]
    ) -> None:
        connection.execute(
            "insert into common.institutions (id, provider, provider_institution_id, name)"
            " values (%s, 'gocardless', 'MILLBROOK', 'Millbrook Bank') on conflict do nothing",
            (identity("institution"),),
        )
        connection.execute(
            "insert into auth.users (id, name, password_hash) values (%s, %s, 'none')"
            " on conflict do nothing",
            (identity(user), user),
        )
        for account in sorted(accounts):
            connection.execute(
                "insert into common.accounts (id, user_id, institution_id, account_number,"
                " currency, account_type, category, name, iban)"
                " values (%s, %s, %s, %s, 'GBP', 'bank', 'bank_account', %s, %s)"
                " on conflict do nothing",
                (
                    identity(user, account),
                    identity(user),
                    identity("institution"),
                    account,
                    f"{account.title()} account",
                    "GB33BUKB20201555555555",
                ),
            )

    def dbt(self, *command: str, now: str = "2026-01-03T09:00:00Z") -> dbtRunnerResult:
        """Run dbt here; whether it succeeded is in the result."""
        with _environment(self.url, now):
            return dbtRunner().invoke(
                [
                    *command,
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                    *("--target-path", str(self.work / "target")),
                    *("--log-path", str(self.work / "logs")),
                    *("--log-level", "none", "--log-level-file", "none", "--no-use-colors"),
                ]
            )

    def match_transfers(self) -> None:
        """Link transfers between own accounts, as is done before the models are made."""
        engine = make_engine(self.url, pooled=False)
        with make_sessions(engine).begin() as session:
            for user_id in transfers.list_users_to_match(session):
                transfers.match_transfers(session, user_id)
        engine.dispose()

    def build(self, *arguments: str, now: str = "2026-01-03T09:00:00Z") -> None:
        """Make the seeds and the models."""
        self.match_transfers()
        untested = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        result = self.dbt("build", *untested, *arguments, now=now)
        assert result.success, failures(result)

    def patterns(self, user: str = "ada") -> list[Row]:
        """Return a user's proposals in an order that does not depend on the run."""
        return self.query(
            "select * from marts.fct_recurring_patterns where user_id = %s order by pattern_key",
            identity(user),
        )


def failures(result: dbtRunnerResult) -> str:
    """Say what went wrong in a run."""
    if result.exception is not None:
        return str(result.exception)
    outcomes: Any = result.result
    return "\n".join(
        f"{one.node.name}: {one.message}" for one in outcomes if one.status in {"error", "fail"}
    )


@contextmanager
def _environment(url: str, now: str) -> Iterator[None]:
    place = make_url(url)
    settings = {
        "FARTHING_NOW": now,
        "FARTHING_DBT_HOST": str(place.host),
        "FARTHING_DBT_PORT": str(place.port),
        "FARTHING_DBT_USER": str(place.username),
        "FARTHING_DBT_PASSWORD": str(place.password),
        "FARTHING_DBT_DBNAME": str(place.database),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
