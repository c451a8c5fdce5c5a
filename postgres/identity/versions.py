"""Which rows, over many answers, are versions of one transaction.

An answer shows every row that a bank has for its days. So a transaction that the bank rewrote is
seen as a row that is new and another that is missing, where one that happened is new alone. A new
row is therefore a version of a known transaction if

1. it bears an id that the provider gives to one row only, and the same money;
2. or one of the missing rows says the same, word for word;
3. or one of them shares another id with it, the money, and some of the words;
4. or one of them has the same money near the same day, in much the same words;
5. or one of them shares another id with it, and the money: ids are one day's or one place's too.

Every missing row is claimed once, the best evidence first, so that genuine twins stay as many as
they are. An id of kind 1 on other money is a conflict: nothing is overwritten, a person decides.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from rapidfuzz.fuzz import token_set_ratio

from postgres.common.enums import IdentityBasis

Item = TypeVar("Item")
Groups = defaultdict[object, list[Item]]

NEAR_DAYS = 10
"""How far banks were seen to move the day of a booked row."""
ALIKE = 0.6
"""How much of two texts must agree, of 1."""
COST_OF_A_DAY = 0.05
"""How much agreement of texts a day between two rows is worth."""


@dataclass(frozen=True, slots=True)
class Version:
    """A row as it was delivered once.

    :param row_id: of the raw row.
    :param trusted_id: an id that the provider gives to one row of the account only.
    :param other_ids: ids that are usually one row's, and not always.
    :param amount: signed.
    :param text: all that the bank wrote on it, see :func:`plain`.
    :param days: the days that it is known under.
    """

    row_id: uuid.UUID
    amount: Decimal
    currency: str
    booking_date: dt.date | None = None
    value_date: dt.date | None = None
    booked_at: dt.datetime | None = None
    text: str = ""
    trusted_id: str | None = None
    other_ids: frozenset[str] = frozenset()
    days: tuple[dt.date, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept, since it is asked for many times.
        days = tuple(day for day in (self.booking_date, self.value_date) if day is not None)
        object.__setattr__(self, "days", days)

    @property
    def money(self) -> tuple[Decimal, str]:
        """What must agree in versions of one transaction."""
        return self.amount, self.currency

    @property
    def ids(self) -> frozenset[str]:
        """All of its ids."""
        return self.other_ids | ({self.trusted_id} if self.trusted_id else set())

    @property
    def content(self) -> tuple[object, ...]:
        """What the bank said, without the ids."""
        return (*self.money, self.booking_date, self.value_date, self.booked_at, self.text)


@dataclass(frozen=True, slots=True)
class Known:
    """A transaction, and the last version of it.

    :param name: of the transaction, for good.
    """

    name: uuid.UUID
    version: Version


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of one row.

    :param name: the transaction that it is a version of; None: nobody can say, see ``conflict``.
    """

    name: uuid.UUID | None
    basis: IdentityBasis = IdentityBasis.NEW
    conflict: str | None = None


def plain(*texts: str | None) -> str:
    """Return texts as one, whatever their case and white space."""
    return " ".join(" ".join(text for text in texts if text).casefold().split())


def likeness(one: str, other: str) -> float | None:
    """Return how much of two texts agrees, from 0 to 1; None if one of them says nothing."""
    if not one or not other:
        return None
    return token_set_ratio(one, other) / 100


def days_apart(one: Sequence[dt.date], other: Sequence[dt.date]) -> int | None:
    """Return the least distance between days of two rows; None if one has none."""
    return min((abs((a - b).days) for a in one for b in other), default=None)


def recognise(
    rows: Iterable[Version], missing: Iterable[Known], holders: Mapping[str, Known]
) -> dict[uuid.UUID, Verdict]:
    """Say of each new row of one answer which transaction it is a version of.

    The rows' order does not matter, but that which of several equal rows is which is arbitrary.

    :param rows: booked ones, or pending ones; not both.
    :param missing: transactions that the account's answers do not show any more.
    :param holders: by trusted id, the transactions that have ever borne it.
    :returns: by ``row_id``; a row that is no version of anything is named by its own id.
    """
    work = _Work(sorted(rows, key=_order), sorted(missing, key=_known_order))
    work.by_trusted_id(holders)
    work.by_content()
    work.by_shared_id(least_alike=ALIKE)
    work.by_likeness()
    work.by_shared_id()
    for row in work.open.values():
        work.verdicts[row.row_id] = Verdict(row.row_id)
    return work.verdicts


