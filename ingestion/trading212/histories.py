"""Pull the three histories of an account, page by page.

Each page is committed as it comes, together with the way to the next one, so that a reading that
breaks off goes on where it was, in this process or another. The watermark moves once a reading has
come to its end, which is the end of the history, or a whole page that lies before the days that are
wanted and brought nothing new: the overlap with what was read before.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from farthing import clock
from ingestion.run import AccountOutcome, Run, Status, StepOutcome, Window
from ingestion.trading212.targets import (
    Account,
    accounts,
    for_accounts,
    lock_account,
    open_client,
)
from postgres.common.enums import BrokerHistory
from postgres.core import WriteCounts
from postgres.identity.answers import Evidence, identify
from postgres.payload import content_hash, storable
from postgres.trading212.operations import (
    api_keys,
    cash_transactions,
    dividends,
    history_reads,
    orders,
)
from providers.errors import Rejected, UnexpectedResponse
from providers.trading212 import histories
from providers.trading212.client import Trading212Client
from providers.trading212.paging import FIRST_QUERY, Page, Ways
from providers.trading212.rows import ItemFacts

Row = dict[str, Any]

OVERLAP = dt.timedelta(days=14)
"""Days that every pull reads again; dividends do not come strictly in order."""

# So often a page is tried in the ways that surely lose nothing.
_MOST_REFUSALS = 2
_REFUSED = (400, 404)
_GAP = (
    "two pages of the history do not follow one another, so rows may be missing; it is read again"
    " with the next sync"
)


@dataclass(frozen=True, slots=True)
class _History:
    """How one of the three histories is pulled."""

    kind: BrokerHistory
    source: histories.History
    land: Callable[..., WriteCounts]
    has_tickers: bool = True

    @property
    def table(self) -> str:
        return f"trading212.{self.kind}"

    @property
    def watermark(self) -> str:
        return f"{self.kind}_through"


_ORDERS = _History(BrokerHistory.ORDERS, histories.ORDERS, orders.land)
_DIVIDENDS = _History(BrokerHistory.DIVIDENDS, histories.DIVIDENDS, dividends.land)
_CASH_TRANSACTIONS = _History(
    BrokerHistory.CASH_TRANSACTIONS,
    histories.CASH_TRANSACTIONS,
    cash_transactions.land,
    has_tickers=False,
)


def pull_orders(run: Run, window: Window) -> StepOutcome:
    """Read every account's order history, an item a fill, back to the start of the window."""
    return _pull(run, _ORDERS, window)


def pull_dividends(run: Run, window: Window) -> StepOutcome:
    """Read every account's dividends back to the start of the window."""
    return _pull(run, _DIVIDENDS, window)


def pull_cash_transactions(run: Run, window: Window) -> StepOutcome:
    """Read every account's deposits, withdrawals, fees and interest back to the window's start."""
    return _pull(run, _CASH_TRANSACTIONS, window)


def resume_points(run: Run) -> list[dt.date | None]:
    """Return the day from which each history should be read next; None is from the beginning."""
    return [
        _resume_at(account, history)
        for account in accounts(run)
        for history in (_ORDERS, _DIVIDENDS, _CASH_TRANSACTIONS)
    ]


def _resume_at(account: Account, history: _History) -> dt.date | None:
    through: dt.date | None = getattr(account.api_key, history.watermark)
    return through - OVERLAP if through else None


def _pull(run: Run, history: _History, asked: Window) -> StepOutcome:
    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            return _Reading(run, account, history, client).read(asked)

    return for_accounts(run, history.table, pull)


@dataclass(slots=True)
class _Place:
    """Where a reading stands.

    :param through: the watermark that it will have once it is complete.
    :param back_to: the day to which it goes back; None: to the beginning.
    :param border: items of the last page that have no id to be known by again.
    """

    ways: Ways
    through: dt.date
    back_to: dt.date | None
    pages: int = 0
    occurrences: Counter[str] = field(default_factory=Counter)
    is_gapped: bool = False
    refusals: int = 0
    border: list[Row] = field(default_factory=list)


