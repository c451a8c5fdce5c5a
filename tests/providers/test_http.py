"""Faults on the wire: what is repeated, what is not, and that every call ends in time."""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import json
import logging
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.deadline import Deadline
from providers.errors import (
    AccessDenied,
    ProviderError,
    RateLimited,
    Repeat,
    Unavailable,
    UnexpectedResponse,
)
from providers.http import RateLimit, Reply, Transport, repeat_for
from tests.providers.conftest import Act, Script, Step

THING = "/thing"


def refuse(reply: Reply) -> ProviderError:
    message = f"refused with {reply.status}"
    return Unavailable(message, status=reply.status, repeat=repeat_for(reply.status))


def transport(url: str, *, deadline_s: float = 10.0, **options: Any) -> Transport:
    return Transport(
        url, provider="test", label="Test", deadline_s=deadline_s, backoff_s=0.001, **options
    )


def ask(url: str, method: str = "GET", **options: Any) -> Any:
    with transport(url, **options) as http:
        return http.payload(http.call(method, THING, refuse, deadline=http.deadline()))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Step([1, 2, 3], act="reset"), id="reset-mid-body"),
        pytest.param(Step([1, 2, 3], act="truncate"), id="truncated-body"),
        pytest.param(Step(act="hang up"), id="closed-before-headers"),
        pytest.param(Step(status=502), id="502"),
        pytest.param(Step(status=503), id="503"),
        pytest.param(Step(status=504), id="504"),
        pytest.param(Step(status=408), id="408"),
        pytest.param(Step(raw=b"no gzip", headers={"Content-Encoding": "gzip"}), id="broken-gzip"),
    ],
)
def test_a_read_is_repeated_after_weather(script: Script, fault: Step) -> None:
    script.on(THING, fault, Step({"fine": True}))

    assert ask(script.url) == {"fine": True}
    assert script.count(THING) == 2


@pytest.mark.parametrize("status", [502, 503, 504, 408])
def test_a_read_is_repeated_twice_at_most(script: Script, status: int) -> None:
    script.on(THING, Step(status=status))

    with pytest.raises(Unavailable):
        ask(script.url)
    assert script.count(THING) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 501, 505])
def test_other_refusals_are_final(script: Script, status: int) -> None:
    script.on(THING, Step(status=status), Step({"fine": True}))

    with pytest.raises(Unavailable) as caught:
        ask(script.url)
    assert caught.value.status == status
    assert script.count(THING) == 1


@pytest.mark.parametrize("act", ["reset", "truncate", "drip"])
def test_a_500_whose_body_breaks_off_stays_a_500(script: Script, act: Act) -> None:
    script.on(THING, Step({"detail": "x" * 100}, status=500, act=act))

    with pytest.raises(Unavailable, match="refused with 500"):
        ask(script.url, deadline_s=0.6)
    assert script.count(THING) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Step(status=503), id="503"),
        pytest.param(Step([1, 2, 3], act="reset"), id="reset"),
        pytest.param(Step([1, 2, 3], act="truncate"), id="truncated"),
        pytest.param(Step(act="hang up"), id="closed"),
    ],
)
def test_a_change_is_sent_once(script: Script, method: str, fault: Step) -> None:
    script.on(THING, fault, Step({"fine": True}))

    with pytest.raises(Unavailable):
        ask(script.url, method)
    assert script.count(THING) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_refused_connection_is_tried_again_whatever_it_is_for(
    unused_url: str, method: str
) -> None:
    attempts: list[str] = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            attempts.append(request.method)
            return super().handle_request(request)

    with pytest.raises(Unavailable, match="cannot be reached at"):
        ask(unused_url, method, transport=Counting())
    assert attempts == [method] * 3


def test_a_refused_connection_is_reported_without_a_counting_transport(unused_url: str) -> None:
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        ask(unused_url)
    assert caught.value.status is None
    assert caught.value.retryable


@pytest.mark.parametrize("act", ["hang", "drip", "drip headers"])
def test_the_deadline_holds_against_a_slow_server(script: Script, act: Act) -> None:
    script.on(THING, Step({"slow": "x" * 10_000}, act=act))

    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"did not answer within 0\.2 seconds"):
        ask(script.url, deadline_s=0.2)
    assert time.monotonic() - started < 5  # the drips alone would take 100 seconds


def test_the_deadline_covers_repeats(script: Script) -> None:
    script.on(THING, Step(status=503))
    with Transport(
        script.url, provider="test", label="Test", deadline_s=1.0, backoff_s=30.0
    ) as http:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            http.call("GET", THING, refuse, deadline=http.deadline())
    assert time.monotonic() - started < 5
    assert script.count(THING) == 1


def test_a_passed_deadline_sends_nothing(script: Script) -> None:
    script.on(THING, Step({}))
    with transport(script.url) as http, pytest.raises(Unavailable):
        http.call("GET", THING, refuse, deadline=Deadline(-1))
    assert script.count(THING) == 0


