"""Everything that can be typed: names, options and help. What a command does is in its module."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cli.connection_commands import accounts_group, connect_group, connections_group, institutions
from cli.options import Ids, Json, Name, User, command_group

# Help without colours: the library for them would take longer to load than all the rest.
app = typer.Typer(
    help="Every farthing accounted for: bank and broker data in your own PostgreSQL.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
database_group = command_group("The database: upgrade, address, backup, keys.")
user_group = command_group("Whose money it is.")
recurring_group = command_group("Payments that come back: accept them, or dismiss them.")
notifications_group = command_group("What Farthing has to say.")
channels_group = command_group("Where it is said as well: Telegram, mail, ntfy and others.")
quarantine_group = command_group("Rows that could not be placed in the ledger.")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"farthing {version('farthing')}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that belong to no command."""


@app.command()
def demo() -> int:
    """Show everything on a made-up household; needs no account."""
    from cli import demo

    return demo.run()


@app.command()
def up() -> int:
    """Serve the web UI on 127.0.0.1:3000 and run the schedules."""
    from cli import serve

    return serve.up()


@app.command()
def down() -> int:
    """Stop everything that runs for this home."""
    from cli import serve

    return serve.down()


@app.command()
def sync(
    connection: Annotated[
        str | None, typer.Option("--connection", metavar="ID", help="Read only this connection.")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="First day; by default where it left off."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day; by default today.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Read every connection and renew ledger and analysis."""
    from cli import sync

    return sync.run(connection, first=first, last=last, as_json=as_json)


@app.command()
def replay(
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="Only this account; by default all."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Make the ledger again from what the providers answered; asks nobody."""
    from cli import replay

    return replay.run(account, as_json=as_json)


@app.command()
def status(user: User = None, as_json: Json = False) -> None:
    """Show freshness, consents, quotas and what does not add up."""
    from cli import status

    status.show(user, as_json=as_json)


@user_group.command("create")
def create_user(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Create a user. The password is asked for, or taken from FARTHING_PASSWORD."""
    from cli import user

    user.create(name)


@user_group.command("export")
def export_user(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Is made; must not exist.")],
) -> None:
    """Write all of a user's data into a folder, a CSV file a table."""
    from cli import user

    user.export(name, folder)


@user_group.command("erase")
def erase_user(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    confirmed: Annotated[
        bool, typer.Option("--yes", help="Do not ask for the name again.")
    ] = False,
) -> None:
    """Remove a user and everything that is theirs, for good."""
    from cli import user

    user.erase(name, confirmed=confirmed)


@recurring_group.command("list")
def list_recurring(
    user: User = None,
    why: Annotated[
        bool, typer.Option("--why", help="Say of each how it comes, and why it was found.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the patterns, the next one due first."""
    from cli import recurring

    recurring.show(user, why=why, as_json=as_json)


@recurring_group.command("accept")
def accept_recurring(patterns: Ids, user: User = None) -> None:
    """Count on what was found."""
    from cli import recurring

    recurring.decide("accept", patterns, user)


@recurring_group.command("dismiss")
def dismiss_recurring(patterns: Ids, user: User = None) -> None:
    """Turn down what was found; it is not proposed again."""
    from cli import recurring

    recurring.decide("dismiss", patterns, user)


@recurring_group.command("pause")
def pause_recurring(patterns: Ids, user: User = None) -> None:
    """Stop counting on a pattern for a while."""
    from cli import recurring

    recurring.decide("pause", patterns, user)


@recurring_group.command("resume")
def resume_recurring(patterns: Ids, user: User = None) -> None:
    """Count on a paused pattern again."""
    from cli import recurring

    recurring.decide("resume", patterns, user)


@recurring_group.command("cancel")
def cancel_recurring(patterns: Ids, user: User = None) -> None:
    """End a pattern for good; it is not proposed again."""
    from cli import recurring

    recurring.decide("cancel", patterns, user)


@quarantine_group.command("list")
def list_quarantine(user: User = None, as_json: Json = False) -> None:
    """Show what was set aside, and why."""
    from cli import quarantine

    quarantine.show(user, as_json=as_json)


@quarantine_group.command("retry")
def retry_quarantine(rows: Ids, user: User = None) -> int:
    """Read rows again, and place those that can be placed now."""
    from cli import quarantine

    return quarantine.retry(rows, user)


@quarantine_group.command("drop")
def drop_quarantine(rows: Ids, user: User = None) -> None:
    """Do without rows; they are kept as delivered."""
    from cli import quarantine

    quarantine.drop(rows, user)


@notifications_group.command("list")
def list_notifications(
    user: User = None,
    unread: Annotated[bool, typer.Option("--unread", help="Only what was not read yet.")] = False,
    as_json: Json = False,
) -> None:
    """Show the notifications, the newest first."""
    from cli import notifications

    notifications.show(user, only_unread=unread, as_json=as_json)


@notifications_group.command("read")
def read_notifications(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]")] = None,
    user: User = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Mark notifications as read."""
    from cli import notifications

    notifications.read(ids or [], user, everything=everything)


@channels_group.command("list")
def list_channels(user: User = None, as_json: Json = False) -> None:
    """Show the channels, without their addresses."""
    from cli import channels

    channels.show(user, as_json=as_json)


@channels_group.command("add")
def add_channel(
    name: Name,
    user: User = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Send this type only; may be repeated."),
    ] = None,
) -> None:
    """Send notifications to a channel from now on.

    Its address, a URL of Apprise such as ntfy://topic, is asked for, or taken from
    FARTHING_CHANNEL_URL, and stored encrypted.
    """
    from cli import channels

    channels.add(name, user, types or [])


@channels_group.command("test")
def try_channel(name: Name, user: User = None) -> None:
    """Send a message to a channel at once."""
    from cli import channels

    channels.try_out(name, user)


@channels_group.command("remove")
def remove_channel(name: Name, user: User = None) -> None:
    """Send nothing to a channel any more, and forget its address."""
    from cli import channels

    channels.remove(name, user)


@database_group.command("upgrade")
def upgrade_database() -> None:
    """Bring the schema to this version. Every command that needs it does so by itself."""
    from cli import database

    database.upgrade()


@database_group.command("url")
def show_url() -> None:
    """Print the database's address, password included, for psql and other programs."""
    from cli import database

    database.show_url()


@database_group.command("backup")
def back_up(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write the whole database into a file. The encryption key is not in it."""
    from cli import database

    database.backup(file)


@database_group.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is in the database.")
    ] = False,
) -> None:
    """Read a backup into an empty database, whole or not at all."""
    from cli import database

    database.restore(file, force=force)


@database_group.command("rotate-keys")
def rotate_keys(
    new_key: Annotated[
        bool,
        typer.Option("--new-key", help="Generate one in front of those in the key file first."),
    ] = False,
) -> int:
    """Encrypt every stored secret anew with the newest key.

    It can be stopped and run again. Once it renews nothing, the older keys can be dropped.
    """
    from cli import rotation

    return rotation.rotate_keys(with_new_key=new_key)


app.command()(institutions)
app.add_typer(user_group, name="user")
app.add_typer(connect_group, name="connect")
app.add_typer(connections_group, name="connections")
app.add_typer(accounts_group, name="accounts")
app.add_typer(recurring_group, name="recurring")
app.add_typer(notifications_group, name="notifications")
app.add_typer(channels_group, name="channels")
app.add_typer(quarantine_group, name="quarantine")
app.add_typer(database_group, name="db")
