"""What each refusal of GoCardless means, row by row, and that no body breaks the reader."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
    Unavailable,
    UnexpectedResponse,
)
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.errors import classify
from providers.http import Reply
from providers.redaction import Redactor
from tests.providers.conftest import Script, Step

TRANSACTIONS = "/api/v2/accounts/a1/transactions/"
NOT_UPDATED = "Couldn't update account transactions"
EUA = "0a1b2c3d-1111-4222-8333-444455556666"


def reply_with(
    status: int, body: object, headers: dict[str, str] | None = None, raw: bytes | None = None
) -> Reply:
    content = json.dumps(body).encode() if raw is None else raw
    return Reply(status, httpx.Headers(headers), content, dt.datetime.now(dt.UTC))


def meaning(status: int, body: object, headers: dict[str, str] | None = None) -> ProviderError:
    return classify(reply_with(status, body, headers), Redactor())


def general(
    status: int, summary: str, detail: str = "", kind: str | None = None
) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"summary": summary, "detail": detail, "status_code": status}
    if kind is not None:
        body["type"] = kind
    return status, body


# status and body, class, whether it may be asked again later, words of the message
TABLE = {
    "400-invalid-account-id": (
        general(400, "Invalid Account ID", "x1 is not a valid Account UUID."),
        Rejected, False, "Invalid Account ID: x1 is not a valid Account UUID",
    ),
    "400-incorrect-date-range": (
        general(400, "Incorrect date range", "Starting date '2026-03-15' is after '2026-03-01'."),
        Rejected, False, "Starting date '2026-03-15'",
    ),
    "400-unknown-fields": (
        general(400, "Unknown fields", "`foo` in query"), Rejected, False, "`foo` in query",
    ),
    "400-bad-country": (
        general(400, "Invalid country choice.", "XY is not a valid choice."),
        Rejected, False, "XY is not a valid choice",
    ),
    "401-invalid-token": (
        general(401, "Invalid token", "Token is invalid or expired"),
        AuthenticationFailed, False, "token is no longer valid",
    ),
    "401-bad-secrets": (
        general(401, "Authentication failed", "No active account found"),
        AuthenticationFailed, False, "GOCARDLESS_SECRET_ID",
    ),
    "401-eua-expired": (
        general(401, f"End User Agreement (EUA) {EUA} has expired", "EUA was valid for 90 days"),
        ConsentExpired, False, "connect again",
    ),
    "400-eua-expired": (
        general(400, f"End User Agreement (EUA) {EUA} has expired", "EUA was valid for 90 days"),
        ConsentExpired, False, "connect again",
    ),
    "401-access-expired": (
        general(401, NOT_UPDATED, "Access has expired", "AccessExpiredError"),
        ConsentExpired, False, "connect again",
    ),
    "401-account-inactive": (
        general(401, NOT_UPDATED, "Account has been deactivated", "AccountInactiveError"),
        AccountUnavailable, False, "closed or deactivated",
    ),
    "403-ip-address": (
        general(403, "IP address access denied", "Your IP ..."),
        AuthenticationFailed, False, "IP address",
    ),
    "403-eua-scope": (
        general(403, "End User Agreement (EUA) access scope error", "EUA doesn't allow access"),
        AccessDenied, False, "does not cover",
    ),
    "403-no-valid-eua": (
        general(403, "No valid End User Agreement", "Account exists but"),
        ConsentExpired, False, "no valid consent",
    ),
    "403-access-forbidden": (
        general(403, NOT_UPDATED, "Access to account is forbidden.", "AccountAccessForbidden"),
        AccessDenied, False, "forbids",
    ),
    "403-resource-unavailable": (
        general(403, NOT_UPDATED, "The requested resource", "AccountResourceUnavailable"),
        AccessDenied, False, "does not offer",
    ),
    "404-account": (
        general(404, "Account ID x1 not found", "Please check whether"),
        NotFound, False, "not known any more",
    ),
    "404-not-found": (general(404, "Not found.", "Not found."), NotFound, False, "nothing"),
    "404-agreement": (
        (404, {"agreement": {"summary": "Not found", "detail": "no such one"}, "status_code": 404}),
        NotFound, False, "agreement: Not found: no such one",
    ),
    "402-payment-required": (
        general(402, "Payment Required", "Free usage limit exceeded"),
        Rejected, False, "Free usage limit exceeded",
    ),
    "409-suspended": (
        general(409, "Account suspended", "This account was suspended due to numerous errors"),
        AccountUnavailable, False, "suspended",
    ),
    "409-account-error": (
        (409, {"id": "a1", "iban": "GB66NRGT60843141927735", "status": "ERROR"}),
        AccountUnavailable, True, "try again later",
    ),
    "409-account-processing": (
        (409, {"id": "a1", "status": "PROCESSING"}), AccountUnavailable, True, "still being read",
    ),
    "409-account-expired": (
        (409, {"id": "a1", "status": "EXPIRED"}), ConsentExpired, False, "connect again",
    ),
    "409-account-suspended": (
        (409, {"id": "a1", "status": "SUSPENDED"}), AccountUnavailable, False, "suspended",
    ),
    "409-account-other": (
        (409, {"id": "a1", "status": "NEW-ONE"}), AccountUnavailable, False, "not in a state",
    ),
    "429-general": (
        general(429, "Rate limit exceeded", "Please try again in 30 seconds"),
        RateLimited, True, "the next is possible at",
    ),
    "429-bank": (
        general(429, NOT_UPDATED, "Daily request limit set by the Institution", "RateLimitError"),
        RateLimited, True, "the bank's own daily limit",
    ),
    "429-nothing": ((429, None), RateLimited, True, "try again later"),
    "500-unknown-request": (
        general(500, NOT_UPDATED, "Request to Institution", "UnknownRequestError"),
        Unavailable, True, "bank returned an error",
    ),
    "503-service": (
        general(503, NOT_UPDATED, "Institution service unavailable", "ServiceError"),
        Unavailable, True, "bank's service is unavailable",
    ),
    "503-connection": (
        general(503, NOT_UPDATED, "Couldn't connect to Institution", "ConnectionError"),
        Unavailable, True, "could not be reached",
    ),
    "502": ((502, None), Unavailable, True, "the service has an error"),
    "301": ((301, None), UnexpectedResponse, False, "unexpected status"),
    "field-object": (
        (400, {"reference": {"summary": "Not unique", "detail": "used before"}}),
        Rejected, False, "reference: Not unique: used before",
    ),
    "field-list-of-objects": (
        (400, {"max_historical_days": [{"summary": "Too many", "detail": "at most 90"}]}),
        Rejected, False, "max_historical_days: Too many: at most 90",
    ),
    "field-list-of-texts": (
        (400, {"redirect": ["This field is required."], "institution_id": ["Required."]}),
        Rejected, False, "redirect: This field is required.; institution_id: Required.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_a_documented_refusal(script: Script, gocardless: GoCardlessClient, row: str) -> None:
    (status, body), error, retryable, words = TABLE[row]
    script.on(TRANSACTIONS, Step(body, status=status))

    with pytest.raises(ProviderError) as caught:
        gocardless.transactions("a1")

    assert type(caught.value) is error
    assert caught.value.retryable is retryable
    assert words in str(caught.value)
    assert str(caught.value).startswith("GoCardless")
    assert "\n" not in str(caught.value)
    assert caught.value.provider == "gocardless"
    assert caught.value.status == status
    if isinstance(body, dict):
        assert caught.value.error_type == body.get("type")


@pytest.mark.parametrize(
    ("row", "calls"),
    [
        ("503-service", 3),
        ("503-connection", 1),
        ("500-unknown-request", 1),
        ("502", 3),
        ("429-bank", 1),
    ],
)
def test_only_what_leads_to_no_suspension_is_repeated(
    script: Script, gocardless: GoCardlessClient, row: str, calls: int
) -> None:
    status, body = TABLE[row][0]
    script.on(TRANSACTIONS, Step(body, status=status))
    with pytest.raises(ProviderError):
        gocardless.transactions("a1")
    assert script.count(TRANSACTIONS) == calls


@pytest.mark.parametrize(
    ("status", "state"),
    [("ERROR", "ERROR"), ("processing", "PROCESSING"), ("SUSPENDED", "suspended")],
)
def test_the_state_of_an_account_is_told(status: str, state: str) -> None:
    error = meaning(409, {"id": "a1", "status": status})
    assert isinstance(error, AccountUnavailable)
    assert error.state == state


def test_an_inactive_account_is_told_from_an_expired_consent() -> None:
    error = meaning(*general(401, NOT_UPDATED, kind="AccountInactiveError"))
    assert isinstance(error, AccountUnavailable)
    assert error.state == "inactive"


ACCOUNT_SPENT = {
    "http_x_ratelimit_account_success_limit": "4",
    "http_x_ratelimit_account_success_remaining": "0",
    "http_x_ratelimit_account_success_reset": "7200",
}
GENERAL_SPENT = {
    "http_x_ratelimit_limit": "100",
    "http_x_ratelimit_remaining": "0",
    "http_x_ratelimit_reset": "42",
}
GENERAL_LEFT = GENERAL_SPENT | {"http_x_ratelimit_remaining": "99"}


@pytest.mark.parametrize(
    ("headers", "detail", "scope", "seconds"),
    [
        pytest.param(ACCOUNT_SPENT | GENERAL_LEFT, "", "account", 7200, id="account-by-headers"),
        pytest.param(ACCOUNT_SPENT | GENERAL_SPENT, "", "account", 7200, id="both-by-headers"),
        pytest.param(GENERAL_SPENT, "", "general", 42, id="general-by-headers"),
        pytest.param(
            {}, "limit is 4/day. Please try again in 900 seconds", "account", 900, id="day-by-text"
        ),
        pytest.param(
            {}, "limit is `100/minute`. Please try again in `9` seconds", "general", 9, id="text"
        ),
        pytest.param(
            GENERAL_LEFT, "try again in 9 seconds", "general", 9, id="headers-that-do-not-say"
        ),
        pytest.param(
            ACCOUNT_SPENT | {"http_x_ratelimit_account_success_reset": "-5"},
            "", "account", 0, id="negative-reset",
        ),
        pytest.param({"Retry-After": "7"}, "Too many", "general", 7, id="retry-after"),
        pytest.param(
            {"Retry-After": "7"}, "try again in 9 seconds", "general", 9, id="text-counts-first"
        ),
        pytest.param({}, "try again in -3 seconds", "general", 0, id="negative-text"),
        pytest.param({}, "", "general", None, id="nothing"),
    ],
)  # fmt: skip
def test_which_limit_was_hit(
    headers: dict[str, str], detail: str, scope: str, seconds: int | None
) -> None:
    error = meaning(*general(429, "Rate limit exceeded", detail), headers)
    assert isinstance(error, RateLimited)
    assert error.scope == scope
    if seconds is None:
        assert error.resets_at is None
    else:
        assert error.resets_at is not None
        left = (error.resets_at - dt.datetime.now(dt.UTC)).total_seconds()
        assert left == pytest.approx(seconds, abs=5)
    assert len(error.rate_limits) == len(headers) // 3


def test_the_limit_of_the_bank_lasts_until_its_next_day() -> None:
    before = dt.datetime.now(dt.UTC)
    error = meaning(*general(429, NOT_UPDATED, kind="RateLimitError"), GENERAL_LEFT)
    assert isinstance(error, RateLimited)
    assert error.scope == "account"
    assert error.resets_at is not None
    assert error.resets_at > before
    assert error.resets_at - before <= dt.timedelta(days=1, seconds=5)
    assert error.resets_at.time() == dt.time()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
known_keys = st.sampled_from(["summary", "detail", "type", "status", "status_code", "agreement"])


@given(
    status=st.integers(0, 1000).filter(lambda status: not 200 <= status < 300),
    body=json_values | st.dictionaries(known_keys, json_values),
    headers=st.dictionaries(
        st.sampled_from(sorted(ACCOUNT_SPENT | GENERAL_SPENT)),
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20),
    ),
)
@example(status=400, body={"a": [[["deep"]]]}, headers={})
@example(status=409, body={"status": {}}, headers={})
def test_no_body_breaks_the_reader(status: int, body: object, headers: dict[str, str]) -> None:
    error = meaning(status, body, headers)
    assert isinstance(error, ProviderError)
    text = str(error)
    assert text.startswith("GoCardless: ")
    assert len(text) > len("GoCardless: ")
    assert len(text) < 250
    assert text.isprintable()


@given(st.binary(max_size=100), st.integers(300, 599))
def test_no_bytes_break_the_reader(raw: bytes, status: int) -> None:
    assert isinstance(classify(reply_with(status, None, raw=raw), Redactor()), ProviderError)


@pytest.mark.parametrize(
    ("body", "days"),
    [
        ({"code": "PERIOD_INVALID", "detail": "too long"}, ()),
        ({"type": "PERIOD_INVALID", "summary": "Couldn't update account transactions"}, ()),
        ({"summary": "Bad request", "detail": "The period exceeds 90 days"}, ()),
        ({"date_from": ["History is not available before 2026-01-14."]}, (dt.date(2026, 1, 14),)),
        (
            {"summary": "", "detail": "date_from 2025-01-01 is too old, at most 2025-12-20"},
            (dt.date(2025, 1, 1), dt.date(2025, 12, 20)),
        ),
        ({"code": "PERIOD_INVALID", "detail": "allowed from 2026-02-31"}, ()),
    ],
)
def test_a_period_that_is_too_long_is_told_apart(
    body: dict[str, Any], days: tuple[dt.date, ...]
) -> None:
    refusal = meaning(400, body)

    assert isinstance(refusal, PeriodRefused)
    assert refusal.days == days
    assert not refusal.retryable


@pytest.mark.parametrize(
    "body",
    [
        {"summary": "Incorrect date range", "detail": "Starting date is greater than end date"},
        {"date_from": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
        {"summary": "Unknown fields", "detail": "`period` in query"},
    ],
)
def test_other_refusals_are_not_about_the_period(body: dict[str, Any]) -> None:
    assert type(meaning(400, body)) is Rejected
