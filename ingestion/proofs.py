"""Whether the accounts of a broker follow from their history."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from ingestion.run import Run
from postgres.common.operations import balances
from postgres.trading212 import projections, proofs
from postgres.trading212.proofs import Disagreement


def replay_accounts(session: Session, *, user_id: UUID | None = None) -> list[Disagreement]:
    """Return where the broker's cash, shares, costs or profits are not what follows from history.

    Cash comes first: what drifts there is a movement that is missing.

    :param user_id: of one user; None: of all.
    """
    accounts = {account.account_id for account in projections.linked_accounts(session)}
    cash = [
        Disagreement(
            each.user_id,
            each.account_id,
            each.name,
            each.currency,
            "cash",
            "sum of all movements",
            each.drifts_since,
            each.reported,
            each.computed,
        )
        for each in balances.reconcile(session, user_id=user_id)
        if each.account_id in accounts and each.drift
    ]
    return [*cash, *proofs.replay_positions(session, user_id=user_id)]


def check_prices(run: Run) -> Sequence[Disagreement]:
    """Return where shares, price and rate do not make up the money that the broker says."""
    with run.sessions.begin() as session:
        return proofs.check_prices(session)


def list_unknown_rows(run: Run) -> Sequence[Disagreement]:
    """Return rows of unknown types, signs or currencies."""
    with run.sessions.begin() as session:
        return proofs.list_unknown_rows(session)
