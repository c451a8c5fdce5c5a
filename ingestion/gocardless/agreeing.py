"""Ask a bank for a consent on the best terms that it gives, and lay it down at GoCardless."""

from __future__ import annotations

import uuid
from typing import Any

from providers.errors import AccessDenied, Rejected
from providers.gocardless import models
from providers.gocardless.client import ALL_SCOPES, GoCardlessClient
from providers.gocardless.terms import Terms, history_terms, longest_terms, supported_scopes


def agree(
    client: GoCardlessClient, bank: models.Institution, *, all_history: bool
) -> dict[str, Any]:
    """Make an agreement, as long and as far back as the bank allows.

    :param all_history: where a lasting consent reaches less far back than the bank does, ask for
        all days in one that ends the next day.
    :raises Rejected: if the bank gives no terms, or the month's free connections are used up.
    """
    if all_history:
        return _agree(client, bank, history_terms(bank))
    terms = longest_terms(bank)
    try:
        return _agree(client, bank, terms)
    except (AccessDenied, Rejected) as refusal:
        # Not every company may use reconfirmation, and not every bank that it is listed for has it.
        is_about_it = isinstance(refusal, AccessDenied) or "reconfirmation" in str(refusal)
        if not (terms.is_reconfirmed and is_about_it):
            raise
    return _agree(client, bank, longest_terms(bank, with_reconfirmation=False))


def require(
    client: GoCardlessClient, bank: models.Institution, agreement_id: str, redirect: str
) -> dict[str, Any]:
    """Make the link on which a user gives a consent that was agreed on."""
    payload: dict[str, Any] = client.create_requisition(
        bank.id, redirect=redirect, agreement_id=agreement_id, reference=str(uuid.uuid4())
    ).payload
    return payload


def _agree(client: GoCardlessClient, bank: models.Institution, terms: Terms) -> dict[str, Any]:
    def create(scopes: tuple[str, ...]) -> dict[str, Any]:
        payload: dict[str, Any] = client.create_agreement(
            bank.id,
            max_historical_days=terms.history_days,
            access_valid_for_days=terms.access_days,
            access_scope=scopes,
            reconfirmation=terms.is_reconfirmed,
        ).payload
        return payload

    try:
        return create(ALL_SCOPES)
    except Rejected as refusal:
        scopes = supported_scopes(refusal)
        if not scopes or scopes == ALL_SCOPES:
            raise
    return create(scopes)
