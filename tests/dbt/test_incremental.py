"""Whatever changed in which order, a run that looks at what changed says what a full one says."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

from tests.dbt.household import household, monthly
from tests.dbt.ledger import Ledger, Payment, Row, identity

USERS = ("ada", "ben", "cy", "dee", "eve")
SEED = 20260314
MODELS = ("--select", "+int_recurring_analysed")
CHANGES = (
    "update common.transactions set amount = round(amount * 1.07, 2) where {some}",
    "update common.transactions set description = 'ORRIN ' || description where {some}",
    "update common.transactions set booking_date = booking_date + 9 where {some}",
    "update common.transactions set status = 'void' where status = 'pending' and {some}",
    "delete from common.transactions where {some}",
    "insert into common.merchant_aliases (user_id, name, merchant_id)"
    " select user_id, 'alias of ' || name, id from common.merchants"
    " where user_id = %(user)s order by name limit 1 on conflict do nothing",
)


def told(ledger: Ledger) -> dict[str, list[Row]]:
    return {
        mart: ledger.query(f"select * from marts.{mart} order by {key}")  # noqa: S608 - our names
        for mart, key in (
            ("fct_recurring_patterns", "pattern_key"),
            ("fct_recurring_occurrences", "occurrence_key"),
        )
    }


def scope(ledger: Ledger) -> set[object]:
    rows = ledger.query("select account_id from intermediate.int_recurring_scope where is_changed")
    return {row["account_id"] for row in rows}


def test_any_sequence_of_changes_gives_what_a_full_run_gives(
    new_ledger: Callable[[], Ledger],
) -> None:
    rng = random.Random(SEED)  # noqa: S311 - what it makes up is to be the same each time
    ledger = new_ledger()
    payments = household()
    for user in USERS:
        ledger.add((row for row in payments if rng.random() < 0.9), user=user)
    ledger.build(*MODELS, now="2026-01-03T09:00:00Z")
    first = told(ledger)
    days = ["2026-01-03", "2026-02-11"]
    for day in days:
        changed = rng.sample(USERS[1:], 2)
        for user in changed:
            for change in rng.sample(CHANGES, 3):
                some = f"user_id = %(user)s and abs(hashtext(id::text || '{day}')) %% 100 < 4"
                ledger.change(change.format(some=some), user=identity(user))
        prices = [Payment(on, Decimal("-7.25"), "VELLUM") for on in monthly(5, (2025, 3), 9)]
        ledger.add(prices, user=f"newcomer of {day}")
        if day == days[-1]:
            # Somebody leaves, and takes along what was said of them.
            ledger.change("delete from auth.users where id = %(user)s", user=identity("ada"))
        ledger.build(*MODELS, now=f"{day}T18:00:00Z")
        untouched = {identity(user, "current") for user in set(USERS) - set(changed)}
        assert not untouched & scope(ledger)
    after = told(ledger)
    assert after != first
    ledger.build(*MODELS, "--full-refresh", now=f"{days[-1]}T18:00:00Z")
    assert told(ledger) == after
