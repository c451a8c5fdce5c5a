"""The GoCardless client against a scripted server: tokens, shapes, paging, limits."""

from __future__ import annotations

import datetime as dt
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from providers.errors import (
    AuthenticationFailed,
    ConsentExpired,
    ProviderError,
    RateLimited,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.models import Agreement, Institution, Requisition
from providers.gocardless.tokens import TokenKeeper
from tests.providers.conftest import (
    ACCESS,
    REFRESH,
    SECRET_ID,
    SECRET_KEY,
    Call,
    Script,
    Step,
    make_gocardless,
    token,
)

NEW = "/api/v2/token/new/"
REFRESHED = "/api/v2/token/refresh/"
ACCOUNT = "/api/v2/accounts/a1/"
TRANSACTIONS = "/api/v2/accounts/a1/transactions/"
BALANCES = "/api/v2/accounts/a1/balances/"
REQUISITIONS = "/api/v2/requisitions/"

INVALID_TOKEN = Step(
    {"summary": "Invalid token", "detail": "Token is invalid or expired", "status_code": 401},
    status=401,
)
BAD_SECRETS = Step(
    {
        "summary": "Authentication failed",
        "detail": "No active account found with the given credentials",
        "status_code": 401,
    },
    status=401,
)
ROWS = {"transactions": {"booked": [{"transactionAmount": {"amount": "1.00"}}], "pending": []}}


class Hands:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


# Tokens


def keeper(clock: Hands | None = None) -> TokenKeeper:
    secrets = SecretStr(SECRET_ID), SecretStr(SECRET_KEY)
    return TokenKeeper(*secrets, now=clock) if clock else TokenKeeper(*secrets)


def test_a_keeper_serves_one_client_after_another(script: Script) -> None:
    script.on(ACCOUNT, Step({"id": "a1"}))
    tokens = keeper()
    for _ in range(3):
        with make_gocardless(script.url, tokens=tokens) as client:
            client.account("a1")
    assert script.count(NEW) == 1


def test_one_token_serves_many_calls(script: Script, gocardless: GoCardlessClient) -> None:
    script.on(ACCOUNT, Step({"id": "a1"}))
    for _ in range(3):
        gocardless.account("a1")
    assert script.count(NEW) == 1
    assert script.count(REFRESHED) == 0
    asked = [call for call in script.calls if call.path == ACCOUNT]
    assert [call.headers["authorization"] for call in asked] == [f"Bearer {ACCESS}"] * 3
    assert json.loads(script.calls[0].body) == {"secret_id": SECRET_ID, "secret_key": SECRET_KEY}


def test_a_token_is_refreshed_shortly_before_its_end(script: Script) -> None:
    clock = Hands()
    script.on(ACCOUNT, Step({"id": "a1"}))
    with make_gocardless(script.url, tokens=keeper(clock)) as client:
        client.account("a1")
        clock.at += 86400 - 61
        client.account("a1")
        assert script.count(REFRESHED) == 0
        clock.at += 2
        client.account("a1")
    assert script.count(NEW) == 1
    assert script.count(REFRESHED) == 1
    refreshing = next(call for call in script.calls if call.path == REFRESHED)
    assert json.loads(refreshing.body) == {"refresh": REFRESH}
    assert script.calls[-1].headers["authorization"] == f"Bearer {ACCESS.replace('0', '1')}"


def test_a_new_token_is_asked_for_once_the_refresh_token_is_old_too(script: Script) -> None:
    clock = Hands()
    script.on(ACCOUNT, Step({"id": "a1"}))
    with make_gocardless(script.url, tokens=keeper(clock)) as client:
        client.account("a1")
        clock.at += 2592000
        client.account("a1")
    assert script.count(NEW) == 2
    assert script.count(REFRESHED) == 0


def test_a_refused_refresh_leads_to_a_new_token(script: Script) -> None:
    clock = Hands()
    script.on(ACCOUNT, Step({"id": "a1"}))
    script.on(REFRESHED, INVALID_TOKEN)
    with make_gocardless(script.url, tokens=keeper(clock)) as client:
        client.account("a1")
        clock.at += 86400
        client.account("a1")
    assert script.count(NEW) == 2
    assert script.count(REFRESHED) == 1


def test_a_token_taken_back_is_renewed_once_and_the_call_repeated_once(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on(ACCOUNT, INVALID_TOKEN, Step({"id": "a1"}))
    assert gocardless.account("a1").payload == {"id": "a1"}
    assert (script.count(NEW), script.count(REFRESHED), script.count(ACCOUNT)) == (1, 1, 2)


def test_a_token_that_is_never_good_is_not_renewed_for_ever(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on(ACCOUNT, INVALID_TOKEN)
    with pytest.raises(AuthenticationFailed, match="no longer valid"):
        gocardless.account("a1")
    assert (script.count(NEW), script.count(REFRESHED), script.count(ACCOUNT)) == (1, 1, 2)


def test_even_a_change_is_sent_again_after_its_token_was_refused(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on(REQUISITIONS, INVALID_TOKEN, Step({"id": "r1"}, status=201))
    gocardless.create_requisition("BANK", redirect="http://x/", agreement_id="e1", reference="ref")
    assert script.count(REQUISITIONS) == 2


def test_the_end_of_a_consent_does_not_touch_the_token(
    script: Script, gocardless: GoCardlessClient
) -> None:
    expired = {"summary": "Couldn't update account balances", "type": "AccessExpiredError"}
    script.on(BALANCES, Step(expired, status=401))
    with pytest.raises(ConsentExpired):
        gocardless.balances("a1")
    assert (script.count(NEW), script.count(REFRESHED), script.count(BALANCES)) == (1, 0, 1)


def test_bad_secrets_are_tried_once_per_client(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on(NEW, BAD_SECRETS)
    for _ in range(3):
        with pytest.raises(AuthenticationFailed, match="GOCARDLESS_SECRET_ID") as caught:
            gocardless.account("a1")
        assert caught.value.status == 401
    assert script.count(NEW) == 1


def test_a_broken_token_service_is_asked_again_by_the_next_call(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on(ACCOUNT, Step({"id": "a1"}))
    script.on(NEW, Step(status=503), Step(token()))
    with pytest.raises(Unavailable):
        gocardless.account("a1")
    assert gocardless.account("a1").payload == {"id": "a1"}
    assert script.count(NEW) == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="empty"),
        pytest.param([], id="list"),
        pytest.param({"access": 7, "refresh": REFRESH}, id="number"),
        pytest.param({"access": "a\r\nX-Evil: 1", "refresh": REFRESH}, id="header-injection"),
        pytest.param({"access": "é", "refresh": REFRESH}, id="not-ascii"),
        pytest.param({"access": ACCESS}, id="no-refresh"),
    ],
)
def test_a_token_that_is_none_is_unexpected(
    script: Script, gocardless: GoCardlessClient, answer: Any
) -> None:
    script.on(NEW, Step(answer))
    with pytest.raises(UnexpectedResponse, match="no usable access token"):
        gocardless.account("a1")


def test_eight_threads_share_one_token_and_its_renewal(script: Script) -> None:
    def answer(call: Call) -> Step:
        old = call.headers["authorization"] == f"Bearer {ACCESS}"
        return INVALID_TOKEN if old else Step({"id": "a1"})

    script.on(ACCOUNT, answer)
    together = threading.Barrier(8)
    with make_gocardless(script.url) as client, ThreadPoolExecutor(8) as pool:

        def read(_: int) -> Any:
            together.wait(5)
            return client.account("a1").payload

        assert list(pool.map(read, range(8))) == [{"id": "a1"}] * 8
    assert script.count(NEW) == 1
    # Every thread may have met the refusal of the first token, but only one renewed it.
    assert script.count(REFRESHED) == 1


def test_a_thread_does_not_wait_longer_for_a_token_than_its_deadline(script: Script) -> None:
    script.on(NEW, Step(act="hang"))
    with make_gocardless(script.url, deadline_s=0.2) as client, ThreadPoolExecutor(4) as pool:

        def read(_: int) -> str:
            with pytest.raises(Unavailable) as caught:
                client.account("a1")
            return str(caught.value)

        assert all("GoCardless did not" in text for text in pool.map(read, range(4)))


# Calls and shapes


def test_transactions_pass_the_range_on_and_come_back_untouched(
    script: Script, gocardless: GoCardlessClient
) -> None:
    raw = b'{"transactions": {"booked": [{"x": 12345678901234567.45, "new": null}]}, "extra": 1}'
    script.on(TRANSACTIONS, Step(raw=raw))
    answer = gocardless.transactions(
        "a1", date_from=dt.date(2026, 1, 1), date_to=dt.date(2026, 3, 15)
    )
    assert script.calls[-1].query == "date_from=2026-01-01&date_to=2026-03-15"
    exact = Decimal("12345678901234567.45")
    assert answer.payload == {
        "transactions": {"booked": [{"x": exact, "new": None}]},
        "extra": 1,
    }


def test_no_range_means_no_query(script: Script, gocardless: GoCardlessClient) -> None:
    script.on(TRANSACTIONS, Step(ROWS))
    gocardless.transactions("a1")
    assert script.calls[-1].query == ""


def test_an_answer_is_dated_by_the_clock_of_the_ledger(
    script: Script, gocardless: GoCardlessClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_NOW", "2026-03-15T09:00:00Z")
    script.on(BALANCES, Step({"balances": []}))
    answer = gocardless.balances("a1")
    assert answer.received_at == dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param([], id="bare-array"),
        pytest.param({}, id="empty-object"),
        pytest.param({"transactions": {}}, id="no-booked"),
        pytest.param({"transactions": []}, id="list-of-transactions"),
        pytest.param({"transactions": {"pending": []}}, id="only-pending"),
        pytest.param({"transactions": {"booked": None}}, id="null-booked"),
        pytest.param({"transactions": {"booked": {}}}, id="object-booked"),
        pytest.param({"transactions": {"booked": [], "pending": {}}}, id="object-pending"),
        pytest.param({**ROWS, "next": "/api/v2/accounts/a1/transactions/?p=2"}, id="first-page"),
        pytest.param(None, id="null"),
        pytest.param("text", id="text"),
    ],
)
def test_transactions_of_another_shape_are_not_no_transactions(
    script: Script, gocardless: GoCardlessClient, payload: Any
) -> None:
    script.on(TRANSACTIONS, Step(payload))
    with pytest.raises(UnexpectedResponse, match="unexpected shape"):
        gocardless.transactions("a1")
    assert script.count(TRANSACTIONS) == 1


@pytest.mark.parametrize("pending", [[], None, "missing"])
def test_pending_may_be_missing(script: Script, gocardless: GoCardlessClient, pending: Any) -> None:
    transactions: dict[str, Any] = {"booked": []}
    if pending != "missing":
        transactions["pending"] = pending
    script.on(TRANSACTIONS, Step({"transactions": transactions}))
    assert gocardless.transactions("a1").payload == {"transactions": transactions}


@pytest.mark.parametrize(
    ("path", "call", "payload"),
    [
        ("institutions/", lambda c: c.institutions("gb"), {}),
        ("institutions/BANK/", lambda c: c.institution("BANK"), []),
        ("agreements/enduser/e1/", lambda c: c.agreement("e1"), {}),
        ("requisitions/r1/", lambda c: c.requisition("r1"), {"id": None}),
        ("requisitions/", lambda c: list(c.requisitions()), []),
        ("accounts/a1/", lambda c: c.account("a1"), {}),
        ("accounts/a1/details/", lambda c: c.details("a1"), {"account": []}),
        ("accounts/a1/balances/", lambda c: c.balances("a1"), {"balances": {}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_shapes_are_unexpected(
    script: Script, gocardless: GoCardlessClient, path: str, call: Any, payload: Any
) -> None:
    script.on(f"/api/v2/{path}", Step(payload))
    with pytest.raises(UnexpectedResponse):
        call(gocardless)


def test_a_deletion_may_be_answered_with_nothing(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on("/api/v2/requisitions/r1/", Step(raw=b"", status=204))
    assert gocardless.delete_requisition("r1").payload is None


@pytest.mark.parametrize("value", ["", " ", ".", "..", " . ", "a\n", "é", "\ud800", "a" * 300])
def test_an_id_that_is_none_is_refused_here(
    script: Script, gocardless: GoCardlessClient, value: str
) -> None:
    with pytest.raises(Rejected, match="an id is empty"):
        gocardless.account(value)
    assert script.calls == []


def test_an_id_cannot_leave_its_place(script: Script, gocardless: GoCardlessClient) -> None:
    with pytest.raises(ProviderError):
        gocardless.account("../requisitions/r1?x=1#")
    assert script.calls[-1].path == "/api/v2/accounts/..%2Frequisitions%2Fr1%3Fx%3D1%23/"


# Repeats


def test_a_gateway_error_is_repeated(script: Script, gocardless: GoCardlessClient) -> None:
    script.on(TRANSACTIONS, Step(status=503), Step(ROWS))
    assert gocardless.transactions("a1").payload == ROWS
    assert script.count(TRANSACTIONS) == 2


@pytest.mark.parametrize("kind", ["UnknownRequestError", None])
def test_a_500_is_never_repeated(
    script: Script, gocardless: GoCardlessClient, kind: str | None
) -> None:
    script.on(TRANSACTIONS, Step({"type": kind}, status=500), Step(ROWS))
    with pytest.raises(Unavailable) as caught:
        gocardless.transactions("a1")
    assert caught.value.retryable
    assert script.count(TRANSACTIONS) == 1


def test_a_post_is_not_repeated(script: Script, gocardless: GoCardlessClient) -> None:
    script.on(REQUISITIONS, Step(status=503), Step({"id": "r1"}))
    with pytest.raises(Unavailable):
        gocardless.create_requisition("B", redirect="x", agreement_id="e", reference="r")
    assert script.count(REQUISITIONS) == 1


# Pages


def page(number: int, following: object) -> Step:
    return Step({"count": 3, "next": following, "previous": None, "results": [{"id": number}]})


def test_requisitions_come_page_by_page_and_no_earlier(
    script: Script, gocardless: GoCardlessClient
) -> None:
    script.on(
        REQUISITIONS,
        page(1, f"{script.url}{REQUISITIONS}?limit=100&offset=100"),
        page(2, f"{script.url}{REQUISITIONS}?limit=100&offset=200"),
        page(3, None),
    )
    walk = gocardless.requisitions()
    assert next(walk).payload["results"] == [{"id": 1}]
    assert script.count(REQUISITIONS) == 1
    assert [answer.payload["results"][0]["id"] for answer in walk] == [2, 3]
    queries = [call.query for call in script.calls if call.path == REQUISITIONS]
    assert queries == ["limit=100&offset=0", "limit=100&offset=100", "limit=100&offset=200"]


def test_no_page_can_lead_elsewhere(script: Script, gocardless: GoCardlessClient) -> None:
    evil = "http://bank.invalid/api/v2/requisitions/?offset=100"
    script.on(REQUISITIONS, page(1, evil), page(2, None))
    assert len(list(gocardless.requisitions())) == 2
    assert script.calls[-1].path == REQUISITIONS


@pytest.mark.parametrize(
    "following",
    [
        "/api/v2/requisitions/?offset=0",
        "/api/v2/requisitions/",
        "/api/v2/requisitions/?offset=-5",
        "/api/v2/requisitions/?offset=²",
        "/api/v2/agreements/enduser/?offset=100",
        "http://[broken/requisitions/?offset=100",
        "",
        7,
        {"offset": 100},
    ],
)
def test_a_next_page_that_does_not_lead_on_is_unexpected(
    script: Script, gocardless: GoCardlessClient, following: object
) -> None:
    script.on(REQUISITIONS, page(1, following))
    walk = gocardless.requisitions()
    next(walk)
    with pytest.raises(UnexpectedResponse, match="does not lead on"):
        next(walk)


# Limits


def seconds_until(instant: dt.datetime | None) -> float:
    assert instant is not None
    return (instant - dt.datetime.now(dt.UTC)).total_seconds()


def test_the_headers_of_both_limits_are_handed_on(
    script: Script, gocardless: GoCardlessClient
) -> None:
    headers = {
        "http_x_ratelimit_limit": "300",
        "http_x_ratelimit_remaining": "299",
        "http_x_ratelimit_reset": "59",
        "http_x_ratelimit_account_success_limit": "4",
        "http_x_ratelimit_account_success_remaining": "3",
        "http_x_ratelimit_account_success_reset": "86399",
    }
    script.on(BALANCES, Step({"balances": []}, headers=headers))
    general, account = gocardless.balances("a1").rate_limits
    assert (general.scope, general.limit, general.remaining) == ("general", 300, 299)
    assert seconds_until(general.resets_at) == pytest.approx(59, abs=5)
    assert (account.scope, account.limit, account.remaining) == ("account", 4, 3)
    assert seconds_until(account.resets_at) == pytest.approx(86399, abs=5)


@pytest.mark.parametrize("reset", ["-1", "-86400", "0"])
def test_a_reset_in_the_past_is_now(
    script: Script, gocardless: GoCardlessClient, reset: str
) -> None:
    headers = {"http_x_ratelimit_reset": reset}
    script.on(BALANCES, Step({"balances": []}, headers=headers))
    (limit,) = gocardless.balances("a1").rate_limits
    assert (limit.limit, limit.remaining) == (None, None)
    assert seconds_until(limit.resets_at) == pytest.approx(0, abs=5)


@pytest.mark.parametrize("value", ["", "soon", "1.5", "9" * 40])
def test_headers_that_are_no_numbers_say_nothing(
    script: Script, gocardless: GoCardlessClient, value: str
) -> None:
    headers = {"http_x_ratelimit_reset": value, "http_x_ratelimit_remaining": value}
    script.on(BALANCES, Step({"balances": []}, headers=headers))
    assert gocardless.balances("a1").rate_limits == ()


def test_headers_with_hyphens_are_understood(script: Script, gocardless: GoCardlessClient) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}
    script.on(BALANCES, Step(status=429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        gocardless.balances("a1")
    assert seconds_until(caught.value.resets_at) == pytest.approx(30, abs=5)


def test_nothing_waits_for_a_limit(script: Script, gocardless: GoCardlessClient) -> None:
    script.on(BALANCES, Step(status=429), Step({"balances": []}))
    with pytest.raises(RateLimited):
        gocardless.balances("a1")
    assert script.count(BALANCES) == 1


# Models


def test_an_institution_has_its_days_as_numbers() -> None:
    bank = Institution.parse(
        {
            "id": "BANK",
            "name": "A bank",
            "bic": " ",
            "transaction_total_days": "558",
            "max_access_valid_for_days": "180",
            "countries": ["GB"],
            "logo": "",
            "supported_payments": {},
        }
    )
    assert (bank.transaction_total_days, bank.max_access_valid_for_days) == (558, 180)
    assert bank.bic is None
    assert bank.logo is None


@pytest.mark.parametrize("missing", [None, "", " "])
def test_days_that_are_missing_are_ninety(missing: object) -> None:
    bank = Institution.parse({"id": "B", "name": "B", "transaction_total_days": missing})
    assert (bank.transaction_total_days, bank.max_access_valid_for_days) == (90, 90)


def test_an_agreement_ends_so_many_days_after_it_was_accepted() -> None:
    payload = {
        "id": "e1",
        "institution_id": "BANK",
        "access_valid_for_days": 180,
        "accepted": "2026-01-01T10:00:00.123456Z",
    }
    agreement = Agreement.parse(payload)
    assert agreement.expires_at == dt.datetime(2026, 6, 30, 10, 0, 0, 123456, tzinfo=dt.UTC)
    assert Agreement.parse(payload | {"accepted": None}).expires_at is None


@pytest.mark.parametrize(
    ("status", "read"),
    [("LN", "LN"), ("??", "??"), ({"short": "LN", "long": "LINKED", "description": "."}, "LN")],
    ids=["known", "unknown", "object"],
)
def test_the_status_of_a_requisition_is_a_text(status: object, read: str) -> None:
    requisition = Requisition.parse({"id": "r", "status": status, "accounts": ["a", "b"]})
    assert requisition.status == read
    assert requisition.is_linked is (read == "LN")
    assert requisition.accounts == ("a", "b")


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"id": "r"},
        {"id": 7, "status": "LN"},
        {"id": "r", "status": "LN", "accounts": 7},
    ],
)
def test_a_requisition_that_is_none_is_unexpected_and_not_quoted(payload: object) -> None:
    with pytest.raises(UnexpectedResponse, match="not understood") as caught:
        Requisition.parse(payload)
    assert caught.value.__context__ is None
