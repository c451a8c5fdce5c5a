"""Begin, renew and end connections: the consent of a bank, the key of a broker."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from farthing import clock
from farthing.errors import FarthingError
from ingestion import ledger
from ingestion.gocardless import open_client
from ingestion.run import Run
from postgres.common.enums import Provider
from postgres.common.operations import accounts, connections
from postgres.core import lock
from postgres.errors import NotFoundError
from postgres.gocardless.operations import agreements, institutions, requisitions
from postgres.trading212.operations import api_keys
from providers.errors import NotFound
from providers.gocardless import models
from providers.trading212.client import Trading212Client
from providers.trading212.holdings import read_summary


class ConnectError(FarthingError):
    """A connection could not be begun."""


@dataclass(frozen=True, slots=True)
class PendingConsent:
    """A consent that waits for the user.

    :param link: where the user gives it.
    """

    user_id: UUID
    requisition_id: UUID
    link: str
    institution: str


def begin_consent(
    run: Run,
    user_id: UUID,
    institution_id: str,
    *,
    redirect: str,
    renews: UUID | None = None,
) -> PendingConsent:
    """Ask GoCardless for a consent, as long and as far back as the bank allows.

    :param institution_id: such as ``REVOLUT_REVOLT21``.
    :param redirect: where the bank sends the user's browser afterwards.
    :param renews: the requisition whose connection goes on with the new one once it is linked.
    :raises NotFound: if there is no such institution.
    :raises ProviderError: if GoCardless refuses; nothing is stored then.
    """
    with open_client(run) as client:
        institution = client.institution(institution_id).payload
        bank = models.Institution.parse(institution)
        agreement = client.create_agreement(
            institution_id,
            max_historical_days=bank.transaction_total_days,
            access_valid_for_days=bank.max_access_valid_for_days,
        ).payload
        terms = models.Agreement.parse(agreement)
        requisition = client.create_requisition(
            institution_id,
            redirect=redirect,
            agreement_id=terms.id,
            reference=str(uuid.uuid4()),
        ).payload
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{requisition['id']}", run_id=run.run_id)
        institutions.land(session, [institution], stamp)
        agreements.land(
            session,
            user_id,
            agreement,
            stamp,
            max_historical_days=terms.max_historical_days,
            access_valid_for_days=terms.access_valid_for_days,
            accepted_at=terms.accepted,
        )
        requisitions.land(session, user_id, requisition, stamp, replaces_id=renews)
    ledger.project_connections(run)
    parsed = models.Requisition.parse(requisition)
    return PendingConsent(user_id, UUID(parsed.id), parsed.link or "", bank.name)


def renew_consent(run: Run, user_id: UUID, connection_id: UUID, *, redirect: str) -> PendingConsent:
    """Ask for a new consent for a connection that goes on reading until the new one is linked.

    :raises NotFoundError: if the user has no such connection.
    :raises ConnectError: if it is not a bank connection.
    """
    with run.sessions.begin() as session:
        found = connections.get_connection(session, user_id, connection_id)
    if found is None:
        message = f"there is no connection {connection_id}"
        raise NotFoundError(message)
    connection, institution = found
    if connection.provider is not Provider.GOCARDLESS:
        message = f"{institution.name} has no consent to renew; a key lasts until it is revoked"
        raise ConnectError(message)
    return begin_consent(
        run,
        user_id,
        institution.provider_institution_id,
        redirect=redirect,
        renews=UUID(connection.provider_connection_id),
    )


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
    with run.sessions.begin() as session:
        stamp = lock(session, f"requisition:{requisition_id}", run_id=run.run_id)
        requisitions.land(session, user_id, payload, stamp)
    state = models.Requisition.parse(payload)
    if state.status in ("RJ", "SU", "ER", "EX"):
        message = f"the consent was not given (state {state.status}); begin again"
        raise ConnectError(message)
    return state.is_linked


def add_trading212_key(run: Run, user_id: UUID, key: SecretStr, secret: SecretStr | None) -> int:
    """Check a key by using it, then store it encrypted.

    :param secret: None for a key of the older kind.
    :returns: the account's id at Trading 212.
    :raises AuthenticationFailed: if Trading 212 refuses the key; nothing is stored then.
    :raises AlreadyExistsError: if the user has connected that account already.
    """
    with Trading212Client(run.settings.trading212_base_url, key, secret) as client:
        summary = read_summary(client.account_summary().payload)
    account_id, currency = summary.account_id, summary.currency
    if account_id is None or currency is None:
        message = "Trading 212 answered without the account's id or currency"
        raise ConnectError(message)
    with run.sessions.begin() as session:
        api_keys.create_api_key(
            session,
            user_id,
            provider_account_id=account_id,
            currency=currency,
            key=key,
            secret=secret,
            box=run.secrets,
        )
    ledger.project_connections(run)
    return account_id


def remove_connection(run: Run, user_id: UUID, connection_id: UUID, *, erase: bool) -> None:
    """End a connection. Its history stays unless it is to be erased.

    :param erase: also delete its accounts that no other connection reads, raw rows included.
    :raises NotFoundError: if the user has no such connection.
    """
    with run.sessions.begin() as session:
        found = connections.get_connection(session, user_id, connection_id)
    if found is None:
        message = f"there is no connection {connection_id}"
        raise NotFoundError(message)
    connection, _ = found
    raw_id = UUID(connection.provider_connection_id)
    if connection.provider is Provider.GOCARDLESS:
        with open_client(run) as client, contextlib.suppress(NotFound):
            client.delete_requisition(str(raw_id))
    raw = requisitions if connection.provider is Provider.GOCARDLESS else api_keys
    with run.sessions.begin() as session:
        if erase:
            accounts.erase_accounts(session, user_id, connection_id)
            raw.erase(session, user_id, raw_id)
        else:
            raw.remove(session, user_id, raw_id, at=clock.now())
        connections.delete_connection(session, user_id, connection_id)
