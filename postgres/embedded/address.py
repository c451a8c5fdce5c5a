"""Where the running server listens, and as whom to enter it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Address:
    """How to reach a running server.

    :param socket_dir: directory of its unix socket, for clients that prefer it to TCP.
    """

    port: int
    user: str
    password: str = field(repr=False)
    socket_dir: Path
    host: str = "127.0.0.1"

    def url(self, database: str) -> str:
        """Return the URL of a database on this server, with the password in it."""
        credentials = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{credentials}@{self.host}:{self.port}/{quote(database, safe='')}"
