"""How good the links between own accounts are, on made-up households whose transfers are known.

Usage: python -m benchmarks.transfers [--worlds 40] [--first-seed 1000]

Precision is the share of the links that are right, recall the share of the true transfers that are
linked without a question. The seeds are not those that the rules were made with.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.transfer_worlds import (
    EUR_PER_GBP,
    FIRST,
    WEEKS,
    Account,
    Pairs,
    Score,
    World,
    make_world,
    score,
    without_hints,
)
from postgres import migrate
from postgres.auth.models import User
from postgres.common import models
from postgres.common.enums import (
    AccountCategory,
    AccountType,
    Provider,
    TransactionStatus,
    TransferStatus,
)
from postgres.common.operations import fx_rates, transfers
from postgres.core import make_engine, make_sessions, table_of
from postgres.embedded import EmbeddedServer

SEEN_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

_TYPES = {
    "bank": (AccountType.BANK, AccountCategory.BANK_ACCOUNT),
    "card": (AccountType.BANK, AccountCategory.CREDIT_CARD),
    "broker": (AccountType.INVESTMENT, AccountCategory.INVESTMENT_ACCOUNT),
}


def main() -> None:
    """Match every world and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=1000)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.worlds)
    cases: dict[str, Callable[[int], World]] = {
        "banks as they are": make_world,
        "banks that tell nothing": lambda seed: without_hints(make_world(seed)),
    }
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home)).lease() as address,
    ):
        engine = make_engine(address.url("postgres"), pooled=False)
        migrate.upgrade(engine)
        sessions = make_sessions(engine)
        with sessions.begin() as session:
            load_rates(session)
        print(f"{len(seeds)} households of {WEEKS} weeks, seeds {seeds[0]} to {seeds[-1]}")
        for case, make in cases.items():
            total, whole, part = Score(), 0.0, 0.0
            for seed in seeds:
                world = make(seed)
                with sessions() as session:
                    user_id = load_world(session, world)
                    whole += timed_match(session, user_id)
                    total += score(world, *found(session, user_id))
                    change_last_day(session, user_id)
                    part += timed_match(session, user_id)
            print(
                f"{case:24} precision {total.precision:.4f}  recall {total.recall:.4f}"
                f"  with questions {total.recall_with_questions:.4f}"
                f"  ({total.transfers} transfers, {total.linked} links,"
                f" {total.questions} questions); a day's changes take {part / whole:.2f} of it all"
            )
        engine.dispose()


def timed_match(session: Session, user_id: uuid.UUID) -> float:
    """Match what changed and return the seconds that it took."""
    started = time.perf_counter()
    transfers.match_transfers(session, user_id)
    return time.perf_counter() - started


def change_last_day(session: Session, user_id: uuid.UUID) -> None:
    """Let the rows of the last day read differently, without a word that matters."""
    last = sa.select(sa.func.max(models.Transaction.booking_date)).scalar_subquery()
    session.execute(
        sa.update(models.Transaction)
        .where(models.Transaction.user_id == user_id, models.Transaction.booking_date == last)
        .values(description=models.Transaction.description + " -")
    )


def load_rates(session: Session) -> None:
    """Write the one rate that the worlds know, for every day of theirs."""
    days = (FIRST + dt.timedelta(days=number) for number in range(7 * WEEKS + 7))
    fx_rates.load_rates(
        session,
        [
            {"currency": "GBP", "day": day, "rate": round(1 / EUR_PER_GBP, 6), "source": "ecb"}
            for day in days
        ],
    )


def load_world(session: Session, world: World) -> uuid.UUID:
    """Write a world into the ledger and return its user."""
    user = User(name=f"user {uuid.uuid4()}", password_hash="not a hash")
    banks = {
        account.bank.name: models.Institution(
            provider=Provider.MANUAL,
            provider_institution_id=str(uuid.uuid4()),
            name=account.bank.name,
        )
        for account in world.accounts
    }
    session.add_all([user, *banks.values()])
    session.flush()
    session.add_all(
        _account(account, user.id, banks[account.bank.name].id) for account in world.accounts
    )
    session.flush()
    names = {m.name or m.text for m in world.movements}
    session.execute(
        sa.text(
            "insert into common.merchants (user_id, name)"
            " select distinct cast(:user_id as uuid), common.normalise_merchant(name)"
            " from unnest(cast(:names as text[])) as name"
        ),
        {"user_id": user.id, "names": list(names)},
    )
    session.execute(
        sa.insert(table_of(models.Transaction)),
        [
            {
                "id": movement.id,
                "user_id": user.id,
                "account_id": movement.account.id,
                "source_key": str(movement.id),
                "status": TransactionStatus.BOOKED,
                "amount": movement.amount,
                "currency": movement.account.currency,
                "booking_date": movement.day,
                "description": movement.text,
                "counterparty_name": movement.name,
                "counterparty_account": movement.number,
                "kind": movement.kind,
                "raw_table": "made.up",
                "raw_id": movement.id,
                "first_seen_at": SEEN_AT,
            }
            for movement in world.movements
        ],
    )
    session.execute(
        sa.text(
            "update common.transactions as t set merchant_id = m.id from common.merchants as m"
            " where m.user_id = t.user_id and t.user_id = :user_id and m.name"
            " = common.normalise_merchant(coalesce(t.counterparty_name, t.description))"
        ),
        {"user_id": user.id},
    )
    session.execute(sa.text("analyze common.transactions"))
    return user.id


def found(session: Session, user_id: uuid.UUID) -> tuple[Pairs, Pairs]:
    """Return the pairs that are linked, and those that are suggested."""
    pairs: dict[TransferStatus, Pairs] = {status: set() for status in TransferStatus}
    rows = session.execute(
        sa.select(
            models.Transfer.status, models.Transfer.outgoing_id, models.Transfer.incoming_id
        ).where(models.Transfer.user_id == user_id)
    )
    for status, outgoing_id, incoming_id in rows:
        pairs[status].add((outgoing_id, incoming_id))
    return pairs[TransferStatus.LINKED], pairs[TransferStatus.SUGGESTED]


def _account(account: Account, user_id: uuid.UUID, institution_id: uuid.UUID) -> models.Account:
    account_type, category = _TYPES[account.kind]
    return models.Account(
        id=account.id,
        user_id=user_id,
        institution_id=institution_id,
        account_number=account.number,
        iban=account.number if account.kind == "bank" else None,
        currency=account.currency,
        account_type=account_type,
        category=category,
        name=account.name,
    )


if __name__ == "__main__":
    main()
