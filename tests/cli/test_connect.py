"""``farthing connect``: what a person is told, and what is stored only once it holds."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.operations import users
from postgres.common.enums import ConnectionStatus
from postgres.common.operations import connections
from postgres.gocardless.models import Requisition
from postgres.trading212.models import ApiKey
from sandbox import (
    TRADING212_DEMO_KEY,
    TRADING212_ISA_KEY,
    TRADING212_KEY,
    TRADING212_SECRET,
)
from sandbox.server import Sandbox
from tests.cli.support import Result, farthing

NORTHGATE = "NORTHGATE_NRGTGB21"
CONNECT = ("connect", "gocardless", "--institution", NORTHGATE)
CLOSED = "http://127.0.0.1:1"


def _link(result: Result) -> str:
    found = re.search(r"http://\S+/consent/\S+", result.out)
    assert found is not None, result
    return found[0]


def _stored(ledger: sessionmaker[Session], model: type[Requisition] | type[ApiKey]) -> int:
    with ledger() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def test_gocardless_prints_the_link_under_which_consent_is_given(
    providers: Sandbox, ann: str, ledger: sessionmaker[Session]
) -> None:
    result = farthing(*CONNECT, "--user", ann)

    assert result.code == 0
    providers.approve(_link(result))
    done = farthing(*CONNECT, "--wait")
    assert done.code == 0
    assert "Northgate Bank is connected" in done.out
    with ledger() as session:
        ((connection, _),) = connections.list_with_institutions(session)
    assert connection.status is ConnectionStatus.ACTIVE


def test_gocardless_asked_again_shows_the_consent_that_waits(
    providers: Sandbox, ann: str, ledger: sessionmaker[Session]
) -> None:
    first, second = farthing(*CONNECT), farthing(*CONNECT)

    assert _link(first) == _link(second)
    assert _stored(ledger, Requisition) == 1


def test_gocardless_connected_already_says_how_to_renew(providers: Sandbox, ann: str) -> None:
    providers.approve(_link(farthing(*CONNECT)))
    farthing(*CONNECT, "--wait")

    result = farthing(*CONNECT)

    assert result.code == 1
    assert "Northgate Bank is connected already" in result.error
    assert "farthing connections renew" in result.error


def test_gocardless_waits_until_refusal_and_says_so(providers: Sandbox, ann: str) -> None:
    providers.approve(_link(farthing(*CONNECT)), "refuse")

    result = farthing(*CONNECT, "--wait")

    assert result.code == 1
    assert "the consent was not given" in result.error


@pytest.mark.parametrize(
    ("typed", "similar"),
    [
        ("northgate", NORTHGATE),
        ("NORTHGATE_NRGTGB2", NORTHGATE),
        ("harbour bank", "HARBOUR_HRBRGB2L"),
        ("NORTGATE_NRGTGB21", NORTHGATE),
    ],
)
def test_unknown_institution_lists_similar_ones(
    typed: str, similar: str, providers: Sandbox, ann: str, ledger: sessionmaker[Session]
) -> None:
    result = farthing("connect", "gocardless", "--institution", typed)

    assert result.code == 2
    assert similar in result.error
    assert _stored(ledger, Requisition) == 0


def test_institution_like_no_other_lists_none(providers: Sandbox, ann: str) -> None:
    result = farthing("connect", "gocardless", "--institution", "zzzzzz")

    assert result.code == 2
    assert result.error == "GoCardless knows no institution 'zzzzzz'"


def test_wrong_gocardless_secret_names_the_variables_and_stores_nothing(
    providers: Sandbox, ann: str, ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCARDLESS_SECRET_KEY", "not-the-secret")

    result = farthing(*CONNECT)

    assert result.code == 2
    assert "GOCARDLESS_SECRET_ID" in result.error
    assert "GOCARDLESS_SECRET_KEY" in result.error
    assert "not-the-secret" not in result.err
    assert _stored(ledger, Requisition) == 0


@pytest.mark.parametrize("variable", ["GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"])
def test_missing_gocardless_secret_is_named(
    variable: str, providers: Sandbox, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)

    result = farthing(*CONNECT)

    assert result.code == 2
    assert result.error.startswith(variable)
    assert providers.requests() == []


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (CONNECT, "GOCARDLESS_BASE_URL"),
        (("connect", "trading212"), "TRADING212_BASE_URL"),
    ],
)
def test_unreachable_provider_is_one_line_and_stores_nothing(
    command: tuple[str, ...],
    variable: str,
    *,
    providers: Sandbox,
    ann: str,
    ledger: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, f"{CLOSED}/api/v2")

    result = farthing(*command)

    assert result.code == 1
    assert result.error
    assert _stored(ledger, Requisition) == _stored(ledger, ApiKey) == 0


def test_trading212_key_is_checked_and_stored_encrypted(
    providers: Sandbox, ann: str, ledger: sessionmaker[Session]
) -> None:
    result = farthing("connect", "trading212", "--user", ann)

    assert result.code == 0
    assert re.search(r"Trading 212 …\d{4} is connected", result.out)
    assert TRADING212_KEY not in result.out + result.err
    assert TRADING212_SECRET not in result.out + result.err
    with ledger() as session:
        key = session.scalars(sa.select(ApiKey)).one()
    assert key.key_ciphertext is not None
    assert TRADING212_KEY.encode() not in key.key_ciphertext.token


def test_trading212_connected_already_is_refused(providers: Sandbox, ann: str) -> None:
    farthing("connect", "trading212")

    result = farthing("connect", "trading212")

    assert result.code == 1
    assert "connected already" in result.error


def test_what_an_account_counts_for_is_said_with_its_key_or_later(
    providers: Sandbox,
    ann: str,
    ledger: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def facts() -> list[tuple[str | None, bool, bool]]:
        listed = farthing("accounts", "--json").json["accounts"]
        return [(each["tax_wrapper"], each["is_practice"], each["is_counted"]) for each in listed]

    monkeypatch.setenv("TRADING212_API_KEY", TRADING212_ISA_KEY)
    assert "(an ISA) is connected" in farthing("connect", "trading212", "--isa").out
    monkeypatch.setenv("TRADING212_DEMO_BASE_URL", providers.trading212_demo_url)
    monkeypatch.setenv("TRADING212_API_KEY", TRADING212_DEMO_KEY)
    assert "(a practice account)" in farthing("connect", "trading212", "--demo").out

    assert facts() == [("isa", False, True), (None, True, False)]
    isa, practice = (each["id"] for each in farthing("accounts", "--json").json["accounts"])
    changed = farthing("accounts", "set", isa, "--not-isa")
    assert changed.code == 0
    assert "counts, and is taxed" in changed.out
    farthing("accounts", "set", practice[:8], "--counted")
    assert facts() == [(None, False, True), (None, True, True)]
    assert "play money" not in farthing("accounts").out
    farthing("accounts", "set", practice, "--not-counted")
    assert "no, play money" in farthing("accounts").out
    for nothing in (("accounts", "set", isa), ("accounts", "set", "0000dead", "--isa")):
        assert farthing(*nothing).code == 2


@pytest.mark.parametrize("variable", ["TRADING212_API_KEY", "TRADING212_API_SECRET"])
def test_wrong_trading212_key_is_not_stored(
    variable: str,
    providers: Sandbox,
    ann: str,
    ledger: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "wrong-one")

    result = farthing("connect", "trading212")

    assert result.code == 2
    assert "not accepted" in result.error
    assert "wrong-one" not in result.err
    assert _stored(ledger, ApiKey) == 0


@pytest.mark.parametrize("variable", ["TRADING212_API_KEY", "TRADING212_API_SECRET"])
def test_trading212_without_terminal_or_variable_says_what_to_set(
    variable: str, providers: Sandbox, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)

    result = farthing("connect", "trading212")

    assert result.code == 2
    assert result.error.startswith(variable)


@pytest.mark.parametrize("command", [CONNECT, ("connect", "trading212")])
def test_unknown_user_is_wrong_use(command: tuple[str, ...], providers: Sandbox, ann: str) -> None:
    result = farthing(*command, "--user", "bob")

    assert result.code == 2
    assert "bob" in result.error
    assert providers.requests() == []


def test_two_users_may_connect_the_same_bank(
    providers: Sandbox, ann: str, ledger: sessionmaker[Session]
) -> None:
    with ledger.begin() as session:
        users.create_user(session, "bob", "correct horse")
    providers.approve(_link(farthing(*CONNECT, "--user", "ann")))
    farthing(*CONNECT, "--user", "ann", "--wait")

    assert farthing(*CONNECT, "--user", "bob").code == 0
    assert _stored(ledger, Requisition) == 2
