"""Accounts that a requisition opened.

Landing one creates or updates it; it goes with its consent.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from postgres.core import WriteCounts, any_of, upsert
from postgres.gocardless.models import BankAccount
from postgres.paging import DEFAULT_LIMIT, Page
from postgres.payload import FIRST_SEEN, Stamp
from postgres.raw import get_row, list_raw

READ = ("status", "account_number", "iban", "currency", "name", "is_card")
"""The columns that are read from a payload."""


def land(
    session: Session,
    user_id: uuid.UUID,
    *,
    requisition_id: uuid.UUID,
    provider_account_id: uuid.UUID,
    payload: dict[str, Any],
    facts: dict[str, Any],
    stamp: Stamp,
) -> WriteCounts:
    """Store an account as delivered.

    :param payload: ``{"account": <metadata>, "details": <details>}``.
    :param facts: the columns that were read from it.
    """
    session.execute(
        sa.update(BankAccount)
        .where(
            BankAccount.user_id == user_id,
            BankAccount.provider_account_id == provider_account_id,
            BankAccount.requisition_id != requisition_id,
        )
        # Right after another consent all days can be read once more, at some banks only then.
        .values(scanned_on=None)
        .execution_options(synchronize_session=False)
    )
    row = {
        "user_id": user_id,
        "requisition_id": requisition_id,
        "provider_account_id": provider_account_id,
        **facts,
        "account_number": facts["account_number"] or str(provider_account_id),
        **stamp.on(payload, content=_content(payload)),
    }
    return upsert(
        session,
        BankAccount,
        [row],
        key=("user_id", "provider_account_id"),
        compare=("content_hash", "requisition_id"),
        insert_only=FIRST_SEEN,
    )


def get_bank_account(
    session: Session, user_id: uuid.UUID, bank_account_id: uuid.UUID
) -> BankAccount | None:
    """Return one of a user's accounts."""
    return get_row(session, user_id, BankAccount, bank_account_id)


def find_bank_account(
    session: Session, user_id: uuid.UUID, provider_account_id: uuid.UUID
) -> BankAccount | None:
    """Return a user's account by GoCardless's id."""
    return session.scalars(
        sa.select(BankAccount).where(
            BankAccount.user_id == user_id, BankAccount.provider_account_id == provider_account_id
        )
    ).one_or_none()


def list_bank_accounts(
    session: Session,
    user_id: uuid.UUID,
    *,
    requisition_id: uuid.UUID | None = None,
    status: str | None = None,
    currency: str | None = None,
    is_card: bool | None = None,
    changed_since: dt.datetime | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[BankAccount]:
    """Return a page of a user's accounts, those that changed last first.

    :param status: as delivered, such as ``READY``.
    :param is_card: only credit cards, or only the others.
    :param changed_since: by the stamps of landing.
    :param after: from the page before.
    """
    matching = {
        BankAccount.requisition_id: requisition_id,
        BankAccount.status: status,
        BankAccount.currency: currency,
        BankAccount.is_card: is_card,
    }
    return list_raw(
        session,
        user_id,
        BankAccount,
        matching=matching,
        changed_since=changed_since,
        after=after,
        limit=limit,
    )


def note_read(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    *,
    first_told: dt.date,
    last: dt.date,
    scanned_on: dt.date | None,
    gap: tuple[dt.date, dt.date] | None,
    through: dt.date | None = None,
) -> None:
    """Note which days an answer told of, and which can no longer be asked for.

    :param first_told: the day of the oldest row that it had.
    :param scanned_on: today, if it was an answer over all days that the bank gives.
    :param gap: first and last of the days that passed unread.
    :param through: every day up to this one has been read now; the watermark never moves back.
    """
    told = sa.literal([Range(first_told, last, bounds="[]")], pg.DATEMULTIRANGE())
    missed = sa.literal([Range(*gap, bounds="[]")] if gap else [], pg.DATEMULTIRANGE())
    gaps = BankAccount.gaps.op("+")(missed).op("-")(told)
    scanned = sa.func.coalesce(sa.literal(scanned_on, sa.Date()), BankAccount.scanned_on)
    # The greater of a day and of none is the day.
    watermark = sa.func.greatest(BankAccount.transactions_through, sa.literal(through, sa.Date()))
    session.execute(
        sa.update(BankAccount)
        .where(
            BankAccount.id == bank_account_id,
            BankAccount.user_id == user_id,
            sa.or_(
                BankAccount.gaps != gaps,
                BankAccount.scanned_on.is_distinct_from(scanned),
                BankAccount.transactions_through.is_distinct_from(watermark),
            ),
        )
        .values(gaps=gaps, scanned_on=scanned, transactions_through=watermark)
        .execution_options(synchronize_session=False)
    )


def erase_of_accounts(
    session: Session, user_id: uuid.UUID, account_ids: Collection[uuid.UUID]
) -> None:
    """Delete every raw row that accounts of the ledger were made from, whatever consent read it."""
    session.execute(
        sa.delete(BankAccount)
        .where(BankAccount.user_id == user_id, BankAccount.account_id == any_of(account_ids))
        .execution_options(synchronize_session=False)
    )


def list_gaps(session: Session, user_id: uuid.UUID) -> Sequence[BankAccount]:
    """Return a user's accounts that nothing was read of on some days, by name."""
    return session.scalars(
        sa.select(BankAccount)
        .where(BankAccount.user_id == user_id, ~sa.func.isempty(BankAccount.gaps))
        .order_by(BankAccount.name, BankAccount.id)
    ).all()


def _content(payload: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes because we looked."""
    metadata = {k: v for k, v in payload["account"].items() if k != "last_accessed"}
    return {**payload, "account": metadata}
