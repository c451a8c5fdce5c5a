"""Take a user's word on what an account counts for, with what follows for its sales."""

from __future__ import annotations

from uuid import UUID

from ingestion import ledger
from ingestion.run import Run
from postgres.common.enums import TaxWrapper
from postgres.common.operations import accounts


def say_of_account(
    run: Run,
    user_id: UUID,
    account_id: UUID,
    *,
    is_isa: bool | None = None,
    is_counted: bool | None = None,
) -> None:
    """Say whether an account is an ISA, and whether it counts; what is None stays as it is.

    :raises NotFoundError: if the user has no such account.
    """
    with run.sessions.begin() as session:
        # First, since a sync that has it waits for rows that are written here.
        ledger.lock_sales(session, user_id, run_id=run.run_id)
        if is_isa is not None:
            wrapper = TaxWrapper.ISA if is_isa else None
            accounts.set_tax_wrapper(session, user_id, account_id, wrapper)
        if is_counted is not None:
            accounts.set_counted(session, user_id, account_id, is_counted)
        ledger.match_sales_of(session, user_id, run_id=run.run_id)
