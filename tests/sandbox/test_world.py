"""The world keeps its promises for any seed, whenever it is looked at."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.accounts import ACCOUNTS, CURRENT, EURO, HARBOUR, NORTHGATE
from sandbox.banks import booked_row
from sandbox.clock import UK
from sandbox.ledger import Kind
from sandbox.recurring import SERIES
from sandbox.working_days import bank_holidays, easter_sunday, is_working
from sandbox.world import World, first_day

NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
START = dt.date(2024, 4, 1)
any_seed = pytest.mark.parametrize("seed", [0, 7, 2**31])


def _fresh(seed: int, now: dt.datetime = NOW) -> World:
    world = World(seed, START)
    world.live_until(now)
    return world


_lived = cache(_fresh)


def test_a_world_starts_24_months_ago_this_month_included() -> None:
    assert first_day(NOW) == START
    assert first_day(dt.datetime(2026, 3, 31, 23, 30, tzinfo=dt.UTC)) == dt.date(2024, 5, 1)


@any_seed
def test_same_seed_and_start_give_the_same_world(seed: int) -> None:
    one, other = _fresh(seed), _fresh(seed)
    for key in ACCOUNTS:
        assert one.booked(key, NOW) == other.booked(key, NOW)
        assert one.pending(key, NOW) == other.pending(key, NOW)
    assert one.broker.orders == other.broker.orders
    assert one.broker.cash == other.broker.cash
    assert one.broker.dividends == other.broker.dividends


def test_another_seed_gives_another_world() -> None:
    assert _lived(1).booked(CURRENT, NOW) != _lived(2).booked(CURRENT, NOW)


@settings(max_examples=5)
@given(
    st.integers(min_value=0, max_value=2**31),
    st.lists(st.integers(min_value=1, max_value=300), min_size=1, max_size=6),
)
def test_moving_the_clock_never_changes_the_past(seed: int, hours: list[int]) -> None:
    stepped, now = _fresh(seed), NOW
    for step in hours:
        before = {key: stepped.booked(key, now) for key in ACCOUNTS}
        now += dt.timedelta(hours=step)
        for key, rows in before.items():
            assert stepped.booked(key, now)[: len(rows)] == rows
    leapt = _fresh(seed, now)
    for key in ACCOUNTS:
        assert stepped.booked(key, now) == leapt.booked(key, now)
        assert stepped.pending(key, now) == leapt.pending(key, now)
    assert stepped.broker.fills_until(now) == leapt.broker.fills_until(now)
    assert stepped.broker.cash_until(now) == leapt.broker.cash_until(now)


@any_seed
def test_balances_are_the_opening_and_every_booked_row(seed: int) -> None:
    world = _lived(seed)
    for key, account in ACCOUNTS.items():
        balance = account.opening
        for row in world.booked(key, NOW):
            balance += row.entry.movement.amount
            assert row.balance == balance
            assert row.entry.movement.amount.as_tuple().exponent == -2


@any_seed
def test_running_balance_of_served_rows_is_an_unbroken_chain(seed: int) -> None:
    world = _lived(seed)
    account = ACCOUNTS[CURRENT]
    last = account.opening
    for row in world.booked(CURRENT, NOW):
        served = booked_row(account, row)
        after = Decimal(served["balanceAfterTransaction"]["balanceAmount"]["amount"])
        assert after == last + Decimal(served["transactionAmount"]["amount"])
        last = after


def test_harbour_reports_no_running_balance() -> None:
    world = _lived(7)
    for key, account in ACCOUNTS.items():
        served = [booked_row(account, row) for row in world.booked(key, NOW)]
        has = {"balanceAfterTransaction" in row for row in served}
        assert has == ({True} if account.institution_id == NORTHGATE else {False})


@any_seed
def test_ids_are_unique_and_rows_book_on_a_working_night(seed: int) -> None:
    world = _lived(seed)
    for key in ACCOUNTS:
        rows = [row.entry for row in world.booked(key, NOW)]
        assert len({entry.internal_id for entry in rows}) == len(rows)
        for entry in rows:
            local = entry.booked_at.astimezone(UK)
            assert local.date() == entry.movement.booking_date
            assert local.hour < 8
            if ACCOUNTS[key].institution_id in (NORTHGATE, HARBOUR):
                assert is_working(entry.movement.booking_date)


@any_seed
def test_pending_rows_book_exactly_once(seed: int) -> None:
    world = _lived(seed)
    later = NOW + dt.timedelta(days=8)
    for key in ACCOUNTS:
        waiting = world.pending(key, NOW)
        booked_now = {row.entry.internal_id for row in world.booked(key, NOW)}
        booked_later = [row.entry.internal_id for row in world.booked(key, later)]
        for entry in waiting:
            assert entry.internal_id not in booked_now
            assert booked_later.count(entry.internal_id) == 1
            assert entry.movement.made_at <= NOW < entry.booked_at


def test_card_purchases_stand_in_pending_first() -> None:
    world = _lived(7)
    for row in world.booked(CURRENT, NOW):
        movement = row.entry.movement
        if movement.kind is Kind.CARD:
            days = (movement.booking_date - movement.made_at.astimezone(UK).date()).days
            assert 1 <= days <= 7
            assert row.entry in world.pending(CURRENT, movement.made_at)


@any_seed
def test_transfers_have_two_legs(seed: int) -> None:
    world = _lived(seed)
    legs = [
        row.entry.movement.amount
        for key in ACCOUNTS
        for row in world.booked(key, dt.datetime(2026, 3, 16, 12, tzinfo=dt.UTC))
        if row.entry.movement.kind is Kind.TRANSFER
    ]
    assert sum(legs) == 0
    assert len(legs) > 40


def test_euro_account_shares_the_iban_of_the_current_account() -> None:
    assert ACCOUNTS[EURO].iban == ACCOUNTS[CURRENT].iban
    assert ACCOUNTS[EURO].currency != ACCOUNTS[CURRENT].currency
    for account in ACCOUNTS.values():
        if account.iban:
            moved = account.iban[4:] + account.iban[:4]
            assert int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 99])
def test_no_account_drifts_away_over_twelve_years(seed: int) -> None:
    now = dt.datetime(2036, 3, 15, 9, tzinfo=dt.UTC)
    world = _fresh(seed, now)
    for key, account in ACCOUNTS.items():
        balances = [row.balance for row in world.booked(key, now)]
        assert min(balances) > -account.overdraft - 700, key
        assert max(balances) < 40_000, key
    assert 0 < world.broker.cash_until(now) < 4_000


@any_seed
def test_broker_cash_is_the_sum_of_its_movements(seed: int) -> None:
    world = _lived(seed)
    broker = world.broker
    total = sum((row.amount for row in broker.cash if row.at <= NOW), Decimal(0))
    total += sum((row.amount for row in broker.dividends if row.at <= NOW), Decimal(0))
    for _, fill in broker.fills_until(NOW):
        if fill.type != "TRADE":
            assert not fill.cash
            assert not fill.taxes
            continue
        fees = -sum((amount for _, amount in fill.taxes), Decimal(0))
        assert all(amount <= 0 for _, amount in fill.taxes)
        assert fill.net > 0
        if fill.quantity > 0:
            assert fill.net == fill.gross + fees
            total -= fill.net
        else:
            assert fill.net == fill.gross - fees
            assert fill.realised is not None
            total += fill.net
        assert fill.gross == (abs(fill.quantity) * fill.price / fill.fx_rate).quantize(
            Decimal("0.01")
        )
    assert broker.cash_until(NOW) == total


@any_seed
def test_broker_cash_is_never_spent_twice(seed: int) -> None:
    broker = _lived(seed).broker
    instants = sorted(
        [row.at for row in broker.cash] + [fill.at for _, fill in broker.fills_until(NOW)]
    )
    for at in instants[:: max(len(instants) // 60, 1)]:
        reserved = sum((order.reserved for order in broker.pending(at)), Decimal(0))
        assert broker.cash_until(at) - reserved >= 0


@any_seed
def test_positions_are_the_sum_of_their_fills(seed: int) -> None:
    broker = _lived(seed).broker
    fills = broker.fills_until(NOW)
    names = {each.new.ticker: {each.old.ticker, each.new.ticker} for each in broker.renames}
    for ticker, holding in broker.holdings_at(NOW).items():
        known_as = names.get(ticker, {ticker})
        mine = [fill for order, fill in fills if order.instrument.ticker in known_as]
        assert holding.quantity == sum((fill.quantity for fill in mine), Decimal(0))
        assert holding.quantity > 0
        trades = [fill for fill in mine if fill.type == "TRADE"]
        bought = sum((fill.gross for fill in trades if fill.quantity > 0), Decimal(0))
        sold = sum(
            (fill.gross - (fill.realised or 0) for fill in trades if fill.quantity < 0), Decimal(0)
        )
        assert holding.cost == bought - sold


def test_the_broker_has_every_kind_of_event() -> None:
    broker = _lived(7).broker
    taxes = {name for _, fill in broker.fills_until(NOW) for name, _ in fill.taxes}
    assert taxes == {"CURRENCY_CONVERSION_FEE", "STAMP_DUTY_RESERVE_TAX"}
    assert {order.side for order in broker.orders} == {"BUY", "SELL"}
    assert any(len(order.fills) == 2 for order in broker.orders)
    assert any(not order.fills and order.status == "CANCELLED" for order in broker.orders)
    assert {fill.type for _, fill in broker.fills_until(NOW)} == {"TRADE", "STOCK_SPLIT"}
    assert [each.new.ticker for each in broker.renames] == ["UNIl_EQ"]
    assert {row.type for row in broker.cash} == {"DEPOSIT", "WITHDRAW", "INTEREST_ON_FREE_CASH"}
    assert {order.instrument.currency for order in broker.orders} == {"USD", "GBX", "GBP", "EUR"}


def test_every_series_has_its_rows() -> None:
    world = _lived(7)
    seen = {row.entry.movement.series for key in ACCOUNTS for row in world.booked(key, NOW)} - {
        None
    }
    assert seen == {series.key for series in SERIES}


def test_bank_holidays_are_those_of_england_and_wales() -> None:
    assert easter_sunday(2026) == dt.date(2026, 4, 5)
    assert bank_holidays(2026) == {
        dt.date(2026, 1, 1), dt.date(2026, 4, 3), dt.date(2026, 4, 6), dt.date(2026, 5, 4),
        dt.date(2026, 5, 25), dt.date(2026, 8, 31), dt.date(2026, 12, 25), dt.date(2026, 12, 28),
    }  # fmt: skip
    assert dt.date(2022, 12, 27) in bank_holidays(2022)
    assert not is_working(dt.date(2026, 12, 28))
