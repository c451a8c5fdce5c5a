"""Read consents and the accounts that they opened."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from farthing import clock
from ingestion.accounts import for_each
from ingestion.gocardless.quota import ask, note_answer
from ingestion.gocardless.targets import (
    Consent,
    ConsentedAccount,
    accounts,
    consents,
    open_client,
)
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations.accounts import account_label
from postgres.core import WriteCounts, lock
from postgres.gocardless.models import BankAccount
from postgres.gocardless.operations import (
    agreements,
    bank_accounts,
    institutions,
    rate_limits,
    reconfirmations,
    requisitions,
)
from postgres.payload import Stamp, storable
from providers.errors import AccessDenied, NotFound
from providers.gocardless import models
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.rows import AccountFacts, read_account
from providers.http import Answer


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
    try:
        requisition = client.requisition(str(consent.requisition_id)).payload
    except NotFound:
        if not consent.is_offer:
            raise
        # Nobody will give it any more. The one that it was to renew goes on as before.
        with run.sessions.begin() as session:
            requisitions.remove_renewal(
                session, consent.user_id, consent.requisition_id, at=clock.now()
            )
        return AccountOutcome(consent.connection_id, consent.label)
    parsed = models.Requisition.parse(requisition)
    agreement = client.agreement(parsed.agreement).payload if parsed.agreement else None
    institution = client.institution(consent.institution_id).payload
    confirmation = (
        client.reconfirmation(parsed.agreement).payload
        if parsed.agreement and consent.asks_again
        else None
    )
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{consent.requisition_id}", run_id=run.run_id)
        institutions.land(session, [institution], stamp)
        if agreement is not None:
            land_agreement(session, consent.user_id, agreement, stamp)
        if confirmation is not None and parsed.agreement:
            land_reconfirmation(session, consent.user_id, parsed.agreement, confirmation, stamp)
        counts = requisitions.land(session, consent.user_id, requisition, stamp)
    return AccountOutcome(consent.connection_id, consent.label, received=1, counts=counts)


def land_agreement(
    session: Session, user_id: UUID, payload: dict[str, Any], stamp: Stamp
) -> models.Agreement:
    """Store an agreement, and return what it says.

    :raises UnexpectedResponse: if it cannot be read.
    """
    terms = models.Agreement.parse(payload)
    agreements.land(
        session,
        user_id,
        payload,
        stamp,
        max_historical_days=terms.max_historical_days,
        access_valid_for_days=terms.access_valid_for_days,
        has_reconfirmation=terms.reconfirmation,
        accepted_at=terms.accepted,
    )
    return terms


def land_reconfirmation(
    session: Session, user_id: UUID, agreement_id: str, payload: dict[str, Any], stamp: Stamp
) -> models.Reconfirmation:
    """Store what became of asking a user to confirm an agreement, and return what it says.

    :raises UnexpectedResponse: if it cannot be read.
    """
    asked = models.Reconfirmation.parse(payload)
    reconfirmations.land(
        session,
        user_id,
        UUID(agreement_id),
        payload,
        stamp,
        requested_at=asked.created,
        url=asked.reconfirmation_url,
        url_valid_from=asked.url_valid_from,
        url_valid_to=asked.url_valid_to,
        confirmed_at=asked.confirmed_at,
    )
    return asked


def _pull_bank_account(
    run: Run, client: GoCardlessClient, target: ConsentedAccount
) -> AccountOutcome:
    """Read what GoCardless knows of an account and, once, what the bank says it is.

    The account is known after the first of the two, so that its transactions are read though its
    details cannot be had.
    """
    known = _known(run, target)
    metadata = client.account(target.key).payload
    details = (known.payload["details"] if known else None) or {}
    facts, counts = _land(run, target, {"account": metadata, "details": details})
    outcome = AccountOutcome(target.connection_id, _label(target, facts), received=1)
    if details:
        return dataclasses.replace(outcome, counts=counts)
    told = _ask_details(run, client, target)
    if isinstance(told, Answer):
        details = told.payload["account"]
        facts, more = _land(run, target, {"account": metadata, "details": details}, answer=told)
        # One row that was written twice.
        counts = counts if counts.written else more
    outcome = dataclasses.replace(outcome, label=_label(target, facts), counts=counts)
    if facts.currency is not None or (known and known.currency):
        return outcome
    if isinstance(told, AccountOutcome) and told.status is Status.DEFERRED:
        return dataclasses.replace(
            outcome, status=Status.DEFERRED, reason=told.reason, resumes_at=told.resumes_at
        )
    why = told.reason if isinstance(told, AccountOutcome) else "the bank tells no currency"
    return dataclasses.replace(outcome, reason=f"{why}; its rows and balances tell its currency")


def _ask_details(
    run: Run, client: GoCardlessClient, target: ConsentedAccount
) -> Answer | AccountOutcome:
    known = _known(run, target)
    found = accounts(run, bank_account_id=known.id) if known else []
    if not found:
        reason = "its consent is not in use"
        return AccountOutcome(target.connection_id, target.label, Status.FAILED, reason)
    try:
        return ask(run, found[0], "details", functools.partial(client.details, target.key))
    except AccessDenied as error:
        return AccountOutcome(target.connection_id, target.label, Status.FAILED, str(error))


def _label(target: ConsentedAccount, facts: AccountFacts) -> str:
    return account_label(facts.name, facts.account_number or target.key)


def _known(run: Run, target: ConsentedAccount) -> BankAccount | None:
    with run.sessions.begin() as session:
        return bank_accounts.find_bank_account(session, target.user_id, target.provider_account_id)


def _land(
    run: Run,
    target: ConsentedAccount,
    delivered: dict[str, Any],
    *,
    answer: Answer | None = None,
) -> tuple[AccountFacts, WriteCounts]:
    """Store an account as it is known now.

    :param answer: that of the bank, if it was asked.
    """
    payload, _ = storable(delivered)
    facts = read_account(payload)
    user_id, account_id = target.user_id, target.provider_account_id
    with run.sessions.begin() as session:
        stamp = lock(session, f"bank_account:{account_id}", run_id=run.run_id)
        known = bank_accounts.find_bank_account(session, user_id, account_id)
        columns = {column: getattr(facts, column) for column in bank_accounts.READ}
        # What the bank's details do not tell was perhaps learnt from its rows.
        columns["currency"] = facts.currency or (known and known.currency)
        if known and known.requisition_id != target.consent.requisition_id:
            rate_limits.begin_anew(session, user_id, bank_account_id=known.id)
        counts = bank_accounts.land(
            session,
            user_id,
            requisition_id=target.consent.requisition_id,
            provider_account_id=account_id,
            payload=payload,
            facts=columns,
            stamp=stamp,
        )
        if answer is not None and known is not None:
            note_answer(session, user_id, known.id, "details", answer)
    return facts, counts
