"""What GoCardless means when it refuses: its errors as data, in one table.

Status, type and summary are looked at together, because the status alone is not reliable: an
expired consent comes as 401 in the documentation and as 400 in real logs.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from farthing import clock
from providers.errors import (
    AccessDenied,
    AccountUnavailable,
    AuthenticationFailed,
    ConsentExpired,
    NotFound,
    PeriodRefused,
    ProviderError,
    RateLimited,
    Rejected,
    Repeat,
    Unavailable,
    UnexpectedResponse,
)
from providers.http import RateLimit, Reply, in_seconds, number, repeat_for, too_many
from providers.redaction import Redactor
from providers.text import day

PROVIDER = "gocardless"
LABEL = "GoCardless"

GENERAL = "general"
ACCOUNT = "account"


class Refusal(StrEnum):
    """What a refusal is about: each has one policy, see :mod:`providers.gocardless.policies`."""

    ACCESS_STALE = "access_stale"
    SECRETS_REFUSED = "secrets_refused"
    ADDRESS_REFUSED = "address_refused"
    NOT_AUTHORISED = "not_authorised"
    CONSENT_EXPIRED = "consent_expired"
    ACCESS_EXPIRED = "access_expired"
    NO_CONSENT = "no_consent"
    SCOPE_NOT_GRANTED = "scope_not_granted"
    ACCOUNT_INACTIVE = "account_inactive"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_NOT_READY = "account_not_ready"
    ACCOUNT_IN_ERROR = "account_in_error"
    ACCESS_FORBIDDEN = "access_forbidden"
    RESOURCE_UNAVAILABLE = "resource_unavailable"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    GENERAL_LIMIT = "general_limit"
    ACCOUNT_LIMIT = "account_limit"
    BANK_LIMIT = "bank_limit"
    BANK_ERROR = "bank_error"
    BANK_DOWN = "bank_down"
    BANK_UNREACHABLE = "bank_unreachable"
    SERVER_ERROR = "server_error"
    PAYMENT_REQUIRED = "payment_required"
    PERIOD_REFUSED = "period_refused"
    REQUEST_REFUSED = "request_refused"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. A condition that is None is met by everything.

    :param kind: the provider's ``type``, which decides wherever it is given.
    :param summary: how the summary starts, in any case of letters.
    :param extras: arguments of the error beyond the common ones.
    """

    code: Refusal
    error: type[ProviderError]
    text: str
    kind: str | None = None
    statuses: tuple[int, ...] | None = None
    summary: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, status: int, kind: str | None, summary: str) -> bool:
        """Return whether an error of this status, type and summary is meant."""
        return (
            (self.kind is None or self.kind == kind)
            and (self.statuses is None or status in self.statuses)
            and (self.summary is None or summary.lower().startswith(self.summary))
        )