class _Work:
    """Rows that are open, transactions that are free, and what was decided so far."""

    def __init__(self, rows: Sequence[Version], missing: Sequence[Known]) -> None:
        self.open = {row.row_id: row for row in rows}
        self.free = {known.name: known for known in missing}
        self.verdicts: dict[uuid.UUID, Verdict] = {}

    def by_trusted_id(self, holders: Mapping[str, Known]) -> None:
        bearers = _grouped(self.open.values(), lambda row: [row.trusted_id])
        bearers.pop(None, None)
        for trusted_id, rows in bearers.items():
            holder = holders.get(str(trusted_id))
            rightful = _rightful(rows, holder)
            for row in rows:
                if row is not rightful:
                    self._decide(row, Verdict(None, conflict="its id is another transaction's"))
                elif holder is not None:
                    self._claim(row, holder, IdentityBasis.TRUSTED_ID)

    def by_content(self) -> None:
        places = _grouped(self.free.values(), lambda known: [known.version.content])
        for row in list(self.open.values()):
            if known := next(iter(self._still_free(places[row.content])), None):
                self._claim(row, known, IdentityBasis.CONTENT)

    def by_shared_id(self, *, least_alike: float = 0) -> None:
        """Pair rows by ids that stand once on either side: others are no evidence.

        :param least_alike: how much of their texts must agree, of 1, where both say something.
        """
        bearers = _grouped(self.open.values(), _id_and_money)
        places = _grouped(self.free.values(), lambda known: _id_and_money(known.version))
        for key, rows in bearers.items():
            free = self._still_free(places[key])
            if len(rows) == len(free) == 1 and rows[0].row_id in self.open:
                agreed = likeness(rows[0].text, free[0].version.text)
                if agreed is None or agreed >= least_alike:
                    self._claim(rows[0], free[0], IdentityBasis.SHARED_ID)

    def by_likeness(self) -> None:
        rows = _grouped(self.open.values(), lambda row: [row.money])
        places = _grouped(self.free.values(), lambda known: [known.version.money])
        pairs = [
            pair for money in rows.keys() & places for pair in _alike(rows[money], places[money])
        ]
        for _, row, known in sorted(pairs, key=lambda pair: pair[0]):
            if row.row_id in self.open and known.name in self.free:
                self._claim(row, known, IdentityBasis.LIKENESS)

    def _still_free(self, known: Sequence[Known]) -> list[Known]:
        return [each for each in known if each.name in self.free]

    def _claim(self, row: Version, known: Known, basis: IdentityBasis) -> None:
        self._decide(row, Verdict(known.name, basis))
        self.free.pop(known.name, None)

    def _decide(self, row: Version, verdict: Verdict) -> None:
        self.verdicts[row.row_id] = verdict
        del self.open[row.row_id]


def _grouped(items: Iterable[Item], keys: Callable[[Item], Iterable[object]]) -> Groups[Item]:
    groups: Groups[Item] = defaultdict(list)
    for item in items:
        for key in keys(item):
            groups[key].append(item)
    return groups


def _id_and_money(version: Version) -> list[object]:
    return [(each, *version.money) for each in sorted(version.other_ids)]


def _rightful(rows: Sequence[Version], holder: Known | None) -> Version | None:
    """Return which of some rows with one trusted id it belongs to: the one with its money."""
    if holder is None:
        return rows[0]
    same_money = [row for row in rows if row.money == holder.version.money]
    return min(same_money, key=lambda row: _distance(row, holder.version), default=None)


def _distance(row: Version, other: Version) -> tuple[float, int]:
    apart = days_apart(row.days, other.days)
    return 1 - (likeness(row.text, other.text) or 0), NEAR_DAYS if apart is None else apart


def _alike(
    rows: Sequence[Version], places: Sequence[Known]
) -> Iterator[tuple[tuple[object, ...], Version, Known]]:
    """Yield pairs of the same money that may be one transaction, with their place in the order."""
    new_on = Counter(day for row in rows for day in set(row.days))
    gone_on = Counter(day for known in places for day in set(known.version.days))
    for row in rows:
        for known in places:
            apart = days_apart(row.days, known.version.days)
            if apart is None or apart > NEAR_DAYS:
                continue
            agreed = likeness(row.text, known.version.text)
            # Where one row is missing and one is new on a day, it was reworded altogether.
            is_only = all(new_on[day] <= 1 and gone_on[day] <= 1 for day in row.days)
            if (agreed or 0) >= ALIKE or (apart == 0 and is_only):
                cost = 1 - (agreed or 0) + apart * COST_OF_A_DAY
                place = (cost, _order(row), _known_order(known))
                yield place, row, known


def _order(version: Version) -> tuple[str, ...]:
    return (
        str(version.booking_date),
        str(version.value_date),
        str(version.booked_at),
        str(version.amount),
        version.text,
        str(version.row_id),
    )


def _known_order(known: Known) -> tuple[str, ...]:
    return (*_order(known.version), str(known.name))
