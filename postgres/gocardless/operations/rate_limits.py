"""How many calls a bank leaves us: the last word of its headers, and our own count.

The row of a kind of data is made by the first call for it, and goes with its consent. Whoever is
about to call holds it, so that two never spend the same call.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.core import any_of
from postgres.gocardless.models import BankAccount, RateLimit
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

ACCOUNT = "account"
"""The scope of the limits that a bank sets, as providers.http.RateLimit calls it."""

_KEEP = dt.timedelta(days=2)

# One of them, should several have been made at the same instant.
_TAKE_BACK = """
    update gocardless.rate_limits
    set called_at =
        called_at[: array_position(called_at, :at) - 1]
        || called_at[array_position(called_at, :at) + 1 :]
    where
        user_id = :user_id
        and bank_account_id = :bank_account_id
        and resource = :resource
        and scope = :scope
        and :at = any(called_at)
"""


def hold(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resource: str,
    at: dt.datetime,
) -> tuple[RateLimit, int, dt.datetime | None]:
    """Return what is known of a resource; nobody else may call for it until the transaction ends.

    :param at: the ledger's now.
    :returns: with it, the errors in a row over all of the account's data, and when the last came.
    :raises NotFoundError: if the user is not there any more.
    """
    insert = pg.insert(RateLimit).values(
        user_id=user_id,
        bank_account_id=bank_account_id,
        resource=resource,
        scope=ACCOUNT,
        observed_at=at,
    )
    # An update of nothing, for its lock and its row.
    held = insert.on_conflict_do_update(
        index_elements=["bank_account_id", "resource", "scope"],
        set_={"scope": insert.excluded.scope},
    ).returning(
        RateLimit,
        *(
            sa.select(column).where(BankAccount.id == bank_account_id).scalar_subquery()
            for column in (BankAccount.failures, BankAccount.failed_at)
        ),
    )
    found = session.execute(held, execution_options={"populate_existing": True}).one()
    return found[0], found[1] or 0, found[2]


def count_call(
    session: Session, user_id: uuid.UUID, rate_limit: RateLimit, at: dt.datetime
) -> None:
    """Count a call that is about to be made; calls of more than two days ago are forgotten.

    :param rate_limit: as held.
    """
    recent = [called for called in rate_limit.called_at if called > at - _KEEP]
    session.execute(
        sa.update(RateLimit)
        .where(RateLimit.id == rate_limit.id, RateLimit.user_id == user_id)
        .values(called_at=[*recent, at])
        .execution_options(synchronize_session=False)
    )


def take_back(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resource: str,
    called_at: dt.datetime,
) -> None:
    """Count a call no more that did not reach the bank."""
    session.execute(
        sa.text(_TAKE_BACK),
        {
            "user_id": user_id,
            "bank_account_id": bank_account_id,
            "resource": resource,
            "scope": ACCOUNT,
            "at": called_at,
        },
    )


def note_answer(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resource: str,
    at: dt.datetime,
    **headers: Any,
) -> None:
    """Note that the bank answered: its errors do not count any more, and nothing is refused.

    :param headers: ``calls_limit``, ``calls_remaining`` and ``resets_at``, if there were any.
    """
    if headers:
        headers["observed_at"] = at
    # The account's errors are not in a row any more, whatever they were about.
    ended = (
        _end_row(user_id, bank_account_id)
        .where(BankAccount.failures > 0)
        .returning(BankAccount.id)
        .cte("ended")
    )
    answered = _update(user_id, bank_account_id, [resource]).values(
        read_at=at, **_UNREFUSED, **headers
    )
    session.execute(answered.add_cte(ended))


def note_headers(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resource: str,
    at: dt.datetime,
    **headers: Any,
) -> None:
    """Keep what the headers of a refusal say.

    :param headers: ``calls_limit``, ``calls_remaining`` and ``resets_at``.
    """
    _change(session, user_id, bank_account_id, resource, observed_at=at, **headers)


def note_failure(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resource: str,
    at: dt.datetime,
) -> None:
    """Count an error that moves the account towards its suspension, for the resource and for all.

    :param resource: what was asked for: ``balances``, ``details`` or ``transactions``.
    """
    _change(
        session,
        user_id,
        bank_account_id,
        resource,
        failures=RateLimit.failures + 1,
        failed_at=at,
    )
    session.execute(
        sa.update(BankAccount)
        .where(BankAccount.id == bank_account_id, BankAccount.user_id == user_id)
        .values(failures=BankAccount.failures + 1, failing=resource, failed_at=at)
        .execution_options(synchronize_session=False)
    )


def refuse(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID,
    resources: Sequence[str],
    refusal: str,
    reason: str,
    until: dt.datetime | None,
    at: dt.datetime,
) -> None:
    """Note that some resources are not to be asked for.

    :param refusal: as ``providers.gocardless.errors.Refusal`` has it.
    :param reason: one line for the user.
    :param until: None: until a new consent.
    :param at: the ledger's now.
    """
    rows = [
        {
            "user_id": user_id,
            "bank_account_id": bank_account_id,
            "resource": resource,
            "scope": ACCOUNT,
            "observed_at": at,
            "refusal": refusal,
            "refusal_reason": reason,
            "refused_until": until,
        }
        for resource in sorted(resources)
    ]
    insert = pg.insert(RateLimit).values(rows)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["bank_account_id", "resource", "scope"],
            set_={
                name: insert.excluded[name]
                for name in ("refusal", "refusal_reason", "refused_until")
            },
        ).execution_options(synchronize_session=False)
    )


def begin_anew(session: Session, user_id: uuid.UUID, *, bank_account_id: uuid.UUID) -> None:
    """Forget the errors and refusals of an account, as a new consent does; the count stays."""
    session.execute(_update(user_id, bank_account_id, None).values(**_UNREFUSED))
    session.execute(_end_row(user_id, bank_account_id))


def get_rate_limit(
    session: Session, user_id: uuid.UUID, rate_limit_id: uuid.UUID
) -> RateLimit | None:
    """Return one of a user's limits."""
    return session.scalars(
        sa.select(RateLimit).where(RateLimit.id == rate_limit_id, RateLimit.user_id == user_id)
    ).one_or_none()


