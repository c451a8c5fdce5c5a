"""What follows from a refusal: one policy for each, as data.

A policy says how far it reaches, how long what it reaches is left alone, and who has to act. The
table stands in ``docs/operating.md`` as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from providers.errors import ProviderError, RateLimited
from providers.gocardless.errors import Refusal, next_day


class Reach(StrEnum):
    """What a refusal says something of."""

    CALL = "call"  # this call alone
    RESOURCE = "resource"  # this kind of data of this account
    ACCOUNT = "account"  # all kinds of data of this account
    COMPANY = "company"  # everything that is asked with these secrets


class Verdict(StrEnum):
    """How the account comes out of the step."""

    FAILED = "failed"  # a person has to look at it
    DEFERRED = "deferred"  # it goes by itself later
    LEFT_OUT = "left_out"  # there is no such data, and nobody has to do anything


@dataclass(frozen=True, slots=True)
class Policy:
    """What one refusal leads to.

    :param rest: how long what it reaches is not asked; None: until a new consent.
    :param until_told: the refusal itself says when the next call is possible.
    :param is_final: nobody can do anything about it: it fails once, and is left out from then on.
    :param counts: it moves the account towards its suspension, which is for good after ten in a
        row [GoCardless help 11528813710876]; what nobody says of the bank's own errors is taken to.
    """

    verdict: Verdict
    reach: Reach
    rest: dt.timedelta | None = dt.timedelta()
    until_told: bool = False
    is_final: bool = False
    counts: bool = False

    def rests_until(self, error: ProviderError, now: dt.datetime) -> dt.datetime | None:
        """Return until when what it reaches is not asked; None: until a new consent."""
        if self.until_told:
            told = error.resets_at if isinstance(error, RateLimited) else None
            # The general limit is one of a minute.
            return told or (next_day() if self.reach is Reach.RESOURCE else now + _MINUTE)
        return None if self.rest is None else now + self.rest


_MINUTE, _HOUR, _WEEK = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=7)
_FAILED, _DEFERRED, _LEFT_OUT = Verdict.FAILED, Verdict.DEFERRED, Verdict.LEFT_OUT

POLICIES: Mapping[Refusal, Policy] = {
    # The client asks for another token and repeats the call once; this is the second refusal.
    Refusal.ACCESS_STALE: Policy(_FAILED, Reach.COMPANY),
    Refusal.SECRETS_REFUSED: Policy(_FAILED, Reach.COMPANY),
    Refusal.ADDRESS_REFUSED: Policy(_FAILED, Reach.COMPANY),
    Refusal.NOT_AUTHORISED: Policy(_FAILED, Reach.COMPANY),
    # Until a new consent
    Refusal.CONSENT_EXPIRED: Policy(_FAILED, Reach.ACCOUNT, rest=None),
    Refusal.ACCESS_EXPIRED: Policy(_FAILED, Reach.ACCOUNT, rest=None, counts=True),
    Refusal.NO_CONSENT: Policy(_FAILED, Reach.ACCOUNT, rest=None),
    Refusal.ACCOUNT_INACTIVE: Policy(_FAILED, Reach.ACCOUNT, rest=None, is_final=True),
    Refusal.ACCOUNT_SUSPENDED: Policy(_FAILED, Reach.ACCOUNT, rest=None),
    Refusal.ACCOUNT_UNKNOWN: Policy(_FAILED, Reach.ACCOUNT, rest=None),
    Refusal.SCOPE_NOT_GRANTED: Policy(_LEFT_OUT, Reach.RESOURCE, rest=None),
    # For a while
    Refusal.RESOURCE_UNAVAILABLE: Policy(_LEFT_OUT, Reach.RESOURCE, rest=_WEEK),
    Refusal.ACCESS_FORBIDDEN: Policy(_FAILED, Reach.RESOURCE, rest=_WEEK),
    Refusal.DENIED: Policy(_FAILED, Reach.RESOURCE, rest=_WEEK),
    Refusal.NOT_FOUND: Policy(_FAILED, Reach.RESOURCE, rest=_WEEK),
    Refusal.ACCOUNT_NOT_READY: Policy(_DEFERRED, Reach.ACCOUNT, rest=_HOUR),
    Refusal.ACCOUNT_IN_ERROR: Policy(_DEFERRED, Reach.ACCOUNT, rest=6 * _HOUR),
    # Until the limit says
    Refusal.ACCOUNT_LIMIT: Policy(_DEFERRED, Reach.RESOURCE, until_told=True),
    Refusal.BANK_LIMIT: Policy(_DEFERRED, Reach.RESOURCE, until_told=True),
    Refusal.GENERAL_LIMIT: Policy(_DEFERRED, Reach.COMPANY, until_told=True),
    # The next sync asks again, unless the breaker is open.
    Refusal.BANK_ERROR: Policy(_FAILED, Reach.CALL, counts=True),
    Refusal.BANK_UNREACHABLE: Policy(_FAILED, Reach.CALL, counts=True),
    Refusal.BANK_DOWN: Policy(_DEFERRED, Reach.RESOURCE, rest=2 * _HOUR),
    Refusal.SERVER_ERROR: Policy(_FAILED, Reach.CALL),
    # Defects of the request, and what is no answer
    Refusal.PAYMENT_REQUIRED: Policy(_FAILED, Reach.CALL),
    Refusal.PERIOD_REFUSED: Policy(_FAILED, Reach.CALL),
    Refusal.REQUEST_REFUSED: Policy(_FAILED, Reach.CALL),
    Refusal.UNEXPECTED: Policy(_FAILED, Reach.CALL),
}

_NO_ANSWER = Policy(_FAILED, Reach.CALL)


def policy_of(error: ProviderError) -> Policy:
    """Return what follows from an error; one without an answer says nothing of anything."""
    return POLICIES[Refusal(error.code)] if error.code else _NO_ANSWER