def test_a_huge_body_is_not_read_to_its_end(script: Script) -> None:
    script.on(THING, Step(raw=b"[" + b" " * 3_000_000 + b"]"))
    with pytest.raises(UnexpectedResponse, match="more than 1 MiB"):
        ask(script.url, max_body_bytes=1024 * 1024)
    assert script.count(THING) == 1


def test_a_small_body_that_unpacks_to_a_huge_one_is_not_read_to_its_end(script: Script) -> None:
    bomb = gzip.compress(b" " * 3_000_000)
    script.on(THING, Step(raw=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UnexpectedResponse, match="more than 1 MiB"):
        ask(script.url, max_body_bytes=1024 * 1024)


def test_a_huge_error_page_is_an_error_like_any_other(script: Script) -> None:
    script.on(THING, Step(raw=b"x" * 1_000_000, status=500))
    with pytest.raises(Unavailable, match="refused with 500"):
        ask(script.url, max_body_bytes=1024)


def test_numbers_keep_every_digit(script: Script) -> None:
    raw = b'{"a": 12345678901234567.45, "b": -0.10, "c": 90071992547409931, "d": 1e2}'
    script.on(THING, Step(raw=raw))
    payload = ask(script.url)
    assert payload["a"] == Decimal("12345678901234567.45")
    assert str(payload["b"]) == "-0.10"
    assert payload["c"] == 90071992547409931
    assert payload["d"] == Decimal("1E+2")
    assert not any(isinstance(value, float) for value in payload.values())


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999", "-" + "9" * 5_000]
)
def test_a_number_that_none_can_hold_is_its_text(script: Script, text: str) -> None:
    script.on(THING, Step(raw=f'{{"a": {text}, "b": 1}}'.encode()))
    assert ask(script.url) == {"a": text, "b": 1}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"a": 1', id="cut-short"),
        pytest.param(b"[" * 100_000, id="too-deep"),
        pytest.param(b'"\xff"', id="no-utf-8"),
        pytest.param(b"<!DOCTYPE html><html><body>hi</body></html>", id="web-page"),
    ],
)
def test_a_body_that_is_no_json_is_unexpected(script: Script, raw: bytes) -> None:
    script.on(THING, Step(raw=raw))
    with pytest.raises(UnexpectedResponse, match="instead of data") as caught:
        ask(script.url)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert script.count(THING) == 1


def test_a_web_page_is_called_one(script: Script) -> None:
    script.on(THING, Step(raw=b"<!DOCTYPE html><HTML>wait</HTML>"))
    with pytest.raises(UnexpectedResponse, match="a web page"):
        ask(script.url)


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_none(body: bytes) -> None:
    reply = Reply(200, httpx.Headers(), body, dt.datetime.now(dt.UTC))
    try:
        expected = json.loads(body.decode("utf-8-sig"), parse_float=Decimal)
    except ValueError:
        expected = None
    got = reply.json_or_none()
    assert got is None or got == expected


def test_a_redirect_is_not_followed(script: Script) -> None:
    script.on(THING, Step(status=302, headers={"Location": f"{script.url}/elsewhere"}))
    with pytest.raises(Unavailable, match="refused with 302"):
        ask(script.url)
    assert script.count("/elsewhere") == 0


def test_one_connection_serves_many_calls(script: Script) -> None:
    script.on(THING, Step({}))
    with transport(script.url) as http:
        for _ in range(3):
            http.call("GET", THING, refuse, deadline=http.deadline())
    assert script.count(THING) == 3
    assert script.connections == 1


def test_repeats_are_logged_by_us_and_printed_by_nobody(
    script: Script, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    script.on(THING, Step(status=503), Step({}))
    with caplog.at_level(logging.INFO):
        ask(script.url)
    assert "refused with 503; asking again in" in caplog.text
    assert capfd.readouterr().out == ""


def test_logged_urls_have_no_query_and_no_password(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.on(THING, Step({}))
    url = script.url.replace("http://", "http://someone:canary-password@")
    with caplog.at_level(logging.DEBUG), transport(url) as http:
        http.call("GET", THING, refuse, deadline=http.deadline(), query="canary=query")
    assert script.calls[0].query == "canary=query"
    assert "canary" not in caplog.text
    assert f"{script.url}{THING}" in caplog.text


def test_the_proxy_of_the_environment_is_used(
    script: Script, unused_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", script.url)
    monkeypatch.setenv("no_proxy", "")
    script.on("http://bank.invalid/thing", Step({"via": "proxy"}))
    assert ask("http://bank.invalid") == {"via": "proxy"}


@pytest.mark.parametrize(
    "error",
    [
        RateLimited(
            "wait",
            provider="p",
            scope="account",
            resets_at=dt.datetime(2026, 3, 15, tzinfo=dt.UTC),
            rate_limits=(RateLimit("account", 4, 0, None),),
        ),
        AccessDenied("no", provider="p", status=403, missing_scope="metadata"),
        Unavailable("down", status=503, repeat=Repeat.READS, error_type="ServiceError"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_between_processes(error: ProviderError) -> None:
    other = copy.deepcopy(error)  # by the same protocol as pickle
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)
