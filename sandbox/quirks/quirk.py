"""What a quirk is: a named change to what a bank tells. What truly happened stays as it is."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sandbox.accounts import Account
from sandbox.clock import UK
from sandbox.faults import Fault
from sandbox.ledger import Entry, Kind
from sandbox.working_days import ONE_DAY

Row = dict[str, Any]
GONE: Any = object()
"""In a change: the field is left out."""
BY_CARD = (Kind.CARD, Kind.CASH, Kind.REFUND)


@dataclass(frozen=True)
class Told:
    """One row as it is about to be told, and what it is about."""

    row: Row
    entry: Entry
    is_pending: bool

    def but(self, **fields: Any) -> Told:
        """Return the row with other fields; :data:`GONE` leaves one out."""
        row = {k: v for k, v in {**self.row, **fields}.items() if v is not GONE}
        return replace(self, row=row)

    @property
    def shown(self) -> str:
        """Who it was with, in the words of the terminal."""
        return self.entry.movement.shown

    @property
    def is_by_card(self) -> bool:
        """Whether it was paid by card."""
        return self.entry.movement.kind in BY_CARD

    @property
    def is_debit(self) -> bool:
        """Whether money went out."""
        return self.entry.movement.amount < 0

    @property
    def made_on(self) -> dt.date:
        """The day it was made."""
        return self.entry.movement.made_at.astimezone(UK).date()

    @property
    def booked_on(self) -> dt.date:
        """The day it is booked, truly."""
        return self.entry.movement.booking_date


@dataclass(frozen=True)
class Occasion:
    """When and of what the bank tells.

    :param number: which call for this resource of the account it is since the quirks were set; the
        first is 1.
    :param first: from which day on rows are asked for.
    :param balance: what is booked on the account.
    :param held: what is authorised and not booked; money out is negative.
    :param places: which row of its account and month each is, by internal id.
    """

    account: Account
    now: dt.datetime
    number: int
    first: dt.date
    balance: Decimal
    held: Decimal
    places: Mapping[str, str]

    @property
    def today(self) -> dt.date:
        """The day it is at the bank."""
        return self.now.astimezone(UK).date()

    def days_ago(self, days: int) -> dt.date:
        """Return an earlier day."""
        return self.today - days * ONE_DAY


Rows = Callable[[list[Told], Occasion], list[Told]]
Change = Callable[[Told, Occasion], Row]


@dataclass(frozen=True, kw_only=True)
class Quirk:
    """One way in which banks depart from the documentation.

    :param number: as the tables of known quirks number it, or a word for a profile of dirt.
    :param what: what banks do, in one line.
    :param rows: changes the rows, booked and pending in one list, before the days are chosen.
    :param answer: changes the body of the transactions call as a whole.
    :param balances: changes the list of balances.
    :param details: changes the account of the details call.
    :param refuses: returns what a call for a resource gets instead, None if it is answered.
    """

    number: str
    what: str
    rows: Rows | None = None
    answer: Callable[[Any, Occasion], Any] | None = None
    balances: Callable[[list[Row], Occasion], list[Row]] | None = None
    details: Callable[[Row, Occasion], Row] | None = None
    refuses: Callable[[str, Occasion], Fault | None] | None = None


def each(
    change: Change, *, booked: bool = True, pending: bool = True, by_card: bool = False
) -> Rows:
    """Return a change of rows that changes them one by one.

    :param change: returns the fields that are otherwise.
    :param by_card: change only what was paid by card.
    """

    def rows(told: list[Told], occasion: Occasion) -> list[Told]:
        return [
            one.but(**change(one, occasion))
            if (pending if one.is_pending else booked) and (one.is_by_card or not by_card)
            else one
            for one in told
        ]

    return rows


def fields(**values: Any) -> Change:
    """Return a change to fixed values."""
    return lambda _told, _occasion: values


NAMELESS: Row = dict.fromkeys(
    ("creditorName", "debtorName", "creditorAccount", "debtorAccount"), GONE
)
SILENT: Row = {**NAMELESS, "remittanceInformationUnstructured": GONE}
"""Neither a name nor a text."""


def saying(text: str) -> Row:
    """Return the change to a row that says everything in its text."""
    return {**NAMELESS, "remittanceInformationUnstructured": text}


def turn(told: Told, turns: int) -> int:
    """Return which of some ways in turn a row is told in; always the same for one row."""
    return told.entry.number % turns


def digest(*parts: object) -> str:
    """Return 40 hexadecimal digits that follow from the parts alone."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:40]


def iso(day: dt.date) -> str:
    """Return a day as the API writes it."""
    return day.isoformat()


def by_number(quirks: Iterable[Quirk]) -> dict[str, Quirk]:
    """Return quirks by their number."""
    return {quirk.number: quirk for quirk in quirks}
