"""The harness says right of what is right, wrong of what is wrong, and goes through the product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peer_cases.__main__ import Verdict, judge, main
from benchmarks.peer_cases.cases import Case, load
from benchmarks.peer_cases.compare import differences
from benchmarks.peer_cases.world import Worlds


def row(amount: str = "-7.30", **fields: Any) -> dict[str, Any]:
    money = {"amount": amount, "currency": "EUR"}
    return {"transactionAmount": money, "bookingDate": "2026-02-11", **fields}


def answer(*booked: Any, pending: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"transactions": {"booked": list(booked), "pending": list(pending)}}


def case(kind: str, given: Any, expected: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": kind,
        "provider": "gocardless",
        "tier": "core",
        "kind": kind,
        "input": given,
        "expected": expected,
        **fields,
    }


def write(path: Path, *cases: dict[str, Any]) -> Path:
    file = path / "cases.json"
    file.write_text(json.dumps({"format": 1, "cases": cases}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def everything(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with Worlds(server_url, tmp_path_factory.mktemp("peer")) as made:
        yield made


@pytest.fixture
def judged(everything: Worlds, tmp_path: Path) -> Any:
    def judged(given: dict[str, Any]) -> Verdict:
        (loaded,) = load(write(tmp_path, given))
        return judge(everything, loaded)

    return judged


BALANCE = {"balanceType": "expected", "balanceAmount": {"amount": "90.00", "currency": "EUR"}}
FILL = {
    "order": {
        "id": 1,
        "side": "BUY",
        "status": "FILLED",
        "ticker": "QUAY_US_EQ",
        "filledValue": 50,
    },
    "fill": {"id": 2, "quantity": 2, "price": 25, "filledAt": "2026-02-11T10:00:00Z"},
}

RIGHT = [
    case(
        "transaction",
        answer(row("250.00", additionalInformation="SKOBUTIKKEN")),
        {
            "amount": "-250",
            "booked": True,
            "payee": "skobutikken",
            "booking_date": "2026-02-11",
            "notes_contains": ["SKO"],
            "fx_rate": None,
        },
        institution_id="SEB_KORT_AB_NO_SKHSFI21",
    ),
    case(
        "transaction",
        answer({"transactionAmount": {"amount": "-1", "currency": "EUR"}, "bookingDate": "date"}),
        {"skip": True, "lost": False, "crash": False, "set_aside": 1},
    ),
    case(
        "transaction",
        answer({"transactionAmount": {"amount": "-1", "currency": "EUR"}}),
        {"ledger_rows": 1, "date_in": ["2026-03-15"]},
        missing=["bookingDate or valueDate"],
    ),
    case(
        "identity",
        {"pulls": [answer(row(internalTransactionId="a")), answer(row(internalTransactionId="a"))]},
        {"ledger_rows": 1, "booked_rows": 1, "updates": 0},
    ),
    case(
        "balances",
        {**answer(row("-10.00")), "balances": [BALANCE]},
        {"booked_balance": "90.00", "starting_balance": "100", "available_balance": None},
        institution_id="SANDBOXFINANCE_SFIN0000",
    ),
    case("balances", {"balances": [BALANCE]}, {"booked_balance": None, "starting_balance": None}),
    case(
        "accounts",
        {"account": {"cashAccountType": "svgs", "currency": "EUR", "iban": "DE00 0042"}},
        {"account_kind": "savings", "iban": "DE000042", "last4": "0042"},
    ),
    case("merchant_group", {"descriptions": ["QUAY", "To Quay"]}, {"same_merchant": True}),
    case(
        "ordering",
        answer(row(bookingDate="2026-01-01"), row(), row("-9.00")),
        {"row_count": 3, "days_newest_first": [[1, 2], [0]]},
    ),
    case("pagination", {"pages": [{}]}, {"watermark_moves": False, "requests": 1}),
    case(
        "error",
        {"status": 429, "headers": {"Retry-After": "7"}},
        {"error_category": "rate_limited", "worth_retrying_later": True, "wait_at_least_s": 7},
    ),
    case(
        "error",
        {"balances": {"status": 400, "json": {}}, "transactions": {"rows": 2}},
        {"transactions_imported": 2, "failure_reported": ["balances"]},
    ),
    case(
        "order",
        {"items": [FILL]},
        {"trades": 1, "quantity": "2", "cash_flow": "-50"},
        provider="trading212",
    ),
    case(
        "cash_transaction",
        {"items": [{"type": "FEE", "amount": 2, "dateTime": "2026-02-11T10:00:00Z"}]},
        {"cash_flow": "-2.0", "flow_kind": "fee"},
        provider="trading212",
    ),
    case("ticker", {"ticker": "QUAYl_EQ"}, {"symbol": "QUAY"}, provider="trading212"),
]


@pytest.mark.slow
@pytest.mark.parametrize("given", RIGHT, ids=lambda given: given["kind"])
def test_what_the_product_makes_of_a_payload(judged: Any, given: dict[str, Any]) -> None:
    verdict = judged(given)

    assert verdict.error is None
    assert verdict.wrong == []


@pytest.mark.slow
def test_a_wrong_fact_is_told_with_what_came_out(judged: Any) -> None:
    verdict = judged(case("transaction", answer(row()), {"amount": "7.30", "booked": True}))

    assert [(d.fact, d.expected, d.got) for d in verdict.wrong] == [
        ("amount", "7.30", Decimal("-7.30"))
    ]
    assert not verdict.is_right


@pytest.mark.slow
def test_a_kind_that_nobody_knows_fails_alone(judged: Any) -> None:
    assert "KeyError" in judged(case("weather", {}, {"is_fine": True})).error


@pytest.mark.parametrize(
    ("expected", "facts", "is_met"),
    [
        ({"amount": "1.50"}, {"amount": Decimal("1.5")}, True),
        ({"payee": "Quay  Books"}, {"payee": "QUAY BOOKS"}, True),
        ({"payee": None}, {"payee": None}, True),
        ({"payee": None}, {"payee": "None"}, False),
        ({"payee_excludes": ["CARD"]}, {"payee": "Quay"}, True),
        ({"payee_excludes": ["quay"]}, {"payee": "Quay"}, False),
        ({"payee_not": "Invoice 1"}, {"payee": None}, True),
        ({"date_in": ["2026-02-11"]}, {"date": "2026-02-12"}, False),
        ({"date_not_after": "2026-02-11"}, {"date": "2026-02-11"}, True),
        ({"notes_contains_ignoring_spaces": ["aB"]}, {"notes": "A b"}, True),
        ({"ledger_rows_in": [1, 2]}, {"ledger_rows": 3}, False),
        ({"ledger_rows_min": 1}, {"ledger_rows": 3}, True),
        ({"booked": False}, {"booked": 0}, False),
        ({"weather": "fine"}, {}, False),
        ({"weather": None}, {}, False),
    ],
)
def test_comparison(expected: dict[str, Any], facts: dict[str, Any], is_met: bool) -> None:
    assert (differences(expected, facts) == []) is is_met


def test_a_payload_of_another_aggregator_is_put_into_our_spelling(tmp_path: Path) -> None:
    theirs = {
        "status": "BOOK",
        "transaction_amount": {"amount": "5.00", "currency": "EUR"},
        "credit_debit_indicator": "DBIT",
        "creditor": {"name": "Quay"},
        "transaction_date": "2026-02-11",
    }
    given = case("transaction", {"transactions": [theirs]}, {}, provider="enable_banking")

    (loaded,) = load(write(tmp_path, given))

    assert loaded.pulls() == [
        answer(
            {
                "transactionAmount": {"amount": "-5.00", "currency": "EUR"},
                "bookingDate": "2026-02-11",
                "creditorName": "Quay",
            }
        )
    ]
    assert isinstance(loaded, Case)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2, "cases": []}'])
def test_a_file_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "cases.json"
    file.write_text(text, encoding="utf-8")

    assert main([str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main([str(tmp_path / "nowhere.json")]) == 2


@pytest.mark.slow
def test_totals_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = case("number", {"value": "-1.50"}, {"decimal": "-1.5"}, provider="trading212")
    wrong = case("number", {"value": "x"}, {"decimal": "0"}, provider="trading212")

    assert main([str(write(tmp_path, number, wrong)), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["tiers"] == {"core": {"right": 1, "all": 2}}
    assert [entry["right"] for entry in told["cases"]] == [True, False]
