"""What the European Central Bank's archive of reference rates says: one CSV file in a zip file."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from currency_converter import CURRENCY_FILE

_MAX_CSV_BYTES = 64 * 1024 * 1024
# "N/A": the currency had no rate that day, for a holiday or because it is no more.
_MISSING = frozenset({"", "N/A"})
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Rate:
    """The reference rate of one currency on one day.

    :param rate: units of the currency for one euro.
    """

    currency: str
    day: dt.date
    rate: Decimal


def carried() -> bytes:
    """Return the archive that came with the installation; it ends with the library's release."""
    return Path(CURRENCY_FILE).read_bytes()


def read_rates(archive: bytes, *, first: dt.date, last: dt.date) -> list[Rate]:
    """Return the rates of some days, both ends included; days without rates are not there.

    :raises ValueError: if it is not the bank's archive.
    """
    try:
        return _read(archive, str(first), str(last))
    except (
        ArithmeticError, EOFError, LookupError, RuntimeError, StopIteration, ValueError,
        csv.Error, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        message = "not an archive of reference rates"
        raise ValueError(message) from error


def _read(archive: bytes, first: str, last: str) -> list[Rate]:
    lines = csv.reader(_text(archive).splitlines())
    header = [name.strip() for name in next(lines)]
    if header[0] != "Date":
        raise LookupError(header[0])
    columns = [(i, name) for i, name in enumerate(header) if _CURRENCY.fullmatch(name)]
    rates = []
    for line in lines:
        # As text first: most lines of a history are not asked for.
        if line and first <= line[0] <= last:
            day = dt.date.fromisoformat(line[0])
            rates += [
                Rate(currency, day, _positive(line[i]))
                for i, currency in columns
                if line[i].strip() not in _MISSING
            ]
    return rates


def _text(archive: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        member = opened.infolist()[0]
        if member.file_size > _MAX_CSV_BYTES:
            raise LookupError(member.file_size)
        return opened.read(member).decode("ascii")


def _positive(text: str) -> Decimal:
    rate = Decimal(text.strip())
    if not (rate.is_finite() and rate > 0):
        raise ArithmeticError(text)
    return rate
