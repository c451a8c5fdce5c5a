"""Commands about banks, consents and accounts: names, options and help."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import Id, Json, User, command_group

connect_group = command_group("Connect a bank or a broker.")
connections_group = command_group(
    "Consents and keys: how they stand, renew, remove.", lists_by_itself=True
)
accounts_group = command_group("Accounts, and which of them a bank means.", lists_by_itself=True)

Wait = Annotated[bool, typer.Option("--wait", help="Wait until the consent has been given.")]


def institutions(
    text: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Words of the name or the id; by default all."),
    ] = None,
    country: Annotated[
        str | None, typer.Option("--country", metavar="CODE", help="Two letters, such as GB.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which banks there are, and how far back and for how long they can be read."""
    from cli import institutions

    institutions.show(text, country, as_json=as_json)


@connect_group.command("gocardless")
def connect_gocardless(
    institution: Annotated[
        str,
        typer.Option(
            "--institution",
            metavar="ID",
            help="Id of the bank at GoCardless; with a name, similar ones are listed.",
        ),
    ],
    user: User = None,
    wait: Wait = False,
    another: Annotated[
        bool,
        typer.Option("--another", help="Connect it once more, such as with another login."),
    ] = False,
    all_history: Annotated[
        bool,
        typer.Option(
            "--all-history",
            help="Where a lasting consent does not reach all days, ask for those first.",
        ),
    ] = False,
) -> None:
    """Print the link under which a bank asks for consent."""
    from cli import connect

    connect.gocardless(user, institution, wait=wait, another=another, all_history=all_history)


@connect_group.command("trading212")
def connect_trading212(
    user: User = None,
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="The key is of a practice account, with play money.")
    ] = False,
    isa: Annotated[
        bool,
        typer.Option("--isa", help="The key is of an ISA, which is in no tax year."),
    ] = False,
    reports: Annotated[
        bool,
        typer.Option(
            "--reports",
            help="Read card payments from reports, once a week; Trading 212 tells you of each.",
        ),
    ] = False,
) -> None:
    """Check a key and store it encrypted.

    Key and secret are asked for, or taken from TRADING212_API_KEY and TRADING212_API_SECRET. An
    Invest account and an ISA have a key each, and nothing tells them apart: say --isa of the one.
    """
    from cli import connect

    connect.trading212(user, is_demo=demo, is_isa=isa, reads_exports=reports)


@connections_group.callback()
def connections_root(context: typer.Context, user: User = None, as_json: Json = False) -> None:
    """List connections, unless another command is given."""
    if context.invoked_subcommand is None:
        list_connections(user, as_json)


@connections_group.command("list")
def list_connections(user: User = None, as_json: Json = False) -> None:
    """Show days of consent left, the last success, and what failed."""
    from cli import connections

    connections.show(user, as_json=as_json)


@connections_group.command("renew")
def renew_connection(
    connection: Id,
    wait: Wait = False,
) -> None:
    """Print the link on which a consent is confirmed or given anew, whichever is due.

    The connection goes on reading until then.
    """
    from cli import connections

    connections.renew(connection, wait=wait)


@connections_group.command("remove")
def remove_connection(
    connection: Id,
    erase: Annotated[
        bool, typer.Option("--erase", help="Delete its accounts and their history as well.")
    ] = False,
) -> None:
    """End a connection. What was read stays, unless it is to be erased."""
    from cli import connections

    connections.remove(connection, erase=erase)


@accounts_group.callback()
def accounts_root(context: typer.Context, user: User = None, as_json: Json = False) -> None:
    """List accounts, unless another command is given."""
    if context.invoked_subcommand is None:
        list_accounts(user, as_json)


@accounts_group.command("list")
def list_accounts(user: User = None, as_json: Json = False) -> None:
    """Show the accounts, and those that you have to say something of."""
    from cli import accounts

    accounts.show(user, as_json=as_json)


@accounts_group.command("link")
def link_account(
    wanted: Id,
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Id of the account that it is.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="It is none of those that there are.")] = False,
    user: User = None,
) -> None:
    """Say which account one is that its bank gave no number of."""
    from cli import accounts

    accounts.link(wanted, account, new=new, user=user)


@accounts_group.command("set")
def set_account(
    account: Id,
    *,
    isa: Annotated[
        bool | None,
        typer.Option("--isa/--not-isa", help="Whether it is an ISA, which is in no tax year."),
    ] = None,
    counted: Annotated[
        bool | None,
        typer.Option(
            "--counted/--not-counted",
            help="Whether it is in net worth, spending and taxes; a practice account is not.",
        ),
    ] = None,
    user: User = None,
) -> None:
    """Say of an account what nobody else tells."""
    from cli import accounts

    accounts.set_facts(account, is_isa=isa, is_counted=counted, user=user)
