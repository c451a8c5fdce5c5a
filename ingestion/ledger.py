"""Bring what is raw into the ledger, account by account, and check that it adds up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from farthing import clock
from ingestion.accounts import attempt_each, for_each, record
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations import (
    balances,
    disposals,
    recurring_pattern_transactions,
    trades,
)
from postgres.common.operations.balances import Reconciliation
from postgres.core import WriteCounts, lock
from postgres.gocardless import placement
from postgres.gocardless import projections as gocardless
from postgres.trading212 import projections as trading212
from postgres.trading212.card_payments import project_card_payments
from postgres.trading212.operations import positions
from providers.gocardless import banks

ACCOUNTS = "common.accounts"
"""What is locked while it is decided which account of the ledger each raw account is."""
_CONNECTIONS = "common.connections"
_INSTRUMENTS = "common.instruments"
_TRADES = "common.trades"

Linked = gocardless.LinkedAccount | trading212.LinkedAccount


def project_connections(run: Run) -> StepOutcome:
    """Bring consents and keys into the ledger as connections, with their institutions."""
    return _at_once(
        run,
        _CONNECTIONS,
        lambda session: (
            gocardless.project_institutions(session)
            + gocardless.project_connections(session, now=clock.now())
            + trading212.project_connections(session)
        ),
    )


def renew_connections(run: Run) -> None:
    """Let bank connections show at once what has just become known of their consents."""
    with run.sessions.begin() as session:
        lock(session, _CONNECTIONS, run_id=run.run_id)
        gocardless.project_connections(session, now=clock.now())


def take_in_key(session: Session, api_key_id: UUID, *, run_id: str) -> UUID:
    """Bring a broker's key that was just stored into the ledger, and return its account."""
    lock(session, _CONNECTIONS, run_id=run_id)
    trading212.project_connections(session)
    lock(session, ACCOUNTS, run_id=run_id)
    trading212.project_accounts(session)
    accounts = trading212.linked_accounts(session)
    return next(each.account_id for each in accounts if each.api_key_id == api_key_id)


def project_accounts(run: Run) -> StepOutcome:
    """Bring accounts into the ledger, each under the identity that outlives its connection.

    One that a user has to be asked about is not in it before they have answered.
    """
    asked: list[AccountOutcome] = []

    def project(session: Session) -> WriteCounts:
        counts = gocardless.project_accounts(session) + trading212.project_accounts(session)
        asked.extend(
            AccountOutcome(
                question.connection_id,
                question.label,
                Status.FAILED,
                reason="which account it is has to be told; `farthing accounts` asks",
            )
            for question in placement.list_questions(session)
        )
        return counts

    return _at_once(run, ACCOUNTS, project, asked)


def project_balance_snapshots(run: Run) -> StepOutcome:
    """Append the balances that are new."""

    def project(session: Session, account: Linked) -> WriteCounts:
        if isinstance(account, gocardless.LinkedAccount):
            stand_ins = banks.profile(account.institution_id).stand_in_balances
            return gocardless.project_balances(session, account, stand_ins=stand_ins)
        return trading212.project_balances(session, account)

    return _by_account(run, "common.balance_snapshots", project)


def project_transactions(run: Run) -> StepOutcome:
    """Bring the rows that changed into the ledger; what cannot be placed is set aside."""
    return _by_account(run, "common.transactions", project_account)


def project_account(session: Session, account: Linked) -> WriteCounts:
    """Bring what changed of one account's rows into the ledger. The caller holds its lock."""
    if isinstance(account, trading212.LinkedAccount):
        counts = trading212.project_transactions(session, account)
        counts += project_card_payments(session, account)
    else:
        counts = gocardless.project_transactions(session, account)
        if account.is_open and account.read_through is not None:
            # Without its rows the whole balance would pass for what it opened with.
            balances.set_opening_balance(
                session, account.user_id, account.account_id, read_through=account.read_through
            )
    if counts.written:
        balances.keep_opening_date(session, account.user_id, account.account_id)
        recurring_pattern_transactions.match_patterns(
            session, account_id=account.account_id, only_written=True
        )
    return counts


def project_holdings(run: Run) -> StepOutcome:
    """Bring today's positions into the ledger."""
    with run.sessions.begin() as session:
        lock(session, _INSTRUMENTS, run_id=run.run_id)
        trading212.project_instruments(session)
        accounts = trading212.linked_accounts(session)

    def project(account: trading212.LinkedAccount) -> AccountOutcome:
        with run.sessions.begin() as session:
            lock(session, lock_name(account), run_id=run.run_id)
            counts = trading212.project_holdings(session, account, clock.today())
            positions.set_aside_refused(
                session,
                account.user_id,
                api_key_id=account.api_key_id,
                account_id=account.account_id,
                as_of=clock.today(),
            )
        return AccountOutcome(account.connection_id, account.label, counts=counts)

    return for_each(run, "common.holdings", accounts, project)


