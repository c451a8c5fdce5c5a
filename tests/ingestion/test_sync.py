"""The promise: the ledger holds exactly what the providers booked, and a repeat writes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from farthing import clock
from ingestion import connect, ledger
from ingestion.run import Status, Window
from postgres.common.enums import TransactionStatus
from postgres.common.models import Account, Connection, Holding, Instrument, Job, Transaction
from postgres.common.operations import accounts, balances, quarantine
from postgres.gocardless.models import BankAccount
from postgres.gocardless.models import Transaction as RawTransaction
from postgres.payload import dumps
from sandbox import faults
from tests.conftest import World
from tests.ingestion.pipeline import project, pull, sync


def booked_rows(world: World) -> dict[tuple[str, str], Counter[tuple[str, Decimal]]]:
    """Booked rows by account number and currency."""
    rows: dict[tuple[str, str], Counter[tuple[str, Decimal]]] = {}
    query = (
        sa.select(Account.account_number, Account.currency, Transaction)
        .join(Account, Account.id == Transaction.account_id)
        .where(Transaction.status == TransactionStatus.BOOKED)
    )
    with world.sessions() as session:
        for number, currency, row in session.execute(query):
            key = (str(row.booking_date), row.amount)
            rows.setdefault((number, currency), Counter())[key] += 1
    return rows


def true_rows(world: World) -> dict[tuple[str, str], Counter[tuple[str, Decimal]]]:
    banks = {"NORTHGATE_NRGTGB21", "HARBOUR_HRBRGB2L"}
    return {
        (account["iban"] or account["masked_pan"], account["currency"]): Counter(
            (row["booking_date"], Decimal(row["amount"])) for row in account["booked"]
        )
        for account in world.sandbox.truth()["bank_accounts"]
        if account["institution_id"] in banks
    }


def cash(world: World) -> Counter[Decimal]:
    """What each fill, dividend or movement did to the broker's cash; fees are with their fill."""
    query = (
        sa.select(sa.func.sum(Transaction.amount))
        .join(Account, Account.id == Transaction.account_id)
        .where(Account.name == "Trading 212")
        .group_by(Transaction.raw_id)
    )
    with world.sessions() as session:
        return Counter(session.scalars(query))


def writes(world: World) -> dict[str, tuple[int, int, int]]:
    """PostgreSQL's own counters of the rows inserted, updated and deleted."""
    engine: sa.Engine = world.sessions.kw["bind"]
    engine.dispose()  # a backend hands in its counters at the latest when it ends
    with engine.connect() as connection:
        connection.execute(sa.text("select pg_stat_clear_snapshot()"))
        rows = connection.execute(
            sa.text(
                "select schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del"
                " from pg_stat_user_tables"
                " where schemaname in ('auth', 'common', 'gocardless', 'trading212')"
            )
        )
        return {name: (ins, upd, dele) for name, ins, upd, dele in rows}


def assert_complete(world: World) -> None:
    assert booked_rows_of_banks(world) == true_rows(world)
    truth = world.sandbox.truth()["broker_accounts"][0]
    assert sum(cash(world).elements()) == Decimal(truth["cash_total"])
    with world.sessions() as session:
        checked = balances.reconcile(session)
    assert len(checked) == 6
    assert {row.name: row.drift for row in checked if row.drift != 0} == {}


def test_opening_balances_are_found_in_what_the_bank_prints_on_its_rows(world: World) -> None:
    sync(world.run())

    truth = {
        (a["iban"] or a["masked_pan"], a["currency"]): Decimal(a["opening_balance"])
        for a in world.sandbox.truth()["bank_accounts"]
    }
    with world.sessions() as session:
        found = {
            (a.account_number, a.currency): a.opening_balance
            for a in session.scalars(sa.select(Account).where(Account.account_type == "bank"))
        }
    assert found == {key: truth[key] for key in found}


def booked_rows_of_banks(world: World) -> dict[tuple[str, str], Counter[tuple[str, Decimal]]]:
    return {key: rows for key, rows in booked_rows(world).items() if key[0] != "48120377"}


def test_first_sync_holds_exactly_what_the_providers_booked(world: World) -> None:
    steps = sync(world.run())

    assert [step for step in steps.values() if step.unfinished] == []
    assert_complete(world)
    moved = sum((step.counts.inserted for step in steps.values()), 0)
    assert moved > 0
    truth = world.sandbox.truth()["broker_accounts"][0]
    # A split is a fill and moves no cash.
    true = [amount for each in truth["cash"] if (amount := Decimal(each["amount"]))]
    assert sorted(cash(world).elements()) == sorted(true)