# The first that fits counts: types, then texts, then statuses.
RULES: tuple[Rule, ...] = (
    Rule(
        Refusal.ACCESS_EXPIRED,
        ConsentExpired,
        "access to the account has expired or was taken back at the bank; connect again",
        kind="AccessExpiredError",
    ),
    Rule(
        Refusal.ACCOUNT_INACTIVE,
        AccountUnavailable,
        "the account was closed or deactivated at the bank",
        kind="AccountInactiveError",
        extras={"state": "inactive"},
    ),
    Rule(
        Refusal.ACCESS_FORBIDDEN,
        AccessDenied,
        "the bank forbids access to this account; check your rights there",
        kind="AccountAccessForbidden",
    ),
    Rule(
        Refusal.RESOURCE_UNAVAILABLE,
        AccessDenied,
        "the bank does not offer this kind of data for this account",
        kind="AccountResourceUnavailable",
    ),
    Rule(
        Refusal.BANK_LIMIT,
        RateLimited,
        "the bank's own daily limit of requests is used up",
        kind="RateLimitError",
    ),
    Rule(
        Refusal.BANK_ERROR,
        Unavailable,
        "the bank returned an error",
        kind="UnknownRequestError",
        # Each counts towards the suspension of the account.
        extras={"repeat": Repeat.NEVER},
    ),
    Rule(
        Refusal.BANK_DOWN,
        Unavailable,
        "the bank's service is unavailable",
        kind="ServiceError",
        extras={"repeat": Repeat.READS},
    ),
    Rule(
        Refusal.BANK_UNREACHABLE,
        Unavailable,
        "the bank could not be reached",
        kind="ConnectionError",
        # Not known to be free of the suspension count, unlike ServiceError.
        extras={"repeat": Repeat.NEVER},
    ),
    Rule(
        Refusal.ACCESS_STALE,
        AuthenticationFailed,
        "the access token is no longer valid",
        statuses=(401,),
        summary="invalid token",
    ),
    Rule(
        Refusal.SECRETS_REFUSED,
        AuthenticationFailed,
        "the secret id and key are not accepted; check GOCARDLESS_SECRET_ID and"
        " GOCARDLESS_SECRET_KEY",
        statuses=(401,),
        summary="authentication failed",
    ),
    Rule(
        Refusal.ADDRESS_REFUSED,
        AuthenticationFailed,
        "requests from this machine's IP address are not allowed; check the allow list in the"
        " portal",
        statuses=(403,),
        summary="ip address access denied",
    ),
    Rule(
        Refusal.SCOPE_NOT_GRANTED,
        AccessDenied,
        "the consent does not cover this kind of data; connect again to include it",
        statuses=(403,),
        summary="end user agreement (eua) access scope error",
    ),
    Rule(
        Refusal.NO_CONSENT,
        ConsentExpired,
        "there is no valid consent for this account; connect again",
        statuses=(403,),
        summary="no valid end user agreement",
    ),
    Rule(
        Refusal.ACCOUNT_SUSPENDED,
        AccountUnavailable,
        "the account was suspended after too many errors; connect again",
        statuses=(409,),
        summary="account suspended",
        extras={"state": "suspended"},
    ),
    Rule(
        Refusal.ACCOUNT_UNKNOWN,
        NotFound,
        "the account is not known any more",
        statuses=(404,),
        summary="account id",
    ),
    Rule(
        Refusal.PAYMENT_REQUIRED,
        Rejected,
        "the free connections of this month are used up",
        statuses=(402,),
    ),
    Rule(
        Refusal.NOT_AUTHORISED,
        AuthenticationFailed,
        "the request was not authorised",
        statuses=(401,),
    ),
    Rule(Refusal.DENIED, AccessDenied, "access was denied", statuses=(403,)),
    Rule(Refusal.NOT_FOUND, NotFound, "nothing was found under this id", statuses=(404,)),
    Rule(Refusal.SERVER_ERROR, Unavailable, "the request took too long", statuses=(408,)),
    Rule(
        Refusal.ACCOUNT_NOT_READY,
        AccountUnavailable,
        "the account is not in a state to be read",
        statuses=(409,),
    ),
    # Which of the two limits it is, the headers and the text say.
    Rule(Refusal.GENERAL_LIMIT, RateLimited, "", statuses=(429,)),
    Rule(
        Refusal.REQUEST_REFUSED,
        Rejected,
        "the request was refused",
        statuses=tuple(range(400, 500)),
    ),
    Rule(
        Refusal.SERVER_ERROR,
        Unavailable,
        "the service has an error",
        statuses=tuple(range(500, 600)),
    ),
    # A redirect, or a number that is no HTTP status.
    Rule(Refusal.UNEXPECTED, UnexpectedResponse, "the answer has an unexpected status"),
)

