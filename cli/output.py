"""How things are shown: tables, money, days and JSON. The only place that prints.

Colour and moving parts are for terminals; a pipe or a log gets plain lines. What a provider sent is
never taken for markup or for control codes.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import Enum
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

# A pipe has no width; this fits a log, a page of documentation and most screens.
_PLAIN_WIDTH = 100
_SHORT_ID = 8
_CENTS = 2
# As long as a day, an id or a state.
_NEVER_FOLDED = 11

GOOD, BAD, DOUBTFUL, QUIET, HEADING = "green", "bold red", "yellow", "dim", "bold"

Cell = str | Text | None


def say(text: str | Text = "") -> None:
    """Print one line, wrapped at the width of the terminal."""
    _console().print(text if isinstance(text, Text) else Text(text))


def heading(text: str) -> None:
    """Print the title of a part, with a line before it."""
    say()
    say(Text(text, HEADING))


def raw(text: str) -> None:
    """Print a line exactly as it is, for other programs."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Tell something beside the point, on the error stream, so that no program reads it."""
    sys.stderr.write(f"{clean(text)}\n")


def print_json(value: object) -> None:
    """Print JSON: decimals as strings, dates as ISO 8601."""
    raw(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, numbers: Iterable[str] = ()
) -> None:
    """Print a table as wide as its content; where there is less room, long texts are folded.

    :param numbers: the columns that are set right.
    """
    cells = [[c if isinstance(c, Text) else Text(clean(c)) for c in row] for row in rows]
    widths = [max((len(row[index]) for row in cells), default=0) for index in range(len(columns))]
    console = _console()
    natural = sum(max(len(name), width) for name, width in zip(columns, widths, strict=True))
    # Two spaces between columns where there is room, else one.
    gap = int(natural + 2 * (len(columns) - 1) <= console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap, 0, 0))
    aligned = set(numbers)
    for name, width in zip(columns, widths, strict=True):
        table.add_column(
            name,
            justify="right" if name in aligned else "left",
            no_wrap=name in aligned or width <= _NEVER_FOLDED,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*row)
    console.print(table)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something long is under way: a spinner on a terminal, else a plain line."""
    console = Console(stderr=True)
    if not (console.is_terminal and sys.stdout.isatty()):
        note(f"{what} ...")
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(what)
        yield


def clean(text: str | None) -> str:
    """Return text in which nothing moves a cursor or changes a colour."""
    if not text:
        return ""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def money(amount: Decimal | None) -> str:
    """Return an amount with all its digits and at least two decimals; empty if unknown."""
    if amount is None:
        return ""
    exponent = amount.normalize().as_tuple().exponent
    places = max(_CENTS, -exponent if isinstance(exponent, int) else _CENTS)
    return f"{amount:,.{places}f}"


def short(identity: uuid.UUID) -> str:
    """Return as much of an id as people type."""
    return identity.hex[:_SHORT_ID]


def day(moment: dt.date | dt.datetime | None) -> str:
    """Return a day; empty if unknown."""
    if isinstance(moment, dt.datetime):
        moment = moment.astimezone(dt.UTC).date()
    return moment.isoformat() if moment else ""


def minute(moment: dt.datetime | None) -> str:
    """Return an instant to the minute, UTC; empty if unknown."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}" if moment else ""


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 row`` or ``2 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_words(pairs: Mapping[str, str]) -> None:
    """Print names with what they mean beside them."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, meaning in pairs.items():
        grid.add_row(Text(name, "cyan"), Text(meaning))
    _console().print(grid)


def _console() -> Console:
    # Made anew, because the streams of a process may be exchanged.
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=_PLAIN_WIDTH if piped else None, highlight=False, emoji=False)


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    message = f"{type(value).__name__} has no place in JSON"
    raise TypeError(message)
