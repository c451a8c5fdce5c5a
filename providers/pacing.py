"""Limits on how often a provider is asked, and who keeps them for everybody who asks."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from providers.errors import RateLimited
from providers.http import in_seconds, too_many

# A server may say that a limit resets this very moment and refuse again a moment later.
SHORTEST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in any period of this length.

    :param name: which limit.
    :param calls: as documented; None: only headers say.
    :param period: as ``calls``.
    """

    name: str
    calls: int | None = None
    period: dt.timedelta | None = None


class Pace(Protocol):
    """Keeps limits for everybody whom they hold for together."""

    def take(self, limit: Limit) -> None:
        """Wait until a request may be sent, and count it.

        :raises RateLimited: if that would take too long.
        """

    def told(
        self,
        limit: Limit,
        calls: int | None,
        remaining: int | None,
        seconds: float,
        *,
        period: dt.timedelta | None = None,
    ) -> None:
        """Hear what an answer said.

        :param seconds: until the limit is whole again.
        :param period: how long it is, where the answer said that too.
        """

    def waits_for(self, seconds: float) -> bool:
        """Tell whether a refusal for so long is waited out and the request sent again."""


class LocalPace:
    """Keeps limits for one client alone; safe from many threads."""

    def __init__(
        self,
        *,
        provider: str,
        label: str,
        patience_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Know of no limit yet.

        :param label: what messages call the provider.
        :param patience_s: how long all calls together may wait.
        :param sleep: waits.
        """
        self._provider, self._label = provider, label
        self._patience_s = patience_s
        self._sleep = sleep
        self._lock = threading.Lock()
        self._closed_until: dict[str, float] = {}

    def take(self, limit: Limit) -> None:
        """Wait until nobody has said that the limit is used up; see :class:`Pace`."""
        with self._lock:
            seconds = self._closed_until.get(limit.name, 0.0) - time.monotonic()
            if seconds > self._patience_s:
                self._refuse(limit, seconds)
            self._closed_until.pop(limit.name, None)
            self._patience_s -= max(seconds, 0.0)
        if seconds > 0:
            self._sleep(seconds)

    def told(
        self,
        limit: Limit,
        calls: int | None,
        remaining: int | None,
        seconds: float,
        *,
        period: dt.timedelta | None = None,
    ) -> None:
        """Remember a limit that is used up; see :class:`Pace`."""
        del calls, period
        if remaining is not None and remaining <= 0:
            with self._lock:
                self._closed_until[limit.name] = time.monotonic() + seconds

    def waits_for(self, seconds: float) -> bool:
        """See :class:`Pace`."""
        with self._lock:
            return seconds <= self._patience_s

    def _refuse(self, limit: Limit, seconds: float) -> None:
        resets_at = in_seconds(round(seconds))
        message = f"{self._label}: {too_many(resets_at)}"
        raise RateLimited(message, provider=self._provider, scope=limit.name, resets_at=resets_at)
