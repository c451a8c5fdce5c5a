"""What is wrong with the way from one page of a history to the next."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sandbox.broker_quirks.quirk import HISTORIES, BrokerQuirk, Call
from sandbox.faults import Fault

_ENDS = {"history_orders": "", "history_dividends": "null", "history_transactions": "null&limit=50"}
_BROKEN_CALL = 3
_SKIPPED = 7
_FLAKY_EVERY = 7


def _bare(link: str | None, _: Call) -> Any:
    return link and link.partition("?")[2]


def _odd_end(link: str | None, call: Call) -> Any:
    return _ENDS[call.endpoint] if link is None else link


def _is_later_page(call: Call) -> bool:
    return call.endpoint in HISTORIES and "cursor" in call.query


def _some_cursors(call: Call) -> Fault | None:
    """Refuse every cursor of some kind, however often it is asked for."""
    if not _is_later_page(call):
        return None
    cursor = call.query["cursor"]
    is_bad = int(cursor) // 2 % 2 == 0 if cursor.isdecimal() else cursor[-1] in "02468ace"
    return Fault(status=500, json={"code": "InternalError"}) if is_bad else None


def _again(told: Any, call: Call) -> Any:
    """Tell the page before once more, in place of the third."""
    before = call.bodies.get(call.endpoint, [])
    is_third = _is_later_page(call) and call.number == _BROKEN_CALL
    return before[-1] if is_third and before else told


def _gone(call: Call) -> Fault | None:
    is_third = _is_later_page(call) and call.number in (_BROKEN_CALL, _BROKEN_CALL + 1)
    return Fault(status=404, text="") if is_third else None


def _block(call: Call) -> int:
    return _SKIPPED if call.endpoint in HISTORIES and call.number == _BROKEN_CALL else 0


def _to_the_day(at: dt.datetime) -> dt.datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _shuffled(told: Any, call: Call) -> Any:
    if call.endpoint != "history_dividends":
        return told
    items = told["items"]
    third = len(items) // 3
    return {**told, "items": items[third:] + items[:third]}


def _flaky(call: Call) -> Fault | None:
    """Fail at every seventh call, each time in another way; asked again, it answers."""
    if call.endpoint not in HISTORIES or call.number % _FLAKY_EVERY:
        return None
    ways = (
        Fault(status=500, json={"code": "InternalError"}),
        Fault(status=404, text=""),
        Fault(status=400, json={"code": "BusinessException", "clarification": "Invalid cursor"}),
        Fault(status=502, text="<html><body>Bad gateway</body></html>"),
        Fault(status=500, text="oops"),
    )
    return ways[call.number // _FLAKY_EVERY % len(ways)]


QUIRKS = (
    BrokerQuirk(number="N1", what="nextPagePath is a bare query string", link=_bare),
    BrokerQuirk(
        number="N2",
        what='the end of a history is marked by "", by "null" or by "null&limit=50"',
        link=_odd_end,
    ),
    BrokerQuirk(
        number="N3", what="a cursor of the transactions without its time is refused", is_always=True
    ),
    BrokerQuirk(number="N4", what="cursors of the transactions are UUIDs", is_always=True),
    BrokerQuirk(
        number="N5",
        what="every other cursor gets InternalError, however often it is tried",
        refuses=_some_cursors,
    ),
    BrokerQuirk(number="N6", what="the third page is the second once more", body=_again),
    BrokerQuirk(number="N7", what="the third page is not found at first", refuses=_gone),
    BrokerQuirk(number="N8", what="the third page lacks its first rows", skips=_block),
    BrokerQuirk(
        number="N9",
        what="many rows have the same instant, and a cursor passes over all of it",
        instant=_to_the_day,
    ),
    BrokerQuirk(number="N10", what="dividends are not in the order of time", body=_shuffled),
    BrokerQuirk(
        number="flaky", what="every seventh page fails, each time in another way", refuses=_flaky
    ),
)
