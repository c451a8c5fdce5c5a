"""The general limits, which hold for all that one company asks [GoCardless help 11529637772188].

They are kept by whoever sends, see :class:`Pace`; what a bank allows for an account is another
matter.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

_MINUTE, _HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in any period of this length.

    :param name: which limit.
    """

    name: str
    calls: int
    period: dt.timedelta


ACCOUNTS = Limit("accounts", 100, _MINUTE)
INSTITUTIONS = Limit("institutions", 300, _MINUTE)
READS = Limit("consents", 300, _MINUTE)
POSTS = Limit("post", 100, _MINUTE)
PUTS = Limit("put", 100, _MINUTE)
DELETES = Limit("delete", 100, _MINUTE)
NEW_TOKENS = Limit("token/new", 100, _HOUR)
REFRESHED_TOKENS = Limit("token/refresh", 100, _MINUTE)

_BY_METHOD = {"POST": POSTS, "PUT": PUTS, "DELETE": DELETES}
_BY_PATH = (
    ("/token/new/", NEW_TOKENS),
    ("/token/refresh/", REFRESHED_TOKENS),
    ("/accounts/", ACCOUNTS),
)


def limit_of(method: str, path: str) -> Limit:
    """Return the limit that a request counts against.

    :param path: behind the base URL.
    """
    for beginning, limit in _BY_PATH:
        if path.startswith(beginning):
            return limit
    if method in _BY_METHOD:
        return _BY_METHOD[method]
    return INSTITUTIONS if path.startswith("/institutions/") else READS


class Pace(Protocol):
    """Keeps the general limits for everybody who shares the secrets."""

    def take(self, limit: Limit) -> None:
        """Wait until a request may be sent, and count it.

        :raises RateLimited: if that would take too long.
        """

    def told(self, limit: Limit, calls: int | None, remaining: int | None, seconds: float) -> None:
        """Hear what an answer said.

        :param seconds: until the limit is whole again.
        """

    def waits_for(self, seconds: float) -> bool:
        """Tell whether a refusal for so long is waited out and the request sent again."""
