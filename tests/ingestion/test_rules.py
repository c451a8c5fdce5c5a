"""A sync lets rules tag what it brought, and one user's bad rule stops nobody."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import rules
from ingestion.run import Run, Status
from postgres.common.models import AuditEntry, Transaction, TransactionSplit
from postgres.common.operations import tag_rules, tags
from postgres.core import WriteCounts
from tests.conftest import World
from tests.ingestion import pipeline
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.rules import add, make_rule, tag_of

NETFLIX = {"description": {"contains": "netflix"}}


@pytest.fixture
def run(sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path))
    settings = Settings.load()
    return Run("run-7", sessions, settings, SecretBox.from_settings(settings))


def people(sessions: sessionmaker[Session]) -> tuple[Ledger, Ledger]:
    """Two users with a rule each, in the order of their names."""
    with sessions.begin() as session:
        ledgers = make_ledger(session), make_ledger(session)
        for ledger, name in zip(ledgers, ("ann", "bob"), strict=True):
            ledger.user.name = name
            make_rule(session, ledger, NETFLIX)
    return ledgers


def test_every_user_with_changes_has_an_outcome(run: Run, sessions: sessionmaker[Session]) -> None:
    ann, bob = people(sessions)
    assert rules.apply_tag_rules(run).accounts == ()
    with sessions.begin() as session:
        rows = [add(session, ann), add(session, ann), add(session, bob, description="bakery")]

    found = rules.apply_tag_rules(run)

    assert found.table == "common.transaction_splits"
    assert [(a.label, a.status, a.counts) for a in found.accounts] == [
        (f"user {ann.user.id}", Status.COMPLETED, WriteCounts(inserted=2)),
        (f"user {bob.user.id}", Status.COMPLETED, WriteCounts()),
    ]
    assert rules.apply_tag_rules(run).accounts == ()
    with sessions() as session:
        assert [tag_of(session, row) is not None for row in rows] == [True, True, False]
        actors = sa.select(AuditEntry.actor).where(
            AuditEntry.table_name == "common.transaction_splits"
        )
        assert set(session.scalars(actors)) == {"tag_rules:run-7"}


def test_a_rule_that_cannot_act_is_told_and_stops_nobody(
    run: Run, sessions: sessionmaker[Session]
) -> None:
    ann, bob = people(sessions)
    with sessions.begin() as session:
        broken = make_rule(session, ann, NETFLIX, name="Private", priority=1)
        broken.conditions = {"description": {"matches": "("}}
        rows = [add(session, ann), add(session, bob)]

    first, second = rules.apply_tag_rules(run).accounts

    assert (first.status, first.counts.inserted) == (Status.FAILED, 1)
    assert first.reason is not None
    assert first.reason.startswith(f"rule {broken.id}: invalid regular expression")
    assert "Private" not in first.reason
    assert second.status is Status.COMPLETED
    with sessions() as session:
        assert all(tag_of(session, row) for row in rows)


def test_what_changes_and_goes_is_counted(run: Run, sessions: sessionmaker[Session]) -> None:
    ann, _ = people(sessions)
    with sessions.begin() as session:
        row = add(session, ann)
    rules.apply_tag_rules(run)
    with sessions.begin() as session:
        session.get_one(Transaction, row.id).description = "bakery"

    (outcome,) = rules.apply_tag_rules(run).accounts

    assert outcome.counts == WriteCounts(updated=1)


@pytest.mark.slow
def test_what_a_sync_brings_is_tagged_whatever_connection_it_is_of(world: World) -> None:
    with world.sessions.begin() as session:
        tag = tags.create_tag(session, world.user_id, "Out")
        out = {"amount": {"direction": "out"}}
        tag_rules.create_rule(session, world.user_id, name="Out", tag_id=tag.id, conditions=out)
    pipeline.sync(world.run())

    (outcome,) = rules.apply_tag_rules(world.run(connection_id=uuid.uuid4())).accounts

    with world.sessions() as session:
        amounts = session.scalars(
            sa.select(Transaction.amount).join(
                TransactionSplit, TransactionSplit.transaction_id == Transaction.id
            )
        ).all()
    assert outcome.counts == WriteCounts(inserted=len(amounts))
    assert max(amounts) < 0
    pipeline.sync(world.run("run-2"))
    assert rules.apply_tag_rules(world.run("run-2")).counts == WriteCounts()