def project_trades(run: Run) -> StepOutcome:
    """Bring the fills of every account into the ledger, and work out what follows from them.

    That is what was held after each and at what cost, and which shares each sale was of. It comes
    after the holdings, which tell what a security is called today.
    """
    with run.sessions.begin() as session:
        lock(session, _INSTRUMENTS, run_id=run.run_id)
        trading212.project_instruments(session)
        accounts = trading212.linked_accounts(session)

    def project(account: trading212.LinkedAccount) -> AccountOutcome:
        with run.sessions.begin() as session:
            lock(session, lock_name(account), run_id=run.run_id)
            counts = project_account_trades(session, account, run_id=run.run_id)
        return AccountOutcome(account.connection_id, account.label, counts=counts)

    traded = attempt_each(run, _TRADES, accounts, project)
    matched = match_sales(run, accounts)
    outcome = StepOutcome(
        _TRADES, (*traded.accounts, *matched.unfinished), traded.seconds + matched.seconds
    )
    record(run, outcome)
    return outcome


def project_account_trades(
    session: Session, account: trading212.LinkedAccount, *, run_id: str
) -> WriteCounts:
    """Bring one account's fills into the ledger. The caller holds its lock."""
    counts = trading212.project_trades(session, account)
    user_id, account_id = account.user_id, account.account_id
    if counts.written or not trades.is_settled(session, user_id, account_id):
        trades.work_out(session, user_id, account_id)
        match_sales_of(session, user_id, run_id=run_id)
    return counts


def match_sales(run: Run, accounts: Sequence[trading212.LinkedAccount]) -> StepOutcome:
    """Find out which shares the sales of some users were of, where that is not settled.

    New fills have settled it already; but a rate comes later than the fill that needs it, and it
    may turn out that an account does not count.
    """

    def match(account: trading212.LinkedAccount) -> AccountOutcome:
        counts = WriteCounts()
        with run.sessions.begin() as session:
            if not disposals.are_settled(session, account.user_id):
                counts = match_sales_of(session, account.user_id, run_id=run.run_id)
        return AccountOutcome(account.connection_id, account.label, counts=counts)

    read = [each for each in accounts if run.connection_id in (None, each.connection_id)]
    one_each = {each.user_id: each for each in read}
    return attempt_each(run, "common.disposals", list(one_each.values()), match)


def lock_sales(session: Session, user_id: UUID, *, run_id: str) -> None:
    """Wait until nobody else works out which shares a user's sales were of."""
    lock(session, f"common.disposals:{user_id}", run_id=run_id)


def match_sales_of(session: Session, user_id: UUID, *, run_id: str) -> WriteCounts:
    """Find out which shares the sales of one user were of, one at a time."""
    lock_sales(session, user_id, run_id=run_id)
    return disposals.match_disposals(session, user_id)


def reconcile(run: Run, *, user_id: UUID | None = None) -> Sequence[Reconciliation]:
    """Compare every account's newest booked balance with the sum of its rows."""
    with run.sessions.begin() as session:
        return balances.reconcile(session, user_id=user_id)


def _by_account(
    run: Run, table: str, project: Callable[[Session, Linked], WriteCounts]
) -> StepOutcome:
    with run.sessions.begin() as session:
        accounts = linked_accounts(session)

    def work(account: Linked) -> AccountOutcome:
        with run.sessions.begin() as session:
            lock(session, lock_name(account), run_id=run.run_id)
            counts = project(session, account)
        return AccountOutcome(account.connection_id, account.label, counts=counts)

    return for_each(run, table, accounts, work)


def linked_accounts(session: Session) -> list[Linked]:
    """Return every raw account that has a ledger account."""
    return [*gocardless.linked_accounts(session), *trading212.linked_accounts(session)]


def lock_name(account: Linked) -> str:
    """Return the name under which the raw rows of an account are landed."""
    if isinstance(account, gocardless.LinkedAccount):
        return f"gocardless:{account.bank_account_id}"
    return f"trading212:{account.api_key_id}"


def _at_once(
    run: Run,
    table: str,
    project: Callable[[Session], WriteCounts],
    unfinished: Sequence[AccountOutcome] = (),
) -> StepOutcome:
    started = time.monotonic()
    with run.sessions.begin() as session:
        lock(session, table, run_id=run.run_id)
        counts = project(session)
    seconds = time.monotonic() - started
    everything = AccountOutcome(None, "all", counts=counts, seconds=seconds)
    outcome = StepOutcome(table, (everything, *unfinished), seconds)
    record(run, outcome)
    return outcome
