"""The Trading 212 client against a scripted server: keys, refusals, limits, shapes."""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProviderError,
    RateLimited,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from providers.http import Answer, Reply
from providers.redaction import Redactor
from providers.trading212.client import Trading212Client
from providers.trading212.errors import classify
from tests.providers.conftest import API_KEY, API_SECRET, Script, Step, make_trading212

SUMMARY = "/api/v0/equity/account/summary"
POSITIONS = "/api/v0/equity/positions"
ORDERS = "/api/v0/equity/history/orders"

READS: dict[str, tuple[Callable[[Trading212Client], Answer], Any]] = {
    "equity/account/summary": (Trading212Client.account_summary, {"id": 1}),
    "equity/positions": (Trading212Client.positions, [{"quantity": 1}]),
    "equity/metadata/instruments": (Trading212Client.instruments, [{"ticker": "AAPL_US_EQ"}]),
    "equity/metadata/exchanges": (Trading212Client.exchanges, [{"id": 1}]),
    "equity/orders": (Trading212Client.pending_orders, []),
}


@pytest.mark.parametrize("path", READS)
def test_an_endpoint_is_read_as_it_is(
    script: Script, trading212: Trading212Client, path: str
) -> None:
    read, payload = READS[path]
    script.on(f"/api/v0/{path}", Step(payload))
    assert read(trading212).payload == payload
    assert script.calls[0].query == ""


@pytest.mark.parametrize("path", READS)
def test_an_answer_of_another_shape_is_unexpected(
    script: Script, trading212: Trading212Client, path: str
) -> None:
    read, payload = READS[path]
    other: object = {} if isinstance(payload, list) else []
    script.on(f"/api/v0/{path}", Step(other))
    with pytest.raises(UnexpectedResponse, match="unexpected shape"):
        read(trading212)


def test_money_keeps_every_digit(script: Script, trading212: Trading212Client) -> None:
    script.on(SUMMARY, Step(raw=b'{"totalValue": 12345678901234567.45}'))
    value = trading212.account_summary().payload["totalValue"]
    assert value == Decimal("12345678901234567.45")


# Keys


def test_a_key_with_a_secret_is_sent_as_basic(script: Script, trading212: Trading212Client) -> None:
    script.on(SUMMARY, Step({}))
    trading212.account_summary()
    packed = base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
    assert script.calls[0].headers["authorization"] == f"Basic {packed}"


def test_a_key_without_a_secret_is_sent_bare(script: Script) -> None:
    script.on(SUMMARY, Step({}))
    base = f"{script.url}/api/v0"
    with Trading212Client(base, SecretStr(f" {API_KEY}\n"), None) as client:
        client.account_summary()
    assert script.calls[0].headers["authorization"] == API_KEY


@pytest.mark.parametrize("key", ["", " ", "a\nb", "clé", "a\x00b"])
def test_a_key_that_cannot_be_one_is_refused_here(script: Script, key: str) -> None:
    with pytest.raises(AuthenticationFailed, match="API key"):
        Trading212Client(script.url, SecretStr(key), None)


# Refusals

FORBIDDEN_SCOPE = "Scope(history:orders) missing for API key"
DEMO = {"type": "/api-errors/not-available-in-demo-account", "title": "No", "status": 403}

