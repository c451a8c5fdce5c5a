"""What a row of a GoCardless answer says, read from its payload.

Pure functions: a payload in, facts out. A row that lacks what a ledger needs is not guessed at; its
``refusal`` says what is missing. Shapes: GoCardless Bank Account Data v2, with the deviations that
banks are known for, see :mod:`providers.gocardless.banks`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from providers.gocardless.banks import DEFAULT, BankProfile
from providers.gocardless.payee import near_side, payee
from providers.gocardless.remittance import description, remittance_lines
from providers.text import (
    FIRST_DAY,
    LAST_DAY,
    currency,
    day,
    decimal,
    instant,
    is_out_of_range,
    text,
)

# Balances that count what is booked and nothing else; the spelling varies by bank.
BOOKED_BALANCES = frozenset({"interimbooked", "closingbooked", "openingbooked"})

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{4,30}")
MARK = "bookingStatus"
"""Where a row of some banks says itself whether it is booked."""
_NO_ID = re.compile(r"NOT ?PROVIDED|NOT ?AVAILABLE|N/?A|NONE|NULL|UNDEFINED|[-0]+", re.IGNORECASE)


class AccountKind(StrEnum):
    """What an account is for."""

    CURRENT = "current"
    SAVINGS = "savings"
    CREDIT_CARD = "credit_card"
    LOAN = "loan"
    MORTGAGE = "mortgage"


# Cash account types of ISO 20022. OTHR and unknown ones say nothing.
_ACCOUNT_KINDS = {
    "CACC": AccountKind.CURRENT,
    "TRAN": AccountKind.CURRENT,
    "TRAS": AccountKind.CURRENT,
    "CASH": AccountKind.CURRENT,
    "SLRY": AccountKind.CURRENT,
    "ODFT": AccountKind.CURRENT,
    "SVGS": AccountKind.SAVINGS,
    "LLSV": AccountKind.SAVINGS,
    "ONDP": AccountKind.SAVINGS,
    "MOMA": AccountKind.SAVINGS,
    "CARD": AccountKind.CREDIT_CARD,
    "LOAN": AccountKind.LOAN,
    "MORT": AccountKind.MORTGAGE,
}


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

    @property
    def is_readable(self) -> bool:
        """Whether it says how much there is of what."""
        return None not in (self.balance_type, self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What identifies an account, how it is shown, and whose it is.

    :param account_number: IBAN, else the bank's own number, else a masked card number; None if the
        bank gives none, or has not described the account yet.
    :param holder: as the bank writes it; of several holders all in one text.
    :param product: what the bank calls this kind of account.
    """

    status: str | None
    account_number: str | None
    iban: str | None
    currency: str | None
    name: str
    kind: AccountKind | None
    holder: str | None
    product: str | None

    @property
    def is_card(self) -> bool:
        """Whether it is the account of a credit card."""
        return self.kind is AccountKind.CREDIT_CARD


def read_transaction(
    payload: Any,
    *,
    is_pending: bool,
    profile: BankProfile = DEFAULT,
    holder: str | None = None,
    seen_on: dt.date | None = None,
) -> TransactionFacts:
    """Read one row of ``booked`` or ``pending``.

    :param profile: what is known of the bank.
    :param holder: the name of the account's holder, who is never the counterparty.
    :param seen_on: the day of the answer. A bank that dates a pending row by the last day on which
        it may be booked has not dated it while that day is still to come.
    """
    row: dict[str, Any] = payload if isinstance(payload, dict) else {}
    lines = remittance_lines(row, profile)
    amount, code = _money(row, profile, is_pending=is_pending)
    booked_on = _day(row, profile, is_pending=is_pending)
    if is_pending and not profile.has_pending_dates and booked_on and seen_on:
        booked_on = None if booked_on > seen_on else booked_on
    is_debit = amount is not None and amount < 0
    name = payee(row, lines, profile, is_debit=is_debit, is_pending=is_pending, holder=holder)
    return TransactionFacts(
        internal_transaction_id=(
            text(row.get("internalTransactionId"))
            if "internalTransactionId" in profile.trusted_ids
            else None
        ),
        transaction_id=_id(row, "transactionId", profile),
        entry_reference=_id(row, "entryReference", profile),
        amount=amount,
        currency=code,
        booking_date=booked_on,
        value_date=day(row.get("valueDate")) or day(row.get("valueDateTime")),
        booked_at=instant(row.get("bookingDateTime")),
        description=description(row, lines, profile),
        counterparty_name=name,
        counterparty_account=_counterparty_account(row, is_debit=is_debit),
        balance_after=_balance_after(row, code),
        refusal=_refusal(row, amount, code, booked_on, is_pending=is_pending),
    )


