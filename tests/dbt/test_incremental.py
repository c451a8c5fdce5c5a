"""Run after run: each says what a full one says, and what the user decided stands."""

from __future__ import annotations

import datetime as dt
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from dbt.cli.main import dbtRunner

from benchmarks.recurring_sequences import Sequence
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import write_back
from ingestion.run import Run
from postgres.common.enums import RecurringStatus
from postgres.common.models import RecurringPattern, RecurringPatternTransaction
from postgres.common.operations import merchants, recurring_patterns
from postgres.core import make_engine, make_sessions
from tests.dbt.household import monthly
from tests.dbt.ledger import Ledger, Payment, Row, identity

ANALYSED = "intermediate.int_recurring_analysed"
USER = identity("ada")
DECIDED = dt.datetime(2025, 11, 25, 10, tzinfo=dt.UTC)

# What each costs, on which day of the month and under which name; then how it goes on.
Payee = tuple[str, int, str]
BEFORE: dict[str, Payee] = {
    "kept": ("-9.99", 10, "VELLUM MAGAZINE"),
    "dismissed": ("-24.50", 16, "MARROW GYM"),
    "edited": ("-61.30", 22, "TINDALE WATER"),
}
LATER: dict[str, dict[str, Payee]] = {
    "2026-02-01": {
        "kept": ("-11.49", 13, "VELLUM MAGAZINE"),
        "dismissed": ("-27.00", 16, "MARROW GYM"),
        "edited": ("-61.30", 25, "TINDALE WATER"),
    },
    "2026-04-01": {
        "kept": ("-11.49", 10, "DIRECT DEBIT 4411 VELLUM MAGAZINE LTD"),
        "dismissed": ("-27.00", 19, "CARD PAYMENT MARROW GYM LEEDS"),
        "edited": ("-66.10", 25, "TINDALE WATER CO"),
    },
}


@pytest.fixture(scope="module")
def ledger(new_ledger: Callable[[], Ledger]) -> Ledger:
    """Return one ledger for all: dbt parses its project anew for each database."""
    return new_ledger()


def told(ledger: Ledger) -> dict[str, list[Row]]:
    return {
        mart: ledger.query(f"select * from marts.{mart} order by {key}")  # noqa: S608 - our names
        for mart, key in (
            ("fct_recurring_patterns", "pattern_key"),
            ("fct_recurring_occurrences", "occurrence_key"),
        )
    }


@contextmanager
def another(manifest: Any, node: Any, attribute: str) -> Iterator[None]:
    """Change a source of the project, as an upgrade would."""
    before = getattr(node, attribute)
    setattr(node, attribute, before + " ")
    manifest.build_flat_graph()
    try:
        yield
    finally:
        setattr(node, attribute, before)


def test_decisions_stand_while_payments_drift(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = make_sessions(make_engine(ledger.url, pooled=False))
    settings = Settings.load()
    run = Run("run", sessions, settings, SecretBox.from_settings(settings))

    def pay(payees: dict[str, Payee], first: tuple[int, int], count: int) -> dict[str, set[UUID]]:
        paid = {}
        for name, (amount, day, text) in payees.items():
            rows = [Payment(on, Decimal(amount), text) for on in monthly(day, first, count)]
            ledger.add(rows)
            paid[name] = {identity("ada", f"{row.key}|1") for row in rows}
        return paid

    def sync(day: str) -> dict[UUID, RecurringPattern]:
        now = f"{day}T09:00:00Z"
        monkeypatch.setenv("FARTHING_NOW", now)
        ledger.build("--select", "+int_recurring_analysed", now=now)
        write_back.record_recurring_patterns(run)
        with sessions() as session:
            mine = sa.select(RecurringPattern).where(RecurringPattern.user_id == USER)
            return {one.id: one for one in session.scalars(mine)}

    pay(BEFORE, (2025, 1), 11)
    by_day = {one.next_date.day: one.id for one in sync("2025-11-25").values() if one.next_date}
    ids = {name: by_day[day] for name, (_, day, _) in BEFORE.items()}
    with sessions.begin() as session:
        for name, status in (
            ("kept", RecurringStatus.ACTIVE),
            ("dismissed", RecurringStatus.CANCELLED),
            ("edited", RecurringStatus.ACTIVE),
        ):
            recurring_patterns.change_status(session, USER, ids[name], status, at=DECIDED)
        recurring_patterns.update_pattern(
            session, USER, ids["edited"], name="Water", amount=Decimal(-60)
        )
        merchant = merchants.find_merchant(session, USER, BEFORE["kept"][2])
        assert merchant is not None
        merchants.rename_merchant(session, USER, merchant.id, "The magazine")

    first = (2025, 12)
    for day, payees in LATER.items():
        paid = pay(payees, first, 2)
        first = (2026, 2)
        patterns = sync(day)
        assert set(patterns) == set(ids.values()), [one.detected_name for one in patterns.values()]
        kept, dismissed, edited = (patterns[ids[name]] for name in BEFORE)
        assert kept.status is edited.status is RecurringStatus.ACTIVE
        assert dismissed.status is RecurringStatus.CANCELLED
        assert kept.detected_amount == Decimal(payees["kept"][0])
        assert kept.name == "The magazine"
        assert "payments to The magazine from" in str(kept.detected_reasons)
        assert (edited.name, edited.amount) == ("Water", Decimal(-60))
        assert edited.detected_amount == Decimal(payees["edited"][0])
        with sessions() as session:
            link = RecurringPatternTransaction
            links = set(session.execute(sa.select(link.pattern_id, link.transaction_id)).tuples())
        for name in ("kept", "edited"):
            assert {(ids[name], row) for row in paid[name]} <= links, (day, name)
        # What the patterns were known by is gone.
        ledger.query(
            "update common.transactions set status = 'void' where booking_date < '2025-03-01'"
        )


def test_any_sequence_of_changes_gives_what_a_full_run_gives(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = secrets.randbelow(10**6)
    sys.stdout.write(f"seed {seed}\n")
    sequence = Sequence(ledger.url, seed, ledger.work)
    sequence.play(2)
    assert not sequence.wrong, (seed, sequence.wrong, sequence.story)
    truth = told(ledger)
    assert truth["fct_recurring_patterns"]

    # What another version of the project said is not kept, and its note is not believed.
    ledger.query("update marts.fct_recurring_patterns set name = 'stale'")
    ledger.query(f"update {ANALYSED} set project_digest = 'another'")  # noqa: S608 - our name
    sequence.analyse()
    assert told(ledger) == truth

    # A note that is dropped when a run begins has every account analysed anew.
    manifest: Any = ledger.dbt("parse").result
    monkeypatch.setattr("tests.dbt.ledger.dbtRunner", lambda: dbtRunner(manifest=manifest))
    ledger.query(f"create table public.noted as select * from {ANALYSED}")  # noqa: S608
    sources = {
        "nothing": (manifest.macros["macro.farthing.money"], "description"),
        "a macro": (manifest.macros["macro.farthing.money"], "macro_sql"),
        "a model": (manifest.nodes["model.farthing.int_recurring_fits"].checksum, "checksum"),
    }
    for what, (node, attribute) in sources.items():
        with another(manifest, node, attribute):
            assert ledger.dbt("run", "--select", "stg_auth__users", "--no-write-json").success
        kept = ledger.query("select to_regclass(%s) is not null as kept", ANALYSED)
        assert kept == [{"kept": what == "nothing"}], what
        ledger.query(f"create table if not exists {ANALYSED} as select * from public.noted")  # noqa: S608
