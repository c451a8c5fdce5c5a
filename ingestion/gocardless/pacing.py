"""GoCardless's general limits, kept by all processes together."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from postgres.auth.operations import provider_limits
from providers.errors import RateLimited
from providers.gocardless.errors import GENERAL, LABEL, PROVIDER, Refusal
from providers.gocardless.limits import Limit

LONGEST_WAIT = dt.timedelta(seconds=75)
"""What a call waits for its turn: a limit of a minute is waited out, one of an hour is not."""

# A request arrives later than it is counted here, the first of a period perhaps more so than the
# last one: a period is counted as this much longer.
_MARGIN = dt.timedelta(seconds=5)
_PLENTY = 1000
"""A limit of so many calls a minute is not met, and need not be kept."""


@dataclass(frozen=True, slots=True)
class _Word:
    calls: int | None
    remaining: int | None
    resets_at: dt.datetime
    observed_at: dt.datetime


class SharedPace:
    """Counts requests in the database before they are sent; safe from many threads.

    See :class:`providers.gocardless.limits.Pace`.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        *,
        longest_wait: dt.timedelta = LONGEST_WAIT,
        margin: dt.timedelta = _MARGIN,
    ) -> None:
        """Count nothing yet.

        :param margin: how much longer a period is taken to be.
        """
        self._margin = margin
        self._sessions = sessions
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._words: dict[str, _Word] = {}
        self._limits: dict[str, int | None] | None = None

    def take(self, limit: Limit) -> None:
        """Wait until a request may be sent, and count it.

        :raises RateLimited: if that would take longer than ``longest_wait``.
        """
        if self._allowed(limit) >= _PLENTY:
            return
        ends_at = time.monotonic() + self._longest_wait.total_seconds()
        while True:
            with self._sessions.begin() as session:
                wait = provider_limits.take_call(
                    session,
                    PROVIDER,
                    limit.name,
                    calls=limit.calls,
                    period=limit.period + self._margin,
                )
            if wait is None:
                return
            seconds = wait.total_seconds()
            if time.monotonic() + seconds > ends_at:
                resets_at = clock.now() + wait
                message = (
                    f"{LABEL}: {limit.calls} calls were made within"
                    f" {limit.period.total_seconds():.0f} seconds; the next is possible at"
                    f" {resets_at:%Y-%m-%d %H:%M:%S} UTC"
                )
                raise RateLimited(
                    message,
                    provider=PROVIDER,
                    code=Refusal.GENERAL_LIMIT.value,
                    scope=GENERAL,
                    resets_at=resets_at,
                )
            time.sleep(seconds + 0.01)

    def _allowed(self, limit: Limit) -> int:
        """Return how many calls headers said there are; else how many are documented."""
        with self._lock:
            if self._limits is None:
                with self._sessions() as session:
                    known = provider_limits.list_provider_limits(session, PROVIDER)
                self._limits = {each.name: each.calls_limit for each in known}
            return self._limits.get(limit.name) or limit.calls

    def told(self, limit: Limit, calls: int | None, remaining: int | None, seconds: float) -> None:
        """Keep what an answer said, at once where no call is left and else with :meth:`keep`.

        :param seconds: until the limit is whole again.
        """
        now = clock.now()
        word = _Word(calls, remaining, now + dt.timedelta(seconds=seconds), now)
        if remaining is not None and remaining <= 0:
            closed_for = dt.timedelta(seconds=seconds)
            with self._sessions.begin() as session:
                _keep(session, limit.name, word, closed_for=closed_for)
            return
        with self._lock:
            is_known = self._limits is not None and self._limits.get(limit.name) == calls
            # What is plenty anyway need not be written down again.
            if not (is_known and calls is not None and calls >= _PLENTY):
                self._words[limit.name] = word
            if self._limits is not None:
                self._limits[limit.name] = calls

    def waits_for(self, seconds: float) -> bool:
        """Tell whether a refusal for so long is waited out."""
        return seconds <= self._longest_wait.total_seconds()

    def keep(self) -> None:
        """Write down what the answers said last."""
        with self._lock:
            words, self._words = sorted(self._words.items()), {}
        if words:
            with self._sessions.begin() as session:
                for name, word in words:
                    _keep(session, name, word)


def _keep(
    session: Session, name: str, word: _Word, *, closed_for: dt.timedelta | None = None
) -> None:
    provider_limits.note_limit(
        session,
        PROVIDER,
        name,
        calls_limit=word.calls,
        calls_remaining=word.remaining,
        resets_at=word.resets_at,
        observed_at=word.observed_at,
        closed_for=closed_for,
    )
