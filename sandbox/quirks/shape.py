"""Answers and fields of another shape than documented, and dirt in any of them."""

from __future__ import annotations

from typing import Any

from sandbox.quirks.quirk import Occasion, Quirk, Row, Told, each, turn

_OPTIONAL = (
    "entryReference", "endToEndId", "mandateId", "creditorId", "bookingDateTime", "valueDateTime",
    "creditorName", "debtorName", "ultimateCreditor", "ultimateDebtor", "creditorAccount",
    "debtorAccount", "currencyExchange", "remittanceInformationUnstructuredArray",
    "remittanceInformationStructured", "remittanceInformationStructuredArray",
    "additionalInformation", "purposeCode", "bankTransactionCode", "balanceAfterTransaction",
    "merchantCategoryCode",
)  # fmt: skip
_GB_IBAN = "GB33BUKB20201555555555"


def _odd_accounts(told: Told, _: Occasion) -> Row:
    side = "creditor" if told.is_debit else "debtor"
    ways: tuple[Any, ...] = (_GB_IBAN, {"bban": _GB_IBAN}, [], {"iban": None})
    return {f"{side}Account": ways[turn(told, len(ways))]}


def _odd_address(details: Row, _: Occasion) -> Row:
    return {**details, "ownerAddressUnstructured": "1 High Street, Leeds", "linkedAccounts": None}


def _listed_text(told: Told, _: Occasion) -> Row:
    said = told.row.get("remittanceInformationUnstructured")
    return {"remittanceInformationUnstructured": [said, "", None]}


def _not_an_answer(body: Any, occasion: Occasion) -> Any:
    """Tell everything once, then nothing in three ways, then everything again."""
    booked = body["transactions"]["booked"]
    ways: tuple[Any, ...] = (body, booked, {}, {"transactions": {}}, body)
    return ways[min(occasion.number, len(ways)) - 1]


def _continued(body: Any, occasion: Occasion) -> Any:
    """From the second answer on tell half of the rows, and where the others would be."""
    if occasion.number not in (2, 3):
        return body
    booked = body["transactions"]["booked"]
    path = "/api/v2/accounts/x/transactions/?page=2"
    half = {**body["transactions"], "booked": booked[: len(booked) // 2]}
    following = path if occasion.number == 2 else f"https://bank.invalid{path}"
    return {**body, "transactions": half, "next": following}


def _filled(value: Any) -> Any:
    def change(told: Told, _: Occasion) -> Row:
        return {name: value for name in _OPTIONAL if name not in told.row}

    return change


def _unheard_of(told: Told, _: Occasion) -> Row:
    return {
        "x": told.entry.number,
        "bankSpecific": {"nested": [{"deep": None}], "": ""},
        "transactionAmount": {**told.row["transactionAmount"], "precision": 2},
    }


def _numeric(told: Told, _: Occasion) -> Row:
    money = told.row["transactionAmount"]
    return {
        "transactionAmount": {**money, "amount": float(money["amount"])},
        "merchantCategoryCode": 5411,
        "checkId": 17,
        "purposeCode": True,
        "additionalInformation": 4711,
    }


QUIRKS = (
    Quirk(
        number="S1",
        what="the other side's account is a text, an IBAN under bban, or a list; the owner's"
        " address is one text",
        rows=each(_odd_accounts),
        details=_odd_address,
    ),
    Quirk(
        number="S6",
        what="remittanceInformationUnstructured is a list",
        rows=each(_listed_text),
    ),
    Quirk(
        number="S7",
        what="after the first answer come a bare array, {}, and {transactions: {}}, each with 200",
        answer=_not_an_answer,
    ),
    Quirk(
        number="S8",
        what="the second and third answer have half of the rows and a next key",
        answer=_continued,
    ),
    Quirk(number="null", what="absent fields are null", rows=each(_filled(None))),
    Quirk(number="empty", what="absent fields are empty texts", rows=each(_filled(""))),
    Quirk(number="blank", what="absent fields are a space", rows=each(_filled(" "))),
    Quirk(number="unknown", what="rows have keys nobody knows", rows=each(_unheard_of)),
    Quirk(number="numbers", what="amounts and codes are JSON numbers", rows=each(_numeric)),
)
