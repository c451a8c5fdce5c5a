"""Bring what the marts found back into the ledger, through its operations."""

from __future__ import annotations

import time

import sqlalchemy as sa

from farthing import clock
from ingestion.run import AccountOutcome, Run, StepOutcome
from postgres.common.operations import (
    balances,
    budgets,
    financial_milestones,
    goals,
    manual_assets,
    notifications,
    planned_transactions,
    recurring_detection,
    recurring_events,
    sync_events,
)
from postgres.core import WriteCounts, lock
from postgres.gocardless import placement
from postgres.sessions import name_actor

_FOUND = sa.table(
    "fct_recurring_patterns",
    sa.column("pattern_key"),
    sa.column("user_id"),
    sa.column("account_id"),
    sa.column("merchant_id"),
    sa.column("name"),
    sa.column("direction"),
    sa.column("frequency"),
    sa.column("currency"),
    sa.column("expected_amount"),
    sa.column("expected_low"),
    sa.column("expected_high"),
    sa.column("schedule"),
    sa.column("confidence"),
    sa.column("reasons"),
    sa.column("state"),
    sa.column("price_changed_on"),
    sa.column("last_date"),
    sa.column("next_expected_date"),
    sa.column("next_nominal_date"),
    sa.column("rest_months"),
    sa.column("is_ended", sa.Boolean),
    schema="marts",
)
_PATTERNS = _FOUND.c

_OCCURRENCES = sa.table(
    "fct_recurring_occurrences",
    sa.column("transaction_id"),
    sa.column("pattern_key"),
    sa.column("user_id"),
    schema="marts",
).c


def record_recurring_patterns(run: Run) -> StepOutcome:
    """Propose and renew the patterns that were detected, and match what was planned."""
    patterns = sa.select(
        _PATTERNS.user_id,
        _PATTERNS.account_id,
        _PATTERNS.merchant_id,
        _PATTERNS.pattern_key.label("detection_key"),
        _PATTERNS.direction,
        _PATTERNS.currency,
        _PATTERNS.name.label("detected_name"),
        _PATTERNS.frequency.label("detected_frequency"),
        _PATTERNS.expected_amount.label("detected_amount"),
        _PATTERNS.expected_low.label("detected_amount_low"),
        _PATTERNS.expected_high.label("detected_amount_high"),
        _PATTERNS.schedule.label("detected_schedule"),
        _PATTERNS.next_expected_date.label("detected_next_date"),
        _PATTERNS.next_nominal_date.label("detected_nominal_date"),
        _PATTERNS.rest_months.label("detected_rest_months"),
        _PATTERNS.last_date.label("detected_last_date"),
        _PATTERNS.confidence.label("detected_confidence"),
        _PATTERNS.reasons.label("detected_reasons"),
        _PATTERNS.state.label("detected_state"),
        _PATTERNS.price_changed_on.label("detected_price_changed_on"),
        _PATTERNS.is_ended.label("detected_is_ended"),
    )
    links = sa.select(
        _OCCURRENCES.transaction_id,
        _OCCURRENCES.user_id,
        _OCCURRENCES.pattern_key.label("detection_key"),
    ).where(_OCCURRENCES.transaction_id.is_not(None))
    started = time.monotonic()
    with run.sessions.begin() as session:
        lock(session, "common.recurring_patterns", run_id=run.run_id)
        name_actor(session, f"write_back:{run.run_id}")
        counts = recurring_detection.record_detected(session, patterns, links)
        planned_transactions.match_planned(session, now=clock.now())
    return _outcome("common.recurring_patterns", counts, started)


def notify(run: Run) -> StepOutcome:
    """Leave users a word on what is new or needs them, each thing once."""
    started = time.monotonic()
    with run.sessions.begin() as session:
        lock(session, "common.notifications", run_id=run.run_id)
        name_actor(session, f"write_back:{run.run_id}")
        counts = recurring_events.announce_patterns(session, now=clock.now())
        counts += recurring_events.announce_price_changes(session)
        counts += recurring_events.announce_missed_payments(session, now=clock.now())
        counts += recurring_events.announce_ended(session)
        counts += recurring_events.announce_duplicates(session, now=clock.now())
        counts += notifications.warn_of_consent_expiry(session, now=clock.now())
        counts += placement.announce_questions(session)
        counts += sync_events.announce_syncs(session, now=clock.now())
        counts += budgets.check_budgets(session, now=clock.now())
        manual_assets.renew_plans(session)
        counts += goals.evaluate_goals(session, now=clock.now())
        counts += financial_milestones.evaluate_milestones(session, now=clock.now())
        counts += balances.warn_of_low_balances(session, now=clock.now())
    return _outcome("common.notifications", counts, started)


def _outcome(table: str, counts: WriteCounts, started: float) -> StepOutcome:
    seconds = time.monotonic() - started
    return StepOutcome(
        table, (AccountOutcome(None, "all", counts=counts, seconds=seconds),), seconds
    )
