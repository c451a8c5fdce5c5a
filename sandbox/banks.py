"""How each bank words the same facts: ids, texts, dates and balances of its accounts and rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.accounts import HARBOUR, NORTHGATE, TEST_BANK, Account
from sandbox.clock import UK, iso_micros
from sandbox.institutions import INSTITUTIONS
from sandbox.ledger import Booked, Entry, Exchange, Kind
from sandbox.working_days import ONE_DAY
from sandbox.world import World

Row = dict[str, Any]


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """Return an amount as the API writes it: a decimal string, money out negative."""
    return {"amount": f"{amount:.2f}", "currency": currency}


def details(account: Account) -> Row:
    """Return the body of the details call."""
    answer: Row = {
        "resourceId": _digest(account.key)[:26].upper(),
        "currency": account.currency,
        "ownerName": account.owner,
        "name": account.name,
        "product": account.product,
        "cashAccountType": account.cash_account_type,
        "status": "enabled",
        "usage": "PRIV",
        "bic": INSTITUTIONS[account.institution_id].bic,
    }
    if account.iban:
        answer["iban"] = account.iban
    if account.scan:
        answer["scan"] = account.scan
        answer["bban"] = account.iban[4:]
    if account.masked_pan:
        answer["maskedPan"] = account.masked_pan
    if account.institution_id == TEST_BANK:
        return {key: answer[key] for key in _TEST_BANK_DETAILS}
    return answer


_TEST_BANK_DETAILS = (
    "resourceId", "iban", "currency", "ownerName", "name", "product", "cashAccountType",
)  # fmt: skip


def balances(world: World, account: Account, now: dt.datetime) -> list[Row]:
    """Return the balances that the account's bank reports."""
    books = world.booked(account.books, now)
    today = now.astimezone(UK).date()
    booked = books[-1].balance if books else account.opening
    held = sum(
        (entry.movement.amount for entry in world.pending(account.books, now)), Decimal("0.00")
    )
    closing = account.opening
    for row in books:
        if row.entry.movement.booking_date < today:
            closing = row.balance

    def balance(kind: str, amount: Decimal, day: dt.date = today, **more: Any) -> Row:
        return {
            "balanceAmount": money(amount, account.currency),
            "balanceType": kind,
            "referenceDate": day.isoformat(),
            **more,
        }

    match account.institution_id:
        case _ if account.institution_id == NORTHGATE:
            more: Row = {}
            if books:
                more["lastChangeDateTime"] = iso_micros(books[-1].entry.booked_at)
            return [
                balance("closingBooked", closing, today - ONE_DAY),
                balance("interimBooked", booked, **more),
                balance("interimAvailable", booked + held, creditLimitIncluded=False),
            ]
        case _ if account.institution_id == HARBOUR:
            available = booked + held + account.overdraft
            return [
                balance("interimBooked", booked),
                balance("interimAvailable", available, creditLimitIncluded=account.overdraft > 0),
            ]
        case _ if account.institution_id == TEST_BANK:
            return [balance("expected", booked), balance("interimAvailable", booked)]
        case _:
            available = booked + held + account.overdraft
            return [balance("interimBooked", booked), balance("interimAvailable", available)]


def booked_row(account: Account, row: Booked) -> Row:
    """Return a booked row in the wording of the account's bank."""
    return _BOOKED.get(account.institution_id, _plain_booked)(account, row)


def pending_row(account: Account, entry: Entry) -> Row:
    """Return a row of ``pending`` in the wording of the account's bank."""
    return _PENDING.get(account.institution_id, _plain_pending)(account, entry)


# Northgate: names, mandates, running balances; the card's digits and the day open the text

_NORTHGATE_CODES = {
    Kind.CARD: ("PMNT-CCRD-POSD", "POS"),
    Kind.REFUND: ("PMNT-CCRD-RIMB", "POS"),
    Kind.CASH: ("PMNT-CCRD-CWDL", "C/L"),
    Kind.DIRECT_DEBIT: ("PMNT-RDDT-ESDD", "D/D"),
    Kind.STANDING_ORDER: ("PMNT-ICDT-STDO", "S/O"),
    Kind.FASTER_PAYMENT: ("PMNT-ICDT-OTHR", "DPC"),
    Kind.TRANSFER: ("PMNT-ICDT-BOOK", "TFR"),
    Kind.EXCHANGE: ("PMNT-ICDT-XBCT", "TFR"),
    Kind.CREDIT: ("PMNT-RCDT-DMCT", "BAC"),
    Kind.INTEREST: ("ACMT-MDOP-INTR", "INT"),
}