def list_rate_limits(
    session: Session,
    user_id: uuid.UUID,
    *,
    bank_account_id: uuid.UUID | None = None,
    resource: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[RateLimit]:
    """Return a page of a user's limits, the newest word first.

    :param resource: ``balances``, ``details`` or ``transactions``.
    :param after: from the page before.
    """
    query = sa.select(RateLimit).where(RateLimit.user_id == user_id)
    if bank_account_id is not None:
        query = query.where(RateLimit.bank_account_id == bank_account_id)
    if resource is not None:
        query = query.where(RateLimit.resource == resource)
    order = (Key(RateLimit.observed_at, is_descending=True), Key(RateLimit.id, is_descending=True))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_of_accounts(
    session: Session, bank_account_ids: Sequence[uuid.UUID]
) -> Sequence[tuple[RateLimit, int, dt.datetime | None]]:
    """Return the limits of accounts, each with the account's errors in a row and the last's time.

    :param bank_account_ids: of whatever users.
    """
    rows = session.execute(
        sa.select(RateLimit, BankAccount.failures, BankAccount.failed_at)
        .join(BankAccount, BankAccount.id == RateLimit.bank_account_id)
        .where(RateLimit.bank_account_id == any_of(bank_account_ids))
    )
    return [(limit, failures, failed_at) for limit, failures, failed_at in rows]


_UNREFUSED: dict[str, Any] = {
    "failures": 0,
    "failed_at": None,
    "refusal": None,
    "refusal_reason": None,
    "refused_until": None,
}


def _end_row(user_id: uuid.UUID, bank_account_id: uuid.UUID) -> sa.Update:
    return (
        sa.update(BankAccount)
        .where(BankAccount.id == bank_account_id, BankAccount.user_id == user_id)
        .values(failures=0, failing=None, failed_at=None)
        .execution_options(synchronize_session=False)
    )


def _change(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    resource: str,
    **values: Any,
) -> None:
    session.execute(_update(user_id, bank_account_id, [resource]).values(**values))


def _update(
    user_id: uuid.UUID, bank_account_id: uuid.UUID, resources: Sequence[str] | None
) -> sa.Update:
    update = sa.update(RateLimit).where(
        RateLimit.user_id == user_id,
        RateLimit.bank_account_id == bank_account_id,
        RateLimit.scope == ACCOUNT,
    )
    if resources is not None:
        update = update.where(RateLimit.resource.in_(resources))
    return update.execution_options(synchronize_session=False)
