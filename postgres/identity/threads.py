"""What an account's answers delivered, and what is known of a transaction after some of them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from postgres.identity.versions import Known, Version


@dataclass(frozen=True, slots=True)
class Span:
    """Answers by number: shown from the first on, and from the last on not any more."""

    first: int
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer was asked for; only rows of its days can be new in it or missing from it.

    :param last: None: whatever the bank has.
    :param seen_on: the day that it came.
    """

    first: dt.date
    last: dt.date | None = None
    seen_on: dt.date = dt.date.max

    def covers(self, days: Iterable[dt.date]) -> bool:
        """Tell whether it shows what is known under some day of these."""
        return any(self.first <= day <= (self.last or day) for day in days)

    @property
    def told(self) -> tuple[dt.date, dt.date]:
        """The first and last of the days that were over when it came, and that it told of."""
        return self.first, min(self.last or dt.date.max, self.seen_on - dt.timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Delivered:
    """A row, and which answers showed it.

    :param feed: whose answers they are; one account may be read through several.
    :param spans: in their order; at least one.
    :param seen_on: the day of the answer that first showed it.
    :param name: the transaction that it was a version of when that was last decided.
    """

    version: Version
    is_pending: bool
    feed: uuid.UUID
    spans: tuple[Span, ...]
    seen_on: dt.date
    name: uuid.UUID | None = None


@dataclass(slots=True)
class Thread:
    """A transaction, as far as it is known.

    :param live: by feed, the rows of it that are shown.
    """

    name: uuid.UUID
    born: int
    seen_on: dt.date
    latest: Version
    rows: dict[uuid.UUID, Delivered] = field(default_factory=dict)
    live: dict[uuid.UUID, set[uuid.UUID]] = field(default_factory=lambda: defaultdict(set))
    is_booked: bool = False
    was_pending: bool = False

    def add(self, row: Delivered) -> None:
        """Take in a row as a version of it."""
        self.rows[row.version.row_id] = row
        if not row.is_pending or not self.is_booked:
            self.latest = row.version
        self.is_booked |= not row.is_pending
        self.was_pending |= row.is_pending

    def date_by(self, row: Delivered) -> None:
        """Know when it began from a row of it: the one that it is named after, or the first."""
        if row.version.row_id == self.name or (
            self.name not in self.rows and row.spans[0].first < self.born
        ):
            self.born, self.seen_on = row.spans[0].first, row.seen_on

    def show(self, row: Delivered) -> None:
        """Let a row of it be shown again."""
        self.live[row.feed].add(row.version.row_id)
        if not row.is_pending or not self.is_booked:
            self.latest = row.version

    def drop(self, row: Delivered) -> None:
        """Give up a row that is a version of another."""
        del self.rows[row.version.row_id]
        self.live[row.feed].discard(row.version.row_id)

    def is_shown(self, feed: uuid.UUID, *, booked: bool = False) -> bool:
        """Tell whether the last answers of a feed have a row of it, or a booked one."""
        return any(not (booked and self.rows[row].is_pending) for row in self.live[feed])

    @property
    def known(self) -> Known:
        """It, as its last version has it."""
        return Known(self.name, self.latest)