def _northgate_text(entry: Entry) -> str:
    movement = entry.movement
    made = movement.made_at.astimezone(UK)
    match movement.kind:
        case Kind.CARD | Kind.REFUND:
            contactless = " C" if movement.kind is Kind.CARD and -movement.amount < 100 else ""
            parts = [f"4471 {made:%d%b%y}{contactless}", movement.shown, movement.place]
            return " , ".join(part for part in parts if part).upper()
        case Kind.CASH:
            return f"{movement.shown} {made:%d%b %H:%M}".upper()
        case Kind.FASTER_PAYMENT:
            return (
                f"{movement.shown} {movement.reference} FP {movement.booking_date:%d/%m/%y} "
                f"10 {_digits(entry, 12)}"
            )
        case Kind.TRANSFER:
            way = "TO" if movement.amount < 0 else "FROM"
            number = movement.counterparty_scan[6:] or "41927743"
            return f"{way} A/C {number} {movement.reference} VIA MOBILE - PYMT"
        case Kind.EXCHANGE:
            rate = movement.exchange.rate if movement.exchange else ""
            return f"{movement.shown} {movement.reference} RATE {rate}"
        case Kind.INTEREST:
            return f"{movement.reference} TO {movement.booking_date:%d%b%y}".upper()
        case _:
            return f"{movement.shown} {movement.reference}"


def _northgate_booked(account: Account, row: Booked) -> Row:
    entry, movement = row.entry, row.entry.movement
    code, own_code = _NORTHGATE_CODES[movement.kind]
    answer: Row = {
        "transactionId": f"NGB{movement.booking_date:%Y%m%d}{_digits(entry, 10)}",
        "bookingDate": movement.booking_date.isoformat(),
        "valueDate": entry.value_date.isoformat(),
        "bookingDateTime": iso_micros(entry.booked_at),
        "transactionAmount": money(movement.amount, account.currency),
        **_parties(entry),
        "remittanceInformationUnstructured": _northgate_text(entry),
        "bankTransactionCode": code,
        "proprietaryBankTransactionCode": own_code,
        "balanceAfterTransaction": {
            "balanceAmount": money(row.balance, account.currency),
            "balanceType": "interimBooked",
        },
        "internalTransactionId": entry.internal_id,
    }
    if movement.mandate:
        answer["mandateId"] = movement.mandate
    if movement.exchange:
        answer["currencyExchange"] = [_exchange(movement.exchange, movement.booking_date)]
    return answer


def _northgate_pending(account: Account, entry: Entry) -> Row:
    movement = entry.movement
    return {
        "transactionId": f"P{entry.value_date:%y%m%d}-{_digest(entry.internal_id)[:8]}",
        "valueDate": entry.value_date.isoformat(),
        "transactionAmount": money(movement.amount, account.currency),
        "remittanceInformationUnstructured": " ".join(
            part for part in (movement.shown, movement.place) if part
        ),
        "proprietaryBankTransactionCode": _NORTHGATE_CODES[movement.kind][1],
    }


# Harbour: the text has it all; names only where money goes by account number; no running balance


def _harbour_text(entry: Entry) -> str:
    movement = entry.movement
    match movement.kind:
        case Kind.CARD | Kind.REFUND:
            return f"{movement.shown:<23} {movement.place}".strip()
        case Kind.DIRECT_DEBIT:
            return f"DIRECT DEBIT PAYMENT TO {movement.shown} REF {movement.reference}"
        case Kind.STANDING_ORDER | Kind.TRANSFER if movement.amount > 0:
            return f"FASTER PAYMENTS RECEIPT REF.{movement.reference} FROM {movement.shown}"
        case Kind.STANDING_ORDER | Kind.TRANSFER:
            return f"BILL PAYMENT TO {movement.shown} REFERENCE {movement.reference}"
        case _:
            return movement.shown


def _harbour_booked(account: Account, row: Booked) -> Row:
    entry, movement = row.entry, row.entry.movement
    by_card = movement.kind in (Kind.CARD, Kind.REFUND)
    answer: Row = {
        "transactionId": _digest(f"harbour/{entry.internal_id}")[:40],
        "entryReference": _digits(entry, 9),
        "bookingDate": movement.booking_date.isoformat(),
        "valueDate": entry.value_date.isoformat(),
        "transactionAmount": money(movement.amount, account.currency),
        **({} if by_card else _parties(entry)),
        "remittanceInformationUnstructured": _harbour_text(entry),
        "internalTransactionId": entry.internal_id,
    }
    if by_card:
        answer["additionalInformation"] = "CREDIT" if movement.amount > 0 else "PURCHASE"
    return answer


