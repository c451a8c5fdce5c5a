"""How much speaks for a pair of legs being one transfer, without looking at other pairs.

Points are half steps: two of them make a pair twice as likely. Where they come from is measured by
``benchmarks/transfers.py`` on made-up households, and nothing here is fitted to one of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from postgres.common.enums import TransactionKind
from postgres.common.matching.legs import Account, Leg, Pair, Words, is_iban, words

LINK = 6
"""Points from which a pair needs no question, if no other competes."""

SUGGEST = 4
"""Points from which a pair is worth a question."""

MARGIN = 3
"""Points that a pair must be ahead of its competitors. None below ``SUGGEST`` holds up a link."""

_SAME_AMOUNT = 6
_NEAR_RATE = 5
_FAR_RATE = 4
_LAG = {0: 2, 1: 1, 2: 0, 3: 0, -1: 0, -2: -1, -3: -1}
_OWN_NUMBER = 20
_NUMBER_IN_TEXT = 8
_SAME_PARTY = 4
_NAMED = 4
_KIND = 2
_OTHER_NAME = -4
_OTHER_TEXT = -2
_STRANGER = -4
_FROM_CARD = -3

# What banks leave to each other of an exchange at the reference rate; fees widen it downwards.
_NEAR = (Decimal("0.985"), Decimal("1.01"))

_MOVING_KINDS = frozenset(
    {TransactionKind.TRANSFER, TransactionKind.DEPOSIT, TransactionKind.WITHDRAWAL}
)
_TRANSFER_WORDS = words(
    "transfer transfers tfr xfer trf savings saving sweep topup deposit withdrawal thank thanks "
    "umbuchung ubertrag uberweisung virement traspaso giroconto bonifico overboeking eigen own"
)
_SHORTEST_BEGINNING = 4
# A run of digits in a text that is the end of an account number, not a year or a store.
_SHORTEST_END = 6


@dataclass(frozen=True, slots=True)
class Weighed:
    """A pair with what speaks for it.

    :param points: see this module.
    :param reason: the same in words, for a person.
    """

    pair: Pair
    points: int
    reason: str

    @property
    def confidence(self) -> Decimal:
        """How likely it is by itself, 0 to 1, if anything speaks for it."""
        return round(1 - Decimal(2) ** (Decimal(-self.points) / 2), 2)


class _Says(Enum):
    NOTHING = "nothing"
    YES = "yes"
    NO = "no"


def weigh(pair: Pair, accounts: Mapping[uuid.UUID, Account]) -> Weighed | None:
    """Return what speaks for a pair; None if an account number tells that it is no transfer.

    :param accounts: all accounts of the user, by id.
    """
    out, into = pair.outgoing, pair.incoming
    numbers = {_number_says(out, into, accounts), _number_says(into, out, accounts)}
    if _Says.NO in numbers:
        return None
    found = [_of_amount(pair), _of_lag(pair.lag)]
    if _Says.YES in numbers:
        found.append((_OWN_NUMBER, "the counterparty's account number is that of your own account"))
    found += _of_texts(pair, accounts)
    return Weighed(
        pair, sum(points for points, _ in found), ", ".join(words for _, words in found if words)
    )


def _number_says(leg: Leg, other: Leg, accounts: Mapping[uuid.UUID, Account]) -> _Says:
    """Ask the counterparty's number of one leg about the account of the other."""
    if not leg.number:
        return _Says.NOTHING
    named = {a.id for a in accounts.values() if any(_are_one(leg.number, n) for n in a.numbers)}
    if other.account_id in named:
        return _Says.YES
    if named:
        # Some banks write the account's own number there.
        return _Says.NOTHING if leg.account_id in named else _Says.NO
    theirs = accounts[other.account_id].numbers
    comparable = any(is_iban(n) or len(n) == len(leg.number) for n in theirs)
    return _Says.NO if comparable else _Says.NOTHING


def _are_one(number: str, other: str) -> bool:
    # The end of an IBAN is the number that the bank itself uses.
    return number.endswith(other) or other.endswith(number)


def _of_amount(pair: Pair) -> tuple[int, str]:
    if pair.is_exchange:
        is_near = _NEAR[0] <= pair.kept <= _NEAR[1]
        return (
            (_NEAR_RATE, "near the day's rate") if is_near else (_FAR_RATE, "about the day's rate")
        )
    return (_SAME_AMOUNT, "the same amount") if pair.kept == 1 else (0, "the same amount but a fee")


def _of_lag(lag: int) -> tuple[int, str]:
    if lag == 0:
        return _LAG[lag], "on the same day"
    days = "1 business day" if abs(lag) == 1 else f"{abs(lag)} business days"
    return _LAG[lag], f"{days} later" if lag > 0 else f"{days} earlier"


def _of_texts(pair: Pair, accounts: Mapping[uuid.UUID, Account]) -> list[tuple[int, str]]:
    out, into = pair.outgoing, pair.incoming
    found = []
    if accounts[out.account_id].is_credit_card:
        found.append((_FROM_CARD, "but from a credit card, which is there to spend"))
    if {out.kind, into.kind} & _MOVING_KINDS:
        found.append((_KIND, "booked as a deposit, withdrawal or transfer"))
    if _shows_number(out, accounts[into.account_id]) or _shows_number(
        into, accounts[out.account_id]
    ):
        found.append((_NUMBER_IN_TEXT, "its text has the number of your own account"))
    is_named = _names(out, into, accounts) or _names(into, out, accounts)
    if is_named:
        found.append((_NAMED, "its text names your own account"))
    strangers = 0 if pair.is_exchange else out.is_of_stranger + into.is_of_stranger
    if strangers:
        found.append((_STRANGER * strangers, "but with somebody known from other payments"))
    if _are_alike(out.party, into.party):
        found += [] if strangers else [(_SAME_PARTY, "the same name on both sides")]
    elif out.party and into.party and not is_named and not _are_called(out, into):
        points = _OTHER_NAME if out.has_name and into.has_name else _OTHER_TEXT
        found.append((points, "but different names"))
    return found


def _are_called(out: Leg, into: Leg) -> bool:
    """Tell whether what stands for a name says on both sides that it is a transfer."""
    return bool(out.party & _TRANSFER_WORDS and into.party & _TRANSFER_WORDS)


def _shows_number(leg: Leg, other: Account) -> bool:
    ends = [word for word in leg.text if word.isdigit() and len(word) >= _SHORTEST_END]
    return any(number.endswith(end) for number in other.numbers for end in ends)


def _names(leg: Leg, other: Leg, accounts: Mapping[uuid.UUID, Account]) -> bool:
    """Tell whether a leg's text names the other account, by what its own is not called as well."""
    telling = accounts[other.account_id].labels - accounts[leg.account_id].labels
    return any(label <= leg.text for label in telling)


def _are_alike(party: Words, other: Words) -> bool:
    """Tell whether the shorter of two names is in the other; banks leave words out and cut them."""
    few, many = sorted((party - _TRANSFER_WORDS, other - _TRANSFER_WORDS), key=len)
    return bool(few) and all(any(_is_same(a, b) for b in many) for a in few)


def _is_same(word: str, other: str) -> bool:
    if min(len(word), len(other)) < _SHORTEST_BEGINNING:
        return word == other
    return word.startswith(other) or other.startswith(word)
