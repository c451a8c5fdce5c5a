"""Rate limits: fixed windows on the real clock, and the banks' daily quota on the sandbox's."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

GENEROUS = 100_000


@dataclass(frozen=True)
class Limit:
    """So many calls in a period of seconds."""

    calls: int
    period: int


@dataclass(frozen=True)
class Standing:
    """Where a caller stands in a window.

    :param reset: when the window ends, in seconds of the real clock since the epoch.
    """

    limit: Limit
    used: int
    reset: float
    refused: bool

    @property
    def remaining(self) -> int:
        """Calls left."""
        return max(self.limit.calls - self.used, 0)

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the window ends."""
        return max(int(self.reset - time.time()) + 1, 0)


@dataclass
class Windows:
    """Counts calls by key.

    :param enforced: with ``False`` the limits are generous, and the headers say so.
    """

    enforced: bool
    _open: dict[str, tuple[float, int]] = field(default_factory=dict)

    def take(self, key: str, documented: Limit) -> Standing:
        """Count a call, unless the window is full."""
        limit = documented if self.enforced else Limit(GENEROUS, documented.period)
        now = time.time()
        reset, used = self._open.get(key, (0.0, 0))
        if now >= reset:
            reset, used = now + limit.period, 0
        refused = used >= limit.calls
        if not refused:
            used += 1
        self._open[key] = (reset, used)
        return Standing(limit, used, reset, refused)
