"""Encryption of the few values that must never be readable in the database.

A ciphertext is bound to its context, the column, the row and its owner: one copied to another place
does not decrypt. The keys never enter the database.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from farthing.errors import ConfigurationError, FarthingError
from farthing.settings import Settings

_KEY_FILE = "encryption.key"
_VARIABLE = "FARTHING_ENCRYPTION_KEYS"
_DIGEST_BYTES = 32


class DecryptionError(FarthingError):
    """A stored secret does not decrypt with the configured keys, or stands in another's place."""


class SecretBox:
    """Encrypts with the newest key, decrypts with any."""

    def __init__(self, keys: Sequence[Fernet]) -> None:
        """Take the keys, the newest first."""
        self._any = MultiFernet(keys)
        self._newest = keys[0]

    @classmethod
    def from_settings(cls, settings: Settings) -> SecretBox:
        """Use the configured keys, or the one generated into the home on first use (mode 0600).

        :raises ConfigurationError: if a configured key is not a Fernet key.
        """
        if settings.encryption_keys is not None:
            return _parse(settings.encryption_keys.get_secret_value(), source=_VARIABLE)
        path = settings.home / _KEY_FILE
        return _parse(_read_or_generate(path), source=str(path))

    def encrypt(self, plaintext: str, *, context: str) -> bytes:
        """Return a token that only decrypts with the same context.

        :param context: column, owner and row, such as ``trading212.api_keys.secret:<user>:<row>``.
        """
        return self._newest.encrypt(_digest(context) + plaintext.encode())

    def decrypt(self, token: bytes, *, context: str, former: str | None = None) -> str:
        """Return the plaintext of :meth:`encrypt`.

        :param former: a context that an earlier version encrypted with, accepted as well.
        :raises DecryptionError: if no key fits, or the token was made for another context.
        """
        return _unbind(self._open(token), context, former).decode()

    def renew(self, token: bytes, *, context: str, former: str | None = None) -> bytes | None:
        """Return a token of the same plaintext, by the newest key and for the context.

        A token does not say which key made it, so the newest is tried first: a wrong one is told by
        its signature, before anything is decrypted.

        :param former: as for :meth:`decrypt`; what is bound to it becomes bound to the context.
        :returns: None if the token is so already.
        :raises DecryptionError: as :meth:`decrypt`.
        """
        try:
            bound, is_newest = self._newest.decrypt(token), True
        except InvalidToken:
            bound, is_newest = self._open(token), False
        plaintext = _unbind(bound, context, former)
        if is_newest and _is_bound(bound, context):
            return None
        return self._newest.encrypt(_digest(context) + plaintext)

    def _open(self, token: bytes) -> bytes:
        try:
            return self._any.decrypt(token)
        except InvalidToken as error:
            message = (
                f"a stored secret does not decrypt; is {_VARIABLE} the key it was stored with?"
            )
            raise DecryptionError(message) from error


def add_new_key(settings: Settings) -> None:
    """Generate a key into the home's key file, in front of the ones that are there.

    What is encrypted from now on is encrypted with it; the others still decrypt.

    :raises ConfigurationError: if the keys are configured and not in a file.
    """
    if settings.encryption_keys is not None:
        message = f"{_VARIABLE} is set: put the new key in front of it, separated by a comma"
        raise ConfigurationError(message)
    path = settings.home / _KEY_FILE
    present = _read_or_generate(path)
    _parse(present, source=str(path))
    # One at a time: a key that another process wrote meanwhile must not be lost.
    with _locked(path.parent):
        present = path.read_text(encoding="ascii").strip()
        draft = _draft(path, f"{Fernet.generate_key().decode()},{present}")
        draft.replace(path)


def _unbind(bound: bytes, context: str, former: str | None) -> bytes:
    if _is_bound(bound, context) or (former is not None and _is_bound(bound, former)):
        return bound[_DIGEST_BYTES:]
    message = "a stored secret was moved from another row or column; connect again"
    raise DecryptionError(message)


def _is_bound(bound: bytes, context: str) -> bool:
    return hmac.compare_digest(bound[:_DIGEST_BYTES], _digest(context))


def _digest(context: str) -> bytes:
    return hashlib.sha256(context.encode()).digest()


def _parse(keys: str, *, source: str) -> SecretBox:
    try:
        return SecretBox([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
    except ValueError as error:
        message = f"{source}: expected Fernet keys separated by commas, newest first"
        raise ConfigurationError(message) from error


def _read_or_generate(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        _generate(path)
    # Whatever is not a key is refused with the file's name, be it text or not.
    return path.read_text(encoding="ascii", errors="replace")


def _generate(path: Path) -> None:
    # The link lets exactly one of those who race become the key, and it appears whole.
    draft = _draft(path, Fernet.generate_key().decode())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(path: Path, content: str) -> Path:
    # Each thread's own, mode 0600.
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # what it encrypts must not outlive it
    return Path(draft)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
