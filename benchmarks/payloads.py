"""Rows that no bank should send: the banks' real shapes, broken in seeded ways, read and landed.

Usage: python -m benchmarks.payloads DATABASE_URL COUNT SEED

Writes its figures as JSON. It is run in a process of its own, so that the peak of memory is of this
and of nothing else.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from ingestion.gocardless.answers import read_answer
from postgres.common.models import Quarantine
from postgres.common.models import Transaction as LedgerTransaction
from postgres.core import make_engine, make_sessions
from postgres.gocardless.models import Transaction
from providers.gocardless import banks
from providers.gocardless.shapes import has_transactions
from providers.http import Reply
from tests.ingestion.bank import TODAY, Bank, make_bank

BATCH = 200
"""Broken rows of one answer; beside them stand the sound ones of all answers so far."""

_BANKS = Path(__file__).parents[1] / "tests" / "providers" / "fixtures" / "banks"
_DEEPEST = 600
_SEEN_AT = dt.datetime.combine(TODAY, dt.time(9), dt.UTC)

# What a number in JSON text may be; written as they are, not as Python would.
_NUMBERS = (
    *("0", "-0", "1", "-1", "0.00", "12.34", "1e3", "1E-7", "-2.5e2", "1e59", "1e60", "1e-61"),
    *("1e400", "-1e-400", "1e999999", "9" * 70, "0." + "1" * 80, "9" * 1500, "123456789012345678"),
    *("NaN", "Infinity", "-Infinity", "1e99999999999999999999", "9" * 5000),
)
_TEXTS = (
    *("", " ", "\u200b", "0", "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e5", "1E+400"),
    *("1,50", "1 000.00", "12.34-", "--5", "0x10", "1_000", "\u0661\u0662", "EUR", "null", "true"),
    *("a\x00b", "\ud800", "x\udc00y", "\u202egnp.exe", "\u00e9" * 300, "long " * 20_000, "'; --"),
)
_DAYS = (
    *("0001-01-01", "0001-01-02", "0000-00-00", "9999-12-31", "9999-12-30", "1582-10-04"),
    *("1900-01-01", "1969-12-31", "1970-01-01", "2026-02-30", "2026-13-01", "2026-1-1"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-10T25:00:00Z"),
    *("20260310", "10.03.2026", "2026-W10-2", "-0044-03-15", "12026-01-01", "2026-03-10\x00"),
)
_DATES = ("bookingDate", "valueDate", "bookingDateTime", "valueDateTime")


@dataclass
class Figures:
    """What became of the rows; sizes in MB of a million bytes.

    :param broken: rows that were changed before they were sent.
    :param received: rows of all answers, sound ones and repeats among them.
    :param accepted: rows that stand in the ledger.
    :param quarantined: rows that wait for a person, with the reason.
    :param conflicting: of those, rows that read well and contradict others.
    :param superseded: rows that repeat another of their answer.
    :param siblings: sound rows, each planted once, and shown from then on.
    :param refused_answers: whole answers that were believed in nothing.
    """

    received: int = 0
    broken: int = 0
    accepted: int = 0
    quarantined: int = 0
    conflicting: int = 0
    superseded: int = 0
    refused_answers: int = 0
    siblings: int = 0
    siblings_standing: int = 0
    peak_mb: float = 0.0


@dataclass(frozen=True)
class Written:
    """What stands in the JSON as it is: Python may not be able to hold it."""

    written: str


def real_rows() -> list[tuple[str, bool, dict[str, Any]]]:
    """Return the bank, the list and the payload of every row that is known of real banks."""
    return [
        (bank["institution_id"], each["is_pending"], each["payload"])
        for path in sorted(_BANKS.glob("*.json"))
        for bank in [json.loads(path.read_text(encoding="utf-8"))]
        for each in bank["rows"]
    ]


class Breaker:
    """Breaks rows, each in one to three ways."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._ways: tuple[Callable[[dict[str, Any]], Any], ...] = (
            self._replace,
            self._replace,
            self._leave_out,
            self._date,
            self._date,
            self._amount,
            self._amount,
            self._wrap,
            self._nest,
            self._add,
        )

    def break_row(self, row: dict[str, Any]) -> Any:
        """Return a broken copy of a row; now and then something that is no row at all."""
        if self.random.random() < 0.02:
            return self._anything()
        broken = copy.deepcopy(row)
        for _ in range(self.random.randint(1, 3)):
            self.random.choice(self._ways)(broken)
        return broken

    def _anything(self) -> Any:
        return self.random.choice(
            (
                *(None, True, False, [], {}, [[]], [None], {"": None}, ["a"], {"amount": "1"}),
                Written(self.random.choice(_NUMBERS)),
                self.random.choice(_TEXTS),
                self.random.choice(_DAYS),
            )
        )

    def _place(self, row: dict[str, Any]) -> tuple[Any, Any]:
        """Return a container in a row, and a key of it."""
        container: Any = row
        while True:
            keys = list(container if isinstance(container, dict) else range(len(container)))
            if not keys:
                return row, "transactionAmount"
            key = self.random.choice(keys)
            inner = container[key]
            if not isinstance(inner, dict | list) or not inner or self.random.random() < 0.4:
                return container, key
            container = inner

    def _replace(self, row: dict[str, Any]) -> None:
        container, key = self._place(row)
        container[key] = self._anything()

    def _leave_out(self, row: dict[str, Any]) -> None:
        container, key = self._place(row)
        if isinstance(container, list) or key in container:
            del container[key]

    def _date(self, row: dict[str, Any]) -> None:
        row[self.random.choice(_DATES)] = self.random.choice(_DAYS)

    def _amount(self, row: dict[str, Any]) -> None:
        number = self.random.choice(_NUMBERS)
        amount = self.random.choice((Written(number), number, self._anything()))
        row["transactionAmount"] = {"amount": amount, "currency": "EUR"}

    def _wrap(self, row: dict[str, Any]) -> None:
        container, key = self._place(row)
        inner = container[key] if isinstance(container, list) else container.get(key)
        container[key] = [inner] if self.random.random() < 0.5 else {"value": inner}

    def _nest(self, row: dict[str, Any]) -> None:
        opening, closing = self.random.choice((("[", "]"), ('{"a": ', "}"), ('[{"a": ', "}]")))
        depth = self.random.choice((3, 30, 120, _DEEPEST)) // len(closing)
        nested = opening * depth + write(self._anything()) + closing * depth
        row[self.random.choice((*row, "additional"))] = Written(nested)

    def _add(self, row: dict[str, Any]) -> None:
        row[self.random.choice(_TEXTS)] = self._anything()


