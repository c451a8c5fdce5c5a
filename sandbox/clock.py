"""The sandbox's one clock: the real time, shifted or not, or an instant that stands still."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Self
from zoneinfo import ZoneInfo

UK = ZoneInfo("Europe/London")


def parse_instant(text: str) -> dt.datetime:
    """Read an ISO 8601 instant; one without an offset is taken as UTC.

    :raises ValueError: if it is none.
    """
    instant = dt.datetime.fromisoformat(text)
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)


def iso_micros(instant: dt.datetime) -> str:
    """Return an instant as GoCardless writes it: microseconds and ``Z``."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_millis(instant: dt.datetime) -> str:
    """Return an instant as Trading 212 writes it: milliseconds and ``Z``."""
    text = instant.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def uk_instant(day: dt.date, seconds: int) -> dt.datetime:
    """Return the instant so many seconds after midnight on the clocks of the United Kingdom."""
    local = dt.datetime.combine(day, dt.time(), UK) + dt.timedelta(seconds=seconds)
    return local.astimezone(dt.UTC)


@dataclass
class Clock:
    """What instant the sandbox believes it is.

    :param frozen: the instant it stands still at, or ``None`` while it ticks.
    :param offset: how far a ticking clock is ahead of the real one.
    """

    frozen: dt.datetime | None = None
    offset: dt.timedelta = dt.timedelta()

    def now(self) -> dt.datetime:
        """Return the instant in UTC."""
        return self.frozen or dt.datetime.now(dt.UTC) + self.offset

    def today(self) -> dt.date:
        """Return the day in the United Kingdom, where the banks are."""
        return self.now().astimezone(UK).date()

    def set(self, instant: dt.datetime) -> None:
        """Stand still at an instant."""
        self.frozen = instant

    def advance(self, step: dt.timedelta) -> None:
        """Move on; a ticking clock goes on ticking."""
        if self.frozen is None:
            self.offset += step
        else:
            self.frozen += step

    def dump(self) -> dict[str, Any]:
        """Return the clock as JSON."""
        return {
            "frozen": self.frozen and iso_micros(self.frozen),
            "offset_seconds": int(self.offset.total_seconds()),
        }

    @classmethod
    def load(cls, document: dict[str, Any]) -> Self:
        """Read what :meth:`dump` wrote."""
        frozen = document["frozen"]
        return cls(
            frozen=parse_instant(frozen) if frozen else None,
            offset=dt.timedelta(seconds=document["offset_seconds"]),
        )
