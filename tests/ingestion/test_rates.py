"""Reference rates arrive by themselves, and a network that is not there is no failure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import rates
from ingestion.run import AccountOutcome, Run, Status
from postgres.common.models import FxRate
from postgres.common.operations import fx_rates
from postgres.core import WriteCounts
from sandbox.server import running
from tests.postgres.ledger import book, make_ledger

# The installed archive ends before this day.
LATER = "2027-06-14T09:00:00Z"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def run(
    sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], AccountOutcome]:
    """Pull the rates at an instant, from an address."""
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path))

    def pull(now: str, url: str) -> AccountOutcome:
        monkeypatch.setenv("FARTHING_NOW", now)
        monkeypatch.setenv("ECB_BASE_URL", url)
        settings = Settings.load()
        run = Run("run", sessions, settings, SecretBox.from_settings(settings))
        (outcome,) = rates.pull_fx_rates(run).accounts
        return outcome

    return pull


Pull = Callable[[str, str], AccountOutcome]


def days(sessions: sessionmaker[Session]) -> tuple[dt.date | None, dt.date | None]:
    with sessions() as session:
        return fx_rates.first_day(session), fx_rates.latest_day(session)


def test_the_installed_rates_are_enough_for_their_time(
    run: Pull, sessions: sessionmaker[Session]
) -> None:
    first = run("2026-03-15T09:00:00Z", NOBODY)
    again = run("2026-03-15T21:00:00Z", NOBODY)

    assert (first.status, first.reason) == (Status.COMPLETED, None)
    assert first.counts.inserted == first.received > 10_000
    assert (again.received, again.counts) == (0, WriteCounts())
    assert days(sessions) == (dt.date(2024, 3, 8), dt.date(2026, 3, 13))
    with sessions() as session:
        assert fx_rates.get_rate(session, "EUR", "GBP", dt.date(2026, 3, 15)) == Decimal("0.86503")
        sources = session.scalars(sa.select(FxRate.source).distinct()).all()
    assert sources == ["ecb"]


def test_only_what_is_missing_is_read(run: Pull, sessions: sessionmaker[Session]) -> None:
    run("2026-03-15T09:00:00Z", NOBODY)
    newer = run("2026-03-18T09:00:00Z", NOBODY)

    assert newer.received == newer.counts.inserted < 3 * 42
    assert days(sessions)[1] == dt.date(2026, 3, 18)


def test_older_transactions_bring_older_rates(run: Pull, sessions: sessionmaker[Session]) -> None:
    run("2026-03-15T09:00:00Z", NOBODY)
    with sessions.begin() as session:
        book(session, make_ledger(session), dt.date(2022, 12, 28), "-5")

    older = run("2026-03-15T09:00:00Z", NOBODY)
    again = run("2026-03-15T09:00:00Z", NOBODY)

    assert older.counts.inserted == older.received > 5_000
    assert again.received == 0
    assert days(sessions)[0] == dt.date(2022, 12, 21)
    with sessions() as session:
        croatia = fx_rates.list_rates(session, currency="HRK").items
        assert croatia[0].day == dt.date(2022, 12, 30)
        assert fx_rates.get_rate(session, "HRK", "EUR", dt.date(2023, 1, 10)) is None


@pytest.mark.parametrize(
    ("oldest", "since"),
    [
        (None, dt.date(2024, 3, 8)),
        (dt.date(2025, 1, 1), dt.date(2024, 3, 8)),
        (dt.date(2020, 1, 8), dt.date(2020, 1, 1)),
        (dt.date(1987, 6, 1), dt.date(1999, 1, 4)),
    ],
)
def test_rates_reach_back_to_the_oldest_row_but_not_beyond_the_euro(
    oldest: dt.date | None, since: dt.date
) -> None:
    assert rates._since(oldest, dt.date(2026, 3, 15)) == since


def test_newer_rates_come_from_the_bank(run: Pull, sessions: sessionmaker[Session]) -> None:
    with running(seed=7, now=LATER) as sandbox:
        online = run(LATER, sandbox.ecb_url)
        again = run(LATER, NOBODY)

    assert (online.status, again.status) == (Status.COMPLETED, Status.COMPLETED)
    assert again.received == 0
    # 14 June 2027 is a Monday.
    assert days(sessions)[1] == dt.date(2027, 6, 11)
    with sessions() as session:
        gaps = session.execute(
            sa.text(
                "select max(day - previous) from (select day, lag(day) over (order by day)"
                " as previous from (select distinct day from common.fx_rates) as d) as g"
            )
        ).scalar_one()
    assert gaps <= 5


def test_without_a_network_the_rates_that_are_there_stay_good(
    run: Pull, sessions: sessionmaker[Session]
) -> None:
    offline = run(LATER, NOBODY)

    assert offline.status is Status.DEFERRED
    assert offline.reason is not None
    assert "European Central Bank cannot be reached" in offline.reason
    newest = days(sessions)[1]
    assert newest is not None
    assert str(newest) in offline.reason
    with sessions() as session:
        assert fx_rates.get_rate(session, "GBP", "EUR", newest) is not None
        assert fx_rates.get_rate(session, "GBP", "EUR", dt.date(2027, 6, 14)) is None


def test_an_archive_that_is_broken_is_no_failure_either(run: Pull) -> None:
    with running(seed=7, now=LATER) as sandbox:
        outcome = run(LATER, f"{sandbox.url}/nothing")

    assert outcome.status is Status.DEFERRED
    assert "status 404" in str(outcome.reason)


@pytest.mark.parametrize(
    ("now", "published"),
    [
        ("2026-03-13T23:00:00Z", dt.date(2026, 3, 12)),
        ("2026-03-14T01:00:00Z", dt.date(2026, 3, 13)),
        ("2026-03-15T01:00:00Z", dt.date(2026, 3, 13)),
        ("2026-03-16T01:00:00Z", dt.date(2026, 3, 13)),
        ("2026-03-17T01:00:00Z", dt.date(2026, 3, 16)),
    ],
)
def test_weekends_have_no_rates(now: str, published: dt.date) -> None:
    assert rates._last_published(dt.date.fromisoformat(now[:10])) == published
