"""Find the programs of PostgreSQL that fit a server."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from farthing.errors import FarthingError
from postgres.embedded import EmbeddedServerError, binaries

_DEBIAN = Path("/usr/lib/postgresql")


class ProgramMissingError(FarthingError):
    """A program of PostgreSQL is not installed, or only too old a version of it."""


def program(name: str, server: int) -> str:
    """Return the path of a program: of the server's own version, else of the next later one.

    A later one can read an older server, but what it writes may be new to that.

    :param server: major version of the server.
    :raises ProgramMissingError: if none is as new as the server.
    """
    versions = {path: version for path in _candidates(name) if (version := _version(path))}
    fitting = {path: version for path, version in versions.items() if version >= server}
    if fitting:
        return min(fitting, key=lambda path: fitting[path])
    found = f"only {max(versions.values())}" if versions else "none"
    message = f"{name} of PostgreSQL {server} or later is needed, there is {found}; install it"
    raise ProgramMissingError(message)


def _candidates(name: str) -> Iterator[str]:
    places: list[Path] = []
    # Without an embedded server, those of the system may do.
    with suppress(EmbeddedServerError):
        places.append(binaries.discover())
    places += sorted(_DEBIAN.glob("*/bin"))
    for place in places:
        if found := shutil.which(name, path=str(place)):
            yield found
    if found := shutil.which(name):
        yield found


def _version(path: str) -> int | None:
    result = subprocess.run(  # noqa: S603 - a program of PostgreSQL, without a shell
        [path, "--version"], capture_output=True, text=True, check=False
    )
    # Debian's wrapper fails where no server is installed.
    found = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    return int(found[1]) if found else None
