"""What a row says beyond the ledger's columns is readable, in every shape that banks use."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from providers.gocardless import banks
from providers.gocardless.details import Exchange, read_details

RATE = {"sourceCurrency": "USD", "targetCurrency": "EUR", "exchangeRate": "0.92"}


@pytest.mark.parametrize("given", [RATE, [RATE], [None, RATE, {"exchangeRate": "7"}]])
def test_exchange_is_an_object_or_a_list(given: Any) -> None:
    details = read_details({"currencyExchange": given})

    assert details.exchange == Exchange(source="USD", target="EUR", rate=Decimal("0.92"))


@pytest.mark.parametrize(
    "given", [None, [], {}, "0.92", {"exchangeRate": "0"}, [{"exchangeRate": ""}]]
)
def test_no_rate_is_unknown(given: Any) -> None:
    assert read_details({"currencyExchange": given}).exchange == Exchange()


def test_both_amounts_are_kept() -> None:
    money = {"amount": "10.00", "currency": "usd"}

    details = read_details({"currencyExchange": {**RATE, "instructedAmount": money}})

    assert details.exchange.instructed == Decimal("10.00")
    assert details.exchange.instructed_currency == "USD"


def test_references_and_card() -> None:
    details = read_details(
        {
            "mandateId": "M-7",
            "creditorId": "DE00ZZZ",
            "endToEndId": " ",
            "merchantCategoryCode": 5411,
            "ultimateCreditor": "Quay &amp; Books",
            "additionalDataStructured": {"cardInstrument": {"cardSchemeName": "VISA"}},
        }
    )

    assert (details.mandate_id, details.creditor_id, details.end_to_end_id) == (
        "M-7",
        "DE00ZZZ",
        None,
    )
    assert details.merchant_category_code == "5411"
    assert details.card_scheme == "VISA"
    assert details.ultimate_creditor == "Quay & Books"


def test_day_of_a_purchase_where_the_bank_writes_it() -> None:
    row = {"remittanceInformationUnstructured": "(..0042) 2026-02-10 09:32 Raamat"}

    assert read_details(row).purchased_on is None
    lhv = banks.profile("LHV_LHVBEE22")
    assert read_details(row, profile=lhv).purchased_on == dt.date(2026, 2, 10)


@pytest.mark.parametrize(
    "payload", [None, [], "row", {"transactionAmount": 7, "cardTransaction": True}]
)
def test_nothing_is_read_out_of_nothing(payload: Any) -> None:
    details = read_details(payload, profile=banks.profile("ENTERCARD_SWEDNOKK"))

    assert details.foreign is None
    assert details.card_scheme is None
