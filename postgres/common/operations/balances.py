"""Whether the ledger adds up to what the institution says.

opening balance + sum of booked rows = booked balance, per account, to the last digit.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account, BalanceSnapshot
from postgres.core import WriteCounts, read_sql, upsert_from_select


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One account's booked balance, as reported and as the ledger makes it.

    :param reported: None if the institution gave no booked balance yet.
    :param computed: opening balance plus booked rows; None if there is nothing to compare with.
    """

    account_id: uuid.UUID
    user_id: uuid.UUID
    institution: str
    name: str
    currency: str
    reported: Decimal | None
    computed: Decimal | None
    observed_at: dt.datetime | None

    @property
    def drift(self) -> Decimal | None:
        """Reported less computed; zero is right, None is unknown."""
        if self.reported is None or self.computed is None:
            return None
        return self.reported - self.computed


def append_snapshots(session: Session, source: sa.TextualSelect) -> WriteCounts:
    """Append the balances that are not stored yet; a stored one is never written again."""
    columns = source.selected_columns.keys()
    return upsert_from_select(
        session,
        BalanceSnapshot,
        source,
        key=("raw_id", "balance_type"),
        compare=(),
        insert_only=columns,
    )


def set_opening_balance(session: Session, account_id: uuid.UUID) -> None:
    """Fix an account's opening balance once, from the best evidence there is.

    That is the running balance that the bank prints on the rows of the first day, if it tells which
    row came first; else the first booked balance less all rows. Rows that are found later and are
    booked before that day do not count against it.
    """
    known = session.scalar(
        sa.select(sa.true()).where(Account.id == account_id, Account.opening_balance.is_not(None))
    )
    if not known:
        session.execute(
            sa.text(read_sql(__file__, "opening_balance.sql")),
            {"account_id": account_id},
        )


def reconcile(session: Session, *, user_id: uuid.UUID | None = None) -> Sequence[Reconciliation]:
    """Compare every account's newest booked balance with the ledger.

    :param user_id: of one user; None compares all users'.
    """
    rows = session.execute(
        sa.text(read_sql(__file__, "reconciliation.sql")).bindparams(
            sa.bindparam("user_id", user_id, sa.Uuid)
        )
    )
    return [Reconciliation(*row) for row in rows]
