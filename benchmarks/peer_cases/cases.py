"""Cases as they stand in the file, and as a pipeline can be fed with them."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

TODAY = "2026-03-15"
_DATES = ("bookingDate", "bookingDateTime", "valueDate", "valueDateTime")
_PLACEHOLDER = "UNKNOWN_BANK"


class BadCasesError(Exception):
    """The file is no file of cases; the message is one line."""


@dataclass(frozen=True)
class Case:
    """One payload, or several in their order, with the facts that follow.

    :param payload: in GoCardless's or Trading 212's own spelling.
    :param original: as in the file.
    """

    id: str
    provider: str
    kind: str
    tier: str
    institution_id: str
    as_of: dt.date
    payload: Any
    original: Any
    expected: dict[str, Any]
    lacks_date: bool

    @property
    def is_broker(self) -> bool:
        """Whether Trading 212 sent it."""
        return self.provider == "trading212"

    def pulls(self) -> list[dict[str, Any]]:
        """Return the transactions answers of successive pulls, dated where the case says so."""
        given = self.payload
        answers = given["pulls"] if isinstance(given, dict) and "pulls" in given else [given]
        return [self._whole(copy.deepcopy(answer)) for answer in answers]

    def balances(self) -> list[Any]:
        """Return the balances answer, empty if there is none."""
        found = self.payload.get("balances") if isinstance(self.payload, dict) else None
        return found if isinstance(found, list) else []

    def _whole(self, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict) or "transactions" not in answer:
            return {"transactions": {"booked": [], "pending": []}}
        if self.lacks_date:
            for row in answer["transactions"].get("booked", []):
                if isinstance(row, dict) and not any(row.get(field) for field in _DATES):
                    row["bookingDate"] = self._date()
        return dict(answer)

    def _date(self) -> str:
        """Return the one date that the original has in a field of its own, else today."""
        other = {str(value) for key, value in _fields(self.original) if key == "transaction_date"}
        return other.pop() if len(other) == 1 else self.as_of.isoformat()


def load(path: Path) -> list[Case]:
    """Read a file of cases, numbers as decimals.

    :raises BadCasesError: if it cannot be read or is something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        if document["format"] != 1:
            message = f"{path}: format {document['format']!r} is not known"
            raise BadCasesError(message)
        return [_case(entry) for entry in document["cases"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        message = f"{path}: not a file of cases: {type(error).__name__}: {reason}"
        raise BadCasesError(message) from None


def _case(entry: dict[str, Any]) -> Case:
    given = entry["input"]
    is_translated = entry["provider"] == "enable_banking"
    payload = entry.get("input_gocardless") if is_translated else given
    return Case(
        id=entry["id"],
        provider=entry["provider"],
        kind=entry["kind"],
        tier=entry["tier"],
        institution_id=entry.get("institution_id") or _PLACEHOLDER,
        as_of=dt.date.fromisoformat(entry.get("as_of") or TODAY),
        payload=_translated(given) if payload is None else payload,
        original=given,
        expected=entry["expected"],
        lacks_date="bookingDate or valueDate" in (entry.get("missing") or ()),
    )


# What Enable Banking calls the fields of GoCardless.
_SPELLINGS = {
    "transaction_id": "transactionId",
    "entry_reference": "entryReference",
    "booking_date": "bookingDate",
    "value_date": "valueDate",
    "transaction_date": "bookingDate",
    "note": "additionalInformation",
    "creditor_name": "creditorName",
    "debtor_name": "debtorName",
    "merchant_category_code": "merchantCategoryCode",
    "reference_number": "endToEndId",
    "credit_limit": "creditLimit",
}
_BALANCE_TYPES = {
    "CLBD": "closingBooked",
    "ITBD": "interimBooked",
    "OPBD": "openingBooked",
    "CLAV": "interimAvailable",
    "ITAV": "interimAvailable",
    "XPCD": "expected",
    "FWAV": "forwardAvailable",
}


def _translated(given: Any) -> Any:
    """Return an Enable Banking payload in GoCardless's spelling."""
    if not isinstance(given, dict):
        return given
    if "pulls" in given:
        return {"pulls": [_translated(pull) for pull in given["pulls"]]}
    whole: dict[str, Any] = {}
    if "balances" in given:
        whole["balances"] = [_balance(entry) for entry in given["balances"]]
    rows = given.get("transactions") or given.get("booked") or []
    lists: dict[str, list[Any]] = {"booked": [], "pending": []}
    for row in (*rows, *(given.get("pending") or [])):
        is_pending = row.get("status") == "PDNG" or row not in rows
        lists["pending" if is_pending else "booked"].append(_row(row))
    whole["transactions"] = lists
    return whole


def _row(row: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"transactionAmount": _money(row, "transaction_amount")}
    for theirs, ours in _SPELLINGS.items():
        if row.get(theirs) is not None:
            out.setdefault(ours, row[theirs])
    for party in ("creditor", "debtor"):
        if isinstance(row.get(party), dict):
            out[f"{party}Name"] = row[party].get("name")
        if isinstance(row.get(f"{party}_account"), dict):
            out[f"{party}Account"] = row[f"{party}_account"]
    if row.get("remittance_information"):
        out["remittanceInformationUnstructuredArray"] = row["remittance_information"]
    if isinstance(row.get("exchange_rate"), dict):
        rate = row["exchange_rate"]
        out["currencyExchange"] = {
            "unitCurrency": rate.get("unit_currency"),
            "exchangeRate": rate.get("exchange_rate"),
            "instructedAmount": rate.get("instructed_amount"),
        }
    return out


def _balance(entry: dict[str, Any]) -> dict[str, Any]:
    kind = entry.get("balance_type")
    return {
        "balanceAmount": _money(entry, "balance_amount"),
        "balanceType": _BALANCE_TYPES.get(str(kind), kind),
        "referenceDate": entry.get("reference_date"),
    }


def _money(row: dict[str, Any], key: str) -> dict[str, Any]:
    money = dict(row.get(key) or {})
    if row.get("credit_debit_indicator") == "DBIT" and "amount" in money:
        money["amount"] = "-" + str(money["amount"]).lstrip("-")
    return money


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if _is_list(value) else ():
        yield from _fields(inner)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
