"""What is known of each bank behind GoCardless: a registry of data, looked up by institution.

A bank that is not in it is read by :data:`DEFAULT`. To add one: an entry here, a fixture in
``tests/providers/fixtures/banks`` and its line in ``docs/banks.md``, which a test compares.
"""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase

from providers.gocardless.banks.benelux import BENELUX
from providers.gocardless.banks.british import BRITISH
from providers.gocardless.banks.german import GERMAN
from providers.gocardless.banks.nordic import NORDIC
from providers.gocardless.banks.profile import (
    AVAILABLE_BALANCES,
    DEFAULT,
    BankProfile,
    Party,
    Text,
)
from providers.gocardless.banks.southern import SOUTHERN
from providers.gocardless.banks.worldwide import WORLDWIDE

__all__ = ["AVAILABLE_BALANCES", "DEFAULT", "REGISTRY", "BankProfile", "Party", "Text", "profile"]

REGISTRY: tuple[BankProfile, ...] = (
    *BENELUX,
    *BRITISH,
    *GERMAN,
    *NORDIC,
    *SOUTHERN,
    *WORLDWIDE,
)


@functools.cache
def profile(institution_id: str | None) -> BankProfile:
    """Return what is known of a bank: by its own id first, then by the family that it is of.

    :param institution_id: GoCardless's, such as ``REVOLUT_REVOLT21``; None where nobody told.
    """
    if institution_id is None:
        return DEFAULT
    wanted = institution_id.upper()
    for known in REGISTRY:
        if wanted in known.institutions:
            return known
    for known in REGISTRY:
        if any(fnmatchcase(wanted, family) for family in known.institutions):
            return known
    return DEFAULT