def test_all_steps_of_a_process_share_one_token(world: World) -> None:
    sync(world.run())

    asked = [r["path"] for r in world.sandbox.requests() if "/token/" in r["path"]]
    assert asked == []  # connecting has asked already


def test_holdings_are_the_brokers_positions_in_major_units(world: World) -> None:
    sync(world.run())

    truth = world.sandbox.truth()["broker_accounts"][0]["positions"]
    with world.sessions() as session:
        rows = session.execute(
            sa.select(Instrument.provider_instrument_id, Instrument.currency, Holding).join(
                Instrument, Instrument.id == Holding.instrument_id
            )
        ).all()
    assert {t: h.quantity for t, _, h in rows} == {
        p["ticker"]: Decimal(p["quantity"]) for p in truth
    }
    for ticker, currency, holding in rows:
        assert currency in {"GBP", "USD", "EUR"}, ticker
        if currency == "GBP":  # pence would be a hundred times too much
            assert holding.price is not None
            assert holding.value == pytest.approx(
                holding.quantity * holding.price, rel=Decimal("0.02")
            )


def test_second_sync_of_the_same_answers_writes_no_row(world: World) -> None:
    sync(world.run("run-1"))
    before = writes(world)

    steps = sync(world.run("run-2"))

    after = writes(world)
    touched = {name for name in after if after[name] != before[name]}
    # What ran, and how many calls are left, are facts of the run itself.
    assert touched <= {"common.jobs", "gocardless.rate_limits"}
    assert "common.jobs" in touched
    assert sum(step.counts.written for step in steps.values()) == 0
    assert steps["gocardless.transactions"].received > 0


