"""Whether what the broker says of an account follows from its history alone."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.core import read_sql


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One item of which broker and ledger say different things.

    :param what: what it is about, such as ``shares`` or ``profit of a sale``.
    :param item: which one of them.
    :param on_day: the day that it is of; None: of now.
    :param stated: what the broker says.
    :param found: what the ledger makes of the history.
    """

    user_id: uuid.UUID
    account_id: uuid.UUID
    account: str
    currency: str
    what: str
    item: str | None
    on_day: dt.date | None
    stated: Decimal | None
    found: Decimal | None

    def describe(self) -> str:
        """Say it in one line."""
        day = f" on {self.on_day}" if self.on_day else ""
        return (
            f"{self.account}: {self.what}, {self.item}{day}: {self.stated} by the broker,"
            f" {self.found} in the ledger"
        )


def replay_positions(
    session: Session, *, user_id: uuid.UUID | None = None
) -> Sequence[Disagreement]:
    """Compare what the fills leave with what the broker says is there, the first item first.

    Shares and the sum of realised profits have to agree exactly; what shares cost and what a sale
    won, to one in a hundred, since the broker rounds each sale. Cash is compared by
    :func:`postgres.common.operations.balances.reconcile`.

    :param user_id: of one user; None: of all.
    """
    return _ask(session, read_sql(__file__, "proofs.sql"), user_id)


def check_prices(session: Session, *, user_id: uuid.UUID | None = None) -> Sequence[Disagreement]:
    """Return trades and holdings whose shares, price and rate do not make up their money.

    They may differ by two in a hundred; a unit of price that was mistaken differs by a hundred
    times. The rate is the reference rate of the day, or the one that the broker tells.

    :param user_id: of one user; None: of all.
    """
    return _ask(session, read_sql(__file__, "price_checks.sql"), user_id)


def list_unknown_rows(
    session: Session, *, user_id: uuid.UUID | None = None
) -> Sequence[Disagreement]:
    """Return rows that are in the ledger and that nobody knows what to make of.

    Their type is new, their sign is not that of their type, or their money is of another currency
    than the account's and therefore in no sum.

    :param user_id: of one user; None: of all.
    """
    return _ask(session, read_sql(__file__, "unknown_rows.sql"), user_id)


def _ask(session: Session, sql: str, user_id: uuid.UUID | None) -> Sequence[Disagreement]:
    statement = sa.text(sql).bindparams(sa.bindparam("user_id", user_id, sa.Uuid))
    return [Disagreement(*row) for row in session.execute(statement)]
