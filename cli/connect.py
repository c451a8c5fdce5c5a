"""``farthing connect``: begin to read a bank or a broker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from pydantic import SecretStr
from sqlalchemy.orm import Session

from cli.errors import WrongUseError
from cli.output import raw, say, short, working
from cli.prompts import asked
from cli.returning import Return, listening
from cli.session import Connected, choose_user, opened
from farthing.errors import ConfigurationError, FarthingError
from ingestion import connect, ledger
from ingestion.connect import ConnectError, PendingConsent
from ingestion.institutions import about, search_institutions
from ingestion.run import Run
from ingestion.trading212.keys import add_trading212_key
from postgres.common.enums import ConnectionStatus, Provider, TaxWrapper
from postgres.common.models import Connection, Institution
from postgres.common.operations import connections
from postgres.errors import AlreadyExistsError, NotFoundError
from postgres.gocardless.operations import institutions, requisitions
from providers.errors import AccessDenied, AuthenticationFailed, NotFound, RateLimited, Unavailable
from providers.gocardless import models

REDIRECT = "http://127.0.0.1:3000/"
"""Where the bank sends the browser in the end: the web UI, if it runs."""

POLL_SECONDS = 5.0
_PATIENCE_SECONDS = 900.0
_BROWSER_SECONDS = 1.0
_SIMILAR = 5

_KEY, _SECRET = "TRADING212_API_KEY", "TRADING212_API_SECRET"


class NotLinkedError(FarthingError):
    """The consent was not given in time."""


def gocardless(
    user: str | None, institution: str, *, wait: bool, another: bool, all_history: bool
) -> None:
    """Print the link under which a bank asks for consent.

    A consent that was asked for before and waits to be given is not asked for again.

    :param another: connect a bank that is connected already once more.
    :param all_history: ask for all days first, where a lasting consent does not reach so far.
    """
    with opened(asks_providers=True) as opened_ledger, explained(), returning(wait=wait) as visit:
        run = opened_ledger.run
        _ = run.settings.gocardless_secrets
        with run.sessions() as session:
            user_id = choose_user(session, user).id
            known = find(session, user_id, institution)
        if known is not None and (not another or known[0].status is ConnectionStatus.PENDING):
            consent = waiting(run, *known)
        else:
            try:
                consent = connect.begin_consent(
                    run,
                    user_id,
                    institution,
                    redirect=visit.url if visit else REDIRECT,
                    all_history=all_history,
                )
            except NotFound as error:
                raise WrongUseError(_similar(run, institution)) from error
            for sentence in _advice(run, institution):
                say(sentence)
        hand_over(run, consent, visit)


def trading212(user: str | None, *, is_demo: bool, is_isa: bool, reads_exports: bool) -> None:
    """Check a key by using it, and store it encrypted.

    :param is_demo: it is of a practice account.
    :param is_isa: its account is an ISA.
    :param reads_exports: ask for reports too.
    """
    with opened(asks_providers=True) as opened_ledger, explained():
        run = opened_ledger.run
        with run.sessions() as session:
            user_id = choose_user(session, user).id
        key = asked(_KEY, "API key")
        secret = asked(_SECRET, "API secret (empty for a key without one)", may_be_empty=True)
        if not key:
            message = f"{_KEY} is empty"
            raise ConfigurationError(message)
        try:
            added = add_trading212_key(
                run,
                user_id,
                SecretStr(key),
                SecretStr(secret) if secret else None,
                is_demo=is_demo,
                reads_exports=reads_exports,
                tax_wrapper=TaxWrapper.ISA if is_isa else None,
            )
        except AccessDenied as error:
            raise ConfigurationError(str(error)) from error
    kind = " (a practice account)" if added.is_demo else " (an ISA)" if is_isa else ""
    name = f"Trading 212 …{added.account_id % 10_000:04}{kind}"
    say(f"{name} is connected; `farthing sync` reads it.")
    if added.without:
        say(f"The key lacks {', '.join(added.without)}; what these open is left out.")


def find(session: Session, user_id: uuid.UUID, institution: str) -> Connected | None:
    """Return a user's connection to a bank; of several the one that waits to be given."""
    connected = connections.list_with_institutions(
        session, user_id=user_id, provider=Provider.GOCARDLESS
    )
    found = [row for row in connected if row[1].provider_institution_id == institution]
    waits = [row for row in found if row[0].status is ConnectionStatus.PENDING]
    return next(iter([*waits, *found]), None)


