"""A user's tag rules over their transactions, beside one bare question about the same rows.

Usage: python -m benchmarks.tag_rules [--rows 1000000] [--rules 50] [--rounds 3]

The bare question is ``count(*) where description ilike '%...%'``. Each case is given in multiples
of its time, taken just before; the median over the rounds counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres import migrate
from postgres.auth.models import User
from postgres.common.enums import AccountCategory, AccountType, Provider
from postgres.common.models import Account, Institution, Merchant, Transaction, TransactionSplit
from postgres.common.operations import tag_rules, tags
from postgres.common.rules.stage import Counts
from postgres.core import copy_to_temporary, make_engine, make_sessions, table_of
from postgres.embedded import EmbeddedServer

SEED = 7
SHOPS = 2_000
AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
FIRST_DAY = dt.date(2024, 3, 15)
# All splits that there are, and that the planner knows of, are by hand.
BY_HAND = (
    sa.delete(TransactionSplit),
    sa.text(
        "insert into common.transaction_splits"
        " (user_id, transaction_id, amount, currency, source)"
        " select user_id, id, amount, currency, 'user' from common.transactions"
        " where source_key like '%00'"
    ),
    sa.text("analyze common.transaction_splits"),
)
CHANGE = sa.text(
    "update common.transactions set description = reverse(description)"
    " where id in (select id from common.transactions order by source_key limit 1000)"
)


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rules", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home)).lease() as address,
    ):
        engine = make_engine(address.url("postgres"), pooled=False)
        migrate.upgrade(engine)
        sessions = make_sessions(engine)
        with sessions.begin() as session:
            user_id = make_ledger(session, options.rows)
            make_rules(session, user_id, options.rules)
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("vacuum analyze")
        print(f"{options.rows} rows, {options.rules} rules, {options.rounds} rounds, seed {SEED}")
        measure(engine, sessions, user_id, options.rounds)
        engine.dispose()


def measure(
    engine: sa.Engine, sessions: sessionmaker[Session], user_id: uuid.UUID, rounds: int
) -> None:
    """Time every case in every round."""

    def preview(session: Session) -> Counts:
        return tag_rules.preview_rules(session, user_id).counts

    def apply(session: Session) -> Counts:
        return tag_rules.apply_rules(session, user_id).counts

    def follow(session: Session) -> Counts:
        return tag_rules.apply_to_changes(session, user_id).counts

    cases: dict[str, tuple[tuple[sa.Executable, ...], Callable[[Session], Counts]]] = {
        "preview": (BY_HAND, preview),
        "apply": (BY_HAND, apply),
        "apply again": ((), apply),
        "apply to what changed": ((CHANGE,), follow),
    }
    ratios: dict[str, list[float]] = {case: [] for case in cases}
    results: dict[str, tuple[int, Counts]] = {}
    with sessions.begin() as session:
        follow(session)
    for _ in range(rounds):
        for case, (prepare, run) in cases.items():
            with sessions.begin() as session:
                for statement in prepare:
                    session.execute(statement)
            limit = bare(sessions, user_id)
            with sessions() as session, counting(engine) as statements:
                started = time.perf_counter()
                counts = run(session)
                session.commit()
                ratios[case].append((time.perf_counter() - started) / limit)
            results[case] = (len(statements), counts)
    print(f"the bare question took {limit:.2f} s")
    for case, found in ratios.items():
        number, counts = results[case]
        print(f"{case:22} {statistics.median(found):6.2f} x  {number:3} statements  {counts}")


def bare(sessions: sessionmaker[Session], user_id: uuid.UUID) -> float:
    """Return the seconds of one question about every description."""
    with sessions() as session:
        started = time.perf_counter()
        session.execute(
            sa.select(sa.func.count()).where(
                Transaction.user_id == user_id, Transaction.description.ilike("%no such shop%")
            )
        )
        return time.perf_counter() - started


@contextmanager
def counting(engine: sa.Engine) -> Iterator[list[str]]:
    """Yield the statements as they are sent."""
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(engine, "before_cursor_execute", note)


def shop_name(number: int) -> str:
    """Return a name without a digit, which is what is left of a merchant's."""
    letters = "bcdfghjklmnpqrstvwxz"
    return "".join(letters[number // 20**place % 20] + "a" for place in range(3))


def make_ledger(session: Session, rows: int) -> uuid.UUID:
    """Return a user with transactions of two years on three accounts."""
    random_ = random.Random(SEED)
    user = User(name="bench", password_hash="")
    bank = Institution(provider=Provider.GOCARDLESS, provider_institution_id="B", name="Bank")
    session.add_all([user, bank])
    session.flush()
    accounts = [
        Account(
            user_id=user.id,
            institution_id=bank.id,
            account_number=f"GB{number}",
            currency="GBP",
            account_type=AccountType.BANK,
            category=AccountCategory.BANK_ACCOUNT,
            name="Current",
        )
        for number in range(3)
    ]
    merchants = [Merchant(user_id=user.id, name=shop_name(number)) for number in range(SHOPS)]
    session.add_all([*accounts, *merchants])
    session.flush()
    table = table_of(Transaction)
    staging = copy_to_temporary(
        session,
        table,
        [
            make_row(random_, number, user.id, random_.choice(accounts).id, merchants)
            for number in range(rows)
        ],
    )
    columns = [column.name for column in staging.c]
    session.execute(sa.insert(table).from_select(columns, sa.select(*staging.c)))
    return user.id


def make_row(
    random_: random.Random,
    number: int,
    user_id: uuid.UUID,
    account_id: uuid.UUID,
    merchants: list[Merchant],
) -> dict[str, Any]:
    """Return a transaction as a bank gives it; a few have no description."""
    shop = random_.randrange(SHOPS)
    day = FIRST_DAY + dt.timedelta(days=random_.randrange(730))
    name = shop_name(shop).upper()
    text = f"CARD PAYMENT TO {name} {shop} ON {day:%d %b}, REF {random_.randrange(10**8)}"
    return {
        "user_id": user_id,
        "account_id": account_id,
        "source_key": f"booked:{number}",
        "status": "booked",
        "amount": Decimal(random_.randint(-20_000, 5_000)) / 100,
        "currency": "GBP",
        "booking_date": day,
        "description": text if number % 20 else None,
        "counterparty_account": f"GB{shop:020}" if number % 3 else None,
        "merchant_id": merchants[shop].id if number % 10 else None,
        "kind": "payment",
        "raw_table": "gocardless.transactions",
        "raw_id": uuid.UUID(int=number),
        "first_seen_at": AT,
    }


def make_rules(session: Session, user_id: uuid.UUID, count: int) -> None:
    """Give the user rules of every kind; most transactions match none of them."""
    random_ = random.Random(SEED)
    for number in range(count):
        tag = tags.create_tag(session, user_id, f"tag {number}")
        tag_rules.create_rule(
            session,
            user_id,
            name=f"rule {number}",
            tag_id=tag.id,
            conditions=make_conditions(random_.randrange(SHOPS), number),
        )


def make_conditions(shop: int, number: int) -> dict[str, Any]:
    """Return one of five kinds of tree."""
    name = shop_name(shop)
    number_of_shop = {"counterparty_account": {"is": f"GB{shop:020}"}}
    large = {"amount": {"direction": "out", "from": "150", "to": "160", "currency": "GBP"}}
    kinds: list[dict[str, Any]] = [
        {"description": {"contains": name.title()}},
        {"merchant": {"is": name.upper()}},
        {"all": [{"description": {"contains": name[:4]}}, large, {"not": number_of_shop}]},
        {"any": [number_of_shop, {"merchant": {"contains": name[1:]}}]},
        {"description": {"matches": rf"\y{name}\y.*ref \d+7$"}},
    ]
    return kinds[number % len(kinds)]


if __name__ == "__main__":
    main()
