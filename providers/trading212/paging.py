"""The way from one page of a history to the next, whatever ``nextPagePath`` looks like this time.

Of the path only its query counts, as it stands and with all its parameters: the transactions need
``cursor`` and ``time`` together, a cursor is a number here and a UUID there, and the path in front
may be missing or wrong.

A request is never sent twice. Where a page leads back to one that was read already, the history is
over if that page is not full; it is broken if it is full, because what would have come next cannot
be reached. The error comes after every page read so far was handed out, so nothing read is lost,
and a caller that moves its watermark only at the end of a history does not move it.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from providers.errors import NotFound, UnexpectedResponse
from providers.http import Answer
from providers.trading212.errors import LABEL, PROVIDER

PAGE_LIMIT = 50
# A hundred thousand rows; at six pages a minute nobody reads further in one go.
MAX_PAGES = 2000

FIRST_QUERY = f"limit={PAGE_LIMIT}"

_LONGEST_QUERY = 2000
_NOTHING = frozenset({"", "null"})


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
    cursors = urllib.parse.parse_qs(query, keep_blank_values=True).get("cursor", [])
    if len(cursors) != 1:
        _broken("has a link to the next page without a cursor")
    return None if cursors[0] in _NOTHING else query


def pages(fetch: Callable[[str], Answer], *, max_pages: int = MAX_PAGES) -> Iterator[Answer]:
    """Read a history page by page, asking for the next only when it is wanted.

    :param fetch: asks for the page of a query.
    :raises UnexpectedResponse: if a page has no list of items, is repeated, or leads nowhere.
    """
    query = FIRST_QUERY
    asked: set[str] = set()
    before: list[Any] | None = None
    for _ in range(max_pages):
        asked.add(query)
        answer = _fetch(fetch, query, first=before is None)
        items = _items(answer.payload)
        full = len(items) >= PAGE_LIMIT
        repeated = before is not None and len(items) > 0 and items == before
        if not repeated:
            yield answer
        following = next_query(answer.payload.get("nextPagePath"))
        if following is None and not repeated:
            return
        if repeated or following in asked:
            if full:
                _broken("repeats a page instead of going on")
            return
        before, query = items, following or ""
    _broken(f"has more than {max_pages} pages")


def _fetch(fetch: Callable[[str], Answer], query: str, *, first: bool) -> Answer:
    try:
        return fetch(query)
    except NotFound:
        if first:
            raise
    # Not the account is gone but the page that the one before promised.
    message = f"{LABEL}: a history ends in a page that does not exist"
    raise UnexpectedResponse(message, provider=PROVIDER, status=404)


def _items(payload: Any) -> list[Any]:
    items = payload.get("items") if isinstance(payload, dict) else None
    if not isinstance(items, list):
        _broken("answered in an unexpected shape")
    return items


def _broken(what: str) -> NoReturn:
    message = f"{LABEL}: a history {what}"
    raise UnexpectedResponse(message, provider=PROVIDER)