@pytest.mark.parametrize("days", [1, 5, 40])
def test_later_syncs_follow_the_providers_through_time(
    world: World, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    sync(world.run("run-1"))
    world.sandbox.advance(days=days)
    later = clock.now() + dt.timedelta(days=days)
    monkeypatch.setenv("FARTHING_NOW", later.isoformat())

    sync(world.run("run-2"))

    with world.sessions() as session:
        checked = balances.reconcile(session)
    assert {row.name: row.drift for row in checked if row.drift != 0} == {}
    assert booked_rows_of_banks(world) == true_rows(world)


def test_pending_rows_are_booked_under_the_same_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(world.run("run-1"))
    pending = sa.select(Transaction.id).where(Transaction.status == TransactionStatus.PENDING)
    with world.sessions() as session:
        first = set(session.scalars(pending))
    true_pending = sum(len(a["pending"]) for a in world.sandbox.truth()["bank_accounts"])
    assert len(first) == true_pending > 0

    world.sandbox.advance(days=4)
    monkeypatch.setenv("FARTHING_NOW", (clock.now() + dt.timedelta(days=4)).isoformat())
    sync(world.run("run-2"))

    with world.sessions() as session:
        rows = session.scalars(sa.select(Transaction).where(Transaction.id.in_(first))).all()
        now_pending = len(session.scalars(pending).all())
        assert {row.drift for row in balances.reconcile(session)} == {Decimal(0)}
    assert {row.status for row in rows} == {TransactionStatus.BOOKED}
    assert len(rows) == len(first)
    assert now_pending == sum(len(a["pending"]) for a in world.sandbox.truth()["bank_accounts"])
    assert booked_rows_of_banks(world) == true_rows(world)


def test_one_account_that_fails_touches_no_other(world: World) -> None:
    pull(world.run("run-1"), Window(clock.today(), clock.today()))
    with world.sessions() as session:
        victim = session.scalars(
            sa.select(BankAccount).where(BankAccount.name == "Rainy Day Saver")
        ).one()
    world.sandbox.inject(
        faults.Fault(path=f"{victim.provider_account_id}/transactions", status=503, times=9)
    )

    steps = sync(world.run("run-2"))

    outcome = steps["gocardless.transactions"]
    failed = {a.label: a for a in outcome.unfinished}
    assert list(failed) == ["Rainy Day Saver …7743"]
    assert failed["Rainy Day Saver …7743"].status is Status.FAILED
    assert len(outcome.accounts) == 5
    with world.sessions() as session:
        job = session.scalars(
            sa.select(Job)
            .join(Connection, Connection.id == Job.connection_id)
            .where(Job.run_id == "run-2", Job.status != "completed")
        ).one()
    assert job.status == "partial"
    assert job.outcome["gocardless.transactions"]["status"] == "partial"


def test_used_up_quota_defers_the_account_and_makes_no_further_call(world: World) -> None:
    for number in range(4):
        sync(world.run(f"run-{number}"))
    world.sandbox.clear_requests()

    steps = sync(world.run("run-5"))

    outcome = steps["gocardless.transactions"]
    assert {a.status for a in outcome.accounts} == {Status.DEFERRED}
    assert all(a.resumes_at is not None for a in outcome.accounts)
    asked = [r for r in world.sandbox.requests() if r["path"].rstrip("/").endswith("transactions")]
    assert [r for r in asked if "/accounts/" in r["path"]] == []


def test_expired_consent_is_known_without_a_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(world.run("run-1"))
    monkeypatch.setenv("FARTHING_NOW", "2027-03-15T09:00:00Z")
    world.sandbox.set_now("2027-03-15T09:00:00Z")
    world.sandbox.clear_requests()

    steps = sync(world.run("run-2"))

    reasons = {a.reason for a in steps["gocardless.balances"].accounts}
    assert all(reason and "renew" in reason for reason in reasons)
    assert [r for r in world.sandbox.requests() if r["path"].rstrip("/").endswith("balances")] == []
    with world.sessions() as session:
        states = {
            connection.provider.value: connection.status.value
            for connection in session.scalars(sa.select(Connection))
        }
    assert states == {"gocardless": "expired", "trading212": "active"}


def test_renewed_consent_goes_on_with_the_same_accounts_and_rows(world: World) -> None:
    sync(world.run("run-1"))
    before = booked_rows(world)
    with world.sessions() as session:
        connection = session.scalars(
            sa.select(Connection).where(Connection.provider == "gocardless")
        ).first()
        account_ids = set(session.scalars(sa.select(Account.id)))
    assert connection is not None

    consent = connect.renew_consent(
        world.run(), world.user_id, connection.id, redirect="http://127.0.0.1/"
    )
    sync(world.run("run-2"))  # still waiting: the old consent goes on
    world.sandbox.approve(consent.link)
    steps = sync(world.run("run-3"))

    assert [step for step in steps.values() if step.unfinished] == []
    assert booked_rows(world) == before
    with world.sessions() as session:
        assert set(session.scalars(sa.select(Account.id))) == account_ids
        renewed = session.get_one(Connection, connection.id)
        assert renewed.provider_connection_id == str(consent.requisition_id)
        assert renewed.status == "active"


def test_backfill_of_a_past_range_is_one_call_an_account_and_moves_no_watermark(
    world: World,
) -> None:
    sync(world.run("run-1"))
    with world.sessions() as session:
        watermarks = set(session.scalars(sa.select(BankAccount.transactions_through)))
    world.sandbox.clear_requests()

    steps = sync(world.run("run-2"), Window(dt.date(2025, 6, 1), dt.date(2025, 6, 30)))

    calls = [
        r
        for r in world.sandbox.requests()
        if "/accounts/" in r["path"] and r["path"].rstrip("/").endswith("transactions")
    ]
    assert len(calls) == len({r["path"] for r in calls}) == 5
    assert all("date_from=2025-06-01" in str(r["query"]) for r in calls)
    assert steps["gocardless.transactions"].counts.written == 0
    with world.sessions() as session:
        assert set(session.scalars(sa.select(BankAccount.transactions_through))) == watermarks


def test_statements_of_a_sync_do_not_grow_with_its_rows(world: World) -> None:
    engine: sa.Engine = world.sessions.kw["bind"]
    counted: Counter[str] = Counter()
    phase = "few"

    def count(*_: Any) -> None:
        counted[phase] += 1

    sa.event.listen(engine, "before_cursor_execute", count)
    pull(world.run("run-0"), Window(dt.date(2020, 1, 1), dt.date(2020, 1, 2)))
    counted.clear()
    backfills = {
        "few": Window(dt.date(2026, 3, 1), dt.date(2026, 3, 2)),
        "many": Window(dt.date(2024, 4, 1), dt.date(2026, 3, 2)),
    }
    rows = {}
    for phase, window in backfills.items():
        rows[phase] = sum(s.received for s in pull(world.run(f"run-{phase}"), window))
        project(world.run(f"run-{phase}"))
    sa.event.remove(engine, "before_cursor_execute", count)

    assert rows["many"] > 5 * rows["few"]
    # Accounts and steps decide; a few more for what is done once, such as an opening balance.
    assert counted["many"] <= counted["few"] * 1.2


def test_a_row_that_cannot_be_placed_is_set_aside_with_its_reason(world: World) -> None:
    sync(world.run("run-1"))
    with world.sessions() as session:
        account = session.scalars(sa.select(BankAccount)).first()
        before = session.scalars(sa.select(sa.func.count()).select_from(Transaction)).one()
    assert account is not None
    good = {
        "transactionId": "G1",
        "internalTransactionId": "f" * 32,
        "bookingDate": "2026-03-14",
        "transactionAmount": {"amount": "-1.23", "currency": "GBP"},
        "creditorAccount": None,
        "remittanceInformationUnstructuredArray": ["CORNER", "SHOP"],
    }
    bad = [
        {"bookingDate": "2026-03-14"},
        {"bookingDate": "2026-03-14", "transactionAmount": {"amount": "x", "currency": "GBP"}},
        {"transactionAmount": {"amount": "1.00", "currency": "GBP"}},
        {**good, "internalTransactionId": "e" * 32, "additionalInformation": "a\x00b"},
        "not an object",
    ]
    world.sandbox.inject(
        faults.Fault(
            path=f"{account.provider_account_id}/transactions",
            status=200,
            json={"transactions": {"booked": [good, *bad, good], "pending": []}},
        )
    )

    steps = sync(world.run("run-2"))

    outcome = next(
        a for a in steps["gocardless.transactions"].accounts if a.quarantined or a.superseded
    )
    assert (outcome.received, outcome.quarantined, outcome.superseded) == (7, 5, 1)
    with world.sessions() as session:
        aside = quarantine.list_quarantine(session, world.user_id).items
        assert sorted(row.reason for row in aside) == [
            "no booking date and no value date",
            "the row holds characters that cannot be stored",
            "transactionAmount.amount is missing",
            "transactionAmount.amount is missing",
            "transactionAmount.amount is not a number",
        ]
        assert all(session.get(RawTransaction, row.raw_id) is not None for row in aside)
        after = session.scalars(sa.select(sa.func.count()).select_from(Transaction)).one()
    assert after == before + 1


def test_a_fill_without_a_list_of_taxes_is_a_trade_all_the_same(world: World) -> None:
    fill = {
        "id": 2,
        "type": "TRADE",
        "quantity": Decimal(1),
        "filledAt": "2026-03-14T10:00:00Z",
        "walletImpact": {"currency": "GBP", "netValue": Decimal("12.34"), "taxes": None},
    }
    item = {"order": {"id": 1, "ticker": "X", "side": "BUY"}, "fill": fill}
    world.sandbox.inject(
        faults.Fault(
            path="history/orders", status=200, text=dumps({"items": [item], "nextPagePath": None})
        )
    )

    steps = sync(world.run())

    assert steps["common.transactions"].unfinished == ()
    assert Decimal("-12.34") in cash(world)


def test_removed_connection_keeps_history_and_erased_one_leaves_nothing(world: World) -> None:
    sync(world.run("run-1"))
    rows = booked_rows(world)
    with world.sessions() as session:
        by_name = {c.provider_connection_id: c.id for c in session.scalars(sa.select(Connection))}
    keep, erase, broker = by_name.values()

    connect.remove_connection(world.run(), world.user_id, keep, erase=False)
    connect.remove_connection(world.run(), world.user_id, broker, erase=False)
    assert booked_rows(world) == rows
    connect.remove_connection(world.run(), world.user_id, erase, erase=True)
    steps = sync(world.run("run-2"))

    assert sum(step.received for step in steps.values()) == 0
    with world.sessions() as session:
        assert session.scalars(sa.select(Connection)).all() == []
        left = {t.account.name for t in accounts.list_account_totals(session)}
    assert left < {
        "Everyday Current Account",
        "Rainy Day Saver",
        "Euro Travel Account",
        "Harbour Platinum Card",
        "Household Bills",
        "Trading 212",
    }
    assert "Trading 212" in left


def test_projection_catches_up_after_a_crash_between_landing_and_projecting(world: World) -> None:
    pull(world.run("run-1"))

    project(world.run("run-2"))

    assert_complete(world)


def test_an_account_whose_first_read_fails_still_adds_up_later(world: World) -> None:
    world.sandbox.inject(faults.Fault(path=r"/transactions", status=500, times=5))
    steps = sync(world.run("run-1"))
    assert len(steps["gocardless.transactions"].unfinished) == 5

    sync(world.run("run-2"))

    assert_complete(world)


def test_two_syncs_at_the_same_time_both_succeed_and_repeat_nothing(world: World) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda name: sync(world.run(name)), ("run-a", "run-b")))

    assert [a.reason for steps in both for step in steps.values() for a in step.unfinished] == []
    assert_complete(world)


def test_a_missing_row_shows_as_drift(world: World) -> None:
    sync(world.run("run-1"))
    with world.sessions.begin() as session:
        row = session.scalars(
            sa.select(Transaction)
            .join(Account, Account.id == Transaction.account_id)
            .where(Account.name == "Household Bills")
            .order_by(Transaction.booking_date.desc())
        ).first()
        assert row is not None
        amount = row.amount
        session.delete(row)

    drifts = {row.name: row.drift for row in ledger.reconcile(world.run()) if row.drift}

    assert drifts == {"Household Bills": amount}
