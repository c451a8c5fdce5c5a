"""Which days are read: two weeks again each time, everything weekly, and no day missed unsaid."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from farthing import clock
from ingestion.gocardless.accounts import shorter
from ingestion.run import Window
from postgres.gocardless.models import BankAccount
from postgres.gocardless.operations import bank_accounts
from tests.conftest import World
from tests.ingestion.pipeline import sync


def days_asked(world: World, run_id: str) -> set[int]:
    """How many days back the accounts were asked for in a sync."""
    world.sandbox.clear_requests()
    sync(world.run(run_id))
    return {
        (clock.today() - dt.date.fromisoformat(parse_qs(request["query"])["date_from"][0])).days
        for request in world.sandbox.requests()
        if request["path"].endswith("/transactions/")
    }


def test_all_days_are_read_again_once_a_week(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def pass_days(days: int) -> None:
        world.sandbox.advance(days=days)
        monkeypatch.setenv("FARTHING_NOW", (clock.now() + dt.timedelta(days=days)).isoformat())

    (history,) = days_asked(world, "run-1")
    assert history >= 90

    pass_days(1)
    assert days_asked(world, "run-2") == {15}
    pass_days(6)
    assert days_asked(world, "run-3") == {history}
    pass_days(1)
    assert days_asked(world, "run-4") == {15}


def test_days_that_passed_out_of_reach_are_named_until_they_are_read(world: World) -> None:
    sync(world.run("run-1"))
    with world.sessions.begin() as session:
        history = world.sandbox.truth()["bank_accounts"]
        assert history
        last_read = clock.today() - dt.timedelta(days=800)
        session.execute(sa.update(BankAccount).values(transactions_through=last_read))

    outcome = sync(world.run("run-2"))["gocardless.transactions"]

    with world.sessions() as session:
        missed = bank_accounts.list_gaps(session, world.user_id)
        spans = {(str(days.lower), str(days.upper)) for each in missed for days in each.gaps}
    assert len(missed) == len(outcome.accounts)
    (span,) = spans
    assert span[0] == str(last_read + dt.timedelta(days=1))
    assert all(span[0] in str(each.reason) for each in outcome.accounts)

    sync(world.run("run-3"))
    with world.sessions() as session:
        assert len(bank_accounts.list_gaps(session, world.user_id)) == len(missed)
        bank_accounts.note_read(
            session,
            world.user_id,
            missed[0].id,
            first_told=dt.date.fromisoformat(span[0]),
            last=clock.today(),
            scanned_on=None,
            gap=None,
        )
        assert len(bank_accounts.list_gaps(session, world.user_id)) == len(missed) - 1


def test_a_backfill_is_read_as_asked_and_is_no_scan(world: World) -> None:
    sync(world.run("run-1"))
    with world.sessions.begin() as session:
        session.execute(sa.update(BankAccount).values(scanned_on=None))

    asked = Window(dt.date(2026, 1, 1), dt.date(2026, 1, 31))
    outcome = sync(world.run("run-2"), asked)["gocardless.transactions"]

    assert {each.window for each in outcome.accounts} == {asked}
    with world.sessions() as session:
        assert set(session.scalars(sa.select(BankAccount.scanned_on))) == {None}


WHOLE = Window(dt.date(2025, 1, 1), dt.date(2026, 3, 15))


@pytest.mark.parametrize(
    ("window", "named", "first"),
    [
        (WHOLE, (), dt.date(2025, 12, 16)),
        (WHOLE, (dt.date(2025, 1, 1), dt.date(2025, 10, 1)), dt.date(2025, 10, 1)),
        (WHOLE, (dt.date(2027, 1, 1),), dt.date(2025, 12, 16)),
        (Window(dt.date(2025, 12, 16), WHOLE.last), (), dt.date(2026, 1, 14)),
        (Window(dt.date(2026, 2, 13), WHOLE.last), (), None),
    ],
)
def test_a_period_that_was_refused_is_made_shorter(
    window: Window, named: tuple[dt.date, ...], first: dt.date | None
) -> None:
    assert shorter(window, named) == (first and Window(first, window.last))
