"""A provider's limits on how often it is asked, kept by all processes together."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass
from typing import NoReturn

from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from postgres.auth.operations import provider_limits
from providers.errors import RateLimited
from providers.http import too_many
from providers.pacing import Limit

LONGEST_WAIT = dt.timedelta(seconds=75)
"""What a call waits for its turn: a limit of a minute is waited out, one of an hour is not."""

_PLENTY = 1000
"""A limit of so many calls a minute is not met, and need not be kept."""


@dataclass(frozen=True, slots=True)
class _Word:
    calls: int | None
    remaining: int | None
    resets_at: dt.datetime
    observed_at: dt.datetime
    period: dt.timedelta | None


class SharedPace:
    """Counts requests in the database before they are sent; safe from many threads.

    See :class:`providers.pacing.Pace`.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        *,
        provider: str,
        label: str,
        holder: str = "",
        code: str | None = None,
        scope: str | None = None,
        longest_wait: dt.timedelta = LONGEST_WAIT,
        patience: dt.timedelta = dt.timedelta.max,
        margin: dt.timedelta = dt.timedelta(),
    ) -> None:
        """Count nothing yet.

        :param label: what messages call the provider.
        :param holder: whose limits they are, such as an account; empty: the operator's.
        :param code: our name for the refusal that a call is spared.
        :param scope: which limit it is, in the words of :class:`providers.http.RateLimit`; None:
            as it is called.
        :param longest_wait: how long one call may wait.
        :param patience: how long all calls together may.
        :param margin: how much longer a period is taken to be. A request arrives later than it is
            counted, the first of a period perhaps more so than the last one.
        """
        self._sessions = sessions
        self._provider, self._label = provider, label
        self._prefix = f"{holder}/" if holder else ""
        self._code, self._scope = code, scope
        self._longest_wait = longest_wait
        self._patience = patience
        self._margin = margin
        self._lock = threading.Lock()
        self._words: dict[str, _Word] = {}
        self._limits: dict[str, int | None] | None = None

    def take(self, limit: Limit) -> None:
        """Wait until a request may be sent, and count it.

        :raises RateLimited: if that would take longer than ``longest_wait``, or all waits together
            longer than ``patience``.
        """
        allowed = self._allowed(limit)
        if allowed is not None and allowed >= _PLENTY:
            return
        ends_at = time.monotonic() + self._longest_wait.total_seconds()
        while True:
            with self._sessions.begin() as session:
                wait = provider_limits.take_call(
                    session,
                    self._provider,
                    self._prefix + limit.name,
                    calls=limit.calls,
                    period=limit.period,
                    margin=self._margin,
                )
            if wait is None:
                return
            if time.monotonic() + wait.total_seconds() > ends_at or not self._may_wait(wait):
                self._refuse(limit, clock.now() + wait)
            time.sleep(wait.total_seconds() + 0.01)

    def _may_wait(self, wait: dt.timedelta) -> bool:
        with self._lock:
            if wait > self._patience:
                return False
            self._patience -= wait
            return True

    def _refuse(self, limit: Limit, resets_at: dt.datetime) -> NoReturn:
        message = f"{self._label}: {too_many(resets_at)}"
        raise RateLimited(
            message,
            provider=self._provider,
            code=self._code,
            scope=self._scope or limit.name,
            resets_at=resets_at,
        )

    def _allowed(self, limit: Limit) -> int | None:
        """Return how many calls headers said there are; else how many are documented, if any."""
        with self._lock:
            if self._limits is None:
                with self._sessions() as session:
                    known = provider_limits.list_provider_limits(session, self._provider)
                self._limits = {each.name: each.calls_limit for each in known}
            return self._limits.get(self._prefix + limit.name) or limit.calls

    def told(
        self,
        limit: Limit,
        calls: int | None,
        remaining: int | None,
        seconds: float,
        *,
        period: dt.timedelta | None = None,
    ) -> None:
        """Keep what an answer said, at once where no call is left and else with :meth:`keep`.

        :param seconds: until the limit is whole again.
        :param period: how long it is, where the answer said that too.
        """
        now, name = clock.now(), self._prefix + limit.name
        word = _Word(calls, remaining, now + dt.timedelta(seconds=seconds), now, period)
        if remaining is not None and remaining <= 0:
            closed_for = dt.timedelta(seconds=seconds)
            with self._sessions.begin() as session:
                self._keep(session, name, word, closed_for=closed_for)
            return
        with self._lock:
            is_known = self._limits is not None and self._limits.get(name) == calls
            # What is plenty anyway need not be written down again.
            if not (is_known and calls is not None and calls >= _PLENTY):
                self._words[name] = word
            if self._limits is not None:
                self._limits[name] = calls

    def waits_for(self, seconds: float) -> bool:
        """Tell whether a refusal for so long is waited out."""
        with self._lock:
            return seconds <= min(self._longest_wait, self._patience).total_seconds()

    def keep(self) -> None:
        """Write down what the answers said last."""
        with self._lock:
            words, self._words = sorted(self._words.items()), {}
        if words:
            with self._sessions.begin() as session:
                for name, word in words:
                    self._keep(session, name, word)

    def _keep(
        self, session: Session, name: str, word: _Word, *, closed_for: dt.timedelta | None = None
    ) -> None:
        provider_limits.note_limit(
            session,
            self._provider,
            name,
            calls_limit=word.calls,
            calls_remaining=word.remaining,
            resets_at=word.resets_at,
            observed_at=word.observed_at,
            period=word.period,
            closed_for=closed_for,
        )
