"""How consents of one institution differ from the plain case, each under a switch of its own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, fields
from typing import Any, Self

from sandbox.accounts import Account, find_account
from sandbox.institutions import INSTITUTIONS, SCOPES

NUMBERS = ("iban", "bban", "scan", "maskedPan")
_NAMESPACE = uuid.UUID("5b3f3c57-9d1f-4d6e-8a83-0d6f3a1c9b52")


@dataclass(frozen=True)
class ConsentRules:
    """The switches of one institution. None of them changes what happened on an account.

    :param new_ids: each consent calls its accounts, and their rows, by new ids (C1, C11).
    :param numbers: ``none`` is told of any account; ``details`` alone have it (S2); ``masked``: a
        masked card number stands in place of the IBAN (S3).
    :param pockets: so many more accounts with the number and currency of the first (S5).
    :param currencies: more accounts with the number of the first, in these currencies (S4).
    :param most_accounts: a consent opens no more than these (C5).
    :param scopes: those that the institution has; others are refused.
    :param together: scopes that it gives only together.
    :param mandatory: scopes that it does not do without.
    :param separates_history: it has the feature ``separate_continuous_history_consent``.
    :param may_reconfirm: whether the company may enable reconfirmation.
    """

    new_ids: bool = False
    numbers: str = "told"
    pockets: int = 0
    currencies: tuple[str, ...] = ()
    most_accounts: int | None = None
    scopes: tuple[str, ...] = SCOPES
    together: tuple[str, ...] = ()
    mandatory: tuple[str, ...] = ()
    separates_history: bool = False
    may_reconfirm: bool = True

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Read the switches.

        :raises ValueError: if there is no such switch.
        """
        known = {each.name for each in fields(cls)}
        if not set(document) <= known:
            message = f"rules of consents are {', '.join(sorted(known))}"
            raise ValueError(message)
        lists = {name: tuple(value) for name, value in document.items() if isinstance(value, list)}
        return cls(**{**document, **lists})

    def opened(self, accounts: list[Account]) -> list[Account]:
        """Return the accounts that a consent opens, of those that there are."""
        if not accounts:
            return accounts
        pockets = [*range(1, self.pockets + 1), *self.currencies]
        more = [find_account(f"{accounts[0].key}#{pocket}") for pocket in pockets]
        return [*accounts, *more][: self.most_accounts]

    def identity(self, account: Account, seed: int, requisition_id: str, holder: int) -> str:
        """Return the id that GoCardless gives an account under a consent."""
        known = account.provider_id(seed, holder)
        return str(uuid.uuid5(_NAMESPACE, f"{requisition_id}/{known}")) if self.new_ids else known

    def metadata(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return what GoCardless itself says of an account."""
        return body if self.numbers == "told" else _without_numbers(body)

    def details(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return what the bank says of an account."""
        if self.numbers == "none":
            return _without_numbers(body)
        if self.numbers == "masked":
            masked = f"XXXX-XXXXXX-{str(body.get('iban') or body.get('maskedPan'))[-5:]}"
            return {**_without_numbers(body), "iban": masked}
        return body


@dataclass
class Consents:
    """The switches of all institutions."""

    rules: dict[str, ConsentRules] = field(default_factory=dict)

    def put(self, institution_id: object, document: dict[str, Any]) -> None:
        """Set the switches of an institution; those that are not given are off.

        :raises ValueError: if there is no such institution or switch.
        """
        if not isinstance(institution_id, str) or institution_id not in INSTITUTIONS:
            message = f"there is no institution {institution_id}"
            raise ValueError(message)
        self.rules[institution_id] = ConsentRules.from_json(document)

    def at(self, institution_id: str) -> ConsentRules:
        """Return the switches of an institution."""
        return self.rules.get(institution_id, _PLAIN)


def _without_numbers(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in NUMBERS}


_PLAIN = ConsentRules()
