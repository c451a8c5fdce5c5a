"""What the matcher knows of accounts and transactions; nothing here asks the database."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from postgres.common.enums import TransactionKind

Words = frozenset[str]

_SHORTEST_NUMBER = 8
_MASKED = re.compile(r"[*•]|[Xx]{3}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")

# What tells nobody from anybody: titles, legal forms, how banks call any payment, months.
_COMMON_WORDS = frozenset(
    {
        "the", "and", "und", "von", "van", "der", "den", "des", "dos", "mrs", "miss", "mister",
        "ltd", "limited", "plc", "llp", "inc", "llc", "gmbh", "sarl", "bank", "account", "acc",
        "payment", "paid", "pay", "from", "ref", "reference", "card", "online", "mobile", "via",
        "faster", "standing", "order", "direct", "debit", "credit", "bill", "bacs", "sepa", "giro",
        "visa", "mastercard", "contactless", "purchase", "receipt", "received", "transaction",
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """One of the user's own accounts.

    :param numbers: every number that a counterparty field may show it under, normalised.
    :param labels: what a text may call it, such as its bank's name; all words of one must be there.
    """

    id: uuid.UUID
    numbers: frozenset[str]
    labels: frozenset[Words]
    is_credit_card: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """One booked movement.

    :param number: the counterparty's account number, normalised; empty if unknown or masked.
    :param party: the words that tell who the counterparty is: of its name, else of the description.
    :param has_name: they are of its name.
    :param text: all words of name and description.
    :param is_of_stranger: the counterparty was paid, or paid, before, and it never was a transfer.
    """

    id: uuid.UUID
    account_id: uuid.UUID
    day: dt.date
    kind: TransactionKind
    number: str
    party: Words
    has_name: bool
    text: Words
    is_of_stranger: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """An outgoing and an incoming leg that may be one transfer.

    :param lag: business days from the one to the other; negative: the money came before it left.
    :param kept: how much arrived for one that left, at the reference rate; 1: the same amount.
    :param is_exchange: the legs are in different currencies.
    """

    outgoing: Leg
    incoming: Leg
    lag: int
    kept: Decimal
    is_exchange: bool

    @property
    def accounts(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Where the money went from and to."""
        return self.outgoing.account_id, self.incoming.account_id


def normalise_number(text: str | None) -> str:
    """Return the letters and digits of an account number; empty if it is masked or too short."""
    if not text or _MASKED.search(text):
        return ""
    number = "".join(c for c in text.upper() if c.isascii() and c.isalnum())
    return number if len(number) >= _SHORTEST_NUMBER else ""


def is_iban(number: str) -> bool:
    """Tell whether a normalised number has the form of an IBAN."""
    return _IBAN.fullmatch(number) is not None


def words(*texts: str | None) -> Words:
    """Return the words of some texts without accents and case: letters, or digits, of three up."""
    folded = unicodedata.normalize("NFKD", " ".join(text for text in texts if text)).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return frozenset(re.findall(r"[^\W\d_]{3,}|\d{3,}", plain))


def names(*texts: str | None) -> Words:
    """Return the words that tell one name from another."""
    return frozenset(word for word in words(*texts) - _COMMON_WORDS if word.isalpha())


def labels(texts: Iterable[str | None]) -> frozenset[Words]:
    """Return what each of some texts calls an account by; nothing where it has but common words."""
    return frozenset(label for text in texts if (label := words(text) - _COMMON_WORDS))
