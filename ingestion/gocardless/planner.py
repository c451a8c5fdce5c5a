"""When an account may be asked for one kind of its data: a function of what is known of it.

It knows neither database nor provider, so that all of its rules can be read, and tried, at once.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.run import Status
from providers.gocardless.errors import Refusal
from providers.gocardless.policies import POLICIES, Reach, Verdict

MOST_CALLS = 4
"""What a bank allows a day for an account and kind of data, unless its headers say otherwise
[GoCardless help 11529584398236]."""
MOST_FAILURES = 3
"""Errors in a row after which an account rests, a day at first and twice as long each time."""
GIVEN_UP = 8
"""Errors in a row after which only a new consent begins anew: ten suspend the account for good."""
KEPT_FOR = dt.timedelta(hours=17)
"""How old the data may be that a run of the schedule leaves as it is, for the last call of a day to
be the user's. The run after it, six hours later, still finds it less than a day old."""

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one kind of an account's data. Instants are the ledger's.

    :param called_at: our own calls of the last two days, also those that failed.
    :param calls_limit: the headers' last word, as are the next two; None: they did not say.
    :param observed_at: when they said so.
    :param read_at: when it was last answered; None: never.
    :param failures: errors in a row that move the account towards its suspension.
    :param account_failures: the same over all kinds of data.
    :param refusal: why it is not to be asked, with the reason for the user and until when; None:
        until a new consent.
    :param is_reconfirmable: the consent ends there for who does not confirm it once more.
    :param is_granted: whether the consent covers it.
    :param is_suspended: GoCardless says that the account is.
    """

    resource: str
    called_at: Sequence[dt.datetime] = ()
    calls_limit: int | None = None
    calls_remaining: int | None = None
    resets_at: dt.datetime | None = None
    observed_at: dt.datetime | None = None
    read_at: dt.datetime | None = None
    failures: int = 0
    failed_at: dt.datetime | None = None
    account_failures: int = 0
    account_failed_at: dt.datetime | None = None
    refusal: str | None = None
    refusal_reason: str | None = None
    refused_until: dt.datetime | None = None
    consent_expires_at: dt.datetime | None = None
    is_reconfirmable: bool = False
    is_granted: bool = True
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Why a call is not made now.

    :param resumes_at: when it can be; None: not before a new consent.
    """

    status: Status
    reason: str
    resumes_at: dt.datetime | None = None


def held_back(standing: Standing, now: dt.datetime, *, is_planned: bool = False) -> Held | None:
    """Return why a call that would fail, or cost too much, is not made; None: it may be made.

    :param is_planned: nobody asked for it just now. It is never one of more than four a day,
        however many the bank allows, and the last is left to the user while the data is fresh.
    """
    if is_planned:
        most = min(calls_allowed(standing), MOST_CALLS)
        standing = dataclasses.replace(standing, calls_limit=most)
    return (
        _never(standing, now)
        or _refused(standing, now)
        or _resting(standing, now)
        or _spent(standing, now)
        or (_spared(standing, now) if is_planned else None)
    )


def calls_left(standing: Standing, now: dt.datetime) -> int:
    """Return how many calls the day still has, as far as anybody knows."""
    used = max(len(_within(standing, *day)) for day in _days(standing, now))
    left = calls_allowed(standing) - used
    told = _told_left(standing, now)
    return max(left if told is None else min(left, told), 0)


def calls_allowed(standing: Standing) -> int:
    """Return how many calls a day has: what the headers say, and four where they do not."""
    told = standing.calls_limit
    return MOST_CALLS if told is None or told < 1 else told


