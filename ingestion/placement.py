"""Take a user's word on which account one is, and bring what waited for it into the ledger."""

from __future__ import annotations

from uuid import UUID

from ingestion import ledger
from ingestion.run import Run
from postgres.core import lock
from postgres.gocardless import placement


def answer(run: Run, user_id: UUID, bank_account_id: UUID, account_id: UUID | None) -> None:
    """Say which account one is, or that it is a new one. No provider is asked.

    :param account_id: one of the candidates of :func:`placement.list_questions`; None: a new one.
    :raises NotFoundError: if nothing is asked of the user about such an account.
    :raises OperationError: if it cannot be that account.
    """
    with run.sessions.begin() as session:
        lock(session, ledger.ACCOUNTS, run_id=run.run_id)
        placement.answer_question(session, user_id, bank_account_id, account_id)
    ledger.project_accounts(run)
    ledger.project_balance_snapshots(run)
    ledger.project_transactions(run)
