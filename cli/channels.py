"""``farthing channels``: where a user is told, beside the web UI and this command."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pydantic import SecretStr
from rich.text import Text
from sqlalchemy.orm import Session

from cli.errors import WrongUseError
from cli.output import GOOD, QUIET, print_json, print_table, say, short, working
from cli.prompts import asked
from cli.session import choose_user, match, opened
from ingestion import channels
from postgres.common.enums import NotificationType
from postgres.common.models import NotificationChannel
from postgres.common.operations import notification_channels
from postgres.paging import LARGEST_LIMIT

_ADDRESS = "FARTHING_CHANNEL_URL"


def add(name: str, user: str | None, types: Sequence[str]) -> None:
    """Check an address, and send a user's notifications there from now on.

    :param types: values of notification types; none means all.
    :raises WrongUseError: if there is no such type.
    :raises AddressError: if the address is none.
    :raises AlreadyExistsError: if the user has a channel of that name.
    """
    wanted = [_type(each) for each in types] or None
    with opened() as ledger:
        with ledger.database.sessions() as session:
            user_id = choose_user(session, user).id
        address = SecretStr(asked(_ADDRESS, "Address, such as ntfy://topic"))
        channels.check_address(address)
        with ledger.database.sessions.begin() as session:
            notification_channels.create_channel(
                session, user_id, name=name, address=address, box=ledger.run.secrets, types=wanted
            )
    say(f"What is said from now on goes to {name} too; `farthing channels test {name}` tries it.")


def show(user: str | None, *, as_json: bool) -> None:
    """List one user's channels."""
    with opened() as ledger, ledger.database.sessions() as session:
        rows = _all(session, choose_user(session, user).id)
    if as_json:
        print_json(
            [
                {"id": r.id, "name": r.name, "types": r.types, "is_enabled": r.is_enabled}
                for r in rows
            ]
        )
        return
    if not rows:
        say("None: nothing is sent anywhere. `farthing channels add NAME` makes one.")
        return
    print_table(
        ("Id", "Name", "Gets", ""),
        [
            (
                short(row.id),
                row.name,
                "everything" if row.types is None else ", ".join(row.types),
                Text("on", GOOD) if row.is_enabled else Text("off", QUIET),
            )
            for row in rows
        ],
    )


def try_out(name: str, user: str | None) -> None:
    """Send a message to a channel at once.

    :raises WrongUseError: if there is no such channel.
    :raises SendError: if it does not arrive.
    """
    with opened() as ledger:
        with ledger.database.sessions() as session:
            channel = _choose(session, choose_user(session, user).id, name)
        address = notification_channels.address_of(channel, ledger.run.secrets)
        with working(f"Sending to {channel.name}"):
            channels.send(address, "Farthing can reach you here.", key=f"test:{channel.id}")
    say(f"{channel.name} has taken the message.")


def remove(name: str, user: str | None) -> None:
    """Send nothing to a channel any more, and forget its address.

    :raises WrongUseError: if there is no such channel.
    """
    with opened() as ledger, ledger.database.sessions.begin() as session:
        channel = _choose(session, choose_user(session, user).id, name)
        notification_channels.delete_channel(session, channel.user_id, channel.id)
    say(f"{channel.name} is removed.")


def _type(text: str) -> NotificationType:
    try:
        return NotificationType(text)
    except ValueError:
        known = ", ".join(NotificationType)
        message = f"there is no type {text!r} of notifications; there is {known}"
        raise WrongUseError(message) from None


def _choose(session: Session, user_id: UUID, name: str) -> NotificationChannel:
    """Return the channel of that name, or else of that id."""
    known = {row.id: row for row in _all(session, user_id)}
    for row in known.values():
        if row.name.casefold() == name.casefold():
            return row
    return known[match(name, known, what="channel", listed_by="farthing channels list")]


def _all(session: Session, user_id: UUID) -> Sequence[NotificationChannel]:
    return notification_channels.list_channels(session, user_id, limit=LARGEST_LIMIT).items
