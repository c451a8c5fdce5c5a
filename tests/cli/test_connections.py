"""``farthing connections``: list, renew, remove."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
import sqlalchemy as sa

from postgres.common.models import Account, AccountLink, Connection, Institution
from sandbox.faults import Fault
from tests.cli.support import farthing
from tests.conftest import World
from tests.ingestion.pipeline import sync


def _id(world: World, institution: str) -> str:
    with world.sessions() as session:
        found = session.scalars(
            sa.select(Connection.id).join(Institution).where(Institution.name == institution)
        ).one()
    return found.hex


def _count(world: World, model: type[Connection] | type[Account]) -> int:
    with world.sessions() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


@pytest.fixture
def world(own_environment: None, world: World) -> World:
    return world


def test_list_tells_consent_and_last_success(world: World) -> None:
    sync(world.run())

    result = farthing("connections")

    assert result.code == 0
    assert result.out == farthing("connections", "list").out
    lines = {
        line.split("  ")[1].strip(): line for line in result.out.splitlines() if "active" in line
    }
    assert set(lines) == {"Northgate Bank", "Harbour Bank", "Trading 212"}
    assert "90 days left to confirm" in lines["Northgate Bank"]
    assert "180 days left" in lines["Harbour Bank"]
    assert "2026-03-15 09:00" in lines["Harbour Bank"]
    assert "no end" in lines["Trading 212"]


def test_json_has_nothing_else_on_it(world: World) -> None:
    listed = farthing("connections", "--json").json

    assert [each["institution"] for each in listed] == [
        "Northgate Bank", "Harbour Bank", "Trading 212",
    ]  # fmt: skip
    assert set(listed[0]) == {
        "id", "institution", "provider", "status", "consent_expires_at", "consent_days_left",
        "needs", "last_success_at", "problem",
    }  # fmt: skip
    assert listed[0]["last_success_at"] is None


def test_list_tells_what_failed_last(world: World) -> None:
    world.sandbox.inject(Fault(path="/accounts/[^/]+/balances/", status=503, json={}, times=50))
    sync(world.run())

    by_name = {each["institution"]: each for each in farthing("connections", "--json").json}

    assert "…" in by_name["Harbour Bank"]["problem"]
    assert by_name["Trading 212"]["problem"] is None


def test_renew_prints_a_link_and_the_connection_goes_on(world: World) -> None:
    northgate = _id(world, "Northgate Bank")

    result = farthing("connections", "renew", northgate[:10])

    assert result.code == 0
    link = re.search(r"http://\S+/consent/\S+", result.out)
    assert link is not None
    assert _count(world, Connection) == 3
    world.sandbox.approve(link[0])
    sync(world.run("run-2"))
    assert _count(world, Connection) == 3
    assert _id(world, "Northgate Bank") == northgate


def test_renew_of_a_key_is_refused(world: World) -> None:
    result = farthing("connections", "renew", _id(world, "Trading 212"))

    assert result.code == 1
    assert "no consent to renew" in result.error


def test_remove_keeps_what_was_read(world: World) -> None:
    sync(world.run())
    accounts = _count(world, Account)

    result = farthing("connections", "remove", _id(world, "Harbour Bank"))

    assert result.code == 0
    assert "what was read stays" in result.out
    assert _count(world, Connection) == 2
    assert _count(world, Account) == accounts


def test_remove_erases_what_was_read_if_told_to(world: World) -> None:
    sync(world.run())
    accounts = _count(world, Account)

    result = farthing("connections", "remove", _id(world, "Harbour Bank"), "--erase")

    assert result.code == 0
    assert _count(world, Account) == accounts - 2


@pytest.mark.parametrize("command", ["renew", "remove"])
def test_unknown_id_is_wrong_use(command: str, world: World) -> None:
    result = farthing("connections", command, "0000dead")

    assert result.code == 2
    assert "0000dead" in result.error
    assert _count(world, Connection) == 3


def test_id_that_means_several_is_wrong_use(world: World) -> None:
    with world.sessions.begin() as session:
        session.execute(sa.delete(AccountLink))
        for number, connection in enumerate(session.scalars(sa.select(Connection)).all()):
            connection.id = UUID(f"abcdef00-0000-4000-8000-00000000000{number}")

    result = farthing("connections", "renew", "abc")

    assert result.code == 2
    assert "3 connections start with 'abc'" in result.error
