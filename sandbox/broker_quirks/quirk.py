"""What a quirk of the broker is: a named change to what its API tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import Fault

Row = dict[str, Any]
HISTORIES = ("history_orders", "history_dividends", "history_transactions")


@dataclass(frozen=True)
class Call:
    """One call of the broker's API.

    :param endpoint: as its handler is called, such as ``history_orders``.
    :param path: of the request, below the base URL.
    :param number: which call of this endpoint it is since the quirks were set; the first is 1.
    :param bodies: what was answered to the calls before, by endpoint.
    """

    endpoint: str
    path: str
    query: Mapping[str, str]
    number: int
    bodies: dict[str, list[Any]] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class BrokerQuirk:
    """One way in which the broker departs from its documentation.

    :param number: as the tables of known quirks number it, or a word.
    :param what: what it does, in one line.
    :param is_always: it needs no switch: the sandbox's broker is always like this.
    :param body: changes what is answered.
    :param link: changes the path of the next page, None at the end.
    :param instant: changes by which instant a history is sorted and cut into pages.
    :param skips: how many rows a page lacks at its head.
    :param refuses: returns what a call gets instead, None if it is answered.
    """

    number: str
    what: str
    is_always: bool = False
    body: Callable[[Any, Call], Any] | None = None
    link: Callable[[str | None, Call], Any] | None = None
    instant: Callable[[dt.datetime], dt.datetime] | None = None
    skips: Callable[[Call], int] | None = None
    refuses: Callable[[Call], Fault | None] | None = None


def each_item(change: Callable[[Row], Row], *endpoints: str) -> Callable[[Any, Call], Any]:
    """Return a change of bodies that changes the items of some histories one by one."""

    def body(told: Any, call: Call) -> Any:
        if call.endpoint not in endpoints:
            return told
        return {**told, "items": [change(item) for item in told["items"]]}

    return body


def each_row(change: Callable[[Row], Row], *endpoints: str) -> Callable[[Any, Call], Any]:
    """Return a change of bodies that changes the rows of some lists one by one."""

    def body(told: Any, call: Call) -> Any:
        return [change(row) for row in told] if call.endpoint in endpoints else told

    return body


def each_fill(change: Callable[[Row, Row], Row]) -> Callable[[Any, Call], Any]:
    """Return a change of bodies that changes the fills of the order history; given its order."""

    def item(row: Row) -> Row:
        return {**row, "fill": change(row["fill"], row["order"])} if "fill" in row else row

    return each_item(item, "history_orders")
