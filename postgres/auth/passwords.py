"""How passwords are hashed and compared. Nothing here touches the database."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from postgres.errors import OperationError

SHORTEST = 8
LONGEST = 1024
"""In characters: a hash takes as long as its input is, and anybody may send one."""

# argon2id at 64 MiB, t=3, p=4, the second choice of RFC 9106; OWASP's floor is 19 MiB, t=2, p=1.
_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """Return what is stored of a password: its argon2id hash, with salt and parameters.

    :param password: from 8 to 1024 characters.
    :raises OperationError: if it is shorter or longer.
    """
    if len(password) < SHORTEST:
        message = f"a password needs at least {SHORTEST} characters"
        raise OperationError(message)
    if len(password) > LONGEST:
        message = f"a password has at most {LONGEST} characters"
        raise OperationError(message)
    return _HASHER.hash(_encode(password))


def is_password(password_hash: str | None, password: str) -> bool:
    """Compare a password with a hash.

    It takes as long if there is no hash, or no password that could be the right one.

    :param password_hash: None: there is no such user.
    """
    if password_hash is None or len(password) > LONGEST:
        password_hash, password = _nobodys_hash(), password[:LONGEST]
    try:
        return _HASHER.verify(password_hash, _encode(password))
    except (VerifyMismatchError, InvalidHashError):
        return False


def renew(password_hash: str, password: str) -> str:
    """Return a hash of the right password that has today's parameters; the same one if it has."""
    if not _HASHER.check_needs_rehash(password_hash):
        return password_hash
    return _HASHER.hash(_encode(password))


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_bytes())


def _encode(password: str) -> bytes:
    # NFC: keyboards write one and the same letter in one code point or in two.
    # A lone surrogate, which JSON can hold, is a wrong password and not an error.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
