"""Go through the answers of an account in their order, and name the transactions.

A transaction is named for good by the first row that told of it. All follows from the rows and the
answers that showed them, so going through all of them again gives the same names.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from postgres.common.enums import IdentityBasis
from postgres.identity.settlement import VERY_ALIKE, Booked, Pending, settle
from postgres.identity.threads import Answer, Delivered, Thread
from postgres.identity.versions import (
    ALIKE,
    NEAR_DAYS,
    Verdict,
    likeness,
    recognise,
)

HABIT_DAYS = 31
"""How near two payments in the same words are to be a habit."""

_LONG = dt.timedelta(days=366)
_RENAMED = uuid.UUID("c4c42b5b-9a3c-4a06-8a37-0d6d3a3b1b1e")
_RENAMED_VERSION = 5


@dataclass(slots=True)
class Resolution:
    """What was decided.

    :param verdicts: by ``row_id``, of the rows that were decided on.
    :param doubts: by name, pending transactions that may have become one of several booked ones.
    """

    verdicts: dict[uuid.UUID, Verdict] = field(default_factory=dict)
    doubts: dict[uuid.UUID, tuple[uuid.UUID, ...]] = field(default_factory=dict)


def resolve(
    rows: Iterable[Delivered],
    answers: Mapping[int, Answer],
    *,
    since: Mapping[uuid.UUID, int] | None = None,
) -> Resolution:
    """Decide on every row that an answer after the given one brought, or brought back.

    :param rows: of one account. Of those that were decided on, the ones that others could be
        versions of are enough.
    :param answers: by number, those that the rows name.
    :param since: by feed, the last answer that was gone through before. Of a feed that is not in
        it all is decided anew; a name from elsewhere goes to the transaction that its row founds.
    """
    delivered = list(rows)
    history = _History(answers, since or {}, {row.version.row_id for row in delivered})
    for row in sorted(delivered, key=history.standing):
        history.take_in(row)
    for number in sorted(history.events):
        history.go_through(number, history.events[number])
    return history.resolution


@dataclass(slots=True)
class _Event:
    """What one answer brought, and what it showed no more."""

    feed: uuid.UUID
    shown: list[Delivered] = field(default_factory=list)
    gone: list[Delivered] = field(default_factory=list)


class _History:
    """What is known of an account after each of its answers."""

    def __init__(
        self,
        answers: Mapping[int, Answer],
        since: Mapping[uuid.UUID, int],
        row_ids: Collection[uuid.UUID],
    ) -> None:
        self.answers = answers
        self.row_ids = row_ids
        self.since = since
        self.resolution = Resolution()
        self.events: dict[int, _Event] = {}
        self.threads: dict[uuid.UUID, Thread] = {}
        self.thread_of: dict[uuid.UUID, Thread] = {}
        self.holders: dict[str, Thread] = {}
        self.bearers: dict[str, dict[uuid.UUID, Thread]] = defaultdict(dict)
        self.waiting: dict[uuid.UUID, Thread] = {}
        self.unsettled: dict[uuid.UUID, Thread] = {}
        self.replaced: dict[uuid.UUID, Delivered] = {}
        self.unread = deque(sorted(answers))
        self.read: list[tuple[dt.date, dt.date]] = []
        self.on_day: dict[dt.date, dict[uuid.UUID, Thread]] = defaultdict(dict)

    def standing(self, row: Delivered) -> int:
        """Return the last answer gone through that began to show a row; 0: none did."""
        since = self.since.get(row.feed, 0)
        return max((span.first for span in row.spans if span.first <= since), default=0)

    def take_in(self, row: Delivered) -> None:
        """Take in a row as it stood after the last answer that was gone through."""
        since = self.since.get(row.feed, 0)
        is_shown = False
        for span in row.spans:
            if span.first > since:
                self._event(span.first, row).shown.append(row)
            elif span.last is None or span.last > since:
                is_shown = True
            if span.last is not None and span.last > since:
                self._event(span.last, row).gone.append(row)
        if row.name is not None and row.spans[0].first <= since:
            thread = self._thread(row.name, row)
            thread.date_by(row)
            self._join(row, thread, is_shown=is_shown)

    def _event(self, number: int, row: Delivered) -> _Event:
        return self.events.setdefault(number, _Event(row.feed))

    def go_through(self, number: int, event: _Event) -> None:
        """Decide on what one answer brought."""
        for row in event.gone:
            self.replaced.pop(row.version.row_id, None)
            if thread := self.thread_of.get(row.version.row_id):
                thread.live[row.feed].discard(row.version.row_id)
        fresh = [row for row in event.shown if not self._comes_back(row)]
        fresh += self._wrongly_replaced(event.feed, self.answers[number])
        booked = [row for row in fresh if not row.is_pending]
        booked += self._supplanted(booked, event.feed, self.answers[number])
        self._recognise_booked(booked, event, number)
        self._settle()
        pending = [row for row in fresh if row.is_pending and not self._is_booked_too(row)]
        unshown = [thread for thread in self.waiting.values() if not thread.is_shown(event.feed)]
        for row in self._recognise(pending, unshown):
            self._decide(row, self._found(row, number), IdentityBasis.NEW)
        self._settle()

    def _comes_back(self, row: Delivered) -> bool:
        """Show a row again as what it was, unless another row has taken its place."""
        thread = self.thread_of.get(row.version.row_id)
        if thread is None or thread.is_shown(row.feed, booked=not row.is_pending):
            return False
        thread.show(row)
        return True

    def _wrongly_replaced(self, feed: uuid.UUID, answer: Answer) -> list[Delivered]:
        """Give back their transactions to rows that are shown beside what had taken their place."""
        fresh = []
        for row in list(self.replaced.values()):
            if row.feed != feed or not answer.covers(row.version.days):
                continue
            del self.replaced[row.version.row_id]
            thread = self.thread_of[row.version.row_id]
            for other in list(thread.live[feed]):
                usurper = thread.rows[other]
                if not usurper.is_pending and usurper is not row:
                    self._leave(usurper, thread)
                    fresh.append(usurper)
            self._join(row, thread, is_shown=True)
        return fresh

    def _supplanted(
        self, rows: Sequence[Delivered], feed: uuid.UUID, answer: Answer
    ) -> list[Delivered]:
        """Take away a transaction from what is shown beside a row whose trusted id it is."""
        parted = []
        for row in rows:
            if (thread := self.holders.get(row.version.trusted_id or "")) is None:
                continue
            for other in list(thread.live[feed]):
                usurper = thread.rows[other]
                is_another = usurper.version.trusted_id != row.version.trusted_id
                if not usurper.is_pending and is_another and answer.covers(usurper.version.days):
                    self._leave(usurper, thread)
                    parted.append(usurper)
        return parted

    def _is_booked_too(self, row: Delivered) -> bool:
        """Join a pending row to the booked transaction that shares an id and the money with it."""
        same = {
            thread.name: thread
            for each in row.version.ids
            for thread in self.bearers[each].values()
            if thread.is_shown(row.feed, booked=True)
            and thread.known.version.money == row.version.money
            and (likeness(thread.known.version.text, row.version.text) or 1) >= ALIKE
        }
        if len(same) != 1:
            return False
        (thread,) = same.values()
        self._decide(row, thread, IdentityBasis.SETTLED_ID)
        return True

    def _recognise(self, rows: Sequence[Delivered], missing: Sequence[Thread]) -> list[Delivered]:
        """Decide on rows by what is missing, and return those that are no version of it."""
        by_id = {row.version.row_id: row for row in rows}
        holders = {
            each: thread.known
            for row in rows
            if not row.is_pending
            and (each := row.version.trusted_id) is not None
            and (thread := self.holders.get(each)) is not None
        }
        verdicts = recognise(
            [row.version for row in rows], [thread.known for thread in missing], holders
        )
        left = []
        for row_id, verdict in verdicts.items():
            row = by_id[row_id]
            if verdict.name is None:
                self.resolution.verdicts[row_id] = verdict
            elif verdict.basis is IdentityBasis.NEW:
                left.append(row)
            else:
                self._decide(row, self.threads[verdict.name], verdict.basis)
        return left

    def _recognise_booked(self, rows: Sequence[Delivered], event: _Event, number: int) -> None:
        """Look for rows among what is missing; for late ones also just outside the answer's days.

        A row on a day that was read before was not there then: it is late, or it came from a day
        that this answer does not show.
        """
        if not rows:
            return
        days = [day for row in rows for day in row.version.days]
        around = [
            thread
            for thread in self._near(min(days), max(days), dt.timedelta(days=NEAR_DAYS))
            if thread.is_booked
        ]
        missing = [thread for thread in around if not thread.is_shown(event.feed, booked=True)]
        new = self._recognise(rows, missing)
        late = [row for row in new if self._was_read(row.version.days, number)]
        answer = self.answers[number]
        outside = [t for t in around if not answer.covers(t.known.version.days)]
        self._recognise(late, outside)
        for row in new:
            if row.version.row_id not in self.thread_of:
                self._decide(row, self._found(row, number), IdentityBasis.NEW)

    def _was_read(self, days: Iterable[dt.date], number: int) -> bool:
        """Tell whether an answer before this one would have shown what is known under some days."""
        while self.unread and self.unread[0] < number:
            told = [*self.read, self.answers[self.unread.popleft()].told]
            self.read = []
            for first, last in sorted(told):
                if self.read and first <= self.read[-1][1]:
                    self.read[-1] = (self.read[-1][0], max(last, self.read[-1][1]))
                else:
                    self.read.append((first, last))
        return any(first <= day <= last for day in days for first, last in self.read)

    def _near(self, first: dt.date, last: dt.date, margin: dt.timedelta) -> list[Thread]:
        """Return the transactions that are known under a day of some, or not far from them."""
        if last - first > _LONG:
            return list(self.threads.values())
        found: dict[uuid.UUID, Thread] = {}
        day = first - margin
        while day <= last + margin:
            found |= self.on_day[day]
            day += dt.timedelta(days=1)
        return [thread for name, thread in found.items() if self.threads.get(name) is thread]

    def _settle(self) -> None:
        """Let pending transactions become the booked ones that they are."""
        pending = [
            Pending(
                thread.known, thread.born, thread.seen_on, is_gone=not any(thread.live.values())
            )
            for thread in self.waiting.values()
        ]
        if not pending:
            return
        oldest = min(each.born for each in pending)
        shared = {each for one in pending for each in one.known.version.ids}
        candidates = {
            thread.name: thread for thread in self.unsettled.values() if thread.born > oldest
        } | {
            name: thread
            for each in shared
            for name, thread in self.bearers.get(each, {}).items()
            if not thread.was_pending
        }
        settlement = settle(
            pending, [Booked(t.known, t.born) for t in candidates.values()], self._is_a_habit
        )
        for one in pending:
            self.resolution.doubts.pop(one.known.name, None)
        for pair in settlement.settled:
            self._merge(self.threads[pair.booked], self.threads[pair.pending], pair.basis)
        self.resolution.doubts |= settlement.doubtful

    def _is_a_habit(self, pending: Pending, booked: Booked) -> bool:
        """Tell whether other payments in much the same words lie around a pending one's day."""
        around = self._near(pending.seen_on, pending.seen_on, dt.timedelta(days=HABIT_DAYS))
        pair = {pending.known.name, booked.known.name}
        return any(
            thread.name not in pair
            and (likeness(pending.known.version.text, thread.known.version.text) or 0) >= VERY_ALIKE
            for thread in around
        )

    def _found(self, row: Delivered, number: int) -> Thread:
        name = row.version.row_id
        if row.name is not None and self._is_of_old(row.name):
            name = row.name
        if name in self.threads:
            name = row.version.row_id
        if name in self.threads:
            name = uuid.uuid5(_RENAMED, f"{row.version.row_id}:{number}")
        return self._thread(name, row, number)

    def _is_of_old(self, name: uuid.UUID) -> bool:
        """Tell whether a name was not made here, of a row that is still there.

        Those that were come out as before by themselves, whoever bears them now.
        """
        return name not in self.row_ids and name.version != _RENAMED_VERSION

    def _thread(self, name: uuid.UUID, row: Delivered, number: int | None = None) -> Thread:
        if name not in self.threads:
            born = number or row.spans[0].first
            self.threads[name] = Thread(name, born, row.seen_on, row.version)
        return self.threads[name]

    def _decide(self, row: Delivered, thread: Thread, basis: IdentityBasis) -> None:
        self.resolution.verdicts[row.version.row_id] = Verdict(thread.name, basis)
        self._join(row, thread, is_shown=True)

    def _join(self, row: Delivered, thread: Thread, *, is_shown: bool) -> None:
        row_id = row.version.row_id
        former = self.thread_of.get(row_id)
        if former is not None and former is not thread:
            self._leave(row, former)
        thread.add(row)
        self.thread_of[row_id] = thread
        for day in row.version.days or (row.seen_on,):
            self.on_day[day][thread.name] = thread
        if not row.is_pending:
            self._replace(thread, row)
            if row.version.trusted_id is not None:
                self.holders[row.version.trusted_id] = thread
            for each in row.version.ids:
                self.bearers[each][thread.name] = thread
        if is_shown:
            thread.live[row.feed].add(row_id)
        self._file(thread)

    def _leave(self, row: Delivered, thread: Thread) -> None:
        thread.drop(row)
        del self.thread_of[row.version.row_id]
        if self.holders.get(row.version.trusted_id or "") is thread:
            del self.holders[row.version.trusted_id or ""]
        for each in row.version.ids:
            self.bearers[each].pop(thread.name, None)

    def _replace(self, thread: Thread, row: Delivered) -> None:
        """Let a booked row take the place of the one that was shown before."""
        for other in list(thread.live[row.feed]):
            before = thread.rows[other]
            if not before.is_pending and before is not row:
                thread.live[row.feed].discard(other)
                self.replaced[other] = before

    def _file(self, thread: Thread) -> None:
        self.waiting.pop(thread.name, None)
        self.unsettled.pop(thread.name, None)
        if not thread.is_booked:
            self.waiting[thread.name] = thread
        elif not thread.was_pending:
            self.unsettled[thread.name] = thread

    def _merge(self, booked: Thread, pending: Thread, basis: IdentityBasis) -> None:
        """Let the booked transaction go on as the pending one, with all that is told of that."""
        for row in list(booked.rows.values()):
            is_shown = row.version.row_id in booked.live[row.feed]
            self.resolution.verdicts[row.version.row_id] = Verdict(pending.name, basis)
            self._join(row, pending, is_shown=is_shown)
        del self.threads[booked.name]
        self.unsettled.pop(booked.name, None)
