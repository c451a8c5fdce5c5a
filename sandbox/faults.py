"""Scripted faults: what the next matching calls get instead of, or before, the true answer.

The named constructors speak the providers' documented errors; a rule of one's own is a
:class:`Fault`. Over HTTP a rule is the same fields as JSON.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

ACTIONS = ("respond", "reset", "truncate", "hang")


@dataclass
class Fault:
    """One rule, used up after ``times`` calls.

    :param method: of the calls it applies to; ``None`` is any.
    :param path: a regular expression searched for in the path.
    :param status: what to answer; ``None`` lets the true answer through (after ``delay_s``).
    :param json: the body as JSON; ``text`` is one as it stands.
    :param delay_s: how long to wait first, on the real clock.
    :param action: ``respond``; ``reset`` the connection; ``truncate`` the body half way (the rule's
        own, or the true one); ``hang`` until the caller gives up.
    """

    method: str | None = None
    path: str = ".*"
    status: int | None = None
    json: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    delay_s: float = 0.0
    action: str = "respond"

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            message = f"action must be one of {', '.join(ACTIONS)}"
            raise ValueError(message)
        if self.times < 1:
            message = "times must be at least 1"
            raise ValueError(message)
        try:
            re.compile(self.path)
        except re.error as error:
            message = f"path is no regular expression: {error}"
            raise ValueError(message) from error

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read a rule.

        :raises ValueError: if it is none.
        """
        known = {each.name for each in fields(cls)}
        if not isinstance(document, dict) or not set(document) <= known:
            message = f"a fault is an object with {', '.join(sorted(known))}"
            raise ValueError(message)
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Return the rule as JSON."""
        return asdict(self)

    def matches(self, method: str, path: str) -> bool:
        """Tell whether the rule applies to a call."""
        return self.method in (None, method) and re.search(self.path, path) is not None


@dataclass
class Faults:
    """The rules that are still to apply, first come, first used."""

    rules: list[Fault] = field(default_factory=list)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first rule that applies to a call, one use less."""
        for rule in self.rules:
            if rule.matches(method, path):
                rule.times -= 1
                if not rule.times:
                    self.rules.remove(rule)
                return rule
        return None


# The documented errors of GoCardless. ``resource`` is balances, details or transactions.

NO_CALLS_LEFT = {
    "http_x_ratelimit_account_success_limit": "4",
    "http_x_ratelimit_account_success_remaining": "0",
}


def _data_error(
    status: int,
    summary: str,
    detail: str,
    kind: str | None,
    *,
    account: str = "[^/]+",
    resource: str = "transactions",
    times: int = 1,
    headers: dict[str, str] | None = None,
) -> Fault:
    body: dict[str, Any] = {"summary": summary, "detail": detail, "status_code": status}
    if kind is not None:
        body["type"] = kind
    return Fault(
        method="GET",
        path=f"/accounts/{account}/{resource}",
        status=status,
        json=body,
        times=times,
        headers=headers or {},
    )


def _not_updated(status: int, detail: str, kind: str, resource: str, **options: Any) -> Fault:
    summary = f"Couldn't update account {resource}"
    return _data_error(status, summary, detail, kind, resource=resource, **options)


def eua_expired(agreement: str, *, days: int = 90, at: str = "2026-01-01", status: int = 401,
                **options: Any) -> Fault:  # fmt: skip
    """Return the end of an agreement; the specification says 401, logs also show 400."""
    return _data_error(
        status,
        f"End User Agreement (EUA) {agreement} has expired",
        f"EUA was valid for {days} days and it expired at {at}. The end user must connect the "
        "account once more with new EUA and Requisition",
        None,
        **options,
    )


def _refused(
    status: int, summary: str, detail: str, resource: str = "transactions", **options: Any
) -> Fault:
    return _data_error(status, summary, detail, None, resource=resource, **options)


