"""Which row of an answer is which row of the store.

Ids are evidence, not keys: banks leave them out, reuse them and renumber them. A row is known by
the provider's own id where that is one row's alone, else by a fingerprint of its content and, among
equal rows, by its place: genuine twins stay two.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to tell one row from another.

    :param provider_id: an id that the provider gives to one row only; None where there is none.
    :param content: the facts that a repeat of the row repeats, in a fixed order.
    """

    provider_id: str | None
    content: tuple[Hashable, ...]

    @property
    def fingerprint(self) -> str:
        """A digest of the content; amounts that are equal as numbers are equal."""
        parts = (_plain(part) for part in self.content)
        written = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.sha256(written).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Identified:
    """The verdict on one row.

    :param key: stable over answers; unique within the account.
    :param is_repeat: the same row stood earlier in this answer.
    :param conflict: why the provider's id is not believed; None if it is.
    """

    key: str
    is_repeat: bool = False
    conflict: str | None = None


def identify(rows: Sequence[Evidence], occurrences: Counter[str] | None = None) -> list[Identified]:
    """Give every row of one answer its key, in the order of the rows.

    The same rows in any order get the same set of keys. A provider id that stands on two rows of
    different content is a conflict: one row keeps it, the other is keyed by its content as well.

    :param occurrences: how often earlier pages of the same answer had which fingerprint among rows
        without an id; counted on here.
    """
    verdicts: list[Identified] = []
    content_of: dict[str, str] = dict(_first_content(rows))
    occurrences = Counter() if occurrences is None else occurrences
    seen: set[str] = set()
    for row in rows:
        fingerprint = row.fingerprint
        if row.provider_id is None:
            occurrences[fingerprint] += 1
            verdicts.append(Identified(f"content:{fingerprint}:{occurrences[fingerprint]}"))
            continue
        key = f"id:{row.provider_id}"
        if content_of[row.provider_id] == fingerprint:
            verdicts.append(Identified(key, is_repeat=key in seen))
        else:
            key = f"{key}:{fingerprint}"
            conflict = "one provider id stands on two different rows of an answer"
            verdicts.append(Identified(key, is_repeat=key in seen, conflict=conflict))
        seen.add(key)
    return verdicts


def _first_content(rows: Sequence[Evidence]) -> Iterable[tuple[str, str]]:
    """Which content each provider id belongs to: the smallest fingerprint, whatever the order."""
    found: dict[str, str] = {}
    for row in rows:
        if row.provider_id is not None:
            known = found.get(row.provider_id)
            found[row.provider_id] = min(known, row.fingerprint) if known else row.fingerprint
    return found.items()


def _plain(part: Hashable) -> str:
    if isinstance(part, Decimal):
        # -12.0, -12.00 and -12 are one amount. Decimal.normalize() would round to 28 digits.
        digits = f"{part:f}" if part else "0"
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "\x00" if part is None else str(part)