def _harbour_pending(account: Account, entry: Entry) -> Row:
    movement = entry.movement
    return {
        "transactionId": f"AUTH{_digits(entry, 6)}",
        "bookingDate": entry.value_date.isoformat(),
        "valueDate": entry.value_date.isoformat(),
        "transactionAmount": money(movement.amount, account.currency),
        "remittanceInformationUnstructured": f"AUTHORISATION {movement.shown}",
    }


# Sandbox Finance: the provider's own test institution; its transactionId repeats within a day


def _test_bank_booked(account: Account, row: Booked) -> Row:
    entry, movement = row.entry, row.entry.movement
    reference = f"{movement.booking_date:%Y%m%d}01{_digest(movement.shown)[:2]}773517-1"
    answer: Row = {
        "transactionId": reference,
        "entryReference": reference,
        "bookingDate": movement.booking_date.isoformat(),
        "valueDate": movement.booking_date.isoformat(),
        "transactionAmount": money(movement.amount, account.currency),
        "remittanceInformationUnstructured": movement.shown,
        "bankTransactionCode": "PMNT",
        "proprietaryBankTransactionCode": "PURCHASE" if movement.amount < 0 else "TRANSFER",
        "internalTransactionId": entry.internal_id,
    }
    if movement.amount > 0:
        answer |= {"debtorName": movement.shown, "debtorAccount": {"iban": account.iban}}
    return answer


def _test_bank_pending(account: Account, entry: Entry) -> Row:
    return {
        "valueDate": entry.value_date.isoformat(),
        "transactionAmount": money(entry.movement.amount, account.currency),
        "remittanceInformationUnstructured": entry.movement.shown,
    }


# The real banks: as documented; what they do otherwise is in sandbox.quirks


def _plain_booked(account: Account, row: Booked) -> Row:
    entry, movement = row.entry, row.entry.movement
    answer: Row = {
        "transactionId": _digest(f"plain/{entry.internal_id}")[:32],
        "entryReference": _digits(entry, 12),
        "bookingDate": movement.booking_date.isoformat(),
        "valueDate": entry.value_date.isoformat(),
        "transactionAmount": money(movement.amount, account.currency),
        **_parties(entry),
        "remittanceInformationUnstructured": f"{movement.shown} {movement.reference}".strip(),
        "internalTransactionId": entry.internal_id,
    }
    if movement.mandate:
        answer["mandateId"] = movement.mandate
    if movement.exchange:
        answer["currencyExchange"] = [
            _exchange(replace(movement.exchange, source=account.currency), movement.booking_date)
        ]
    return answer


def _plain_pending(account: Account, entry: Entry) -> Row:
    return {
        "valueDate": entry.value_date.isoformat(),
        "transactionAmount": money(entry.movement.amount, account.currency),
        **_parties(entry),
        "remittanceInformationUnstructured": entry.movement.shown,
    }


_BOOKED: dict[str, Callable[[Account, Booked], Row]] = {
    NORTHGATE: _northgate_booked,
    HARBOUR: _harbour_booked,
    TEST_BANK: _test_bank_booked,
}
_PENDING: dict[str, Callable[[Account, Entry], Row]] = {
    NORTHGATE: _northgate_pending,
    HARBOUR: _harbour_pending,
    TEST_BANK: _test_bank_pending,
}


def _parties(entry: Entry) -> Row:
    movement = entry.movement
    if movement.kind in (Kind.CASH, Kind.INTEREST):
        return {}
    side = "creditor" if movement.amount < 0 else "debtor"
    parties: Row = {f"{side}Name": movement.shown}
    if movement.counterparty_scan:
        parties[f"{side}Account"] = {"bban": movement.counterparty_scan}
    return parties


def _exchange(exchange: Exchange, day: dt.date) -> Row:
    return {
        "sourceCurrency": exchange.source,
        "targetCurrency": exchange.target,
        "unitCurrency": exchange.source,
        "exchangeRate": str(exchange.rate),
        "quotationDate": day.isoformat(),
        "instructedAmount": money(exchange.instructed, exchange.instructed_currency),
    }


def _digits(entry: Entry, count: int) -> str:
    return f"{int(entry.internal_id, 16) % 10**count:0{count}d}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
