"""What an account holds: unknown is unknown, and no currency is made up."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from providers.trading212.holdings import PieSlice, read_pie, read_position, read_summary
from providers.trading212.rows import symbol


def plain(*values: Any) -> list[str]:
    return [str(value) for value in values]


def test_summary_of_today_and_of_before() -> None:
    today = read_summary(
        {
            "id": 77,
            "currency": "GBP",
            "totalValue": Decimal("910.5"),
            "cash": {"availableToTrade": Decimal("10.5")},
            "investments": {"totalCost": 850, "unrealizedProfitLoss": 50},
        }
    )
    before = read_summary({"free": Decimal("10.5"), "invested": 850, "ppl": 50, "total": 910})

    assert (today.account_id, today.currency, today.total_value) == (77, "GBP", Decimal("910.5"))
    assert plain(today.free_cash, today.invested, today.unrealised_result) == ["10.5", "850", "50"]
    assert plain(before.free_cash, before.total_value, before.currency) == ["10.5", "910", "None"]
    assert read_summary({"id": 77, "currencyCode": "GBP"}).currency == "GBP"


@pytest.mark.parametrize("payload", [None, [], {"id": "77", "cash": 3, "totalValue": "much"}])
def test_summary_of_nothing(payload: Any) -> None:
    facts = read_summary(payload)

    assert facts.account_id is None
    assert facts.total_value is None


class TestPosition:
    def test_wallet_counts(self) -> None:
        facts = read_position(
            {
                "instrument": {"ticker": "QUAYl_EQ", "currency": "GBX"},
                "quantity": 4,
                "averagePricePaid": 250,
                "currentPrice": 300,
                "walletImpact": {"currency": "GBP", "totalCost": 10, "currentValue": 12},
            }
        )

        assert plain(facts.cost, facts.value, facts.unrealised_result) == ["10", "12", "2"]
        assert plain(facts.currency, facts.average_price) == ["GBP", "250"]

    def test_without_a_wallet_price_and_quantity_count(self) -> None:
        row = {"instrument": {"ticker": "QUAY_US_EQ"}, "quantity": 4, "averagePricePaid": "2.5"}

        facts = read_position({**row, "currentPrice": 3})

        assert plain(facts.cost, facts.value, facts.unrealised_result) == ["10.0", "12", "2.0"]
        assert facts.currency is None
        assert read_position(row).value is None
        assert read_position(row).unrealised_result is None

    @pytest.mark.parametrize(
        ("payload", "refusal"),
        [
            (None, "instrument.ticker is missing"),
            ({"instrument": {"ticker": " "}, "quantity": 4}, "instrument.ticker is missing"),
            ({"instrument": {"ticker": "QUAY_US_EQ"}}, "quantity is not a number"),
        ],
    )
    def test_what_cannot_be_held_says_why(self, payload: Any, refusal: str) -> None:
        assert read_position(payload).refusal == refusal


def test_pie() -> None:
    facts = read_pie(
        {
            "settings": {"id": 9, "name": "Rainy day", "creationDate": "2026-01-01T02:00:00+03:00"},
            "instruments": [
                {
                    "ticker": "QUAYd_EQ",
                    "ownedQuantity": 2,
                    "result": {"investedValue": 10, "value": 12, "result": 2},
                }
            ],
        }
    )

    assert (facts.pie_id, facts.name) == (9, "Rainy day")
    assert facts.created_at == dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)
    assert facts.slices == (PieSlice("QUAYd_EQ", Decimal(2), Decimal(10), Decimal(12), Decimal(2)),)
    assert read_pie(None).slices == ()


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [("QUAY_US_EQ", "QUAY"), ("QUAYl_EQ", "QUAY"), ("Q_EQ", "Q"), ("q_EQ", "q"), ("QUAY", "QUAY")],
)
def test_symbol_for_people(ticker: str, expected: str) -> None:
    assert symbol(ticker) == expected
