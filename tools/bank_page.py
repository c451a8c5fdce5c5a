"""Write docs/banks.md from the registry of banks.

``--check`` writes nothing and fails if what is there is not what would be written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pages import keep

from providers.gocardless.banks import DEFAULT, REGISTRY, BankProfile

_INTRODUCTION = """\
# Banks

What is known of banks behind GoCardless, and read accordingly. Written by `make docs` from
`providers/gocardless/banks`; [decision 0020](decisions/0020-banks.md) says how to add one. A bank
that is not here is read by the rules that hold for most.

| bank | institutions | what is special | how it is read |
|---|---|---|---|
"""

# How what departs from the default is put.
_PHRASES: dict[str, str | Callable[[Any], str]] = {
    "trusted_ids": lambda ids: f"identity from {', '.join(ids)}",
    "shared_ids": lambda ids: f"no identity from {', '.join(ids)}",
    "volatile_fields": lambda fields: f"changes by itself: {', '.join(fields)}",
    "placeholder_id": "placeholder ids dropped",
    "dates": lambda fields: f"dated by {fields[0]}",
    "date_in_text": "purchase day from the text",
    "is_inverted": "sign turned round",
    "unsigned_purchase": "pending purchases made negative",
    "billed_in_text": "amount billed from the text",
    "billed_currency": lambda code: f"billed in {code}",
    "payee": lambda sources: f"payee from {', then '.join(sources)}",
    "payee_patterns": "payee by patterns of the text",
    "noise": "clutter left out",
    "has_pending_names": "no payee while pending",
    "has_pending_dates": "no day while pending and still to come",
    "stand_in_balances": lambda types: f"counts as booked: {', '.join(types)}",
    "history_days": lambda days: f"{days} days at any time",
    "accounts_per_consent": lambda count: f"accounts a consent: {count}",
}


def main() -> int:
    """Write or check the page, and return the exit code."""
    return keep("banks.md", write(REGISTRY))


def write(registry: Sequence[BankProfile]) -> str:
    """Return the page."""
    return _INTRODUCTION + "".join(
        f"| {bank.name} | {_ids(bank)} | {bank.note} | {'; '.join(_rules(bank))} |\n"
        for bank in sorted(registry, key=lambda bank: bank.name.casefold())
    )


def _ids(bank: BankProfile) -> str:
    return " ".join(f"`{institution}`" for institution in bank.institutions)


def _rules(bank: BankProfile) -> Iterator[str]:
    for field, phrase in _PHRASES.items():
        value = getattr(bank, field)
        if value != getattr(DEFAULT, field):
            yield phrase(value) if callable(phrase) else phrase


if __name__ == "__main__":
    sys.exit(main())
