"""Reports as CSV: rows by their headings, and what each says.

Headings are those of the app's own export; which of them there are depends on what a report
includes and on the account, and their order is not promised.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from providers.errors import UnexpectedResponse
from providers.text import currency, decimal, instant, text
from providers.trading212.errors import LABEL, PROVIDER

FINISHED = "Finished"
"""The state of a report that can be fetched."""

CARD_ACTIONS = frozenset({"card debit", "card credit", "spending cashback", "new card cost"})

_ACTION, _TIME = "Action", "Time"
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What one row says.

    :param key: Trading 212's id of what it is about; None: its content decides.
    :param action: such as ``Card debit``.
    :param occurred_at: UTC; a time without a zone is taken for UTC.
    :param amount: signed, money out is negative.
    :param refusal: why a row about the card cannot be placed in the ledger; None if it can, or is
        not wanted.
    """

    key: str | None
    action: str | None
    occurred_at: dt.datetime | None
    amount: Decimal | None
    currency: str | None
    merchant: str | None
    category: str | None
    refusal: str | None


def read_report(body: bytes) -> list[dict[str, str]]:
    """Return the rows of a report, each by its headings; empty cells are left out.

    :raises UnexpectedResponse: if it is no such report.
    """
    try:
        written = body.decode("utf-8-sig")
        rows = csv.reader(io.StringIO(written, newline=""), strict=True)
        headings = next(rows, [])
        found = [
            {name: cell for name, cell in zip(headings, row, strict=True) if cell.strip()}
            for row in rows
            if any(cell.strip() for cell in row)
        ]
    except (ValueError, csv.Error):
        headings, found = [], []
    if not {_ACTION, _TIME} <= set(headings):
        message = f"{LABEL}: a report is no CSV with the headings that reports have"
        raise UnexpectedResponse(message, provider=PROVIDER)
    return found


def read_row(row: Mapping[str, str]) -> ReportFacts:
    """Read one row of a report."""
    written = (row.get(_TIME) or "").strip()
    occurred_at = instant(written if _ZONE.search(written) else f"{written}Z")
    amount, code = decimal(row.get("Total")), currency(row.get("Currency (Total)"))
    return ReportFacts(
        key=text(row.get("ID")),
        action=text(row.get(_ACTION)),
        occurred_at=occurred_at,
        amount=amount,
        currency=code,
        merchant=text(row.get("Merchant name")),
        category=text(row.get("Merchant category")),
        refusal=_refusal(row, occurred_at, amount, code) if is_by_card(row) else None,
    )


def is_by_card(row: Mapping[str, str]) -> bool:
    """Tell whether a row is about the card, of which no history tells."""
    return (row.get(_ACTION) or "").strip().lower() in CARD_ACTIONS


def _refusal(
    row: Mapping[str, str],
    occurred_at: dt.datetime | None,
    amount: Decimal | None,
    code: str | None,
) -> str | None:
    if amount is None:
        return "Total is not a number" if row.get("Total") else "Total is missing"
    if code is None:
        return "Currency (Total) is missing"
    return f"{_TIME} is missing" if occurred_at is None else None
