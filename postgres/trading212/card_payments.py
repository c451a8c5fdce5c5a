"""What was paid by card, from reports to the ledger: no history of Trading 212 has it.

The caller holds the lock of the account, see :func:`postgres.core.lock`.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from postgres.common.models import Transaction
from postgres.common.operations import quarantine
from postgres.core import WriteCounts, read_sql, select_text, upsert_from_select
from postgres.trading212.models import ExportRow
from postgres.trading212.projections import LinkedAccount

_COLUMNS = (
    "user_id",
    "account_id",
    "source_key",
    "status",
    "amount",
    "currency",
    "booking_date",
    "booked_at",
    "description",
    "counterparty_name",
    "kind",
    "raw_table",
    "raw_id",
    "first_seen_at",
)


def project_card_payments(session: Session, account: LinkedAccount) -> WriteCounts:
    """Bring the rows of reports into the ledger that were paid by card, or got back for it.

    One that the history of cash has as well is left to that.
    """
    source = select_text(
        read_sql(__file__, "card_payments.sql"),
        Transaction,
        _COLUMNS,
        user_id=account.user_id,
        account_id=account.account_id,
        api_key_id=account.api_key_id,
    )
    counts = upsert_from_select(
        session,
        Transaction,
        source,
        key=("account_id", "source_key"),
        insert_only=("user_id", "first_seen_at"),
    )
    quarantine.set_aside(
        session,
        account.user_id,
        ExportRow,
        ExportRow.api_key_id == account.api_key_id,
        account_id=account.account_id,
    )
    return counts
