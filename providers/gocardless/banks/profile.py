"""The shape of what is known of a bank, and what holds for a bank of which nothing is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Party(StrEnum):
    """A name field that depends on which way the money goes."""

    NAMED = "creditor or debtor name"
    ULTIMATE = "ultimate creditor or debtor"


class Text(StrEnum):
    """A name that has to be read out of text."""

    REMITTANCE = "remittance text"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankProfile:
    """How one bank, or a family of banks, departs from the documentation.

    :param name: what a person calls it.
    :param institutions: GoCardless's ids; ``*`` stands for anything, so that a family is one entry.
    :param note: what is special, in one sentence; where it is known from is in ``sources``.
    :param trusted_ids: payload fields whose value is one row's alone.
    :param shared_ids: id fields whose value stands on rows that have nothing in common.
    :param volatile_fields: payload fields that change from fetch to fetch though nothing happened.
    :param placeholder_id: ids that stand for no id, matched whole.
    :param dates: fields that the day of a row is taken from, the best first.
    :param date_in_text: where the day of a purchase stands in the text; ISO or day first.
    :param is_inverted: amounts have the sign of what is owed, not of the money.
    :param unsigned_purchase: text of a pending purchase, which this bank sends without its minus.
    :param billed_in_text: the amount that was billed, where ``transactionAmount`` is a foreign one.
    :param billed_currency: what that amount is in, ISO 4217.
    :param payee: where the other side's name is looked for, the best first.
    :param payee_patterns: how a line of text names the other side, in the group ``payee``.
    :param noise: parts of text that say nothing and are left out.
    :param has_pending_names: whether the names of pending rows mean anything.
    :param has_pending_dates: whether a pending row's day is one, and not the last possible.
    :param stand_in_balances: types that are comparable with the booked rows where the bank sends no
        booked balance; lower case.
    :param history_days: how far back a consent can be read again after its first hour or so; None
        if as far as the bank says.
    :param accounts_per_consent: None if as many as the user has.
    """

    name: str
    institutions: tuple[str, ...]
    note: str
    sources: tuple[str, ...]
    trusted_ids: tuple[str, ...] = ("internalTransactionId",)
    shared_ids: tuple[str, ...] = ()
    volatile_fields: tuple[str, ...] = ()
    placeholder_id: re.Pattern[str] | None = None
    dates: tuple[str, ...] = ("bookingDate", "bookingDateTime", "valueDate", "valueDateTime")
    date_in_text: re.Pattern[str] | None = None
    is_inverted: bool = False
    unsigned_purchase: re.Pattern[str] | None = None
    billed_in_text: re.Pattern[str] | None = None
    billed_currency: str | None = None
    payee: tuple[str, ...] = (Party.NAMED, Text.REMITTANCE)
    payee_patterns: tuple[re.Pattern[str], ...] = ()
    noise: tuple[re.Pattern[str], ...] = ()
    has_pending_names: bool = True
    has_pending_dates: bool = True
    stand_in_balances: tuple[str, ...] = ()
    history_days: int | None = None
    accounts_per_consent: int | None = None


DEFAULT = BankProfile(
    name="Any other bank",
    institutions=(),
    note="as documented, by the rules that hold for most banks",
    sources=(),
)

VALUE_DATE_FIRST = ("valueDate", "valueDateTime", "bookingDate", "bookingDateTime")
AVAILABLE_BALANCES = frozenset({"interimavailable", "forwardavailable"})
"""Types of what can be spent, lower case; a credit line may be part of it."""

ONCE_BEYOND_DAYS = 90
"""Most banks that limit how often a long history is read allow this many days at any time."""
