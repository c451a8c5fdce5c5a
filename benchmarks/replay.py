"""How long it takes to make the ledger of one account again from its raw rows.

Usage: python -m benchmarks.replay [--rows 100000]

The rows came in a first answer of two thirds and 200 later ones, each of which rewrites some
rows under new ids. A replay that changes nothing and one of a ledger that was lost are given in
seconds, and beside a bare COPY of the same rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.bulk_write import copy_only
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.gocardless.answers import read_answer
from ingestion.replay import replay
from ingestion.run import Run
from postgres import migrate
from postgres.auth.models import User
from postgres.common.enums import (
    AccountCategory,
    AccountType,
    ConnectionStatus,
    Provider,
)
from postgres.common.models import Account, AccountLink, Connection, Institution, Transaction
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from postgres.gocardless.models import BankAccount, Requisition
from postgres.gocardless.operations import transactions
from postgres.gocardless.projections import linked_accounts, project_transactions
from postgres.payload import Stamp

SEED = 7
LATER_ANSWERS = 200
FIRST_DAY = dt.date(2016, 1, 1)


def main() -> None:
    """Fill a scratch database, replay it, and print how long that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home)).lease() as address,
    ):
        engine = make_engine(address.url("postgres"), pooled=False)
        migrate.upgrade(engine)
        sessions = make_sessions(engine)
        with sessions.begin() as session:
            make_account(session)
        payloads = fill(sessions, options.rows)
        settings = Settings.load()
        run = Run("bench", sessions, settings, SecretBox.from_settings(settings))
        with sessions.begin() as session:
            started = time.perf_counter()
            copy_only(session, read_answer({"booked": payloads})[1])
            limit = time.perf_counter() - started
        for case in ("nothing changes", "the ledger was lost"):
            if case == "the ledger was lost":
                with sessions.begin() as session:
                    session.execute(sa.delete(Transaction))
            started = time.perf_counter()
            outcome = replay(run)
            seconds = time.perf_counter() - started
            print(f"{case:20} {seconds:6.1f} s  {seconds / limit:5.1f} COPYs   {outcome.counts}")
        engine.dispose()


def fill(sessions: Any, count: int) -> list[dict[str, Any]]:
    """Land the answers of a bank, a first one of most rows and many later ones, and project them.

    :returns: the rows of the last state.
    """
    chance = random.Random(SEED)
    rows = [
        _row(chance, number, FIRST_DAY + dt.timedelta(days=number // 30)) for number in range(count)
    ]
    first = count * 2 // 3
    step = max(1, (count - first) // LATER_ANSWERS)
    with sessions.begin() as session:
        (account,) = linked_accounts(session)
    for number, end in enumerate(range(first, count + 1, step)):
        shown = rows[:end] if number == 0 else rows[max(0, end - 15 * 30) : end]
        for row in shown:
            if number and chance.random() < 0.02:
                row["internalTransactionId"] = f"{chance.getrandbits(128):032x}"
        at = dt.datetime.combine(FIRST_DAY, dt.time(9), dt.UTC) + dt.timedelta(days=end // 30)
        with sessions.begin() as session:
            changed_at = session.execute(sa.text("select clock_timestamp()")).scalar_one()
            transactions.land(
                session,
                account.user_id,
                account.bank_account_id,
                read_answer({"booked": shown})[1],
                Stamp(f"run-{number}", at, changed_at),
                first_day=dt.date.fromisoformat(shown[0]["bookingDate"]),
                last_day=None,
            )
    with sessions.begin() as session:
        project_transactions(session, account)
    return rows


def _row(chance: random.Random, number: int, day: dt.date) -> dict[str, Any]:
    return {
        "internalTransactionId": f"{number:032x}",
        "transactionId": f"{day:%Y%m%d}-{number}",
        "bookingDate": str(day),
        "valueDate": str(day),
        "transactionAmount": {
            "amount": f"{chance.randint(-9000, 999) / 100:.2f}",
            "currency": "GBP",
        },
        "creditorName": f"Shop {chance.randint(1, 400)}",
        "remittanceInformationUnstructured": f"CARD PAYMENT {chance.randint(1, 40)} ON {day:%d %b}",
    }


def make_account(session: Session) -> None:
    """Make a user with one connected account."""
    raw: dict[str, Any] = Stamp("bench", dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC)).on({})
    user = User(name="bench", password_hash="not a hash")
    institution = Institution(
        provider=Provider.GOCARDLESS, provider_institution_id="BANK", name="Bank"
    )
    session.add_all([user, institution])
    session.flush()
    connection_id = uuid.uuid4()
    requisition = Requisition(
        id=uuid.uuid4(),
        user_id=user.id,
        institution_id="BANK",
        connection_id=connection_id,
        reference="bench",
        status="LN",
        link="http://127.0.0.1/",
        **raw,
    )
    connection = Connection(
        id=connection_id,
        user_id=user.id,
        institution_id=institution.id,
        provider=Provider.GOCARDLESS,
        provider_connection_id=str(requisition.id),
        status=ConnectionStatus.ACTIVE,
    )
    account = Account(
        user_id=user.id,
        institution_id=institution.id,
        account_number="1",
        currency="GBP",
        account_type=AccountType.BANK,
        category=AccountCategory.BANK_ACCOUNT,
        name="Current",
    )
    session.add_all([requisition, connection, account])
    session.flush()
    provider_id = uuid.uuid4()
    bank_account = BankAccount(
        user_id=user.id,
        requisition_id=requisition.id,
        account_id=account.id,
        provider_account_id=provider_id,
        account_number="1",
        currency="GBP",
        name="Current",
        is_card=False,
        **raw,
    )
    link = AccountLink(
        user_id=user.id,
        account_id=account.id,
        connection_id=connection.id,
        provider=Provider.GOCARDLESS,
        provider_account_id=str(provider_id),
    )
    session.add_all([bank_account, link])
    session.flush()


if __name__ == "__main__":
    main()