_EUA_EXPIRED = Rule(
    Refusal.CONSENT_EXPIRED,
    ConsentExpired,
    "the consent for this bank has expired; connect again",
    statuses=(400, 401),
)
_PERIOD_REFUSED = Rule(
    Refusal.PERIOD_REFUSED, PeriodRefused, "the bank refuses so long a period", statuses=(400,)
)
# Only the code was seen, with a text beside it; other texts are taken by what they speak of.
_PERIOD_CODE = "PERIOD_INVALID"
_PERIOD = re.compile(
    r"\b(?:period|date_from|history)\b.*"
    r"\b(?:too (?:long|far|old)|exceeds?|not (?:supported|allowed|available)|maximum|at most)\b",
    re.IGNORECASE | re.DOTALL,
)
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_EUA_EXPIRED_SUMMARY = re.compile(r"end user agreement \(eua\)\s.*has expired", re.IGNORECASE)

# The 409 that is an account object: what each of its states means.
_ACCOUNT_STATES: Mapping[str, Rule] = {
    "EXPIRED": Rule(
        Refusal.CONSENT_EXPIRED,
        ConsentExpired,
        "the consent for this account has expired; connect again",
    ),
    "SUSPENDED": Rule(
        Refusal.ACCOUNT_SUSPENDED,
        AccountUnavailable,
        "the account was suspended after too many errors; connect again",
        extras={"state": "suspended"},
    ),
    "PROCESSING": Rule(
        Refusal.ACCOUNT_NOT_READY,
        AccountUnavailable,
        "the bank is still being read; try again later",
        extras={"state": "PROCESSING", "retryable": True},
    ),
    "DISCOVERED": Rule(
        Refusal.ACCOUNT_NOT_READY,
        AccountUnavailable,
        "the account was not read yet; try again later",
        extras={"state": "DISCOVERED", "retryable": True},
    ),
    "ERROR": Rule(
        Refusal.ACCOUNT_IN_ERROR,
        AccountUnavailable,
        "the account has an error at the bank; try again later",
        extras={"state": "ERROR", "retryable": True},
    ),
}

_TRY_AGAIN = re.compile(r"try again in\s*`?(-?\d{1,9})`?\s*second", re.IGNORECASE)
_PER_DAY = re.compile(r"\d+\s*/\s*day", re.IGNORECASE)
_NOT_FIELDS = frozenset({"summary", "detail", "status_code", "type"})


def rate_limits(reply: Reply) -> tuple[RateLimit, ...]:
    """Return what the headers say of the general limit and of the account's own."""
    # Their real names have underscores and an ``http_`` in front, which some proxies put right.
    headers = {
        name.lower().replace("-", "_").removeprefix("http_"): value
        for name, value in reply.headers.items()
    }
    found = []
    for scope, prefix in ((GENERAL, "x_ratelimit"), (ACCOUNT, "x_ratelimit_account_success")):
        limit = number(headers, f"{prefix}_limit")
        remaining = number(headers, f"{prefix}_remaining")
        reset = number(headers, f"{prefix}_reset")
        if (limit, remaining, reset) != (None, None, None):
            resets_at = None if reset is None else in_seconds(reset)
            found.append(RateLimit(scope, limit, remaining, resets_at))
    return tuple(found)


def classify(reply: Reply, redactor: Redactor) -> ProviderError:
    """Return the error that an answer outside the 200s stands for; never fails on any body."""
    payload = reply.json_or_none()
    body: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    kind = _text(body.get("type"))
    summary = _text(body.get("summary")) or ""
    detail = _text(body.get("detail")) or ""
    rule = _rule(reply.status, kind, summary, body)
    text = rule.text
    if issubclass(rule.error, Rejected) or (rule.error is NotFound and not summary):
        text = _join(text, _own_words(body, summary, detail))
    limits = rate_limits(reply)
    fields: dict[str, Any] = {
        "provider": PROVIDER,
        "status": reply.status,
        "error_type": redactor.clean(kind) if kind else None,
        "code": rule.code.value,
        "summary": redactor.clean(summary) if summary else None,
        "repeat": repeat_for(reply.status),
        "rate_limits": limits,
        **rule.extras,
    }
    if rule.error is PeriodRefused:
        named = (day(found) for found in _DAY.findall(_own_words(body, summary, detail)))
        fields["days"] = tuple(found for found in named if found)
    if rule.error is RateLimited:
        scope, resets_at = _which_limit(kind, f"{summary} {detail}", limits)
        fields["scope"], fields["resets_at"] = scope, resets_at or _retry_after(reply)
        if rule.code is Refusal.GENERAL_LIMIT and scope == ACCOUNT:
            fields["code"] = Refusal.ACCOUNT_LIMIT.value
        if kind is None:
            text = too_many(fields["resets_at"])
    return rule.error(f"{LABEL}: {redactor.clean(text)}", **fields)


