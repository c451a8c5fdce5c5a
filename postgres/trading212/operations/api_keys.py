"""Keys to Trading 212 accounts. They are stored encrypted and leave here only for a client.

A key is never changed: it is removed, and connected again with another one.
"""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session

from farthing.secrets import SecretBox
from postgres.core import refusing
from postgres.encrypted import reveal, seal
from postgres.errors import AlreadyExistsError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page
from postgres.trading212.models import ApiKey


def create_api_key(
    session: Session,
    user_id: uuid.UUID,
    *,
    provider_account_id: int,
    currency: str,
    key: SecretStr,
    secret: SecretStr | None,
    box: SecretBox,
    is_demo: bool = False,
    reads_exports: bool = False,
) -> ApiKey:
    """Store a key that has been checked; a second key to the same account is refused.

    A connection that was removed goes on with its history.

    :param provider_account_id: the account's id in its summary.
    :param currency: the account's, ISO 4217.
    :param secret: None for a key of the older kind.
    :param is_demo: it is of a practice account.
    :param reads_exports: the user wants reports to be asked for.
    :raises AlreadyExistsError: if the user has connected this account already.
    """
    message = f"Trading 212 account {provider_account_id} is connected already"
    taken = AlreadyExistsError(message)
    known = sa.select(ApiKey).where(
        ApiKey.user_id == user_id, ApiKey.provider_account_id == provider_account_id
    )
    row = session.scalars(known.with_for_update(key_share=True)).one_or_none()
    if row is None:
        row = ApiKey(
            id=uuid.uuid4(),
            user_id=user_id,
            provider_account_id=provider_account_id,
            currency=currency,
        )
    elif row.removed_at is None:
        raise taken
    with refusing(session, {"uq_api_keys__user_id_provider_account_id": taken}):
        row.removed_at = None
        row.is_demo, row.reads_exports = is_demo, reads_exports
        seal(box, row, ApiKey.key_ciphertext, key)
        if secret:
            seal(box, row, ApiKey.secret_ciphertext, secret)
        session.add(row)
    return row


def credentials(row: ApiKey, box: SecretBox) -> tuple[SecretStr, SecretStr | None]:
    """Return key and secret in clear, for a client.

    :raises DecryptionError: if they do not decrypt or were moved from another row.
    :raises OperationError: if the key was removed.
    """
    if row.key_ciphertext is None:
        message = "the key was removed; connect again"
        raise OperationError(message)
    key = reveal(box, row, ApiKey.key_ciphertext)
    return key, reveal(box, row, ApiKey.secret_ciphertext) if row.secret_ciphertext else None


def list_api_keys(
    session: Session,
    user_id: uuid.UUID,
    *,
    currency: str | None = None,
    is_removed: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ApiKey]:
    """Return a page of a user's keys, the oldest first.

    :param currency: the account's, ISO 4217.
    :param is_removed: whether the user ended the connection.
    :param after: from the page before.
    """
    query = sa.select(ApiKey).where(ApiKey.user_id == user_id)
    if currency is not None:
        query = query.where(ApiKey.currency == currency)
    if is_removed is not None:
        query = query.where(ApiKey.removed_at.is_not(None) == is_removed)
    order = [Key(ApiKey.created_at), Key(ApiKey.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)


def get_api_key(session: Session, user_id: uuid.UUID, api_key_id: uuid.UUID) -> ApiKey | None:
    """Return one of a user's keys, removed or not."""
    return session.scalars(
        sa.select(ApiKey).where(ApiKey.id == api_key_id, ApiKey.user_id == user_id)
    ).one_or_none()


def advance_watermark(
    session: Session, user_id: uuid.UUID, api_key_id: uuid.UUID, column: str, through: dt.date
) -> None:
    """Say that a history has been read up to this day; it never moves back.

    :param column: ``orders_through``, ``dividends_through`` or ``cash_transactions_through``.
    """
    watermark = getattr(ApiKey, column)
    session.execute(
        sa.update(ApiKey)
        .where(
            ApiKey.id == api_key_id,
            ApiKey.user_id == user_id,
            sa.or_(watermark.is_(None), watermark < through),
        )
        .values({column: through})
    )


def remove(session: Session, user_id: uuid.UUID, api_key_id: uuid.UUID, *, at: dt.datetime) -> None:
    """Forget a user's key; what was read with it stays."""
    session.execute(
        sa.update(ApiKey)
        .where(ApiKey.id == api_key_id, ApiKey.user_id == user_id)
        .values(removed_at=at, key_ciphertext=None, secret_ciphertext=None)
    )


def erase(session: Session, user_id: uuid.UUID, api_key_id: uuid.UUID) -> None:
    """Delete a user's key and every raw row that was read with it."""
    session.execute(sa.delete(ApiKey).where(ApiKey.id == api_key_id, ApiKey.user_id == user_id))