def is_marked_pending(payload: Any) -> bool:
    """Tell whether a row says that it is pending, whichever list it stands in."""
    mark = text(payload.get(MARK)) if isinstance(payload, dict) else None
    return mark is not None and mark.upper() in ("PDNG", "PENDING")


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
    iban = iban and iban.replace(" ", "")
    number = (
        iban
        or text(details.get("scan"))
        or text(details.get("bban"))
        or text(metadata.get("bban"))
        or text(details.get("maskedPan"))
    )
    return AccountFacts(
        status=text(metadata.get("status")),
        account_number=number,
        # American Express writes the masked number of the card there.
        iban=iban if iban and _IBAN.fullmatch(iban) else None,
        currency=currency(details.get("currency")),
        name=(
            text(details.get("displayName"))
            or text(details.get("name"))
            or text(metadata.get("name"))
            or text(details.get("product"))
            or text(details.get("details"))
            or "Account"
        ),
        kind=_account_kind(details),
        holder=text(details.get("ownerName")) or text(metadata.get("owner_name")),
        product=text(details.get("product")),
    )


def _account_kind(details: dict[str, Any]) -> AccountKind | None:
    code = text(details.get("cashAccountType"))
    if code is None:
        return AccountKind.CREDIT_CARD if text(details.get("maskedPan")) else None
    return _ACCOUNT_KINDS.get(code.upper())


def _object(row: dict[str, Any], key: str) -> dict[str, Any]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def _refusal(
    row: dict[str, Any],
    amount: Decimal | None,
    code: str | None,
    booked_on: dt.date | None,
    *,
    is_pending: bool,
) -> str | None:
    if amount is None:
        given = _object(row, "transactionAmount").get("amount")
        is_missing = given is None or (isinstance(given, str) and text(given) is None)
        return "transactionAmount.amount is " + ("missing" if is_missing else "not a number")
    if code is None:
        return "transactionAmount.currency is not a three-letter code"
    if booked_on is None and not is_pending:
        if any(is_out_of_range(row.get(field)) for field in DEFAULT.dates):
            return f"the date is not between {FIRST_DAY} and {LAST_DAY}"
        return "no booking date and no value date"
    return None


def _money(
    row: dict[str, Any], profile: BankProfile, *, is_pending: bool
) -> tuple[Decimal | None, str | None]:
    """Return what moved on the account, signed, whatever the bank's own way of writing it."""
    money = _object(row, "transactionAmount")
    amount, code = decimal(money.get("amount")), currency(money.get("currency"))
    if amount is None:
        return None, code
    if found := _search(profile.billed_in_text, row):
        billed = decimal(found["amount"])
        if billed is not None:
            amount, code = abs(billed).copy_sign(amount), profile.billed_currency
    if profile.is_inverted:
        amount = -amount
    if is_pending and _search(profile.unsigned_purchase, row):
        amount = -abs(amount)
    return amount, code


def _search(pattern: re.Pattern[str] | None, row: dict[str, Any]) -> re.Match[str] | None:
    """Search the text as it was before what clutters it was left out."""
    return pattern.search(" ".join(remittance_lines(row, DEFAULT))) if pattern else None


def _day(row: dict[str, Any], profile: BankProfile, *, is_pending: bool) -> dt.date | None:
    """Return the day that a row is dated by: a field's, else that in a pending row's text."""
    for field in profile.dates:
        if found := day(row.get(field)):
            return found
    return purchase_day(row, profile) if is_pending else None


def purchase_day(row: dict[str, Any], profile: BankProfile) -> dt.date | None:
    """Return the day of a purchase that the bank is known to write into the text; None if none."""
    found = _search(profile.date_in_text, row)
    if found is None:
        return None
    written = found["date"]
    if day_first := re.fullmatch(r"(\d\d)\.(\d\d)\.(?:20)?(\d\d)", written):
        written = "20{2}-{1}-{0}".format(*day_first.groups())
    return day(written)


def _id(row: dict[str, Any], field: str, profile: BankProfile) -> str | None:
    """Return an id; None if it tells nothing of the row: others bear it, or it was made anew."""
    found = text(row.get(field))
    if found is None or _NO_ID.fullmatch(found):
        return None
    if field in profile.shared_ids or field in profile.volatile_fields:
        return None
    return None if profile.placeholder_id and profile.placeholder_id.fullmatch(found) else found


def _counterparty_account(row: dict[str, Any], *, is_debit: bool) -> str | None:
    near, far = near_side(is_debit=is_debit)
    if number := _account_number(row.get(f"{near}Account")):
        return number
    # Some banks write the other party on this side. Without a name, its account is our own.
    is_other = text(row.get(f"{near}Name")) is None and text(row.get(f"{far}Name"))
    return _account_number(row.get(f"{far}Account")) if is_other else None


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
