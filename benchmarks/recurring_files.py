"""The files of the recurring benchmark: transactions, labels and predictions, plain or gzipped CSV.

Transactions: ``account_id, transaction_id, booking_date, amount, currency, counterparty,
description`` and perhaps ``status``. An amount is signed, money out negative; a status is booked,
pending or void. Labels: ``transaction_id, series_id, frequency, kind, scored``; with ``scored`` 0 a
row is neither right nor wrong. Predictions: ``transaction_id, pattern_id, frequency, confidence``.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Literal, TypeVar

from farthing.errors import FarthingError
from postgres.common.enums import TransactionStatus

Row = TypeVar("Row")

_TRANSACTION = (
    "account_id", "transaction_id", "booking_date", "amount", "currency", "counterparty",
    "description",
)  # fmt: skip
_LABEL = ("transaction_id", "series_id", "frequency", "kind", "scored")
_STATUSES = {str(status) for status in TransactionStatus}


class FileError(FarthingError):
    """A file cannot be used; the message is one line that names it and its line."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A row of a statement.

    :param amount: signed, money out negative.
    """

    account_id: str
    transaction_id: str
    booking_date: dt.date
    amount: Decimal
    currency: str
    counterparty: str | None
    description: str | None
    status: str = "booked"


@dataclass(frozen=True, slots=True)
class Label:
    """Which series a transaction truly belongs to."""

    transaction_id: str
    series_id: str
    frequency: str
    kind: str
    is_scored: bool


@dataclass(frozen=True, slots=True)
class Prediction:
    """Which pattern a transaction was put into.

    :param as_of: the day that it was known on; None: at the end of the file.
    :param next_date: when the pattern was expected next, as of then.
    """

    transaction_id: str
    pattern_id: str
    frequency: str
    confidence: Decimal
    as_of: dt.date | None = None
    next_date: dt.date | None = None


def read_transactions(path: Path) -> list[Transaction]:
    """Return the rows of a file of transactions.

    :raises FileError: on the first row that is not one.
    """
    rows = list(_read(path, _TRANSACTION, _transaction))
    seen: set[str] = set()
    for row in rows:
        if row.transaction_id in seen:
            message = f"{path}: transaction_id {row.transaction_id!r} comes twice"
            raise FileError(message)
        seen.add(row.transaction_id)
    if not rows:
        message = f"{path}: holds no transactions"
        raise FileError(message)
    return rows


def read_labels(path: Path) -> list[Label]:
    """Return the rows of a file of labels.

    :raises FileError: on the first row that is not one.
    """
    return list(_read(path, _LABEL, _label))


def write_predictions(path: Path, rows: Sequence[Prediction], *, online: bool = False) -> None:
    """Write predictions.

    :param online: add ``as_of`` and ``next_date``.
    :raises FileError: if the file cannot be written.
    """
    header = ["transaction_id", "pattern_id", "frequency", "confidence"]
    lines: Iterable[list[object]] = (
        [row.transaction_id, row.pattern_id, row.frequency, row.confidence]
        + ([row.as_of, row.next_date] if online else [])
        for row in rows
    )
    try:
        with open_text(path, "wt") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header + (["as_of", "next_date"] if online else []))
            writer.writerows(lines)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise FileError(message) from None


def _read(
    path: Path, needed: Sequence[str], make: Callable[[dict[str, str]], Row]
) -> Iterator[Row]:
    """Yield what is made of each line, and say which line cannot be."""
    reader: csv.DictReader[str] | None = None
    try:
        with open_text(path, "rt") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                message = f"{path}: has no column {', '.join(missing)}"
                raise FileError(message)
            for line in reader:
                yield make(_whole(line))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
    except (EOFError, UnicodeDecodeError, zlib.error):
        message = f"{path}: is not a CSV file in UTF-8, plain or gzipped"
    except (ValueError, csv.Error) as error:
        message = f"{path}: line {reader.line_num if reader else 1} {error}"
    else:
        return
    raise FileError(message)


def _whole(line: dict[str, str]) -> dict[str, str]:
    # The reader puts what is too much under None, and None for what is missing.
    if None in line or None in line.values():
        message = "has another number of fields than the header"
        raise ValueError(message)
    return line


def open_text(path: Path, mode: Literal["rt", "wt"]) -> IO[str]:
    """Open a file of text, gzipped if its name ends so."""
    if path.suffix == ".gz":
        binary = gzip.GzipFile(path, f"{mode[0]}b")
        return io.TextIOWrapper(binary, encoding="utf-8", newline="")
    return path.open(mode, encoding="utf-8-sig" if mode == "rt" else "utf-8", newline="")


def _transaction(line: dict[str, str]) -> Transaction:
    status = line.get("status") or "booked"
    if status not in _STATUSES:
        message = f"has the status {status!r}"
        raise ValueError(message)
    currency = line["currency"]
    if not re.fullmatch("[A-Z]{3}", currency):
        message = f"has the currency {currency!r}"
        raise ValueError(message)
    return Transaction(
        account_id=_text(line, "account_id"),
        transaction_id=_text(line, "transaction_id"),
        booking_date=_date(line["booking_date"]),
        amount=_amount(line["amount"]),
        currency=currency,
        counterparty=line["counterparty"].strip() or None,
        description=line["description"].strip() or None,
        status=status,
    )


def _label(line: dict[str, str]) -> Label:
    if line["scored"] not in {"0", "1"}:
        message = f"has {line['scored']!r} for scored, which is 0 or 1"
        raise ValueError(message)
    return Label(
        transaction_id=_text(line, "transaction_id"),
        series_id=line["series_id"],
        frequency=line["frequency"],
        kind=line["kind"],
        is_scored=line["scored"] == "1",
    )


def _text(line: dict[str, str], name: str) -> str:
    if not line[name] or "\0" in line[name]:
        message = f"has no {name}"
        raise ValueError(message)
    return line[name]


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"has the booking_date {text!r}, which is no day such as 2026-03-15"
        raise ValueError(message) from None


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        message = f"has the amount {text!r}, which is no number such as -12.50"
        raise ValueError(message)
    return amount
