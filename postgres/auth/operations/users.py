"""Users: who owns rows, and how they prove it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from farthing import clock
from postgres.auth.models import User
from postgres.errors import AlreadyExistsError, OperationError

# The library's defaults are above the OWASP floor of 19 MiB, t=2, p=1.
_HASHER = PasswordHasher()
_SHORTEST_PASSWORD = 8


def create_user(
    session: Session,
    name: str,
    password: str,
    *,
    time_zone: str = "Europe/London",
    base_currency: str = "GBP",
) -> User:
    """Create a user.

    :param password: at least 8 characters; only its argon2id hash is stored.
    :param time_zone: IANA name; decides where a day ends.
    :param base_currency: ISO 4217.
    :raises ConfigurationError: if there is no such time zone.
    :raises AlreadyExistsError: if the name is taken.
    :raises OperationError: if the name is blank or the password too short.
    """
    if not name.strip():
        message = "a user needs a name"
        raise OperationError(message)
    if len(password) < _SHORTEST_PASSWORD:
        message = f"a password needs at least {_SHORTEST_PASSWORD} characters"
        raise OperationError(message)
    clock.today(time_zone)  # every day of the user's rows will be told by it
    if get_user_by_name(session, name) is not None:
        message = f"there is a user called {name} already"
        raise AlreadyExistsError(message)
    user = User(
        name=name,
        password_hash=_HASHER.hash(password),
        time_zone=time_zone,
        base_currency=base_currency,
    )
    session.add(user)
    session.flush()
    return user


def get_user(session: Session, user_id: uuid.UUID) -> User | None:
    """Return a user by id."""
    return session.get(User, user_id)


def get_user_by_name(session: Session, name: str) -> User | None:
    """Return a user by name."""
    return session.scalars(sa.select(User).where(User.name == name)).one_or_none()


def list_users(session: Session) -> Sequence[User]:
    """Return all users by name."""
    return session.scalars(sa.select(User).order_by(User.name)).all()