def invalid_account_id(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the id of the account is none."""
    return _refused(
        400, "Invalid Account ID", "x is not a valid Account UUID.", resource, **options
    )


def incorrect_date_range(**options: Any) -> Fault:
    """Return that the range of days is none."""
    detail = (
        "Starting date '2026-03-15' is greater than end date '2026-03-01'. When specifying date "
        "range, starting date must precede the end date"
    )
    return _refused(400, "Incorrect date range", detail, **options)


def address_denied(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the company allows no calls from this address."""
    detail = "Your IP 127.0.0.1 isn't whitelisted to perform this action"
    return _refused(403, "IP address access denied", detail, resource, **options)


def scope_not_granted(resource: str = "balances", **options: Any) -> Fault:
    """Return that the agreement does not cover this kind of data."""
    detail = (
        f"EUA doesn't allow access to account {resource}. Check EUA access scope. Or create new "
        "EUA with correct access scope"
    )
    summary = "End User Agreement (EUA) access scope error"
    return _refused(403, summary, detail, resource, **options)


def no_agreement(resource: str = "transactions", **options: Any) -> Fault:
    """Return that no agreement stands behind the account any more."""
    detail = "Account exists but there is no valid End User Agreement permitting you to access it"
    return _refused(403, "No valid End User Agreement", detail, resource, **options)


def account_not_found(account: str, resource: str = "transactions", **options: Any) -> Fault:
    """Return that the account is not known."""
    detail = "Please check whether you specified a valid Account ID"
    summary = f"Account ID {account} not found"
    return _refused(404, summary, detail, resource, account=account, **options)


def not_found(resource: str = "transactions", **options: Any) -> Fault:
    """Return that nothing is there."""
    return _refused(404, "Not found.", "Not found.", resource, **options)


def undocumented(status: int = 502, resource: str = "transactions", **options: Any) -> Fault:
    """Return a failure of what stands in front of the API, with nothing in it."""
    fault = _refused(status, "", "", resource, **options)
    fault.json, fault.text = None, ""
    return fault


def access_expired(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the user took the consent back at the bank."""
    detail = "Access has expired or it has been revoked. To restore access reconnect the account."
    return _not_updated(401, detail, "AccessExpiredError", resource, **options)


def account_inactive(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the bank has closed the account."""
    detail = "Account has been deactivated or it no longer exists."
    return _not_updated(401, detail, "AccountInactiveError", resource, **options)


def access_forbidden(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the user lacks the rights for it at the bank."""
    detail = "Access to account is forbidden. The user might not have the necessary permissions."
    return _not_updated(403, detail, "AccountAccessForbidden", resource, **options)


def resource_unavailable(resource: str = "balances", **options: Any) -> Fault:
    """Return that the account has no such resource; the others go on working."""
    detail = (
        "The requested resource is unavailable for this account. Certain resources may be "
        "restricted or unsupported for specific accounts."
    )
    return _not_updated(403, detail, "AccountResourceUnavailable", resource, **options)


def account_suspended(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the account was suspended after too many errors."""
    return _data_error(
        409,
        "Account suspended",
        "This account or its requisition was suspended due to numerous errors that occurred "
        "while accessing it.",
        None,
        resource=resource,
        **options,
    )


def account_state(account: str, status: str = "ERROR", resource: str = "transactions",
                  times: int = 1) -> Fault:  # fmt: skip
    """Return the other 409: an account object, with no summary at all."""
    body = {
        "id": account,
        "created": "2026-01-01 07:58:23.836351+00:00",
        "last_accessed": "2026-01-01 07:58:23.836360+00:00",
        "iban": "string",
        "aspsp_identifier": "string",
        "status": status,
    }
    path = f"/accounts/{account}/{resource}"
    return Fault(method="GET", path=path, status=409, json=body, times=times)


def bank_rate_limit(
    resource: str = "transactions", reset: int | None = 3600, **options: Any
) -> Fault:
    """Return that the bank wants no more calls today.

    :param reset: seconds until the bank's next day as the headers tell it; ``None``: no headers.
    """
    told = {} if reset is None else {"http_x_ratelimit_account_success_reset": str(reset)}
    return _not_updated(
        429,
        "Daily request limit set by the Institution has been exceeded.",
        "RateLimitError",
        resource,
        headers={**NO_CALLS_LEFT, **told} if told else {},
        **options,
    )


def rate_limit(path: str = "/accounts/", seconds: int = 60, limit: str = "100/minute",
               times: int = 1, *, headers: bool = True) -> Fault:  # fmt: skip
    """Return that GoCardless itself wants no more calls for a while.

    :param headers: whether they say so as well as the text.
    """
    detail = f"The rate limit for this resource is {limit}. Please try again in {seconds} seconds"
    return Fault(
        path=path,
        status=429,
        json={"summary": "Rate limit exceeded", "detail": detail, "status_code": 429},
        headers={
            "http_x_ratelimit_limit": limit.split("/", maxsplit=1)[0],
            "http_x_ratelimit_remaining": "0",
            "http_x_ratelimit_reset": str(seconds),
        }
        if headers
        else {},
        times=times,
    )


def unknown_request_error(resource: str = "transactions", **options: Any) -> Fault:
    """Return the bank's own error; each one moves the account towards suspension."""
    detail = "Request to Institution returned an error"
    return _not_updated(500, detail, "UnknownRequestError", resource, **options)


def service_unavailable(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the bank is down."""
    return _not_updated(503, "Institution service unavailable", "ServiceError", resource, **options)


def connection_error(resource: str = "transactions", **options: Any) -> Fault:
    """Return that the bank cannot be reached."""
    return _not_updated(
        503, "Couldn't connect to Institution", "ConnectionError", resource, **options
    )


def payment_required(times: int = 1) -> Fault:
    """Return that the month's free connections are used up."""
    return Fault(
        method="POST",
        path="/api/v2/(requisitions|agreements)",
        status=402,
        json={
            "summary": "Payment Required",
            "detail": "Free usage limit exceeded",
            "status_code": 402,
        },
        times=times,
    )


def invalid_token(times: int = 1) -> Fault:
    """Return that the token was taken back before its time."""
    return Fault(
        path="/api/v2/(?!token)",
        status=401,
        json={
            "summary": "Invalid token",
            "detail": "Token is invalid or expired",
            "status_code": 401,
        },
        times=times,
    )


# Trading 212, and what stands in front of both


def trading212_rate_limit(path: str, reset: int, limit: int = 1, period: int = 5,
                          times: int = 1) -> Fault:  # fmt: skip
    """Return the broker's 429; ``reset`` is in seconds since the epoch, of the real clock."""
    return Fault(
        path=path,
        status=429,
        text="",
        headers={
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-period": str(period),
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(reset),
            "x-ratelimit-used": str(limit),
        },
        times=times,
    )


def internal_error(path: str = "/api/v0/", status: int = 500, times: int = 1) -> Fault:
    """Return a failure inside Trading 212."""
    return Fault(path=path, status=status, json={"code": "InternalError"}, times=times)


def html_page(path: str = "/api/", status: int = 200, times: int = 1) -> Fault:
    """Return a proxy's page in place of the provider's answer."""
    text = "<!DOCTYPE html><html><body><h1>Please wait</h1></body></html>"
    headers = {"content-type": "text/html; charset=utf-8"}
    return Fault(path=path, status=status, text=text, headers=headers, times=times)


def reset(path: str = "/api/", times: int = 1) -> Fault:
    """Reset the connection before an answer."""
    return Fault(path=path, action="reset", times=times)


def truncate(path: str = "/api/", times: int = 1) -> Fault:
    """Break the true answer off half way."""
    return Fault(path=path, action="truncate", times=times)
