"""Make the ledger again from what the providers answered once. No provider is asked."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from sqlalchemy.orm import Session

from ingestion import ledger
from ingestion.accounts import attempt_each
from ingestion.gocardless.answers import reread
from ingestion.run import AccountOutcome, Run, StepOutcome
from postgres.core import lock
from postgres.gocardless import identification
from postgres.gocardless.projections import LinkedAccount
from postgres.trading212 import projections as trading212
from providers.gocardless import banks
from providers.gocardless.rows import read_account


def replay(run: Run, *, account_id: UUID | None = None) -> StepOutcome:
    """Read every raw row anew, decide anew which transaction it is, and renew the ledger from that.

    What comes out as before is not written, and what users said of transactions stays with them.
    Jobs say what was read from providers, so nothing is recorded there.

    :param account_id: of one account; None: of all.
    """
    with run.sessions.begin() as session:
        accounts = [
            account
            for account in ledger.linked_accounts(session)
            if account_id in (None, account.account_id)
        ]
        trading212.project_instruments(session)

    def work(account: ledger.Linked) -> AccountOutcome:
        with run.sessions.begin() as session:
            lock(session, ledger.lock_name(account), run_id=run.run_id)
            _forget(session, account)
            counts = ledger.project_account(session, account)
            if not isinstance(account, LinkedAccount):
                counts += trading212.project_holdings(session, account)
                counts += ledger.project_account_trades(session, account, run_id=run.run_id)
        return AccountOutcome(account.connection_id, account.label, counts=counts)

    replayed = attempt_each(run, "common.transactions", accounts, work)
    traders = [each for each in accounts if not isinstance(each, LinkedAccount)]
    matched = ledger.match_sales(run, traders)
    return dataclasses.replace(replayed, accounts=(*replayed.accounts, *matched.unfinished))


def _forget(session: Session, account: ledger.Linked) -> None:
    """Let an account's raw rows count as if they had just come."""
    if not isinstance(account, LinkedAccount):
        trading212.forget_progress(session, account)
        return
    profile = banks.profile(account.institution_id)
    for feed in identification.feeds_of(session, account.user_id, account.account_id):
        holder = read_account(feed.payload).holder
        reread(session, account.user_id, feed.id, profile=profile, holder=holder)
        identification.forget_progress(feed)
