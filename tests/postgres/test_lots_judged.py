"""Gains by section 104 as somebody else reckons them: `cgt-calc`, on made-up trades.

Where it reckons at all, it comes to the same. It takes a sale of shares that are not there yet for
an error, so the trades here have none; and it fails on some histories by a fault of its own.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from decimal import Decimal, InvalidOperation
from random import Random

import pytest
from cgt_calc.currency_converter import CurrencyConverter
from cgt_calc.current_price_fetcher import CurrentPriceFetcher
from cgt_calc.initial_prices import InitialPrices
from cgt_calc.isin_converter import IsinConverter
from cgt_calc.main import CapitalGainsCalculator
from cgt_calc.model import ActionType, BrokerTransaction
from cgt_calc.spin_off_handler import SpinOffHandler

from postgres.common.lots.history import Fill, steps
from postgres.common.lots.section104 import match_section_104

FIRST, LAST = dt.date(2021, 4, 6), dt.date(2025, 4, 5)
WORLDS = 40


def trades(seed: int) -> list[Fill]:
    """Trades of one or two securities, many on one day or within thirty of another."""
    rng = Random(f"judged {seed}")  # noqa: S311
    held: dict[str, Decimal] = defaultdict(Decimal)
    fills: list[Fill] = []
    day = FIRST
    while (day := day + dt.timedelta(days=rng.choice((0, 1, 3, 10, 29, 30, 31, 90)))) <= LAST:
        security = rng.choice(("A", "B")[: 1 + seed % 2])
        price = Decimal(rng.randint(100, 20_000)) / 100
        quantity = Decimal(rng.randint(1, 400)) / rng.choice((1, 4))
        if rng.random() < 0.5:
            quantity = -min(quantity, held[security])
        if not quantity:
            continue
        held[security] += quantity
        at = dt.datetime.combine(day, dt.time(9), dt.UTC) + dt.timedelta(seconds=len(fills))
        fees = -Decimal(rng.choice((0, 0, 35, 600))) / 100
        fills.append(
            Fill(uuid.UUID(int=len(fills)), security, at, day, quantity, -quantity * price, fees)
        )
    return fills


def reckoned(fills: list[Fill], tax_year: int) -> Decimal:
    """The gains of a tax year, by the first of the two years that it is in."""
    rates = CurrencyConverter()
    calculator = CapitalGainsCalculator(
        tax_year,
        rates,
        IsinConverter(),
        CurrentPriceFetcher(rates),
        SpinOffHandler(),
        InitialPrices({}),
        [],
        balance_check=False,
    )
    calculator.convert_to_hmrc_transactions(
        [
            BrokerTransaction(
                date=fill.day,
                action=ActionType.BUY if fill.quantity > 0 else ActionType.SELL,
                symbol=str(fill.security),
                description="",
                quantity=abs(fill.quantity),
                price=abs(fill.amount / fill.quantity),
                fees=-fill.fees,
                amount=fill.amount + fill.fees,
                currency="GBP",
                broker="made up",
            )
            for fill in fills
        ]
    )
    gain: Decimal = calculator.calculate_capital_gain().total_gain()
    return gain


@pytest.mark.filterwarnings("ignore")
def test_gains_are_those_that_others_reckon(capsys: pytest.CaptureFixture[str]) -> None:
    rules, compared = set(), 0
    for seed in range(WORLDS):
        fills = trades(seed)
        matches = match_section_104(steps(fills))
        rules |= {match.rule.value for match in matches}
        days = {fill.id: fill.day for fill in fills}
        year = FIRST.year + seed % 4
        first, end = dt.date(year, 4, 6), dt.date(year + 1, 4, 6)
        ours = sum(
            (match.gain or Decimal(0) for match in matches if first <= days[match.sale] < end),
            Decimal(0),
        )
        try:
            theirs = reckoned(fills, year)
        except (AssertionError, InvalidOperation):
            # Theirs: it finds a rest of 0E-26 shares where several sales used a purchase up.
            continue
        compared += 1
        # They round each disposal to the penny.
        assert abs(ours - theirs) <= Decimal("0.01") * len(fills), f"seed {seed}"
    capsys.readouterr()
    assert compared >= WORLDS // 2
    assert rules == {"same_day", "thirty_days", "pool"}
