"""The general limits, which hold for all that one company asks [GoCardless help 11529637772188].

They are kept by whoever sends, see :class:`providers.pacing.Pace`; what a bank allows for an
account is another matter.
"""

from __future__ import annotations

import datetime as dt

from providers.pacing import Limit

_MINUTE, _HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)

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
