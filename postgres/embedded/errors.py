"""What goes wrong with the embedded server."""

from __future__ import annotations

from farthing.errors import FarthingError


class EmbeddedServerError(FarthingError):
    """The embedded server cannot be found, started or stopped; the message says why in one line."""
