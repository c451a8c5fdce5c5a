"""The embedded default server: PostgreSQL without an installation, shared by all who use a home.

Only the binaries are somebody else's; who runs them, when they start and when they stop is ours.
"""

from postgres.embedded.address import Address
from postgres.embedded.errors import EmbeddedServerError
from postgres.embedded.server import EmbeddedServer

__all__ = ["Address", "EmbeddedServer", "EmbeddedServerError"]
