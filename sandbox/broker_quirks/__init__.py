"""What the broker does otherwise than documented, each under a switch of its own.

As :mod:`sandbox.quirks` for banks. Numbers that the sandbox's broker always follows are listed too,
and turning them on changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.broker_quirks import generations, paging, rows
from sandbox.broker_quirks.quirk import BrokerQuirk, Call
from sandbox.wire import ApiError

BROKER = "TRADING212"
"""What is put in the place of an institution."""

BROKER_QUIRKS: dict[str, BrokerQuirk] = {
    quirk.number: quirk for module in (paging, rows, generations) for quirk in module.QUIRKS
}


@dataclass
class BrokerSwitches:
    """Which quirks of the broker are on, and how often it was asked since.

    :param on: in the order in which they apply.
    """

    on: tuple[BrokerQuirk, ...] = ()
    _calls: Counter[str] = field(default_factory=Counter)
    _bodies: dict[str, list[Any]] = field(default_factory=dict)

    def put(self, numbers: object) -> None:
        """Turn these on and all others off.

        :raises ValueError: if there is no such quirk.
        """
        if not isinstance(numbers, list) or not all(str(n) in BROKER_QUIRKS for n in numbers):
            message = f"quirks is a list of {', '.join(BROKER_QUIRKS)}"
            raise ValueError(message)
        self.on = tuple(BROKER_QUIRKS[number] for number in numbers)
        self._calls.clear()
        self._bodies.clear()

    def has(self, number: str) -> bool:
        """Tell whether a quirk is on."""
        return any(quirk.number == number for quirk in self.on)

    def call(self, endpoint: str, path: str, query: Mapping[str, str]) -> Call:
        """Count a call."""
        self._calls[endpoint] += 1
        return Call(endpoint, path, query, self._calls[endpoint], self._bodies)

    def refuse(self, call: Call) -> None:
        """Let a call through, unless some quirk refuses it.

        :raises ApiError: with what it gets instead.
        """
        for quirk in self.on:
            fault = quirk.refuses(call) if quirk.refuses else None
            if fault is not None:
                raise ApiError(fault.status or 500, fault.json or fault.text or "")

    def told(self, body: Any, call: Call) -> Any:
        """Return what is answered in place of the plain body."""
        for quirk in self.on:
            if quirk.link is not None and isinstance(body, dict) and "nextPagePath" in body:
                body = {**body, "nextPagePath": quirk.link(body["nextPagePath"], call)}
            if quirk.body is not None:
                body = quirk.body(body, call)
        if self.on:
            self._bodies.setdefault(call.endpoint, []).append(body)
        return body

    def instant(self, at: dt.datetime) -> dt.datetime:
        """Return by which instant a row is sorted and told."""
        for quirk in self.on:
            if quirk.instant is not None:
                at = quirk.instant(at)
        return at

    def skipped(self, call: Call) -> int:
        """Return how many rows a page lacks at its head."""
        return sum(quirk.skips(call) for quirk in self.on if quirk.skips)
