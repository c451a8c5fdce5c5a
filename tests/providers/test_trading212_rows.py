"""What an item of a broker's history says; what is missing is named, and nothing is dropped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.text import decimal
from providers.trading212.rows import (
    ItemFacts,
    read_cash_transaction,
    read_dividend,
    read_order,
)

FILLED = dt.datetime(2026, 3, 13, 14, 30, 0, 123000, tzinfo=dt.UTC)


def without(payload: dict[str, Any], *path: str) -> dict[str, Any]:
    """A copy that lacks one key."""
    name, *rest = path
    copy = dict(payload)
    if rest:
        copy[name] = without(copy[name], *rest)
    else:
        del copy[name]
    return copy


def with_value(payload: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """A copy that has another value."""
    name, *rest = path
    return {**payload, name: with_value(payload[name], value, *rest) if rest else value}


def order_item(**fill: Any) -> dict[str, Any]:
    return {
        "order": {
            "id": 40_000_000_001,
            "ticker": "BAKEl_EQ",
            "side": "BUY",
            "status": "FILLED",
            "createdAt": "2026-03-13T14:29:58Z",
        },
        "fill": {
            "id": 50_000_000_001,
            "type": "TRADE",
            "quantity": Decimal("2.5"),
            "filledAt": "2026-03-13T14:30:00.123Z",
            "walletImpact": {
                "currency": "GBP",
                "netValue": Decimal("25.13"),
                "taxes": [{"name": "STAMP_DUTY", "quantity": Decimal("-0.13"), "currency": "GBP"}],
            },
            **fill,
        },
    }


DIVIDEND = {
    "ticker": "BAKEl_EQ",
    "amount": Decimal("1.25"),
    "currency": "GBP",
    "paidOn": "2026-03-13T14:30:00.123Z",
    "reference": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
}
CASH = {
    "type": "DEPOSIT",
    "amount": Decimal(500),
    "currency": "GBP",
    "dateTime": "2026-03-13T14:30:00.123Z",
    "reference": "7c9e6679-7425-40de-944b-e07fc1f90ae8",
}


class TestOrders:
    def test_fill(self) -> None:
        assert read_order(order_item()) == ItemFacts(
            key="40000000001:50000000001", ticker="BAKEl_EQ", occurred_at=FILLED, refusal=None
        )

    def test_partial_fills_of_one_order_are_two_items(self) -> None:
        assert {read_order(order_item(id=number)).key for number in (1, 2)} == {
            "40000000001:1",
            "40000000001:2",
        }

    def test_order_that_ended_without_a_fill_moves_nothing_and_is_no_refusal(self) -> None:
        for payload in (without(order_item(), "fill"), with_value(order_item(), None, "fill")):
            facts = read_order(payload)

            assert facts.key == "40000000001:None"
            assert facts.occurred_at == dt.datetime(2026, 3, 13, 14, 29, 58, tzinfo=dt.UTC)
            assert facts.refusal is None

    def test_corporate_action_without_money_is_no_refusal(self) -> None:
        for side in ("BUY", "SELL"):
            payload = with_value(order_item(type="STOCK_SPLIT"), side, "order", "side")

            assert read_order(without(payload, "fill", "walletImpact")).refusal is None
            assert read_order(without(payload, "fill", "walletImpact", "netValue")).refusal is None

    def test_corporate_action_with_money_needs_its_currency(self) -> None:
        payload = order_item(type="CASH_AND_STOCK_ACQUISITION")

        assert read_order(payload).refusal is None
        refusal = read_order(without(payload, "fill", "walletImpact", "currency")).refusal
        assert refusal == "fill.walletImpact.currency is missing"

    @pytest.mark.parametrize("kind", ["TRADE", None, ""])
    def test_trade_without_money_is_refused_not_taken_for_a_corporate_action(
        self, kind: str | None
    ) -> None:
        payload = without(order_item(type=kind), "fill", "walletImpact", "netValue")

        assert read_order(payload).refusal == "fill.walletImpact.netValue is missing"

    @pytest.mark.parametrize(
        ("path", "value", "refusal"),
        [
            (("order",), None, "no order in the item"),
            (("order",), [], "no order in the item"),
            (("fill", "filledAt"), None, "fill.filledAt is missing"),
            (("fill", "filledAt"), "soon", "fill.filledAt is missing"),
            (("order", "side"), None, "order.side is neither BUY nor SELL"),
            (("order", "side"), "HOLD", "order.side is neither BUY nor SELL"),
            (("fill", "walletImpact"), None, "fill.walletImpact.netValue is missing"),
            (("fill", "walletImpact", "netValue"), "n/a", "fill.walletImpact.netValue is missing"),
            (("fill", "walletImpact", "currency"), None, "fill.walletImpact.currency is missing"),
            (("fill", "quantity"), "two", "fill.quantity is not a number"),
            (("fill", "walletImpact", "taxes"), {}, "fill.walletImpact.taxes is not a list"),
            (
                ("fill", "walletImpact", "taxes"),
                [{"quantity": "free"}],
                "fill.walletImpact.taxes has an amount that is not a number",
            ),
        ],
    )
    def test_refusal_says_what_is_missing(
        self, path: tuple[str, ...], value: Any, refusal: str
    ) -> None:
        assert read_order(with_value(order_item(), value, *path)).refusal == refusal

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("fill", "quantity"), None),
            (("fill", "quantity"), Decimal("-2.5")),
            (("fill", "walletImpact", "taxes"), None),
            (("fill", "walletImpact", "taxes"), []),
            (("fill", "walletImpact", "taxes"), [{"name": "FINRA_FEE"}, None]),
            (("fill", "walletImpact", "netValue"), Decimal("-25.13")),
            (("fill", "walletImpact", "netValue"), 25),
            (("order", "ticker"), None),
        ],
    )
    def test_what_a_ledger_can_do_without_is_no_refusal(
        self, path: tuple[str, ...], value: Any
    ) -> None:
        assert read_order(with_value(order_item(), value, *path)).refusal is None

    @pytest.mark.parametrize("missing", [None, "", 0])
    def test_fill_without_an_id_is_kept_under_its_content(self, missing: Any) -> None:
        facts = read_order(order_item(id=missing))

        assert facts.key is None
        assert facts.refusal is None
        assert facts.occurred_at == FILLED

    def test_order_without_an_id_is_kept_under_its_content(self) -> None:
        assert read_order(with_value(order_item(), None, "order", "id")).key is None

    def test_ticker_of_a_delisted_instrument_comes_from_the_item(self) -> None:
        payload = with_value(order_item(), {"ticker": "OLD_US_EQ"}, "order", "instrument")

        assert read_order(payload).ticker == "BAKEl_EQ"
        assert read_order(with_value(payload, "", "order", "ticker")).ticker == "OLD_US_EQ"
        payload = with_value(payload, None, "order", "instrument")
        assert read_order(with_value(payload, "", "order", "ticker")).ticker is None


@pytest.mark.parametrize(
    ("read", "item"), [(read_dividend, DIVIDEND), (read_cash_transaction, CASH)]
)
class TestDividendsAndCash:
    def test_complete_item(self, read: Callable[[Any], ItemFacts], item: dict[str, Any]) -> None:
        assert read(item) == ItemFacts(
            key=item["reference"],
            ticker=item.get("ticker"),
            occurred_at=FILLED,
            refusal=None,
        )

    def test_refusal_says_what_is_missing(
        self, read: Callable[[Any], ItemFacts], item: dict[str, Any]
    ) -> None:
        instant = "paidOn" if "paidOn" in item else "dateTime"
        for name in ("amount", "currency", instant):
            for payload in (without(item, name), {**item, name: None}, {**item, name: "unknown"}):
                assert read(payload).refusal == f"{name} is missing"
                assert read(payload).key == item["reference"]

    def test_zero_and_negative_amounts_are_amounts(
        self, read: Callable[[Any], ItemFacts], item: dict[str, Any]
    ) -> None:
        for amount in (0, Decimal("0.00"), Decimal("-3.5"), "-3.5"):
            assert read({**item, "amount": amount}).refusal is None

    def test_without_a_reference_its_content_decides(
        self, read: Callable[[Any], ItemFacts], item: dict[str, Any]
    ) -> None:
        for payload in (without(item, "reference"), {**item, "reference": " "}):
            assert read(payload).key is None
            assert read(payload).refusal is None


def test_dividend_of_an_instrument_object() -> None:
    payload = {**without(DIVIDEND, "ticker"), "instrument": {"ticker": "BAKEl_EQ"}}

    assert read_dividend(payload).ticker == "BAKEl_EQ"


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(st.characters(), max_size=10)
    | st.sampled_from(["TRADE", "BUY", "SELL", "GBP", "2026-03-14T10:00:00Z", "1.5"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def objects(**shapes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=shapes) | json_values


items = objects(
    order=objects(id=scalars, side=scalars, ticker=json_values, createdAt=scalars),
    fill=objects(
        id=scalars,
        type=scalars,
        quantity=json_values,
        filledAt=scalars,
        walletImpact=objects(currency=scalars, netValue=json_values, taxes=json_values),
    ),
    amount=json_values,
    currency=json_values,
    paidOn=json_values,
    dateTime=json_values,
    reference=json_values,
)


@given(items)
def test_no_shape_raises_and_what_is_not_refused_can_be_placed(payload: Any) -> None:
    for read in (read_dividend, read_cash_transaction):
        facts = read(payload)
        if facts.refusal is None:
            assert facts.occurred_at is not None
            assert decimal(payload["amount"]) is not None

    facts = read_order(payload)
    moves = isinstance(payload, dict) and isinstance(payload.get("fill"), dict) and payload["fill"]
    if facts.refusal is None and moves:
        assert facts.occurred_at is not None
        assert payload["order"]["side"] in ("BUY", "SELL")
