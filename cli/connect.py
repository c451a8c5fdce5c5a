"""``farthing connect``: begin to read a bank or a broker."""

from __future__ import annotations

import difflib
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from pydantic import SecretStr
from sqlalchemy.orm import Session

from cli.errors import WrongUseError
from cli.output import raw, say, short, working
from cli.prompts import asked
from cli.session import Connected, choose_user, opened
from farthing.errors import ConfigurationError, FarthingError
from ingestion import connect, ledger
from ingestion.connect import PendingConsent
from ingestion.run import Run
from postgres.common.enums import ConnectionStatus, Provider
from postgres.common.models import Connection, Institution
from postgres.common.operations import connections
from postgres.errors import AlreadyExistsError
from postgres.gocardless.operations import requisitions
from providers.errors import AuthenticationFailed, NotFound, RateLimited, Unavailable
from providers.gocardless.client import GoCardlessClient

REDIRECT = "http://127.0.0.1:3000/"
"""Where the bank sends the browser in the end: the web UI, if it runs."""

POLL_SECONDS = 5.0
_PATIENCE_SECONDS = 900.0
_SIMILAR = 5

_KEY, _SECRET = "TRADING212_API_KEY", "TRADING212_API_SECRET"


class NotLinkedError(FarthingError):
    """The consent was not given in time."""


def gocardless(user: str | None, institution: str, *, wait: bool) -> None:
    """Print the link under which a bank asks for consent.

    A consent that was asked for before and waits to be given is not asked for again.
    """
    with opened(asks_providers=True) as opened_ledger, explained():
        run = opened_ledger.run
        _ = run.settings.gocardless_secrets
        with run.sessions() as session:
            user_id = choose_user(session, user).id
            known = find(session, user_id, institution)
        if known is not None:
            consent = waiting(run, *known)
        else:
            try:
                consent = connect.begin_consent(run, user_id, institution, redirect=REDIRECT)
            except NotFound as error:
                raise WrongUseError(_similar(run, institution)) from error
        hand_over(run, consent, wait=wait)


def trading212(user: str | None) -> None:
    """Check a key by using it, and store it encrypted."""
    with opened(asks_providers=True) as opened_ledger, explained():
        run = opened_ledger.run
        with run.sessions() as session:
            user_id = choose_user(session, user).id
        key = asked(_KEY, "API key")
        secret = asked(_SECRET, "API secret (empty for a key without one)", may_be_empty=True)
        if not key:
            message = f"{_KEY} is empty"
            raise ConfigurationError(message)
        account = connect.add_trading212_key(
            run, user_id, SecretStr(key), SecretStr(secret) if secret else None
        )
    say(f"Trading 212 …{account % 10_000:04} is connected; `farthing sync` reads it.")


def find(session: Session, user_id: uuid.UUID, institution: str) -> Connected | None:
    """Return a user's connection to a bank."""
    connected = connections.list_with_institutions(
        session, user_id=user_id, provider=Provider.GOCARDLESS
    )
    for row in connected:
        if row[1].provider_institution_id == institution:
            return row
    return None


def waiting(run: Run, connection: Connection, institution: Institution) -> PendingConsent:
    """Return the consent of a connection that waits to be given.

    :raises AlreadyExistsError: if the bank is connected, or was and has to be renewed.
    """
    if connection.status is not ConnectionStatus.PENDING:
        message = (
            f"{institution.name} is connected already ({connection.status.value}); "
            f"renew it with `farthing connections renew {short(connection.id)}`"
        )
        raise AlreadyExistsError(message)
    requisition_id = uuid.UUID(connection.provider_connection_id)
    with run.sessions() as session:
        stored = requisitions.get_requisition(session, connection.user_id, requisition_id)
    link = stored.link if stored else ""
    return PendingConsent(connection.user_id, requisition_id, link, institution.name)


def hand_over(run: Run, consent: PendingConsent, *, wait: bool) -> None:
    """Print the link, and wait until the consent is given if that is wanted."""
    say(f"{consent.institution} asks for your consent here:")
    say()
    raw(f"  {consent.link}")
    say()
    if not wait:
        say("Open it in a browser; `farthing sync` reads the accounts afterwards.")
        return
    with working("Waiting for the consent"):
        _wait(run, consent)
    ledger.project_connections(run)
    say(f"{consent.institution} is connected; `farthing sync` reads it.")


@contextmanager
def explained() -> Iterator[None]:
    """Turn refused credentials into what they are here: a wrong configuration.

    :raises ConfigurationError: in place of an :class:`AuthenticationFailed`.
    """
    try:
        yield
    except AuthenticationFailed as error:
        raise ConfigurationError(str(error)) from error


def _wait(run: Run, consent: PendingConsent) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        # What passes by itself is waited for: the person is busy at the bank meanwhile.
        with suppress(Unavailable, RateLimited):
            if connect.is_linked(run, consent.user_id, consent.requisition_id):
                return
        time.sleep(POLL_SECONDS)
    message = f"the consent for {consent.institution} was not given in time; its link stays good"
    raise NotLinkedError(message)


def _similar(run: Run, wanted: str) -> str:
    secret_id, secret_key = run.settings.gocardless_secrets
    with GoCardlessClient(run.settings.gocardless_base_url, secret_id, secret_key) as client:
        listed = client.institutions().payload
    banks = {
        str(bank["id"]): f"{bank['name']}, {'/'.join(bank.get('countries') or ())}"
        for bank in listed
        if isinstance(bank, dict) and "id" in bank and "name" in bank
    }
    near = _nearest(wanted, banks)
    message = f"GoCardless knows no institution {wanted!r}"
    if near:
        message += f"; similar: {'; '.join(f'{each} ({banks[each]})' for each in near)}"
    return message


def _nearest(wanted: str, banks: dict[str, str]) -> Sequence[str]:
    words = wanted.casefold().replace("_", " ").split()
    texts = {each: f"{each} {name}".casefold() for each, name in banks.items()}
    holding = [each for each, text in texts.items() if words and all(w in text for w in words)]
    if holding:
        return sorted(holding, key=lambda each: (len(texts[each]), each))[:_SIMILAR]
    by_id = {each.casefold(): each for each in banks}
    return [by_id[each] for each in difflib.get_close_matches(wanted.casefold(), by_id, n=_SIMILAR)]