def write(value: Any) -> str:
    """Return JSON as a bank might write it, lone surrogates and endless numbers included."""
    if isinstance(value, Written):
        return value.written
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {write(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    return json.dumps(value)


def sibling(number: int) -> dict[str, Any]:
    """Return a sound row that is like no other."""
    return {
        "internalTransactionId": f"sound-{number}",
        "transactionAmount": {"amount": f"-{number + 1}.07", "currency": "GBP"},
        "bookingDate": str(TODAY - dt.timedelta(days=1 + number % 80)),
        "creditorName": f"SOUND SHOP {number}",
    }


def broken_answers(body: str) -> list[str]:
    """Return what is no answer at all, though it has much of one."""
    return [
        body[: len(body) // 2],
        body.replace('"booked"', '"Booked"'),
        '{"transactions": []}',
        '{"transactions": {"booked": null, "pending": []}}',
        '{"transactions": {"booked": [], "pending": {}}}',
        '{"transactions": {"booked": ' + "[" * 100_000 + "]" * 100_000 + "}}",
    ]


def believed(body: str) -> Any:
    """Return the answer as the client does, or None where it believes nothing of it."""
    answer = Reply(200, httpx.Headers(), body.encode(), _SEEN_AT).json_or_none()
    return answer["transactions"] if has_transactions(answer) else None


def read_all(bank: Bank, count: int, seed: int) -> Figures:
    """Break so many rows, read and land them, and check after each answer where each row is."""
    breaker, figures, rows = Breaker(seed), Figures(), real_rows()
    names = sorted({bank_id for bank_id, _, _ in rows})
    number = 0
    while figures.broken < count:
        name = names[number % len(names)]
        own = [each for each in rows if each[0] == name]
        listed: dict[str, list[Any]] = {"booked": [], "pending": []}
        size = min(BATCH, count - figures.broken)
        for place in range(size):
            _, is_pending, row = breaker.random.choice(own if place % 2 else rows)
            broken = breaker.break_row(row)
            to = listed["pending" if is_pending else "booked"]
            to += [broken] * (2 if breaker.random.random() < 0.05 else 1)
        for each in range(number + 1):
            at = breaker.random.randint(0, len(listed["booked"]))
            listed["booked"].insert(at, sibling(each))
        body = write({"transactions": listed})
        figures.broken += size
        _read(bank, body, name, figures, number)
        number += 1
    figures.siblings = number
    sound = {}
    for each in range(number):
        amount = Decimal(f"-{each + 1}.07")
        # Some banks write money out as positive.
        is_inverted = banks.profile(names[each % len(names)]).is_inverted
        sound[f"SOUND SHOP {each}"] = -amount if is_inverted else amount
    standing = {row.counterparty_name: row.amount for row in bank.rows()}
    figures.siblings_standing = sum(standing.get(k) == amount for k, amount in sound.items())
    figures.peak_mb = _peak_mb()
    return figures


def _peak_mb() -> float:
    """Return the most memory that this program held; getrusage counts who started it as well."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return round(int(kilobytes) * 1024 / 1e6, 1)


def _read(bank: Bank, body: str, institution_id: str, figures: Figures, number: int) -> None:
    for broken in broken_answers(body) if number % 10 == 0 else ():
        _check(believed(broken) is None, broken[:200])
        figures.refused_answers += 1
    listed = believed(body)
    profile = banks.profile(institution_id)
    received, rows = read_answer(listed, profile=profile, seen_on=TODAY)
    bank.land(rows)
    quarantined = sum(1 for _, facts in rows if facts["refusal"])
    accepted = len(rows) - quarantined
    superseded = received - len(rows)
    _check(received == len(listed["booked"]) + len(listed["pending"]), received)
    for payload, facts in rows:
        if facts["refusal"] is None and not profile.billed_in_text:
            # What was given, whatever a reader makes of it: never a nought for what is unknown.
            given = Decimal(str(payload["transactionAmount"]["amount"]).strip())
            _check(abs(facts["amount"]) == abs(given), payload)
    # A row that reads well may still contradict another, and waits with it.
    stands, waits, conflicts = _where(bank, [facts for _, facts in rows])
    where = (stands, waits, conflicts, accepted, quarantined)
    _check((stands + conflicts, waits) == (accepted, quarantined), where)
    figures.received += received
    figures.accepted += stands
    figures.quarantined += waits + conflicts
    figures.conflicting += conflicts
    figures.superseded += superseded


def _check(is_so: bool, what: object) -> None:
    if not is_so:
        raise AssertionError(what)


def _where(bank: Bank, facts: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """Return how many rows stand in the ledger, and how many wait: refused ones, and others."""
    waiting = sa.exists().where(
        Quarantine.raw_id == Transaction.id, Quarantine.raw_table == "gocardless.transactions"
    )
    stands = sa.exists().where(
        LedgerTransaction.id == Transaction.ledger_id,
        LedgerTransaction.account_id == bank.account.account_id,
    )
    is_refused = Transaction.refusal.is_not(None)
    keys = sa.tuple_(Transaction.is_pending, Transaction.identity_key)
    with bank.sessions() as session:
        found = session.execute(
            sa.select(
                sa.func.count().filter(stands, ~is_refused),
                sa.func.count().filter(waiting, ~stands, is_refused),
                sa.func.count().filter(waiting, ~stands, ~is_refused),
            ).where(
                Transaction.bank_account_id == bank.account.bank_account_id,
                sa.func.upper_inf(Transaction.shown),
                keys.in_([(each["is_pending"], each["identity_key"]) for each in facts]),
            )
        ).one()
    return found[0], found[1], found[2]


def main(database_url: str, count: str, seed: str) -> None:
    """Read into a database of no other use, and print what came of it."""
    bank = make_bank(make_sessions(make_engine(database_url)))
    print(json.dumps(asdict(read_all(bank, int(count), int(seed)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
