"""Users: who owns rows, and how they prove it. Names are told apart without regard to case."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from postgres.auth import names, passwords
from postgres.auth.models import User
from postgres.auth.operations import login_throttles, refresh_tokens
from postgres.core import refusing
from postgres.errors import (
    AlreadyExistsError,
    AuthenticationError,
    NotFoundError,
    OperationError,
)
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_WRONG = "there is no user of that name and password"


def create_user(
    session: Session,
    name: str,
    password: str,
    *,
    time_zone: str = "Europe/London",
    base_currency: str = "GBP",
) -> User:
    """Create a user.

    :param name: up to 100 characters that can be printed; white space around it is dropped.
    :param password: from 8 to 1024 characters; only its argon2id hash is stored.
    :param time_zone: IANA name; decides where a day ends.
    :param base_currency: ISO 4217.
    :raises ConfigurationError: if there is no such time zone.
    :raises AlreadyExistsError: if the name is taken, in whatever case.
    :raises OperationError: if the name, the password or the currency is not of that form.
    """
    user = User(
        name=_checked_name(name),
        password_hash=passwords.hash_password(password),
        time_zone=_checked_time_zone(time_zone),
        base_currency=_checked_currency(base_currency),
    )
    with _refusing_taken(session, user.name):
        session.add(user)
    return user


def get_user(session: Session, user_id: uuid.UUID) -> User | None:
    """Return a user by id."""
    return session.get(User, user_id)


def get_user_by_name(session: Session, name: str) -> User | None:
    """Return a user by name, in whatever case."""
    canonical = names.canonical(name)
    if not names.is_name(canonical):
        return None
    return session.scalars(
        sa.select(User).where(sa.func.lower(User.name) == sa.func.lower(canonical))
    ).one_or_none()


def list_users(
    session: Session, *, after: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[User]:
    """Return users by name.

    :param after: from the page before.
    :raises OperationError: if ``after`` is of another list, or the limit out of bounds.
    """
    return fetch_page(session, sa.select(User), order=[Key(User.name)], after=after, limit=limit)


def update_user(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str | None = None,
    time_zone: str | None = None,
    base_currency: str | None = None,
) -> User:
    """Change what is given of a user, in the form that :func:`create_user` asks for.

    :raises NotFoundError: if there is no such user.
    :raises ConfigurationError: if there is no such time zone.
    :raises AlreadyExistsError: if the name is another user's, in whatever case.
    :raises OperationError: if the name or the currency is not of that form.
    """
    changes = {
        "name": None if name is None else _checked_name(name),
        "time_zone": None if time_zone is None else _checked_time_zone(time_zone),
        "base_currency": None if base_currency is None else _checked_currency(base_currency),
    }
    user = _lock(session, user_id)
    with _refusing_taken(session, name or user.name):
        for column, value in changes.items():
            if value is not None:
                setattr(user, column, value)
    return user


def authenticate(
    sessions: sessionmaker[Session], name: str, password: str, *, source: str, now: dt.datetime
) -> User:
    """Return the user of a name and password.

    It opens transactions of its own, so that a failed attempt is counted whatever the caller does,
    and holds none while it hashes. They are the platform's: nobody is known to act for yet.
    A hash of older parameters is renewed.

    :param source: what tells the client from others: its address, of which a client cannot choose
        another, or a secret that it was given at an earlier login.
    :raises AuthenticationError: if there is no such user or it is not the password, alike.
    :raises TooManyAttemptsError: if there were too many wrong passwords for this name, see
        :mod:`postgres.auth.operations.login_throttles`; the password is not looked at.
    """
    with sessions.begin() as session:
        found = get_user_by_name(session, name)
        login_throttles.charge(session, found, name, source=source, now=now)
    if not passwords.is_password(found.password_hash if found else None, password) or not found:
        raise AuthenticationError(_WRONG)
    renewed = passwords.renew(found.password_hash, password)
    with sessions.begin() as session:
        user = _find_locked(session, found.id)
        if user is None or not _is_still(user, found.password_hash, password):
            raise AuthenticationError(_WRONG)
        if user.password_hash == found.password_hash:
            user.password_hash = renewed
        login_throttles.settle(session, user, source=source, now=now)
    return user


def change_password(
    sessions: sessionmaker[Session],
    user_id: uuid.UUID,
    old_password: str,
    new_password: str,
    *,
    source: str,
    now: dt.datetime,
) -> None:
    """Change a password, for a user who knows the old one; every refresh token is revoked.

    It opens transactions of its own, and a wrong old password counts, as in :func:`authenticate`.

    :param new_password: from 8 to 1024 characters.
    :raises NotFoundError: if there is no such user.
    :raises OperationError: if the new password is too short or too long; nothing is counted.
    :raises AuthenticationError: if the old one is not the password.
    :raises TooManyAttemptsError: as :func:`authenticate`.
    """
    new_hash = passwords.hash_password(new_password)
    with sessions.begin() as session:
        user = get_user(session, user_id)
    if user is None:
        raise NotFoundError(_nobody(user_id))
    verified = authenticate(sessions, user.name, old_password, source=source, now=now)
    with sessions.begin() as session:
        current = _lock(session, user_id)
        if not _is_still(current, verified.password_hash, old_password):
            raise AuthenticationError(_WRONG)
        current.password_hash = new_hash
        refresh_tokens.revoke_all(session, user_id, now=now)


def set_password(session: Session, user_id: uuid.UUID, password: str, *, now: dt.datetime) -> None:
    """Set a password without asking for the old one: the way back in that an operator gives.

    Every refresh token is revoked, and no attempt has to wait any more.

    :param password: from 8 to 1024 characters.
    :raises NotFoundError: if there is no such user.
    :raises OperationError: if the password is too short or too long.
    """
    password_hash = passwords.hash_password(password)
    user = _lock(session, user_id)
    user.password_hash = password_hash
    login_throttles.lift(session, user)
    refresh_tokens.revoke_all(session, user_id, now=now)


def _find_locked(session: Session, user_id: uuid.UUID) -> User | None:
    return session.scalars(
        sa.select(User)
        .where(User.id == user_id)
        .with_for_update(key_share=True)  # rows that refer to the user are written meanwhile
        .execution_options(populate_existing=True)
    ).one_or_none()


def _lock(session: Session, user_id: uuid.UUID) -> User:
    user = _find_locked(session, user_id)
    if user is None:
        raise NotFoundError(_nobody(user_id))
    return user


def _is_still(user: User, verified_hash: str, password: str) -> bool:
    """Tell whether a password that was right a moment ago still is."""
    # The hash of the same password is another one if two logins at once renew it.
    return user.password_hash == verified_hash or passwords.is_password(
        user.password_hash, password
    )


def _nobody(user_id: uuid.UUID) -> str:
    return f"there is no user {user_id}"


@contextmanager
def _refusing_taken(session: Session, name: str) -> Iterator[None]:
    taken = AlreadyExistsError(f"there is a user called {name} already")
    with refusing(session, {"uq_users__lower_name": taken}):
        yield


def _checked_name(name: str) -> str:
    canonical = names.canonical(name)
    if not canonical:
        message = "a user needs a name"
        raise OperationError(message)
    if not names.is_name(canonical):
        message = f"a name has up to {names.LONGEST} characters, all of which can be printed"
        raise OperationError(message)
    return canonical


def _checked_time_zone(time_zone: str) -> str:
    clock.today(time_zone)  # every day of the user's rows will be told by it
    return time_zone


def _checked_currency(currency: str) -> str:
    if not re.fullmatch("[A-Z]{3}", currency):
        message = "a currency is three capital letters, such as GBP"
        raise OperationError(message)
    return currency
