"""The operator's own tokens at a provider, sealed by the caller; one row a pair of secrets."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.auth.models import ProviderToken


def get_sealed(session: Session, secrets_hash: bytes) -> bytes | None:
    """Return what was kept last."""
    return session.scalar(
        sa.select(ProviderToken.sealed).where(ProviderToken.secrets_hash == secrets_hash)
    )


def lock_sealed(session: Session, secrets_hash: bytes) -> None:
    """Wait until nobody else renews what is kept, and let nobody until the transaction ends."""
    key = int.from_bytes(secrets_hash[:8], "big", signed=True)
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def keep_sealed(session: Session, secrets_hash: bytes, sealed: bytes, *, at: dt.datetime) -> None:
    """Keep tokens in place of those that were.

    :param sealed: encrypted by the caller.
    :param at: the ledger's now.
    """
    insert = pg.insert(ProviderToken).values(secrets_hash=secrets_hash, sealed=sealed, kept_at=at)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["secrets_hash"], set_={"sealed": sealed, "kept_at": at}
        ).execution_options(synchronize_session=False)
    )
