"""``farthing notifications`` and ``farthing channels``: what is said, and where else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.models import User
from postgres.auth.operations import users
from postgres.common.enums import NotificationType
from postgres.common.models import NotificationChannel
from postgres.common.operations import notifications
from tests.cli.support import farthing
from tests.ingestion.receiver import PASSWORD, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def said(ann: str, ledger: sessionmaker[Session]) -> None:
    """Two things were said to the only user."""
    with ledger.begin() as session:
        user_id = session.scalars(sa.select(User.id)).one()
        for text in ("Food is over its budget.", "The bank did not answer."):
            notifications.notify(session, user_id, NotificationType.BUDGET_EXCEEDED, text, text)


@pytest.fixture
def phone(ann: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A channel that the only user has made."""
    monkeypatch.setenv("FARTHING_CHANNEL_URL", receiver.address("phone"))
    assert farthing("channels", "add", "phone").code == 0
    return receiver


def stored(ledger: sessionmaker[Session]) -> list[NotificationChannel]:
    with ledger() as session:
        return list(session.scalars(sa.select(NotificationChannel)))


@pytest.mark.usefixtures("said")
def test_what_was_said_is_listed_and_can_be_read() -> None:
    listed = farthing("notifications", "list", "--json").json
    assert {row["message"] for row in listed} == {
        "Food is over its budget.", "The bank did not answer."
    }  # fmt: skip
    assert {row["type"] for row in listed} == {"budget_exceeded"}

    result = farthing("notifications", "read", listed[0]["id"][:8])

    assert (result.code, result.out) == (0, "1 notification read.\n")
    unread = farthing("notifications", "list", "--unread", "--json").json
    assert [row["id"] for row in unread] == [listed[1]["id"]]
    shown = farthing("notifications", "list").out
    assert "unread" in shown
    assert "Food is over its budget." in shown


@pytest.mark.usefixtures("said")
def test_everything_can_be_read_at_once() -> None:
    assert farthing("notifications", "read", "--all").out == "2 notifications read.\n"
    assert farthing("notifications", "read", "--all").out == "0 notifications read.\n"
    assert farthing("notifications", "list", "--unread").out == "There is nothing to read.\n"


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("arguments", [(), ("--all", "abc"), ("zzz",)])
def test_reading_needs_to_know_what(arguments: tuple[str, ...]) -> None:
    result = farthing("notifications", "read", *arguments)

    assert result.code == 2
    assert result.error


def test_a_channel_is_made_tried_and_removed(
    phone: Receiver, ledger: sessionmaker[Session]
) -> None:
    (row,) = farthing("channels", "list", "--json").json
    assert (row["name"], row["types"], row["is_enabled"]) == ("phone", None, True)
    assert "everything" in farthing("channels", "list").out

    tried = farthing("channels", "test", "PHONE")

    assert tried.code == 0
    assert [message.text for message in phone.messages] == ["Farthing can reach you here."]
    assert farthing("channels", "remove", row["id"][:8]).code == 0
    assert stored(ledger) == []
    assert "nothing is sent anywhere" in farthing("channels", "list").out


def test_nothing_that_is_shown_holds_the_address(phone: Receiver) -> None:
    phone.answer = lambda _path: 500
    results = [
        farthing("channels", "list"),
        farthing("channels", "list", "--json"),
        farthing("channels", "test", "phone"),
        farthing("channels", "add", "phone"),
        farthing("channels", "remove", "phone"),
    ]

    assert [result.code for result in results] == [0, 0, 1, 1, 0]
    assert results[2].error == "the service answered 500"
    assert "'phone'" in results[3].error
    assert PASSWORD not in "".join(result.out + result.err for result in results)


def test_a_channel_gets_the_types_that_were_asked_for(
    ann: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_CHANNEL_URL", receiver.address("phone"))

    wrong = farthing("channels", "add", "phone", "--type", "gossip")
    right = farthing(
        "channels", "add", "phone", "--type", "sync_failed", "--type", "budget_exceeded"
    )

    assert (wrong.code, right.code) == (2, 0)
    assert "'gossip'" in wrong.error
    assert "sync_failed" in wrong.error
    (row,) = farthing("channels", "list", "--json").json
    assert row["types"] == ["budget_exceeded", "sync_failed"]
    assert "budget_exceeded, sync_failed" in farthing("channels", "list").out


def test_an_address_that_is_none_is_wrong_and_not_repeated(
    ann: str, ledger: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_CHANNEL_URL", f"nonsense://ann:{PASSWORD}@example.org")

    result = farthing("channels", "add", "phone")

    assert result.code == 2
    assert "Apprise" in result.error
    assert PASSWORD not in result.err
    assert stored(ledger) == []


def test_without_terminal_or_variable_it_says_what_to_set(ann: str) -> None:
    result = farthing("channels", "add", "phone")

    assert result.code == 2
    assert result.error.startswith("FARTHING_CHANNEL_URL is not set")


def test_channels_are_their_users_own(phone: Receiver, ledger: sessionmaker[Session]) -> None:
    with ledger.begin() as session:
        users.create_user(session, "bob", "correct horse")

    assert farthing("channels", "list", "--user", "bob", "--json").json == []
    for action in ("test", "remove"):
        result = farthing("channels", action, "phone", "--user", "bob")
        assert result.code == 2
        assert "there is no channel 'phone'" in result.error
    assert phone.messages == []
    assert len(stored(ledger)) == 1
