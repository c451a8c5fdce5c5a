"""Read consents and the accounts that they opened."""

from __future__ import annotations

import dataclasses
from typing import Any

from ingestion.accounts import for_each
from ingestion.gocardless.targets import (
    Consent,
    ConsentedAccount,
    consents,
    open_client,
)
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations.accounts import account_label
from postgres.core import lock
from postgres.gocardless.operations import agreements, bank_accounts, institutions, requisitions
from postgres.payload import storable
from providers.errors import AccessDenied
from providers.gocardless import models
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.rows import read_account


def pull_requisitions(run: Run) -> StepOutcome:
    """Read the state of every consent, with its agreement and institution."""
    targets = consents(run)
    if not targets:
        return StepOutcome("gocardless.requisitions", (), 0.0)
    with open_client(run) as client:

        def pull(consent: Consent) -> AccountOutcome:
            return _pull_requisition(run, client, consent)

        return for_each(run, "gocardless.requisitions", targets, pull)


def pull_bank_accounts(run: Run) -> StepOutcome:
    """Read the accounts of every linked consent; details only once, since each call counts."""
    targets = [
        ConsentedAccount(consent, account_id)
        for consent in consents(run)
        for account_id in consent.account_ids
    ]
    if not targets:
        return StepOutcome("gocardless.bank_accounts", (), 0.0)
    with open_client(run) as client:

        def pull(target: ConsentedAccount) -> AccountOutcome:
            return _pull_bank_account(run, client, target)

        return for_each(run, "gocardless.bank_accounts", targets, pull)


def _pull_requisition(run: Run, client: GoCardlessClient, consent: Consent) -> AccountOutcome:
    """Read one requisition with its agreement and institution, and land them together."""
    requisition = client.requisition(str(consent.requisition_id)).payload
    parsed = models.Requisition.parse(requisition)
    agreement = client.agreement(parsed.agreement).payload if parsed.agreement else None
    institution = client.institution(consent.institution_id).payload
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{consent.requisition_id}", run_id=run.run_id)
        institutions.land(session, [institution], stamp)
        if agreement is not None:
            terms = models.Agreement.parse(agreement)
            agreements.land(
                session,
                consent.user_id,
                agreement,
                stamp,
                max_historical_days=terms.max_historical_days,
                access_valid_for_days=terms.access_valid_for_days,
                accepted_at=terms.accepted,
            )
        counts = requisitions.land(session, consent.user_id, requisition, stamp)
    return AccountOutcome(consent.connection_id, consent.label, received=1, counts=counts)


def _pull_bank_account(
    run: Run, client: GoCardlessClient, target: ConsentedAccount
) -> AccountOutcome:
    consent, account_id = target.consent, target.provider_account_id
    with run.sessions.begin() as session:
        known = bank_accounts.find_bank_account(session, consent.user_id, account_id)
    metadata = client.account(str(account_id)).payload
    details: dict[str, Any] = (known.payload["details"] if known else None) or {}
    refusal: AccessDenied | None = None
    if not details:
        try:
            details = client.details(str(account_id)).payload["account"]
        except AccessDenied as error:
            refusal = error
    payload, _ = storable({"account": metadata, "details": details})
    facts = read_account(payload)
    with run.sessions.begin() as session:
        stamp = lock(session, f"bank_account:{account_id}", run_id=run.run_id)
        counts = bank_accounts.land(
            session,
            consent.user_id,
            requisition_id=consent.requisition_id,
            provider_account_id=account_id,
            payload=payload,
            facts={column: getattr(facts, column) for column in bank_accounts.READ},
            stamp=stamp,
        )
    label = account_label(facts.name, facts.account_number)
    outcome = AccountOutcome(consent.connection_id, label, received=1, counts=counts)
    if facts.currency is None:
        reason = f"its currency is unknown: {refusal or 'the bank does not tell it'}"
        return dataclasses.replace(outcome, status=Status.FAILED, reason=reason)
    return outcome