REFUSALS = {
    "400-problem": (
        400, {"type": "/api-errors/x", "title": "Bad", "detail": "limit must be at most 50"},
        Rejected, "limit must be at most 50",
    ),
    "400-clarification": (
        400, {"code": "BusinessException", "clarification": "Invalid cursor"},
        Rejected, "Invalid cursor",
    ),
    "400-message": (400, {"code": "Bad", "message": "time is missing"}, Rejected, "time is"),
    "400-code": (400, {"code": "OnlyACode"}, Rejected, "OnlyACode"),
    "400-empty": (400, b"", Rejected, "the request was refused"),
    "400-internal": (400, {"code": "InternalError"}, Unavailable, "internal error"),
    "401-empty": (401, b"", AuthenticationFailed, "not accepted"),
    "401-text": (401, b"Unauthorized", AuthenticationFailed, "not accepted"),
    "403-scope-text": (403, FORBIDDEN_SCOPE.encode(), AccessDenied, "history:orders"),
    "403-scope-problem": (403, {"detail": FORBIDDEN_SCOPE}, AccessDenied, "history:orders"),
    "403-demo": (403, DEMO, AccessDenied, "not available"),
    "404": (404, b"", NotFound, "nothing was found"),
    "408": (408, b"", Unavailable, "took too long"),
    "418": (418, b"", Rejected, "the request was refused"),
    "500-internal": (500, {"code": "InternalError"}, Unavailable, "internal error"),
    "500-text": (500, b"oops", Unavailable, "the service has an error"),
    "503-page": (503, b"<html>Cloudflare</html>", Unavailable, "the service has an error"),
    "302": (302, b"", UnexpectedResponse, "unexpected status"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal(script: Script, trading212: Trading212Client, name: str) -> None:
    status, body, error, words = REFUSALS[name]
    raw = body if isinstance(body, bytes) else None
    script.on(POSITIONS, Step(body if raw is None else None, status=status, raw=raw))
    with pytest.raises(ProviderError) as caught:
        trading212.positions()
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert str(caught.value).startswith("Trading 212: ")
    assert caught.value.retryable is (error is Unavailable)
    assert caught.value.status == status
    again = status in (408, 503)
    assert script.count(POSITIONS) == (3 if again else 1)


@pytest.mark.parametrize("name", ["403-scope-text", "403-scope-problem"])
def test_a_missing_scope_is_named(script: Script, trading212: Trading212Client, name: str) -> None:
    status, body, _, _ = REFUSALS[name]
    raw = body if isinstance(body, bytes) else None
    script.on(POSITIONS, Step(body if raw is None else None, status=status, raw=raw))
    with pytest.raises(AccessDenied) as caught:
        trading212.positions()
    assert caught.value.missing_scope == "history:orders"


@given(
    st.binary(max_size=80) | st.sampled_from([b"null", b"[]", b'{"code": []}', b'{"type": {}}']),
    st.integers(0, 1000).filter(lambda status: not 200 <= status < 300),
)
def test_no_body_breaks_the_reader(raw: bytes, status: int) -> None:
    reply = Reply(status, httpx.Headers(), raw, dt.datetime.now(dt.UTC))
    error = classify(reply, Redactor(), "equity/orders")
    assert len(str(error)) > len("Trading 212: ")
    assert str(error).isprintable()


# Limits


class Sleeper:
    """Notes the waits and does not wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def limits(remaining: int, resets_in: float, limit: int = 1) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-period": "5",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(time.time() + resets_in)),
        "x-ratelimit-used": str(limit - remaining),
    }


def test_the_limit_is_handed_on(script: Script, trading212: Trading212Client) -> None:
    headers = limits(5, 30, limit=6) | {"x-ratelimit-reset": "1760346100"}
    script.on(POSITIONS, Step([], headers=headers))
    (limit,) = trading212.positions().rate_limits
    assert (limit.scope, limit.limit, limit.remaining) == ("equity/positions", 6, 5)
    assert limit.resets_at == dt.datetime(2025, 10, 13, 9, 1, 40, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "headers", [{}, {"x-ratelimit-remaining": "soon"}, {"x-ratelimit-reset": "1.5"}]
)
def test_missing_headers_say_nothing_and_hold_nothing_up(
    script: Script, headers: dict[str, str]
) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step([], headers=headers))
    with make_trading212(script.url, sleep=sleep) as client:
        assert client.positions().rate_limits == ()
        client.positions()
    assert sleep.waits == []


@pytest.mark.parametrize("reset", ["-1", "999999999999999"])
def test_a_reset_that_is_no_instant_is_unknown(
    script: Script, trading212: Trading212Client, reset: str
) -> None:
    script.on(POSITIONS, Step([], headers=limits(0, 0) | {"x-ratelimit-reset": reset}))
    (limit,) = trading212.positions().rate_limits
    assert limit.resets_at is None


def test_the_last_call_of_a_window_makes_the_next_one_wait(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step([], headers=limits(0, 30)), Step([], headers=limits(1, 30)))
    script.on(SUMMARY, Step({}))
    with make_trading212(script.url, sleep=sleep) as client:
        client.positions()
        client.account_summary()  # another endpoint has another limit
        assert sleep.waits == []
        client.positions()
        client.positions()
    assert len(sleep.waits) == 1
    assert sleep.waits[0] == pytest.approx(30, abs=5)


def test_a_wait_beyond_the_patience_is_left_to_the_caller(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step([], headers=limits(0, 3600)))
    with make_trading212(script.url, sleep=sleep, patience_s=60) as client:
        client.positions()
        for _ in range(2):
            with pytest.raises(RateLimited, match="the next is possible at") as caught:
                client.positions()
    assert sleep.waits == []
    assert script.count(POSITIONS) == 1
    assert caught.value.scope == "equity/positions"
    assert caught.value.resets_at is not None
    left = caught.value.resets_at - dt.datetime.now(dt.UTC)
    assert left.total_seconds() == pytest.approx(3600, abs=5)


def test_a_429_is_waited_for(script: Script) -> None:
    sleep = Sleeper()
    refused = Step(status=429, raw=b"", headers=limits(0, 20))
    script.on(POSITIONS, refused, Step([{"fine": True}]))
    with make_trading212(script.url, sleep=sleep) as client:
        assert client.positions().payload == [{"fine": True}]
    assert len(sleep.waits) == 1
    assert sleep.waits[0] == pytest.approx(20, abs=5)


def test_a_429_beyond_the_patience_says_when(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step(status=429, raw=b"", headers=limits(0, 600)))
    with make_trading212(script.url, sleep=sleep) as client:
        with pytest.raises(RateLimited, match="the next is possible at") as caught:
            client.positions()
        assert caught.value.status == 429
        assert caught.value.rate_limits[0].remaining == 0
        with pytest.raises(RateLimited):
            client.positions()
    assert sleep.waits == []
    assert script.count(POSITIONS) == 1


def test_patience_is_for_the_whole_call(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step(status=429, raw=b"", headers=limits(0, 25)))
    with (
        make_trading212(script.url, sleep=sleep, patience_s=60) as client,
        pytest.raises(RateLimited),
    ):
        client.positions()
    assert len(sleep.waits) == 2
    assert script.count(POSITIONS) == 3


def test_a_reset_in_the_past_is_no_reason_to_hammer(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step(status=429, raw=b"", headers=limits(0, -3600)))
    with (
        make_trading212(script.url, sleep=sleep, patience_s=5) as client,
        pytest.raises(RateLimited),
    ):
        client.positions()
    assert sleep.waits == [pytest.approx(1.0, abs=0.2)] * 5


def test_a_429_that_says_nothing_is_left_to_the_caller(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step(status=429, raw=b"slow down"))
    with (
        make_trading212(script.url, sleep=sleep) as client,
        pytest.raises(RateLimited) as caught,
    ):
        client.positions()
    assert caught.value.resets_at is None
    assert sleep.waits == []


def test_the_limit_of_whatever_stands_in_front_is_waited_for(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, Step(status=429, headers={"Retry-After": "7"}), Step([]))
    with make_trading212(script.url, sleep=sleep) as client:
        client.positions()
    assert sleep.waits == [pytest.approx(7, abs=2)]


def test_threads_take_turns_at_an_endpoint(script: Script) -> None:
    sleep = Sleeper()
    script.on(POSITIONS, lambda _: Step([], headers=limits(0, 30)))
    client = make_trading212(script.url, sleep=sleep, patience_s=600)
    with client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.positions().payload, range(8)))
    assert answers == [[]] * 8
    # All but the first found the window used up by the one before.
    assert len(sleep.waits) == 7
