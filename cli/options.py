"""What several commands take, and how a group of them is made."""

from __future__ import annotations

from typing import Annotated

import typer

User = Annotated[
    str | None,
    typer.Option(
        "--user", metavar="NAME", help="Whose; may be left out where there is only one user."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, or as much as makes it clear.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the user calls it.")]
Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Ids, or as much as makes them clear.")
]


def command_group(text: str, *, lists_by_itself: bool = False) -> typer.Typer:
    """Return a group of commands.

    :param lists_by_itself: the group without a command lists what there is.
    """
    return typer.Typer(
        help=text,
        no_args_is_help=not lists_by_itself,
        invoke_without_command=lists_by_itself,
        rich_markup_mode=None,
    )
