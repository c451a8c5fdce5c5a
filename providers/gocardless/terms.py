"""For how long and how far back a consent at a bank can be asked for.

The limits of an institution are its own [spec: ``transaction_total_days``,
``max_access_valid_for_days``, ``max_access_valid_for_days_reconfirmation``]. All scopes are asked
for together, since banks refuse one without another, or without the one that they insist on; a bank
that does not support them all says which it does [spec: errors of ``access_scope``].
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from providers.errors import Rejected
from providers.gocardless.client import ALL_SCOPES
from providers.gocardless.models import Institution

_SUPPORTED = re.compile(r"access scopes supported by the institution are \[(?P<scopes>[^\]]*)\]")

SEPARATE_HISTORY_DAYS = 90
"""How far back a consent that lasts reaches where history takes one of its own."""
_HISTORY_CONSENT_DAYS = 1
_RECONFIRMED_BEYOND_DAYS = 90


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement is asked for with.

    :param is_reconfirmed: the user confirms it once more every 90 days.
    """

    history_days: int
    access_days: int
    is_reconfirmed: bool = False


def longest_terms(bank: Institution, *, with_reconfirmation: bool = True) -> Terms:
    """Return the terms of the consent that can be read with for longest.

    :param with_reconfirmation: whether a consent that has to be confirmed will do.
    """
    history_days = bank.transaction_total_days
    if bank.separates_history:
        history_days = min(history_days, SEPARATE_HISTORY_DAYS)
    confirmed_days = bank.max_access_valid_for_days_reconfirmation
    if (
        with_reconfirmation
        and confirmed_days is not None
        and confirmed_days > max(bank.max_access_valid_for_days, _RECONFIRMED_BEYOND_DAYS)
    ):
        return Terms(history_days, confirmed_days, is_reconfirmed=True)
    return Terms(history_days, bank.max_access_valid_for_days)


def history_terms(bank: Institution) -> Terms:
    """Return the terms of a consent for all days that the bank has, which ends the next day."""
    return Terms(bank.transaction_total_days, _HISTORY_CONSENT_DAYS)


def supported_scopes(refusal: Rejected) -> tuple[str, ...]:
    """Return the scopes that a bank says it supports, when it refuses others; empty: none said."""
    found = _SUPPORTED.search(str(refusal))
    return tuple(each for each in ALL_SCOPES if found and each in found["scopes"])
