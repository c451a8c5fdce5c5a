"""Polling cursors: every update handled once, by whichever of the pollers."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.errors import NotFoundError, OperationError
from postgres.telegram.models import PollingCursor
from postgres.telegram.operations import polling_cursors as cursors
from postgres.telegram.operations.polling_cursors import RENUMBERED_AFTER

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
BOT = 7_000_000_001  # more than 32 bits
SECOND = dt.timedelta(seconds=1)
POLLERS = 8

_bots = itertools.count(1)


def claimed(session: Session, bot_id: int = BOT) -> PollingCursor:
    cursor = cursors.claim_cursor(session, bot_id)
    assert cursor is not None
    return cursor


class TestOnePoller:
    def test_begins_without_an_offset_and_goes_on_behind_the_last(self, session: Session) -> None:
        cursor = claimed(session)
        assert cursors.next_offset(cursor, now=AT) is None

        cursors.advance_cursor(session, BOT, 100, now=AT)
        session.commit()

        assert cursors.next_offset(claimed(session), now=AT) == 101

    def test_never_goes_back(self, session: Session) -> None:
        claimed(session)
        cursors.advance_cursor(session, BOT, 100, now=AT)
        session.commit()

        with pytest.raises(OperationError, match="a later update than 99"):
            cursors.advance_cursor(session, BOT, 99, now=AT + RENUMBERED_AFTER - SECOND)
        cursors.advance_cursor(session, BOT, 100, now=AT)  # once more: nothing is lost
        session.commit()

        assert cursors.next_offset(claimed(session), now=AT) == 101

    @pytest.mark.parametrize(
        "change",
        [
            {"last_update_id": 99},
            {"last_update_id": None, "advanced_at": None},
            {"last_update_id": 99, "advanced_at": AT + RENUMBERED_AFTER - SECOND},
        ],
    )
    def test_not_by_any_other_code_either(
        self, session: Session, change: dict[str, object]
    ) -> None:
        claimed(session)
        cursors.advance_cursor(session, BOT, 100, now=AT)

        with pytest.raises(sa.exc.IntegrityError, match="comes before"):
            session.execute(sa.update(PollingCursor).values(change))

    def test_follows_telegram_into_new_numbers_after_a_pause(self, session: Session) -> None:
        # After a week without an update the next number is a random one. Asking from an old one
        # on would make Telegram forget it.
        claimed(session)
        cursors.advance_cursor(session, BOT, 1_000_000, now=AT)
        later = AT + dt.timedelta(days=8)

        assert cursors.next_offset(claimed(session), now=later) is None
        cursors.advance_cursor(session, BOT, 5, now=later)

        assert cursors.next_offset(claimed(session), now=later) == 6

    @pytest.mark.parametrize(
        ("pause", "offset"), [(RENUMBERED_AFTER - SECOND, 101), (RENUMBERED_AFTER, None)]
    )
    def test_the_pause_is_the_one_that_the_database_knows(
        self, session: Session, pause: dt.timedelta, offset: int | None
    ) -> None:
        claimed(session)
        cursors.advance_cursor(session, BOT, 100, now=AT)

        assert cursors.next_offset(claimed(session), now=AT + pause) == offset
        if offset is None:
            cursors.advance_cursor(session, BOT, 1, now=AT + pause)
        else:
            with pytest.raises(OperationError):
                cursors.advance_cursor(session, BOT, 1, now=AT + pause)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(ids=st.lists(st.integers(1, 50), min_size=1, max_size=20))
    def test_stands_at_the_highest_whatever_is_tried(
        self, session: Session, ids: list[int]
    ) -> None:
        bot_id = next(_bots)
        claimed(session, bot_id)
        for update_id in ids:
            try:
                cursors.advance_cursor(session, bot_id, update_id, now=AT)
            except OperationError:
                continue

        assert cursors.next_offset(claimed(session, bot_id), now=AT) == max(ids) + 1

    def test_each_bot_has_its_own(self, session: Session) -> None:
        for bot_id in (3, 1, 2):
            claimed(session, bot_id)
            cursors.advance_cursor(session, bot_id, bot_id * 10, now=AT)
        first = cursors.list_cursors(session, limit=2)
        second = cursors.list_cursors(session, limit=2, after=first.after)

        assert [(c.bot_id, c.last_update_id) for c in (*first.items, *second.items)] == [
            (1, 10),
            (2, 20),
            (3, 30),
        ]
        cursors.delete_cursor(session, 2)
        assert cursors.get_cursor(session, 2) is None
        assert cursors.get_cursor(session, 1) is not None

    def test_no_such_bot(self, session: Session) -> None:
        with pytest.raises(NotFoundError):
            cursors.advance_cursor(session, BOT, 1, now=AT)
        with pytest.raises(NotFoundError):
            cursors.delete_cursor(session, BOT)


class TestManyPollers:
    @pytest.mark.parametrize("is_first", [True, False])
    def test_one_has_it_and_the_others_do_not_wait(
        self, sessions: sessionmaker[Session], is_first: bool
    ) -> None:
        if not is_first:
            with sessions.begin() as session:
                claimed(session)

        with sessions() as one, sessions() as other:
            one.execute(sa.text("set lock_timeout = '1ms'"))
            other.execute(sa.text("set lock_timeout = '1ms'"))
            assert cursors.claim_cursor(one, BOT) is not None
            assert cursors.claim_cursor(other, BOT) is None
            assert cursors.claim_cursor(other, BOT + 1) is not None
            assert cursors.claim_cursor(one, BOT) is not None  # its own still

            cursors.advance_cursor(one, BOT, 100, now=AT)
            one.rollback()
            assert cursors.next_offset(claimed(other), now=AT) is None

    def test_a_claim_knows_what_another_has_handled_since(
        self, sessions: sessionmaker[Session]
    ) -> None:
        with sessions() as one, sessions() as other:
            seen = claimed(one)
            one.commit()
            claimed(other)
            cursors.advance_cursor(other, BOT, 100, now=AT)
            other.commit()

            assert claimed(one) is seen
            assert cursors.next_offset(seen, now=AT) == 101

    def test_every_update_is_handled_once_and_in_order(
        self, sessions: sessionmaker[Session]
    ) -> None:
        updates = range(1, 41)
        with sessions.begin() as session:
            session.execute(sa.text("create table handled (id serial, update_id int)"))
        start = threading.Barrier(POLLERS)

        def poll(_: int) -> None:
            start.wait()
            for turn in itertools.count():
                with sessions() as session:
                    cursor = cursors.claim_cursor(session, BOT)
                    if cursor is None:
                        continue
                    offset = cursors.next_offset(cursor, now=AT) or updates[0]
                    batch = [update for update in updates if update >= offset][:3]
                    if not batch:
                        return
                    for update in batch:
                        session.execute(
                            sa.text("insert into handled (update_id) values (:id)"), {"id": update}
                        )
                        cursors.advance_cursor(session, BOT, update, now=AT)
                    if turn % 2:  # else it dies behind its work
                        session.commit()

        with ThreadPoolExecutor(POLLERS) as pool:
            list(pool.map(poll, range(POLLERS)))

        with sessions() as session:
            handled = session.scalars(sa.text("select update_id from handled order by id")).all()
        assert handled == list(updates)