class _Reading:
    """Reads one history of one account, and counts what came."""

    def __init__(
        self, run: Run, account: Account, history: _History, client: Trading212Client
    ) -> None:
        self._run, self._account = run, account
        self._history, self._client = history, client
        self._seen: set[str] = set()
        self._received = self._quarantined = self._landed = 0
        self._counts = WriteCounts()

    def read(self, asked: Window) -> AccountOutcome:
        """Finish what was begun before, with what has happened since; else read what is new.

        No history can be asked for a range: it is read from the newest item on.
        """
        resume = _resume_at(self._account, self._history)
        back_to = None if resume is None else min(asked.first, resume)
        place = self._known_place(back_to)
        if place is None:
            place = _Place((FIRST_QUERY,), clock.today(), back_to)
        elif place.through < clock.today():
            newest = _Place(
                (FIRST_QUERY,), clock.today(), place.through - OVERLAP, refusals=place.refusals
            )
            with self._counting_refusals(place):
                self._walk(newest, is_kept=False)
            place.through = newest.through
            place.is_gapped = place.is_gapped or newest.is_gapped
        with self._counting_refusals(place):
            self._walk(place, is_kept=True)
        return AccountOutcome(
            self._account.connection_id,
            self._account.label,
            Status.FAILED if place.is_gapped else Status.COMPLETED,
            reason=_GAP if place.is_gapped else None,
            window=None if place.back_to is None else Window(place.back_to, asked.last),
            received=self._received,
            counts=self._counts,
            quarantined=self._quarantined,
            superseded=self._received - self._landed,
        )

    @contextmanager
    def _counting_refusals(self, place: _Place) -> Iterator[None]:
        """Count a page that is refused as wrong in every way, so that it does not stay so."""
        try:
            yield
        except (Rejected, UnexpectedResponse) as error:
            if error.status in _REFUSED and place.pages:
                place.refusals += 1
                with self._run.sessions.begin() as session:
                    lock_account(session, self._account, self._run)
                    self._keep_place(session, place)
            raise

    def _known_place(self, back_to: dt.date | None) -> _Place | None:
        with self._run.sessions.begin() as session:
            known = history_reads.find_place(
                session, self._account.user_id, self._account.api_key.id, self._history.kind
            )
            if known is None:
                return None
            earliest = None
            if back_to is not None and known.back_to is not None:
                earliest = min(back_to, known.back_to)
            return _Place(
                tuple(known.ways),
                known.through,
                earliest,
                known.pages,
                Counter(known.occurrences),
                known.is_gapped,
                known.refusals,
                list(known.border),
            )

    def _walk(self, place: _Place, *, is_kept: bool) -> None:
        """Land page after page until one proves that all further ones are known.

        :param is_kept: where it stands is written down with each page.
        """
        walk = self._client.history(
            self._history.source,
            currency=self._account.api_key.currency,
            start=place.ways,
            before=place.border,
            may_pass_over=place.refusals >= _MOST_REFUSALS,
        )
        for page in walk:
            if self._land(page, place, is_kept=is_kept):
                return

    def _land(self, page: Page, place: _Place, *, is_kept: bool) -> bool:
        items = [storable(item)[0] for item in page.items]
        facts = [self._history.source.read(item) for item in items]
        rows = self._rows(items, facts, place.occurrences)
        place.ways = page.following
        place.pages += 1
        place.is_gapped = place.is_gapped or page.is_gapped
        place.border = self._without_id(page)
        with self._run.sessions.begin() as session:
            stamp = lock_account(session, self._account, self._run)
            counts = self._history.land(
                session,
                self._account.user_id,
                api_key_id=self._account.api_key.id,
                rows=rows,
                stamp=stamp,
            )
            is_last = not page.following or _is_overlap(facts, counts, place.back_to)
            self._counts += counts
            if is_kept:
                self._keep(session, place, is_last=is_last)
        self._received += len(page.answer.payload["items"])
        self._landed += len(rows)
        self._quarantined += sum(1 for _, columns in rows if columns["refusal"])
        return is_last

    def _keep(self, session: Session, place: _Place, *, is_last: bool) -> None:
        owner, key_id = self._account.user_id, self._account.api_key.id
        if not is_last and place.back_to is not None and not self._counts.written:
            return  # nothing is lost by beginning anew, and nothing new writes nothing
        if not is_last:
            self._keep_place(session, place)
            return
        history_reads.forget_place(session, owner, key_id, self._history.kind)
        if not place.is_gapped:
            api_keys.advance_watermark(
                session, owner, key_id, self._history.watermark, place.through
            )

    def _keep_place(self, session: Session, place: _Place) -> None:
        history_reads.keep_place(
            session,
            self._account.user_id,
            api_key_id=self._account.api_key.id,
            history=self._history.kind,
            ways=place.ways,
            through=place.through,
            back_to=place.back_to,
            pages=place.pages,
            occurrences=place.occurrences,
            is_gapped=place.is_gapped,
            refusals=place.refusals,
            border=place.border,
        )

    def _without_id(self, page: Page) -> list[Row]:
        """Return what a page has that is known by its content alone, of the page before too."""
        items = [storable(item)[0] for item in page.answer.payload["items"]]
        return [item for item in items if self._history.source.read(item).key is None]

    def _rows(
        self, items: list[Row], facts: list[ItemFacts], occurrences: Counter[str]
    ) -> list[tuple[Row, Row]]:
        verdicts = identify(
            [
                Evidence(
                    provider_id=fact.key, content=(content_hash(item),) if fact.key is None else ()
                )
                for item, fact in zip(items, facts, strict=True)
            ],
            occurrences,
        )
        rows = []
        for item, fact, verdict in zip(items, facts, verdicts, strict=True):
            if verdict.is_repeat or verdict.key in self._seen:
                continue  # pages overlap when something happens between them
            self._seen.add(verdict.key)
            columns: Row = {
                "identity_key": verdict.key,
                "occurred_at": fact.occurred_at,
                "refusal": fact.refusal,
            }
            if self._history.has_tickers:
                columns["ticker"] = fact.ticker
            rows.append((item, columns))
        return rows


def _is_overlap(facts: Sequence[ItemFacts], counts: WriteCounts, back_to: dt.date | None) -> bool:
    """Tell whether a page lies wholly before a day and was known already, to the last row."""
    days = [fact.occurred_at.date() for fact in facts if fact.occurred_at]
    if back_to is None or not days or counts.written:
        return False
    return all(day < back_to for day in days)
