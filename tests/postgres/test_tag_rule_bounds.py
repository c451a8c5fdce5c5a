"""Rules among slow patterns, other writers, many rows and only what changed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import SplitSource, TransactionStatus
from postgres.common.models import TagRule, Transaction, TransactionSplit
from postgres.common.operations import tag_rules, tags, transaction_splits
from postgres.common.rules import evaluate
from postgres.common.rules.bound import OutOfTime, time_bound
from postgres.common.rules.evaluate import Scope, read_pass
from postgres.common.rules.stage import Counts, count_staged, staged, write_staged
from postgres.errors import RetryableError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.rules import add, add_many, apply, make_rule, put, split_of, tag_of

NETFLIX = {"description": {"contains": "netflix"}}
OUT = {"amount": {"direction": "out"}}
# Half a millisecond for each new text: done with the one that it is tried on, but not with many.
SLOW = {"description": {"matches": "(.{1,200}){1,100}#"}}


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


class TestTimeBound:
    def test_a_slow_rule_is_named_and_the_others_do_their_work(
        self, session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(evaluate, "PATTERN_MILLISECONDS", 250)
        session.execute(sa.text("set local statement_timeout = '50s'"))
        slow = make_rule(session, ledger, SLOW, name="slow")
        quick = make_rule(session, ledger, {"description": {"matches": "^card"}})
        plain = make_rule(session, ledger, OUT)
        add_many(session, ledger, 4000)
        mine = add(session, ledger, description="bakery")
        card = add(session, ledger)
        kept = add(session, ledger)
        put(session, kept, tag_id=slow.tag_id, rule_id=slow.id, source=SplitSource.RULE)

        applied = tag_rules.apply_rules(session, ledger.user.id)

        (failure,) = applied.left_out
        assert failure.rule_id == slow.id
        assert str(failure) == "the rule 'slow' was left out: it took longer than 0.25 s"
        assert applied.counts == Counts(tagged=4002)
        assert tag_of(session, mine) == plain.tag_id
        assert tag_of(session, card) == quick.tag_id
        # Nobody knows what it says of its own, so they stay.
        assert tag_of(session, kept) == slow.tag_id
        assert session.scalar(sa.text("show statement_timeout")) == "50s"
        preview = tag_rules.preview_rules(session, ledger.user.id)
        assert preview.counts == Counts()
        assert [failure.rule_id for failure in preview.left_out] == [slow.id]

    def test_rules_that_are_slow_together_only_are_not_left_out(
        self, session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_rule(session, ledger, {"description": {"matches": "^card"}})
        add(session, ledger)
        runs = []

        @contextmanager
        def impatient(session: Session, milliseconds: int) -> Iterator[None]:
            runs.append(milliseconds)
            if len(runs) == 1:
                raise OutOfTime
            yield

        monkeypatch.setattr(evaluate, "time_bound", impatient)

        assert apply(session, ledger) == Counts(tagged=1)
        assert runs == [evaluate.PATTERN_MILLISECONDS] * 2

    def test_a_stored_rule_that_is_none_is_named_and_the_others_do_their_work(
        self, session: Session, ledger: Ledger
    ) -> None:
        alien = make_rule(session, ledger, NETFLIX, name="alien")
        alien.conditions = {"moon": "full"}
        broken = make_rule(session, ledger, NETFLIX, name="broken")
        broken.conditions = {"description": {"matches": "("}}
        plain = make_rule(session, ledger, NETFLIX)
        transaction = add(session, ledger)

        applied = tag_rules.apply_rules(session, ledger.user.id)

        assert [failure.rule_id for failure in applied.left_out] == [alien.id, broken.id]
        assert "conditions.moon" in str(applied.left_out[0])
        assert "parentheses () not balanced" in str(applied.left_out[1])
        assert tag_of(session, transaction) == plain.tag_id
        why = tag_rules.explain_transaction(session, ledger.user.id, transaction.id)
        assert why is not None
        assert [failure.rule_id for failure in why.left_out] == [alien.id, broken.id]
        assert list(why.matching) == [plain]
        # It can be mended.
        tag_rules.update_rule(session, ledger.user.id, alien.id, conditions={})
        tag_rules.update_rule(session, ledger.user.id, broken.id, conditions={})
        assert apply(session, ledger) == Counts()

    def test_what_others_end_is_not_taken_for_slow(
        self, session: Session, engine: sa.Engine
    ) -> None:
        pid = session.scalar(sa.text("select pg_backend_pid()"))

        def cancel() -> None:
            with engine.connect() as connection:
                while not connection.scalar(
                    sa.text(
                        "select query like '%pg_sleep%' from pg_stat_activity where pid = :pid"
                    ),
                    {"pid": pid},
                ):
                    connection.rollback()
                connection.execute(sa.text("select pg_cancel_backend(:pid)"), {"pid": pid})

        with ThreadPoolExecutor(1) as pool:
            cancelled = pool.submit(cancel)
            with (
                pytest.raises(sa.exc.OperationalError, match="user request"),
                time_bound(session, 60_000),
            ):
                session.execute(sa.text("select pg_sleep(50)"))
            cancelled.result()

    def test_a_bound_of_the_sessions_own_that_is_shorter_stays(self, session: Session) -> None:
        session.execute(sa.text("set local statement_timeout = '50ms'"))

        with (
            pytest.raises(sa.exc.OperationalError) as caught,
            time_bound(session, 60_000),
        ):
            session.execute(sa.text("select pg_sleep(50)"))

        assert isinstance(caught.value.orig, psycopg.errors.QueryCanceled)

    def test_more_patterns_than_postgresql_keeps_compiled(
        self, session: Session, ledger: Ledger
    ) -> None:
        count = evaluate.MOST_CACHED + 5
        rules = [
            make_rule(session, ledger, {"description": {"matches": rf"^shop \w{{{n}}}$"}})
            for n in range(1, count + 1)
        ]
        negated = make_rule(session, ledger, {"not": rules[-1].conditions})
        rows = [add(session, ledger, description="shop " + "x" * n) for n in range(1, count + 1)]
        bare = add(session, ledger, description=None)

        apply(session, ledger)

        assert [tag_of(session, row) for row in rows] == [rule.tag_id for rule in rules]
        assert tag_of(session, bare) == negated.tag_id


class TestChanges:
    @pytest.fixture
    def shared(self, sessions: sessionmaker[Session]) -> Ledger:
        with sessions.begin() as session:
            make_rule(session, make_ledger(session), NETFLIX)
            return make_ledger(session)

    def follow(self, sessions: sessionmaker[Session], ledger: Ledger) -> Counts:
        with sessions.begin() as session:
            return tag_rules.apply_to_changes(session, ledger.user.id).counts

    def due(self, sessions: sessionmaker[Session]) -> list[uuid.UUID]:
        with sessions() as session:
            return [user.id for user in tag_rules.list_due_users(session)]

    def test_only_what_changed_since_the_last_time_is_looked_at(
        self, sessions: sessionmaker[Session], shared: Ledger
    ) -> None:
        with sessions.begin() as session:
            old = add(session, shared)
        assert self.due(sessions) == []
        assert self.follow(sessions, shared) == Counts()
        with sessions.begin() as session:
            rule = make_rule(session, shared, NETFLIX)
        assert self.due(sessions) == []

        with sessions.begin() as session:
            new = add(session, shared)
        assert self.due(sessions) == [shared.user.id]
        assert self.follow(sessions, shared) == Counts(tagged=1)
        assert self.due(sessions) == []
        assert self.follow(sessions, shared) == Counts()

        # A rule that changes reaches back no more than a new one.
        with sessions.begin() as session:
            fun = tags.create_tag(session, shared.user.id, "Fun")
            tag_rules.update_rule(session, shared.user.id, rule.id, tag_id=fun.id)
        assert self.follow(sessions, shared) == Counts()
        with sessions.begin() as session:
            session.get_one(Transaction, old.id).description = "NETFLIX AGAIN"
        assert self.follow(sessions, shared) == Counts(tagged=1)
        with sessions.begin() as session:
            late = tags.create_tag(session, shared.user.id, "Late")
            tag_rules.update_rule(session, shared.user.id, rule.id, tag_id=late.id)
        assert self.follow(sessions, shared) == Counts()
        with sessions() as session:
            assert tag_of(session, old) == fun.id
            assert tag_of(session, new) == rule.tag_id

    def test_what_was_not_committed_yet_is_not_missed(
        self, sessions: sessionmaker[Session], shared: Ledger
    ) -> None:
        with sessions.begin() as session:
            make_rule(session, shared, NETFLIX)
        with sessions() as slow:
            late = add(slow, shared)
            with sessions.begin() as session:
                add(session, shared)
            assert self.follow(sessions, shared) == Counts(tagged=1)
            slow.commit()

        assert self.follow(sessions, shared) == Counts(tagged=1)
        with sessions() as session:
            assert tag_of(session, late) is not None

    def test_changes_are_found_without_reading_everything(
        self, sessions: sessionmaker[Session], shared: Ledger
    ) -> None:
        with sessions.begin() as session:
            make_rule(session, shared, NETFLIX)
            add_many(session, shared, 4000)
            session.execute(sa.text("analyze common.transactions"))
        with sessions.begin() as session:
            scope = Scope(since=session.scalar(sa.select(sa.func.now())))
            query = evaluate.select_changes(read_pass(session, shared.user.id, scope)).compile(
                session.get_bind()
            )
            found = session.connection().exec_driver_sql(f"explain {query}", query.params)
            plan = "\n".join(found.scalars())

        assert "ix_transactions__updated_at" in plan


def test_statements_do_not_grow_with_rows(
    session: Session, ledger: Ledger, engine: sa.Engine
) -> None:
    make_rule(session, ledger, NETFLIX)
    counts = []
    for rows in (2, 40):
        for _ in range(rows):
            add(session, ledger)
        statements: list[str] = []

        def note(*event: Any, into: list[str] = statements) -> None:
            into.append(event[2])

        sa.event.listen(engine, "before_cursor_execute", note)
        assert tag_rules.apply_rules(session, ledger.user.id).counts == Counts(tagged=rows)
        sa.event.remove(engine, "before_cursor_execute", note)
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 12


def test_an_application_acts_for_its_user_alone(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        mine, theirs = make_ledger(session), make_ledger(session)
        rows = [add(session, ledger) for ledger in (mine, theirs)]
        make_rule(session, theirs, NETFLIX)

    with user_session(sessions, mine.user.id) as session:
        rule = make_rule(session, mine, {"not": {"description": {"matches": "x{9}"}}})
        found = tag_rules.preview_rules(session, mine.user.id).changes.items
        assert [change.transaction.id for change in found] == [rows[0].id]
        assert tag_rules.apply_rules(session, mine.user.id).counts == Counts(tagged=1)
        assert tag_rules.apply_rules(session, theirs.user.id).counts == Counts()

    with sessions() as session:
        splits = session.scalars(sa.select(TransactionSplit)).all()
        assert [(split.user_id, split.rule_id) for split in splits] == [(mine.user.id, rule.id)]


def test_what_the_user_does_during_a_pass_stays(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        user_id = ledger.user.id
        rule = make_rule(session, ledger, NETFLIX)
        hand = tags.create_tag(session, user_id, "hand").id
        bare, retagged, untagged, gone = (add(session, ledger) for _ in range(4))
        for row in (retagged, untagged, gone):
            put(session, row, tag_id=hand, rule_id=rule.id, source=SplitSource.RULE)
        untagged.description = gone.description = "bakery"

    with sessions.begin() as session, staged(session, read_pass(session, user_id, Scope())):
        assert count_staged(session) == Counts(tagged=1, retagged=1, untagged=2)
        with sessions.begin() as other:
            for row in (bare, retagged, untagged):
                transaction_splits.set_tag(other, user_id, row.id, hand)
            transaction_splits.clear_splits(other, user_id, gone.id)
        assert write_staged(session) == Counts()

    with sessions() as session:
        assert [tag_of(session, row) for row in (bare, retagged, untagged, gone)] == [
            hand, hand, hand, None
        ]  # fmt: skip


def test_a_tag_that_is_taken_off_during_a_pass_is_not_put_back(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        user_id = ledger.user.id
        rule = make_rule(session, ledger, NETFLIX)
        removed, voided = add(session, ledger), add(session, ledger)

    with sessions.begin() as session, staged(session, read_pass(session, user_id, Scope())):
        with sessions.begin() as other:
            transaction_splits.set_tag(other, user_id, removed.id, rule.tag_id)
            transaction_splits.clear_splits(other, user_id, removed.id)
            other.get_one(Transaction, voided.id).status = TransactionStatus.VOID
        assert write_staged(session) == Counts()


@pytest.mark.slow
def test_rules_and_people_at_the_same_time(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        user_id = ledger.user.id
        rows = [add(session, ledger, amount=Decimal(-n)) for n in range(1, 9)]
        rules = [make_rule(session, ledger, OUT), make_rule(session, ledger, NETFLIX)]
        hand = tags.create_tag(session, user_id, "hand").id
    barrier = threading.Barrier(8)

    def attempt(number: int, turn: int) -> None:
        with sessions.begin() as session:
            if number < 3:
                tag_rules.apply_rules(session, user_id)
            elif number == 3:
                order = [rule.id for rule in tag_rules.list_rules(session, user_id).items]
                tag_rules.reorder_rules(session, user_id, order[::-1])
            elif number == 4:
                tag_rules.update_rule(session, user_id, rules[0].id, is_enabled=turn % 2 == 0)
            else:
                chosen = rows[turn % 8].id
                transaction_splits.set_tag(
                    session, user_id, chosen, hand if number == 5 else rules[number - 6].tag_id
                )

    def work(number: int) -> int:
        barrier.wait()
        retried = 0
        for turn in range(8):
            while True:
                try:
                    attempt(number, turn)
                    break
                except RetryableError:
                    retried += 1
        return retried

    with ThreadPoolExecutor(8) as pool:
        retries = list(pool.map(work, range(8)))

    assert sum(retries) < 50
    with sessions.begin() as session:
        session.execute(sa.update(TagRule).values(is_enabled=True))
        apply(session, ledger)
        # Everybody's last word was the user's.
        assert {split_of(session, row).source for row in rows} == {"user"}  # type: ignore[union-attr]
        assert session.scalar(sa.select(sa.func.count()).select_from(TransactionSplit)) == len(rows)


@pytest.mark.parametrize("by_hand", [0, 20])
def test_a_first_application_reads_no_table_once_for_each_row(
    session: Session, engine: sa.Engine, ledger: Ledger, by_hand: int
) -> None:
    make_rule(session, ledger, OUT)
    for _ in range(by_hand):
        put(session, add(session, ledger))
    add_many(session, ledger, 3000)
    session.commit()
    # The planner believes that a table stays empty which was so when it was vacuumed, and that
    # there are no splits by rules where none was counted.
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("vacuum analyze common.transaction_splits")
    scans = sa.text(
        "select sum(seq_scan) from pg_stat_xact_user_tables"
        " where relid in ('common.transaction_splits'::regclass, 'tag_rule_changes'::regclass)"
    )

    with staged(session, read_pass(session, ledger.user.id, Scope())):
        before = session.scalar(scans)
        assert write_staged(session) == Counts(tagged=3000)
        assert session.scalar(scans) - before < 20
