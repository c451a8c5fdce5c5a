"""The way from one page of a history to the next, whatever ``nextPagePath`` looks like this time.

Of the path only its query counts, as it stands and with all its parameters: the transactions need
``cursor`` and ``time`` together, a cursor is a number here and a UUID there, and the path in front
may be missing or wrong.

A cursor of milliseconds that is the instant of a row leads to the rows before that instant, so that
others of the same instant would be lost: it is asked for a millisecond more, and what the page
before had is left out. Where a page cannot be had in one way it is asked for in another, but the
cursor as it was told only if the caller says so: that a server is busy is no reason to lose rows.

A request is never sent twice. Where a page leads back to one that was read already, the history is
over if that page is not full; it is broken if it is full, because what would have come next cannot
be reached. The error comes after every page read so far was handed out, each with the way to the
next one: a caller can keep that, and go on from there another time.
"""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from providers.errors import NotFound, ProviderError, Rejected, Unavailable, UnexpectedResponse
from providers.http import Answer
from providers.trading212.errors import LABEL, PROVIDER
from providers.trading212.rows import ItemFacts

PAGE_LIMIT = 50
# A hundred thousand rows; at six pages a minute nobody reads further in one go.
MAX_PAGES = 2000

FIRST_QUERY = f"limit={PAGE_LIMIT}"

