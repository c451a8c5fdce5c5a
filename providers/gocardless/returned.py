"""What a user's browser brings back from the consent page.

It is sent to the redirect address with ``ref``, our reference, and, when no consent was given, with
``error`` and ``details`` [seen in clients of the API; the names are not in its specification].
"""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

_LONGEST_NAME = 60

REASONS = {
    "UserCancelledSession": "you refused it, or left the bank's page",
    "UnknownError": "the bank gave no reason; try again, and ask the bank if it happens again",
    "SSNVerificationFailed": "the bank could not verify the social security number",
    "InstitutionTechnicalError": "the bank has a technical problem; try again later",
    "GoCardlessTechnicalError": "GoCardless has a technical problem; try again later",
    "RequisitionLinkReused": "the link has been used before; ask for a new one",
}


@dataclass(frozen=True, slots=True)
class Returned:
    """How a user came back.

    :param reference: what we called the consent; None: the browser did not come from there.
    :param error: the provider's name for what went wrong; None: nothing did.
    """

    reference: str | None
    error: str | None

    @property
    def reason(self) -> str | None:
        """What went wrong, for the user; None: nothing did."""
        if self.error is None:
            return None
        return REASONS.get(self.error, f"the bank says {self.error}")


def read_return(query: str) -> Returned:
    """Read the query of the address that a browser came back to. Anybody can have written it.

    :param query: with or without what stands before it in the address.
    """
    fields = urllib.parse.parse_qs(query.partition("?")[2] if "?" in query else query)
    error = _field(fields, "error")
    if error is not None:
        error = "".join(sign for sign in error if sign.isalnum())[:_LONGEST_NAME] or "UnknownError"
    return Returned(_field(fields, "ref"), error)


def _field(fields: dict[str, list[str]], name: str) -> str | None:
    given = fields.get(name, [])
    return given[0] if given else None
