"""What a row says beyond what the ledger has columns for: readable, and stored in its payload."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from providers.gocardless.banks import DEFAULT, BankProfile
from providers.gocardless.remittance import readable
from providers.gocardless.rows import purchase_day
from providers.text import currency, decimal, text


@dataclass(frozen=True, slots=True)
class Exchange:
    """How a foreign amount became the one on the account.

    :param source: currency that was exchanged, as the bank puts it; ISO 4217.
    :param target: currency that it became.
    :param rate: as the bank gives it; which way round is not the same everywhere. Zero is unknown.
    :param instructed: the foreign amount in ``instructed_currency``, signed as given.
    """

    source: str | None = None
    target: str | None = None
    unit: str | None = None
    rate: Decimal | None = None
    instructed: Decimal | None = None
    instructed_currency: str | None = None


@dataclass(frozen=True, slots=True)
class TransactionDetails:
    """Facts of one row that are kept and not shown in the ledger; None is unknown.

    :param foreign: what ``transactionAmount`` says where the row was billed as another amount.
    :param purchased_on: the day in the text, which may lie before the booking day.
    """

    exchange: Exchange
    foreign: tuple[Decimal, str] | None
    purchased_on: dt.date | None
    mandate_id: str | None
    creditor_id: str | None
    end_to_end_id: str | None
    merchant_category_code: str | None
    card_scheme: str | None
    ultimate_creditor: str | None
    ultimate_debtor: str | None


def read_details(payload: Any, *, profile: BankProfile = DEFAULT) -> TransactionDetails:
    """Read what else there is in one row of ``booked`` or ``pending``."""
    row: dict[str, Any] = payload if isinstance(payload, dict) else {}
    return TransactionDetails(
        exchange=_exchange(row),
        foreign=_foreign(row, profile),
        purchased_on=purchase_day(row, profile),
        mandate_id=text(row.get("mandateId")),
        creditor_id=text(row.get("creditorId")),
        end_to_end_id=text(row.get("endToEndId")),
        merchant_category_code=_code(row.get("merchantCategoryCode")),
        card_scheme=_card_scheme(row),
        ultimate_creditor=readable(row.get("ultimateCreditor")),
        ultimate_debtor=readable(row.get("ultimateDebtor")),
    )


def _exchange(row: dict[str, Any]) -> Exchange:
    """Read ``currencyExchange``: documented as a list, often one object. The first entry counts."""
    given = row.get("currencyExchange")
    entries = given if isinstance(given, list) else [given]
    said = next((entry for entry in entries if isinstance(entry, dict)), {})
    money = said.get("instructedAmount") or row.get("instructedAmount")
    instructed = money if isinstance(money, dict) else {}
    return Exchange(
        source=currency(said.get("sourceCurrency")),
        target=currency(said.get("targetCurrency")),
        unit=currency(said.get("unitCurrency")),
        rate=decimal(said.get("exchangeRate")) or None,
        instructed=decimal(instructed.get("amount")),
        instructed_currency=currency(instructed.get("currency")),
    )


def _foreign(row: dict[str, Any], profile: BankProfile) -> tuple[Decimal, str] | None:
    if profile.billed_in_text is None:
        return None
    money = row.get("transactionAmount")
    given = money if isinstance(money, dict) else {}
    amount, code = decimal(given.get("amount")), currency(given.get("currency"))
    if amount is None or code is None or code == profile.billed_currency:
        return None
    return amount, code


def _card_scheme(row: dict[str, Any]) -> str | None:
    for key in ("additionalDataStructured", "additionalInformationStructured", "cardTransaction"):
        if isinstance(said := row.get(key), dict):
            card = said.get("cardInstrument", said)
            if isinstance(card, dict) and (scheme := text(card.get("cardSchemeName"))):
                return scheme
    return None


def _code(value: Any) -> str | None:
    """Return a code of digits, which some banks write as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
