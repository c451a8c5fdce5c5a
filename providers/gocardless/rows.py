"""What a row of a GoCardless answer says, read from its payload.

Pure functions: a payload in, facts out. A row that lacks what a ledger needs is not guessed at; its
``refusal`` says what is missing. Shapes: GoCardless Bank Account Data v2, with the deviations that
banks are known for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from providers.text import currency, day, decimal, instant, lines, text

# Balances that count what is booked and nothing else; the spelling varies by bank.
BOOKED_BALANCES = frozenset({"interimbooked", "closingbooked", "openingbooked"})


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """What the ledger takes from one transaction.

    :param amount: signed, money out negative, as the bank gives it.
    :param balance_after: booked balance after this row, where the bank prints one in its currency.
    :param refusal: why it cannot be placed; None if it can.
    """

    internal_transaction_id: str | None
    transaction_id: str | None
    entry_reference: str | None
    amount: Decimal | None
    currency: str | None
    booking_date: dt.date | None
    value_date: dt.date | None
    booked_at: dt.datetime | None
    description: str | None
    counterparty_name: str | None
    counterparty_account: str | None
    balance_after: Decimal | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class BalanceFacts:
    """What the ledger takes from one balance; None is unknown, which is not zero."""

    balance_type: str | None
    amount: Decimal | None
    currency: str | None
    reference_date: dt.date | None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What identifies an account and how it is shown."""

    status: str | None
    account_number: str
    iban: str | None
    currency: str | None
    name: str
    is_card: bool


def read_transaction(payload: Any, *, is_pending: bool) -> TransactionFacts:
    """Read one row of ``booked`` or ``pending``."""
    row: dict[str, Any] = payload if isinstance(payload, dict) else {}
    money = _object(row, "transactionAmount")
    amount, code = decimal(money.get("amount")), currency(money.get("currency"))
    booked_on = (
        day(row.get("bookingDate"))
        or day(row.get("bookingDateTime"))
        or day(row.get("valueDate"))
        or day(row.get("valueDateTime"))
    )
    name, number = _counterparty(row, is_debit=amount is not None and amount < 0)
    return TransactionFacts(
        internal_transaction_id=text(row.get("internalTransactionId")),
        transaction_id=text(row.get("transactionId")),
        entry_reference=text(row.get("entryReference")),
        amount=amount,
        currency=code,
        booking_date=booked_on,
        value_date=day(row.get("valueDate")) or day(row.get("valueDateTime")),
        booked_at=instant(row.get("bookingDateTime")),
        description=_description(row),
        counterparty_name=name,
        counterparty_account=number,
        balance_after=_balance_after(row, code),
        refusal=_refusal(money, amount, code, booked_on, is_pending=is_pending),
    )


def read_balance(payload: Any) -> BalanceFacts:
    """Read one entry of ``balances``."""
    row: dict[str, Any] = payload if isinstance(payload, dict) else {}
    money = _object(row, "balanceAmount")
    return BalanceFacts(
        balance_type=text(row.get("balanceType")),
        amount=decimal(money.get("amount")),
        currency=currency(money.get("currency")),
        reference_date=day(row.get("referenceDate")),
    )


def is_booked_balance(balance_type: str | None) -> bool:
    """Tell whether a balance is comparable with the sum of booked rows."""
    return balance_type is not None and balance_type.lower() in BOOKED_BALANCES


def read_account(payload: dict[str, Any]) -> AccountFacts:
    """Read an account from its metadata and details.

    :param payload: ``{"account": <metadata>, "details": <details> or {}}``.
    """
    metadata, details = _object(payload, "account"), _object(payload, "details")
    iban = text(details.get("iban")) or text(metadata.get("iban"))
    number = (
        (iban and iban.replace(" ", ""))
        or text(details.get("scan"))
        or text(details.get("bban"))
        or text(metadata.get("bban"))
        or text(details.get("maskedPan"))
        or str(metadata.get("id"))
    )
    kind = text(details.get("cashAccountType"))
    return AccountFacts(
        status=text(metadata.get("status")),
        account_number=number,
        iban=iban and iban.replace(" ", ""),
        currency=currency(details.get("currency")),
        name=(
            text(details.get("displayName"))
            or text(details.get("name"))
            or text(metadata.get("name"))
            or text(details.get("product"))
            or text(details.get("details"))
            or "Account"
        ),
        is_card=kind == "CARD" or (kind is None and text(details.get("maskedPan")) is not None),
    )


def _object(row: dict[str, Any], key: str) -> dict[str, Any]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def _refusal(
    money: dict[str, Any],
    amount: Decimal | None,
    code: str | None,
    booked_on: dt.date | None,
    *,
    is_pending: bool,
) -> str | None:
    if amount is None:
        given = money.get("amount")
        is_missing = given is None or (isinstance(given, str) and text(given) is None)
        return "transactionAmount.amount is " + ("missing" if is_missing else "not a number")
    if code is None:
        return "transactionAmount.currency is not a three-letter code"
    if booked_on is None and not is_pending:
        return "no booking date and no value date"
    return None


def _description(row: dict[str, Any]) -> str | None:
    for key in (
        "remittanceInformationUnstructured",
        "remittanceInformationUnstructuredArray",
        "remittanceInformationStructured",
        "remittanceInformationStructuredArray",
        "additionalInformation",
    ):
        if found := lines(row.get(key)):
            return " ".join(found)
    return None


def _counterparty(row: dict[str, Any], *, is_debit: bool) -> tuple[str | None, str | None]:
    near, far = ("creditor", "debtor") if is_debit else ("debtor", "creditor")
    name, number = text(row.get(f"{near}Name")), _account_number(row.get(f"{near}Account"))
    if name is None and (name := text(row.get(f"{far}Name"))):
        # Some banks write the other party on this side. Without a name, its account is our own.
        number = number or _account_number(row.get(f"{far}Account"))
    return name, number


def _account_number(account: Any) -> str | None:
    if isinstance(account, dict):
        for key in ("iban", "bban", "maskedPan", "pan", "msisdn"):
            if number := text(account.get(key)):
                return number.replace(" ", "")
        return None
    number = text(account)
    return number.replace(" ", "") if number else None


def _balance_after(row: dict[str, Any], code: str | None) -> Decimal | None:
    after = _object(row, "balanceAfterTransaction")
    if not is_booked_balance(text(after.get("balanceType"))):
        return None
    money = _object(after, "balanceAmount")
    return decimal(money.get("amount")) if currency(money.get("currency")) == code else None
