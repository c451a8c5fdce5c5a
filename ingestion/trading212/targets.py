"""Which accounts there are to read, with what, and what follows when one is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from farthing import clock
from farthing.settings import Settings
from ingestion.accounts import for_each
from ingestion.pacing import SharedPace
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.enums import Provider
from postgres.common.models import Connection
from postgres.core import lock
from postgres.payload import Stamp
from postgres.trading212.models import ApiKey
from postgres.trading212.operations import api_keys
from providers.errors import ProviderError
from providers.trading212.client import Trading212Client
from providers.trading212.errors import LABEL, PROVIDER
from providers.trading212.policies import Verdict, policy_of

_PATIENCE = dt.timedelta(minutes=2)
"""What the calls of one step for one account wait in all; what would take longer is deferred."""


@dataclass(frozen=True, slots=True)
class Account:
    """One Invest or ISA account and the key that reads it."""

    user_id: UUID
    connection_id: UUID | None
    label: str
    api_key: ApiKey

    @property
    def key(self) -> str:
        """Nothing: a key is of one account, which is the connection itself."""
        return ""


def accounts(run: Run) -> list[Account]:
    """Return the accounts whose keys were not removed, the oldest connection first."""
    query = (
        sa.select(ApiKey, Connection.id)
        .outerjoin(
            Connection,
            sa.and_(
                Connection.provider == Provider.TRADING212,
                Connection.provider_connection_id == sa.cast(ApiKey.id, sa.Text),
            ),
        )
        .where(ApiKey.removed_at.is_(None))
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    with run.sessions.begin() as session:
        return [
            Account(key.user_id, connection_id, account_label(key), key)
            for key, connection_id in session.execute(query)
        ]


def account_label(key: ApiKey) -> str:
    """Return what a person calls an account: the end of its number, and if it is play money."""
    practice = " practice" if key.is_demo else ""
    return f"{LABEL}{practice} …{key.provider_account_id % 10_000:04}"


def base_url(settings: Settings, *, is_demo: bool) -> str:
    """Return the address of the API; practice accounts have one of their own."""
    return settings.trading212_demo_base_url if is_demo else settings.trading212_base_url


@contextmanager
def keeping_pace(run: Run, provider_account_id: int) -> Iterator[SharedPace]:
    """Yield what keeps the limits of an account, which all of its keys share."""
    pace = SharedPace(
        run.sessions,
        provider=PROVIDER,
        label=LABEL,
        holder=str(provider_account_id),
        patience=_PATIENCE,
    )
    try:
        yield pace
    finally:
        pace.keep()


@contextmanager
def open_client(run: Run, account: Account) -> Iterator[Trading212Client]:
    """Yield a client with an account's key.

    :raises DecryptionError: if the key does not open.
    """
    key, secret = api_keys.credentials(account.api_key, run.secrets)
    base = base_url(run.settings, is_demo=account.api_key.is_demo)
    with (
        keeping_pace(run, account.api_key.provider_account_id) as pace,
        Trading212Client(base, key, secret, pace=pace) as client,
    ):
        yield client


def lock_account(session: Session, account: Account, run: Run) -> Stamp:
    """Wait for the right to write an account's raw rows; projecting them takes the same lock."""
    return lock(session, f"trading212:{account.api_key.id}", run_id=run.run_id)


def for_accounts(
    run: Run,
    table: str,
    pull: Callable[[Account], AccountOutcome],
    targets: Sequence[Account] | None = None,
) -> StepOutcome:
    """Run one step for every account; a refusal leads to what its policy says.

    :param table: ``schema.table`` that is written.
    :param targets: these accounts; None: all.
    """

    def attempt(account: Account) -> AccountOutcome:
        try:
            return pull(account)
        except ProviderError as error:
            policy = policy_of(error)
            if policy.verdict is Verdict.FAILED:
                raise
            is_deferred = policy.verdict is Verdict.DEFERRED
            return AccountOutcome(
                account.connection_id,
                account.label,
                Status.DEFERRED if is_deferred else Status.COMPLETED,
                reason=str(error),
                resumes_at=policy.resumes_at(error, clock.now()) if is_deferred else None,
            )

    return for_each(run, table, accounts(run) if targets is None else targets, attempt)
