"""The walk through a history of Trading 212, with every defect that its links are known for."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.errors import NotFound, Rejected, Unavailable, UnexpectedResponse
from providers.http import Answer
from providers.trading212.client import Trading212Client
from providers.trading212.histories import CASH_TRANSACTIONS
from providers.trading212.histories import ORDERS as ORDER_HISTORY
from providers.trading212.paging import FIRST_QUERY, PAGE_LIMIT, Page, next_query, pages
from providers.trading212.rows import ItemFacts
from tests.providers.conftest import Script, Step

TRANSACTIONS = "/api/v0/equity/history/transactions"
ORDERS = "/api/v0/equity/history/orders"
CURSOR = "5e3a1c62-0d3b-4c1e-9f3e-1d5b0c6f7a88"
QUERY = f"limit=50&cursor={CURSOR}&time=2024-05-02T21:02:57.386Z"


def full(first: int) -> list[dict[str, int]]:
    return [{"id": first + n} for n in range(PAGE_LIMIT)]


def page(items: Any, following: Any = None) -> Step:
    return Step({"items": items, "nextPagePath": following})


def orders(client: Trading212Client) -> Iterator[Page]:
    return client.history(ORDER_HISTORY, currency="GBP")


def transactions(client: Trading212Client) -> Iterator[Page]:
    return client.history(CASH_TRANSACTIONS, currency="GBP")


def read(item: Any) -> ItemFacts:
    at = dt.datetime.fromtimestamp(item["at"] / 1000, dt.UTC) if "at" in item else None
    return ItemFacts(str(item.get("id")), None, at, None)


def queries(script: Script) -> list[str]:
    return [call.query for call in script.calls]


def test_a_page_is_asked_for_when_it_is_wanted(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), f"{ORDERS}?limit=50&cursor=1760346100000"), page([{"id": 99}]))
    walk = orders(trading212)
    assert script.calls == []
    assert next(walk).items == full(0)
    assert len(script.calls) == 1
    assert [answer.items for answer in walk] == [[{"id": 99}]]
    assert queries(script) == ["limit=50", "limit=50&cursor=1760346100000"]


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(f"{TRANSACTIONS}?{QUERY}", id="as-documented"),
        pytest.param(QUERY, id="N1-bare-query"),
        pytest.param(f"?{QUERY}", id="N1-bare-query-with-mark"),
        pytest.param(f"/api/v0/history/transactions?{QUERY}", id="path-without-equity"),
        pytest.param(f"http://elsewhere.invalid/steal?{QUERY}", id="another-host"),
        pytest.param(f"//elsewhere.invalid/?{QUERY}#there", id="no-scheme-and-a-fragment"),
    ],
)
def test_only_the_query_of_a_link_counts_and_all_of_it(
    script: Script, trading212: Trading212Client, link: str
) -> None:
    script.on(TRANSACTIONS, page(full(0), link), page([]))
    assert len(list(transactions(trading212))) == 2
    assert queries(script) == ["limit=50", QUERY]  # N3: cursor and time


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(None, id="null"),
        pytest.param("", id="N2-empty"),
        pytest.param(" ", id="N2-blank"),
        pytest.param("null", id="N2-text"),
        pytest.param("null&time=null", id="N2-text-and-more"),
        pytest.param("null&limit=50", id="N2-text-and-limit"),
        pytest.param(f"{TRANSACTIONS}?null", id="N2-in-the-query"),
        pytest.param("limit=50&cursor=null&time=null", id="N2-as-cursor"),
        pytest.param("limit=50&cursor=&time=", id="N2-empty-cursor"),
    ],
)
def test_the_end_of_a_history(
    script: Script, trading212: Trading212Client, end: str | None
) -> None:
    script.on(TRANSACTIONS, page(full(0), end))
    assert len(list(transactions(trading212))) == 1


def test_a_link_that_is_missing_is_the_end(script: Script, trading212: Trading212Client) -> None:
    script.on(TRANSACTIONS, Step({"items": []}))
    assert len(list(transactions(trading212))) == 1


@pytest.mark.parametrize(
    "link",
    [7, True, False, [], {}, TRANSACTIONS, f"{TRANSACTIONS}?", "limit=50", "cursor=1&cursor=2"],
)
def test_a_link_that_leads_nowhere_is_not_the_end(
    script: Script, trading212: Trading212Client, link: Any
) -> None:
    script.on(TRANSACTIONS, page(full(0), link))
    walk = transactions(trading212)
    assert next(walk).items == full(0)
    with pytest.raises(UnexpectedResponse):
        next(walk)


def test_a_full_page_that_leads_back_to_itself_breaks_the_history(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), "limit=50&cursor=1"), page(full(50), "limit=50&cursor=1"))
    walk = orders(trading212)
    assert [next(walk).items[0]["id"] for _ in range(2)] == [0, 50]
    with pytest.raises(UnexpectedResponse, match="repeats a page"):
        next(walk)
    assert script.count(ORDERS) == 2


def test_the_same_full_page_under_another_cursor_breaks_the_history(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), "cursor=1"), page(full(0), "cursor=2"), page([]))
    walk = orders(trading212)
    next(walk)
    with pytest.raises(UnexpectedResponse, match="repeats a page"):
        next(walk)


def test_a_short_page_that_leads_back_is_the_end(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), "cursor=1"), page([{"id": 50}], "cursor=1"))
    assert len(list(orders(trading212))) == 2
    assert script.count(ORDERS) == 2


def test_a_short_page_that_comes_again_is_handed_out_once(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page([{"id": 1}], "cursor=1"), page([{"id": 1}], "cursor=2"))
    assert [page.items for page in orders(trading212)] == [[{"id": 1}], []]


def test_a_circle_of_pages_is_left(script: Script, trading212: Trading212Client) -> None:
    script.on(
        ORDERS,
        page(full(0), "cursor=1"),
        page(full(50), "cursor=2"),
        page(full(100), "cursor=1"),
    )
    walk = orders(trading212)
    assert [next(walk).items[0]["id"] for _ in range(3)] == [0, 50, 100]
    with pytest.raises(UnexpectedResponse, match="repeats a page"):
        next(walk)
    assert script.count(ORDERS) == 3


def test_an_error_for_a_cursor_comes_after_the_pages_before(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), "cursor=1"), Step({"code": "InternalError"}, status=500))
    walk = orders(trading212)
    next(walk)
    with pytest.raises(Unavailable, match="internal error"):  # N5
        next(walk)


def test_an_error_with_status_200_is_no_last_page(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), "cursor=1"), Step({"code": "InternalError"}))
    walk = orders(trading212)
    next(walk)
    with pytest.raises(UnexpectedResponse, match="unexpected shape"):
        next(walk)


def test_a_later_page_that_is_not_there_is_unexpected(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, page(full(0), "cursor=1"), Step(status=404))
    walk = orders(trading212)
    next(walk)
    with pytest.raises(UnexpectedResponse, match="does not exist"):  # N7
        next(walk)


def test_a_history_that_is_not_there_is_not_found(
    script: Script, trading212: Trading212Client
) -> None:
    script.on(ORDERS, Step(status=404))
    with pytest.raises(NotFound):
        next(orders(trading212))


def test_a_refused_cursor_is_rejected(script: Script, trading212: Trading212Client) -> None:
    script.on(ORDERS, page(full(0), "cursor=1"), Step({"code": "x"}, status=400))
    walk = orders(trading212)
    next(walk)
    with pytest.raises(Rejected):
        next(walk)


@pytest.mark.parametrize("items", [None, {}, "text", 7])
def test_items_that_are_no_list_are_unexpected(
    script: Script, trading212: Trading212Client, items: Any
) -> None:
    script.on(ORDERS, page(items))
    with pytest.raises(UnexpectedResponse, match="unexpected shape"):
        next(orders(trading212))


def answer(items: Any, following: Any) -> Answer:
    return Answer({"items": items, "nextPagePath": following}, (), dt.datetime.now(dt.UTC))


def test_no_history_is_endless() -> None:
    numbers = iter(range(100))

    def fetch(_: str) -> Answer:
        number = next(numbers)
        return answer([{"id": number}], f"cursor={number}")

    walk = pages(fetch, read, max_pages=5)
    assert [next(walk).items[0]["id"] for _ in range(5)] == list(range(5))
    with pytest.raises(UnexpectedResponse, match="more than 5 pages"):
        next(walk)


links = st.one_of(
    st.none(),
    st.text(max_size=60),
    st.integers(),
    st.builds(
        "{}{}cursor={}{}".format,
        st.sampled_from(["", "?", "/a/b?", "null&", "http://x/?", "&&"]),
        st.sampled_from(["", "limit=50&", "limit=50&&"]),
        st.text(max_size=20),
        st.sampled_from(["", "&time=2024-05-02T21:02:57.386Z", "&time=a+b%20c", "#x"]),
    ),
)


@given(links)
@example("?cursor=1&time=%zz")
@example("cursor=\ud800")
def test_any_link_is_a_query_an_end_or_unexpected(link: object) -> None:
    try:
        query = next_query(link)
    except UnexpectedResponse:
        return
    if query is not None:
        assert isinstance(link, str)
        assert query in link
        assert "#" not in query
        assert httpx.URL("http://x/").copy_with(query=query.encode()).host == "x"
        assert urllib.parse.parse_qs(query, keep_blank_values=True)["cursor"][0] not in ("", "null")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=8))
def test_no_request_is_sent_twice_and_no_page_is_lost(world: list[tuple[int, int]]) -> None:
    """A world is a page for each cursor: which rows it has, and to which cursor it leads."""
    asked: list[str] = []

    def fetch(query: str) -> Answer:
        asked.append(query)
        at = 0 if query == FIRST_QUERY else int(query.removeprefix("cursor=")) % len(world)
        rows, following = world[at]
        return answer(full(rows * PAGE_LIMIT), f"cursor={following}" if following else None)

    seen: list[Any] = []
    with contextlib.suppress(UnexpectedResponse):
        seen.extend(page.items for page in pages(fetch, read))
    assert len(asked) == len(set(asked))
    assert len(asked) - len(seen) in (0, 1)
    assert all(one != other for one, other in itertools.pairwise(seen))


def of_milliseconds(count: int, at_once: int) -> list[dict[str, int]]:
    """Rows, newest first, so many of each millisecond."""
    return [{"id": n, "at": 1_760_346_100_000 - n // at_once} for n in range(count)]


class Millis:
    """A server whose cursor passes over the whole millisecond; some of its calls fail."""

    def __init__(self, rows: list[dict[str, int]], failures: dict[int, Exception]) -> None:
        self.rows, self.failures, self.calls = rows, failures, 0

    def __call__(self, query: str) -> Answer:
        self.calls += 1
        if self.calls in self.failures:
            raise self.failures[self.calls]
        cursor = urllib.parse.parse_qs(query).get("cursor")
        left = [row for row in self.rows if cursor is None or row["at"] < int(cursor[0])]
        told = left[:PAGE_LIMIT]
        more = len(left) > PAGE_LIMIT
        return answer(told, f"limit=50&cursor={told[-1]['at']}" if more else None)


def test_rows_of_one_millisecond_are_never_lost_at_a_border() -> None:
    """N9: nor if the server is busy just then; the walk breaks off there and goes on later."""
    rows = of_milliseconds(230, 3)
    server = Millis(rows, {})
    assert [row for page in pages(server, read) for row in page.items] == rows

    busy = Unavailable("busy", status=503)
    server = Millis(rows, {3: busy, 4: busy, 5: busy})
    found: list[Any] = []
    ways: tuple[str, ...] = (FIRST_QUERY,)
    with contextlib.suppress(Unavailable):
        for page in pages(server, read):
            found += page.items
            ways = page.following
    assert len(ways) > 1
    assert server.calls == 5
    found += [row for page in pages(server, read, start=ways) for row in page.items]
    assert {row["id"] for row in found} == {row["id"] for row in rows}


def test_a_server_that_takes_no_cursor_but_its_own_gets_it() -> None:
    rows = of_milliseconds(130, 1)
    wrong = Rejected("no such cursor", status=400)
    server = Millis(rows, dict.fromkeys((2, 3, 4), wrong))
    with pytest.raises(Rejected):
        list(pages(server, read))
    assert server.calls == 4  # the cursor as it was told may pass over rows
    server = Millis(rows, dict.fromkeys((2, 3, 4), wrong))
    walk = pages(server, read, may_pass_over=True)
    assert [row for page in walk for row in page.items] == rows
    assert server.calls == 6  # once found out, it is not tried again
