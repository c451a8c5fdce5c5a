"""``farthing recurring``: the payments that come back, and what the user decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from rich.text import Text
from sqlalchemy.orm import Session

from cli.output import DOUBTFUL, GOOD, QUIET, day, money, print_json, print_table, say, short
from cli.session import choose_user, match, opened
from farthing import clock
from postgres.common.enums import RecurringFrequency, RecurringStatus
from postgres.common.models import RecurringPattern
from postgres.common.operations import recurring_patterns
from postgres.errors import OperationError
from postgres.paging import LARGEST_LIMIT

# As the analysis counts them; see recurring_cadences in the dbt project.
_DAYS_A_YEAR = Decimal("365.25")
_A_YEAR: dict[RecurringFrequency, Decimal] = {
    RecurringFrequency.WEEKLY: _DAYS_A_YEAR / 7,
    RecurringFrequency.FORTNIGHTLY: _DAYS_A_YEAR / 14,
    RecurringFrequency.FOUR_WEEKLY: _DAYS_A_YEAR / 28,
    RecurringFrequency.MONTHLY: Decimal(12),
    RecurringFrequency.BIMONTHLY: Decimal(6),
    RecurringFrequency.QUARTERLY: Decimal(4),
    RecurringFrequency.SEMIANNUAL: Decimal(2),
    RecurringFrequency.ANNUAL: Decimal(1),
}
_CENT = Decimal("0.01")

_COLOURS = {
    RecurringStatus.PENDING: DOUBTFUL,
    RecurringStatus.ACTIVE: GOOD,
    RecurringStatus.PAUSED: QUIET,
    RecurringStatus.CANCELLED: QUIET,
}

# From where each decision starts, and where it leads. Acceptance is not a way to resume, although
# both end in the same state: who says the one does not mean the other.
_DECISIONS: dict[str, tuple[frozenset[RecurringStatus], RecurringStatus, str]] = {
    "accept": (frozenset({RecurringStatus.PENDING}), RecurringStatus.ACTIVE, "accepted"),
    "dismiss": (frozenset({RecurringStatus.PENDING}), RecurringStatus.CANCELLED, "dismissed"),
    "pause": (frozenset({RecurringStatus.ACTIVE}), RecurringStatus.PAUSED, "paused"),
    "resume": (frozenset({RecurringStatus.PAUSED}), RecurringStatus.ACTIVE, "resumed"),
    "cancel": (
        frozenset({RecurringStatus.PENDING, RecurringStatus.ACTIVE, RecurringStatus.PAUSED}),
        RecurringStatus.CANCELLED,
        "cancelled",
    ),
}


def show(user: str | None, *, why: bool, as_json: bool) -> None:
    """List one user's patterns, the next one due first.

    :param why: say in sentences how each comes and why it was found.
    """
    with opened() as ledger, ledger.database.sessions() as session:
        found = all_patterns(session, choose_user(session, user).id)
    if as_json:
        print_json([to_json(each) for each in found])
    elif found:
        print_patterns(found)
        for each in found if why else ():
            say(f"{short(each.id)} {_explained(each)}")
    else:
        say("None yet; `farthing sync` looks for them.")


def decide(decision: str, prefixes: Sequence[str], user: str | None) -> None:
    """Take a decision on patterns, on all of them or on none.

    :param decision: accept, dismiss, pause, resume or cancel.
    :raises WrongUseError: if an id means no pattern, or several.
    :raises OperationError: if a pattern is in no state for that.
    """
    starts, wanted, done = _DECISIONS[decision]
    with opened() as ledger, ledger.database.sessions.begin() as session:
        user_id = choose_user(session, user).id
        known = {each.id: each for each in all_patterns(session, user_id)}
        chosen = [
            match(prefix, known, what="recurring pattern", listed_by="farthing recurring list")
            for prefix in prefixes
        ]
        for pattern_id in dict.fromkeys(chosen):
            pattern = known[pattern_id]
            if pattern.status not in starts:
                states = " or ".join(sorted(start.value for start in starts))
                message = (
                    f"{_name(pattern)} is {pattern.status.value}; only what is {states} "
                    f"can be {done}"
                )
                raise OperationError(message)
            recurring_patterns.change_status(session, user_id, pattern_id, wanted, at=clock.now())
    for pattern_id in dict.fromkeys(chosen):
        say(f"{_name(known[pattern_id])} is {done}.")
        if wanted is RecurringStatus.ACTIVE:
            say(_explained(known[pattern_id]))


def all_patterns(session: Session, user_id: UUID) -> list[RecurringPattern]:
    """Return a user's patterns, the next one due first."""
    found: list[RecurringPattern] = []
    after = None
    while True:
        page = recurring_patterns.list_patterns(session, user_id, after=after, limit=LARGEST_LIMIT)
        found += page.items
        after = page.after
        if after is None:
            return found


