"""What follows from a refusal: one policy for each, as data.

The table stands in ``docs/operating.md`` as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from providers.errors import AccessDenied, ProviderError, RateLimited
from providers.trading212.errors import Refusal

OPTIONAL_SCOPES = frozenset({"orders:read", "pies:read"})
"""What a key may do without: nothing of it is in the ledger."""

REQUIRED_SCOPES = (
    "account",
    "portfolio",
    "metadata",
    "history:orders",
    "history:dividends",
    "history:transactions",
)
"""Without one of these the ledger of an account would not be whole."""


class Verdict(StrEnum):
    """How the account comes out of the step."""

    FAILED = "failed"  # a person has to look at it
    DEFERRED = "deferred"  # it goes by itself later
    LEFT_OUT = "left_out"  # there is no such data, and nobody has to do anything


@dataclass(frozen=True, slots=True)
class Policy:
    """What one refusal leads to.

    :param rest: how long it is left alone where the verdict is deferred and nobody says.
    :param breaks_key: the connection itself is marked as broken.
    """

    verdict: Verdict
    rest: dt.timedelta = dt.timedelta()
    breaks_key: bool = False

    def resumes_at(self, error: ProviderError, now: dt.datetime) -> dt.datetime:
        """Return when to ask again."""
        told = error.resets_at if isinstance(error, RateLimited) else None
        return told or now + self.rest


_MINUTE = dt.timedelta(minutes=1)

POLICIES: Mapping[Refusal, Policy] = {
    Refusal.KEY_REFUSED: Policy(Verdict.FAILED, breaks_key=True),
    Refusal.SCOPE_MISSING: Policy(Verdict.FAILED),
    Refusal.NOT_IN_DEMO: Policy(Verdict.LEFT_OUT),
    Refusal.DENIED: Policy(Verdict.FAILED),
    Refusal.NOT_FOUND: Policy(Verdict.FAILED),
    Refusal.TIMED_OUT: Policy(Verdict.DEFERRED, rest=15 * _MINUTE),
    Refusal.LIMITED: Policy(Verdict.DEFERRED, rest=_MINUTE),
    Refusal.SERVER_ERROR: Policy(Verdict.DEFERRED, rest=15 * _MINUTE),
    Refusal.REQUEST_REFUSED: Policy(Verdict.FAILED),
    Refusal.UNEXPECTED: Policy(Verdict.FAILED),
}

_SPARED = Policy(Verdict.DEFERRED, rest=_MINUTE)
_NO_ANSWER = Policy(Verdict.FAILED)
_LEFT_OUT = Policy(Verdict.LEFT_OUT)


def policy_of(error: ProviderError) -> Policy:
    """Return what follows from an error; one without an answer says nothing of the account."""
    if isinstance(error, AccessDenied) and error.missing_scope in OPTIONAL_SCOPES:
        return _LEFT_OUT
    if error.code is not None:
        return POLICIES[Refusal(error.code)]
    return _SPARED if isinstance(error, RateLimited) else _NO_ANSWER
