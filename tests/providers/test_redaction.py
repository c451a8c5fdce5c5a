"""Nothing secret leaves a client: not in an error, its chain, a repr or a log record."""

from __future__ import annotations

import base64
import logging
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from farthing.errors import ConfigurationError
from providers.errors import ProviderError
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.models import Institution
from providers.redaction import MASK, Redactor
from providers.trading212.client import Trading212Client
from tests.providers.conftest import (
    ACCESS,
    API_KEY,
    API_SECRET,
    REFRESH,
    SECRET_ID,
    SECRET_KEY,
    Script,
    Step,
    make_gocardless,
    make_trading212,
    token,
)

IBAN = "GB66NRGT60843141927735"
ROW = "canary-row-of-a-statement"
SECRETS = (SECRET_ID, SECRET_KEY, ACCESS, REFRESH, API_KEY, API_SECRET)
FORMS = {
    form
    for secret in (*SECRETS, f"{API_KEY}:{API_SECRET}")
    for form in (
        secret,
        base64.b64encode(secret.encode()).decode(),
        secret.encode().hex(),
        urllib.parse.quote(secret, safe=""),
    )
} | {IBAN, "GB66 NRGT 6084 3141 9277 35", ROW, "canary"}

# What a provider might quote back: what it was sent, and what it knows of the account.
ACCOUNT = f"{IBAN} GB66 NRGT 6084 3141 9277 35"
QUOTED = {
    "transactions": f"{SECRET_ID} {SECRET_KEY} Bearer {ACCESS} {ACCESS} {REFRESH} {ACCOUNT}",
    "token": f"{SECRET_ID} {SECRET_KEY} {ACCOUNT}",
    "positions": f"{API_KEY} {API_SECRET} {API_KEY}:{API_SECRET} {ACCOUNT}",
}
KEYS = ("summary", "detail", "type", "title", "code", "message", "clarification")


def talkative(words: str) -> Any:
    """Quotes it wherever a provider puts words."""
    return dict.fromkeys(KEYS, words) | {"redirect": [words]}


def plain(words: str) -> bytes:
    return f"{ROW} {words}".encode()


def talks(status: int, words: str) -> Step:
    return Step(talkative(words), status=status)


def mumbles(status: int, words: str) -> Step:
    return Step(raw=plain(words), status=status)


FAULTS: dict[str, Callable[[str], Step]] = {
    **{
        f"json-{status}": partial(talks, status)
        for status in (302, 400, 401, 403, 404, 409, 418, 429, 500, 503)
    },
    **{f"text-{status}": partial(mumbles, status) for status in (400, 403, 500)},
    "field-keyed": lambda words: Step({"reference": [{"detail": words}]}, status=400),
    "no-json": lambda words: Step(raw=b'{"a": "' + plain(words)),
    "page": lambda words: Step(raw=b"<html>" + plain(words) + b"</html>"),
    "another-shape": lambda words: Step({"a": ROW, "b": words}),
    "reset": lambda words: Step({"a": ROW, "b": words}, act="reset"),
    "truncated": lambda words: Step({"a": ROW, "b": words}, act="truncate"),
    "dripped": lambda words: Step({"a": ROW, "b": words}, act="drip"),
    "broken-gzip": lambda words: Step(raw=plain(words), headers={"Content-Encoding": "gzip"}),
    "broken-headers": lambda words: Step(raw=b"", headers={"X-Bad\r\n" + words: "x"}),
}


def texts(error: BaseException) -> Iterator[str]:
    """Everything that anybody might print of an error."""
    yield "".join(traceback.format_exception(error))
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is not None:
            yield from (str(link), repr(link), repr(link.args), repr(vars(link)))
            links += [link.__cause__, link.__context__]


def leaks(sinks: Iterator[str] | list[str]) -> list[str]:
    return [form for sink in sinks for form in FORMS if form in sink]


def read_everything(call: Callable[[], Any]) -> list[str]:
    """Call and return the texts of the error it must end in."""
    with pytest.raises(ProviderError) as caught:
        call()
    # The lines of this test's own source show up in a traceback; they hold no secret either.
    return list(texts(caught.value))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["transactions", "token", "positions"])