def waiting(run: Run, connection: Connection, institution: Institution) -> PendingConsent:
    """Return the consent of a connection that waits to be given.

    :raises AlreadyExistsError: if the bank is connected, or was and has to be renewed.
    """
    if connection.status is not ConnectionStatus.PENDING:
        message = (
            f"{institution.name} is connected already ({connection.status.value}); "
            f"renew it with `farthing connections renew {short(connection.id)}`, or connect it "
            "once more, such as with another login, with --another"
        )
        raise AlreadyExistsError(message)
    requisition_id = uuid.UUID(connection.provider_connection_id)
    with run.sessions() as session:
        stored = requisitions.get_requisition(session, connection.user_id, requisition_id)
    link = stored.link if stored else ""
    return PendingConsent(connection.user_id, requisition_id, link, institution.name)


def hand_over(run: Run, consent: PendingConsent, visit: Return | None) -> None:
    """Print the link, and wait until the consent is given if that is wanted.

    :param visit: where the browser comes back to; None: do not wait.
    """
    asks = "asks you to confirm once more" if consent.confirms else "asks for your consent"
    say(f"{consent.institution} {asks} here:")
    say()
    raw(f"  {consent.link}")
    say()
    if visit is None:
        say("Open it in a browser; `farthing sync` reads the accounts afterwards.")
        return
    with working("Waiting for the consent"):
        _wait(run, consent, visit)
    ledger.project_connections(run)
    done = "is confirmed" if consent.confirms else "is connected; `farthing sync` reads it"
    say(f"{consent.institution} {done}.")


@contextmanager
def returning(*, wait: bool) -> Iterator[Return | None]:
    """Take in the browser that comes back from the bank, if the command waits for it."""
    if not wait:
        yield None
        return
    with listening() as visit:
        yield visit


@contextmanager
def explained() -> Iterator[None]:
    """Turn refused credentials into what they are here: a wrong configuration.

    :raises ConfigurationError: in place of an :class:`AuthenticationFailed`.
    """
    try:
        yield
    except AuthenticationFailed as error:
        raise ConfigurationError(str(error)) from error


def _wait(run: Run, consent: PendingConsent, visit: Return) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if connect.is_given(run, consent):
                return
        except (Unavailable, RateLimited):
            pass  # passes by itself, and the person is busy at the bank meanwhile
        except ConnectError:
            # Their browser knows better why.
            _take(run, consent, visit.wait(_BROWSER_SECONDS))
            raise
        _take(run, consent, visit.wait(POLL_SECONDS))
    message = f"the consent for {consent.institution} was not given in time; its link stays good"
    raise NotLinkedError(message)


def _take(run: Run, consent: PendingConsent, query: str | None) -> None:
    if query is None or consent.confirms is not None:
        return
    # Anybody on this machine can call; only what speaks of this user's consents counts.
    with suppress(Unavailable, RateLimited, NotFoundError):
        connect.take_return(run, consent.user_id, query)


def _advice(run: Run, institution: str) -> Sequence[str]:
    with run.sessions() as session:
        stored = institutions.get_institution(session, institution)
    return about(models.Institution.parse(stored.payload)) if stored else ()


def _similar(run: Run, wanted: str) -> str:
    near = search_institutions(run, text=wanted)[:_SIMILAR]
    message = f"GoCardless knows no institution {wanted!r}"
    if near:
        known = (f"{each.id} ({each.name}, {'/'.join(each.countries)})" for each in near)
        message += f"; similar: {'; '.join(known)}"
    return message