_LONGEST_QUERY = 2000
_NOTHING = frozenset({"", "null"})
_CURSOR = re.compile(r"(?:^|&)cursor=([^&]*)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MORE = (1, 2, 3)
"""Milliseconds that a cursor is asked for more, one after the other."""
_MILLISECOND = dt.timedelta(milliseconds=1)

Read = Callable[[Any], ItemFacts]
Ways = tuple[str, ...]
"""Queries that lead to one page, the best first; none: there is no such page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a history.

    :param items: without those that the page before had.
    :param following: the ways to the next page; empty: this is the last one.
    :param is_gapped: the page before named another row as the first of this one, though that was
        right before: rows are missing between them.
    """

    answer: Answer
    items: list[Any] = field(repr=False)
    following: Ways
    is_gapped: bool = False


def next_query(next_page_path: object) -> str | None:
    """Return the query of the next page, None at the end of the history.

    :raises UnexpectedResponse: if there is something that leads nowhere. To take it for the end
        would lose whatever comes after it.
    """
    if next_page_path is None:
        return None
    if not isinstance(next_page_path, str):
        _broken("has a link to the next page that is no text")
    text = next_page_path.strip()
    if text in _NOTHING or text.startswith("null&"):
        return None
    path, mark, query = text.partition("?")
    if not mark and "/" not in path:
        query = path
    if query == "null" or query.startswith("null&"):
        return None
    query = query.partition("#")[0].lstrip("&")
    if not (query.isascii() and query.isprintable() and len(query) <= _LONGEST_QUERY):
        _broken("has a link to the next page that no address can hold")
    cursors = _parameters(query).get("cursor", [])
    if len(cursors) != 1:
        _broken("has a link to the next page without a cursor")
    return None if cursors[0] in _NOTHING else query


def pages(
    fetch: Callable[[str], Answer],
    read: Read,
    *,
    start: Ways = (FIRST_QUERY,),
    before: Sequence[Any] = (),
    may_pass_over: bool = False,
    max_pages: int = MAX_PAGES,
) -> Iterator[Page]:
    """Read a history page by page, asking for the next only when it is wanted.

    :param fetch: asks for the page of a query.
    :param read: says what an item is and when it happened.
    :param start: where to begin; the ``following`` of a page goes on behind it.
    :param before: what is known of the page before ``start``: a way that asks for an instant more
        brings some of it again.
    :param may_pass_over: take the cursor as it was told where every other is refused as wrong,
        though it may pass over rows.
    :raises UnexpectedResponse: if a page has no list of items, is repeated, or leads nowhere.
    :raises ProviderError: as the first way to a page was refused, if no other leads there.
    """
    walk = _Walk(fetch, read, before=before, may_pass_over=may_pass_over)
    ways = start
    for _ in range(max_pages):
        found = walk.turn(ways)
        ways = found.following
        leads_back = bool(ways) and walk.leads_back(ways)
        if leads_back and not walk.is_full:
            ways = ()
        yield replace(found, following=ways)
        if walk.broken is not None:
            raise walk.broken
        if not ways:
            return
        if leads_back:
            _broken("repeats a page instead of going on")
    _broken(f"has more than {max_pages} pages")


class _Walk:
    """Where one reading of a history stands."""

    def __init__(
        self,
        fetch: Callable[[str], Answer],
        read: Read,
        *,
        before: Sequence[Any],
        may_pass_over: bool,
    ) -> None:
        self._fetch = fetch
        self._may_pass_over = may_pass_over
        self._read = read
        self._asked: set[str] = set()
        self._before = list(before)
        self._named_rightly = False
        self._is_literal = False  # the server takes no cursor but its own
        self.is_full = False
        self.broken: UnexpectedResponse | None = None

    def leads_back(self, ways: Ways) -> bool:
        """Tell whether everything that leads on was asked for already."""
        return all(query in self._asked for query in ways)

    def turn(self, ways: Ways) -> Page:
        """Return the next page. One that is not full and only repeats the one before is the end."""
        refused: ProviderError | None = None
        may_pass_over = self._may_pass_over
        for query in ways:
            if query in self._asked or (_leaves_out(query, ways) and not may_pass_over):
                continue
            self._asked.add(query)
            try:
                answer = self._fetch(query)
                items = _items(answer.payload)
            except (NotFound, Rejected) as error:
                refused = refused or error
            except (Unavailable, UnexpectedResponse) as error:
                refused = refused or error
                may_pass_over = False
                if error.status is None and isinstance(error, Unavailable):
                    break  # nobody answers, whatever is asked
            else:
                if not self._repeats(items):
                    self._is_literal = self._is_literal or _leaves_out(query, ways)
                    return self._page(answer, items, query)
                if len(items) < PAGE_LIMIT:
                    return Page(answer, [], ())
                refused = refused or _error("repeats a page instead of going on")
                may_pass_over = True  # all of it is of one instant, and nothing else leads on
        raise self._explained(refused, ways)

    def _page(self, answer: Answer, items: list[Any], query: str) -> Page:
        self.is_full = len(items) >= PAGE_LIMIT
        is_gapped = self._is_gapped(items, query)
        fresh = self._without_repeats(items, query)
        self._before = items
        try:
            following = next_query(answer.payload.get("nextPagePath"))
        except UnexpectedResponse as error:
            # The page itself is good; where it leads is asked of it once more another time.
            self.broken = error
            return Page(answer, fresh, (query,), is_gapped)
        ways = () if following is None else self._ways(following, items)
        return Page(answer, fresh, ways, is_gapped)

    def _repeats(self, items: list[Any]) -> bool:
        return bool(items) and all(item in self._before for item in items)

    def _is_gapped(self, items: list[Any], query: str) -> bool:
        """Compare the first row with the one that the link before named, where it names rows."""
        cursor = _cursor(query)
        if cursor is None or cursor.isdecimal() or not items or "time=" not in query:
            return False
        first = self._read(items[0]).key
        if first is None:
            return False  # it has no name that could be another one
        was_right, self._named_rightly = self._named_rightly, self._named_rightly or first == cursor
        return was_right and first != cursor

    def _without_repeats(self, items: list[Any], query: str) -> list[Any]:
        """Leave out what a page has of the one before because it was asked for an instant more."""
        bound = _bound(query)
        if bound is None or not self._before:
            return items
        known = [item for item in self._before if (at := self._at(item)) is None or at < bound]
        fresh = []
        for item in items:
            if item in known:
                known.remove(item)
            else:
                fresh.append(item)
        return fresh

    def _ways(self, query: str, items: Sequence[Any]) -> Ways:
        cursor = _cursor(query) or ""
        if cursor.isdecimal():
            if self._is_literal or int(cursor) not in {self._at(item) for item in items}:
                return (query,)
            return (*(_later(query, cursor, more) for more in _MORE), query)
        if "time" in _parameters(query):
            return (query, _CURSOR.sub("", query).lstrip("&"))
        return (query,)

    def _at(self, item: Any) -> int | None:
        at = self._read(item).occurred_at
        return None if at is None else (at - _EPOCH) // _MILLISECOND

    def _explained(self, refused: ProviderError | None, ways: Ways) -> ProviderError:
        if refused is None:
            return _error("repeats a page instead of going on")
        if isinstance(refused, NotFound) and ways != (FIRST_QUERY,):
            # Not the account is gone but the page that the one before promised.
            return _error("ends in a page that does not exist", status=404)
        return refused


def _later(query: str, cursor: str, more: int) -> str:
    return _CURSOR.sub(lambda m: m[0].replace(cursor, str(int(cursor) + more)), query)


def _leaves_out(query: str, ways: Ways) -> bool:
    """Tell whether a query passes over rows that the other ways to the page have."""
    return len(ways) > 1 and query == ways[-1] and (_cursor(query) or "").isdecimal()


def _bound(query: str) -> int | None:
    """Return the millisecond before which a query asks for all rows; None: for those of a row."""
    cursor, times = _cursor(query), _parameters(query).get("time", [])
    if cursor is not None:
        return int(cursor) if cursor.isdecimal() else None
    try:
        at = dt.datetime.fromisoformat(times[0])
    except (IndexError, ValueError):
        return None
    return (at - _EPOCH) // _MILLISECOND + 1 if at.tzinfo else None


def _cursor(query: str) -> str | None:
    found = _parameters(query).get("cursor")
    return found[0] if found else None


def _parameters(query: str) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(query, keep_blank_values=True)


def _items(payload: Any) -> list[Any]:
    items = payload.get("items") if isinstance(payload, dict) else None
    if not isinstance(items, list):
        _broken("answered in an unexpected shape")
    return items


def _error(what: str, status: int | None = None) -> UnexpectedResponse:
    return UnexpectedResponse(f"{LABEL}: a history {what}", provider=PROVIDER, status=status)


def _broken(what: str) -> NoReturn:
    raise _error(what)