def test_no_fault_lets_a_secret_out(
    script: Script, caplog: pytest.LogCaptureFixture, fault: str, where: str
) -> None:
    step = FAULTS[fault](QUOTED[where])
    caplog.set_level(logging.DEBUG)
    with (
        make_gocardless(script.url, deadline_s=0.5) as bank,
        make_trading212(script.url, deadline_s=0.5, sleep=lambda _: None) as broker,
    ):
        calls: dict[str, tuple[str, Callable[[], Any]]] = {
            "transactions": (
                "/api/v2/accounts/a1/transactions/",
                lambda: bank.transactions("a1"),
            ),
            "token": ("/api/v2/token/new/", lambda: bank.account("a1")),
            "positions": ("/api/v0/equity/positions", broker.positions),
        }
        path, call = calls[where]
        script.on(path, step)
        sinks = read_everything(call)
        sinks += [repr(bank), repr(broker), repr(vars(bank)), repr(vars(broker))]
    sinks += [record.getMessage() + repr(vars(record)) for record in caplog.records]
    assert leaks(sinks) == []


def fail_carelessly() -> None:
    try:
        int(IBAN)
    except ValueError:
        raise KeyError(ACCESS) from None


def test_the_check_above_finds_what_is_planted() -> None:
    with pytest.raises(KeyError) as caught:
        fail_carelessly()
    assert {IBAN, ACCESS} <= set(leaks(texts(caught.value)))


def test_no_answer_shows_its_payload(script: Script, gocardless: GoCardlessClient) -> None:
    script.on("/api/v2/accounts/a1/", Step({"id": "a1", "iban": IBAN, "owner_name": ROW}))
    assert leaks([repr(gocardless.account("a1"))]) == []


def test_a_payload_that_is_not_understood_is_not_quoted() -> None:
    error = read_everything(lambda: Institution.parse({"id": [ROW], "name": {"iban": IBAN}}))
    assert leaks(error) == []


def test_refreshed_tokens_are_secret_too(script: Script, gocardless: GoCardlessClient) -> None:
    script.on("/api/v2/token/new/", Step(token(7)))
    quoted = {"summary": f"got {ACCESS.replace('0', '7')}", "detail": "!"}
    script.on("/api/v2/accounts/a1/", Step(quoted, status=400))
    (text, *_) = read_everything(lambda: gocardless.account("a1"))
    assert "canary" not in text


@pytest.mark.parametrize("address", [f"http://host:{ROW}", "http://", f"{ROW}"])
def test_a_malformed_address_is_not_quoted(address: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL of Trading 212") as caught:
        Trading212Client(address, SecretStr(API_KEY), None)
    assert ROW not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("account GB66NRGT60843141927735 is closed", f"account {MASK} is closed"),
        ("account GB66 NRGT 6084 3141 9277 35 is closed", f"account {MASK} is closed"),
        ("NL91ABNA0417164300", MASK),
        ("card 4111 1111 1111 1111.", f"card {MASK}."),
        ("account 12345678", f"account {MASK}"),
        ("token eyJhbGciOi.eyJzdWIiOi.c2ln is bad", f"token {MASK} is bad"),
        ("sent Authorization: Bearer abc.def", f"sent Authorization: {MASK}"),
        ("see https://me:pw@host/path?token=1", f"see https://{MASK}host/path{MASK}"),
        ("from 2026-03-15 to 2026-03-16", "from 2026-03-15 to 2026-03-16"),
        ("at most 730 days", "at most 730 days"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_what_is_masked_and_what_is_not(text: str, clean: str) -> None:
    assert Redactor().clean(text) == clean


@given(
    st.text(min_size=4, max_size=40),
    st.text(max_size=40),
    st.sampled_from(
        [str, urllib.parse.quote, lambda text: base64.b64encode(text.encode()).decode()]
    ),
)
def test_a_known_secret_is_masked_in_every_form(
    secret: str, around: str, form: Callable[[str], str]
) -> None:
    redactor = Redactor()
    redactor.learn(secret)
    cleaned = redactor.clean(f"{around}{form(secret)}{around}")
    assert cleaned.isprintable()
    assert len(cleaned) <= 200
    # Where the text around it or the mask itself contains the secret there is nothing to hide.
    if form(secret) not in f"{around}{MASK}{around}":
        assert form(secret) not in cleaned
