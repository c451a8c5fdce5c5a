"""What detection finds in a household whose truth is known, and what it does when time goes on."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.dbt.household import SERIES, household, monthly, working_day
from tests.dbt.ledger import Ledger, Payment, Row, identity

NOW = "2026-01-03T09:00:00Z"


Snapshot = dict[str, list[Row]]
_OF_A_USER = ("pattern_key", "user_id", "account_id", "merchant_id")


@pytest.fixture(scope="module")
def home(new_ledger: Callable[[], Ledger]) -> Ledger:
    """Build the household, and small ones beside it that each show one rule."""
    ledger = new_ledger()
    ledger.add(household())
    year = subscription((2025, 1), 12)
    for user in ("reader", "other reader"):
        ledger.add(year, user=user)
    ledger.add(
        [
            *(Payment(row.on, row.amount, "PENDING THING", status="pending") for row in year),
            *(Payment(row.on, row.amount, "VOID THING", status="void") for row in year),
            *(Payment(row.on, Decimal(0), "ZERO THING") for row in year),
            *(Payment(row.on, row.amount, "TRADED THING", kind="trade") for row in year),
            *(Payment(row.on, row.amount, "MOVED THING", kind="transfer") for row in year),
        ],
        user="unsettled",
    )
    shoes = [Payment(row.on, Decimal("-31.50"), "VELLUM SHOES") for row in year]
    waits = [
        Payment(row.on + dt.timedelta(days=days), amount, text, status="pending")
        for row in year
        if row.on is not None
        for days, amount, text in (
            *((0, row.amount, text) for text in ("VELLUM MAGAZINE", "VELLUM", "VELLUM HATS")),
            (7, Decimal("-90.25"), "VELLUM MAGAZINE"),
        )
    ]
    ledger.add([*year, *shoes], user="prompt")
    ledger.add([*year, *shoes, *waits], user="patient")
    on = dt.date(2025, 5, 6)
    ledger.add(
        [
            Payment(on, Decimal(-50), "TO SAVINGS"),
            Payment(on, Decimal(50), "FROM CURRENT", account="savings"),
            Payment(on, Decimal(50), "FROM SOMEBODY", account="joint"),
            Payment(on, Decimal(-80), "TO JOINT"),
            Payment(on + dt.timedelta(days=3), Decimal(80), "FROM CURRENT", account="joint"),
            Payment(on, Decimal(-90), "TO JOINT LATE"),
            Payment(on + dt.timedelta(days=4), Decimal(90), "FROM CURRENT", account="joint"),
        ],
        user="mover",
    )
    ledger.build(now=NOW)
    return ledger


@pytest.fixture(scope="module")
def timeline(new_ledger: Callable[[], Ledger]) -> dict[str, Snapshot]:
    """Return what four users are told on three days; time goes on for each in another way."""
    ledger = new_ledger()
    users = ("ada", "ben", "cy", "dee")
    told = {}

    def tell(day: str) -> None:
        ledger.build(now=f"{day}T09:00:00Z")
        told[day] = {user: ledger.patterns(user) for user in users}

    for user in users:
        ledger.add(subscription((2025, 1), 10), user=user)
    read_through(ledger, "dee", "2025-10-28")
    tell("2025-10-20")
    ledger.add(subscription((2025, 11), 2, amount="-8.10"), user="ada")
    ledger.add(subscription((2025, 11), 7), user="ben")
    ledger.add(subscription((2025, 11), 7, day=27, amount="-19.50"), user="ben")
    tell("2025-12-20")
    tell("2026-06-01")
    return told


def subscription(
    first: tuple[int, int], months: int, *, day: int = 14, amount: str = "-7.25"
) -> list[Payment]:
    return [
        Payment(working_day(on), Decimal(amount), "VELLUM MAGAZINE")
        for on in monthly(day, first, months)
    ]


def matched(ledger: Ledger) -> tuple[dict[str, str], set[str]]:
    """Return the pattern that finds each series, and the patterns that find none.

    Found means that four fifths of the series are in the pattern and the other way round.
    """
    rows = ledger.query(
        "select split_part(source_key, '|', 6) as tag, o.pattern_key"
        " from common.transactions as t"
        " left join marts.fct_recurring_occurrences as o on t.id = o.transaction_id"
        " where t.user_id = %s",
        identity("ada"),
    )
    size = Counter(row["tag"] for row in rows)
    inside: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row["pattern_key"]:
            inside[row["pattern_key"]][row["tag"]] += 1
    found = {}
    for key, tags in inside.items():
        tag, count = tags.most_common(1)[0]
        if tag in SERIES and count >= 0.8 * size[tag] and count >= 0.8 * tags.total():
            found[tag] = key
    return found, set(inside) - set(found.values())


def test_household_series_are_found_and_habits_are_not(home: Ledger) -> None:
    found, wrong = matched(home)
    precision = len(found) / (len(found) + len(wrong))
    recall = len(found) / len(SERIES)
    assert (precision, recall) == (1.0, 1.0), (set(SERIES) - set(found), wrong)


def test_household_rhythms_are_right(home: Ledger) -> None:
    found, _ = matched(home)
    patterns = {row["pattern_key"]: row for row in home.patterns()}
    assert {tag: patterns[key]["frequency"] for tag, key in found.items()} == SERIES


def test_household_proposes_no_money_between_own_accounts(home: Ledger) -> None:
    rows = home.query(
        "select bool_and(t.is_own_transfer) as all_paired, count(o.transaction_id) as proposed"
        " from marts.fct_transactions as t"
        " left join marts.fct_recurring_occurrences as o using (transaction_id)"
        " where t.description like 'TRANSFER %%' and t.user_id = %s",
        identity("ada"),
    )
    assert rows == [{"all_paired": True, "proposed": 0}]


def test_household_knows_what_has_stopped(home: Ledger) -> None:
    found, _ = matched(home)
    ended = {row["pattern_key"] for row in home.patterns() if row["is_ended"]}
    assert ended == {found["gym"]}


def test_next_dates_keep_the_day_and_the_working_day(home: Ledger) -> None:
    found, _ = matched(home)
    patterns = {row["pattern_key"]: row["next_expected_date"] for row in home.patterns()}
    upcoming = {tag: patterns[key] for tag, key in found.items()}
    assert upcoming["salary"] == dt.date(2026, 1, 30)  # the 31st is a Saturday
    assert upcoming["film club"] == dt.date(2026, 2, 2)  # kept on the Monday after the 31st
    assert upcoming["rent"] == dt.date(2026, 1, 2)  # the 1st is a bank holiday
    assert upcoming["child grant"] == dt.date(2026, 1, 6)
    assert upcoming["swimming"] == dt.date(2026, 1, 5)
    assert upcoming["car insurance"] == dt.date(2026, 5, 26)  # the 25th is a bank holiday
    assert upcoming["gym"] is None


def test_build_twice_gives_the_same_rows(home: Ledger) -> None:
    def all_rows() -> list[list[Row]]:
        return [
            home.patterns(),
            home.query("select * from marts.fct_recurring_occurrences order by transaction_id"),
        ]

    before = all_rows()
    home.build(now=NOW)
    assert all_rows() == before


def test_order_of_writing_does_not_matter(home: Ledger, ledger: Ledger) -> None:
    ledger.add(reversed(household()))
    ledger.build(now=NOW)
    assert ledger.patterns() == home.patterns()


def test_costs_have_the_sign_of_the_amount(home: Ledger) -> None:
    (pattern,) = home.patterns("reader")
    assert (pattern["monthly_cost"], pattern["yearly_cost"]) == (
        Decimal("-7.25"),
        Decimal("-87.00"),
    )
    assert pattern["schedule"] == "monthly on the 14th, moved to the next working day"
    assert pattern["reasons"].startswith(
        "12 payments to Vellum Magazine from 14 January 2025 to 15 December 2025. "
    )
    assert (pattern["country"], pattern["state"]) == ("GB", "confirmed")


def test_household_prices_changed_when_they_did(home: Ledger) -> None:
    found, _ = matched(home)
    changes = {
        row["pattern_key"]: (row["price_changed_on"], row["price_before"], row["expected_amount"])
        for row in home.patterns()
    }
    told = {tag: changes[key] for tag, key in found.items()}
    assert told["broadband"] == (dt.date(2025, 3, 24), Decimal("-31.50"), Decimal("-34.75"))
    assert told["salary"] == (dt.date(2025, 4, 30), Decimal("2410.55"), Decimal("2496.10"))
    assert told["film club"] == (None, None, Decimal("-10.99"))
    assert told["energy"][0] is None


def test_household_occurrences_tell_what_came_and_what_did_not(home: Ledger) -> None:
    found, _ = matched(home)
    rows = home.query(
        "select pattern_key, status, expected_date, days_late"
        " from marts.fct_recurring_occurrences where user_id = %s order by expected_date",
        identity("ada"),
    )
    told: dict[str, list[tuple[str, dt.date]]] = defaultdict(list)
    for row in rows:
        if row["status"] != "matched":
            told[row["pattern_key"]].append((row["status"], row["expected_date"]))
    # The council tax rests in February and March; of the gym nothing came after its end.
    assert told[found["council"]] == [("upcoming", dt.date(2026, 1, 15))]
    assert told[found["salary"]] == [("upcoming", dt.date(2026, 1, 30))]
    assert told[found["gym"]] == []
    # A payment that was skipped is no rest.
    assert told[found["film club"]] == [
        ("missed", dt.date(2025, 7, 31)),
        ("upcoming", dt.date(2026, 2, 2)),
    ]
    assert {row["days_late"] for row in rows if row["status"] == "matched"} <= {-1, 0, 1, 2}


def test_months_of_rest_are_known_and_cost_nothing(home: Ledger) -> None:
    found, _ = matched(home)
    patterns = {row["pattern_key"]: row for row in home.patterns()}

    council = patterns.pop(found["council"])

    assert council["rest_months"] == [2, 3]
    assert council["schedule"].endswith(", except in February and March")
    assert council["yearly_cost"] == 10 * council["expected_amount"]
    assert {row["rest_months"] for row in patterns.values()} == {None}


def test_users_do_not_meet(home: Ledger) -> None:
    (first,) = home.patterns("reader")
    (second,) = home.patterns("other reader")
    assert first["pattern_key"] != second["pattern_key"]
    assert first["merchant_id"] != second["merchant_id"]
    assert first["next_expected_date"] == second["next_expected_date"]


def test_rows_that_are_not_settled_take_no_part(home: Ledger) -> None:
    assert home.patterns("unsettled") == []
    rows = home.query(
        "select distinct status, is_pending from marts.fct_transactions where user_id = %s",
        identity("unsettled"),
    )
    assert {row["status"]: row["is_pending"] for row in rows} == {"booked": False, "pending": True}


def test_what_waits_changes_no_figure(home: Ledger) -> None:
    def told(user: str) -> list[list[Row]]:
        patterns = [
            {k: v for k, v in row.items() if k not in _OF_A_USER} for row in home.patterns(user)
        ]
        accounts = home.query(
            "select transaction_count, first_booking_date, last_booking_date, booked_balance,"
            " opening_balance from marts.dim_accounts where user_id = %s",
            identity(user),
        )
        flows = home.query(
            "select direction, is_own_transfer, currency, sum(amount), count(*)"
            " from marts.fct_transactions where user_id = %s and not is_pending"
            " group by 1, 2, 3 order by 1, 2, 3",
            identity(user),
        )
        return [sorted(patterns, key=str), accounts, flows]

    assert len(told("patient")[0]) == 2
    assert told("patient") == told("prompt")
    (account,) = home.query(
        "select pending_count from marts.dim_accounts where user_id = %s", identity("patient")
    )
    assert account["pending_count"] == 48


def test_own_transfers_are_those_of_the_ledger(home: Ledger) -> None:
    for user in ("ada", "mover"):
        legs = home.query(
            "select unnest(array[outgoing_id, incoming_id]) as leg from common.transfers"
            " where status in ('linked', 'confirmed') and user_id = %s",
            identity(user),
        )
        rows = home.query(
            "select transaction_id from marts.fct_transactions"
            " where is_own_transfer and user_id = %s",
            identity(user),
        )
        assert {row["transaction_id"] for row in rows} == {row["leg"] for row in legs}
        assert rows


def test_key_stays_when_a_payment_comes_and_the_price_rises(timeline: dict[str, Snapshot]) -> None:
    (before,) = timeline["2025-10-20"]["ada"]
    (after,) = timeline["2025-12-20"]["ada"]
    assert after["pattern_key"] == before["pattern_key"]
    assert (before["expected_amount"], after["expected_amount"]) == (
        Decimal("-7.25"),
        Decimal("-8.10"),
    )
    assert (before["occurrences"], after["occurrences"]) == (10, 12)


def test_key_of_the_first_stays_when_a_second_begins(timeline: dict[str, Snapshot]) -> None:
    (before,) = timeline["2025-10-20"]["ben"]
    after = {row["pattern_key"]: row["expected_amount"] for row in timeline["2026-06-01"]["ben"]}
    assert after[before["pattern_key"]] == Decimal("-7.25")
    assert sorted(after.values()) == [Decimal("-19.50"), Decimal("-7.25")]


def test_clock_moves_the_next_date_and_ends_a_series(timeline: dict[str, Snapshot]) -> None:
    (due,) = timeline["2025-10-20"]["cy"]
    (overdue,) = timeline["2025-12-20"]["cy"]
    (ended,) = timeline["2026-06-01"]["cy"]
    assert (due["next_expected_date"], due["is_ended"]) == (dt.date(2025, 11, 14), False)
    assert (overdue["next_expected_date"], overdue["is_ended"]) == (dt.date(2026, 1, 14), False)
    assert (ended["next_expected_date"], ended["is_ended"]) == (None, True)
    assert (ended["monthly_cost"], ended["yearly_cost"]) == (None, None)
    assert due["pattern_key"] == overdue["pattern_key"] == ended["pattern_key"]


def test_silence_of_an_account_that_was_not_read_ends_nothing(
    timeline: dict[str, Snapshot],
) -> None:
    (pattern,) = timeline["2026-06-01"]["dee"]
    assert not pattern["is_ended"]
    assert pattern["next_expected_date"] == dt.date(2026, 6, 15)


def read_through(ledger: Ledger, user: str, day: str) -> None:
    """Say how far GoCardless has read the accounts of a user."""
    ledger.query(
        """
        with requisition as (
            insert into gocardless.requisitions (
                id, user_id, institution_id, reference, status, link, payload, content_hash,
                first_seen_at, first_seen_run_id, changed_at, changed_run_id
            )
            select gen_random_uuid(), user_id, 'M', 'r', 'LN', 'https://bank.invalid', '{}',
                '', now(), 'run', now(), 'run'
            from common.accounts
            where user_id = %s
            returning id, user_id
        ),
        opened as (
            insert into gocardless.bank_accounts (
                user_id, requisition_id, provider_account_id, account_number, name, is_card,
                transactions_through, payload,
                content_hash, first_seen_at, first_seen_run_id, changed_at, changed_run_id
            )
            select user_id, id, gen_random_uuid(), '1', 'Current', false, %s::date,
                '{}', '', now(), 'run', now(), 'run'
            from requisition
            returning user_id, provider_account_id
        ),
        connected as (
            insert into common.connections (
                user_id, institution_id, provider, provider_connection_id
            )
            select accounts.user_id, accounts.institution_id, 'gocardless', 'c'
            from common.accounts
            inner join opened on accounts.user_id = opened.user_id
            returning id, user_id
        )
        insert into common.account_links (
            user_id, account_id, connection_id, provider, provider_account_id
        )
        select accounts.user_id, accounts.id, connected.id, 'gocardless',
            opened.provider_account_id::text
        from common.accounts
        inner join connected on accounts.user_id = connected.user_id
        inner join opened on accounts.user_id = opened.user_id
        """,
        identity(user),
        day,
    )
