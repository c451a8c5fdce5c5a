"""What the database has to say about a tree before it is stored."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.models import Account
from postgres.common.rules.bound import OutOfTime, refusal_of, time_bound
from postgres.common.rules.conditions import Condition, parse
from postgres.errors import ConditionsError

# A statement as long as banks write them, for a pattern to show what it costs.
_SPECIMEN = "CARD PAYMENT TO A SHOP 1234 ON 05 MAR 2026, REF 00471 " * 4
_MILLISECONDS = 1_000


def check_patterns(session: Session, tree: Condition) -> None:
    """Make sure that PostgreSQL takes every pattern, and soon has an answer.

    :raises ConditionsError: if it does not.
    """
    for place, pattern in tree.patterns.items():
        try:
            with time_bound(session, _MILLISECONDS):
                is_match = sa.literal(_SPECIMEN).regexp_match(pattern, flags="i")
                session.execute(sa.select(is_match))
        except OutOfTime:
            raise ConditionsError(place, "takes too long") from None
        except sa.exc.DataError as error:
            raise ConditionsError(place, refusal_of(error)) from None


def check_accounts(
    session: Session, user_id: uuid.UUID, tree: Condition, *, stored: Mapping[str, Any] | None
) -> None:
    """Make sure that every account is the user's.

    :param stored: what stands there already; its accounts may have been deleted since.
    :raises ConditionsError: if one is not.
    """
    named = {account_id: place for place, ids in tree.account_ids.items() for account_id in ids}
    mine = session.scalars(
        sa.select(Account.id).where(Account.user_id == user_id, Account.id.in_(named))
    )
    for account_id in named.keys() - set(mine) - _accounts_of(stored):
        raise ConditionsError(named[account_id], f"there is no account {account_id}")


def _accounts_of(stored: Mapping[str, Any] | None) -> set[uuid.UUID]:
    try:
        tree = parse(stored or {})
    except ConditionsError:
        # A rule that holds no tree can still be given one.
        return set()
    return {account_id for ids in tree.account_ids.values() for account_id in ids}
