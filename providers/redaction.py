"""Makes a text of unknown content fit for a message: one short line, no secret, no IBAN."""

from __future__ import annotations

import base64
import re
import threading
import urllib.parse

MASK = "***"
_MAX_LENGTH = 200
# A secret shorter than this would mask half of every sentence.
_SHORTEST_SECRET = 4

_PATTERNS = (
    # JSON web tokens and whatever stands behind an authentication scheme
    re.compile(r"eyJ[\w-]+(?:\.[\w-]*){0,2}"),
    re.compile(r"\b(?:bearer|basic)\s+\S+", re.IGNORECASE),
    # user:password@ and the query of a URL
    re.compile(r"(?<=//)[^/\s@]+@"),
    re.compile(r"(?<=\S)\?\S+=\S*"),
    # IBAN, in one piece or in groups of four
    re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?\b"),
    # card and account numbers: long runs of digits; longer still when grouped, to spare dates
    re.compile(r"(?<![\w-])(?:\d{8,}|\d(?:[ -]?\d){11,})(?![\w-])"),
)


class Redactor:
    """Knows the secrets of one client and the look of those that it cannot know."""

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def learn(self, *secrets: str) -> None:
        """Mask these from now on, in every form in which they travel."""
        found = {form for secret in secrets for form in _forms(secret)}
        with self._lock:
            # Longest first: a secret inside another one must not leave the rest of it standing.
            self._forms = tuple(sorted(found.union(self._forms), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Return one line of at most 200 characters without anything secret."""
        for form in self._forms:
            text = text.replace(form, MASK)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= _MAX_LENGTH else line[: _MAX_LENGTH - 1].rstrip() + "…"


def _forms(secret: str) -> set[str]:
    if len(secret) < _SHORTEST_SECRET:
        return set()
    raw = secret.encode()
    return {
        secret,
        urllib.parse.quote(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(raw).decode(),
        raw.hex(),
    }