def _rule(status: int, kind: str | None, summary: str, body: Mapping[str, Any]) -> Rule:
    if status == 409 and not summary and kind is None and isinstance(body.get("status"), str):
        state = body["status"].strip().upper()
        if state in _ACCOUNT_STATES:
            return _ACCOUNT_STATES[state]
    if _EUA_EXPIRED_SUMMARY.match(summary) and _EUA_EXPIRED.fits(status, kind, summary):
        return _EUA_EXPIRED
    if _PERIOD_REFUSED.fits(status, kind, summary) and _is_about_period(kind, body):
        return _PERIOD_REFUSED
    return next(rule for rule in RULES if rule.fits(status, kind, summary))


def _is_about_period(kind: str | None, body: Mapping[str, Any]) -> bool:
    if _PERIOD_CODE in (kind, body.get("code")):
        return True
    words = _own_words(body, _text(body.get("summary")) or "", _text(body.get("detail")) or "")
    return _PERIOD.search(words) is not None


def _which_limit(
    kind: str | None, text: str, limits: tuple[RateLimit, ...]
) -> tuple[str, dt.datetime | None]:
    """Tell the two limits apart, which the body does not: headers first, then the wording."""
    spent = {limit.scope: limit.resets_at for limit in limits if limit.remaining == 0}
    if kind == "RateLimitError":
        return ACCOUNT, spent.get(ACCOUNT) or next_day()
    hint = _TRY_AGAIN.search(text)
    told = in_seconds(int(hint.group(1))) if hint else None
    if ACCOUNT in spent:
        return ACCOUNT, spent[ACCOUNT] or told
    if GENERAL in spent:
        return GENERAL, spent[GENERAL] or told
    return (ACCOUNT if _PER_DAY.search(text) else GENERAL), told


def _retry_after(reply: Reply) -> dt.datetime | None:
    # Not documented, but what stands in front of the API may refuse by itself.
    seconds = number(reply.headers, "retry-after")
    return None if seconds is None else in_seconds(seconds)


def next_day() -> dt.datetime:
    """Return the next midnight in UTC: no bank here lies west of it, so its own day is over too."""
    tomorrow = clock.today() + dt.timedelta(days=1)
    return dt.datetime.combine(tomorrow, dt.time(), tzinfo=dt.UTC)


def _own_words(body: Mapping[str, Any], summary: str, detail: str) -> str:
    """Return the provider's own reason: its summary and detail, or those of each field."""
    general = _join(summary, detail)
    if general:
        return general
    fields = [
        f"{name}: {words}"
        for name, value in body.items()
        if name not in _NOT_FIELDS and (words := _words(value))
    ]
    return "; ".join(fields)


def _words(value: object) -> str:
    match value:
        case str():
            return value.strip()
        case {**parts} if parts:
            return _join(_text(parts.get("summary")) or "", _text(parts.get("detail")) or "")
        case [*several]:
            return " ".join(
                words for one in several if not isinstance(one, list) and (words := _words(one))
            )
        case _:
            return ""


def _join(first: str, second: str) -> str:
    # Many say the same twice: summary "Not found.", detail "Not found."
    first, second = first.strip(), second.strip()
    if not second or second.lower().startswith(first.lower()):
        return second or first
    return f"{first.rstrip('.:')}: {second}" if first else second


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
