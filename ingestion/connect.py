"""Begin, renew and end connections: the consent of a bank, the key of a broker."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from farthing import clock
from farthing.errors import FarthingError
from ingestion import ledger
from ingestion.gocardless import open_client
from ingestion.gocardless.agreeing import agree, require
from ingestion.gocardless.consents import land_agreement, land_reconfirmation
from ingestion.run import Run
from postgres.common.enums import Provider
from postgres.common.models import Connection, Institution
from postgres.common.operations import accounts, connections
from postgres.core import lock
from postgres.errors import NotFoundError
from postgres.gocardless.models import Agreement
from postgres.gocardless.operations import (
    agreements,
    bank_accounts,
    institutions,
    requisitions,
)
from postgres.gocardless.operations.requisitions import RECONFIRMATION_WINDOW
from postgres.trading212.operations import api_keys
from providers.errors import AccessDenied, NotFound, Rejected
from providers.gocardless import models
from providers.gocardless.returned import read_return


class ConnectError(FarthingError):
    """A connection could not be begun."""


@dataclass(frozen=True, slots=True)
class PendingConsent:
    """A consent that waits for the user.

    :param link: where the user gives it.
    :param confirms: the agreement that they are asked to confirm once more; None: it is a new one.
    """

    user_id: UUID
    requisition_id: UUID
    link: str
    institution: str
    confirms: UUID | None = None


def begin_consent(
    run: Run,
    user_id: UUID,
    institution_id: str,
    *,
    redirect: str,
    renews: UUID | None = None,
    all_history: bool = False,
) -> PendingConsent:
    """Ask GoCardless for a consent, as long and as far back as the bank allows.

    :param institution_id: such as ``REVOLUT_REVOLT21``.
    :param redirect: where the bank sends the user's browser afterwards.
    :param renews: the requisition whose connection goes on with the new one once it is linked.
    :param all_history: at a bank that keeps long history apart, ask for a consent to all days,
        which ends the next day; the one that lasts is its renewal.
    :raises NotFound: if there is no such institution.
    :raises ProviderError: if GoCardless refuses; nothing is stored then.
    """
    with open_client(run) as client:
        institution = client.institution(institution_id).payload
        bank = models.Institution.parse(institution)
        agreement = agree(client, bank, all_history=all_history)
        try:
            requisition = require(client, bank, agreement["id"], redirect)
        except NotFound as error:
            raise ConnectError(str(error)) from error
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{requisition['id']}", run_id=run.run_id)
        institutions.land(session, [institution], stamp)
        land_agreement(session, user_id, agreement, stamp)
        requisitions.land(session, user_id, requisition, stamp, replaces_id=renews)
    ledger.project_connections(run)
    parsed = models.Requisition.parse(requisition)
    return PendingConsent(user_id, UUID(parsed.id), parsed.link or "", bank.name)


def renew_consent(run: Run, user_id: UUID, connection_id: UUID, *, redirect: str) -> PendingConsent:
    """Ask for what a connection needs to go on: to be confirmed once more, or a new consent.

    It goes on reading meanwhile, and if nobody answers nothing changes. What was asked for before
    and still waits is not asked for again.

    :raises NotFoundError: if the user has no such connection.
    :raises ConnectError: if it is not a bank connection.
    """
    connection, institution = _bank_connection(run, user_id, connection_id)
    requisition_id = UUID(connection.provider_connection_id)
    if (agreement_id := _due_for_confirmation(run, connection)) is not None:
        # What cannot be confirmed any more can be renewed all the same.
        with contextlib.suppress(Rejected, AccessDenied, NotFound):
            return _ask_again(
                run, user_id, requisition_id, agreement_id, institution.name, redirect=redirect
            )
    waiting = _waiting_renewal(run, user_id, requisition_id)
    if waiting is not None:
        return PendingConsent(user_id, waiting[0], waiting[1], institution.name)
    return begin_consent(
        run,
        user_id,
        institution.provider_institution_id,
        redirect=redirect,
        renews=requisition_id,
    )


def is_given(run: Run, consent: PendingConsent) -> bool:
    """Ask GoCardless whether the user has given or confirmed a consent, and store its state.

    :raises NotFoundError: if the user has no such consent.
    :raises ConnectError: if the user or the bank refused it.
    """
    if consent.confirms is None:
        return is_linked(run, consent.user_id, consent.requisition_id)
    with open_client(run) as client:
        payload = client.reconfirmation(str(consent.confirms)).payload
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{consent.requisition_id}", run_id=run.run_id)
        asked = land_reconfirmation(session, consent.user_id, str(consent.confirms), payload, stamp)
    ledger.renew_connections(run)
    if asked.is_answered and asked.confirmed_at is None:
        message = "no account was confirmed; reading ends, unless the connection is renewed"
        raise ConnectError(message)
    return asked.is_answered


def is_linked(run: Run, user_id: UUID, requisition_id: UUID) -> bool:
    """Ask GoCardless whether the user has given a consent, and store its state.

    :raises NotFoundError: if the user has no such consent.
    :raises ConnectError: if the user or the bank refused it.
    """
    with run.sessions.begin() as session:
        stored = requisitions.get_requisition(session, user_id, requisition_id)
    if stored is None:
        message = f"there is no consent {requisition_id}"
        raise NotFoundError(message)
    with open_client(run) as client:
        payload = client.requisition(str(requisition_id)).payload
        state = models.Requisition.parse(payload)
        # Once it is linked the agreement tells from when on it counts.
        agreement = (
            client.agreement(state.agreement).payload
            if state.is_linked and state.agreement
            else None
        )
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{requisition_id}", run_id=run.run_id)
        if agreement is not None:
            land_agreement(session, user_id, agreement, stamp)
        requisitions.land(session, user_id, payload, stamp)
    ledger.renew_connections(run)
    if (reason := requisitions.ENDED.get(state.status)) is not None:
        message = f"the consent was not given (state {state.status}): {reason}"
        raise ConnectError(message)
    return state.is_linked


def take_return(run: Run, user_id: UUID, query: str) -> bool:
    """Take a user back from the bank: whether they have given their consent, or why they have not.

    What the browser says is only a hint of what to ask GoCardless.

    :param query: of the address that the browser was sent to, or the whole address.
    :raises NotFoundError: if it speaks of no consent of this user.
    :raises ConnectError: if the consent was not given, with the reason.
    """
    returned = read_return(query)
    with run.sessions.begin() as session:
        stored = (
            requisitions.find_by_reference(session, user_id, returned.reference)
            if returned.reference
            else None
        )
    if stored is None:
        message = "the address speaks of no consent of this user"
        raise NotFoundError(message)
    try:
        is_done = is_linked(run, user_id, stored.id)
    except ConnectError as error:
        if returned.reason is None:
            raise
        message = f"the consent was not given: {returned.reason}"
        raise ConnectError(message) from error
    if not is_done and returned.reason:
        message = f"the consent was not given: {returned.reason}"
        raise ConnectError(message)
    return is_done


def remove_connection(run: Run, user_id: UUID, connection_id: UUID, *, erase: bool) -> None:
    """End a connection with all its consents. Its history stays unless it is to be erased.

    :param erase: also delete its accounts that no other connection reads, raw rows included.
    :raises NotFoundError: if the user has no such connection.
    """
    connection, _ = _connection(run, user_id, connection_id)
    is_bank = connection.provider is Provider.GOCARDLESS
    if is_bank:
        with run.sessions.begin() as session:
            consents = requisitions.list_of_connection(session, user_id, connection_id)
        with open_client(run) as client:
            for consent in consents:
                with contextlib.suppress(NotFound):
                    client.delete_requisition(str(consent.id))
    raw = requisitions if is_bank else api_keys
    raw_id = connection_id if is_bank else UUID(connection.provider_connection_id)
    with run.sessions.begin() as session:
        if erase:
            erased = accounts.erase_accounts(session, user_id, connection_id)
            bank_accounts.erase_of_accounts(session, user_id, erased)
            raw.erase(session, user_id, raw_id)
        else:
            raw.remove(session, user_id, raw_id, at=clock.now())
        connections.delete_connection(session, user_id, connection_id)


def _connection(run: Run, user_id: UUID, connection_id: UUID) -> tuple[Connection, Institution]:
    with run.sessions.begin() as session:
        found = connections.get_connection(session, user_id, connection_id)
    if found is None:
        message = f"there is no connection {connection_id}"
        raise NotFoundError(message)
    return found


def _bank_connection(
    run: Run, user_id: UUID, connection_id: UUID
) -> tuple[Connection, Institution]:
    connection, institution = _connection(run, user_id, connection_id)
    if connection.provider is not Provider.GOCARDLESS:
        message = f"{institution.name} has no consent to renew; a key lasts until it is revoked"
        raise ConnectError(message)
    return connection, institution


def _due_for_confirmation(run: Run, connection: Connection) -> UUID | None:
    """Return the agreement that can be confirmed now; None if it takes a new one."""
    due = connection.consent_expires_at
    if not connection.is_reconfirmable or due is None:
        return None
    if not due - RECONFIRMATION_WINDOW <= clock.now() <= due + RECONFIRMATION_WINDOW:
        return None
    with run.sessions.begin() as session:
        agreement = _agreement_of(session, connection)
    if agreement is None or agreement.accepted_at is None:
        return None
    ends_at = agreement.accepted_at + dt.timedelta(days=agreement.access_valid_for_days)
    # A consent that ends for good so soon is not worth confirming.
    return agreement.id if ends_at > due + RECONFIRMATION_WINDOW else None


def _agreement_of(session: Session, connection: Connection) -> Agreement | None:
    requisition = requisitions.get_requisition(
        session, connection.user_id, UUID(connection.provider_connection_id)
    )
    if requisition is None or requisition.agreement_id is None:
        return None
    return agreements.get_agreement(session, connection.user_id, requisition.agreement_id)


def _ask_again(
    run: Run,
    user_id: UUID,
    requisition_id: UUID,
    agreement_id: UUID,
    institution: str,
    *,
    redirect: str,
) -> PendingConsent:
    with open_client(run) as client:
        payload = client.create_reconfirmation(str(agreement_id), redirect=redirect).payload
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{requisition_id}", run_id=run.run_id)
        asked = land_reconfirmation(session, user_id, str(agreement_id), payload, stamp)
    return PendingConsent(
        user_id, requisition_id, asked.reconfirmation_url, institution, agreement_id
    )


def _waiting_renewal(run: Run, user_id: UUID, requisition_id: UUID) -> tuple[UUID, str] | None:
    """Return the renewal that waits to be given, with its link, as GoCardless knows it now."""
    with run.sessions.begin() as session:
        waiting = requisitions.find_waiting_renewal(session, user_id, requisition_id)
    if waiting is None:
        return None
    try:
        is_linked(run, user_id, waiting.id)
    except ConnectError:
        return None
    except NotFound:
        with run.sessions.begin() as session:
            requisitions.remove_renewal(session, user_id, waiting.id, at=clock.now())
        return None
    return waiting.id, waiting.link
