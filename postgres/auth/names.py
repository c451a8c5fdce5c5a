"""What a user's name looks like. Nothing here touches the database."""

from __future__ import annotations

import unicodedata

LONGEST = 100


def canonical(name: str) -> str:
    """Return a name as it is stored: composed, and without the white space that nobody sees."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def is_name(name: str) -> bool:
    """Tell whether a canonical name can be one: PostgreSQL does not take all that Python has."""
    return 0 < len(name) <= LONGEST and name.isprintable()
