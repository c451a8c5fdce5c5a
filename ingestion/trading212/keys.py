"""Take in a key to a Trading 212 account: whose it is, and whether it may read what is needed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from ingestion import ledger
from ingestion.connect import ConnectError
from ingestion.run import Run
from ingestion.trading212.targets import base_url, keeping_pace
from postgres.common.enums import TaxWrapper
from postgres.common.operations import accounts
from postgres.trading212.operations import api_keys
from providers.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProviderError,
    RateLimited,
    Unavailable,
)
from providers.trading212.client import Trading212Client
from providers.trading212.holdings import SummaryFacts, read_summary
from providers.trading212.policies import REQUIRED_SCOPES

# The cheapest call for each; the summary shows that there is `account`.
_PROBES = (
    ("portfolio", "/equity/positions", ""),
    ("metadata", "/equity/metadata/exchanges", ""),
    ("history:orders", "/equity/history/orders", "limit=1"),
    ("history:dividends", "/equity/history/dividends", "limit=1"),
    ("history:transactions", "/equity/history/transactions", "limit=1"),
    ("orders:read", "/equity/orders", ""),
    ("pies:read", "/equity/pies", ""),
)


@dataclass(frozen=True, slots=True)
class AddedKey:
    """A key that is connected.

    :param account_id: the account's id at Trading 212.
    :param is_demo: it is of a practice account.
    :param without: permissions that it lacks, and that can be done without.
    """

    account_id: int
    is_demo: bool
    without: tuple[str, ...]


def add_trading212_key(
    run: Run,
    user_id: UUID,
    key: SecretStr,
    secret: SecretStr | None,
    *,
    is_demo: bool = False,
    reads_exports: bool = False,
    tax_wrapper: TaxWrapper | None = None,
) -> AddedKey:
    """Check a key by using it, then store it encrypted.

    :param secret: None for a key of the older kind.
    :param is_demo: it is of a practice account, whose money is none.
    :param reads_exports: ask for reports too, each of which Trading 212 tells the user of.
    :param tax_wrapper: of its account, which no answer tells; None: as it is known, at first none.
    :raises AuthenticationFailed: if Trading 212 refuses the key; nothing is stored then.
    :raises AccessDenied: if it lacks permissions that are needed; they are named.
    :raises ConnectError: if it is of a practice account and that was not said, or the other way.
    :raises AlreadyExistsError: if the user has connected that account already.
    """
    summary = _summary(run, key, secret, is_demo=is_demo)
    account_id, currency = summary.account_id, summary.currency
    if account_id is None or currency is None:
        message = "Trading 212 answered without the account's id or currency"
        raise ConnectError(message)
    missing = _missing_scopes(run, key, secret, account_id, is_demo=is_demo)
    needed = [scope for scope in missing if scope in REQUIRED_SCOPES]
    if needed:
        message = f"the API key lacks the permissions {', '.join(needed)}; make one that has them"
        raise AccessDenied(message, missing_scope=needed[0])
    with run.sessions.begin() as session:
        row = api_keys.create_api_key(
            session,
            user_id,
            provider_account_id=account_id,
            currency=currency,
            key=key,
            secret=secret,
            box=run.secrets,
            is_demo=is_demo,
            reads_exports=reads_exports,
        )
        added = ledger.take_in_key(session, row.id, run_id=run.run_id)
        if tax_wrapper is not None:
            accounts.set_tax_wrapper(session, user_id, added, tax_wrapper)
    return AddedKey(account_id, is_demo, missing)


def _summary(run: Run, key: SecretStr, secret: SecretStr | None, *, is_demo: bool) -> SummaryFacts:
    try:
        return _ask(run, key, secret, is_demo=is_demo)
    except AuthenticationFailed as refused:
        if not _opens(run, key, secret, is_demo=not is_demo):
            raise
        kind, option = ("real", "without") if is_demo else ("practice", "with")
        message = f"the key is of a {kind} account, not as said; connect it {option} --demo"
        raise ConnectError(message) from refused


def _opens(run: Run, key: SecretStr, secret: SecretStr | None, *, is_demo: bool) -> bool:
    """Tell whether a key that one host refuses is of the other one."""
    if base_url(run.settings, is_demo=True) == base_url(run.settings, is_demo=False):
        return False
    try:
        _ask(run, key, secret, is_demo=is_demo)
    except ProviderError:
        return False
    return True


def _ask(run: Run, key: SecretStr, secret: SecretStr | None, *, is_demo: bool) -> SummaryFacts:
    with Trading212Client(base_url(run.settings, is_demo=is_demo), key, secret) as client:
        return read_summary(client.account_summary().payload)


def _missing_scopes(
    run: Run, key: SecretStr, secret: SecretStr | None, account_id: int, *, is_demo: bool
) -> tuple[str, ...]:
    """Try every permission once. One that cannot be tried now shows when it is used."""
    missing = []
    base = base_url(run.settings, is_demo=is_demo)
    with (
        keeping_pace(run, account_id) as pace,
        Trading212Client(base, key, secret, pace=pace) as client,
    ):
        for scope, path, query in _PROBES:
            try:
                client.probe(path, query)
            except AccessDenied as refused:
                missing.append(refused.missing_scope or scope)
            except (RateLimited, NotFound, Unavailable):
                continue
    return tuple(missing)