def _days(standing: Standing, now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the day in UTC and the one that the bank's headers tell; calls count in both."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [(midnight, midnight + _DAY)]
    if standing.resets_at is not None:
        # Once it is over, the next one is as long.
        last = standing.resets_at
        if last <= now:
            last += ((now - last) // _DAY + 1) * _DAY
        days.append((last - _DAY, last))
    return days


def _within(standing: Standing, first: dt.datetime, last: dt.datetime) -> list[dt.datetime]:
    return [at for at in standing.called_at if first <= at < last]


def _told_left(standing: Standing, now: dt.datetime) -> int | None:
    """Return what is left of the headers' last word; None: they spoke of a day that is over."""
    observed_at, resets_at = standing.observed_at, standing.resets_at
    if standing.calls_remaining is None or resets_at is None or resets_at <= now:
        return None
    since = [at for at in standing.called_at if observed_at is not None and at > observed_at]
    return standing.calls_remaining - len(since)


def _never(standing: Standing, now: dt.datetime) -> Held | None:
    expires_at = standing.consent_expires_at
    if expires_at is not None and expires_at <= now:
        what = (
            "the consent had to be confirmed once more by"
            if standing.is_reconfirmable
            else "consent ended on"
        )
        return Held(Status.FAILED, f"{what} {expires_at:%Y-%m-%d}")
    if not standing.is_granted:
        return Held(Status.COMPLETED, f"the consent does not cover {standing.resource}")
    if standing.is_suspended:
        return Held(Status.FAILED, "GoCardless has suspended the account after too many errors")
    return None


def _refused(standing: Standing, now: dt.datetime) -> Held | None:
    until = standing.refused_until
    if standing.refusal is None or (until is not None and until <= now):
        return None
    reason = standing.refusal_reason or standing.refusal
    policy = POLICIES[Refusal(standing.refusal)]
    if policy.is_final:
        return Held(Status.COMPLETED, reason, until)
    # What fails for a whole account fails once: where its transactions are read.
    fails_elsewhere = policy.reach is Reach.ACCOUNT and policy.verdict is Verdict.FAILED
    verdict = Verdict.LEFT_OUT if fails_elsewhere else policy.verdict
    return Held(status_of(verdict, standing.resource), reason, until)


def status_of(verdict: Verdict, resource: str) -> Status:
    """Return how an account comes out: what is left out is missed only where it is the history."""
    if verdict is Verdict.DEFERRED:
        return Status.DEFERRED
    left_out = verdict is Verdict.LEFT_OUT and resource != "transactions"
    return Status.COMPLETED if left_out else Status.FAILED


def _resting(standing: Standing, now: dt.datetime) -> Held | None:
    """Keep away from a bank that fails, so that GoCardless does not suspend the account."""
    counted = (
        (standing.failures, standing.failed_at),
        (standing.account_failures, standing.account_failed_at),
    )
    failures, failed_at = max(counted, key=lambda each: each[0])
    if failures < MOST_FAILURES or failed_at is None:
        return None
    said = (
        f"the bank failed {failures} times in a row, and GoCardless suspends an account for good"
        " after 10"
    )
    if failures >= GIVEN_UP:
        return Held(Status.FAILED, f"{said}: it is not asked any more")
    until = failed_at + _DAY * 2 ** (failures - MOST_FAILURES)
    if until <= now:
        return None
    return Held(Status.DEFERRED, f"{said}: it is left alone for a while", until)


def _spent(standing: Standing, now: dt.datetime) -> Held | None:
    if calls_left(standing, now) > 0:
        return None
    allowed, days = calls_allowed(standing), _days(standing, now)
    ends = [last for first, last in days if len(_within(standing, first, last)) >= allowed]
    told = _told_left(standing, now)
    if told is not None and told <= 0 and standing.resets_at is not None:
        ends.append(standing.resets_at)
    reason = f"the bank's daily calls for {standing.resource} are used up"
    return Held(Status.DEFERRED, reason, max(ends))


def _spared(standing: Standing, now: dt.datetime) -> Held | None:
    if standing.read_at is None or now - standing.read_at > KEPT_FOR:
        return None
    if calls_left(standing, now) != 1 or calls_allowed(standing) == 1:
        return None
    reason = f"read at {standing.read_at:%H:%M} UTC; the day's last call is kept for you"
    return Held(Status.COMPLETED, reason)