def print_patterns(patterns: Iterable[RecurringPattern]) -> None:
    """Print patterns as a table."""
    print_table(
        ("Id", "Name", "How often", "Next", "Amount", "A month", "", "Sure", "Status"),
        [
            (
                short(each.id),
                _name(each),
                _frequency(each),
                "ended" if each.detected_is_ended else day(each.next_date),
                money(each.amount),
                money(monthly_cost(each)),
                each.currency,
                "" if each.detected_confidence is None else f"{each.detected_confidence:.0%}",
                Text(each.status.value, _COLOURS[each.status]),
            )
            for each in patterns
        ],
        numbers=("Next", "Amount", "A month", "Sure"),
    )


def monthly_cost(pattern: RecurringPattern) -> Decimal | None:
    """Return what a pattern comes to in an average month; None if it ended or has no rhythm."""
    cost = _cost(pattern)
    return None if cost is None else (cost / 12).quantize(_CENT)


def yearly_cost(pattern: RecurringPattern) -> Decimal | None:
    """Return what a pattern comes to in a year; None if it ended or has no rhythm."""
    cost = _cost(pattern)
    return None if cost is None else cost.quantize(_CENT)


def to_json(pattern: RecurringPattern) -> dict[str, Any]:
    """Return a pattern for programs; what the user said wins."""
    return {
        "id": pattern.id,
        "name": _name(pattern),
        "status": pattern.status,
        "direction": pattern.direction,
        "frequency": pattern.frequency,
        "schedule": _schedule(pattern) or None,
        "state": pattern.detected_state,
        "next_date": pattern.next_date,
        "rest_months": pattern.rest_months,
        "last_date": pattern.last_date,
        "amount": pattern.amount,
        "amount_low": pattern.detected_amount_low,
        "amount_high": pattern.detected_amount_high,
        "price_changed_on": pattern.detected_price_changed_on,
        "monthly_cost": monthly_cost(pattern),
        "yearly_cost": yearly_cost(pattern),
        "currency": pattern.currency,
        "confidence": pattern.detected_confidence,
        "reasons": pattern.detected_reasons,
        "is_ended": pattern.detected_is_ended,
        "account_id": pattern.account_id,
    }


def _cost(pattern: RecurringPattern) -> Decimal | None:
    amount, frequency = pattern.amount, pattern.frequency
    if amount is None or frequency not in _A_YEAR or pattern.detected_is_ended:
        return None
    return amount * (_A_YEAR[frequency] - len(pattern.rest_months or ()))


def _explained(pattern: RecurringPattern) -> str:
    """Return what a pattern is, next date, cost and reasons, in sentences."""
    monthly, yearly = monthly_cost(pattern), yearly_cost(pattern)
    sentences = [f"{_name(pattern)}: {_schedule(pattern) or 'no rhythm'}."]
    if pattern.next_date is not None:
        sentences.append(f"Next on {pattern.next_date}.")
    if monthly is not None and yearly is not None:
        cost = f"{money(monthly)} {pattern.currency} a month, {money(yearly)} a year."
        sentences.append(cost)
    if pattern.detected_reasons is not None:
        sentences.append(pattern.detected_reasons)
    return " ".join(sentences)


def _schedule(pattern: RecurringPattern) -> str:
    """Return how it comes; what the user says of it is all that is known then."""
    if pattern.user_frequency is None and pattern.detected_schedule is not None:
        return pattern.detected_schedule
    return _frequency(pattern)


def _name(pattern: RecurringPattern) -> str:
    return pattern.name or pattern.merchant_contains or "(no name)"


def _frequency(pattern: RecurringPattern) -> str:
    return pattern.frequency.value.replace("_", " ") if pattern.frequency else ""
