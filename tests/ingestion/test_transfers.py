"""The household's transfers, from its banks and its broker to pairs in the ledger."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ingestion import rates, transfers
from ingestion.run import Status
from postgres.common.enums import TransferStatus
from postgres.common.models import Transaction, Transfer
from postgres.common.operations import transfers as operations
from postgres.core import WriteCounts
from postgres.errors import RetryableError
from tests.conftest import World
from tests.ingestion.pipeline import sync

# How the household's own payments to itself read at its banks.
_OWN = sa.or_(
    Transaction.counterparty_name.in_(
        ["A M HARTLEY", "HARBOUR BANK CARDS", "DIRECT DEBIT PAYMENT - THANK YOU"]
    ),
    Transaction.kind.in_(["deposit", "withdrawal"]),
    sa.and_(Transaction.counterparty_name.ilike("trading 212%"), Transaction.kind == "payment"),
)


def test_the_households_own_transfers_are_found_and_nothing_else(world: World) -> None:
    sync(world.run())
    rates.pull_fx_rates(world.run())

    (outcome,) = transfers.match_transfers(world.run()).accounts
    assert outcome.status is Status.COMPLETED
    assert outcome.counts.inserted > 80

    with world.sessions() as session:
        pairs = session.execute(
            sa.select(Transfer.status, Transfer.outgoing_id, Transfer.incoming_id)
        ).all()
        booked = sa.select(Transaction.id).where(_OWN, Transaction.status == "booked")
        own = set(session.scalars(booked))
    assert {row.status for row in pairs} == {TransferStatus.LINKED}
    assert {leg for row in pairs for leg in row[1:]} == own

    # The next run has nothing to do, and neither have the users.
    again = transfers.match_transfers(world.run())
    assert (again.accounts, again.counts) == ((), WriteCounts())


def test_one_user_who_is_busy_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(world.run())

    def refuse(*_: object) -> None:
        message = "another transaction was in the way"
        raise RetryableError(message)

    monkeypatch.setattr(operations, "match_transfers", refuse)
    (outcome,) = transfers.match_transfers(world.run()).accounts

    assert (outcome.status, outcome.reason) == (Status.FAILED, "another transaction was in the way")
