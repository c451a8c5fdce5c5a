"""Refresh tokens: how a client stays logged in without keeping the password.

A login starts a family. Each token is used once, for the next of its family, and a used one that
comes back is in two hands: the family is revoked. Only an answer may get lost on its way. So for
ten seconds, and as long as the next token was not used, the used one is answered with the same
next token again, whoever of many asks. Of a family one token is good at any time, and a unique
index says so.

Only digests are stored. The next token is made out of the one before, which only the client has,
and a random seed that is kept until the next one is used.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.models import RefreshToken, User
from postgres.errors import AuthenticationError, NotFoundError, TokenReusedError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

LIFETIME = dt.timedelta(days=30)
GRACE = dt.timedelta(seconds=10)

_BYTES = 32
_INVALID = "the token is not good; log in again"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token in clear, for its client. It is stored nowhere.

    :param expires_at: if it is not used before.
    """

    token: str = field(repr=False)
    user_id: uuid.UUID
    family_id: uuid.UUID
    expires_at: dt.datetime


def issue_token(
    session: Session, user_id: uuid.UUID, *, now: dt.datetime, lifetime: dt.timedelta = LIFETIME
) -> IssuedToken:
    """Return the first token of a new family, for a user who has just logged in.

    :param lifetime: of each token of the family; a client that is away for longer logs in again.
    :raises NotFoundError: if there is no such user.
    """
    if not _lock(session, user_id):
        message = f"there is no user {user_id}"
        raise NotFoundError(message)
    token = _to_text(secrets.token_bytes(_BYTES))
    row = RefreshToken(
        user_id=user_id,
        family_id=uuid.uuid4(),
        token_hash=_hash(token),
        issued_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    return _issued(token, row)


def rotate_token(sessions: sessionmaker[Session], token: str, *, now: dt.datetime) -> IssuedToken:
    """Return the next token for one that a client gives up.

    It opens a transaction of its own, so that what it revokes is revoked whatever the caller does.
    The transaction is the platform's: nobody is known to act for yet.

    :raises AuthenticationError: if it is not a token, or was revoked, or is expired, alike; or if
        it was used a moment ago and the next one since.
    :raises TokenReusedError: if it was used longer than ten seconds ago: the family is revoked.
    """
    with sessions.begin() as session:
        outcome = _rotate(session, token, now)
    # Raised only here, behind the commit.
    if isinstance(outcome, AuthenticationError):
        raise outcome
    return outcome


def get_token(session: Session, user_id: uuid.UUID, token: str) -> RefreshToken | None:
    """Return what is stored of one of a user's tokens, good or not."""
    return session.scalars(
        sa.select(RefreshToken).where(
            RefreshToken.token_hash == _hash(token), RefreshToken.user_id == user_id
        )
    ).one_or_none()


def list_tokens(
    session: Session,
    user_id: uuid.UUID,
    *,
    now: dt.datetime,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[RefreshToken]:
    """Return a user's good tokens, one a family: where they are logged in, the latest first.

    :param after: from the page before.
    :raises OperationError: if ``after`` is of another list, or the limit out of bounds.
    """
    query = sa.select(RefreshToken).where(
        RefreshToken.user_id == user_id, *_is_good(), RefreshToken.expires_at > now
    )
    order = [Key(RefreshToken.issued_at, is_descending=True), Key(RefreshToken.id)]
    return fetch_page(session, query, order=order, after=after, limit=limit)


def revoke_family(
    session: Session, user_id: uuid.UUID, family_id: uuid.UUID, *, now: dt.datetime
) -> None:
    """Log a user out in one place. A family that is revoked already stays as it is.

    :raises NotFoundError: if the user has no such family.
    """
    _lock(session, user_id)
    is_theirs = RefreshToken.user_id == user_id, RefreshToken.family_id == family_id
    if not session.scalar(sa.select(sa.exists().where(*is_theirs))):
        message = f"there is no family of tokens {family_id}"
        raise NotFoundError(message)
    _revoke(session, *is_theirs, now=now)


def revoke_all(session: Session, user_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Log a user out everywhere."""
    _lock(session, user_id)
    _revoke(session, RefreshToken.user_id == user_id, now=now)


def purge_expired(session: Session, *, now: dt.datetime) -> int:
    """Delete the expired tokens of everybody, used and revoked ones too.

    :returns: the rows deleted.
    """
    return (
        session.connection()
        .execute(sa.delete(RefreshToken).where(RefreshToken.expires_at <= now))
        .rowcount
    )


def _rotate(session: Session, token: str, now: dt.datetime) -> IssuedToken | AuthenticationError:
    row = _find_locked(session, token)
    if row is None or row.revoked_at is not None:
        return AuthenticationError(_INVALID)
    if row.used_at is None:
        if row.expires_at <= now:
            return AuthenticationError(_INVALID)
        return _issue_next(session, row, token, now)
    if now >= row.used_at + GRACE:
        _revoke(session, RefreshToken.family_id == row.family_id, now=now)
        return TokenReusedError("the token was used before; every token of that login is revoked")
    if row.successor_seed is None:
        return AuthenticationError(_INVALID)
    following = session.scalars(
        sa.select(RefreshToken).where(RefreshToken.parent_id == row.id)
    ).one()
    return _issued(_derive(token, row.successor_seed), following)


def _find_locked(session: Session, token: str) -> RefreshToken | None:
    found = sa.select(RefreshToken).where(RefreshToken.token_hash == _hash(token))
    user_id = session.scalar(found.with_only_columns(RefreshToken.user_id))
    if user_id is None:
        return None
    _lock(session, user_id)
    return session.scalars(found).one_or_none()


def _lock(session: Session, user_id: uuid.UUID) -> bool:
    """Wait for the right to change a user's tokens; tell whether there is such a user.

    A lock on the rows would let a token that is being issued slip through a revocation.
    """
    user = sa.select(User.id).where(User.id == user_id).with_for_update(key_share=True)
    return session.scalar(user) is not None


def _issue_next(session: Session, row: RefreshToken, token: str, now: dt.datetime) -> IssuedToken:
    session.execute(
        sa.update(RefreshToken)
        .where(RefreshToken.id == row.parent_id)
        .values(successor_seed=None)
        .execution_options(synchronize_session=False)
    )
    seed = secrets.token_bytes(_BYTES)
    row.used_at = now
    row.successor_seed = seed
    session.flush()  # first, since of a family one is good at any time
    next_token = _derive(token, seed)
    following = RefreshToken(
        user_id=row.user_id,
        family_id=row.family_id,
        parent_id=row.id,
        token_hash=_hash(next_token),
        issued_at=now,
        expires_at=now + (row.expires_at - row.issued_at),
    )
    session.add(following)
    session.flush()
    return _issued(next_token, following)


def _revoke(session: Session, *which: sa.ColumnElement[bool], now: dt.datetime) -> None:
    session.execute(
        sa.update(RefreshToken)
        .where(*which, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now, successor_seed=None)
    )


def _is_good() -> tuple[sa.ColumnElement[bool], ...]:
    return RefreshToken.used_at.is_(None), RefreshToken.revoked_at.is_(None)


def _issued(token: str, row: RefreshToken) -> IssuedToken:
    return IssuedToken(token, row.user_id, row.family_id, row.expires_at)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _derive(token: str, seed: bytes) -> str:
    return _to_text(hmac.digest(token.encode(), seed, "sha256"))


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
